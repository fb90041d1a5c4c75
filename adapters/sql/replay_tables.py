"""What was used up or revoked: rows that live for minutes. They say nothing of persons and little of partners."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from adapters.sql.tables import metadata

_Big = BigInteger().with_variant(Integer(), "sqlite")

used_once = Table(
    "used_once",
    metadata,
    Column("name", LargeBinary(16), primary_key=True),
    Column("expires", _Big, nullable=False),
    sqlite_with_rowid=False,
)
"""Ids of assertions, DPoP proofs and signed requests, as digests of whose they were and what they said."""

Index("used_once_expires", used_once.c.expires)

revoked = Table(
    "revoked_token",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("since", _Big, nullable=False),
    Column("expires", _Big, nullable=False),
    sqlite_with_rowid=False,
)
"""Tokens that ended before their time; kept until they would have ended anyway."""
