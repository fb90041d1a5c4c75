"""Where an entry is written: what each hearing of a turn came to, and the receipts of what was answered.

The clear part of an entry says what the caller was told and no more. The subject's number, the operator and the inner
cause with the budgets are disclosures, encrypted beside it; claimed values are recorded nowhere.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from audit.entry import encode_typed
from audit.events import Asked, DataRef, Draft, Inner, PolicyRef, Terms, answered, comparison_refused, outcome, terms
from audit.ledger import Ledger, LedgerStore, Recorded
from audit.receipt import SALT_BYTES, ReceiptBody, ReceiptSigner, salted_digest, sign_turn
from audit.suite import Digest
from gateway.domain.answer import Disclosed, FieldCode
from gateway.domain.reply import Answered, Refused
from gateway.grants import Granted
from gateway.hearing import Hearing
from gateway.ports import DataVersion
from gateway.seal import Entropy
from gateway.watch.budgets import Spent
from gateway.watch.recorded import Seen, refused
from policies.decision import PolicyVersion, Refusal


class _Standing(msgspec.Struct, frozen=True):
    """What all answers under one verdict say alike: in their entries, at the beginning of the answer, on receipts."""

    terms: Terms
    opening: bytes
    policy: PolicyRef


class _Written(msgspec.Struct, frozen=True):
    """A hearing with the draft of its entry and what its receipt will say."""

    hearing: Hearing
    draft: Draft
    salt: bytes
    answer: bytes
    policy: PolicyRef
    digests: tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """Writes the entries of a turn and signs its receipts. Nothing it makes may be released before the commit."""

    origin: str
    ledger: Ledger
    signer: ReceiptSigner
    entropy: Entropy

    def record(self, hearings: Sequence[Hearing], store: LedgerStore, version: DataVersion, at: datetime) -> None:
        """Gives every hearing its entry and its reply."""
        if not hearings:
            return
        writer = _Writer(data_ref(version), self.entropy, self.ledger.digest)
        salts = self.entropy(SALT_BYTES * len(hearings))
        written = [
            writer.write(hearing, salts[SALT_BYTES * n : SALT_BYTES * (n + 1)]) for n, hearing in enumerate(hearings)
        ]
        recorded = self.ledger.append(store, [each.draft for each in written], at)
        for each, entry in zip(written, recorded, strict=True):
            each.hearing.entry = entry.index
        self._reply(list(zip(written, recorded, strict=True)), writer.data)

    def note(self, drafts: Sequence[Draft], store: LedgerStore, at: datetime) -> list[int]:
        """Gives what a turn did besides its entries, behind those of the hearings; by which numbers."""
        return [each.index for each in self.ledger.append(store, drafts, at)] if drafts else []

    def _reply(self, recorded: Sequence[tuple[_Written, Recorded]], data: DataRef) -> None:
        told = [
            (written, entry) for written, entry in recorded if written.hearing.told and written.hearing.reply is None
        ]
        bodies = [_body(written, entry, data) for written, entry in told]
        receipts = sign_turn(bodies, told[0][1].index, self.origin, self.signer, self.ledger.digest) if told else []
        for (written, _), receipt in zip(told, receipts, strict=True):
            written.hearing.reply = Answered(written.answer[:-1] + b',"receipt":' + receipt.json_bytes() + b"}")


class _Writer:
    """Writes what the hearings of one turn came to."""

    def __init__(self, data: DataRef, entropy: Entropy, digest: Digest) -> None:
        self.data = data
        self._entropy, self._digest = entropy, digest
        self._place = -1
        self._standing: dict[int, _Standing] = {}
        """By the verdict itself: hearings that share it were alike in all it says, and live as long as the turn."""

    def write(self, hearing: Hearing, salt: bytes) -> _Written:
        verdict = hearing.verdict
        self._place += 1
        if isinstance(verdict, Granted) and hearing.told:
            return self._write_answer(hearing, verdict, hearing.told, salt)
        if isinstance(verdict, Refusal):
            return self._write_refusal(hearing, verdict, salt)
        raise RuntimeError("a hearing ended without a verdict")

    def _digests(self, salt: bytes, hearing: Hearing, answer: bytes) -> tuple[str, str]:
        request = salted_digest(salt, "request", hearing.request.body, self._digest)
        return request, salted_digest(salt, "response", answer, self._digest)

    def _write_answer(self, hearing: Hearing, granted: Granted, told: Disclosed, salt: bytes) -> _Written:
        standing = self._standing.get(id(granted)) or self._stand(hearing, granted, told)
        query, codes = hearing.request.query, outcome(told.subject, told.fields)
        answer = standing.opening + codes[1:]
        digests = self._digests(salt, hearing, answer)
        draft = answered(
            standing.terms,
            Inner(
                cause=hearing.outcome.cause if hearing.outcome else "",
                budgets=_budgets(hearing.spent),
                seen=_seen(hearing, self._place),
            ),
            subject=query.subject.number,
            operator=query.operator,
            matter=query.matter,
            told=told.subject,
            outcome=codes,
            request_sha256=digests[0],
            response_sha256=digests[1],
            signature=_signature(hearing),
        )
        return _Written(hearing, draft, salt, answer, standing.policy, digests)

    def _stand(self, hearing: Hearing, granted: Granted, told: Disclosed) -> _Standing:
        as_of, policy = granted.as_of.isoformat(), _policy(granted.permit.policy)
        made = terms(
            _asked(hearing, as_of, ""), rules=granted.permit.rules, policy=policy, data=self.data, counts=_counts(told)
        )
        opening = encode_typed({"as_of": as_of, "data": self.data._asdict()})[:-1] + b","
        standing = self._standing[id(granted)] = _Standing(made, opening, policy)
        return standing

    def _write_refusal(self, hearing: Hearing, refusal: Refusal, salt: bytes) -> _Written:
        incident = hearing.incident or self._entropy(8).hex()
        answer = encode_typed({"incident": incident, "reason": refusal.reason})
        digests = self._digests(salt, hearing, answer)
        policy = _policy(refusal.policy)
        draft = comparison_refused(
            _asked(hearing, None, digests[0]),
            Inner(
                cause=refusal.cause,
                rules=refusal.rules,
                budgets=_budgets(hearing.spent),
                seen=_seen(hearing, self._place),
            ),
            policy=policy,
            data=self.data,
            counts={"claims": len(hearing.request.query.claims)},
            reason=refusal.reason,
            incident=incident,
            response_sha256=digests[1],
        )
        hearing.reply = Refused(refusal.reason, incident, hearing.wants)
        return _Written(hearing, draft, salt, answer, policy, digests)


def _body(written: _Written, entry: Recorded, data: DataRef) -> ReceiptBody:
    return ReceiptBody(
        index=entry.index,
        leaf=entry.leaf,
        request_sha256=written.digests[0],
        response_sha256=written.digests[1],
        policy=written.policy,
        data=data,
        time=entry.time,
        salt=written.salt,
    )


def _asked(hearing: Hearing, as_of: str | None, request_sha256: str) -> Asked:
    caller, query, grant = hearing.request.caller, hearing.request.query, hearing.grant
    has_purpose = grant is not None and grant.purpose == query.purpose
    return Asked(
        partner=caller.partner,
        client=caller.client_id,
        grant=grant.number if grant else None,
        purpose=query.purpose if has_purpose else None,
        kind=query.subject.kind,
        fields=query.asked,
        as_of=as_of,
        network=caller.network,
        subject=query.subject.number,
        operator=query.operator,
        matter=query.matter,
        request_sha256=request_sha256,
        signature=_signature(hearing),
    )


def _signature(hearing: Hearing) -> str | None:
    """What is kept of a signed request, so that whoever asked cannot deny it."""
    signature = hearing.request.caller.signature
    return None if signature is None else b64encode(signature).decode()


def _policy(version: PolicyVersion | None) -> PolicyRef:
    if version is None:
        raise RuntimeError("a verdict names no policy version")
    return PolicyRef(version.number, version.digest)


def _counts(told: Disclosed) -> Mapping[str, int]:
    return {"claims": len(told.fields)}


def _seen(hearing: Hearing, place: int) -> str:
    """What the watch saw, so that a replay sees it again: also of what it withheld, whose outcome nobody was told."""
    watched, outcome, spent = hearing.watched, hearing.outcome, hearing.spent
    if watched is None:
        return ""
    if outcome is None or spent is None:
        return refused(watched, place)
    return Seen(
        epoch=watched.epoch,
        place=place,
        cause=outcome.cause,
        is_known=hearing.is_known,
        is_decoy=hearing.is_decoy,
        is_first=spent.is_first,
        is_mismatched=FieldCode.MISMATCH in outcome.codes.values(),
        unit=watched.unit,
        is_protected=hearing.is_protected,
    ).text()


def _budgets(spent: Spent | None) -> Mapping[str, tuple[int, int]]:
    """Before and after: distinct subjects by window, and comparisons of the day. Short names: their frame is full."""
    if spent is None:
        return {}
    before, after = spent.before, spent.after
    return {
        "day": (before.subjects_today, after.subjects_today),
        "days_30": (before.subjects_30_days, after.subjects_30_days),
        "year": (before.subjects_year, after.subjects_year),
        "comparisons": (before.comparisons_today, after.comparisons_today),
    }


@lru_cache(maxsize=16)
def data_ref(version: DataVersion) -> DataRef:
    """A data version as answers and entries spell it."""
    return DataRef(version.digest, version.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
