"""Looks at how many new and unknown people each grant asks about: all together (misses), and each by itself (drift)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from msgspec.structs import replace

from gateway.deeds.calendar import WEEKDAYS
from gateway.domain.incident import Action, Detector, Incident, Level
from gateway.domain.tally import UNCOUNTED, Tally
from gateway.watch.counting import LOOKED_BACK, DayCount, count
from gateway.watch.detectors import Trip
from gateway.watch.drift import Drifted, after_workday
from gateway.watch.pooling import pool
from gateway.watch.rounds import Round
from gateway.watch.uniting import united


@dataclass(frozen=True)
class Paces:
    """Has no state of its own: what it counted is kept with what it counted it from."""

    def look(self, now: Round) -> list[Incident]:
        """See `gateway.watch.rounds.Look`."""
        store, numbers = now.work.sweeps, sorted(now.grants)
        if not numbers:
            return []
        known = store.tallies(numbers)
        before = {number: known.get(number, UNCOUNTED) for number in numbers}
        counted = self._counted(before, now)
        behind, drifted = self._judged(before, counted, now)
        pooled = pool(behind, now.grants, now.stopped | _excepted(now), now.limits)
        store.put({number: each for number, each in pooled.tallies.items() if each != known.get(number)})
        return [*(united(pooled.union, now) if pooled.union else ()), *self._stepped_up(drifted, now)]

    def _counted(self, before: Mapping[str, Tally], now: Round) -> dict[str, Tally]:
        days = now.work.sweeps.days(sorted(before), now.day - LOOKED_BACK)
        counts = {number: {day: DayCount(*each) for day, each in found.items()} for number, found in days.items()}
        return {number: count(each, counts.get(number, {}), now.day) for number, each in before.items()}

    def _judged(
        self, before: Mapping[str, Tally], counted: Mapping[str, Tally], now: Round
    ) -> tuple[dict[str, Tally], list[Drifted]]:
        """Those for whom a workday has ended since the last sweep; what came on other days is added to it.

        Who is stopped learns nothing by it: nobody could ask.
        """
        ended = {number: counted[number] for number, each in before.items() if _has_worked(each.day, now.day)}
        asking = {number: each for number, each in ended.items() if number not in now.stopped}
        asked = {number: each.waiting for number, each in asking.items()}
        paces, drifted = after_workday({number: each.pace for number, each in asking.items()}, asked, now.limits)
        judged = {number: replace(each, waiting=0, pace=paces.get(number, each.pace)) for number, each in ended.items()}
        return {**counted, **judged}, drifted

    def _stepped_up(self, drifted: list[Drifted], now: Round) -> list[Incident]:
        trips = [(each.grant, Trip(Detector.DRIFT, Action.STEP_UP, each.observed, each.expected)) for each in drifted]
        return [
            now.incident(now.grants[number], trip, Level.GRANT, days=1)
            for number, trip in trips
            if not now.is_spared(number, trip)
        ]


def _has_worked(last: int, today: int) -> bool:
    """Whether a working day lies between these two, the first included."""
    return 0 < last < today and any(WEEKDAYS.is_working(date.fromordinal(day)) for day in range(last, today))


def _excepted(now: Round) -> set[str]:
    """Grants whose misses two officers excepted for a time, however many: they speak for nothing meanwhile."""
    exempt = now.rights.exempt.items()
    return {
        number
        for number, each in exempt
        if each.detector is Detector.UNION_MISS and each.most is None and each.is_in_force(now.at)
    }
