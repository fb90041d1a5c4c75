"""Decisions as the ledger tells them in clear, read back; and addresses that stand for the network they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from ipaddress import ip_address
from itertools import chain

import msgspec

from audit.kinds import COMPARISON_ANSWERED, COMPARISON_REFUSED
from audit.reader import LedgerReader
from gateway.domain.answer import FieldCode
from gateway.domain.caller import Network, System
from policies.conditions import Block
from policies.decision import PolicyVersion

LOOKED_BACK = 4096
"""How many entries are searched for the state of the register that was in use."""
MAX_ADDRESSES = 32
_KINDS = frozenset({COMPARISON_ANSWERED.type, COMPARISON_REFUSED.type})
_MARK = b'"type":"comparison.'


class _Data(msgspec.Struct, frozen=True):
    version: str
    time: str


class _Policy(msgspec.Struct, frozen=True):
    number: int
    sha256: str


class _Outcome(msgspec.Struct, frozen=True):
    fields: dict[str, str] = {}
    refused: str = ""
    incident: str = ""


class _Body(msgspec.Struct, frozen=True):
    client: str
    grant: str | None
    purpose: str | None
    kind: str
    fields: tuple[tuple[str, str], ...]
    as_of: str | None
    network: str
    policy: _Policy
    outcome: _Outcome
    data: _Data | None = None
    rules: tuple[str, ...] = ()
    signature: str | None = None


class _Entry(msgspec.Struct, frozen=True):
    seq: int
    time: datetime
    type: str
    body: msgspec.Raw
    partner: str = ""


class _WithData(msgspec.Struct, frozen=True):
    data: _Data | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and decided, without a subject, a value or an operator. `refused` is empty for an answer.

    `grant` and `purpose` are None where the ledger does not name them in clear: no grant of that partner, not its
    purpose. `as_of` is told of answers alone.
    """

    entry: int
    at: datetime
    partner: str
    client: str
    grant: str | None
    purpose: str | None
    kind: str
    claims: tuple[tuple[str, str], ...]
    as_of: date | None
    network: str
    policy: PolicyVersion
    data_time: datetime | None
    rules: tuple[str, ...]
    signed: bool
    codes: Mapping[str, str]
    refused: str
    incident: str

    @property
    def permitted(self) -> frozenset[str]:
        """The fields that could be compared; whether they matched is nobody's question here."""
        return frozenset(field for field, code in self.codes.items() if code != FieldCode.NOT_AUTHORISED)


def read_decision(content: bytes) -> Decision | None:
    """The decision in an entry; None for an entry of another kind."""
    if _MARK not in content:
        return None
    try:
        entry = _entries.decode(content)
        return _decision(entry, _bodies.decode(entry.body)) if entry.type in _KINDS else None
    except (msgspec.DecodeError, ValueError):
        return None


def decisions(contents: Iterable[bytes]) -> Iterator[Decision]:
    """Those among some entries."""
    return (found for found in map(read_decision, contents) if found)


def data_before(reader: LedgerReader, entry: int) -> datetime | None:
    """The time of the register data that was in use before an entry; None where no entry near it tells."""
    found = None
    for content in reader.entries(max(0, entry - LOOKED_BACK), entry):
        if b'"data":{' in content:
            found = content
    if found is None:
        return None
    data = _with_data.decode(_entries.decode(found).body).data
    return _instant(data.time) if data else None


def addresses(system: System, network: str, blocks: Iterable[Network | Block]) -> list[str]:
    """Addresses that stand for a class of networks: the ends of its ranges, and of all blocks that lie within them.

    One of them at least lies in every combination of blocks that an address of that class can meet, bar a gap between
    two blocks. The first is the first address that is registered.
    """
    ends = chain.from_iterable(map(_ends, [*system.networks.get(network, ()), *blocks]))
    return list(dict.fromkeys(end for end in ends if system.network_of(end) == network))[:MAX_ADDRESSES]


def _ends(block: Network | Block) -> tuple[str, str]:
    if isinstance(block, Block):
        low, high = (number.to_bytes(4 if block.version == 4 else 16) for number in (block.low, block.high))
        return str(ip_address(low)), str(ip_address(high))
    return str(block.network_address), str(block.broadcast_address)


def _decision(entry: _Entry, body: _Body) -> Decision:
    return Decision(
        entry=entry.seq,
        at=entry.time,
        partner=entry.partner,
        client=body.client,
        grant=body.grant,
        purpose=body.purpose,
        kind=body.kind,
        claims=body.fields,
        as_of=date.fromisoformat(body.as_of) if body.as_of else None,
        network=body.network,
        policy=PolicyVersion(body.policy.number, body.policy.sha256),
        data_time=_instant(body.data.time) if body.data else None,
        rules=body.rules,
        signed=body.signature is not None,
        codes=body.outcome.fields,
        refused=body.outcome.refused,
        incident=body.outcome.incident,
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


_entries = msgspec.json.Decoder(_Entry)
_bodies = msgspec.json.Decoder(_Body)
_with_data = msgspec.json.Decoder(_WithData)
