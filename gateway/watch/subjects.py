"""Looks at whom grants ask about: one person whom many ask about, and people whom two partners have in common.

It goes round all subjects once an hour, a slice in each sweep. What it has met is in this node's memory until then;
what was told of once is not told of again for seven days, by any node.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from gateway.domain.budget import DAYS
from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal
from gateway.ports import UnitFact
from gateway.watch.accounts import purpose_account
from gateway.watch.circle import Circle, Span
from gateway.watch.detectors import Trip
from gateway.watch.meeting import FAN_DAYS, Met, asked_too_much, fanned_in
from gateway.watch.overlaps import Overlap, Overlaps
from gateway.watch.rounds import Round
from gateway.watch.stopping import incident_of

SINGLY = 5
"""Of so many people each is an incident of his own; of more, all are one: nobody floods officers with incidents."""
_DAYS = {Detector.FAN_IN: FAN_DAYS, Detector.QUESTIONS: DAYS}


@dataclass
class Subjects:
    """`key` is that of the watch."""

    key: bytes = field(repr=False)
    circle: Circle = field(default_factory=Circle)
    _met: list[Met] = field(default_factory=list[Met])

    def __post_init__(self) -> None:
        self._overlaps = Overlaps(self.key)

    def know(self, units: Iterable[UnitFact]) -> None:
        """Learns the units of a generation."""
        self._overlaps.know(units)

    def near(self, grant: str) -> frozenset[str]:
        """Grants of other partners that ask about the same people, as far as was seen the last time round."""
        return self._overlaps.near.get(grant, frozenset())

    def look(self, now: Round) -> list[Incident]:
        """See `gateway.watch.rounds.Look`."""
        found = [self._overlapping(each, now) for each in self._news_of(list(self._overlaps.compare(now)), now)]
        for span in self.circle.spans(now.at):
            self._read(span, now)
            if span.is_last:
                self._overlaps.close()
                met, self._met = self._met, []
                for detector in _DAYS:
                    found += self._told([each for each in met if each.detector is detector], now)
        return found

    def _read(self, span: Span, now: Round) -> None:
        store, numbers = now.work.subjects, sorted(now.grants)
        purposes = sorted({purpose_account(each.partner, each.purpose) for each in now.grants.values()})
        seen = store.seen_by(numbers, now.day - DAYS + 1, span)
        self._overlaps.take(seen)
        self._met += fanned_in(seen, now.grants, now.day, now.limits)
        self._met += asked_too_much(store.asked_together(purposes, span), now.grants, now.day, now.limits)

    def _told(self, met: Sequence[Met], now: Round) -> list[Incident]:
        """Those of whom nobody was told lately."""
        names = {self._name(each.detector.value, each.link): each for each in met}
        new = [names[name] for name in self._new(list(names), now)]
        if len(new) <= SINGLY:
            return [self._about([each], now) for each in new]
        return [self._about(new, now)]

    def _about(self, met: Sequence[Met], now: Round) -> Incident:
        """One person, or many at once: then the one about whom most was counted stands for them."""
        most, names = max(met, key=lambda each: each.observed), [self._name("subject", each.link).hex() for each in met]
        finding = Finding(
            detector=most.detector,
            action=Action.RECORD,
            principal=Principal(Level.SUBJECT, names[0][:8] if len(met) == 1 else ""),
            partner="",
            grant="",
            observed=most.observed,
            expected=most.expected,
            days=_DAYS[most.detector],
            at=now.at,
        )
        grants = tuple(sorted({number for each in met for number in each.grants}))
        made = incident_of(self.key, finding, now.rights.epoch, [each[:8] for each in names[:SINGLY]])
        return replace(made, others=grants, count=len(met))

    def _news_of(self, overlaps: Sequence[Overlap], now: Round) -> list[Overlap]:
        names = {self._name(Detector.OVERLAP.value, "\n".join(each.grants).encode()): each for each in overlaps}
        return [names[name] for name in self._new(list(names), now)]

    def _overlapping(self, overlap: Overlap, now: Round) -> Incident:
        first, second = overlap.grants
        trip = Trip(Detector.OVERLAP, Action.RECORD, overlap.observed, overlap.expected)
        return now.incident(now.grants[first], trip, Level.PATTERN, (second,))

    def _new(self, names: Sequence[bytes], now: Round) -> list[bytes]:
        """Those of which nobody was told in seven days, each noted as told."""
        known = now.work.subjects.noted(names, now.day - FAN_DAYS + 1) if names else frozenset[bytes]()
        new = [each for each in names if each not in known]
        if new:
            now.work.subjects.note(new, now.day)
        return new

    def _name(self, what: str, about: bytes) -> bytes:
        """A name that tells nothing of whom it is about, not even to whoever has the database."""
        return hashlib.blake2b(what.encode() + b"\n" + about, key=self.key, person=b"told", digest_size=16).digest()
