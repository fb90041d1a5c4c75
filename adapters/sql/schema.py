"""Making the control database, and saying what state it is in. `bidui migrate` is its only user that writes."""

from __future__ import annotations

from sqlalchemy import Engine, insert, inspect, select

import adapters.sql.account_tables
import adapters.sql.check_tables
import adapters.sql.cohort_tables
import adapters.sql.deed_tables
import adapters.sql.erasure_tables
import adapters.sql.habit_tables
import adapters.sql.outcome_tables
import adapters.sql.replay_tables
import adapters.sql.statement_tables
import adapters.sql.tally_tables
import adapters.sql.trail_tables
import adapters.sql.watch_tables  # noqa: F401 - each of them registers its tables
from adapters.sql.engine import make_file
from adapters.sql.tables import control, ledger_entry, metadata

FIRST_EPOCH = 1


def create(engine: Engine) -> None:
    """Makes every table that is missing, indexes of the ledger, and the first control epoch. Changes nothing else."""
    make_file(engine)
    metadata.create_all(engine)
    for index in ledger_entry.indexes:
        index.create(engine, checkfirst=True)
    with engine.begin() as connection:
        if connection.execute(select(control.c.id)).first() is None:
            connection.execute(insert(control).values(id=1, epoch=FIRST_EPOCH))


def missing_tables(engine: Engine) -> list[str]:
    """Tables that `create` would make."""
    return sorted(set(metadata.tables) - set(inspect(engine).get_table_names()))
