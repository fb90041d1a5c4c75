"""The office: deeds are drawn up, narrowed, refused and signed here, and come into force with their last signature.

Every act is one transaction with its ledger entries: what is not recorded has not happened. Who may do what follows
from the path of the deed alone (`gateway.deeds.steps`); a taken-over gateway that skips this gains nothing, because
serve and the sealing process check the signatures again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from msgspec.structs import replace

from audit.entry import JsonValue
from audit.events import Draft
from audit.ledger import Ledger, LedgerStore, Recorded
from gateway.deeds.activation import activation_key
from gateway.deeds.checking import is_complete
from gateway.deeds.cohorts import CohortStore, check_kept
from gateway.deeds.deed import Deed, drawn
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import check_narrowing
from gateway.deeds.keeping import DeedStore, Kept, State
from gateway.deeds.persons import person_content
from gateway.deeds.reading import DeedsReader
from gateway.deeds.signature import Signature, Statement, sign, write_time
from gateway.deeds.standing import Standing
from gateway.deeds.steps import ACTIVATE, ACTIVATION, FOUNDING
from gateway.domain.people import Person
from gateway.drafting import (
    LONGEST_REASON,
    ForbiddenError,
    Proposal,
    check_author,
    check_drawer,
    check_founded,
    check_not_frozen,
    check_size,
    check_turn,
    first_draft,
    next_draft,
)
from gateway.examining import Examiner
from gateway.minutes import drawn_up, in_force, new_kept, next_attempt, pending, refused, seconds, signed
from gateway.partners import departments
from gateway.ports import Clock
from gateway.proposals import check_proposal
from gateway.watch.leak_ground import Ground, ground_of
from gateway.watch.leak_signed import LeakDesk
from gateway.watch.released import ResponseStore, check_released
from gateway.watch.threshold_deeds import check_shadowed
from policies.catalogue import Catalogue

FRESH = timedelta(minutes=10)
"""How old a signature may be when it arrives."""


class OfficeWork(Protocol):
    """One transaction over deeds and ledger."""

    @property
    def deeds(self) -> DeedStore: ...

    @property
    def cohorts(self) -> CohortStore: ...

    @property
    def watch(self) -> ResponseStore: ...

    @property
    def ledger(self) -> LedgerStore: ...

    def commit(self) -> None: ...


class OfficeStore(Protocol):
    """The control database, as the office uses it."""

    def begin(self) -> AbstractContextManager[OfficeWork]: ...
    def close(self) -> None: ...


@dataclass(kw_only=True)
class Office:
    """One at a time; its store is its own."""

    log: str
    store: OfficeStore
    ledger: Ledger
    reader: DeedsReader
    catalogue: Catalogue
    clock: Clock
    examiner: Examiner
    leaks: LeakDesk
    """Writes into grants what they leak at worst, and holds it against them;"""
    ground: Callable[[Standing], Ground] = ground_of
    """by the thresholds and the units in force."""
    fits: Callable[[Standing], None] = lambda _: None
    """Raises `DeedError` when what is in force now could not be put together: nobody would be answered any more."""
    acknowledges: Callable[[Document], None] = lambda _: None
    """Raises `DeedError` for an acknowledgement of other statements than those that were made."""
    arrived: Callable[[Document], None] = lambda _: None
    """Told what has come into force, after the commit."""

    def draw(self, by: Person, proposal: Proposal) -> Kept:
        """Draws a deed up; it waits for its first signature. Raises `DeedError`."""
        self._examine_proposal(by, proposal)
        with self._work() as (work, standing, now):
            document = first_draft(self.log, by, proposal, standing)
            check_founded(standing)
            check_not_frozen(by, standing)
            check_drawer(by, document)
            document = self.leaks.filled(document, self.ground(standing))
            check_author(by, document, work.deeds.pending())
            self._check(document, standing)
            _check_kept(document, standing, work, now)
            kept = new_kept(drawn(document), by.id, next_attempt(work.deeds, document), now)
            work.deeds.put(kept)
            self._record(work, now, [drawn_up(kept)])
            work.commit()
        return kept

    def narrow(self, by: Person, named: str, content: Mapping[str, JsonValue], reason: str) -> Kept:
        """Draws up a narrower draft of a grant that waits for this person's step. Raises `DeedError`."""
        self._work_out(by, named, content)
        with self._work() as (work, standing, now):
            check_not_frozen(by, standing)
            kept = pending(work.deeds, named)
            deed = kept.opened()
            check_turn(by, deed)
            before = deed.document
            after = self.leaks.filled(next_draft(before, by, content, reason), self.ground(standing))
            check_size(after)
            check_narrowing(before, after)
            self._check(after, standing)
            # When it changed last stays what it was: whoever narrows has no more time for that.
            kept = replace(kept, deed=deed.redrawn(after.encode()).encode())
            work.deeds.put(kept)
            self._record(work, now, [drawn_up(kept, narrows=named)])
            work.commit()
        return kept

    def refuse(self, by: Person, named: str, reason: str) -> Kept:
        """Ends a deed that waits for this person's step, or that they drew up themselves. Raises `DeedError`."""
        if not reason.strip() or len(reason) > LONGEST_REASON or "\0" in reason:
            raise DeedError(f"请写明理由，最多 {LONGEST_REASON} 字")
        with self._work() as (work, standing, now):
            check_not_frozen(by, standing)
            kept = pending(work.deeds, named)
            if by.id != kept.author:
                check_turn(by, kept.opened())
            kept = replace(kept, state=State.REFUSED, note=reason, changed=seconds(now))
            work.deeds.put(kept)
            self._record(work, now, [refused(kept, by, reason)])
            work.commit()
        return kept

    def sign(self, by: Person, signature: Signature) -> list[Kept]:
        """Puts a signature under every deed it names; those it completes are in force. All or nothing.

        Raises `DeedError`.
        """
        if signature.person != by.id:
            raise ForbiddenError("请用本人的账号和本人的密钥签署")
        self._examine_pending(by, signature.deeds)
        with self._work() as (work, standing, now):
            check_not_frozen(by, standing)
            if abs(now - signature.time()) > FRESH:
                raise DeedError("签名时间过早，或晚于当前时间，请重新签署")
            done = [self._put_under(work, standing, signature, named, now) for named in signature.deeds]
            work.commit()
            if any(kept.state is State.IN_FORCE for kept in done):
                self.reader.committed()
        for kept in done:
            if kept.state is State.IN_FORCE:
                self.arrived(kept.opened().document)
        return done

    def enrol_founder(self, person: Person, code: str) -> None:
        """Lets one of the first three in, by their activation code, once. Raises `DeedError`."""
        with self._work() as (work, standing, now):
            self._found(work, standing, person, code, now)
            work.commit()

    def admit_founder(self, work: OfficeWork, person: Person, code: str) -> None:
        """The same within somebody else's work, who commits it. Whoever is no founder, or is in already, is left alone.

        Raises `DeedError`.
        """
        now = self.clock.now()
        work.deeds.lock()
        standing = self.reader.refresh(work.deeds, now)
        if person.id in standing.roll.foundation.founders and standing.get(Kind.PERSON, person.id) is None:
            self._found(work, standing, person, code, now)

    def standing(self) -> Standing:
        """Everything in force now. Raises `UnavailableError`."""
        with self._work() as (_, standing, __):
            return standing

    def pending(self) -> list[Kept]:
        """Everything that waits for a signature."""
        with self._work() as (work, _, __):
            return list(work.deeds.pending())

    def history(self, kind: str, deed_id: str) -> list[Kept]:
        """Everything that ever was of one thing."""
        with self._work() as (work, _, __):
            return list(work.deeds.attempts(kind, deed_id))

    def exported(self, kind: Kind, deed_id: str, serial: int = 0) -> tuple[list[bytes], bytes] | None:
        """A deed that came into force (the last, or that serial), and every person's before it: who could sign then.

        None when there is no such deed.
        """
        with self._work() as (work, _, __):
            deeds = list(work.deeds.in_force(0))
        found = [each for each in deeds if (each.kind, each.id) == (kind.value, deed_id)]
        named = next((each for each in reversed(found) if serial in {0, each.serial}), None)
        if named is None:
            return None
        people = [each.deed for each in deeds if each.kind == Kind.PERSON and each.entry < named.entry]
        return people, named.deed

    @contextmanager
    def _work(self) -> Generator[tuple[OfficeWork, Standing, datetime]]:
        with self.store.begin() as work:
            work.deeds.lock()
            standing = self.reader.refresh(work.deeds, self.clock.now())
            before = standing.size
            try:
                yield work, standing, self.clock.now()
            except BaseException:
                # What came into force in a transaction that ends like this did not. Nothing else is read anew: whoever
                # is refused again and again would have every signature checked again and again.
                if standing.size != before:
                    self.reader.forget()
                raise

    def _found(self, work: OfficeWork, standing: Standing, person: Person, code: str, now: datetime) -> None:
        proposal = Proposal(kind=Kind.PERSON, id=person.id, content=person_content(person), path=FOUNDING)
        document = first_draft(self.log, person, proposal, standing)
        self._check(document, standing)
        kept = new_kept(drawn(document), person.id, next_attempt(work.deeds, document), now)
        work.deeds.put(kept)
        stated = Statement(self.log, ACTIVATE, person.id, ACTIVATION, write_time(now), (kept.opened().digest,))
        signature = sign(activation_key(code, self.log), stated)
        self._put_under(work, standing, signature, signature.deeds[0], now)

    def _put_under(self, work: OfficeWork, standing: Standing, signature: Signature, named: str, now: datetime) -> Kept:
        kept = pending(work.deeds, named)
        deed = kept.opened().signed(signature)
        standing.roll.check(deed, now)
        self.leaks.check(deed.document, self.ground(standing))
        kept = replace(kept, deed=deed.encode(), changed=seconds(now))
        events = [signed(kept, signature)]
        if is_complete(deed):
            _check_kept(deed.document, standing, work, now)
            events.append(self._come_into_force(standing, deed, kept, now))
        recorded = self._record(work, now, events)
        if is_complete(deed):
            kept = replace(kept, state=State.IN_FORCE, entry=recorded[-1].index)
            self.reader.note(kept.entry)
            work.deeds.advance()
        work.deeds.put(kept)
        return kept

    def _come_into_force(self, standing: Standing, deed: Deed, kept: Kept, now: datetime) -> Draft:
        document = deed.document
        self._check(document, standing)
        before = standing.get(document.kind, document.id)
        standing.add(deed, now)
        self.fits(standing)
        return in_force(kept, before, standing.digest())

    def _check(self, document: Document, standing: Standing) -> None:
        check_proposal(document, standing, self.catalogue, self.clock.now())
        if document.kind is Kind.RULEBOOKS:
            self.examiner.require(document.content, departments(standing))
        if document.kind is Kind.ACKNOWLEDGEMENT:
            self.acknowledges(document)

    def _examine_proposal(self, by: Person, proposal: Proposal) -> None:
        """Nobody makes us compute for a minute what they may not propose."""
        if proposal.kind is Kind.RULEBOOKS:
            check_drawer(by, first_draft(self.log, by, proposal, self.standing()))
            self._examine(proposal.kind, proposal.content)
        elif proposal.kind is Kind.GRANT:
            standing = self.standing()
            with suppress(ForbiddenError):  # said where it is drawn up
                check_drawer(by, first_draft(self.log, by, proposal, standing))
                self.leaks.prepare(proposal.id, proposal.content, self.ground(standing))

    def _work_out(self, by: Person, named: str, content: Mapping[str, JsonValue]) -> None:
        """What a narrower grant leaks at worst, before anything is locked, and for nobody whose turn it is not."""
        for kept in self.pending():
            if kept.opened().digest == named:
                with suppress(ForbiddenError):
                    check_turn(by, kept.opened())
                    self.leaks.prepare(kept.id, content, self.ground(self.standing()))

    def _examine(self, kind: Kind, content: Mapping[str, JsonValue]) -> None:
        """What takes long, before anything is locked."""
        if kind is Kind.RULEBOOKS:
            self.examiner.examine(content, departments(self.standing()))

    def _examine_pending(self, by: Person, named: Sequence[str]) -> None:
        for kept in self.pending():
            deed = kept.opened()
            if deed.digest in named and kept.kind == Kind.RULEBOOKS:
                check_turn(by, deed)
                self._examine(Kind(kept.kind), deed.document.content)
            elif deed.digest in named and kept.kind == Kind.GRANT:
                self.leaks.check(deed.document, self.ground(self.standing()))

    def _record(self, work: OfficeWork, now: datetime, events: list[Draft]) -> list[Recorded]:
        return self.ledger.append(work.ledger, events, now)


def _check_kept(document: Document, standing: Standing, work: OfficeWork, now: datetime) -> None:
    """A list is the one that is kept, a release speaks of what lies there, and a shadow ran for long enough."""
    if document.kind is Kind.COHORT:
        check_kept(document, standing, work.cohorts, now)
    if document.kind is Kind.FREEZE:
        check_released(document, work.watch, work.deeds)
    if document.kind is Kind.THRESHOLDS:
        check_shadowed(document, standing, work.deeds, now)
