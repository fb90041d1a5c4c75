"""The lists of closed grants in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy import BindParameter, ColumnElement, Engine, bindparam, delete, select

from adapters.sql.cohort_tables import cohort_list
from adapters.sql.cursors import Cursor
from adapters.sql.statements import Statement, upsert
from gateway.deeds.cohorts import KeptList

_NAMES = ("granted", "root", "leaves", "links", "filed")
_KEY = _NAMES[:2]


class CohortTable:
    """Keeps the promise of `gateway.deeds.cohorts.CohortStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        row = cohort_list.c
        self._find = Statement(select(*(row[name] for name in _NAMES)).where(*_is_list()), engine)
        self._links = Statement(select(row.links).where(*_is_list()), engine)
        self._roots = Statement(select(row.root).where(row.granted == _text("granted")).order_by(row.root), engine)
        self._remove = Statement(delete(cohort_list).where(*_is_list()), engine)
        put = upsert(engine, cohort_list, *_NAMES)
        changed = {name: put.excluded[name] for name in _NAMES[2:]}
        self._put = Statement(put.on_conflict_do_update(index_elements=_KEY, set_=changed), engine)

    def find(self, grant: str, root: str) -> KeptList | None:
        rows = cast("list[tuple[str, str, bytes, bytes, int]]", self._find.rows(self._cursor, granted=grant, root=root))
        for granted, of_root, leaves, links, filed in rows:
            return KeptList(grant=granted, root=of_root, leaves=leaves, links=links, filed=filed)
        return None

    def links(self, grant: str, root: str) -> bytes:
        rows = self._links.rows(self._cursor, granted=grant, root=root)
        return cast("bytes", rows[0][0]) if rows else b""

    def roots(self, grant: str) -> Sequence[str]:
        return [cast("str", row[0]) for row in self._roots.rows(self._cursor, granted=grant)]

    def put(self, kept: KeptList) -> None:
        self._put.write(self._cursor, [(kept.grant, kept.root, kept.leaves, kept.links, kept.filed)])

    def remove(self, grant: str, root: str) -> None:
        self._remove.ask(self._cursor, granted=grant, root=root)


def _is_list() -> tuple[ColumnElement[bool], ...]:
    return tuple(cohort_list.c[name] == _text(name) for name in _KEY)


def _text(name: str) -> BindParameter[str]:
    return bindparam(name, type_=cohort_list.c[name].type)
