"""What is kept of a deed on its way, and what the ledger is told of each act."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from audit.deed_events import DeedRef, deed_drawn, deed_in_force, deed_refused, deed_signed
from audit.events import Draft
from gateway.deeds.changes import changes
from gateway.deeds.checking import next_step, partner_of
from gateway.deeds.deed import Deed
from gateway.deeds.document import Document, digest
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import DeedStore, Kept, State
from gateway.deeds.signature import Signature
from gateway.deeds.steps import TAKES_AWAY
from gateway.domain.people import Person


def seconds(at: datetime) -> int:
    """Unix time."""
    return int(at.timestamp())


def pending(deeds: DeedStore, named: str) -> Kept:
    """The pending deed whose last draft has this digest: whoever signs or refuses says which text they have read."""
    for kept in deeds.pending():
        if digest(kept.opened().last.document) == named:
            return kept
    raise DeedError("待签文书中没有这一稿，它可能已改稿或办结，请重新查看")


def next_attempt(deeds: DeedStore, document: Document) -> int:
    """How many times this version was tried, with this one. Raises `DeedError` while another waits.

    What takes a right away waits for nobody: whoever wanted to keep it could leave a draft in the way. Only the same
    person does not draw it up twice.
    """
    attempts = deeds.attempts(document.kind, document.id)
    waiting = [each for each in attempts if each.state is State.PENDING]
    if (document.kind, document.path) in TAKES_AWAY:
        waiting = [each for each in waiting if each.author == document.author]
    if waiting:
        raise DeedError("此文书已有一版待签，请先签署或退回那一版")
    return 1 + sum(each.serial == document.serial for each in attempts)


def new_kept(deed: Deed, author: str, attempt: int, now: datetime) -> Kept:
    """What is kept of a deed that was just drawn up."""
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


def drawn_up(kept: Kept, narrows: str | None = None) -> Draft:
    """Somebody drew it up, or narrowed another draft."""
    document = kept.opened().document
    return deed_drawn(
        _ref(kept), path=document.path, author=document.author, previous=document.previous, narrows=narrows
    )


def signed(kept: Kept, signature: Signature) -> Draft:
    """Somebody signed a step."""
    proof = sha256(signature.proof + signature.authenticator_data + signature.client_data).hexdigest()
    return deed_signed(
        _ref(kept),
        step=signature.step,
        person=signature.person,
        key=signature.kid,
        at=signature.at,
        proof_sha256=proof,
    )


def refused(kept: Kept, by: Person, reason: str) -> Draft:
    """Somebody refused it."""
    step, hashed = next_step(kept.opened()), sha256(reason.encode()).hexdigest()
    return deed_refused(_ref(kept), step=step.name if step else "", person=by.id, reason_sha256=hashed)


def in_force(kept: Kept, before: Document | None, rights: str) -> Draft:
    """It came into force, in place of the version before; `rights` is the digest over everything after that."""
    deed = kept.opened()
    document = deed.document
    told, more = changes(document.kind, before.content if before else {}, document.content)
    return deed_in_force(
        _ref(kept),
        path=document.path,
        previous=document.previous,
        by=[signature.person for signature in deed.signatures],
        changed=told,
        more=more,
        rights=rights,
    )
