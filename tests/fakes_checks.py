"""The fake of spot checks as they are read beside the turns, and the desk over a gateway in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import cast

from gateway.deeds.reading import DeedsReader
from gateway.domain.spot_check import CheckState, SpotCheck
from gateway.spot_checks.desk import SpotCheckDesk
from gateway.spot_checks.keeping import CheckWorkStore
from tests.fakes import MemoryStore
from tests.gateways import WATCH_KEY, Assembled
from tests.people import FOUNDATION

_OPEN = frozenset({CheckState.DUE, CheckState.FILED})


@dataclass(frozen=True)
class MemoryCheckReader:
    """Keeps the promise of `gateway.spot_checks.CheckReader` over a store in memory."""

    store: MemoryStore

    def open_of(self, partner: str, most: int) -> Sequence[SpotCheck]:
        found = [each for each in self._all() if each.partner == partner and each.state in _OPEN]
        return sorted(found, key=lambda each: (each.state is not CheckState.DUE, each.opened, each.number))[:most]

    def listed(self, state: CheckState | None, most: int, hidden: Set[str]) -> Sequence[SpotCheck]:
        found = [each for each in self._all() if state in {None, each.state} and each.purpose not in hidden]
        return sorted(found, key=lambda each: (-each.opened, each.number))[:most]

    def check(self, number: str) -> SpotCheck | None:
        return self.store.checks.kept.get(number)

    def waiting(self, day: int, most: int) -> Sequence[SpotCheck]:
        def is_overdue(each: SpotCheck) -> bool:
            return each.state is CheckState.DUE and each.due < day

        return self._oldest(lambda each: each.state is CheckState.FILED or is_overdue(each), most)

    def late(self, day: int) -> Sequence[str]:
        found = [each.number for each in self._all() if each.state is CheckState.DUE and each.late <= day]
        return sorted(found)

    def counts(self) -> Mapping[CheckState, int]:
        return Counter(each.state for each in self._all())

    def _oldest(self, wanted: Callable[[SpotCheck], bool], most: int) -> Sequence[SpotCheck]:
        return sorted(filter(wanted, self._all()), key=lambda each: (each.opened, each.number))[:most]

    def _all(self) -> Sequence[SpotCheck]:
        return list(self.store.checks.kept.values())


def a_check_desk(gateway: Assembled) -> SpotCheckDesk:
    """The desk over a gateway in memory, where documents are filed; nobody judges there, because nobody is enrolled."""
    assert isinstance(gateway.store, MemoryStore)
    return SpotCheckDesk(
        store=cast("CheckWorkStore", gateway.store),
        reader=MemoryCheckReader(gateway.store),
        deeds=DeedsReader(FOUNDATION),
        ledger=gateway.pipeline.recorder.ledger,
        clock=gateway.clock,
        key=WATCH_KEY,
    )
