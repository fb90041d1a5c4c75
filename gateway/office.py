"""The office: deeds are drawn up, narrowed, refused and signed here, and come into force with their last signature.

Every act is one transaction with its ledger entries: what is not recorded has not happened. Who may do what follows
from the path of the deed alone (`gateway.deeds.steps`); a taken-over gateway that skips this gains nothing, because
serve and the sealing process check the signatures again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from msgspec.structs import replace

from audit.deed_events import DeedRef, deed_drawn, deed_in_force, deed_refused, deed_signed
from audit.entry import JsonValue
from audit.events import Draft
from audit.ledger import Ledger, LedgerStore, Recorded
from gateway.deeds.activation import activation_key
from gateway.deeds.changes import changes
from gateway.deeds.checking import is_complete, may_sign, next_step, partner_of
from gateway.deeds.cohorts import CohortStore, check_kept
from gateway.deeds.deed import Deed, drawn
from gateway.deeds.document import Document, Kind, digest
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import check_narrowing
from gateway.deeds.keeping import DeedStore, Kept, State
from gateway.deeds.persons import person_content
from gateway.deeds.reading import DeedsReader
from gateway.deeds.signature import Signature, Statement, sign, write_time
from gateway.deeds.standing import Standing
from gateway.deeds.steps import ACTIVATE, ACTIVATION, FOUNDING, USUAL, path_of
from gateway.domain.people import Duty, Person
from gateway.examining import Examiner
from gateway.partners import departments
from gateway.ports import Clock
from gateway.proposals import check_proposal
from policies.catalogue import Catalogue

FRESH = timedelta(minutes=10)
"""How old a signature may be when it arrives."""
LONGEST_REASON = 1000
_FIRST_DRAWERS: Mapping[Kind, frozenset[Duty]] = {Kind.GRANT: frozenset({Duty.CLERK})}
"""Who may draw up a deed besides those who may sign its first step."""


class OfficeWork(Protocol):
    """One transaction over deeds and ledger."""

    @property
    def deeds(self) -> DeedStore: ...

    @property
    def cohorts(self) -> CohortStore: ...

    @property
    def ledger(self) -> LedgerStore: ...

    def commit(self) -> None: ...


class OfficeStore(Protocol):
    """The control database, as the office uses it."""

    def begin(self) -> AbstractContextManager[OfficeWork]: ...
    def close(self) -> None: ...


class ForbiddenError(DeedError):
    """This person may not do this."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What somebody wants to be in force. The office gives it its serial and what it follows."""

    kind: Kind
    id: str
    content: Mapping[str, JsonValue]
    path: str = USUAL
    reason: str = ""


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
    arrived: Callable[[Document], None] = lambda _: None
    """Told what has come into force, after the commit."""

    def draw(self, by: Person, proposal: Proposal) -> Kept:
        """Draws a deed up; it waits for its first signature. Raises `DeedError`."""
        self._examine(proposal.kind, proposal.content)
        with self._work() as (work, standing, now):
            document = self._document(by, proposal, standing)
            check_founded(standing)
            _check_drawer(by, document)
            self._check(document, standing)
            _check_kept(document, standing, work, now)
            kept = _kept(drawn(document), by.id, _next_attempt(work.deeds, document), now)
            work.deeds.put(kept)
            self._record(work, now, [_drawn(kept)])
            work.commit()
        return kept

    def narrow(self, by: Person, named: str, content: Mapping[str, JsonValue], reason: str) -> Kept:
        """Draws up a narrower draft of a grant that waits for this person's step. Raises `DeedError`."""
        with self._work() as (work, standing, now):
            kept = _pending(work.deeds, named)
            deed = kept.opened()
            _check_turn(by, deed)
            before = deed.document
            after = _redrawn(before, by, content, reason)
            check_narrowing(before, after)
            self._check(after, standing)
            kept = replace(kept, deed=deed.redrawn(after.encode()).encode(), changed=seconds(now))
            work.deeds.put(kept)
            self._record(work, now, [_drawn(kept, narrows=named)])
            work.commit()
        return kept

    def refuse(self, by: Person, named: str, reason: str) -> Kept:
        """Ends a deed that waits for this person's step, or that they drew up themselves. Raises `DeedError`."""
        if not reason.strip() or len(reason) > LONGEST_REASON:
            raise DeedError(f"give a reason, at most {LONGEST_REASON} characters")
        with self._work() as (work, _, now):
            kept = _pending(work.deeds, named)
            deed = kept.opened()
            if by.id != kept.author:
                _check_turn(by, deed)
            step = next_step(deed)
            kept = replace(kept, state=State.REFUSED, note=reason, changed=seconds(now))
            work.deeds.put(kept)
            hashed = sha256(reason.encode()).hexdigest()
            event = deed_refused(_ref(kept), step=step.name if step else "", person=by.id, reason_sha256=hashed)
            self._record(work, now, [event])
            work.commit()
        return kept

    def sign(self, by: Person, signature: Signature) -> list[Kept]:
        """Puts a signature under every deed it names; those it completes are in force. All or nothing.

        Raises `DeedError`.
        """
        if signature.person != by.id:
            raise ForbiddenError("sign with your own key, under your own account")
        self._examine_pending(signature.deeds)
        with self._work() as (work, standing, now):
            if abs(now - signature.time()) > FRESH:
                raise DeedError("this signature is too old or from the future; sign again")
            done = [self._put_under(work, standing, signature, named, now) for named in signature.deeds]
            work.commit()
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
            try:
                yield work, self.reader.refresh(work.deeds, self.clock.now()), self.clock.now()
            except BaseException:
                # What came into force in a transaction that ends like this did not.
                self.reader.forget()
                raise

    def _found(self, work: OfficeWork, standing: Standing, person: Person, code: str, now: datetime) -> None:
        proposal = Proposal(kind=Kind.PERSON, id=person.id, content=person_content(person), path=FOUNDING)
        document = self._document(person, proposal, standing)
        self._check(document, standing)
        kept = _kept(drawn(document), person.id, _next_attempt(work.deeds, document), now)
        work.deeds.put(kept)
        stated = Statement(self.log, ACTIVATE, person.id, ACTIVATION, write_time(now), (kept.opened().digest,))
        signature = sign(activation_key(code, self.log), stated)
        self._put_under(work, standing, signature, signature.deeds[0], now)

    def _document(self, by: Person, proposal: Proposal, standing: Standing) -> Document:
        if len(proposal.reason) > LONGEST_REASON:
            raise DeedError(f"the reason may have {LONGEST_REASON} characters")
        before = standing.get(proposal.kind, proposal.id)
        follows = standing.deed(proposal.kind, proposal.id)
        return Document(
            log=self.log,
            kind=proposal.kind,
            id=proposal.id,
            serial=before.serial + 1 if before else 1,
            previous=follows.digest if follows else None,
            path=proposal.path,
            author=by.id,
            reason=proposal.reason,
            content=proposal.content,
        )

    def _put_under(self, work: OfficeWork, standing: Standing, signature: Signature, named: str, now: datetime) -> Kept:
        kept = _pending(work.deeds, named)
        deed = kept.opened().signed(signature)
        standing.roll.check(deed, now)
        kept = replace(kept, deed=deed.encode(), changed=seconds(now))
        events = [_signed(kept, signature)]
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
        told, more = changes(document.kind, before.content if before else {}, document.content)
        standing.add(deed, now)
        return deed_in_force(
            _ref(kept),
            path=document.path,
            previous=document.previous,
            by=[signature.person for signature in deed.signatures],
            changed=told,
            more=more,
            rights=standing.digest(),
        )

    def _check(self, document: Document, standing: Standing) -> None:
        check_proposal(document, standing, self.catalogue, self.clock.now())
        if document.kind is Kind.RULEBOOKS:
            self.examiner.require(document.content, departments(standing))

    def _examine(self, kind: Kind, content: Mapping[str, JsonValue]) -> None:
        """What takes long, before anything is locked."""
        if kind is Kind.RULEBOOKS:
            self.examiner.examine(content, departments(self.standing()))

    def _examine_pending(self, named: Sequence[str]) -> None:
        for kept in self.pending():
            deed = kept.opened()
            if deed.digest in named:
                self._examine(Kind(kept.kind), deed.document.content)

    def _record(self, work: OfficeWork, now: datetime, events: list[Draft]) -> list[Recorded]:
        return self.ledger.append(work.ledger, events, now)


def seconds(at: datetime) -> int:
    """Unix time."""
    return int(at.timestamp())


def check_founded(standing: Standing) -> None:
    """Until the three administrators are in, nobody proposes anything. Raises `ForbiddenError`."""
    if not standing.roll.is_founded:
        raise ForbiddenError("the three administrators must enrol first; until then there is nothing but enrolment")


def _check_drawer(by: Person, document: Document) -> None:
    steps = path_of(document.kind, document.path)
    may_draw = bool(steps) and document.path != FOUNDING and may_sign(by, steps[0], document)
    also = by.duty in _FIRST_DRAWERS.get(document.kind, ()) and by.partner == partner_of(document)
    if not may_draw and not also:
        raise ForbiddenError("drawing up this deed is not among the duties of this account")


def _check_kept(document: Document, standing: Standing, work: OfficeWork, now: datetime) -> None:
    """A deed that speaks of a list speaks of the one that is kept."""
    if document.kind is Kind.COHORT:
        check_kept(document, standing, work.cohorts, now)


def _check_turn(by: Person, deed: Deed) -> None:
    step = next_step(deed)
    if step is None or not may_sign(by, step, deed.document):
        raise ForbiddenError("this deed does not wait for this account")


def _redrawn(before: Document, by: Person, content: Mapping[str, JsonValue], reason: str) -> Document:
    return Document(
        log=before.log,
        kind=before.kind,
        id=before.id,
        serial=before.serial,
        previous=before.previous,
        path=before.path,
        author=by.id,
        reason=reason,
        content=content,
    )


def _pending(deeds: DeedStore, named: str) -> Kept:
    """The pending deed whose last draft has this digest: whoever signs or refuses says which text they have read."""
    for kept in deeds.pending():
        if digest(kept.opened().last.document) == named:
            return kept
    raise DeedError("no deed with this text waits for a signature; it was changed or ended meanwhile, read it again")


def _next_attempt(deeds: DeedStore, document: Document) -> int:
    attempts = deeds.attempts(document.kind, document.id)
    if any(each.state is State.PENDING for each in attempts):
        raise DeedError("a version of this deed waits for signatures already; sign or refuse that one first")
    return 1 + sum(each.serial == document.serial for each in attempts)


def _kept(deed: Deed, author: str, attempt: int, now: datetime) -> Kept:
    document = deed.document
    return Kept(
        kind=document.kind,
        id=document.id,
        serial=document.serial,
        attempt=attempt,
        state=State.PENDING,
        deed=deed.encode(),
        author=author,
        partner=partner_of(document) or "",
        entry=0,
        changed=seconds(now),
    )


def _ref(kept: Kept) -> DeedRef:
    deed = kept.opened()
    return DeedRef(kept.kind, kept.id, kept.serial, deed.digest, kept.partner or None)


def _drawn(kept: Kept, narrows: str | None = None) -> Draft:
    document = kept.opened().document
    return deed_drawn(
        _ref(kept), path=document.path, author=document.author, previous=document.previous, narrows=narrows
    )


def _signed(kept: Kept, signature: Signature) -> Draft:
    proof = sha256(signature.proof + signature.authenticator_data + signature.client_data).hexdigest()
    return deed_signed(
        _ref(kept),
        step=signature.step,
        person=signature.person,
        key=signature.kid,
        at=signature.at,
        proof_sha256=proof,
    )
