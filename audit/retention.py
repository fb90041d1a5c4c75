"""Retention: old entries are archived, and their bodies deleted; the hashes stay, so every proof stays.

A log is pruned below an index (C2SP tlog-tiles): the tree keeps its shape, old proofs and checkpoints keep their
worth, and what is left is proven as before. What rights and keys rest on is never pruned. That entries are missing is
retention only where an entry says so (`retention.applied`) that a deed in force before it allows; all else is deletion.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from audit.care_kinds import KEY_ENDED, KEY_TRUSTED, RETENTION_APPLIED
from audit.deed_kinds import DEED_IN_FORCE
from audit.entry import JsonValue, decode
from audit.errors import EntryError
from audit.kinds import LOG_OPENED
from audit.reader import LedgerReader
from audit.report import Findings
from audit.tree import TILE_WIDTH

KEPT = frozenset(each.type for each in (LOG_OPENED, DEED_IN_FORCE, KEY_TRUSTED, KEY_ENDED, RETENTION_APPLIED))
"""Kinds whose entries are never pruned: who founded the log, what came into force, who signs, what was pruned."""
_RETENTION = "retention"
Entry = Mapping[str, JsonValue]


class Applied(Struct, frozen=True):
    """That entry `by` says that bodies below an index were deleted, this many of them."""

    by: int
    min_index: int
    deleted: int
    archive: str


class Prunings:
    """Gathers what a log says of its own pruning, from entries taken in their order, and holds it against the gaps."""

    def __init__(self) -> None:
        """Begin with none."""
        self._told: dict[str, dict[str, JsonValue]] = {}
        self._allowed: dict[str, tuple[JsonValue, JsonValue]] = {}
        self._gaps: list[list[int]] = []
        self.found: list[Applied] = []

    def skip(self, index: int) -> None:
        """Note an entry that is not there."""
        if self._gaps and self._gaps[-1][1] == index:
            self._gaps[-1][1] = index + 1
        else:
            self._gaps.append([index, index + 1])

    def take(self, index: int, entry: Entry) -> str | None:
        """Look at an entry; return what is wrong with it if it claims a pruning that nothing allows."""
        body = entry["body"]
        if not isinstance(body, Mapping):
            return None
        if entry["type"] == DEED_IN_FORCE.type and body.get("kind") == _RETENTION:
            self._allow(body)
        if entry["type"] != RETENTION_APPLIED.type:
            return None
        applied = _read(index, body)
        if applied is None or applied.min_index > index or applied.min_index <= self._min_index:
            return "the entry says that entries were deleted, and not which"
        if self._allowed.get(str(body.get("deed"))) != (applied.min_index, applied.archive):
            return "the entry says that entries were deleted, but no deed in force before it allows that"
        self.found.append(applied)
        return None

    def check(self, findings: Findings) -> None:
        """Say which entries are missing without an entry that says why."""
        for start, stop in self._gaps:
            if stop > self._min_index:
                first = max(start, self._min_index)
                findings.tampered(first, "entries from here on are missing, and no entry says that they were pruned")
                return
        missing, deleted = sum(stop - start for start, stop in self._gaps), sum(each.deleted for each in self.found)
        if missing > deleted:
            findings.tampered(None, f"{missing} entries are missing, and only {deleted} were pruned")

    @property
    def _min_index(self) -> int:
        return self.found[-1].min_index if self.found else 0

    def _allow(self, body: Mapping[str, JsonValue]) -> None:
        """A version tells only what differs from the one before it."""
        content = self._told.setdefault(str(body.get("id")), {})
        changed = body.get("changed")
        for each in changed if isinstance(changed, list | tuple) else ():
            if isinstance(each, Mapping):
                content[str(each.get("at"))] = each.get("new")
        self._allowed[str(body.get("sha256"))] = (content.get("/before"), content.get("/archive"))


def _read(index: int, body: Mapping[str, JsonValue]) -> Applied | None:
    low, deleted, archive = body.get("min_index"), body.get("deleted"), body.get("archive")
    if type(low) is not int or type(deleted) is not int or not isinstance(archive, str) or not 0 <= deleted <= low:
        return None
    return Applied(index, low, deleted, archive)


def prunable(reader: LedgerReader, signed: int, instant: str) -> int:
    """Return below which index all entries are older than an instant (spelt as log times are), and under a checkpoint.

    Whole tiles alone can be pruned. Return the floor when nothing can.
    """
    floor = reader.floor()
    low, high = floor, min(reader.head().size, signed)
    while low < high:
        middle = (low + high) // 2
        if log_time(reader, middle) < instant:
            low = middle + 1
        else:
            high = middle
    return max(floor, low - low % TILE_WIDTH)


def log_time(reader: LedgerReader, index: int) -> str:
    """Return when an entry was recorded, as it spells it; empty when it cannot be read, which is before all."""
    try:
        entry = decode(next(iter(reader.entries(index, index + 1)), b""))
    except EntryError:
        return ""
    return str(entry.get("log_time", "")) if isinstance(entry, Mapping) else ""
