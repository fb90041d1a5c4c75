"""The watch within a turn: what it knows is read, every outcome is looked at in order, and what trips tells nobody.

A grant that trips gets no answer in this turn, also for what stood before the last straw: nothing has left yet. The
response is committed together with the entries, so it holds on every node from the next turn on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from audit.events import Draft
from gateway.domain.answer import Cause, FieldCode
from gateway.domain.budget import DAYS
from gateway.domain.exemption import Exemption
from gateway.domain.grant import Grant, local_day
from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal
from gateway.domain.query import Subject
from gateway.domain.standing import NEW, Kept, Scores, Standing
from gateway.hearing import Hearing
from gateway.ports import Rights, WatchStore
from gateway.watch.budgets import left_of
from gateway.watch.cells import cell_of, pseudonym_of
from gateway.watch.detectors import Observation, Trip, observe, trips
from gateway.watch.joining import joined, recent
from gateway.watch.marks import Marks, marks_of
from gateway.watch.noticing import noticed
from gateway.watch.profile import Profile, profile_of
from gateway.watch.questions import add, allowed, tokens
from gateway.watch.recorded import Watched
from gateway.watch.sparing import first_trip, unmoved
from gateway.watch.stopping import draft_of, incident_of, stop_of
from gateway.watch.threshold_deeds import in_force
from gateway.watch.thresholds import DEFAULTS, Thresholds
from policies.catalogue import Catalogue
from policies.decision import Reason

_OUTSIDE = frozenset({Cause.SCOPE, Cause.NOT_IN_COHORT})
_SAMPLES = 5


@dataclass
class Watch:
    """Watches over turns. `key` makes cells; nobody who reads the database has it."""

    key: bytes = field(repr=False)
    catalogue: Catalogue
    limits: Thresholds = DEFAULTS
    _profiles: dict[str, Profile] = field(default_factory=dict[str, Profile])
    _epoch: int = -1

    def begin(self, hearings: Sequence[Hearing], store: WatchStore, rights: Rights, at: datetime) -> Watching:
        """Watches over this turn, whose grants are held."""
        if rights.epoch != self._epoch:
            self._profiles, self._epoch = {}, rights.epoch
            self.limits = in_force(rights.thresholds, self.limits)
        for grant in {each.granted.grant.number: each.granted.grant for each in hearings if each.granted}.values():
            if grant.number not in self._profiles:
                self._profiles[grant.number] = profile_of(grant, _people(grant, rights), self.limits)
        return Watching(self, store, self._profiles, rights, at)


def _people(grant: Grant, rights: Rights) -> int:
    """How many people a grant is about: those on its list, or as many as it may ask about in a window."""
    members = rights.members(grant)
    return len(members) if members is not None else grant.limits.subjects_per_30_days


class Watching:
    """The watch over one turn."""

    def __init__(
        self, watch: Watch, store: WatchStore, profiles: Mapping[str, Profile], rights: Rights, at: datetime
    ) -> None:
        self._watch, self._store, self._profiles, self._at = watch, store, profiles, at
        self._epoch, self._exempt = rights.epoch, rights.exempt
        self._day = local_day(at).toordinal()
        self._questions: dict[tuple[str, bytes], bytes] = {}
        self._incidents: list[Incident] = []
        self._noticed: list[Incident] = []
        self._stopped: list[str] = []

    def lock_questions(self, hearings: Sequence[Hearing]) -> set[int]:
        """Counts what is asked of whom, before anybody is looked up; the places of those that ask too much."""
        asking = [(place, each) for place, each in enumerate(hearings) if each.question and each.accounts]
        places = [(each.accounts.purpose, each.question.link) for _, each in asking if each.accounts and each.question]
        known = dict(self._store.questions(list(dict.fromkeys(places)))) if places else {}
        locked = set[int]()
        for (place, hearing), name in zip(asking, places, strict=True):
            kept = known.get(name, b"")
            added, is_allowed = add(kept, self._day, self._asked(hearing), self._watch.limits.other_questions)
            if not is_allowed:
                locked.add(place)
            elif added != kept:
                known[name] = self._questions[name] = added
        return locked

    def look(self, hearings: Sequence[Hearing]) -> None:
        """Looks at every outcome, in order; withholds all of a grant's that tripped."""
        by_grant = defaultdict[str, list[Hearing]](list)
        for hearing in hearings:
            if hearing.granted and hearing.outcome and hearing.spent:
                by_grant[hearing.granted.grant.number].append(hearing)
        if not by_grant and not self._questions:
            return
        self._note_locks(by_grant)
        standings = self._store.standings(sorted(by_grant), self._day)
        seen = {
            number: [self._see(each, self._profiles[number]) for each in heard] for number, heard in by_grant.items()
        }
        for number, observations in seen.items():
            for hearing, observation in zip(by_grant[number], observations, strict=True):
                hearing.watched = Watched(self._epoch, observation.unit)
        turn = _Turn(self._watch.limits, self._watch.key, self._known_marks(seen), self._at)
        for number, observations in seen.items():
            found = standings.get(number, NEW)
            if found.stopped > self._epoch:
                self._hold(by_grant[number])
            else:
                turn.take(number, found, observations, self._profiles[number], self._exempt.get(number))
        for number, (trip, last) in turn.tripped.items():
            self._stop(by_grant[number], trip, last)
        self._keep(turn)

    def noticed(self) -> list[Draft]:
        """What the ledger is told of incidents that stopped nothing."""
        return [noticed(each) for each in self._noticed]

    def told(self) -> list[Draft]:
        """What the ledger is told of responses."""
        return [draft_of(each) for each in self._incidents]

    def lay(self, entries: Sequence[int]) -> None:
        """Lays the responses that these entries tell of."""
        stops = [stop_of(each, entry) for each, entry in zip(self._incidents, entries, strict=True)]
        if stops:
            self._store.lay(stops)

    def _known_marks(self, seen: Mapping[str, Sequence[Observation]]) -> Mapping[tuple[str, bytes], int]:
        """Only for what is counted by marks the store is asked: unknown numbers, decoys, units of un-scoped grants."""
        key = self._watch.key
        met = {(number, mark): None for number, heard in seen.items() for each in heard for mark in marks_of(key, each)}
        return self._store.cells(list(met), self._day - DAYS + 1) if met else {}

    def _note_locks(self, by_grant: Mapping[str, Sequence[Hearing]]) -> None:
        """Who asked too much of somebody is told nothing; officers are told once in seven days that a grant did."""
        for heard in by_grant.values():
            locked = [each for each in heard if each.outcome and each.outcome.cause is Cause.LOCKED]
            granted = locked[0].granted if locked else None
            if granted is not None:
                trip = Trip(Detector.QUESTIONS, Action.RECORD, len(locked), 0.0)
                incident = self._incident(granted.grant, trip, locked)
                if recent(self._store, incident) is None:
                    self._noticed.append(incident)

    def _hold(self, hearings: Sequence[Hearing]) -> None:
        """Another node laid a response on the grant after this turn had read the rights in force."""
        for hearing in hearings:
            hearing.withhold(Reason.HELD, "watch:stopped", "")

    def _see(self, hearing: Hearing, profile: Profile) -> Observation:
        outcome, question, spent = hearing.outcome, hearing.question, hearing.spent
        if outcome is None or question is None or spent is None:
            raise RuntimeError("a comparison was not settled")
        cause, subject = outcome.cause, hearing.request.query.subject
        is_first = spent.is_first and cause is not Cause.LOCKED
        is_unknown = not hearing.is_known or hearing.is_decoy or cause is Cause.GATE
        return Observation(
            link=question.link,
            is_first=is_first,
            is_confirmed=cause is Cause.CONFIRMED,
            is_unknown=is_unknown,
            is_outside=not is_unknown and cause in _OUTSIDE,
            is_mismatched=FieldCode.MISMATCH in outcome.codes.values(),
            cell=cell_of(self._watch.key, subject.kind, subject.number) if is_first and is_unknown else None,
            is_decoy=hearing.is_decoy,
            unit=hearing.unit if profile.is_unscoped and is_first and cause is Cause.CONFIRMED else None,
        )

    def _asked(self, hearing: Hearing) -> list[tuple[str, int, int]]:
        query, question, granted = hearing.request.query, hearing.question, hearing.granted
        if question is None or granted is None:
            return []
        fields, limits = self._watch.catalogue.fields, self._watch.limits
        put = [each for each in query.asked if each[0] in query.gate_fields or each[0] in granted.permit.fields]
        pairs = zip(put, tokens(question.asked), strict=True)
        return [(name, token, allowed(fields[name], how, limits)) for (name, how), token in pairs]

    def _stop(self, hearings: Sequence[Hearing], trip: Trip, seen: Sequence[Observation]) -> None:
        granted = hearings[0].granted
        if granted is None:
            return
        incident = joined(self._store, self._incident(granted.grant, trip, hearings[: len(seen)]))
        self._incidents.append(incident)
        is_frozen = trip.action >= Action.FREEZE_CREDENTIAL
        self._stopped.append(granted.grant.number)
        for hearing in hearings:
            hearing.withhold(Reason.FROZEN if is_frozen else Reason.HELD, f"watch:{trip.detector}", incident.number)

    def _incident(self, grant: Grant, trip: Trip, seen: Sequence[Hearing]) -> Incident:
        finding = Finding(
            detector=trip.detector,
            action=trip.action,
            principal=Principal(Level.GRANT, grant.number),
            partner=grant.partner,
            grant=grant.number,
            observed=round(trip.observed, 3),
            expected=round(trip.expected, 6),
            days=DAYS,
            at=self._at,
        )
        samples = [self._pseudonym(each.request.query.subject) for each in seen[-_SAMPLES:]]
        return replace(incident_of(self._watch.key, finding, self._epoch, samples), left=left_of(grant, seen[-1].spent))

    def _pseudonym(self, subject: Subject) -> str:
        return pseudonym_of(self._watch.key, subject.kind, subject.number)

    def _keep(self, turn: _Turn) -> None:
        kept = Kept(
            day=self._day,
            scores=turn.scores,
            counts={account: counts for account, counts in turn.counts.items() if any(counts)},
            cells=turn.marks.added,
            questions=self._questions,
            cleared=turn.cleared,
            stopped=sorted(self._stopped),
            incidents=[*self._incidents, *self._noticed],
        )
        if not kept.is_empty:
            self._store.keep(kept)


class _Turn:
    """What the outcomes of a turn come to, grant by grant."""

    def __init__(self, limits: Thresholds, key: bytes, known: Mapping[tuple[str, bytes], int], at: datetime) -> None:
        self._limits, self.marks, self._at = limits, Marks(key, known), at
        self.scores: dict[str, Scores] = {}
        self.counts: dict[str, tuple[int, int]] = {}
        self.cleared: list[str] = []
        self.tripped: dict[str, tuple[Trip, Sequence[Observation]]] = {}

    def take(
        self,
        number: str,
        found: Standing,
        heard: Sequence[Observation],
        profile: Profile,
        exempt: Exemption | None = None,
    ) -> None:
        """Looks at a grant's outcomes in order; the first that trips, and is not excepted from, is kept."""
        if found.stopped:
            self.cleared.append(number)
            self.marks.forget(number)
        before = standing = NEW if found.stopped else found
        for place, seen in enumerate(heard, 1):
            standing = unmoved(observe(seen, standing, profile, self._limits), standing, exempt, self._at)
            found_now = trips(standing, profile, self._limits, seen, self.marks.count(number, seen))
            trip = first_trip(found_now, exempt, self._at)
            if trip is not None and number not in self.tripped:
                self.tripped[number] = trip, heard[:place]
        if standing.scores != found.scores:
            self.scores[number] = standing.scores
        self.counts[number] = standing.misses - before.misses, standing.outside - before.outside
