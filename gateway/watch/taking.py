"""What the outcomes of a turn come to, grant by grant.

Most are plain: a subject confirmed whose fields all agree, under a grant that more than need bounds. Of these only the
number counts, so they are taken in runs; whatever else there was is looked at one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from gateway.domain.exemption import Exemption
from gateway.domain.standing import NEW, Scores, Standing
from gateway.watch.detectors import Observation, Trip, is_quiet, observe, observe_plain, trips
from gateway.watch.marks import Marks
from gateway.watch.profile import Profile
from gateway.watch.sparing import first_trip, unmoved
from gateway.watch.thresholds import Thresholds

PLAIN, REPEATED = True, False
"""A plain outcome about a subject that is the first in a window, or not."""
Row = Observation | bool


class Taking:
    """Takes the outcomes of one turn."""

    def __init__(self, limits: Thresholds, key: bytes, known: Mapping[tuple[str, bytes], int], at: datetime) -> None:
        self._limits, self.marks, self._at = limits, Marks(key, known), at
        self.scores: dict[str, Scores] = {}
        self.counts: dict[str, tuple[int, int]] = {}
        self.cleared: list[str] = []
        self.tripped: dict[str, tuple[Trip, int]] = {}
        """By grant: the detector that went off first, and how many outcomes there were until then."""

    def take(
        self, number: str, found: Standing, rows: Sequence[Row], profile: Profile, exempt: Exemption | None
    ) -> None:
        """Looks at a grant's outcomes in order; the first that trips, and is not excepted from, is kept."""
        if found.stopped:
            self.cleared.append(number)
            self.marks.forget(number)
        before = standing = NEW if found.stopped else found
        plain = 0
        for place, row in enumerate(rows, 1):
            if isinstance(row, bool):
                plain += row
                continue
            standing = self._after(plain, standing, profile, exempt)
            plain, standing = 0, unmoved(observe(row, standing, profile, self._limits), standing, exempt, self._at)
            counted = self.marks.count(number, row)
            if is_quiet(standing, profile, self._limits, counted) or number in self.tripped:
                continue
            trip = first_trip(trips(standing, profile, self._limits, row, counted), exempt, self._at)
            if trip is not None:
                self.tripped[number] = trip, place
        standing = self._after(plain, standing, profile, exempt)
        if standing.scores != found.scores:
            self.scores[number] = standing.scores
        self.counts[number] = standing.misses - before.misses, standing.outside - before.outside

    def _after(self, plain: int, standing: Standing, profile: Profile, exempt: Exemption | None) -> Standing:
        return unmoved(observe_plain(plain, standing, profile), standing, exempt, self._at)
