"""The offline verifier of a log: is this all of it, unchanged?

It trusts the trust file alone and takes everything else as a claim:

1. open every checkpoint: origin, and the signature of each key that should have signed;
2. walk through all entries once, checking each and growing the tree;
3. at each checkpoint's size the tree must have its root, which makes all checkpoints consistent with each other;
4. compare what was stored beside the entries: head, tiles, disclosures;
5. a disclosure that is not there was erased by an entry that a deed allows, or it is missing evidence;
6. entries under no signed checkpoint are missing evidence, and so is a missing signature.
"""

from collections.abc import Iterable, Sequence

from audit.disclosed import DisclosureCheck
from audit.disclosure import DisclosureKeys
from audit.evidence import open_checkpoints
from audit.reader import LedgerReader, chunks
from audit.report import Exit, Findings, Problem, Report
from audit.retention import Prunings
from audit.scan import EntryScan
from audit.stored import StoredScan
from audit.tree import split
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
        self._reader, self._trust, self._has_keys = reader, trust, keys is not None
        self._findings = Findings()
        self._entries = EntryScan(trust.origin, trust.suite, self._findings, is_brief=keys is None)
        self._disclosed = DisclosureCheck(keys, self._findings)
        self._prunings = Prunings()

    def run(self, checkpoints: Iterable[bytes], upto: int | None) -> Report:
        signed = open_checkpoints(checkpoints, self._trust, self._findings)
        scan = StoredScan(self._reader, self._trust.suite.digest, self._findings, signed)
        head = self._reader.head()
        claimed = max(head.size, max(signed, default=0)) if upto is None else upto
        scan.walk(claimed, self)
        if upto is None and scan.size == claimed:
            scan.check_head(head)
        scan.check_tree()
        self._disclosed.finish(self._reader)
        # Behind a break may stand the entry that says what was pruned: then there is nothing more to say of gaps.
        if scan.size == claimed:
            self._prunings.check(self._findings)
        self._check_before_pruned()
        opened, erased = self._disclosed.opened, tuple(self._disclosed.tombstones.found)
        return Report(scan.size, self._findings.all(), len(signed), opened, erased)

    def take(self, start: int, contents: Sequence[bytes], leaves: Sequence[bytes]) -> None:
        """Check what entries say, and what lies beside them."""
        kept = dict(self._reader.disclosures(start, start + len(contents))) if self._has_keys else {}
        for index, (content, leaf) in enumerate(zip(contents, leaves, strict=True), start):
            entry = self._entries.take(index, content, leaf)
            if entry is not None:
                self._disclosed.take(index, entry, kept.get(index, b""))
                if problem := self._prunings.take(index, entry):
                    self._findings.tampered(index, problem)

    def skip(self, index: int) -> None:
        """Pass over a pruned entry."""
        self._entries.skip(index)
        self._prunings.skip(index)

    def _check_before_pruned(self) -> None:
        """What partners' chains hang on must be among the hashes of pruned entries."""
        wanted = self._entries.before
        for start, end in chunks(0, self._reader.floor() if wanted else 0):
            for leaf in split(self._reader.hashes(0, start, end)):
                wanted.pop(leaf.hex(), None)
        for index in sorted(wanted.values()):
            self._findings.tampered(index, "the entry before this one in its partner's chain is not in the log")
