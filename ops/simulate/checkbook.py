"""Spot checks in memory: the promises of `gateway.ports.CheckStore`, taken back by an undo list."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from functools import partial

from gateway.domain.spot_check import CheckState, SpotCheck
from ops.simulate.watchbook import Undo


@dataclass
class CheckBook:
    """Keeps spot checks by number, and by whom they are about."""

    undo: Undo = field(default_factory=list[Callable[[], object]])
    kept: dict[str, SpotCheck] = field(default_factory=dict[str, SpotCheck])
    raised_on: dict[str, int] = field(default_factory=dict[str, int])
    """Purposes of which more is checked, by the day since when."""
    _numbers: dict[tuple[str, bytes], str] = field(default_factory=dict[tuple[str, bytes], str])
    _waiting: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def checks(self, grants: Sequence[str], chosen: Sequence[tuple[str, bytes]]) -> Sequence[SpotCheck]:
        """See `gateway.ports.CheckStore`."""
        numbers = {number: None for grant in grants for number in sorted(self._waiting.get(grant, ()))}
        numbers |= {self._numbers[place]: None for place in chosen if place in self._numbers}
        return [self.kept[number] for number in numbers]

    def failed(self, since: int) -> Set[str]:
        """See `gateway.ports.CheckStore`."""
        failed = (each for each in self.kept.values() if each.state is CheckState.FAILED)
        return frozenset(each.purpose for each in failed if each.judged >= since)

    def raised(self, since: int) -> Set[str]:
        """See `gateway.ports.CheckStore`."""
        return frozenset(account for account, day in self.raised_on.items() if day >= since)

    def check(self, number: str) -> SpotCheck | None:
        """See `gateway.ports.CheckStore`."""
        return self.kept.get(number)

    def late(self, day: int) -> list[SpotCheck]:
        """Those whose document has not come by that day."""
        waiting = (self.kept[number] for numbers in self._waiting.values() for number in numbers)
        late = (each for each in waiting if each.state is CheckState.DUE and each.late <= day)
        return sorted(late, key=lambda each: each.number)

    def put(self, checks: Sequence[SpotCheck]) -> None:
        """See `gateway.ports.CheckStore`."""
        for each in checks:
            before = self.kept.get(each.number)
            self._set(each)
            self.undo.append(partial(self._put_back, each, before))

    def raise_checks(self, purposes: Sequence[str], day: int) -> None:
        """See `gateway.ports.SweepStore`, but for the control epoch."""
        before = self.raised_on
        self.raised_on = before | dict.fromkeys(purposes, day)
        self.undo.append(lambda: setattr(self, "raised_on", before))

    def _set(self, check: SpotCheck) -> None:
        self.kept[check.number] = check
        self._numbers[check.grant, check.link] = check.number
        waiting = self._waiting.setdefault(check.grant, set())
        is_open = check.state in {CheckState.DUE, CheckState.FILED}
        (waiting.add if is_open and not check.is_answered else waiting.discard)(check.number)

    def _put_back(self, check: SpotCheck, before: SpotCheck | None) -> None:
        if before is not None:
            self._set(before)
            return
        del self.kept[check.number]
        del self._numbers[check.grant, check.link]
        self._waiting[check.grant].discard(check.number)
