"""The watch within a turn: what it knows is read, every outcome is looked at in order, and what trips tells nobody.

A grant that trips gets no answer in this turn, also for what stood before the last straw: nothing has left yet. The
response is committed together with the entries, so it holds on every node from the next turn on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from audit.events import Draft
from gateway.domain.answer import Cause, FieldCode, Outcome
from gateway.domain.budget import DAYS
from gateway.domain.grant import Grant, GrantClass, local_day
from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal
from gateway.domain.query import Subject
from gateway.domain.standing import NEW, Kept, Standing
from gateway.hearing import BUDGET, Hearing
from gateway.ports import Rights, WatchStore
from gateway.seeing import Seeing
from gateway.watch.budgets import left_of
from gateway.watch.cells import pseudonym_of
from gateway.watch.detectors import Trip
from gateway.watch.joining import joined, recent
from gateway.watch.marks import Column, Place, column_of, lock_mark
from gateway.watch.noticing import noticed
from gateway.watch.profile import Profile, profile_of
from gateway.watch.questions import Shape, asked_of, contradicted, is_untold
from gateway.watch.sparing import first_trip
from gateway.watch.stopping import draft_of, incident_of, stop_of
from gateway.watch.taking import Taking
from gateway.watch.threshold_deeds import in_force
from gateway.watch.thresholds import DEFAULTS, Thresholds
from policies.catalogue import Catalogue
from policies.decision import Reason, Refusal

_CONFIRMED, _MISMATCH = Cause.CONFIRMED, FieldCode.MISMATCH
_SAMPLES = 5
_SHAPES_KEPT = 1024


def _is_beyond(hearing: Hearing) -> bool:
    """Whether it was refused for want of a budget that is three times what its holder needs on its busiest days."""
    verdict, grant = hearing.verdict, hearing.grant
    return is_unscoped(grant) and isinstance(verdict, Refusal) and verdict.cause == BUDGET


@dataclass
class Watch:
    """Watches over turns. `key` makes cells; nobody who reads the database has it."""

    key: bytes = field(repr=False)
    catalogue: Catalogue
    limits: Thresholds = DEFAULTS
    _profiles: dict[str, Profile] = field(default_factory=dict[str, Profile])
    _epoch: int = -1
    _shapes: dict[tuple[tuple[str, str], ...], Shape] = field(default_factory=dict[tuple[tuple[str, str], ...], Shape])
    _shaped_by: tuple[int, Thresholds] = (0, DEFAULTS)

    def begin(self, hearings: Sequence[Hearing], store: WatchStore, rights: Rights, at: datetime) -> Watching:
        """Watches over this turn, whose grants are held."""
        if rights.epoch != self._epoch:
            self._profiles, self._epoch = {}, rights.epoch
            self.limits = in_force(rights.thresholds, self.limits)
        for grant in {each.granted.grant.number: each.granted.grant for each in hearings if each.granted}.values():
            if grant.number not in self._profiles:
                self._profiles[grant.number] = profile_of(grant, _people(grant, rights), self.limits)
        return Watching(self, store, self._profiles, rights, at)

    def shape(self, put: tuple[tuple[str, str], ...], day: int) -> Shape:
        """The form of questions with these fields and comparators; a day knows few."""
        if (day, self.limits) != self._shaped_by or len(self._shapes) >= _SHAPES_KEPT:
            self._shapes, self._shaped_by = {}, (day, self.limits)
        known = self._shapes.get(put)
        if known is None:
            fields = self.catalogue.fields
            known = self._shapes[put] = Shape([asked_of(fields[name], how, self.limits) for name, how in put], day)
        return known


def is_unscoped(grant: Grant | None) -> bool:
    """Whether nothing but need bounds whom a grant asks about."""
    return grant is not None and grant.grant_class is GrantClass.OPEN


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
        self._asked: dict[tuple[str, bytes], bytes] = {}
        self._incidents: list[Incident] = []
        self._noticed: list[Incident] = []
        self._stopped: list[str] = []
        self._shapes: dict[int, Shape] = {}
        self._seeing = Seeing(watch.key, rights.epoch)

    def lock_questions(self, hearings: Sequence[Hearing]) -> set[int]:
        """Counts what is asked of whom, before anybody is looked up; the places of those that ask too much."""
        asking = [
            (place, (each.accounts.purpose, each.question.link), each.question.asked, each)
            for place, each in enumerate(hearings)
            if each.question and each.accounts
        ]
        known = dict(self._store.questions([*dict.fromkeys([name for _, name, _, _ in asking])])) if asking else {}
        locked: set[int] = set()
        others = self._watch.limits.other_questions
        for place, name, asked, hearing in asking:
            kept = known.get(name, b"")
            is_hasty = bool(kept) and name in self._questions and is_unscoped(hearing.grant)
            shape = self._shapes.get(id(hearing.granted)) or self._shape_of(hearing)
            added, is_allowed = shape.add(kept, asked, others, is_hasty=is_hasty)
            if not is_allowed and is_hasty and shape.add(kept, asked, others)[1]:
                hearing.put_off()
            elif not is_allowed:
                locked.add(place)
            elif added != kept:
                known[name] = self._questions[name] = added
        self._asked = known
        return locked

    def hide(self, hearings: Sequence[Hearing]) -> None:
        """Where only need bounds a grant: one guess that failed ends the guessing, and of several none is told."""
        for hearing in hearings:
            outcome = hearing.outcome
            if outcome and outcome.cause is _CONFIRMED and is_unscoped(hearing.grant):
                self._contradict(hearing, outcome)

    def look(self, hearings: Sequence[Hearing]) -> None:
        """Looks at every outcome, in order; withholds all of a grant's that tripped."""
        by_grant: defaultdict[str, list[Hearing]] = defaultdict(list)
        beyond: defaultdict[str, list[Hearing]] = defaultdict(list)
        for hearing in hearings:
            if hearing.granted:
                if hearing.outcome and hearing.spent:
                    by_grant[hearing.granted.grant.number].append(hearing)
            elif hearing.grant and _is_beyond(hearing):
                hearing.watched = self._seeing.plain
                beyond[hearing.grant.number].append(hearing)
        if not by_grant and not self._questions and not beyond:
            return
        turn = self._take(by_grant)
        self._note_all(by_grant, turn.tripped)
        for number, refused in beyond.items():
            if number not in turn.tripped:
                self._run_out(refused, by_grant.get(number, []))
        self._keep(turn)

    def _run_out(self, refused: Sequence[Hearing], hearings: Sequence[Hearing]) -> None:
        """Who asks beyond the budget of a grant that only need bounds is held, not told to come back tomorrow."""
        grant, trip = refused[0].grant, Trip(Detector.SUBJECTS, Action.HOLD, len(refused), 0.0)
        is_enough = len(refused) >= self._watch.limits.run_outs
        if grant and is_enough and first_trip([trip], self._exempt.get(grant.number), self._at):
            self._stop(grant, trip, hearings, refused)

    def _take(self, by_grant: Mapping[str, list[Hearing]]) -> Taking:
        """What the outcomes come to; withholds what tripped."""
        standings = self._store.standings(sorted(by_grant), self._day)
        key = self._watch.key
        columns = {
            number: column_of(key, number, seen) for number, seen in self._seeing.see(by_grant, self._profiles).items()
        }
        turn = Taking(self._watch.limits, key, self._known(columns.values()), self._at)
        for number, column in columns.items():
            found = standings.get(number, NEW)
            if found.stopped > self._epoch:
                self._hold(by_grant[number])
            else:
                turn.take(number, found, column, self._profiles[number], self._exempt.get(number))
                self._insist(number, found, by_grant[number], turn)
        for number, (trip, count) in turn.tripped.items():
            granted = by_grant[number][0].granted
            if granted:
                self._stop(granted.grant, trip, by_grant[number], by_grant[number][:count])
        return turn

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

    def _known(self, columns: Iterable[Column]) -> Mapping[Place, int]:
        """Only for what is counted by marks the store is asked: unknown numbers, decoys, units of un-scoped grants."""
        met = dict.fromkeys([place for each in columns for place in each.places()])
        return self._store.cells(list(met), self._day - DAYS + 1) if met else {}

    def _insist(self, number: str, found: Standing, heard: Sequence[Hearing], turn: Taking) -> None:
        """Where only need bounds a grant, whoever goes on asking where nothing is told any more is held."""
        locked = self._seeing.locked.get(number) if self._profiles[number].is_unscoped else None
        if not locked:
            return
        place, most = (number, lock_mark(self._watch.key, number)), self._watch.limits.locks
        known: Mapping[Place, int] = {} if found.stopped else self._store.cells([place], self._day - DAYS + 1)
        turn.marks.added[place] = len(locked)
        trip = Trip(Detector.QUESTIONS, Action.HOLD, known.get(place, 0) + len(locked), most)
        is_enough = trip.observed >= most and number not in turn.tripped
        if is_enough and first_trip([trip], self._exempt.get(number), self._at):
            turn.tripped[number] = trip, len(heard)

    def _note_all(self, by_grant: Mapping[str, Sequence[Hearing]], tripped: Container[str]) -> None:
        """Officers are told once in seven days that a grant asked too much of somebody, or about protected persons."""
        for number, heard in by_grant.items():
            self._note(Detector.VIP, [each for each in heard if each.is_protected])
            if number not in tripped:
                self._note(Detector.QUESTIONS, self._seeing.locked.get(number, []))

    def _note(self, detector: Detector, seen: Sequence[Hearing]) -> None:
        grant = seen[0].grant if seen else None
        if grant is not None:
            incident = self._incident(grant, Trip(detector, Action.RECORD, len(seen), 0.0), seen)
            if recent(self._store, incident) is None:
                self._noticed.append(incident)

    def _hold(self, hearings: Sequence[Hearing]) -> None:
        """Another node laid a response on the grant after this turn had read the rights in force."""
        for hearing in hearings:
            hearing.withhold(Reason.HELD, "watch:stopped", "")

    def _contradict(self, hearing: Hearing, outcome: Outcome) -> None:
        if hearing.question is None or hearing.accounts is None:
            return
        name = hearing.accounts.purpose, hearing.question.link
        kept = self._questions.get(name) or self._asked.get(name, b"")
        if _MISMATCH not in outcome.codes.values() and not is_untold(kept, self._day):
            return
        small = self._shape_of(hearing).small
        failed = [field for field in small if outcome.codes.get(field) is _MISMATCH]
        is_hidden = len(failed) >= self._watch.limits.contradictions or is_untold(kept, self._day)
        if failed:
            self._questions[name] = contradicted(kept, self._day, is_untold=is_hidden)
        if is_hidden:
            hearing.untold = small

    def _shape_of(self, hearing: Hearing) -> Shape:
        """Verdicts are shared in a turn by those who ask alike, so they ask in one form."""
        granted = hearing.granted
        if granted is None:
            raise RuntimeError("a question was sealed without a right")
        known = self._shapes.get(id(granted))
        if known is None:
            query, permitted = hearing.request.query, granted.permit.fields
            put = tuple([each for each in query.asked if each[0] in query.gate_fields or each[0] in permitted])
            known = self._shapes[id(granted)] = self._watch.shape(put, self._day)
        return known

    def _stop(self, grant: Grant, trip: Trip, hearings: Sequence[Hearing], seen: Sequence[Hearing]) -> None:
        incident = joined(self._store, self._incident(grant, trip, seen))
        self._incidents.append(incident)
        is_frozen = trip.action >= Action.FREEZE_CREDENTIAL
        self._stopped.append(grant.number)
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

    def _keep(self, turn: Taking) -> None:
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
