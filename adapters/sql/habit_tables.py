"""From where and when systems use grants, in SQL. Networks stand under marks that serve alone can make."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from adapters.sql.tables import metadata

habit = Table(
    "habit",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("since", Integer, nullable=False),
    Column("hours", BigInteger, nullable=False),
    Column("networks", Integer, nullable=False),
)
"""The day of the first use, a bit for each hour of working and of other days, and how many networks are known."""

habit_network = Table(
    "habit_network",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("network", LargeBinary(16), primary_key=True),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""From which networks each was used, and the day on which that became known."""
