"""The ledger: gives drafts their place, and hands the store everything one commit must hold.

1. lock the head and read it from the store, never from memory: two writers would fork the log;
2. number the entries, give each a time later than the one before, link it to its partner's last;
3. seal the disclosures, write the canonical bytes, hash the leaves, grow the tree;
4. hand all of it to the store, inside the transaction that also holds what was decided.

A crash before the commit leaves nothing, and nothing was told; a crash after it leaves an entry that says
"authorised". Nothing here signs or waits for a network.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

from msgspec import Struct

from audit.disclosure import SLOT_ENTROPY, SLOTS, DisclosureKeys, Entropy, Sealer
from audit.entry import MAX_ENTRY_BYTES, encode, leaf_hash
from audit.errors import LedgerError
from audit.events import Draft
from audit.kinds import LOG_OPENED
from audit.tree import Tile, filled_tiles, grow, split

_ID_ENTROPY = 10
_ENTRY_ENTROPY = _ID_ENTROPY + SLOTS * SLOT_ENTROPY
_SECOND = 1_000_000


class Head(NamedTuple):
    """The right edge of the ledger. `frontier` are joined hashes, `log_time` microseconds since 1970."""

    size: int
    frontier: bytes
    log_time: int


EMPTY_HEAD = Head(0, b"", 0)


class PartnerHead(NamedTuple):
    """How many entries a partner's chain has, and the leaf hash of its last."""

    size: int
    leaf: bytes


class Recorded(Struct, frozen=True, gc=False):
    """One entry in its place. `entry` and `leaf` never change once stored; of `disclosures` some may be erased.

    `time` is the log time as the entry spells it, `log_time` the same in microseconds since 1970.
    """

    index: int
    id: str
    entry: bytes
    leaf: bytes
    disclosures: bytes
    log_time: int
    time: str
    type: str
    partner: str | None

    def __repr__(self) -> str:
        """Show the place and the kind."""
        return f"Recorded({self.index}, {self.type!r}, partner={self.partner!r})"


class Batch(NamedTuple):
    """Everything that must become durable together."""

    rows: Sequence[Recorded]
    head: Head
    partner_heads: Mapping[str, PartnerHead]
    tiles: Sequence[Tile]


class LedgerStore(Protocol):
    """The writer's side, inside one transaction. What it raises leaves nothing behind once that is rolled back."""

    def lock_head(self) -> Head:
        """Lock the head against every other writer until the transaction ends; `EMPTY_HEAD` when there is none."""
        ...

    def partner_heads(self, partners: Collection[str]) -> Mapping[str, PartnerHead]:
        """Return the heads of those partners that have one. Called under the lock."""
        ...

    def hashes(self, level: int, start: int, end: int) -> bytes:
        """Return stored hashes, joined: of level 0 leaf hashes, above it roots of tiles one level down.

        Called under the lock, only when a tile fills.
        """
        ...

    def append(self, batch: Batch) -> None:
        """Keep all of it; durable once the transaction commits. An index or id that is there already must fail."""
        ...


class Ledger:
    """Appends to one log. Holds no state of the log, so any number of processes may have one."""

    def __init__(self, *, node: str, keys: DisclosureKeys, entropy: Entropy, suite: str = "intl") -> None:
        """`node` names this gateway node in its entries."""
        self._keys = keys
        self._entropy = entropy
        self._node = encode(node)
        self._suite = encode(suite)
        self._month = ""
        self._sealer: Sealer | None = None

    def append(self, store: LedgerStore, drafts: Sequence[Draft], at: datetime) -> list[Recorded]:
        """Record drafts in this order; `at` is when they were decided. Nothing may be told before the commit.

        Raise `LedgerError` when the log is not opened yet, or an entry would be too long.
        """
        if not drafts:
            return []
        entropy = self._entropy(_ENTRY_ENTROPY * len(drafts))
        sealer = self._sealer_for(at)
        decided = _microseconds(at)
        head = store.lock_head()
        _check_opening(head, drafts)
        partners = dict(store.partner_heads({draft.partner for draft in drafts if draft.partner is not None}))
        scribe = _Scribe(head, partners, sealer, self._frame(decided))
        for number, draft in enumerate(drafts):
            scribe.write(draft, decided, entropy[number * _ENTRY_ENTROPY : (number + 1) * _ENTRY_ENTROPY])
        store.append(scribe.batch(store))
        return scribe.recorded

    def _frame(self, decided: int) -> "_Frame":
        return _Frame(self._node, self._suite, _text(decided).encode())

    def _sealer_for(self, at: datetime) -> Sealer:
        month = at.astimezone(UTC).strftime("%Y-%m")
        if self._sealer is None or month != self._month:
            self._sealer, self._month = Sealer(self._keys.current(month)), month
        return self._sealer


class _Frame(NamedTuple):
    """What all entries of a batch have alike, as JSON."""

    node: bytes
    suite: bytes
    time: bytes


class _Scribe:
    """Writes the entries of one batch, one after the other."""

    def __init__(self, head: Head, partners: dict[str, PartnerHead], sealer: Sealer, frame: _Frame) -> None:
        self._head, self._partners, self._sealer, self._frame = head, partners, sealer, frame
        self._size, self._log_time = head.size, head.log_time
        self._frontier = split(head.frontier)
        self.recorded: list[Recorded] = []

    def write(self, draft: Draft, decided: int, entropy: bytes) -> None:
        self._log_time = max(decided, self._log_time + 1)
        entry_id = _uuid7(self._log_time, entropy[:_ID_ENTROPY])
        time = _text(self._log_time)
        digests, disclosures = self._sealer.seal(entry_id, draft.secrets, entropy[_ID_ENTROPY:])
        entry = self._entry(draft, entry_id, time, digests)
        if len(entry) > MAX_ENTRY_BYTES:
            raise LedgerError(f"{draft.type}: an entry of {len(entry)} bytes is too long; nothing was recorded")
        leaf = leaf_hash(entry)
        index = self._size
        grow(self._frontier, index, leaf)
        if draft.partner is not None:
            self._partners[draft.partner] = PartnerHead(self._place_of(draft.partner).size + 1, leaf)
        self.recorded.append(
            Recorded(index, entry_id, entry, leaf, disclosures, self._log_time, time, draft.type, draft.partner)
        )
        self._size += 1

    def batch(self, store: LedgerStore) -> Batch:
        tiles = filled_tiles(self._head.size, [row.leaf for row in self.recorded], store.hashes)
        head = Head(self._size, b"".join(self._frontier), self._log_time)
        return Batch(self.recorded, head, self._partners, tiles)

    def _entry(self, draft: Draft, entry_id: str, time: str, digests: list[str]) -> bytes:
        """Write the members in canonical order; each part is canonical already."""
        frame = self._frame
        return (
            b'{"_sd":["%b"],"body":%b,"id":"%b","log_time":"%b","node":%b%b,"seq":%d,"suite":%b,"time":"%b","type":"%b","v":1}'
        ) % (
            '","'.join(digests).encode(),
            draft.body,
            entry_id.encode(),
            time.encode(),
            frame.node,
            self._links(draft.partner),
            self._size,
            frame.suite,
            frame.time,
            draft.type.encode(),
        )

    def _links(self, partner: str | None) -> bytes:
        if partner is None:
            return b""
        place = self._place_of(partner)
        previous = b'"%b"' % place.leaf.hex().encode() if place.size else b"null"
        return b',"partner":%b,"pprev":%b,"pseq":%d' % (_json(partner), previous, place.size)

    def _place_of(self, partner: str) -> PartnerHead:
        return self._partners.get(partner) or PartnerHead(0, b"")


def _check_opening(head: Head, drafts: Sequence[Draft]) -> None:
    if (drafts[0].type == LOG_OPENED.type) != (head.size == 0) or any(d.type == LOG_OPENED.type for d in drafts[1:]):
        raise LedgerError("a ledger begins with its opening entry and has no second one; run `bidui init` first")


def _microseconds(at: datetime) -> int:
    return int(at.timestamp()) * _SECOND + at.microsecond


def _text(microseconds: int) -> str:
    seconds, rest = divmod(microseconds, _SECOND)
    return f"{_to_the_second(seconds)}.{rest:06d}Z"


@lru_cache(maxsize=64)
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=1024)
def _json(text: str) -> bytes:
    return encode(text)


def _uuid7(microseconds: int, entropy: bytes) -> str:
    """Make a UUIDv7 (RFC 9562): milliseconds, then random bits."""
    time = f"{microseconds // 1000:012x}"
    random = entropy.hex()
    variant = "89ab"[entropy[0] & 3]
    return f"{time[:8]}-{time[8:]}-7{random[2:5]}-{variant}{random[5:8]}-{random[8:]}"
