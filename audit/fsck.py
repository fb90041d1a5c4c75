"""A quick check of what is stored: does every byte still stand under a signed root?

It looks at all entries, hashes, tiles and the head, and reads none of them. What entries say, how they hang together
and what was erased is for `audit.verify`. Fast enough for every night.
"""

from collections.abc import Iterable

from audit.evidence import open_checkpoints
from audit.reader import LedgerReader
from audit.report import Findings, Report
from audit.stored import ReadPieces, StoredScan, read_piece
from audit.trust import Trust


def fsck(
    reader: LedgerReader,
    checkpoints: Iterable[bytes],
    trust: Trust,
    *,
    upto: int | None = None,
    read: ReadPieces | None = None,
) -> Report:
    """Check a whole log against all checkpoints known of it; `upto` looks at the first entries only.

    PROVEN here means that the stored bytes are those that were signed, of pruned entries their hashes. `read` reads and
    hashes spans of entries where that is not left to `reader`.
    """
    digest = trust.suite.digest
    findings = Findings()
    signed = open_checkpoints(checkpoints, trust, findings)
    scan = StoredScan(reader, digest, findings, signed)
    head = reader.head()
    claimed = max(head.size, max(signed, default=0)) if upto is None else upto
    scan.pass_over(claimed, read or (lambda spans: (read_piece(reader, digest, span) for span in spans)))
    if upto is None and scan.size == claimed:
        scan.check_head(head)
    scan.check_tree()
    return Report(scan.size, findings.all(), len(signed))
