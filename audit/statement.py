"""Statements (对账单, `bidui-statement/1`): all that was recorded of one system's comparisons on one day.

A day is one of Asia/Shanghai and holds the entries whose log time lies in it: a range of the ledger without a gap. A
statement says how many of them are comparisons of the system, and gives a root over each kind that its holder can
recompute from nothing but what it was told:

    answered: RFC 6962 root over the canonical bodies of the receipts, in the order of the ledger
    refused:  RFC 6962 root over {"incident", "reason"} of the refusals, sorted by their bytes
    signed text = bidui-statement/1 LF origin LF partner LF system LF day LF hash of the body, base64 LF

What hashes is the log's suite. The receipt key signs it, in the form of a C2SP note signature; the first line keeps it
apart from receipts. A day without comparisons has a statement too. Operators are behind salted digests
(`audit/statement_operators.py`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

import msgspec
from msgspec import Struct

from audit.entry import JsonValue, encode, encode_typed, leaf_hash
from audit.errors import EntryError, NoteError, ReceiptError
from audit.events import DataRef, PolicyRef
from audit.kinds import COMPARISON_ANSWERED, COMPARISON_REFUSED
from audit.note import NoteVerifier, from_base64
from audit.receipt import ReceiptBody, ReceiptSigner
from audit.suite import INTL, Digest
from audit.tree import extend, root

FORMAT: Final = "bidui-statement/1"
_HOURS = timedelta(hours=8)
"""China has had no summer time since 1991; a statement must not depend on the zone files of whoever checks it."""
_DAY = timedelta(days=1)
_MARK = b'"type":"comparison.'


class Spot(Struct, frozen=True, gc=False):
    """Where an entry stands: in the ledger, and in its partner's chain."""

    index: int
    pseq: int

    def members(self) -> dict[str, JsonValue]:
        """For JSON."""
        return {"index": self.index, "pseq": self.pseq}


class Comparison(Struct, frozen=True, kw_only=True, gc=False):
    """A comparison as its statement counts it. `told` is what its holder has of it: the receipt's body, or the refusal.

    `incident` and `reason` are empty for an answer.
    """

    place: Spot
    id: str
    time: str
    partner: str
    system: str
    grant: str | None
    network: str
    told: bytes
    incident: str
    reason: str

    def leaf(self, digest: Digest = INTL.digest) -> bytes:
        """Its hash in the statement's tree."""
        return leaf_hash(self.told, digest)


class Counted(Struct, frozen=True):
    """How many there are of a kind, and the root over them."""

    count: int
    root: bytes

    def members(self) -> dict[str, JsonValue]:
        """For JSON."""
        return {"count": self.count, "root": self.root.hex()}


class Statement(Struct, frozen=True, kw_only=True):
    """What one statement says. `before` is the first index behind the day; `operators` a root over
    salted digests.
    """

    origin: str
    partner: str
    system: str
    day: date
    answered: Counted
    refused: Counted
    first: Spot | None
    last: Spot | None
    before: int
    operators: str

    def canonical(self) -> bytes:
        """The body that is signed and hashed."""
        since, until = bounds(self.day)
        return encode(
            {
                "answered": self.answered.members(),
                "before": self.before,
                "day": self.day.isoformat(),
                "first": self.first.members() if self.first else None,
                "from": _instant(since),
                "last": self.last.members() if self.last else None,
                "operators": self.operators,
                "origin": self.origin,
                "partner": self.partner,
                "refused": self.refused.members(),
                "system": self.system,
                "until": _instant(until),
                "v": 1,
            }
        )


def bounds(day: date) -> tuple[datetime, datetime]:
    """The first instant of a local day, and the first behind it."""
    since = datetime(day.year, day.month, day.day, tzinfo=UTC) - _HOURS
    return since, since + _DAY


def day_of(at: datetime) -> date:
    """The local day of an instant."""
    return (at.astimezone(UTC) + _HOURS).date()


def read_comparison(content: bytes, origin: str, digest: Digest = INTL.digest) -> Comparison | None:
    """The comparison in an entry of this log; None for any other kind. Raise `EntryError` for a broken one."""
    if _MARK not in content:
        return None
    try:
        entry = _entries.decode(content)
        if entry.type not in _KINDS or entry.partner is None:
            return None
        body = _bodies.decode(entry.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EntryError("a comparison's entry does not have the members of one") from error
    outcome = body.outcome
    if outcome.refused:
        told = refusal(outcome.incident, outcome.refused)
    else:
        told = _receipt(entry, body, leaf_hash(content, digest), origin)
    place = Spot(entry.seq, entry.pseq)
    return Comparison(
        place=place,
        id=entry.id,
        time=entry.log_time,
        partner=entry.partner,
        system=body.client,
        grant=body.grant,
        network=body.network,
        told=told,
        incident=outcome.incident,
        reason=outcome.refused,
    )


def log_time_of(content: bytes) -> str:
    """When an entry was recorded, as it spells it. Raise `EntryError`."""
    try:
        return _times.decode(content).log_time
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EntryError("an entry without a time") from error


def refusal(incident: str, reason: str) -> bytes:
    """What a refused caller was told, as it is hashed."""
    return encode_typed({"incident": incident, "reason": reason})


def counted(told: Iterable[bytes], digest: Digest = INTL.digest) -> Counted:
    """Count and root over what was told, in this order."""
    leaves = [leaf_hash(each, digest) for each in told]
    frontier: list[bytes] = []
    extend(frontier, 0, leaves, digest)
    return Counted(len(leaves), root(frontier, digest))


def state(
    comparisons: Sequence[Comparison],
    *,
    origin: str,
    partner: str,
    system: str,
    day: date,
    before: int,
    operators: str,
    digest: Digest = INTL.digest,
) -> Statement:
    """The statement over one system's comparisons of a day, which come in the order of the ledger."""
    places = [each.place for each in comparisons]
    return Statement(
        origin=origin,
        partner=partner,
        system=system,
        day=day,
        answered=counted((each.told for each in comparisons if not each.incident), digest),
        refused=counted(sorted(each.told for each in comparisons if each.incident), digest),
        first=places[0] if places else None,
        last=places[-1] if places else None,
        before=before,
        operators=operators,
    )


def sign(statement: Statement, signer: ReceiptSigner, digest: Digest = INTL.digest) -> bytes:
    """The signed statement, as canonical JSON."""
    body = statement.canonical()
    text = _text(statement.origin, statement.partner, statement.system, statement.day.isoformat(), digest(body))
    return b'{"body":%b,"signature":"%b","type":"bidui-statement/1"}' % (body, b64encode(signer.sign(text)))


def body_of(document: bytes) -> bytes:
    """The canonical body within a signed statement. Raise `ReceiptError` for anything else."""
    return _read(document)[1]


def verify(document: bytes, verifier: NoteVerifier, digest: Digest = INTL.digest) -> bytes:
    """The body of a statement that this receipt key signed. Raise `ReceiptError`."""
    top, body = _read(document)
    signature = from_base64(top.signature)
    text = _text(top.body.origin, top.body.partner, top.body.system, top.body.day, digest(body))
    if signature[:4] != verifier.key_id or not verifier.verify(text, signature[4:]):
        raise ReceiptError("the statement was changed, or another key signed it")
    return body


def month_root(bodies: Iterable[bytes], digest: Digest = INTL.digest) -> str:
    """The root over the bodies of a partner's statements of a month, by day, then system: what is acknowledged."""
    return counted(bodies, digest).root.hex()


def _text(origin: str, partner: str, system: str, day: str, digest: bytes) -> str:
    return f"{FORMAT}\n{origin}\n{partner}\n{system}\n{day}\n{b64encode(digest).decode()}\n"


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _receipt(entry: _Entry, body: _Body, leaf: bytes, origin: str) -> bytes:
    made = ReceiptBody(
        index=entry.seq,
        leaf=leaf,
        request_sha256=body.request_sha256,
        response_sha256=body.response_sha256,
        policy=PolicyRef(body.policy.number, body.policy.sha256),
        data=DataRef(body.data.version, body.data.time) if body.data else None,
        time=entry.log_time,
        salt=b"",
    )
    return made.canonical(origin)


def _read(document: bytes) -> tuple[_Top, bytes]:
    try:
        top = _tops.decode(document)
        from_base64(top.signature)
        return top, encode(msgspec.to_builtins(top.body))
    except (msgspec.DecodeError, UnicodeDecodeError, EntryError, NoteError) as error:
        raise ReceiptError(f"not a statement of the form {FORMAT}") from error


_KINDS = frozenset({COMPARISON_ANSWERED.type, COMPARISON_REFUSED.type})


class _Data(Struct, frozen=True):
    version: str
    time: str


class _Policy(Struct, frozen=True):
    number: int
    sha256: str


class _Outcome(Struct, frozen=True):
    refused: str = ""
    incident: str = ""


class _Body(Struct, frozen=True):
    client: str
    grant: str | None
    network: str
    outcome: _Outcome
    policy: _Policy
    request_sha256: str
    response_sha256: str
    data: _Data | None = None


class _Entry(Struct, frozen=True):
    seq: int
    id: str
    log_time: str
    type: str
    body: msgspec.Raw
    partner: str | None = None
    pseq: int = 0


class _Time(Struct, frozen=True):
    log_time: str


class _Count(Struct, frozen=True, forbid_unknown_fields=True):
    count: int
    root: str


class _Placed(Struct, frozen=True, forbid_unknown_fields=True):
    index: int
    pseq: int


class _Stated(Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    answered: _Count
    before: int
    day: str
    first: _Placed | None
    since: str
    last: _Placed | None
    operators: str
    origin: str
    partner: str
    refused: _Count
    system: str
    until: str
    v: Literal[1]


class _Top(Struct, frozen=True, forbid_unknown_fields=True):
    body: _Stated
    signature: str
    type: Literal["bidui-statement/1"]


_entries = msgspec.json.Decoder(_Entry)
_times = msgspec.json.Decoder(_Time)
_bodies = msgspec.json.Decoder(_Body)
_tops = msgspec.json.Decoder(_Top)
