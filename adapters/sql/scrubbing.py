"""Writing the database anew after an erasure: what was deleted from it lies in no free page and no log any more.

By then the bytes in question are ciphertext whose keys are destroyed; this is the second lock on the same door.
"""

from __future__ import annotations

import time
from typing import cast

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.engine import is_sqlite
from gateway.domain.errors import UnavailableError
from gateway.erasure import Scrubbed

_TRIES, _PAUSE_SECONDS = 20, 0.1
_REWRITTEN = ("ledger_disclosure", "trail_token")
_BACKUPS = "backups made before"


def scrub(engine: Engine) -> Scrubbed:
    """Rewrites what held erased bytes. Nobody else may write meanwhile. Raises `UnavailableError`."""
    try:
        return _scrub_sqlite(engine) if is_sqlite(engine) else _scrub_postgres(engine)
    except (SQLAlchemyError, psycopg.Error) as error:
        raise UnavailableError(f"the database could not be written anew ({type(error).__name__}); try again") from error


def _scrub_sqlite(engine: Engine) -> Scrubbed:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in ("PRAGMA secure_delete=ON", "VACUUM"):
            connection.exec_driver_sql(statement)
        for _ in range(_TRIES):
            # A reader in the middle of its look holds the log back; looks are short.
            busy = cast("int", connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar())
            if not busy:
                return Scrubbed("sqlite", _BACKUPS)
            time.sleep(_PAUSE_SECONDS)
    raise UnavailableError("a reader holds the write-ahead log, where erased bytes may still lie; try again")


def _scrub_postgres(engine: Engine) -> Scrubbed:
    remains = [_BACKUPS, "archived WAL and segments of it that wait to be used again", "replicas that lag"]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in _REWRITTEN:
            connection.exec_driver_sql(f"VACUUM FULL {table}")
        for statement, wish in (("CHECKPOINT", "data files until the next checkpoint"), ("SELECT pg_switch_wal()", "")):
            try:
                connection.exec_driver_sql(statement)
            except SQLAlchemyError:
                # Without the right to it, it happens by itself, later.
                remains += [wish] if wish else ["the present WAL segment"]
    return Scrubbed("postgresql", "; ".join(remains))
