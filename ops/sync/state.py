"""What sync must remember between two runs: which key of the source owns which subject, and where to go on.

Without it a corrected number would leave the old one answering for ever. It lies with sync, in its own file, and
holds keyed tokens, subjects, links and watermarks. It belongs to one manifest: if that is not the current one, the
last run died between the two, and the next sync is a full one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from adapters.index.parts import COLLISION, Sealed, make_durable
from ops.sync.errors import SyncError
from ops.sync.settling import Settled

_TABLES = """
CREATE TABLE subjects (head INTEGER PRIMARY KEY, tail INTEGER NOT NULL, kind SMALLINT NOT NULL,
                       records INTEGER NOT NULL, key BLOB NOT NULL,
                       link BLOB NOT NULL, unit INTEGER, is_protected SMALLINT NOT NULL);
CREATE INDEX subjects_protected ON subjects (link) WHERE is_protected;
CREATE TABLE moved (link BLOB PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, content BLOB NOT NULL);
PRAGMA user_version = 2;
"""
_VERSION = 2
"""Before it a state did not know who is protected and who moved; a full sync makes another."""
_FOLLOW = """
INSERT OR IGNORE INTO moved SELECT link, ? FROM (
  SELECT link, unit FROM subjects WHERE unit IS NOT NULL EXCEPT SELECT link, unit FROM old.subjects)
"""


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a generation was made from. A delta fits only if all of it is still the same, marks apart."""

    manifest: str = ""
    key: str
    mappings: dict[str, str]
    marks: dict[str, datetime | int | None] = {}


class Moves(NamedTuple):
    """The last days on which links moved, all since a day."""

    since: int
    days: Mapping[bytes, int]


UnitOf = Callable[[Sealed], int | None]
"""The name of the unit of a person's first record; None for what is no person."""


class State:
    """One state file, open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._old = False
        self.has_moved = False
        """Whether somebody did since it was opened."""

    @classmethod
    def create(cls, path: Path, before: Path | None = None) -> State:
        """A new one, to be filled in ascending order of heads; a draft until it is finished.

        `before` is the state that it follows, of the same key.
        """
        state = cls(path)
        state._connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
        if before is not None:
            state._connection.execute("ATTACH DATABASE ? AS old", (str(before),))
            state._old = True
        return state

    def origin(self) -> Origin | None:
        """What the state belongs to; None if it was never finished, or by an older version of ours."""
        content = self._fact("origin") if self._version() == _VERSION else None
        return None if content is None else msgspec.json.decode(content, type=Origin)

    def decoys(self) -> bytes | None:
        """What was kept of decoys; None also where the file cannot be read."""
        return self._fact("decoys")

    def decoy_list(self) -> str | None:
        """The name of their list; None where there are none."""
        name = self._fact("decoy_list")
        return None if name is None else name.decode()

    def keep_decoys(self, content: bytes | None, name: str) -> None:
        """Keep what sync must know of decoys and the name of their list, or forget them."""
        self._connection.execute("DELETE FROM facts WHERE name IN ('decoys', 'decoy_list')")
        if content is not None:
            facts = [("decoys", content), ("decoy_list", name.encode())]
            self._connection.executemany("INSERT INTO facts VALUES (?, ?)", facts)

    def begin(self) -> None:
        """All that follows becomes true at `finish`, or never."""
        self._connection.execute("BEGIN IMMEDIATE")

    def add(self, settled: Iterable[Settled], unit_of: UnitOf, moved_on: int | None = None) -> None:
        """Take what was settled: new owners, and subjects that are gone. Decoys have no owner and are not counted.

        With `moved_on`, whoever is new or in another unit moved on that day.
        """
        for found in settled:
            head, tail, kind, rows = found.sealed
            if rows and not found.is_decoy:
                unit = unit_of(found.sealed)
                if moved_on is not None and unit is not None:
                    self._meet(head, unit, found.link, moved_on)
                values = (head, tail, kind, found.records, found.key, found.link, unit, found.is_protected)
                self._connection.execute("INSERT OR REPLACE INTO subjects VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            else:
                self._connection.execute("DELETE FROM subjects WHERE head = ?", (head,))

    def follow(self, day: int) -> None:
        """Of a new state: who moved since the one before it did so on that day; what that one knew stays known."""
        if self._old:
            self._connection.execute(_FOLLOW, (day,))
            self._connection.execute("INSERT OR IGNORE INTO moved SELECT link, day FROM old.moved")
            self._connection.execute("INSERT INTO facts SELECT name, content FROM old.facts WHERE name = 'moves_since'")

    def forget_moves(self, before: int) -> None:
        """Forget who moved before a day and not since."""
        self._connection.execute("DELETE FROM moved WHERE day < ?", (before,))

    def moved_at(self, day: int) -> int:
        """How many moved on that day or later."""
        return self._count("SELECT count(*) FROM moved WHERE day >= ?", day)

    def tracked(self) -> int:
        """Of how many it is known where they are."""
        return self._count("SELECT count(*) FROM subjects WHERE unit IS NOT NULL")

    def moves_since(self) -> int | None:
        """From which day on all moves are known."""
        content = self._fact("moves_since")
        return None if content is None else int(content)

    def keep_moves_since(self, day: int) -> None:
        """All moves are known from that day on."""
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES ('moves_since', ?)", (str(day).encode(),))

    def moves(self) -> Moves:
        """All of them."""
        rows = self._connection.execute("SELECT link, day FROM moved").fetchall()
        return Moves(self.moves_since() or 0, dict(rows))

    def protected(self) -> frozenset[bytes]:
        """The links of those whose records make them so."""
        rows = self._connection.execute("SELECT link FROM subjects WHERE is_protected")
        return frozenset(link for (link,) in rows)

    def tell_protected(self, digest: bytes) -> bool:
        """Remembers which ones serve was told of; whether it was told of the same before."""
        is_told = self._fact("protected") == digest
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES ('protected', ?)", (digest,))
        return is_told

    def finish(self, origin: Origin, place: Path) -> None:
        """All of it is true and durable when this returns; a new state takes the place of the old one."""
        self._connection.execute("CREATE INDEX IF NOT EXISTS subjects_by_key ON subjects (key)")
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES ('origin', ?)", (msgspec.json.encode(origin),))
        self._connection.execute("COMMIT")
        make_durable(self._path)
        if self._path != place:
            self._path.replace(place)
            make_durable(place.parent)

    def holder(self, head: int, tail: int) -> bytes | None:
        """See `ops.sync.settling.Holders`."""
        row = self._connection.execute("SELECT tail, key FROM subjects WHERE head = ?", (head,)).fetchone()
        if row is None:
            return None
        if row[0] != tail:
            raise SyncError(COLLISION)
        key: bytes = row[1]
        return key

    def subjects_of(self, key: bytes) -> list[tuple[int, int, int]]:
        """Head, tail and kind of what a key of the source owns."""
        return self._connection.execute("SELECT head, tail, kind FROM subjects WHERE key = ?", (key,)).fetchall()

    def counts(self) -> Mapping[int, tuple[int, int]]:
        """For each kind how many subjects and records there are."""
        rows = self._connection.execute("SELECT kind, count(*), sum(records) FROM subjects GROUP BY kind")
        return {kind: (subjects, records) for kind, subjects, records in rows}

    def _meet(self, head: int, unit: int, link: bytes, day: int) -> None:
        row = self._connection.execute("SELECT unit FROM subjects WHERE head = ?", (head,)).fetchone()
        if row is None or row[0] != unit:
            self._connection.execute("INSERT OR REPLACE INTO moved VALUES (?, ?)", (link, day))
            self.has_moved = True

    def _count(self, query: str, *values: int) -> int:
        (count,) = self._connection.execute(query, values).fetchone()
        return int(count)

    def _version(self) -> int:
        try:
            return self._count("PRAGMA user_version")
        except sqlite3.DatabaseError:
            return 0

    def _fact(self, name: str) -> bytes | None:
        try:
            row = self._connection.execute("SELECT content FROM facts WHERE name = ?", (name,)).fetchone()
        except sqlite3.DatabaseError:
            return None
        return None if row is None else row[0]

    def close(self) -> None:
        self._connection.close()
