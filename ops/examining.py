"""Rulebooks are examined in a process of their own: a minute of computing there keeps no turn waiting here."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from gateway.examining import Examiner, Faults, faults_of
from policies.catalogue import load_catalogue


def examine_apart(content: Mapping[str, object], clients: Mapping[str, str]) -> Faults:
    """What is wrong with these rulebooks; waits for it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(examine_here, dict(content), dict(clients)).result()


def examine_here(content: Mapping[str, object], clients: Mapping[str, str]) -> Faults:
    """The same in this process, for commands that serve nobody meanwhile."""
    return faults_of(content, clients, load_catalogue())


HERE = Examiner(examine_here)
"""Shared by all offices of a command: what one of them has examined, the next takes as read."""
