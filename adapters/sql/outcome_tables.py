"""Whom a grant first asked about and when, while it is not known what became of them; and the test of each grant.

Only of grants whose holder said how many will be employed.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, String, Table

from adapters.sql.tables import metadata

_Big = BigInteger().with_variant(Integer(), "sqlite")

outcome_asked = Table(
    "outcome_asked",
    metadata,
    Column("granted", String(64), primary_key=True),
    Column("link", LargeBinary(16), primary_key=True),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Deleted once it is judged: `seen_subject` keeps the last day on which somebody was compared, this the first."""

outcome_score = Table(
    "outcome_score",
    metadata,
    Column("granted", String(64), primary_key=True),
    Column("day", Integer, nullable=False),
    Column("score", Float(53), nullable=False),
    Column("asked", _Big, nullable=False),
    Column("moved", _Big, nullable=False),
    sqlite_with_rowid=False,
)
"""See `gateway.domain.outcome`."""

Index("outcome_asked_day", outcome_asked.c.granted, outcome_asked.c.day)
