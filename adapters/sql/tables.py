"""The control database: rights, budgets, answers and ledger, in one place so that one transaction holds them all.

The ledger's tables take inserts only: triggers refuse the rest. They guard against accidents; against whoever owns the
database stand the tree and its signed checkpoints.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    event,
    literal_column,
)

metadata = MetaData()
_Big = BigInteger().with_variant(Integer(), "sqlite")

control = Table(
    "control",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", _Big, nullable=False),
)

budget_lock = Table(
    "budget_lock",
    metadata,
    Column("granted", String(64), primary_key=True),
)
"""A row for each grant that ever was in force: whoever reserves from its budgets holds it (PostgreSQL)."""

budget_day = Table(
    "budget_day",
    metadata,
    Column("granted", String(64), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("subjects", _Big, nullable=False, default=0),
    Column("comparisons", _Big, nullable=False, default=0),
    sqlite_with_rowid=False,
)

seen_subject = Table(
    "seen_subject",
    metadata,
    Column("granted", String(64), primary_key=True),
    Column("link", LargeBinary(16), primary_key=True),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)

answer = Table(
    "answer",
    metadata,
    Column("name", LargeBinary(16), primary_key=True),
    Column("body", LargeBinary(16), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("expires", _Big, nullable=False),
)

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("size", _Big, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("log_time", _Big, nullable=False),
)

ledger_partner = Table(
    "ledger_partner",
    metadata,
    Column("partner", String(64), primary_key=True),
    Column("size", _Big, nullable=False),
    Column("leaf", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("index", _Big, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("leaf", LargeBinary(32), nullable=False),
    Column("log_time", _Big, nullable=False),
    Column("type", String(64), nullable=False),
    Column("partner", String(64)),
    UniqueConstraint("id"),
)

STOPPING = ledger_entry.c.type.in_([literal_column("'watch.stopped'"), literal_column("'watch.escalated'")])
"""Which entries tell of responses of the watch: few, and asked for whenever rights are loaded."""
Index("ledger_entry_stopping", ledger_entry.c.index, sqlite_where=STOPPING, postgresql_where=STOPPING)

ledger_disclosure = Table(
    "ledger_disclosure",
    metadata,
    Column("index", _Big, primary_key=True, autoincrement=False),
    Column("disclosures", LargeBinary, nullable=False),
)

ledger_tile = Table(
    "ledger_tile",
    metadata,
    Column("level", SmallInteger, primary_key=True),
    Column("index", _Big, primary_key=True),
    Column("hashes", LargeBinary, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
)

ledger_floor = Table(
    "ledger_floor",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("first", _Big, nullable=False),
)
"""From which entry on all are there. Without a row nothing was ever pruned (`adapters/sql/pruning.py`)."""

APPEND_ONLY = (ledger_entry, ledger_tile)

_SQLITE_GUARD = """CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END"""
# REPLACE deletes without firing DELETE triggers, so it is stopped before it begins.
_SQLITE_NO_REPLACE = """CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE {taken})
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END"""
_TAKEN = {
    "ledger_entry": '"index" = NEW."index" OR id = NEW.id',
    "ledger_tile": 'level = NEW.level AND "index" = NEW."index"',
}
_POSTGRES_FUNCTION = """CREATE OR REPLACE FUNCTION ledger_only_grows() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the ledger only grows'; END $$"""
_POSTGRES_GUARD = """CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_grows()"""


def delete_guard(dialect: str) -> tuple[str, str]:
    """What takes the guard against deleting entries off, and what puts it back: for `adapters/sql/pruning.py` alone."""
    name = ledger_entry.name
    if dialect == "sqlite":
        return f"DROP TRIGGER {name}_no_DELETE", _SQLITE_GUARD.format(table=name, verb="DELETE")
    trigger = f"TRIGGER {name}_only_grows"
    return f"ALTER TABLE {name} DISABLE {trigger}", f"ALTER TABLE {name} ENABLE {trigger}"


def _guard(table: Table, dialect: str, *statements: str) -> None:
    for statement in statements:
        guard = DDL(statement)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves this constructor untyped
        event.listen(table, "after_create", guard.execute_if(dialect=dialect))


for _table in APPEND_ONLY:
    _guard(_table, "sqlite", *(_SQLITE_GUARD.format(table=_table.name, verb=verb) for verb in ("UPDATE", "DELETE")))
    _guard(_table, "sqlite", _SQLITE_NO_REPLACE.format(table=_table.name, taken=_TAKEN[_table.name]))
    _guard(_table, "postgresql", _POSTGRES_FUNCTION, _POSTGRES_GUARD.format(table=_table.name))
