"""The life of a query. Start reading here.

    1 known caller, 2 parsed query       at the door, before this
    3 judge      rulebook, then grant    a refusal is recorded
      step up    is it as usual?         what is new must be signed
    4 reserve    the worst case          a refusal is recorded
    5 seal, find                         one batched call each, for those with a reservation
    6 compare    digest with digest
    7 watch      every outcome is seen   a grant that trips is told nothing, and stopped
    8 disclose   what the permit allows
    9 record     one entry a request, unused budget returned, receipts signed, all of it durable
   10 release    by the sequencer, on its time grid

A turn is many requests of many callers in one transaction. Nothing is told before `commit` has returned: a crash on any
line above it means that nobody was told anything and nothing was spent.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from gateway.checking import SpotChecks, keep
from gateway.domain.answer import Cause, disclose, silenced
from gateway.domain.caller import Caller
from gateway.domain.comparison import Comparison
from gateway.domain.errors import DownError, MismatchedKeyError, UnavailableError
from gateway.domain.grant import Grant, local_day
from gateway.domain.reply import Answered, Failed, Reply, Request
from gateway.grants import Granted, grant_of, judge, stop_on, terms_of
from gateway.habits import Habits
from gateway.hearing import BUDGET, Hearing, kinds, open_hearing, plain
from gateway.idempotency import Idempotency, Slot
from gateway.ports import (
    Clock,
    Committing,
    DataVersion,
    Index,
    LookUp,
    OutcomeStore,
    Rights,
    RightsSource,
    Seal,
    Sealing,
    Store,
    Withheld,
    Work,
)
from gateway.record import Recorder
from gateway.watch.accounts import Ceilings, accounts_of, partner_lock
from gateway.watch.budgets import Budgets, Use, pairs_of
from gateway.watch.noticing import noticed
from gateway.watching import Watch
from policies.decision import Reason, Refusal

Turn = Generator[Sealing | Committing, None, list[Reply]]
_NO_UNITS: frozenset[int] = frozenset()


@dataclass(kw_only=True)
class Pipeline:
    """Answers requests, a turn at a time. A turn keeps the `index` it began with, also when a new one is adopted."""

    clock: Clock
    store: Store
    rights: RightsSource
    seal: Seal
    index: Index
    comparisons: Mapping[str, Comparison]
    recorder: Recorder
    watch: Watch
    spot_checks: SpotChecks
    habits: Habits
    idempotency: Idempotency
    broke: Callable[[int, str], None]
    """Told how many requests were in a turn that broke, and the name of what was raised."""

    def __post_init__(self) -> None:
        self._take(self.rights.load())
        self.is_sealed = False

    def seal_log(self) -> None:
        """Answers nothing from now on: the log is not what was signed. A person decides; reading goes on."""
        self.is_sealed = True

    def in_force(self) -> Rights:
        """The rights of the last turn."""
        return self._rights

    def grants(self) -> Mapping[str, Grant]:
        """The grants in force at the last turn."""
        return self._rights.grants

    def stopped(self, caller: Caller, grant: str) -> str:
        """Whether a caller's grant was held or frozen at the last turn; empty when it was not."""
        return stop_on(grant, caller, self._rights)

    def follow(self, epoch: int) -> None:
        """Loads the rights anew if the control epoch has moved, so that a new system gets in before its first turn."""
        if epoch != self._rights.epoch:
            self._take(self.rights.load())

    def _take(self, rights: Rights) -> None:
        self._rights, self._ceilings = rights, Ceilings(rights.grants.values())

    def answer(self, requests: Sequence[Request]) -> list[Reply]:
        """A reply for each request, in order; every answer among them is durable."""
        turn = self.turn(requests)
        while True:
            try:
                next(turn)
            except StopIteration as end:
                replies: list[Reply] = end.value
                return replies

    def turn(self, requests: Sequence[Request]) -> Turn:
        """The same, pausing where it has to wait for sealing; whoever drives it may do other things meanwhile.

        When a turn breaks, its halves are tried again alone, so that no caller suffers for another.
        """
        try:
            return (yield from self._turn(requests))
        except DownError as error:
            return [Failed(error)] * len(requests)
        except Exception as error:  # noqa: BLE001 - whatever broke, it must not reach the neighbours
            self.broke(len(requests), type(error).__name__)
        if len(requests) == 1:
            return [Failed(UnavailableError("the request could not be answered; nothing was told"))]
        half = len(requests) // 2
        first = yield from self.turn(requests[:half])
        return first + (yield from self.turn(requests[half:]))

    def _turn(self, requests: Sequence[Request]) -> Turn:
        if self.is_sealed:
            raise DownError("the log is sealed")
        at, index = self.clock.now(), self.index
        with self.store.begin() as work:
            hearings = self._judge(requests, work, index.version, at)
            budgets = self._open_budgets(hearings, work, at)
            met = self.habits.look(hearings, work, self._rights, at)
            self._recall(hearings, work, at)
            self._reserve(hearings, budgets)
            yield from self._seal(hearings, index.version)
            watching = self.watch.begin(hearings, work.watch, self._rights, at)
            locked = watching.lock_questions(hearings)
            uses = self._uses(hearings, work)
            self._compare(hearings, index)
            _silence(hearings, locked)
            self._settle(uses, budgets)
            watching.hide(hearings)
            watching.look(hearings)
            _expect(hearings, work.outcomes, at)
            opened = self.spot_checks.look(hearings, work.checks, self._rights, at, work.subjects)
            self._disclose(hearings)
            self._record(hearings, work, index.version, at)
            watching.lay(self.recorder.note(watching.told(), work.ledger, at))
            self.recorder.note([*map(noticed, met), *watching.noticed()], work.ledger, at)
            self.recorder.note(keep(opened, work.checks), work.ledger, at)
            yield from _commit(work)
        return [self._reply(hearing) for hearing in hearings]

    def _judge(self, requests: Sequence[Request], work: Work, version: DataVersion, at: datetime) -> list[Hearing]:
        slots = [self.idempotency.slot(each) for each in requests]
        self._announce(requests, slots, work, at)
        self.follow(work.epoch())
        verdicts: dict[Hashable, Granted | Refusal] = {}
        return [self._hear(each, slot, version, at, verdicts) for each, slot in zip(requests, slots, strict=True)]

    def _announce(self, requests: Sequence[Request], slots: Sequence[Slot], work: Work, at: datetime) -> None:
        """Says what the turn may ask of the store first, which may be far away."""
        named = [(each.query.operator, grant_of(each.query, each.caller, self._rights)) for each in requests]
        accounts = [
            *{(grant.number, operator): accounts_of(grant, operator) for operator, grant in named if grant}.values()
        ]
        locks = {partner_lock(grant.partner) for _, grant in named if grant}
        keys = [slot.name for slot in slots]
        work.prefetch(
            self._rights.epoch, sorted(locks.union(*accounts)), local_day(at).toordinal(), keys, int(at.timestamp())
        )

    def _hear(
        self,
        request: Request,
        slot: Slot,
        version: DataVersion,
        at: datetime,
        verdicts: dict[Hashable, Granted | Refusal],
    ) -> Hearing:
        """Callers ask the same of many subjects: what a verdict depends on is judged once a turn."""
        query, caller, rights = request.query, request.caller, self._rights
        terms = terms_of(query, caller)
        verdict = verdicts.get(terms)
        if verdict is None:
            verdict = verdicts[terms] = judge(query, caller, rights, at, version.time)
        return open_hearing(request, slot, grant_of(query, caller, rights), verdict)

    def _open_budgets(self, hearings: Sequence[Hearing], work: Work, at: datetime) -> Budgets:
        """Locks the grants first: of two nodes with the same key, the second then finds what the first answered."""
        heard = [(each, each.granted.grant) for each in hearings if each.granted]
        for hearing, grant in heard:
            hearing.accounts = accounts_of(grant, hearing.request.query.operator)
        wanted = [(grant, each.accounts) for each, grant in heard if each.accounts]
        locks = {partner_lock(grant.partner) for _, grant in heard}
        return Budgets(work.budgets, self._ceilings.of(wanted), local_day(at).toordinal(), locks)

    def _recall(self, hearings: Sequence[Hearing], work: Work, at: datetime) -> None:
        asked = {each.slot.name: each for each in hearings if each.granted}
        for name, kept in work.answers.remembered(list(asked), int(at.timestamp())).items():
            hearing = asked[name]
            if self.idempotency.is_repeat(hearing.slot, hearing.request, kept):
                hearing.end(Answered(self.idempotency.recall(hearing.slot, kept)))
            else:
                hearing.end(Failed(MismatchedKeyError("此 Idempotency-Key 已用于另一请求，请换一个新值")))

    def _reserve(self, hearings: Sequence[Hearing], budgets: Budgets) -> None:
        for hearing in hearings:
            if hearing.granted and hearing.accounts:
                hearing.reservation = budgets.reserve(hearing.accounts)
                if hearing.reservation is None:
                    hearing.refuse(Reason.QUOTA, BUDGET)

    def _seal(self, hearings: Sequence[Hearing], version: DataVersion) -> Generator[Sealing, None, None]:
        heard = [(each, each.granted) for each in hearings if each.granted and each.reservation]
        if not heard:
            return
        plains = [plain(hearing, granted) for hearing, granted in heard]
        sealing = self.seal.ask(version.generation, plains)
        yield sealing
        for (hearing, _), question in zip(heard, sealing.questions(), strict=True):
            if isinstance(question, Withheld):
                hearing.refuse(Reason.QUOTA if question.cause == "limit" else Reason.NOT_PERMITTED, question.cause)
            else:
                hearing.question = question

    def _uses(self, hearings: Sequence[Hearing], work: Work) -> list[tuple[Hearing, Use]]:
        """What is used of each grant, known once the subjects have their links."""
        uses = [
            (each, Use(each.reservation, each.accounts, each.question.link))
            for each in hearings
            if each.question and each.reservation and each.accounts
        ]
        work.prefetch_seen(pairs_of([use for _, use in uses]))
        return uses

    def _compare(self, hearings: Sequence[Hearing], index: Index) -> None:
        for kind in kinds(hearings):
            asked = [each for each in hearings if each.question and each.request.query.subject.kind == kind]
            look_ups = [
                LookUp(each.question.subject, each.reservation) for each in asked if each.question and each.reservation
            ]
            found = index.find(kind, look_ups) if look_ups else []
            for hearing, records in zip(asked, found, strict=True):
                self._weigh(hearing, kind, records, index)

    def _weigh(self, hearing: Hearing, kind: str, records: bytes, index: Index) -> None:
        granted, question = hearing.granted, hearing.question
        if granted is None or question is None:
            return
        is_listed = granted.members is None or question.link in granted.members
        units = self.seal.units(index.version.generation, granted.grant.number)
        comparison = self.comparisons[kind]
        outcome = comparison.compare(question, granted.compared, records, units if is_listed else _NO_UNITS)
        hearing.is_decoy, hearing.is_protected = index.is_decoy(question.link), index.is_protected(question.link)
        hearing.is_known = outcome.cause is not Cause.ABSENT
        hearing.outcome = outcome if is_listed else silenced(outcome, Cause.NOT_IN_COHORT)
        if hearing.is_decoy:
            hearing.outcome = silenced(outcome, Cause.DECOY)
        elif outcome.cause is Cause.CONFIRMED:
            hearing.unit = index.unit(comparison.unit(records))

    def _settle(self, uses: Sequence[tuple[Hearing, Use]], budgets: Budgets) -> None:
        for (hearing, _), spent in zip(uses, budgets.settle([use for _, use in uses]), strict=True):
            hearing.spent = spent

    def _disclose(self, hearings: Sequence[Hearing]) -> None:
        for hearing in hearings:
            if hearing.granted and hearing.outcome:
                tells = hearing.granted.grant.tells_not_found
                hearing.told = disclose(hearing.outcome, hearing.request.query.asked, tells, hearing.untold)

    def _record(self, hearings: Sequence[Hearing], work: Work, version: DataVersion, at: datetime) -> None:
        open_hearings = [each for each in hearings if each.reply is None]
        self.recorder.record(open_hearings, work.ledger, version, at)
        answered = [
            (each.slot, each.request, each.reply.json) for each in open_hearings if isinstance(each.reply, Answered)
        ]
        now = int(at.timestamp())
        work.answers.remember(self.idempotency.remember(answered, now), now)

    def _reply(self, hearing: Hearing) -> Reply:
        if hearing.reply is None:
            raise UnavailableError("a request went through a turn without a reply")
        return hearing.reply


def _silence(hearings: Sequence[Hearing], places: Set[int]) -> None:
    """Where too much was asked of one field the answer is that for somebody who is not there."""
    for place in places:
        hearing = hearings[place]
        if hearing.outcome:
            hearing.outcome = silenced(hearing.outcome, Cause.LOCKED)


def _expect(hearings: Sequence[Hearing], store: OutcomeStore, at: datetime) -> None:
    """Keeps whom a grant asked about for the first time, where its holder said what will become of them."""
    asked = [
        (each.grant.number, each.question.link)
        for each in hearings
        if each.grant and each.grant.outcome_rate and each.question and each.spent and each.spent.is_first
    ]
    if asked:
        store.ask(asked, local_day(at).toordinal())


def _commit(work: Work) -> Generator[Committing, None, None]:
    """Durable when it ends. The disk is waited for like the sealing process is: one that hangs holds up no loop."""
    committing = work.committing()
    yield committing
    committing.finish()
