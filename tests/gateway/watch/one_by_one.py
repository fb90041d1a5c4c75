"""What `gateway.watch.taking` promises to come to, told in the simplest way: one outcome after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from gateway.domain.exemption import Exemption
from gateway.domain.incident import Detector
from gateway.domain.standing import NEW, Scores, Standing
from gateway.watch.detectors import Counted, Observation, Trip, trips
from gateway.watch.marks import decoy_mark, region_mark, unit_mark
from gateway.watch.profile import Profile, open_steps
from gateway.watch.sparing import first_trip, unmoved
from gateway.watch.thresholds import Thresholds

LEARNING = 1000
Place = tuple[str, bytes]


class Model:
    """Takes outcomes of a turn one by one."""

    def __init__(self, limits: Thresholds, key: bytes, known: Mapping[Place, int], at: datetime) -> None:
        self.limits, self.key, self.known, self.at = limits, key, dict(known), at
        self.added = Counter[Place]()
        self.scores: dict[str, Scores] = {}
        self.counts: dict[str, tuple[int, int]] = {}
        self.cleared: list[str] = []
        self.tripped: dict[str, tuple[Trip, int]] = {}

    def take(
        self, number: str, found: Standing, rows: Sequence[Observation], profile: Profile, exempt: Exemption | None
    ) -> None:
        """All outcomes under one grant."""
        if found.stopped:
            self.cleared.append(number)
            self.known = {place: count for place, count in self.known.items() if place[0] != number}
        before = standing = NEW if found.stopped else found
        for place, row in enumerate(rows, 1):
            standing = unmoved(self.after(row, standing, profile), standing, exempt, self.at)
            counted = self.count(number, row, self.blind(exempt))
            is_plain = row.is_confirmed and not row.is_mismatched and not profile.is_unscoped
            if not is_plain and number not in self.tripped:
                trip = first_trip(trips(standing, profile, self.limits, row, counted), exempt, self.at)
                if trip is not None:
                    self.tripped[number] = trip, place
        if standing.scores != found.scores:
            self.scores[number] = standing.scores
        self.counts[number] = standing.misses - before.misses, standing.outside - before.outside

    def after(self, row: Observation, standing: Standing, profile: Profile) -> Standing:
        """The account behind one more."""
        if not row.is_first:
            return standing
        scores = standing.scores
        misses, mismatches = scores.misses, scores.mismatches
        if not row.is_outside:
            bad, good = open_steps(profile, scores, self.limits) if profile.is_open else profile.misses
            misses = max(0.0, misses + (bad if row.is_unknown else good))
        if row.is_confirmed:
            bad, good = profile.mismatches
            mismatches = max(0.0, mismatches + (bad if row.is_mismatched else good))
        scores = replace(scores, misses=misses, mismatches=mismatches)
        if scores.firsts < LEARNING:
            scores = replace(scores, firsts=scores.firsts + 1, hits=scores.hits + row.is_confirmed)
        return Standing(scores, standing.misses + row.is_unknown, standing.outside + row.is_outside)

    def blind(self, exempt: Exemption | None) -> Detector | None:
        """The detector that counts nothing."""
        return exempt.detector if exempt and exempt.most is None and exempt.is_in_force(self.at) else None

    def count(self, number: str, row: Observation, blind: Detector | None) -> Counted:
        """What its marks have come to."""
        if row.unit and blind is Detector.UNIT_SHARE:
            return Counted()
        if row.unit:
            names = unit_mark(self.key, row.unit), region_mark(self.key, row.unit.region)
            return Counted(0, *(self.add(number, each) for each in names))
        if row.cell is None:
            return Counted()
        return Counted(
            in_cell=0 if blind is Detector.CELL else self.add(number, row.cell),
            decoys=self.add(number, decoy_mark(self.key)) if row.is_decoy and blind is not Detector.DECOY else 0,
        )

    def add(self, number: str, mark: bytes) -> int:
        """One more."""
        self.added[number, mark] += 1
        return self.added[number, mark] + self.known.get((number, mark), 0)
