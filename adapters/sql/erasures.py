"""What erasing changes in SQL: packs of disclosures, the search for persons, and how far it went."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from sqlalchemy import BigInteger, ColumnElement, Engine, any_, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from adapters.sql.cursors import Cursor
from adapters.sql.engine import is_sqlite
from adapters.sql.erasure_tables import erasure, erasure_entry
from adapters.sql.statements import Statement, upsert
from adapters.sql.tables import ledger_disclosure
from adapters.sql.trail import TrailTable
from adapters.sql.trail_tables import trail_token
from gateway.erasure import Progress

_PROGRESS = ("deed", "before", "entry", "kept", "scrubbed")
_AT_ONCE = 500


class ErasureTable:
    """Keeps the promise of `gateway.erasing.ErasureBook` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor, trail: TrailTable) -> None:
        self._cursor, self._trail, self._is_sqlite = cursor, trail, is_sqlite(engine)
        self._all = Statement(select(*(erasure.c[name] for name in _PROGRESS)), engine)
        put = upsert(engine, erasure, *_PROGRESS)
        changed = {name: put.excluded[name] for name in _PROGRESS[1:]}
        self._put = Statement(put.on_conflict_do_update(index_elements=["deed"], set_=changed), engine)
        self._entries = Statement(select(erasure_entry.c.entry).order_by(erasure_entry.c.entry), engine)
        self._note = Statement(upsert(engine, erasure_entry, "entry").on_conflict_do_nothing(), engine)
        row = ledger_disclosure.c
        wanted = bindparam("index", type_=BigInteger)
        self._pack = Statement(select(row.index, row.disclosures).where(row.index == wanted), engine)
        pack = upsert(engine, ledger_disclosure, "index", "disclosures")
        replaced = {"disclosures": pack.excluded.disclosures}
        self._rewrite = Statement(pack.on_conflict_do_update(index_elements=["index"], set_=replaced), engine)
        self._unfind = Statement(delete(trail_token).where(self._among(trail_token.c.index)), engine)
        self._find = Statement(upsert(engine, trail_token, "token", "index").on_conflict_do_nothing(), engine)

    def progress(self) -> Mapping[str, Progress]:
        rows = cast("list[tuple[str, int, int, int, int]]", self._all.rows(self._cursor))
        return {
            deed: Progress(deed=deed, before=before, entry=entry, kept=kept, is_scrubbed=bool(scrubbed))
            for deed, before, entry, kept, scrubbed in rows
        }

    def put(self, progress: Progress) -> None:
        row = (progress.deed, progress.before, progress.entry, progress.kept, int(progress.is_scrubbed))
        self._put.write(self._cursor, [row])

    def tombstones(self) -> Sequence[int]:
        return [cast("int", row[0]) for row in self._entries.rows(self._cursor)]

    def note(self, entries: Sequence[int]) -> None:
        self._note.write(self._cursor, [(entry,) for entry in entries])

    def disclosures(self, indices: Sequence[int]) -> Mapping[int, bytes]:
        found: dict[int, bytes] = {}
        for start in range(0, len(indices), _AT_ONCE):
            asked = [self._pack.ask(self._cursor, index=index) for index in indices[start : start + _AT_ONCE]]
            found.update(cast("tuple[int, bytes]", row) for each in asked for row in each.rows())
        return found

    def rewrite(self, packs: Mapping[int, bytes]) -> None:
        self._rewrite.write(self._cursor, list(packs.items()))

    def unfind(self, tokens: Mapping[int, Sequence[bytes]]) -> None:
        indices = list(tokens)
        for start in range(0, len(indices), _AT_ONCE):
            part = indices[start : start + _AT_ONCE]
            self._unfind.ask(self._cursor, indices=json.dumps(part) if self._is_sqlite else part).rows()
        self._find.write(self._cursor, [(token, index) for index, each in tokens.items() for token in each])
        # Whoever read these entries before to index them writes nothing of them any more.
        self._trail.forget([])

    def _among(self, column: ColumnElement[int]) -> ColumnElement[bool]:
        if self._is_sqlite:
            each = func.json_each(bindparam("indices")).table_valued("value")
            return column.in_(select(each.c.value))
        return column == any_(bindparam("indices", type_=ARRAY(BigInteger)))
