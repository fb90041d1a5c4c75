"""What the watch knows: scores and counts of accounts, cells, questions, responses and incidents."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, SmallInteger, String, Table

from adapters.sql.tables import metadata

_Big = BigInteger().with_variant(Integer(), "sqlite")

watch_score = Table(
    "watch_score",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("misses", Float(53), nullable=False),
    Column("mismatches", Float(53), nullable=False),
    Column("firsts", _Big, nullable=False),
    Column("hits", _Big, nullable=False),
    Column("stopped", _Big, nullable=False, default=0),
    sqlite_with_rowid=False,
)
"""Sequential tests, and the control epoch that a response began."""

watch_day = Table(
    "watch_day",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("misses", _Big, nullable=False),
    Column("outside", _Big, nullable=False),
    sqlite_with_rowid=False,
)

watch_cell = Table(
    "watch_cell",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("cell", LargeBinary(16), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("misses", _Big, nullable=False),
    sqlite_with_rowid=False,
)

watch_question = Table(
    "watch_question",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("link", LargeBinary(16), primary_key=True),
    Column("asked", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

watch_stop = Table(
    "watch_stop",
    metadata,
    Column("target", String(80), primary_key=True),
    Column("is_frozen", SmallInteger, nullable=False),
    Column("incident", String(16), nullable=False),
    Column("entry", _Big, nullable=False),
)
"""Responses that the watch laid on something; a later deed that releases it counts, whatever stands here."""

watch_incident = Table(
    "watch_incident",
    metadata,
    Column("number", String(16), primary_key=True),
    Column("partner", String(64), nullable=False),
    Column("granted", String(64), nullable=False),
    Column("detector", String(32), nullable=False),
    Column("opened", _Big, nullable=False),
    Column("incident", LargeBinary, nullable=False),
)
watch_notice = Table(
    "watch_notice",
    metadata,
    Column("channel", String(16), primary_key=True),
    Column("incident", String(16), primary_key=True),
    Column("sent", SmallInteger, nullable=False),
    Column("failed", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Which channel has told which incident, and how often it failed to."""

Index("watch_incident_opened", watch_incident.c.opened)
