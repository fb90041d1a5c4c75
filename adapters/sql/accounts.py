"""Accounts in SQL: all that is kept about them, on one cursor, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy import Engine, delete, select

from adapters.sql.account_sessions import AttemptTable, OnceTable, PlaceTable, SessionTable
from adapters.sql.account_tables import (
    account,
    account_binding,
    account_key,
    account_place,
    account_recovery,
    account_session,
    replacing,
    same,
)
from adapters.sql.cursors import Cursor, Row
from adapters.sql.statements import Statement, upsert
from gateway.accounts.values import Account, AccountKey
from gateway.domain.people import Duty, KeyForm, PersonKey


class AccountTables:
    """Keeps the promise of `gateway.accounts.ports.AccountBooks`."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self.book = AccountTable(engine, cursor)
        self.keys = KeyTable(engine, cursor)
        self.recovery = RecoveryTable(engine, cursor)
        self.sessions = SessionTable(engine, cursor)
        self.attempts = AttemptTable(engine, cursor)
        self.places = PlaceTable(engine, cursor)
        self.once = OnceTable(engine, cursor)
        self.bindings = BindingTable(engine, cursor)


class AccountTable:
    """Keeps the promise of `AccountBook`."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        every = select(account)
        self._find = Statement(every.where(account.c.id == same(account, "id")).with_for_update(), engine)
        self._of_natural = Statement(every.where(account.c.natural == same(account, "natural")), engine)
        self._of_code = Statement(every.where(account.c.code == same(account, "code")), engine)
        self._all = Statement(every.order_by(account.c.id), engine)
        self._put = Statement(replacing(engine, account, "id"), engine)
        also = (account_recovery, account_session, account_place, account_binding)
        of = [account.c.id, *(each.c.account for each in also)]
        self._remove = [Statement(delete(each.table).where(each == same(account, "id")), engine) for each in of]

    def find(self, account_id: str) -> Account | None:
        return _one(self._find.rows(self._cursor, id=account_id))

    def of_natural(self, natural: str) -> Account | None:
        return _one(self._of_natural.rows(self._cursor, natural=natural))

    def of_code(self, code: bytes) -> Account | None:
        """Nobody has the empty code, though many rows do."""
        return _one(self._of_code.rows(self._cursor, code=code) if code else [])

    def all(self) -> Sequence[Account]:
        return [_account(row) for row in self._all.rows(self._cursor)]

    def put(self, kept: Account) -> None:
        row = (
            *(kept.id, kept.natural, kept.name, kept.duty.value, kept.partner or "", kept.code, kept.code_until),
            *(kept.enrolled, kept.password, kept.totp, kept.totp_step),
        )
        self._put.write(self._cursor, [row])

    def remove(self, account_id: str) -> None:
        for each in self._remove:
            each.ask(self._cursor, id=account_id)


class KeyTable:
    """Keeps the promise of `KeyBook`."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        every, key = select(account_key), account_key.c
        self._of = Statement(
            every.where(key.account == same(account_key, "account")).order_by(key.added, key.kid), engine
        )
        self._of_public = Statement(every.where(key.public == same(account_key, "public")), engine)
        self._put = Statement(replacing(engine, account_key, "kid"), engine)

    def of(self, account_id: str) -> Sequence[AccountKey]:
        return [_key(row) for row in self._of.rows(self._cursor, account=account_id)]

    def of_public(self, public: bytes) -> AccountKey | None:
        rows = self._of_public.rows(self._cursor, public=public)
        return _key(rows[0]) if rows else None

    def put(self, kept: AccountKey) -> None:
        key, times = kept.key, (kept.sign_count, kept.added, kept.retired, kept.revoked)
        row = (key.kid, kept.account, key.form.value, key.public, key.rp_id, key.origin, kept.credential, *times)
        self._put.write(self._cursor, [row])


class RecoveryTable:
    """Keeps the promise of `RecoveryBook`."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        code, of = account_recovery.c, account_recovery.c.account == same(account_recovery, "account")
        one = of & (code.code == same(account_recovery, "code"))
        self._find, self._all = (Statement(select(code.code).where(each), engine) for each in (one, of))
        self._take, self._clear = (Statement(delete(account_recovery).where(each), engine) for each in (one, of))
        self._add = Statement(upsert(engine, account_recovery, "account", "code"), engine)

    def replace(self, account_id: str, codes: Sequence[bytes]) -> None:
        self._clear.ask(self._cursor, account=account_id)
        self._add.write(self._cursor, [(account_id, code) for code in codes])

    def take(self, account_id: str, code: bytes) -> bool:
        found = self._find.rows(self._cursor, account=account_id, code=code)
        self._take.ask(self._cursor, account=account_id, code=code)
        return bool(found)

    def left(self, account_id: str) -> int:
        return len(self._all.rows(self._cursor, account=account_id))


class BindingTable:
    """Keeps the promise of `BindingBook`."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        of, name = account_binding.c.account, account_binding.c.name
        self._find = Statement(select(of).where(name == same(account_binding, "name")), engine)
        self._clear = Statement(delete(account_binding).where(of == same(account_binding, "account")), engine)
        self._add = Statement(upsert(engine, account_binding, "name", "account"), engine)

    def find(self, name: bytes) -> str | None:
        rows = self._find.rows(self._cursor, name=name)
        return cast("str", rows[0][0]) if rows else None

    def bind(self, name: bytes, account_id: str) -> None:
        self.forget(account_id)
        self._add.write(self._cursor, [(name, account_id)])

    def forget(self, account_id: str) -> None:
        self._clear.ask(self._cursor, account=account_id)


def _one(rows: Sequence[Row]) -> Account | None:
    return _account(rows[0]) if rows else None


def _account(row: Row) -> Account:
    told = cast("tuple[str, str, bytes, str, str, bytes, int, int, str, bytes, int]", row)
    return Account(
        id=told[0],
        natural=told[1],
        name=told[2],
        duty=Duty(told[3]),
        partner=told[4] or None,
        code=told[5],
        code_until=told[6],
        enrolled=told[7],
        password=told[8],
        totp=told[9],
        totp_step=told[10],
    )


def _key(row: Row) -> AccountKey:
    kid, owner, form, public, rp_id, origin, credential, *times = cast(
        "tuple[str, str, str, bytes, str, str, bytes, int, int, int, int]", row
    )
    key = PersonKey(kid, KeyForm(form), public, rp_id, origin)
    count, added, retired, revoked = times
    return AccountKey(
        account=owner, key=key, credential=credential, sign_count=count, added=added, retired=retired, revoked=revoked
    )
