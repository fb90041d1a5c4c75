"""The offline verifier of a log: is this all of it, unchanged?

It trusts the trust file alone and takes everything else as a claim:

1. open every checkpoint: origin, and the signature of each key that should have signed;
2. walk through all entries once, checking each and growing the tree;
3. at each checkpoint's size the tree must have its root, which makes all checkpoints consistent with each other;
4. compare what was stored beside the entries: head, tiles, disclosures;
5. a disclosure that is not there was erased by an entry that a deed allows, or it is missing evidence;
6. entries under no signed checkpoint are missing evidence, and so is a missing signature.
"""

from collections.abc import Iterable, Mapping, Sequence

from audit.checkpoint import Checkpoint
from audit.disclosed import DisclosureCheck
from audit.disclosure import DisclosureKeys
from audit.evidence import open_checkpoints
from audit.ledger import Head
from audit.reader import LedgerReader, chunks
from audit.report import Exit, Findings, Problem, Report
from audit.retention import Prunings
from audit.scan import EntryScan, TreeScan
from audit.tree import TILE_WIDTH, perfect_root, split
from audit.trust import Trust
from audit.verify_receipt import verify_receipt

__all__ = ["Exit", "Problem", "Report", "verify_log", "verify_receipt"]


def verify_log(
    reader: LedgerReader,
    checkpoints: Iterable[bytes],
    trust: Trust,
    *,
    keys: DisclosureKeys | None = None,
    upto: int | None = None,
) -> Report:
    """Verify a whole log against all checkpoints known of it.

    `keys` opens the disclosures as well, where they were not erased. `upto` looks at the first entries only: for a log
    that still grows, take the size of its last checkpoint. Names the first bad index wherever it can be told.
    """
    return _LogVerifier(reader, trust, keys).run(checkpoints, upto)


class _LogVerifier:
    """One verification of one log."""

    def __init__(self, reader: LedgerReader, trust: Trust, keys: DisclosureKeys | None) -> None:
        self._reader, self._trust, self._keys = reader, trust, keys
        self._digest = trust.suite.digest
        self._findings = Findings()
        self._entries = EntryScan(trust.origin, trust.suite, self._findings, is_brief=keys is None)
        self._tree = TreeScan(trust.suite.digest)
        self._disclosed = DisclosureCheck(keys, self._findings)
        self._prunings = Prunings()
        self._size = self._proven = 0
        self._broken: tuple[int, int] | None = None

    def run(self, checkpoints: Iterable[bytes], upto: int | None) -> Report:
        signed = open_checkpoints(checkpoints, self._trust, self._findings)
        head = self._reader.head()
        claimed = max(head.size, max(signed, default=0)) if upto is None else upto
        self._pass_pruned(min(self._reader.floor(), claimed), signed)
        self._walk(claimed, signed)
        if self._size < claimed:
            self._findings.tampered(self._size, f"only {self._size} of {claimed} entries are there")
        elif upto is None:
            self._check_head(head)
        self._check_tiles()
        self._name_the_break()
        if self._proven < self._size:
            self._findings.incomplete(self._proven, "entries from here on are under no signed checkpoint")
        self._disclosed.finish(self._reader)
        # Behind a break may stand the entry that says what was pruned: then there is nothing more to say of gaps.
        if self._size == claimed:
            self._prunings.check(self._findings)
        self._check_before_pruned()
        opened, erased = self._disclosed.opened, tuple(self._disclosed.tombstones.found)
        return Report(self._size, self._findings.all(), len(signed), opened, erased)

    def _pass_pruned(self, floor: int, signed: Mapping[int, Sequence[Checkpoint]]) -> None:
        """Grow the tree from the hashes of what was pruned; what was kept of it is checked like everything else."""
        kept = dict(self._reader.kept(floor)) if floor else {}
        for start, end in chunks(0, floor):
            for leaf in split(self._reader.hashes(0, start, end)):
                content = kept.get(self._size)
                if content is None:
                    self._entries.skip(self._size)
                    self._prunings.skip(self._size)
                self._add(leaf if content is None else self._take(content, leaf, b""), signed)

    def _check_before_pruned(self) -> None:
        """What partners' chains hang on must be among the hashes of pruned entries."""
        wanted = self._entries.before
        for start, end in chunks(0, self._reader.floor() if wanted else 0):
            for leaf in split(self._reader.hashes(0, start, end)):
                wanted.pop(leaf.hex(), None)
        for index in sorted(wanted.values()):
            self._findings.tampered(index, "the entry before this one in its partner's chain is not in the log")

    def _walk(self, claimed: int, signed: Mapping[int, Sequence[Checkpoint]]) -> None:
        for start, end in chunks(self._size, claimed):
            stored = split(self._reader.hashes(0, start, end))
            kept = dict(self._reader.disclosures(start, end)) if self._keys else {}
            for content in self._reader.entries(start, end):
                at = self._size - start
                packed = kept.get(self._size, b"")
                self._add(self._take(content, stored[at] if at < len(stored) else None, packed), signed)
            if self._size < end:
                return

    def _take(self, content: bytes, stored: bytes | None, packed: bytes) -> bytes:
        """Check the next entry and what lies beside it; return its true leaf hash."""
        leaf, entry = self._entries.take(self._size, content, stored)
        if entry is not None:
            self._disclosed.take(self._size, entry, packed)
            if problem := self._prunings.take(self._size, entry):
                self._findings.tampered(self._size, problem)
        return leaf

    def _add(self, leaf: bytes, signed: Mapping[int, Sequence[Checkpoint]]) -> None:
        self._tree.add(leaf)
        self._size += 1
        if self._size in signed:
            self._check_root(signed[self._size])

    def _check_root(self, signed: Sequence[Checkpoint]) -> None:
        root = self._tree.root()
        if all(each.root == root for each in signed):
            self._proven = self._size
        elif self._broken is None:
            self._broken = (self._proven, self._size)

    def _name_the_break(self) -> None:
        """Say where the tree broke: at an entry found wrong on its own, else after the last root that agreed."""
        if self._broken is None:
            return
        start, end = self._broken
        cause = f"one of the entries from {start} to {end - 1} is not the one that was signed"
        self._findings.tampered(None if self._findings.names_one_in(0, end) else start, cause)

    def _check_head(self, head: Head) -> None:
        if (head.size, head.frontier) != (self._size, b"".join(self._tree.frontier())):
            self._findings.tampered(None, "the stored head is not that of the entries")
        if next(self._reader.entries(self._size, self._size + 1), None) is not None:
            self._findings.tampered(self._size, "an entry stands behind the head of the log")

    def _check_tiles(self) -> None:
        level, computed = 1, self._tree.tile_roots
        while computed:
            stored = split(self._reader.hashes(level, 0, len(computed)))
            for number, node in enumerate(computed):
                if number >= len(stored) or stored[number] != node:
                    self._blame_tile(level - 1, number)
            full = range(0, len(computed) - TILE_WIDTH + 1, TILE_WIDTH)
            level, computed = level + 1, [perfect_root(computed[at : at + TILE_WIDTH], self._digest) for at in full]

    def _blame_tile(self, level: int, number: int) -> None:
        width = TILE_WIDTH ** (level + 1)
        start = number * width
        known = self._findings.names_one_in(start, start + width)
        self._findings.tampered(
            None if known else start, f"stored tile {number} of level {level} is not of its entries"
        )
