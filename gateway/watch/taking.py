"""What the outcomes of a turn come to, grant by grant.

They are looked at all at once where nothing can have been crossed on the way, and else each half of them by itself,
down to one: so what trips first, and where, is what looking one by one would have found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from gateway.domain.exemption import Exemption
from gateway.domain.standing import NEW, Scores, Standing
from gateway.watch.detectors import Counted, Observation, Trip, is_as_expected, is_quiet, observe, trips
from gateway.watch.marks import Column, Marks, Place, column_of
from gateway.watch.profile import Profile, is_learning
from gateway.watch.sparing import first_trip, uncounted, unmoved
from gateway.watch.thresholds import Thresholds


class _Account(msgspec.Struct):
    """A grant within a turn."""

    number: str
    standing: Standing
    profile: Profile
    exempt: Exemption | None


class Taking:
    """Takes the outcomes of one turn."""

    def __init__(self, limits: Thresholds, key: bytes, known: Mapping[Place, int], at: datetime) -> None:
        self._limits, self._key, self.marks, self._at = limits, key, Marks(known), at
        self.scores: dict[str, Scores] = {}
        self.counts: dict[str, tuple[int, int]] = {}
        self.cleared: list[str] = []
        self.tripped: dict[str, tuple[Trip, int]] = {}
        """By grant: the detector that went off first, and how many outcomes there were until then."""

    def take(self, number: str, found: Standing, column: Column, profile: Profile, exempt: Exemption | None) -> None:
        """Looks at a grant's outcomes in order; the first that trips, and is not excepted from, is kept."""
        if found.stopped:
            self.cleared.append(number)
            self.marks.forget(number)
        before = NEW if found.stopped else found
        account = _Account(number, before, profile, exempt)
        self._look(account, uncounted(column, exempt, self._at), 0)
        standing = account.standing
        if standing.scores != found.scores:
            self.scores[number] = standing.scores
        self.counts[number] = standing.misses - before.misses, standing.outside - before.outside

    def _look(self, account: _Account, column: Column, earlier: int) -> None:
        before, profile, limits, seen = account.standing, account.profile, self._limits, column.seen
        course = observe(seen, before, profile, limits)
        peak = unmoved(course.peak, before, account.exempt, self._at)
        counted = self.marks.count(column)
        is_sure = account.number in self.tripped or is_quiet(peak, profile, limits, counted)
        is_one_by_one = is_learning(profile, before.scores, len(seen))
        if len(seen) > 1 and (is_one_by_one or not is_sure):
            self.marks.uncount(column)
            self._look_at_parts(account, seen, earlier, size=1 if is_one_by_one else (len(seen) + 1) // 2)
            return
        account.standing = unmoved(course.last, before, account.exempt, self._at)
        if not is_sure:
            self._judge(account, seen[0], counted, earlier + 1)

    def _look_at_parts(self, account: _Account, seen: Sequence[Observation], earlier: int, *, size: int) -> None:
        for start in range(0, len(seen), size):
            part = column_of(self._key, account.number, seen[start : start + size])
            self._look(account, uncounted(part, account.exempt, self._at), earlier + start)

    def _judge(self, account: _Account, seen: Observation, counted: Counted, place: int) -> None:
        """Whether one outcome was the last straw; one that is as expected never is."""
        found = trips(account.standing, account.profile, self._limits, seen, counted)
        trip = None if is_as_expected(seen, account.profile) else first_trip(found, account.exempt, self._at)
        if trip is not None:
            self.tripped[account.number] = trip, place
