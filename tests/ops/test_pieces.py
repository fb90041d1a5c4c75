"""A long log is read by several processes, and comes together as one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.stored import read_piece
from audit.suite import INTL
from ops.pieces import pieces_of
from tests.audit.make import AT, a_ledger, an_answer
from tests.gateways import open_store

SPANS = [(start, start + 7) for start in range(0, 84, 7)]


def test_what_several_read_is_what_one_reads(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/control.sqlite"
    with closing(open_store(url)) as store, store.begin() as work:
        a_ledger().append(work.ledger, [an_answer() for _ in range(79)], AT)
        work.commit()
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER IF EXISTS ledger_entry_no_UPDATE"))
        connection.execute(text('UPDATE ledger_entry SET leaf = zeroblob(32) WHERE "index" = 11'))
    engine.dispose()

    together = list(pieces_of(url, "intl")(SPANS))

    with closing(SqlLedgerReader.open(url)) as reader:
        assert together == [read_piece(reader, INTL.digest, span) for span in SPANS]
    assert [piece.differing for piece in together] == [(), (11,), *[()] * 10]
    assert [len(piece.leaves) // 32 for piece in together] == [*[7] * 11, 3]
