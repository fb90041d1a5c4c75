"""Statements (对账单, `bidui-statement/1`): hold what the gateway says was asked in a day against what was kept of it.

    answered: RFC 6962 root over the canonical JSON of the receipts' bodies, by index
    refused:  RFC 6962 root over the canonical JSON of {"incident", "reason"}, sorted
    signed text = bidui-statement/1 LF origin LF partner LF system LF day LF hash of the body, base64 LF

An entry that nothing was kept of was asked by somebody else with this system's credentials, or its answer was lost on
its way; a receipt that is not in the statement was suppressed. Both are for the register's office to explain.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

from bidui_client.errors import ProtocolError, StatementError
from bidui_client.receipt import canonical, signer
from bidui_client.suites import Digest
from bidui_client.values import Told

FORMAT = "bidui-statement/1"
LOST_SECONDS = 3600
"""How far a refusal's own time may be from the gateway's."""
_SHANGHAI = timedelta(hours=8)


@dataclass(frozen=True)
class Kept:
    """What was kept of all questions: bodies of receipts, and refusals with the time they came."""

    receipts: Sequence[Told] = ()
    refusals: Mapping[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    """By incident: the reason, and the Unix time."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry of the statement: a refusal if it has an incident."""

    index: int
    time: str
    leaf: str
    incident: str = ""
    reason: str = ""
    grant: str | None = None
    network: str = ""


@dataclass(frozen=True, kw_only=True)
class StatementCheck:
    """What came of holding a statement against what was kept.

    `unknown` are entries that nothing was kept of; `missing` indexes of receipts, and `missing_refusals` incidents,
    that the statement does not have. `operators` are who acted, with how many answers and refusals.
    """

    day: date
    system: str
    answered: int
    refused: int
    unknown: tuple[Entry, ...] = ()
    missing: tuple[int, ...] = ()
    missing_refusals: tuple[str, ...] = ()
    operators: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return not (self.unknown or self.missing or self.missing_refusals)


def read_kept(folder: Path) -> Kept:
    """What `Account.receipts` holds. Raises `StatementError` for a file that is not what it wrote, `OSError`."""
    receipts: dict[bytes, Told] = {}
    refusals: dict[str, tuple[str, int]] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if "refused" in kept:
                refusals[kept["refused"]["incident"]] = (kept["refused"]["reason"], int(kept["at"]))
            else:
                body = kept["answer"]["receipt"]["body"]
                receipts[canonical(body)] = body
        except (ValueError, LookupError, TypeError):
            raise StatementError(f"{path.name} in the folder of receipts cannot be read; move it elsewhere") from None
    return Kept(sorted(receipts.values(), key=lambda body: int(body["index"])), refusals)


def check_statement(
    vkey: str, told: Told, kept: Kept, *, system: str, day: date, entries: Sequence[Entry] | None = None
) -> StatementCheck | None:
    """Hold the statement in `told`, as the gateway gave it, against what was kept.

    None when the two differ and `entries` were not given: with all entries of the statement it says where. Raises
    `StatementError` for a statement that proves nothing, or of another system or day.
    """
    body, digest = _signed(vkey, told, system, day)
    operators = _operators(told, body, digest)
    own = Kept([each for each in kept.receipts if _is_of(each, body)], kept.refusals)
    whole = StatementCheck(
        day=day,
        system=system,
        answered=body["answered"]["count"],
        refused=body["refused"]["count"],
        operators=operators,
    )
    if entries is None and _agrees(own, body, digest):
        return whole
    if entries is None:
        return None
    _check_entries(entries, body, digest)
    return _compared(whole, own, entries, body, digest)


def read_entries(told: Iterable[Told]) -> list[Entry]:
    """Entries from the gateway's pages of them. Raises `ProtocolError`."""
    names = ("index", "time", "leaf", "incident", "reason", "grant", "network")
    try:
        return [Entry(**{name: each[name] for name in names}) for page in told for each in page["entries"]]
    except (LookupError, TypeError):
        raise ProtocolError("the entries have a form that this client does not know") from None


def _signed(vkey: str, told: Told, system: str, day: date) -> tuple[Told, Digest]:
    try:
        statement = told["statement"]
        body = statement["body"]
        digest, holds = signer(vkey, statement["signature"])
        hashed = b64encode(digest(canonical(body))).decode()
        named = "\n".join(str(body[name]) for name in ("origin", "partner", "system", "day"))
        is_proof = statement["type"] == FORMAT and holds(f"{FORMAT}\n{named}\n{hashed}\n".encode())
        is_ours = (body["system"], body["day"], body["v"]) == (system, day.isoformat(), 1)
    except (LookupError, TypeError, ValueError, AttributeError):
        is_proof = is_ours = False
    if not is_proof:
        raise StatementError("the statement is not signed by the gateway's key; keep it and tell the register's office")
    if not is_ours:
        raise StatementError("the gateway gave the statement of another system or day")
    return cast("Told", body), digest


def _operators(told: Told, body: Told, digest: Digest) -> Mapping[str, tuple[int, int]]:
    """Those that open to what was signed. Raises `StatementError` when the digests are not those that were."""
    try:
        listed = told["operators"]
        digests = [bytes.fromhex(each) for each in listed["digests"]]
        if _root([digest(b"\0" + each) for each in digests], digest).hex() != body["operators"]:
            raise StatementError("the operators are not those of the statement")
        opened = {
            each["operator"]: (int(each["answered"]), int(each["refused"]))
            for each in listed["opened"]
            if _operator_digest(each, digest) in digests
        }
    except (LookupError, TypeError, ValueError, AttributeError):
        raise StatementError("the operators are not those of the statement") from None
    return opened


def _operator_digest(row: Told, digest: Digest) -> bytes:
    content = canonical([row["operator"], row["answered"], row["refused"]])
    return digest(b"bidui-digest/1\0operator\0" + bytes.fromhex(row["salt"]) + content)


def _is_of(receipt: Told, body: Told) -> bool:
    """Whether a receipt is of this log and was recorded on this day."""
    recorded = datetime.fromisoformat(receipt["time"]).astimezone(UTC) + _SHANGHAI
    return bool(receipt["origin"] == body["origin"] and recorded.date().isoformat() == body["day"])


def _agrees(own: Kept, body: Told, digest: Digest) -> bool:
    """Whether both roots come out of what was kept alone. Refusals of other days are told apart by the entries only."""
    leaves = [digest(b"\0" + canonical(each)) for each in own.receipts]
    roots = (_root(leaves, digest).hex(), _refused_root(_on_day(own, body, 0).items(), digest))
    return roots == (body["answered"]["root"], body["refused"]["root"])


def _on_day(own: Kept, body: Told, slack: int) -> dict[str, str]:
    """Refusals that came on this day, by incident; with slack only those far enough from its ends."""
    since, until = (int(datetime.fromisoformat(body[name]).timestamp()) for name in ("from", "until"))
    return {incident: reason for incident, (reason, at) in own.refusals.items() if since + slack <= at < until - slack}


def _refused_root(refusals: Iterable[tuple[str, str]], digest: Digest) -> str:
    told = sorted(canonical({"incident": incident, "reason": reason}) for incident, reason in refusals)
    return _root([digest(b"\0" + each) for each in told], digest).hex()


def _check_entries(entries: Sequence[Entry], body: Told, digest: Digest) -> None:
    """Raises `StatementError` unless the entries are all that the statement is over."""
    answered = [bytes.fromhex(each.leaf) for each in entries if not each.incident]
    refused = [(each.incident, each.reason) for each in entries if each.incident]
    indexes = [each.index for each in entries]
    roots = (_root(answered, digest).hex(), _refused_root(refused, digest))
    counts = (len(answered), len(refused))
    wanted = [(body[name]["count"], body[name]["root"]) for name in ("answered", "refused")]
    if list(zip(counts, roots, strict=True)) != wanted or indexes != sorted(set(indexes)):
        raise StatementError("the entries are not those that the statement was signed over; keep both")


def _compared(whole: StatementCheck, own: Kept, entries: Sequence[Entry], body: Told, digest: Digest) -> StatementCheck:
    held = {digest(b"\0" + canonical(each)).hex(): int(each["index"]) for each in own.receipts}
    stated = {each.leaf for each in entries if not each.incident}
    incidents = {each.incident for each in entries}
    unknown = [each for each in entries if not _is_known(each, held, own)]
    return StatementCheck(
        day=whole.day,
        system=whole.system,
        answered=whole.answered,
        refused=whole.refused,
        unknown=tuple(unknown),
        missing=tuple(sorted(index for leaf, index in held.items() if leaf not in stated)),
        missing_refusals=tuple(sorted(_on_day(own, body, LOST_SECONDS).keys() - incidents)),
        operators=whole.operators,
    )


def _is_known(entry: Entry, held: Mapping[str, int], own: Kept) -> bool:
    if not entry.incident:
        return held.get(entry.leaf) == entry.index
    return own.refusals.get(entry.incident, ("", 0))[0] == entry.reason


def _root(leaves: Sequence[bytes], digest: Digest) -> bytes:
    """The root of the tree over leaf hashes (RFC 6962, 2.1)."""
    if not leaves:
        return digest(b"")
    row = list(leaves)
    while len(row) > 1:
        pairs = [digest(b"\1" + row[at] + row[at + 1]) for at in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) & ~1 :]
    return row[0]
