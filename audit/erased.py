"""What the ledger itself says was erased: its tombstones, read back from entries and held against the deeds they name.

A tombstone counts only where an erasure's deed came into force before it, so that nobody who can append can call what
he removed erased.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from msgspec import Struct

from audit.deed_kinds import DEED_IN_FORCE
from audit.entry import JsonValue, decode
from audit.erasure_kinds import ERASURE_APPLIED
from audit.reader import LedgerReader

Entry = Mapping[str, JsonValue]
_ERASURE = "erasure"


class Erased(Struct, frozen=True):
    """That these disclosures of these entries were erased, as entry `by` says."""

    by: int
    names: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...]
    deed: str

    def covers(self, index: int, name: str) -> bool:
        """Tell whether it speaks of a disclosure of an entry."""
        at = bisect_right(self.ranges, index, key=lambda run: run[0]) - 1
        return name in self.names and at >= 0 and index <= self.ranges[at][1]

    @property
    def count(self) -> int:
        """How many entries it speaks of."""
        return sum(last - first + 1 for first, last in self.ranges)


class Tombstones:
    """Gathers tombstones from the entries of a log, taken in their order."""

    def __init__(self) -> None:
        """Begin with none."""
        self._deeds: set[str] = set()
        self.found: list[Erased] = []

    def take(self, index: int, entry: Entry) -> str | None:
        """Look at an entry; return what is wrong with it if it claims an erasure that nothing allows."""
        body = entry["body"]
        if entry["type"] == DEED_IN_FORCE.type and isinstance(body, Mapping) and body.get("kind") == _ERASURE:
            self._deeds.add(str(body.get("sha256")))
        if entry["type"] != ERASURE_APPLIED.type:
            return None
        erased = read_tombstone(index, body)
        if erased is None or any(last >= index for _, last in erased.ranges):
            return "the entry says that something was erased, and not what"
        if erased.deed not in self._deeds:
            return "the entry says that something was erased, but no deed in force before it allows that"
        self.found.append(erased)
        return None

    def by(self, index: int, name: str) -> int | None:
        """The entry that says that a disclosure was erased, if one does."""
        return next((erased.by for erased in self.found if erased.covers(index, name)), None)


def erased_at(reader: LedgerReader, tombstones: Iterable[int], index: int) -> dict[str, int]:
    """What was erased of an entry, by name, and the entry that says so; `tombstones` are where to look."""
    found: dict[str, int] = {}
    for by in tombstones:
        entry = decode(next(iter(reader.entries(by, by + 1)), b"{}"))
        is_one = isinstance(entry, Mapping) and entry.get("type") == ERASURE_APPLIED.type
        erased = read_tombstone(by, cast("Entry", entry).get("body")) if is_one else None
        if erased is not None:
            found |= {name: by for name in erased.names if erased.covers(index, name)}
    return found


def read_tombstone(index: int, body: JsonValue) -> Erased | None:
    """What the body of an `erasure.applied` says; None when it cannot be read."""
    if not isinstance(body, Mapping):
        return None
    deed, names = body.get("deed"), body.get("names")
    if not isinstance(deed, Mapping) or not isinstance(names, list | tuple):
        return None
    try:
        runs = tuple(_runs(cast("Sequence[Sequence[int]]", body.get("ranges"))))
    except (TypeError, ValueError):
        return None
    return Erased(index, tuple(map(str, names)), runs, str(deed.get("sha256")))


def _runs(listed: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    behind = 0
    for first, last in listed:
        if not behind <= first <= last:
            raise ValueError("runs are in order")
        behind = last + 1
        yield first, last
