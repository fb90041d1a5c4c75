"""People who sign: three founders, a reviewer, a leader and the heads of partners, each with a key from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audit.entry import JsonValue
from gateway.deeds.deed import Deed, drawn
from gateway.deeds.document import Document, Kind
from gateway.deeds.foundation import Founder, found
from gateway.deeds.persons import person_content
from gateway.deeds.roll import Roll
from gateway.deeds.signature import Statement, sign, write_time
from gateway.deeds.steps import ACTIVATION, FOUNDING, USUAL, path_of
from gateway.domain.grant import Grant, canonical_document
from gateway.domain.people import Duty, KeyForm, Person, PersonKey

LOG = "gateway.example/audit/2026-1"
SIGNED_AT = datetime(2026, 1, 1, 0, 0, tzinfo=UTC)
STAFF = {
    "sys": Duty.SYSTEM_ADMIN,
    "sec": Duty.SECURITY_ADMIN,
    "aud": Duty.AUDIT_ADMIN,
    "reviewer": Duty.REVIEWER,
    "leader": Duty.LEADER,
}
FOUNDERS = ("sys", "sec", "aud")
PARTNERS = ("hr", "tax", *(f"dept-{place}" for place in range(1, 7)))


def key_of(account: str) -> Ed25519PrivateKey:
    """The key that this person keeps."""
    return Ed25519PrivateKey.from_private_bytes(sha256(f"key of {account}".encode()).digest())


def activation_of(account: str) -> Ed25519PrivateKey:
    """The key that this founder's activation code yields."""
    return Ed25519PrivateKey.from_private_bytes(sha256(f"activation of {account}".encode()).digest())


def public_of(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


FOUNDATION = found(LOG, [Founder(each, STAFF[each], public_of(activation_of(each))) for each in FOUNDERS])


def a_person(account: str, duty: Duty, partner: str | None = None, **changes: object) -> Person:
    """Somebody with one key file."""
    members: dict[str, object] = {
        "id": account,
        "name": f"某{account}",
        "duty": duty,
        "partner": partner,
        "natural": sha256(account.encode()).hexdigest()[:32],
        "keys": (PersonKey(account, KeyForm.ED25519, public_of(key_of(account))),),
        "active": True,
    }
    return Person(**(members | changes))  # type: ignore[arg-type]  # a table of changes


def a_document(kind: Kind, deed_id: str, content: Mapping[str, object], **changes: object) -> Document:
    """A first version on the usual path."""
    members: dict[str, object] = {
        "log": LOG,
        "kind": kind,
        "id": deed_id,
        "serial": 1,
        "previous": None,
        "path": USUAL,
        "author": "author",
        "reason": "",
        "content": content,
    }
    return Document(**(members | changes))  # type: ignore[arg-type]  # a table of changes


def signed_by(document: Document, *accounts: str, at: datetime = SIGNED_AT) -> Deed:
    """The deed with the signatures of these people under the steps of its path, in order."""
    deed = drawn(document)
    for step, account in zip(path_of(document.kind, document.path), accounts, strict=False):
        stated = Statement(document.log, step.name, account, account, write_time(at), (deed.digest,))
        deed = deed.signed(sign(key_of(account), stated))
    return deed


def founded(account: str, at: datetime = SIGNED_AT) -> Deed:
    """A founder's first deed."""
    person = a_person(account, STAFF[account])
    document = a_document(Kind.PERSON, account, person_content(person), path=FOUNDING, author=account)
    deed = drawn(document)
    stated = Statement(LOG, "activate", account, ACTIVATION, write_time(at), (deed.digest,))
    return deed.signed(sign(activation_of(account), stated))


def enrolled(person: Person, **changes: object) -> Deed:
    """The deed of a person, signed by the two administrators."""
    return signed_by(a_document(Kind.PERSON, person.id, person_content(person), **changes), "sys", "sec")


@cache
def people() -> tuple[Deed, ...]:
    """The deeds of everybody here, in the order in which they came into force."""
    staff = [a_person(each, STAFF[each]) for each in STAFF if each not in FOUNDERS]
    heads = [a_person(f"{partner}-head", Duty.HEAD, partner) for partner in PARTNERS]
    return (*(founded(each) for each in FOUNDERS), *(enrolled(each) for each in (*staff, *heads)))


@cache
def known() -> tuple[bytes, ...]:
    """The same, as the sealing process is told."""
    return tuple(deed.encode() for deed in people())


def a_roll() -> Roll:
    """Everybody here is on it."""
    return Roll(FOUNDATION, people())


def granted(grant: Grant, *accounts: str, **changes: object) -> Deed:
    """The deed of a grant, signed by the head of its partner, a reviewer and a leader, unless the test says others."""
    content = {name: value for name, value in canonical_document(grant).items() if name != "number"}
    document = a_document(Kind.GRANT, grant.number, cast("Mapping[str, JsonValue]", content), **changes)
    return signed_by(document, *(accounts or (f"{grant.partner}-head", "reviewer", "leader")))
