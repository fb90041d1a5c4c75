"""Signed grants in SQL, and the control epoch that grows with every change of rights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sqlalchemy import Engine, literal_column, select, update

from adapters.sql.cursors import Asked, Cursor
from adapters.sql.statements import Statement, upsert
from adapters.sql.tables import control, granted
from gateway.domain.errors import UnavailableError
from gateway.signed_grant import SignedGrant


class GrantTable:
    """On one cursor, inside the caller's transaction. What is read here is verified by whoever uses it."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._epoch = Statement(select(control.c.epoch).where(control.c.id == literal_column("1")), engine)
        self._all = Statement(
            select(granted.c.number, granted.c.document, granted.c.key_id, granted.c.signature), engine
        )
        put = upsert(engine, granted, "number", "document", "key_id", "signature")
        changed = {name: put.excluded[name] for name in ("document", "key_id", "signature")}
        self._put = Statement(put.on_conflict_do_update(index_elements=["number"], set_=changed), engine)
        self._advance = Statement(update(control).values(epoch=control.c.epoch + literal_column("1")), engine)
        self.begin()

    def begin(self) -> None:
        """Forgets what an earlier transaction asked."""
        self._ahead: Asked | None = None

    def prefetch(self) -> None:
        """Sends the question after the epoch."""
        self._ahead = self._epoch.ask(self._cursor)

    def epoch(self) -> int:
        rows = (self._ahead or self._epoch.ask(self._cursor)).rows()
        if not rows:
            raise UnavailableError("the control database is empty: run `bidui migrate`")
        return cast("int", rows[0][0])

    def all(self) -> Mapping[str, SignedGrant]:
        """Every grant, by number."""
        rows = self._all.rows(self._cursor)
        return {
            number: SignedGrant(document, key_id, signature)
            for number, document, key_id, signature in cast("list[tuple[str, bytes, str, bytes]]", rows)
        }

    def put(self, number: str, signed: SignedGrant) -> None:
        """Replaces the grant of this number; every node judges by it from its next turn on."""
        self._put.write(self._cursor, [(number, signed.document, signed.key_id, signed.signature)])
        self._advance.ask(self._cursor)
