"""Where accounts lie. What stands here gives nobody a right: those come from deeds.

The database itself refuses a second account of one natural person, a second duty in one account, and a key of two
people. Nothing is null: what is not there is empty, or 0.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    BindParameter,
    CheckConstraint,
    Column,
    ColumnElement,
    Engine,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    bindparam,
    delete,
    select,
)
from sqlalchemy.sql import ClauseElement

from adapters.sql.statements import upsert
from adapters.sql.tables import metadata
from gateway.domain.people import PARTNER_DUTIES, Duty, KeyForm

_Big = BigInteger().with_variant(Integer(), "sqlite")


def _among(column: str, words: list[str]) -> str:
    listed = ", ".join(f"'{word}'" for word in sorted(words))
    return f"{column} IN ({listed})"


account = Table(
    "account",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("natural", String(32), nullable=False, unique=True),
    Column("name", LargeBinary, nullable=False),
    Column("duty", String(32), nullable=False),
    Column("partner", String(64), nullable=False),
    Column("code", LargeBinary(32), nullable=False),
    Column("code_until", _Big, nullable=False),
    Column("enrolled", _Big, nullable=False),
    Column("password", String(256), nullable=False),
    Column("totp", LargeBinary, nullable=False),
    Column("totp_step", _Big, nullable=False),
    CheckConstraint(_among("duty", [*Duty]), name="account_one_duty"),
    CheckConstraint(f"({_among('duty', [*PARTNER_DUTIES])}) = (partner <> '')", name="account_partner"),
    CheckConstraint('length("natural") = 32', name="account_natural"),
)
Index("account_code", account.c.code)

account_key = Table(
    "account_key",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("account", String(40), nullable=False, index=True),
    Column("form", String(16), nullable=False),
    Column("public", LargeBinary(65), nullable=False, unique=True),
    Column("rp_id", String(253), nullable=False),
    Column("origin", String(300), nullable=False),
    Column("credential", LargeBinary(1023), nullable=False),
    Column("sign_count", _Big, nullable=False),
    Column("added", _Big, nullable=False),
    Column("retired", _Big, nullable=False),
    Column("revoked", _Big, nullable=False),
    CheckConstraint(_among("form", [*KeyForm]), name="account_key_form"),
)

account_recovery = Table(
    "account_recovery",
    metadata,
    Column("account", String(40), primary_key=True),
    Column("code", LargeBinary(32), primary_key=True),
)

account_session = Table(
    "account_session",
    metadata,
    Column("name", LargeBinary(32), primary_key=True),
    Column("account", String(40), nullable=False, index=True),
    Column("level", String(16), nullable=False),
    Column("opened", _Big, nullable=False),
    Column("seen", _Big, nullable=False),
    Column("fresh_until", _Big, nullable=False),
)

account_attempt = Table(
    "account_attempt",
    metadata,
    Column("name", LargeBinary(32), primary_key=True),
    Column("failures", _Big, nullable=False),
    Column("last", _Big, nullable=False, index=True),
    Column("until", _Big, nullable=False),
)

account_place = Table(
    "account_place",
    metadata,
    Column("account", String(40), primary_key=True),
    Column("name", LargeBinary(32), primary_key=True),
    Column("until", _Big, nullable=False, index=True),
)

account_once = Table(
    "account_once",
    metadata,
    Column("name", LargeBinary(32), primary_key=True),
    Column("until", _Big, nullable=False, index=True),
)

account_binding = Table(
    "account_binding",
    metadata,
    Column("name", LargeBinary(32), primary_key=True),
    Column("account", String(40), nullable=False, unique=True),
)


def same(table: Table, name: str) -> BindParameter[object]:
    """A parameter of a column's name and type."""
    return bindparam(name, type_=table.c[name].type)


def forgetting(table: Table, condition: ColumnElement[bool]) -> ClauseElement:
    """A delete of old rows. Those that another work holds are left for later: two that forget never wait in a ring."""
    old = select(table.c.name).where(condition).with_for_update(skip_locked=True)
    return delete(table).where(table.c.name.in_(old))


def replacing(engine: Engine, table: Table, *key: str) -> ClauseElement:
    """An insert of whole rows; one that is there gives way."""
    names = [column.name for column in table.columns]
    put = upsert(engine, table, *names)
    changed = {name: put.excluded[name] for name in names if name not in key}
    return put.on_conflict_do_update(index_elements=key, set_=changed)
