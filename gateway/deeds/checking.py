"""What makes signatures under a deed good, whoever the signers are: steps, order, times, and who may not sign twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

from audit.entry import JsonValue
from gateway.deeds.deed import Deed, Draft
from gateway.deeds.document import Document, Kind, digest, read_document
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import check_narrowing
from gateway.deeds.signature import Signature, check
from gateway.deeds.steps import FOUNDING, SELF, Step, path_of
from gateway.domain.people import PARTNER_DUTIES, Person

SKEW = timedelta(minutes=2)
"""How far ahead of our clock the time of a signature may lie."""


class Signers(Protocol):
    """Who could sign at an instant."""

    def person_at(self, person: str, at: datetime) -> Person | None:
        """The person as they were enrolled then, None if they were not."""
        ...


def check_signatures(deed: Deed, signers: Signers, now: datetime) -> Document:
    """The last document of a deed whose signatures are all good, even if some are still missing.

    1. every draft is a document of the same kind, id, serial, path and log, and narrower than the one before;
    2. the signatures follow the steps of the path, one each, their times in order and none in the future;
    3. each is by an enrolled key of somebody who had the duty then, over this very document;
    4. all signers are different human beings of different duties; nobody signs what they drew up but as its first
       signer, nor about themselves; people of a partner sign for that partner alone.

    Raises `DeedError`.
    """
    documents = [read_document(draft.document) for draft in deed.drafts]
    last = deed.document
    for document in documents:
        if _place(document) != _place(last):
            raise DeedError("此文书各稿所指不是同一事项，请重新拟稿")
    for before, after in pairwise(documents):
        check_narrowing(before, after)
    people = [
        _check_draft(draft, document, steps, signers)
        for draft, document, steps in _portions(deed, documents, path_of(last.kind, last.path))
    ]
    _check_times(deed.signatures, now)
    _check_different([person for portion in people for person in portion])
    return last


def is_complete(deed: Deed) -> bool:
    """Whether the last step is signed, under the last draft. Nothing is complete on a path that has no steps."""
    document = deed.document
    steps = path_of(document.kind, document.path)
    return bool(steps) and bool(deed.last.signatures) and len(deed.signatures) == len(steps)


def next_step(deed: Deed) -> Step | None:
    """The step that is to be signed next; None when all are."""
    document = deed.document
    steps, signed = path_of(document.kind, document.path), len(deed.signatures)
    return steps[signed] if signed < len(steps) else None


def partner_of(document: Document) -> str | None:
    """The partner that a deed is about; None when it is about none, or about who may have any."""
    if document.kind is Kind.PARTNER:
        return document.id
    partner = document.content.get("partner")
    return partner if isinstance(partner, str) else None


def may_sign(person: Person, step: Step, document: Document) -> bool:
    """Whether somebody of this duty and partner may take this step. Whether they did before is another question."""
    if not person.active or (step.duties and person.duty not in step.duties):
        return False
    if step.name == SELF:
        return person.id == document.id
    if document.kind is Kind.PERSON and document.id == person.id:
        return document.path == FOUNDING
    return person.duty not in PARTNER_DUTIES or person.partner == partner_of(document)


def _place(document: Document) -> tuple[object, ...]:
    return document.log, document.kind, document.id, document.serial, document.previous, document.path


def _portions(
    deed: Deed, documents: list[Document], steps: tuple[Step, ...]
) -> Iterable[tuple[Draft, Document, tuple[Step, ...]]]:
    """Each draft with the steps that were signed under it."""
    start = 0
    for draft, document in zip(deed.drafts, documents, strict=True):
        end = start + len(draft.signatures)
        if end > len(steps):
            raise DeedError("此文书的签名多于应签的环节，请重新拟稿")
        yield draft, document, steps[start:end]
        start = end


def _check_draft(draft: Draft, document: Document, steps: tuple[Step, ...], signers: Signers) -> list[Person]:
    named, people = digest(draft.document), list[Person]()
    for number, (signature, step) in enumerate(zip(draft.signatures, steps, strict=True)):
        if signature.step != step.name or named not in signature.deeds:
            raise DeedError("签名不属于当前环节或当前这一稿，请重新查看后签署")
        if number and signature.person == document.author:
            raise DeedError("拟稿人不得签署其后的环节，请由同事签署")
        people.append(_check_one(signature, step, document, signers))
    return people


def _check_one(signature: Signature, step: Step, document: Document, signers: Signers) -> Person:
    person = signers.person_at(signature.person, signature.time())
    if person is None or not may_sign(person, step, document):
        raise DeedError("签署人当时没有可签此环节的职责，请由有此职责的人签署")
    key = person.key(signature.kid)
    if key is None:
        raise DeedError("签名密钥当时未登记在签署人名下，请用已登记的密钥重新签署")
    check(signature, document.log, key)
    return person


def _check_times(signatures: tuple[Signature, ...], now: datetime) -> None:
    times = [signature.time() for signature in signatures]
    if times != sorted(times) or any(time > now + SKEW for time in times):
        raise DeedError("各签名时间先后颠倒，或晚于当前时间，请校准时钟后重新签署")


def _check_different(people: list[Person]) -> None:
    """Two accounts of one human being are one, and two people of one duty are one opinion."""
    for told in ({each.id for each in people}, {each.natural for each in people}, {each.duty for each in people}):
        if len(told) < len(people):
            raise DeedError("各环节须由不同职责的不同人员签署，请由同事签署")


def text_of(content: Mapping[str, JsonValue], name: str) -> str:
    """A member that must be a text. Raises `DeedError`."""
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise DeedError(f"{name} 须为非空文本")
    return value
