"""Replaces the counters of budgets by others, in one transaction, while nobody answers anything."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, delete, func, insert, select

from adapters.sql.tables import budget_day, budget_lock, seen_subject
from gateway.watch.accounts import is_grant

Counts = Mapping[tuple[str, int], tuple[int, int]]
"""People and comparisons, by account and day."""


def replace_counts(engine: Engine, counts: Counts, known: Mapping[tuple[str, int], int]) -> int:
    """Puts these in place of what is there; returns how many differed.

    Of whom were compared when, links are all that is kept, and only the sealing process makes links. So they are kept
    where there are as many as the ledger knows of that grant and day, and forgotten where not: whom nobody remembers
    is counted again, at the next comparison.
    """
    with engine.begin() as connection:
        found = _differing(connection, counts)
        connection.execute(delete(budget_day))
        for (grant, day), (subjects, comparisons) in sorted(counts.items()):
            row = {"granted": grant, "day": day, "subjects": subjects, "comparisons": comparisons}
            connection.execute(insert(budget_day).values(row))
        _forget(connection, known)
        _lock_rows(connection, {account for account, _ in counts if is_grant(account)})
    return found


def differing(engine: Engine, counts: Counts) -> int:
    """How many of what is there differ from these."""
    with engine.connect() as connection:
        return _differing(connection, counts)


def _read(connection: Connection) -> dict[tuple[str, int], tuple[int, int]]:
    wanted = select(budget_day.c.granted, budget_day.c.day, budget_day.c.subjects, budget_day.c.comparisons)
    found = {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(wanted)}
    return {place: used for place, used in found.items() if any(used)}


def _differing(connection: Connection, counts: Counts) -> int:
    there, wanted = _read(connection), {place: used for place, used in counts.items() if any(used)}
    oldest = min((day for _, day in wanted), default=0)
    return sum(there.get(place) != wanted.get(place) for place in there.keys() | wanted.keys() if place[1] >= oldest)


def _forget(connection: Connection, known: Mapping[tuple[str, int], int]) -> None:
    grant, day = seen_subject.c.granted, seen_subject.c.day
    found = connection.execute(select(grant, day, func.count()).group_by(grant, day)).all()
    for granted, on, people in found:
        if known.get((granted, on)) != people:
            connection.execute(delete(seen_subject).where(grant == granted, day == on))


def _lock_rows(connection: Connection, grants: set[str]) -> None:
    there = set(connection.execute(select(budget_lock.c.granted)).scalars())
    for grant in sorted(grants - there):
        connection.execute(insert(budget_lock).values(granted=grant))
