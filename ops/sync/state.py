"""What sync must remember between two runs: which key of the source owns which subject, and where to go on.

Without it a corrected number would leave the old one answering for ever. It lies with sync, in its own file, and
holds keyed tokens, subjects and watermarks. It belongs to one manifest: if that is not the current one, the last run
died between the two, and the next sync is a full one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from adapters.index.parts import COLLISION, make_durable
from ops.sync.errors import SyncError
from ops.sync.settling import Settled

_TABLES = """
CREATE TABLE subjects (head INTEGER PRIMARY KEY, tail INTEGER NOT NULL, kind SMALLINT NOT NULL,
                       records INTEGER NOT NULL, key BLOB NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, content BLOB NOT NULL);
"""


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a generation was made from. A delta fits only if all of it is still the same, marks apart."""

    manifest: str = ""
    key: str
    mappings: dict[str, str]
    marks: dict[str, datetime | int | None] = {}


class State:
    """One state file, open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(path, isolation_level=None)

    @classmethod
    def create(cls, path: Path) -> State:
        """A new one, to be filled in ascending order of heads; a draft until it is finished."""
        state = cls(path)
        state._connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
        return state

    def origin(self) -> Origin | None:
        """What the state belongs to; None if it was never finished."""
        content = self._fact("origin")
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

    def add(self, settled: Iterable[Settled]) -> None:
        """Take what was settled: new owners, and subjects that are gone. Decoys have no owner and are not counted."""
        for found in settled:
            head, tail, kind, rows = found.sealed
            if rows and not found.is_decoy:
                values = (head, tail, kind, found.records, found.key)
                self._connection.execute("INSERT OR REPLACE INTO subjects VALUES (?, ?, ?, ?, ?)", values)
            else:
                self._connection.execute("DELETE FROM subjects WHERE head = ?", (head,))

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

    def _fact(self, name: str) -> bytes | None:
        try:
            row = self._connection.execute("SELECT content FROM facts WHERE name = ?", (name,)).fetchone()
        except sqlite3.DatabaseError:
            return None
        return None if row is None else row[0]

    def close(self) -> None:
        self._connection.close()
