"""Spot checks, in SQL."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, String, Table, Text

from adapters.sql.tables import metadata

spot_check = Table(
    "spot_check",
    metadata,
    Column("number", String(16), primary_key=True),
    Column("granted", String(64), nullable=False),
    Column("partner", String(64), nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("link", LargeBinary(16), nullable=False),
    Column("opened", Integer, nullable=False),
    Column("due", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("document", String(400), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("operator", String(200), nullable=False),
    Column("filed", Integer, nullable=False),
    Column("filings", Integer, nullable=False),
    Column("judged", Integer, nullable=False),
    Column("judge", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("needs_acceptance", SmallInteger, nullable=False),
    Column("entry", BigInteger, nullable=False),
)

Index("spot_check_subject", spot_check.c.granted, spot_check.c.link)
Index("spot_check_state", spot_check.c.state, spot_check.c.granted)
Index("spot_check_partner", spot_check.c.partner, spot_check.c.state)
