"""How far each erasure was carried out. What stands here is found again in the ledger; it only saves looking for it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, SmallInteger, String, Table

from adapters.sql.tables import metadata

_Big = BigInteger().with_variant(Integer(), "sqlite")

erasure = Table(
    "erasure",
    metadata,
    Column("deed", String(64), primary_key=True),
    Column("before", Integer, nullable=False),
    Column("entry", _Big, nullable=False),
    Column("kept", _Big, nullable=False),
    Column("scrubbed", SmallInteger, nullable=False),
)

erasure_entry = Table(
    "erasure_entry",
    metadata,
    Column("entry", _Big, primary_key=True, autoincrement=False),
)
"""The entries that say what was erased."""
