"""Where the officers' search looks, beside the ledger and made from it; all but views and days can be made anew.

* `trail_place`: which entries have a word of their clear part; a word is the first 64 bits of its hash.
* `trail_token`: which entries have a person, an operator or a matter; keyed digests alone, erased with the person.
* `trail_cursor`: how far both go. `erasures` counts what was erased, so that whoever read before puts nothing back.
* `trail_hour`: comparisons by the hour, written with the entries; it says nothing that they do not say in clear.
* `trail_view`, `trail_day`: an officer's named filters, and the persons they searched for today.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, SmallInteger, String, Table

from adapters.sql.tables import metadata
from audit.tokens import TOKEN_BYTES

_Big = BigInteger().with_variant(Integer(), "sqlite")

trail_place = Table(
    "trail_place",
    metadata,
    Column("word", _Big, primary_key=True, autoincrement=False),
    Column("index", _Big, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

trail_token = Table(
    "trail_token",
    metadata,
    Column("token", LargeBinary(TOKEN_BYTES), primary_key=True),
    Column("index", _Big, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

trail_cursor = Table(
    "trail_cursor",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("form", SmallInteger, nullable=False),
    Column("upto", _Big, nullable=False),
    Column("erasures", _Big, nullable=False),
)

trail_hour = Table(
    "trail_hour",
    metadata,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("partner", String(64), primary_key=True),
    Column("granted", String(64), primary_key=True),
    Column("told", String(32), primary_key=True),
    Column("entries", _Big, nullable=False),
    Column("claims", _Big, nullable=False),
    sqlite_with_rowid=False,
)

trail_view = Table(
    "trail_view",
    metadata,
    Column("account", String(40), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("filter", LargeBinary, nullable=False),
)

trail_day = Table(
    "trail_day",
    metadata,
    Column("account", String(40), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("token", LargeBinary(TOKEN_BYTES), primary_key=True),
    sqlite_with_rowid=False,
)
