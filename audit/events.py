"""The catalogue of events: one function per kind; nobody builds an entry from loose strings.

Each returns a `Draft`; the ledger adds number, time and links. The clear body says only what the caller was
told. A subject's number, the operator and inner causes are disclosures; claimed values are not recorded at all.
`audit/kinds.py` tells what each kind says, for `docs/audit-events.md`.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from msgspec import Struct

from audit.disclosure import Secret, secret
from audit.entry import JsonValue, encode_typed
from audit.errors import DisclosureError, EntryError
from audit.kind import Kind
from audit.kinds import (
    COMPARISON_ANSWERED,
    COMPARISON_REFUSED,
    GENERATION_ADOPTED,
    LOG_OPENED,
)
from audit.tallies import Tally

MAX_BODY_BYTES = 14 * 1024
"""Leaves room for number, time and links within the limit of an entry."""


MAX_INNER_RULES = 8


class Draft(Struct, frozen=True, gc=False):
    """An event before it has a place in the ledger. `partner` names whose chain it belongs to, if any.

    `tally` is what it adds to the hour it is recorded in; the body says the same.
    """

    type: str
    partner: str | None
    body: bytes
    secrets: tuple[Secret, ...] = ()
    tally: Tally | None = None

    def __repr__(self) -> str:
        """Show the kind and whose it is."""
        return f"Draft({self.type!r}, partner={self.partner!r})"


class PolicyRef(NamedTuple):
    """Which version of the rulebooks judged."""

    number: int
    sha256: str


class DataRef(NamedTuple):
    """Which state of the register answered: its digest and its time (RFC 3339), as the caller was told."""

    version: str
    time: str


class Asked(Struct, frozen=True, kw_only=True, gc=False):
    """What was asked, without any claimed value. `subject`, `operator` and `matter` become disclosures.

    `grant` and `purpose` stand in clear, so they are given only where they are names that are known here. `signature`
    is that of a signed request; an entry without one has no member for it.
    """

    partner: str
    client: str
    grant: str | None
    purpose: str | None
    kind: str
    fields: tuple[tuple[str, str], ...]
    as_of: str | None
    network: str
    request_sha256: str
    subject: str
    operator: str
    matter: str | None
    signature: str | None = None

    def __repr__(self) -> str:
        """Show what was asked under, not about whom or by whom."""
        return f"Asked(client={self.client!r}, grant={self.grant!r}, purpose={self.purpose!r})"


class Inner(Struct, frozen=True, kw_only=True, gc=False):
    """What the caller was not told: the true cause, the rules behind a refusal, budgets before and after.

    `seen` is what the watch saw, where it looked; it is left out where a very long matter leaves no room for it.
    """

    cause: str
    rules: tuple[str, ...] = ()
    budgets: Mapping[str, tuple[int, int]] = {}
    seen: str = ""

    def __repr__(self) -> str:
        """Say nothing: causes stay out of logs."""
        return "Inner(***)"


class Terms(Struct, frozen=True, gc=False):
    """What all comparisons answered under one verdict say alike, written once. Made by `terms`."""

    partner: str
    grant: str
    claims: int
    kind: str
    before: bytes
    between: bytes
    after: bytes

    def body(self, outcome: bytes, request_sha256: str, response_sha256: str, signature: str | None = None) -> bytes:
        """Write the clear part of one of these comparisons; its own members come in where the order puts them."""
        return b'{%b,"outcome":%b,%b,"request_sha256":"%b","response_sha256":"%b",%b%b}' % (
            self.before,
            outcome,
            self.between,
            request_sha256.encode(),
            response_sha256.encode(),
            self.after,
            b',"signature":"%b"' % signature.encode() if signature else b"",
        )


def terms(
    asked: Asked, *, rules: tuple[str, ...], policy: PolicyRef, data: DataRef, counts: Mapping[str, int]
) -> Terms:
    """Write what a comparison shares with every other one under the same verdict; `asked` may be that of any."""
    between = {"policy": _policy(policy), "purpose": asked.purpose}
    before, after = _members(_asked(asked, data, counts)), _members({"rules": rules})
    claims = counts.get("claims", 0)
    return Terms(asked.partner, asked.grant or "", claims, asked.kind, before, _members(between), after)


def outcome(subject: str, fields: Mapping[str, str]) -> bytes:
    """Write the codes of an answer; they are the end of what the caller is told, too."""
    return encode_typed({"fields": dict(fields), "subject": subject})


def answered(
    terms: Terms,
    inner: Inner,
    *,
    subject: str,
    operator: str,
    matter: str | None,
    told: str,
    outcome: bytes,
    request_sha256: str,
    response_sha256: str,
    signature: str | None = None,
) -> Draft:
    """A comparison was answered with these codes, of which `told` is the subject's; `subject` is its number,
    `signature` that of the request.
    """
    body = terms.body(outcome, request_sha256, response_sha256, signature)
    if len(body) > MAX_BODY_BYTES:
        raise EntryError(f"{len(body)} bytes are more than there is room for ({MAX_BODY_BYTES}); ask for less at once")
    sealed = (_comparison(terms.kind, subject, operator, matter, inner),)
    tally = Tally(terms.grant, told, terms.claims)
    return Draft(COMPARISON_ANSWERED.type, terms.partner, body, sealed, tally)


def comparison_refused(
    asked: Asked,
    inner: Inner,
    *,
    policy: PolicyRef,
    data: DataRef | None,
    counts: Mapping[str, int],
    reason: str,
    incident: str,
    response_sha256: str,
) -> Draft:
    """A comparison was refused; the rules behind it belong into `inner`."""
    told: dict[str, JsonValue] = {
        "outcome": {"refused": reason, "incident": incident},
        "policy": _policy(policy),
        "purpose": asked.purpose,
        "request_sha256": asked.request_sha256,
        "response_sha256": response_sha256,
    }
    if asked.signature:
        told["signature"] = asked.signature
    comparison = _comparison(asked.kind, asked.subject, asked.operator, asked.matter, inner)
    body = encode_typed(_asked(asked, data, counts) | told, MAX_BODY_BYTES)
    tally = Tally(asked.grant or "", reason, counts.get("claims", 0))
    return Draft(COMPARISON_REFUSED.type, asked.partner, body, (comparison, _rules(inner.rules)), tally)


def log_opened(
    *, origin: str, vkeys: Sequence[str], founders: Sequence[Mapping[str, JsonValue]] = (), previous: str | None = None
) -> Draft:
    """Entry 0: which log this is, who signs it, and from whom all rights follow."""
    body: dict[str, JsonValue] = {"origin": origin, "vkeys": list(vkeys), "founders": founders, "previous": previous}
    return event(LOG_OPENED, None, body)


def generation_adopted(
    *,
    generation: str,
    data: DataRef,
    manifest_sha256: str,
    catalogue_version: str,
    catalogue_sha256: str,
    records: Mapping[str, int],
) -> Draft:
    """The sealed index answers from this state of the register from now on."""
    body: dict[str, JsonValue] = {
        "generation": generation,
        "data": _data(data),
        "manifest_sha256": manifest_sha256,
        "catalogue": {"version": catalogue_version, "sha256": catalogue_sha256},
        "records": dict(records),
    }
    return event(GENERATION_ADOPTED, None, body)


def event(kind: Kind, partner: str | None, body: Mapping[str, JsonValue], secrets: tuple[Secret, ...] = ()) -> Draft:
    """An event of a kind; for the modules that have a function for each."""
    return Draft(kind.type, partner, encode_typed(body, MAX_BODY_BYTES), secrets)


def _asked(asked: Asked, data: DataRef | None, counts: Mapping[str, int]) -> dict[str, JsonValue]:
    return {
        "as_of": asked.as_of,
        "client": asked.client,
        "counts": dict(counts),
        "data": _data(data) if data else None,
        "fields": asked.fields,
        "grant": asked.grant,
        "kind": asked.kind,
        "network": asked.network,
    }


def _members(members: Mapping[str, JsonValue]) -> bytes:
    """Write members as they stand within a larger object."""
    return encode_typed(members, MAX_BODY_BYTES)[1:-1]


def _comparison(kind: str, subject: str, operator: str, matter: str | None, inner: Inner) -> Secret:
    within: dict[str, JsonValue] = {"budgets": dict(inner.budgets), "cause": inner.cause}
    if inner.seen:
        with suppress(DisclosureError):
            return secret("comparison", subject, operator, matter, within | {"seen": inner.seen}, kind=kind)
    return secret("comparison", subject, operator, matter, within, kind=kind)


def _rules(rules: Sequence[str]) -> Secret:
    """A frame holds only so many rules; the others follow from the policy version, and their number is told."""
    return secret("rules", {"ids": rules[:MAX_INNER_RULES], "more": max(0, len(rules) - MAX_INNER_RULES)})


def _policy(policy: PolicyRef) -> dict[str, JsonValue]:
    return {"number": policy.number, "sha256": policy.sha256}


def _data(data: DataRef) -> dict[str, JsonValue]:
    return {"version": data.version, "time": data.time}
