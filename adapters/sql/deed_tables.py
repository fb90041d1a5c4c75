"""Where deeds lie. What stands here proves nothing: whoever reads it checks the signatures, and the ledger's digest."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, String, Table

from adapters.sql.tables import ledger_entry, metadata

_Big = BigInteger().with_variant(Integer(), "sqlite")

deed = Table(
    "deed",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("serial", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("deed", LargeBinary, nullable=False),
    Column("author", String(64), nullable=False),
    Column("partner", String(64), nullable=False),
    Column("entry", _Big, nullable=False),
    Column("changed", _Big, nullable=False),
    Column("note", String(2000), nullable=False),
    CheckConstraint("state IN ('pending', 'refused', 'in_force')", name="deed_state"),
    CheckConstraint("(state = 'in_force') = (entry > 0)", name="deed_entry"),
)
"""Every attempt at every version of everything. `entry` is the ledger entry that brought it into force, or 0."""

Index("deed_entry", deed.c.entry, unique=True, sqlite_where=deed.c.entry > 0, postgresql_where=deed.c.entry > 0)

Index(
    "deed_one_attempt",
    deed.c.kind,
    deed.c.id,
    deed.c.author,  # what takes a right away may wait beside somebody else's draft, see `gateway.minutes.next_attempt`
    unique=True,
    sqlite_where=deed.c.state == "pending",
    postgresql_where=deed.c.state == "pending",
)
Index(
    "ledger_entry_of_rights",
    ledger_entry.c.index,
    sqlite_where=ledger_entry.c.type == "deed.in_force",
    postgresql_where=ledger_entry.c.type == "deed.in_force",
)
