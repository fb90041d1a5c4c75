"""Where the daily statements of partners lie, and what is disputed about them.

What stands here proves nothing: a statement is signed, and the ledger holds the digest of each.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from adapters.sql.tables import metadata

_Big = BigInteger().with_variant(Integer(), "sqlite")

statement_day = Table(
    "statement_day",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("entry", _Big, nullable=False),
)
"""A row for each local day that is made, so that none is made twice, also where no system had a statement."""

day_statement = Table(
    "day_statement",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("partner", String(64), primary_key=True),
    Column("system", String(64), primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("answered", _Big, nullable=False),
    Column("refused", _Big, nullable=False),
    Column("operators", LargeBinary, nullable=False),
    Column("entry", _Big, nullable=False),
    Column("made", _Big, nullable=False),
)

statement_dispute = Table(
    "statement_dispute",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("partner", String(64), nullable=False),
    Column("system", String(64), nullable=False),
    Column("period", String(10), nullable=False),
    Column("by", String(8), nullable=False),
    Column("unknown", Text, nullable=False),
    Column("missing", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("raised", _Big, nullable=False),
    Column("entry", _Big, nullable=False),
    Column("settled", _Big, nullable=False),
    Column("settled_by", String(64), nullable=False),
    Column("finding", Text, nullable=False),
)
