"""What sweeps keep beside the turns: a row for each grant that they count, and whose documents are asked for more."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, String, Table

from adapters.sql.tables import metadata

_Big = BigInteger().with_variant(Integer(), "sqlite")

watch_tally = Table(
    "watch_tally",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("day", Integer, nullable=False),
    Column("window", _Big, nullable=False),
    Column("misses", _Big, nullable=False),
    Column("waiting", _Big, nullable=False),
    Column("firsts", _Big, nullable=False),
    Column("missed", _Big, nullable=False),
    Column("workdays", _Big, nullable=False),
    Column("subjects", Float(53), nullable=False),
    Column("seasons", Float(53), nullable=False),
    Column("recent", Float(53), nullable=False),
    Column("noise", Float(53), nullable=False),
    Column("score", Float(53), nullable=False),
    sqlite_with_rowid=False,
)
"""See `gateway.domain.tally`."""

watch_raised = Table(
    "watch_raised",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Of which partner's purpose more is spot-checked, from which day on."""

watch_noted = Table(
    "watch_noted",
    metadata,
    Column("name", LargeBinary(16), primary_key=True),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Of which subjects and pairs officers were told, by keyed digests, and when last."""
