"""The ledger: gives drafts their place, and hands the store everything one commit must hold.

1. lock the head and read it from the store, never from memory: two writers would fork the log;
2. number the entries, give each a time later than the one before, link it to its partner's last;
3. seal the disclosures, write the canonical bytes, hash the leaves, grow the tree;
4. hand all of it to the store, inside the transaction that also holds what was decided.

A crash before the commit leaves nothing, and nothing was told; a crash after it leaves an entry that says
"authorised". Nothing here signs or waits for a network.
"""

from binascii import hexlify
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from msgspec import Struct

from audit.disclosure import SLOT_ENTROPY, DisclosureKeys, Entropy, Sealer
from audit.entry import MAX_ENTRY_BYTES, encode, leaf_hash
from audit.errors import LedgerError
from audit.events import Draft
from audit.frames import SLOTS
from audit.kinds import LOG_OPENED
from audit.stamps import ID_ENTROPY, microseconds, text, uuid7
from audit.suite import INTL, Digest, Suite
from audit.tallies import Count, Counts, Place, add
from audit.tree import Tile, extend, filled_tiles, split

_ENTRY_ENTROPY = ID_ENTROPY + SLOTS * SLOT_ENTROPY


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


_NO_CHAIN = PartnerHead(0, b"")


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
    counts: Counts
    """What these entries add to their hours."""


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
        """Keep all of it; durable once the transaction commits. An index or id that is there already
        must fail, at the latest with the commit."""
        ...


class Ledger:
    """Appends to one log. Holds no state of the log, so any number of processes may have one."""

    def __init__(self, *, node: str, keys: DisclosureKeys, entropy: Entropy, suite: Suite = INTL) -> None:
        """`node` names this gateway node in its entries."""
        self._keys = keys
        self._entropy = entropy
        self._node = encode(node)
        self._suite = suite
        self._sealer: Sealer | None = None

    @property
    def digest(self) -> Digest:
        """What hashes here."""
        return self._suite.digest

    def append(self, store: LedgerStore, drafts: Sequence[Draft], at: datetime) -> list[Recorded]:
        """Record drafts in this order; `at` is when they were decided. Nothing may be told before the commit.

        Raise `LedgerError` when the log is not opened yet, or an entry would be too long.
        """
        if not drafts:
            return []
        entropy = self._entropy(_ENTRY_ENTROPY * len(drafts))
        sealer = self._sealer_for(at)
        head = store.lock_head()
        _check_opening(head, drafts)
        partners = {draft.partner for draft in drafts if draft.partner is not None}
        scribe = _Scribe(head, _chains(partners, store), self._frame(at))
        scribe.write(drafts, sealer, entropy)
        store.append(scribe.batch(store))
        return scribe.recorded

    def _frame(self, at: datetime) -> "_Frame":
        decided = microseconds(at)
        suite_and_time = b'"%b","time":"%b"' % (self._suite.name.encode(), text(decided).encode())
        return _Frame(decided, self._node, suite_and_time, self._suite.digest)

    def _sealer_for(self, at: datetime) -> Sealer:
        """Asks for the keys each time: another process may have destroyed some."""
        keys = self._keys.current(at.astimezone(UTC).strftime("%Y-%m"))
        if self._sealer is None or keys is not self._sealer.keys:
            self._sealer = Sealer(keys)
        return self._sealer


class _Frame(NamedTuple):
    """What all entries of a batch have alike: when they were decided, and members as JSON."""

    decided: int
    node: bytes
    suite_and_time: bytes
    digest: Digest


class _Chain:
    """A partner's chain while a batch grows it."""

    __slots__ = ("_partner", "leaf", "size")

    def __init__(self, partner: str, head: PartnerHead) -> None:
        self._partner = encode(partner)
        self.size, self.leaf = head

    def links(self) -> bytes:
        """Write the members of the next entry that say whose it is and what stands before it."""
        previous = b'"%b"' % hexlify(self.leaf) if self.size else b"null"
        return b',"partner":%b,"pprev":%b,"pseq":%d' % (self._partner, previous, self.size)

    def add(self, leaf: bytes) -> None:
        self.size, self.leaf = self.size + 1, leaf


def _chains(partners: Collection[str], store: LedgerStore) -> dict[str | None, _Chain]:
    heads = store.partner_heads(partners)
    return {partner: _Chain(partner, heads.get(partner, _NO_CHAIN)) for partner in partners}


class _Scribe:
    """Writes the entries of one batch: seals them together, then links one after the other."""

    def __init__(self, head: Head, chains: dict[str | None, _Chain], frame: _Frame) -> None:
        self._head, self._chains, self._frame = head, chains, frame
        self._counts: dict[Place, Count] = {}
        self.recorded: list[Recorded] = []

    def write(self, drafts: Sequence[Draft], sealer: Sealer, entropy: bytes) -> None:
        first = max(self._frame.decided, self._head.log_time + 1)
        times = range(first, first + len(drafts))
        ids = [uuid7(time, entropy[n * ID_ENTROPY : (n + 1) * ID_ENTROPY]) for n, time in enumerate(times)]
        sealed = sealer.seal_batch(ids, [draft.secrets for draft in drafts], entropy[len(drafts) * ID_ENTROPY :])
        for draft, log_time, entry_id, disclosed in zip(drafts, times, ids, sealed, strict=True):
            self._write(draft, log_time, entry_id, disclosed)
            if draft.tally:
                add(self._counts, draft.partner, draft.tally, log_time)

    def _write(self, draft: Draft, log_time: int, entry_id: str, disclosed: tuple[list[bytes], bytes]) -> None:
        digests, disclosures = disclosed
        index, time = self._head.size + len(self.recorded), text(log_time)
        chain = self._chains.get(draft.partner)
        entry = _ENTRY % (
            b'","'.join(digests),
            draft.body,
            entry_id.encode(),
            time.encode(),
            self._frame.node,
            chain.links() if chain else b"",
            index,
            self._frame.suite_and_time,
            draft.type.encode(),
        )
        leaf = _leaf(entry, draft, self._frame.digest)
        if chain:
            chain.add(leaf)
        self.recorded.append(
            Recorded(index, entry_id, entry, leaf, disclosures, log_time, time, draft.type, draft.partner)
        )

    def batch(self, store: LedgerStore) -> Batch:
        frontier, leaves = split(self._head.frontier), [row.leaf for row in self.recorded]
        completed = extend(frontier, self._head.size, leaves, self._frame.digest)
        tiles = filled_tiles(self._head.size, leaves, store.hashes, completed, self._frame.digest)
        head = Head(self._head.size + len(leaves), b"".join(frontier), self.recorded[-1].log_time)
        heads = {name: PartnerHead(chain.size, chain.leaf) for name, chain in self._chains.items() if name}
        return Batch(self.recorded, head, heads, tiles, self._counts)


_ENTRY = b'{"_sd":["%b"],"body":%b,"id":"%b","log_time":"%b","node":%b%b,"seq":%d,"suite":%b,"type":"%b","v":1}'
"""The members in canonical order; each part is canonical already."""


def _leaf(entry: bytes, draft: Draft, digest: Digest) -> bytes:
    if len(entry) > MAX_ENTRY_BYTES:
        raise LedgerError(f"{draft.type}: an entry of {len(entry)} bytes is too long; nothing was recorded")
    return leaf_hash(entry, digest)


def _check_opening(head: Head, drafts: Sequence[Draft]) -> None:
    if (drafts[0].type == LOG_OPENED.type) != (head.size == 0) or any(d.type == LOG_OPENED.type for d in drafts[1:]):
        raise LedgerError("a ledger begins with its opening entry and has no second one; run `bidui init` first")
