"""What many nodes do at once, in processes that are started fresh and told everything by their arguments."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from adapters.sql.store import SqlStore
from gateway.domain.budget import Limits
from gateway.watch.budgets import Budgets, Use

DAY = 739_797
FRESH = get_context("spawn")


def a_link(number: int) -> bytes:
    """The link of a subject, for tests that need no more than that."""
    return number.to_bytes(16, "big")


def compare_in_threads(url: str, limit: Limits, shares: Sequence[Sequence[int]], batch: int) -> list[int]:
    """Some nodes as threads of one process, each with a store of its own."""
    with ThreadPoolExecutor(len(shares)) as pool:
        return [number for paid in pool.map(lambda share: compare(url, limit, share, batch), shares) for number in paid]


def compare(url: str, limit: Limits, numbers: Sequence[int], batch: int) -> list[int]:
    """One node: turns of `batch` subjects, each turn a transaction."""
    store, paid = SqlStore(url), list[int]()
    for start in range(0, len(numbers), batch):
        turn = numbers[start : start + batch]
        with store.begin() as work:
            budgets = Budgets(work.budgets, {"G-1": limit}, DAY)
            held = [(budgets.reserve(["G-1"]), number) for number in turn]
            budgets.settle([Use(each, ["G-1"], a_link(number)) for each, number in held if each])
            work.commit()
        paid += [number for each, number in held if each]
    store.close()
    return paid


def spend_and_die(url: str, limit: Limits, number: int, commits: bool) -> None:
    """Spends on a subject, and the process is killed before the commit or right behind it."""
    with SqlStore(url).begin() as work:
        budgets = Budgets(work.budgets, {"G-1": limit}, DAY)
        held = budgets.reserve(["G-1"])
        assert held is not None
        budgets.settle([Use(held, ["G-1"], a_link(number))])
        if commits:
            work.commit()
        os.kill(os.getpid(), signal.SIGKILL)


def answer(folder: Path, url: str, subjects: int, numbers: Sequence[int]) -> Counter[str]:
    """One whole gateway in a folder of its own, three requests a turn; how often each code was told."""
    # Only here: a worker that counts needs none of it, and starts in half the time.
    from tests.gateways import a_gateway, code_of
    from tests.make import a_grant, a_request, limits

    folder.mkdir()
    gateway = a_gateway(folder, a_grant(limits=limits(day=subjects)), url=url, seed=folder.name)
    told = Counter[str]()
    for start in range(0, len(numbers), 3):
        requests = [a_request(number, key=f"{folder.name}-{number}") for number in numbers[start : start + 3]]
        told.update(code_of(reply) for reply in gateway.ask(*requests))
    gateway.close()
    return told
