"""Where the lists of closed grants lie. A list is one row: what is in it is packed, so that it is read at a stroke.

What stands here proves nothing: it is held against the deed that people signed, each time it is loaded.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from adapters.sql.tables import metadata

_Big = BigInteger().with_variant(Integer(), "sqlite")

cohort_list = Table(
    "cohort_list",
    metadata,
    Column("granted", String(64), primary_key=True),
    Column("root", String(64), primary_key=True),
    Column("leaves", LargeBinary, nullable=False),
    Column("links", LargeBinary, nullable=False),
    Column("filed", _Big, nullable=False),
)
"""Links of 16 bytes, leaves of 32; each sorted for itself, so that no place tells which leaf is whose."""
