"""What a grant leaks at worst, worked out once more on the machine of whoever is about to sign it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gateway.deeds.document import Document
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import read_grant
from gateway.deeds.leaking import sheet
from gateway.deeds.steps import WITHDRAWAL
from gateway.domain.grant import Grant
from gateway.domain.leak import Leak
from gateway.watch.leak import Leaks
from ops.cli.office.client import Told
from ops.cli.office.problems import TamperedError
from ops.cli.office.reading import opened
from policies.catalogue import Catalogue, load_catalogue


def figure_of(document: Document) -> Iterator[str]:
    """The sheet of a grant that waits to be signed. Raises `TamperedError` when it does not fit the grant's numbers."""
    try:
        grant = read_grant(document)
    except DeedError:
        raise TamperedError("网关给出的签批单读不懂") from None
    catalogue = load_catalogue()
    yield from lines(grant.leak, catalogue)
    if grant.leak is not None:
        yield _checked(grant, grant.leak, Leaks(catalogue=catalogue))


def figure_told(found: Sequence[Told]) -> list[str]:
    """What the version in force leaks at worst, or the one that is on its way; as it was signed, or is to be."""
    counted = [each for each in found if each["state"] != "refused"]
    chosen = next((each for each in reversed(counted) if each["state"] == "in_force"), counted[-1] if counted else None)
    if chosen is None or chosen["path"] == WITHDRAWAL:
        return []
    try:
        grant = read_grant(opened(chosen).document)
    except DeedError:
        raise TamperedError("网关给出的签批单读不懂") from None
    return [f"第 {chosen['serial']} 版", *(f"  {line}" for line in lines(grant.leak, load_catalogue()))]


def lines(leak: Leak | None, catalogue: Catalogue) -> list[str]:
    """The sheet, its fields by their names."""
    return sheet(leak, lambda key: catalogue.fields[key].zh if key in catalogue.fields else "�")


def _checked(grant: Grant, leak: Leak, leaks: Leaks) -> str:
    if leak.basis.thresholds != leaks.digest:
        return "  本机的阈值或版本与网关不同，未能复核此测算"
    if leaks.of(replace(grant, leak=None), leak.basis.register, leak.basis.scope) != leak:
        raise TamperedError("网关给出的最坏泄露与本机按同一签批单测算的不符")
    return "  已在本机重新测算，数目一致"
