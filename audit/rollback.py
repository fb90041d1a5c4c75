"""What became of a log: is it whole, was an old copy restored, was it altered, did a standby take over that lagged?

The database is held against what others have of it: checkpoints (each a size, a root and when it was signed) and
receipts (each an index and a leaf). The answer names the first index that differs, exactly where that can be told:

* fewer entries than were signed: the first that is missing;
* an entry that no longer has the hash it was stored with: that one;
* entries of another tree: what was written after the checkpoint was signed, though it stands before its end, was
  written in the place of what is lost. Receipts narrow it further.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from audit.entry import decode
from audit.errors import AuditError
from audit.reader import LedgerReader, chunks, first_difference
from audit.stamps import microseconds, text
from audit.suite import INTL, Digest
from audit.tree import HASH_BYTES, StoredTree

_WHOLE_SECOND = timedelta(seconds=1)
"""Checkpoints carry whole seconds: what was written within the same one may be older."""


class Fate(StrEnum):
    """What became of a log."""

    WHOLE = "whole"
    UNKNOWN = "unknown"
    """Nobody has anything to hold it against."""
    RESTORED = "restored"
    """An old copy, as it was: the end is missing."""
    OVERTAKEN = "overtaken"
    """The end was missing, and others were written in its place: a restored copy or a standby went on."""
    ALTERED = "altered"
    """An entry was changed where it stands."""
    FORKED = "forked"
    """Another tree, and nothing tells why."""


class Claim(Struct, frozen=True):
    """A checkpoint whose signatures hold. `source` says who has it."""

    source: str
    size: int
    root: bytes
    signed: datetime | None = None


class Held(Struct, frozen=True):
    """What a receipt says was recorded."""

    source: str
    index: int
    leaf: bytes


class Diagnosis(Struct, frozen=True):
    """What was found. The first differing entry is `index`, or not before `index` and before `end`."""

    fate: Fate
    entries: int
    claimed: int
    index: int | None = None
    end: int | None = None
    agreed: int = 0
    """So many entries are, by a checkpoint, those that were signed."""
    sources: tuple[str, ...] = ()
    """Who has what differs."""

    @property
    def lost(self) -> int:
        """How many signed entries are not there."""
        return max(0, self.claimed - (self.entries if self.index is None else min(self.index, self.entries)))


def diagnose(
    reader: LedgerReader, claims: Sequence[Claim], receipts: Sequence[Held] = (), digest: Digest = INTL.digest
) -> Diagnosis:
    """Hold the log against what others have. What they have must have been verified."""
    entries = reader.head().size
    claimed = max([each.size for each in claims] + [each.index + 1 for each in receipts], default=0)
    judged = [(each, _agrees(reader, each, digest)) for each in claims if each.size <= entries]
    wrong = sorted((each for each, agrees in judged if not agrees), key=lambda each: each.size)
    broken = [each for each in receipts if each.index < entries and _leaf(reader, each.index) != each.leaf]
    agreed = max((each.size for each, agrees in judged if agrees), default=0)
    if wrong or broken:
        altered = first_difference(reader, entries, digest)
        return _differs(reader, Diagnosis(Fate.FORKED, entries, claimed, altered, agreed=agreed), wrong, broken)
    if not claims and not receipts:
        return Diagnosis(Fate.UNKNOWN, entries, claimed)
    if claimed > entries:
        missing = [each.source for each in claims if each.size > entries]
        missing += [each.source for each in receipts if each.index >= entries]
        return Diagnosis(Fate.RESTORED, entries, claimed, entries, entries + 1, agreed, tuple(dict.fromkeys(missing)))
    return Diagnosis(Fate.WHOLE, entries, claimed, agreed=agreed)


def _differs(reader: LedgerReader, found: Diagnosis, wrong: Sequence[Claim], broken: Sequence[Held]) -> Diagnosis:
    """`found.index` is the first entry that no longer has its stored hash, if there is one."""
    end = min([each.size for each in wrong] + [each.index + 1 for each in broken])
    sources = tuple(dict.fromkeys([each.source for each in wrong] + [each.source for each in broken]))
    if found.index is not None:
        return replace(found, fate=Fate.ALTERED, end=found.index + 1, sources=sources)
    overtaken = _overtaken(reader, found.agreed, wrong)
    if overtaken is not None and overtaken < end:
        return replace(found, fate=Fate.OVERTAKEN, index=overtaken, end=overtaken + 1, sources=sources)
    return replace(found, index=found.agreed, end=end, sources=sources)


def _overtaken(reader: LedgerReader, start: int, wrong: Sequence[Claim]) -> int | None:
    """The first entry that stands before the end of a checkpoint, and was written after that was signed."""
    found = [
        index
        for claim in wrong
        if claim.signed is not None
        for index in _first_later(reader, start, claim.size, text(microseconds(claim.signed + _WHOLE_SECOND)))
    ]
    return min(found, default=None)


def _first_later(reader: LedgerReader, start: int, end: int, instant: str) -> Iterator[int]:
    for first, stop in chunks(start, end):
        for index, content in enumerate(reader.entries(first, stop), first):
            if _log_time(content) > instant:
                yield index
                return


def _log_time(content: bytes) -> str:
    try:
        entry = decode(content)
    except AuditError:
        return ""
    return str(entry["log_time"]) if isinstance(entry, dict) and "log_time" in entry else ""


def _agrees(reader: LedgerReader, claim: Claim, digest: Digest) -> bool:
    try:
        return StoredTree(claim.size, reader.hashes, digest).root() == claim.root
    except AuditError:
        return False


def _leaf(reader: LedgerReader, index: int) -> bytes:
    return reader.hashes(0, index, index + 1)[:HASH_BYTES]
