"""A quick check of what is stored: does every byte still stand under a signed root?

It looks at all entries, hashes, tiles and the head, and reads none of them; what entries say, how they hang together and
what was erased is for `audit.verify`. Fast enough for every night.
"""

from collections.abc import Iterable, Sequence

from audit.evidence import open_checkpoints
from audit.reader import LedgerReader
from audit.report import Findings, Report
from audit.stored import StoredScan
from audit.trust import Trust


def fsck(reader: LedgerReader, checkpoints: Iterable[bytes], trust: Trust, *, upto: int | None = None) -> Report:
    """Check a whole log against all checkpoints known of it; `upto` looks at the first entries only.

    PROVEN here means that the stored bytes are those that were signed, of pruned entries their hashes.
    """
    findings = Findings()
    signed = open_checkpoints(checkpoints, trust, findings)
    scan = StoredScan(reader, trust.suite.digest, findings, signed)
    head = reader.head()
    claimed = max(head.size, max(signed, default=0)) if upto is None else upto
    scan.walk(claimed, _Nobody())
    if upto is None and scan.size == claimed:
        scan.check_head(head)
    scan.check_tree()
    return Report(scan.size, findings.all(), len(signed))


class _Nobody:
    """Sees everything and looks at nothing."""

    def take(self, start: int, contents: Sequence[bytes], leaves: Sequence[bytes]) -> None:
        """Look away."""

    def skip(self, index: int) -> None:
        """Look away."""
