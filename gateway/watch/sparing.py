"""What an exception makes of a detector: where it does not count, it sees nothing, so that nothing is held against the
grant on the day after; where it has a ceiling, it sees everything and goes off beyond that."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from gateway.domain.exemption import Exemption
from gateway.domain.incident import Detector
from gateway.domain.standing import Standing
from gateway.watch.detectors import Trip
from gateway.watch.marks import Column


def first_trip(found: Iterable[Trip], exemption: Exemption | None, at: datetime) -> Trip | None:
    """The first detector that went off and is not excepted from."""
    return next((each for each in found if not _is_spared(each, exemption, at)), None)


def unmoved(after: Standing, before: Standing, exemption: Exemption | None, at: datetime) -> Standing:
    """The account behind an observation, where the detector that does not count stands as it stood."""
    if not _is_blind(exemption, at):
        return after
    match exemption and exemption.detector:
        case Detector.MISS_RATE:
            return replace(after, scores=replace(after.scores, misses=before.scores.misses))
        case Detector.MISMATCH_RATE:
            return replace(after, scores=replace(after.scores, mismatches=before.scores.mismatches))
        case Detector.MISSES:
            return replace(after, misses=before.misses)
        case Detector.OUTSIDE:
            return replace(after, outside=before.outside)
        case _:
            return after


def uncounted(column: Column, exemption: Exemption | None, at: datetime) -> Column:
    """What is counted of a column, where the detector that does not count counts nothing."""
    if not _is_blind(exemption, at):
        return column
    match exemption and exemption.detector:
        case Detector.CELL:
            return replace(column, cells=())
        case Detector.UNIT_SHARE:
            return replace(column, units=(), regions=())
        case Detector.DECOY:
            return replace(column, decoys=())
        case _:
            return column


def _is_blind(exemption: Exemption | None, at: datetime) -> bool:
    return exemption is not None and exemption.most is None and exemption.is_in_force(at)


def _is_spared(trip: Trip, exemption: Exemption | None, at: datetime) -> bool:
    return exemption is not None and exemption.spares(trip.detector, trip.observed, at)
