"""The figure of a leak in a grant's document: put there when a grant is drawn up, held against its numbers when signed.

Whoever draws a grant up does not write it. Grants in force are not asked again: they were signed under the thresholds
of their time, and those from before the figure have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from audit.entry import JsonValue
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import read_grant
from gateway.deeds.steps import WITHDRAWAL
from gateway.domain.grant import Grant, GrantClass, GrantError, parse_grant
from gateway.domain.leak import Leak
from gateway.watch.leak import Leaks
from gateway.watch.leak_ground import Ground, part_of_units
from policies.catalogue import Catalogue

LEAK = "leak"
KEPT = 512
"""Figures that are remembered: more than one signature can cover."""
_GROWN = 2
AGAIN = "请退回后重新拟稿；也可由当前签署人收窄（内容可不变），得到新稿"


@dataclass(frozen=True, kw_only=True)
class LeakDesk:
    """Writes figures and checks them. `register` tells how many subjects the register has, 0 if nobody knows."""

    catalogue: Catalogue
    register: Callable[[], int]
    known: dict[bytes, Leak] = field(default_factory=dict[bytes, Leak], repr=False)
    """What was worked out lately: whoever asks again, waits no longer."""

    def prepare(self, number: str, content: Mapping[str, JsonValue], ground: Ground) -> None:
        """Works out before anything is locked what `filled` will be asked for."""
        self._of(number, without(content), ground)

    def filled(self, document: Document, ground: Ground) -> Document:
        """The same document with its figure; a grant that cannot be read is left to whoever says what is wrong."""
        if not _is_told(document):
            return document
        content = without(document.content)
        leak = self._of(document.id, content, ground)
        if leak is None:
            return document
        told: dict[str, JsonValue] = {LEAK: leak.content()}
        return replace(document, content={**content, **told})

    def check(self, document: Document, ground: Ground) -> None:
        """Whether the figure is that of this grant, by the thresholds in force. Raises `DeedError`."""
        if not _is_told(document):
            return
        grant = read_grant(document)
        leak = grant.leak
        if leak is None:
            raise DeedError(f"此稿没有最坏泄露的测算，{AGAIN}")
        leaks, basis = Leaks(catalogue=self.catalogue, limits=ground.limits), leak.basis
        if basis.thresholds != leaks.digest:
            raise DeedError(f"拟稿之后监测阈值有变，最坏泄露须重新测算，{AGAIN}")
        if not _is_near(basis.register, round_down(self.register())):
            raise DeedError(f"最坏泄露所依据的名册规模与现有名册相差过大，{AGAIN}")
        if basis.scope < part_of_units(grant.scope, ground.units) * (grant.grant_class is GrantClass.SCOPED):
            raise DeedError(f"机构树有变，范围比测算最坏泄露时大，{AGAIN}")
        if self._figure(grant, (basis.register, basis.scope), leaks) != leak:
            raise DeedError(f"最坏泄露的数与签批单的内容不符，不能签署，{AGAIN}")

    def _of(self, number: str, content: Mapping[str, JsonValue], ground: Ground) -> Leak | None:
        try:
            grant = parse_grant({"number": number, **content})
        except GrantError:
            return None
        around = round_down(self.register()), part_of_units(grant.scope, ground.units)
        return self._figure(grant, around, Leaks(catalogue=self.catalogue, limits=ground.limits))

    def _figure(self, grant: Grant, around: tuple[int, int], leaks: Leaks) -> Leak:
        """Nobody makes us work a figure out twice, least of all while others wait."""
        name = sha256(repr((replace(grant, leak=None), around, leaks.digest)).encode()).digest()
        leak = self.known.get(name)
        if leak is None:
            leak = self.known[name] = leaks.of(grant, *around)
            if len(self.known) > KEPT:
                self.known.pop(next(iter(self.known)), None)
        return leak


def without(content: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A grant's content without its figure: what somebody wants, and what a new draft begins with."""
    return {name: value for name, value in content.items() if name != LEAK}


def round_down(count: int) -> int:
    """The first digit of it: who is told a figure needs no more, and it stays the same for a while."""
    unit = int("1" + "0" * (len(str(count)) - 1))
    return count // unit * unit


def _is_near(told: int, found: int) -> bool:
    """Where nobody knows now, or knew then, nothing can be said against it."""
    smaller, larger = sorted((told, found))
    return not smaller or larger <= _GROWN * smaller


def _is_told(document: Document) -> bool:
    return document.kind is Kind.GRANT and document.path != WITHDRAWAL
