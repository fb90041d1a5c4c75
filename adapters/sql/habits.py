"""From where and when systems use grants, on the cursor of a turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import cast

from sqlalchemy import Engine, and_, select
from sqlalchemy.sql import ClauseElement

from adapters.sql.cursors import Cursor
from adapters.sql.habit_tables import habit, habit_network
from adapters.sql.statements import Statement, among_texts, pairs, upsert
from gateway.domain.habit import Habit


class HabitTable:
    """Keeps the promise of `gateway.ports.HabitStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        of = habit.c
        known = select(of.account, of.since, of.hours, of.networks).where(among_texts(engine, of.account, "accounts"))
        self._habits = Statement(known, engine)
        self._networks = Statement(_networks(engine), engine)
        self._put = Statement(_put(engine), engine)
        self._add = Statement(_add(engine), engine)

    def habits(self, accounts: Sequence[str]) -> Mapping[str, Habit]:
        rows = cast("list[tuple[str, int, int, int]]", self._habits.rows(self._cursor, accounts=accounts))
        return {account: Habit(*numbers) for account, *numbers in rows}

    def networks(self, wanted: Sequence[tuple[str, bytes]]) -> Set[tuple[str, bytes]]:
        accounts, networks = [account for account, _ in wanted], [network for _, network in wanted]
        rows = self._networks.rows(self._cursor, accounts=accounts, networks=networks)
        return {(account, bytes(network)) for account, network in cast("list[tuple[str, bytes]]", rows)}

    def learn(self, habits: Mapping[str, Habit], networks: Sequence[tuple[str, bytes]], day: int) -> None:
        rows = [(account, each.since, each.hours, each.networks) for account, each in sorted(habits.items())]
        self._put.write(self._cursor, rows)
        self._add.write(self._cursor, [(account, network, day) for account, network in sorted(networks)])


def _networks(engine: Engine) -> ClauseElement:
    asked, there = pairs(engine, "accounts", "networks"), habit_network.c
    found = asked.rows.join(habit_network, and_(there.account == asked.text, there.network == asked.key))
    return select(there.account, there.network).select_from(found)


def _put(engine: Engine) -> ClauseElement:
    names = ("since", "hours", "networks")
    new = upsert(engine, habit, "account", *names)
    return new.on_conflict_do_update(index_elements=["account"], set_={name: new.excluded[name] for name in names})


def _add(engine: Engine) -> ClauseElement:
    return upsert(engine, habit_network, "account", "network", "day").on_conflict_do_nothing()
