"""The sealing process's own meter: the same budgets as the gateway's, in a file the gateway cannot write.

Each batch is durable before its digests leave, so nothing is lost with a crash and no lease is needed (docs/adr/0007).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from adapters.sql.budgets import BudgetTable
from adapters.sql.engine import driver_connection, open_engine
from adapters.sql.tables import budget_day, metadata, seen_subject
from gateway.domain.budget import Limits, Reservation
from gateway.watch.budgets import Budgets


class Meter:
    """Counts what each grant had sealed. For one thread at a time."""

    def __init__(self, path: Path) -> None:
        engine = open_engine(f"sqlite:///{path}")
        metadata.create_all(engine, [budget_day, seen_subject])
        self._connection = driver_connection(engine)
        self._cursor = self._connection.cursor()
        self._table = BudgetTable(engine, self._cursor)

    def take(self, limits: Mapping[str, Limits], day: int, asked: Sequence[tuple[str, bytes]]) -> list[bool]:
        """For each (grant, link) whether its grant still has room; durable when it returns."""
        self._cursor.execute("BEGIN IMMEDIATE")
        try:
            budgets = Budgets(self._table, limits, day)
            reserved = [budgets.reserve(grant) for grant, _ in asked]
            budgets.settle(_paid(reserved, asked))
            self._cursor.execute("COMMIT")
        except BaseException:
            self._cursor.execute("ROLLBACK")
            raise
        return [reservation is not None for reservation in reserved]

    def close(self) -> None:
        self._connection.close()


def _paid(
    reserved: Sequence[Reservation | None], asked: Sequence[tuple[str, bytes]]
) -> list[tuple[Reservation, bytes]]:
    return [(held, link) for held, (_, link) in zip(reserved, asked, strict=True) if held]
