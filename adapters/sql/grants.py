"""Signed grants in SQL, and the control epoch that grows with every change of rights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sqlalchemy import Engine, literal_column, select, update

from adapters.sql.engine import Cursor, Statement, upsert
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
        put = upsert(engine, granted)
        changed = {name: put.excluded[name] for name in ("document", "key_id", "signature")}
        self._put = Statement(put.on_conflict_do_update(index_elements=["number"], set_=changed), engine)
        self._advance = Statement(update(control).values(epoch=control.c.epoch + literal_column("1")), engine)

    def epoch(self) -> int:
        rows = self._epoch.rows(self._cursor)
        if not rows:
            raise UnavailableError("the control database is empty: run `bidui migrate`")
        return cast("int", rows[0][0])

    def all(self) -> Mapping[str, SignedGrant]:
        """Every grant, by number."""
        return {
            cast("str", number): SignedGrant(
                bytes(cast("bytes", document)), cast("str", key_id), bytes(cast("bytes", signature))
            )
            for number, document, key_id, signature in self._all.rows(self._cursor)
        }

    def put(self, number: str, signed: SignedGrant) -> None:
        """Replaces the grant of this number; every node judges by it from its next turn on."""
        row = {"number": number, "document": signed.document, "key_id": signed.key_id, "signature": signed.signature}
        self._put.run(self._cursor, [row])
        self._advance.run(self._cursor, [{}])
