"""What the doors for deeds are told, and how they tell of deeds. Bytes are base64url without padding."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from audit.entry import JsonValue
from gateway.api.office.bodies import from_text, to_text
from gateway.deeds.changes import changes
from gateway.deeds.checking import may_sign, next_step
from gateway.deeds.deadlines import Times, told
from gateway.deeds.document import MAX_DOCUMENT_BYTES, Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import Foundation
from gateway.deeds.granting import read_grant
from gateway.deeds.keeping import Kept, State
from gateway.deeds.lapse import parameters_in
from gateway.deeds.leaking import sheet
from gateway.deeds.signature import MAX_DEEDS, Signature, Statement
from gateway.deeds.standing import Standing
from gateway.deeds.steps import USUAL, WITHDRAWAL, path_of
from gateway.domain.people import Person
from gateway.drafting import LONGEST_DOCUMENT, Proposal

LARGEST = 2 * MAX_DOCUMENT_BYTES
"""Rulebooks come as JSON, in which a character may take more room than in the document."""
LARGE = 2 * LONGEST_DOCUMENT
"""Everything else."""


class DrawBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/deeds`"""

    kind: str
    id: str
    content: dict[str, object]
    path: str = USUAL
    reason: str = ""

    def parse(self) -> Proposal:
        """Raises `DeedError`."""
        if self.kind not in list(Kind):
            raise DeedError(f"kind 须为其中之一：{'、'.join(Kind)}")
        content: dict[str, JsonValue] = self.content  # type: ignore[assignment]  # what JSON can hold, checked when encoded
        return Proposal(kind=Kind(self.kind), id=self.id, content=content, path=self.path, reason=self.reason)


class NarrowBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/deeds/{digest}/narrowing`"""

    content: dict[str, object]
    reason: str

    def parse(self) -> dict[str, JsonValue]:
        content: dict[str, JsonValue] = self.content  # type: ignore[assignment]  # what JSON can hold, checked when encoded
        return content


class RefusalBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/deeds/{digest}/refusal`"""

    reason: str


class StatementBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/statements`: what is to be signed with one signature."""

    deeds: list[str]
    kid: str

    def named(self) -> list[str]:
        """The deeds, each once. Raises `DeedError`."""
        if not 0 < len(self.deeds) <= MAX_DEEDS:
            raise DeedError(f"一次签署须指明 1 至 {MAX_DEEDS} 份文书")
        return sorted(set(self.deeds))


class SignatureBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/signatures`: a statement, signed."""

    step: str
    kid: str
    at: str
    deeds: list[str]
    proof: str
    authenticator_data: str = ""
    client_data: str = ""

    def parse(self, person: str) -> Signature:
        """Raises `InvalidQueryError`, `DeedError`."""
        if not 0 < len(self.deeds) <= MAX_DEEDS:
            raise DeedError(f"一个签名须列出 1 至 {MAX_DEEDS} 份文书")
        return Signature(
            self.step,
            person,
            self.kid,
            self.at,
            tuple(self.deeds),
            from_text(self.proof, "proof"),
            from_text(self.authenticator_data, "authenticator_data") if self.authenticator_data else b"",
            from_text(self.client_data, "client_data") if self.client_data else b"",
        )


def statement_document(stated: Statement) -> dict[str, object]:
    """What a key file signs (`statement`), and what an authenticator is asked (`challenge`)."""
    return {
        "step": stated.step,
        "kid": stated.kid,
        "at": stated.at,
        "deeds": list(stated.deeds),
        "statement": to_text(stated.encode()),
        "challenge": to_text(stated.challenge()),
    }


def exported(foundation: Foundation, people: Sequence[bytes], deed: bytes) -> dict[str, object]:
    """What somebody checks offline, beside a foundation that they have from elsewhere."""
    founded = {"log": foundation.log, "founders": foundation.members()}
    return {"foundation": founded, "people": [to_text(each) for each in people], "deed": to_text(deed)}


def summary(kept: Kept, person: Person, times: Times) -> dict[str, object]:
    """A deed in a list: what it is about, how far it is, until when, and whether it waits for this person."""
    deed = kept.opened()
    document, step = deed.document, next_step(deed) if kept.state is State.PENDING else None
    return {
        "kind": kept.kind,
        "id": kept.id,
        "serial": kept.serial,
        "digest": deed.digest,
        "state": kept.state.value,
        "path": document.path,
        "author": kept.author,
        "partner": kept.partner or None,
        "reason": document.reason,
        "steps": [each.name for each in path_of(document.kind, document.path)],
        "signed": [{"step": each.step, "person": each.person, "at": each.at} for each in deed.signatures],
        "next": step.name if step else None,
        **told(kept, times),
        "waits_for_me": step is not None and may_sign(person, step, document) and not _has_signed(kept, person),
        "changed": kept.changed,
        "entry": kept.entry or None,
        "note": kept.note,
    }


def whole(kept: Kept, person: Person, standing: Standing, now: datetime) -> dict[str, object]:
    """A deed with everything it says, the bytes that are signed, and what it would change."""
    deed = kept.opened()
    document = deed.document
    return {
        **summary(kept, person, Times(parameters_in(standing), now)),
        "content": document.content,
        "document": to_text(deed.last.document),
        "deed": to_text(kept.deed),
        "changes": _changes(document, standing) if kept.state is State.PENDING else [],
        "leak": _leak(document),
    }


def _leak(document: Document) -> dict[str, object] | None:
    """What a grant leaks at worst, in numbers and in words; None for what is no grant, or from before that was told."""
    if document.kind is not Kind.GRANT or document.path == WITHDRAWAL:
        return None
    leak = read_grant(document).leak
    return None if leak is None else {**leak.content(), "zh": sheet(leak)}


def _changes(document: Document, standing: Standing) -> list[dict[str, JsonValue]]:
    before = standing.get(document.kind, document.id)
    listed, _ = changes(document.kind, before.content if before else {}, document.content)
    return listed


def _has_signed(kept: Kept, person: Person) -> bool:
    return any(each.person == person.id for each in kept.opened().signatures)
