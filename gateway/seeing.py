"""Outcomes of a turn as the detectors take them; and for its entry, that a comparison was looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.domain.answer import Cause, FieldCode
from gateway.hearing import Hearing
from gateway.watch.cells import PERSON, cells_of
from gateway.watch.detectors import Observation
from gateway.watch.profile import Profile
from gateway.watch.recorded import Watched

_CONFIRMED, _MISMATCH = Cause.CONFIRMED, FieldCode.MISMATCH
_OUTSIDE = frozenset({Cause.SCOPE, Cause.NOT_IN_COHORT})
_FIRST, _REPEATED = (Observation(is_first, is_confirmed=True) for is_first in (True, False))
"""Confirmed without a contradiction: most are, and nothing tells them apart."""
_LOCKED = Observation(is_first=False)


class Seeing:
    """Sees the outcomes of one turn. `key` makes cells."""

    def __init__(self, key: bytes, epoch: int) -> None:
        self._key, self.plain = key, Watched(epoch, None)
        self._unknown: list[Observation] = []
        self._numbers: list[str] = []
        self.locked: dict[str, list[Hearing]] = {}
        """By grant, those who were asked about too much."""

    def see(
        self, by_grant: Mapping[str, Sequence[Hearing]], profiles: Mapping[str, Profile]
    ) -> Mapping[str, Sequence[Observation]]:
        """By grant, in order. The cells of unknown numbers are made all at once."""
        seen = {number: [self._see(each, profiles[number]) for each in heard] for number, heard in by_grant.items()}
        if self._unknown:
            for each, cell in zip(self._unknown, cells_of(self._key, self._numbers), strict=True):
                each.cell = cell
        return seen

    def _see(self, hearing: Hearing, profile: Profile) -> Observation:
        outcome, spent = hearing.outcome, hearing.spent
        if outcome is None or spent is None:
            raise RuntimeError("a comparison was not settled")
        hearing.watched = self.plain
        if outcome.cause is not _CONFIRMED:
            return self._unconfirmed(hearing, outcome.cause, is_first=spent.is_first)
        is_mismatched = _MISMATCH in outcome.codes.values()
        if is_mismatched or (profile.is_unscoped and spent.is_first):
            return self._confirmed(hearing, profile, is_first=spent.is_first, is_mismatched=is_mismatched)
        return _FIRST if spent.is_first else _REPEATED

    def _confirmed(self, hearing: Hearing, profile: Profile, *, is_first: bool, is_mismatched: bool) -> Observation:
        unit = hearing.unit if profile.is_unscoped and is_first else None
        hearing.watched = Watched(self.plain.epoch, unit)
        return Observation(is_first, is_confirmed=True, is_mismatched=is_mismatched, unit=unit)

    def _unconfirmed(self, hearing: Hearing, cause: Cause, *, is_first: bool) -> Observation:
        if cause is Cause.LOCKED:
            self.locked.setdefault(hearing.request.query.grant, []).append(hearing)
            return _LOCKED
        is_unknown = not hearing.is_known or hearing.is_decoy or cause is Cause.GATE
        is_outside = not is_unknown and cause in _OUTSIDE
        seen = Observation(is_first, is_unknown=is_unknown, is_outside=is_outside, is_decoy=hearing.is_decoy)
        subject = hearing.request.query.subject
        if is_first and is_unknown and subject.kind == PERSON:
            self._unknown.append(seen)
            self._numbers.append(subject.number)
        return seen
