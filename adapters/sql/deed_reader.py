"""Deeds as readers see them: on a connection of their own, never inside the writer's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.deeds import DeedTable
from adapters.sql.engine import driver_connection, driver_error, open_engine
from gateway.deeds.keeping import Kept
from gateway.domain.errors import UnavailableError


class SqlDeedReader:
    """Keeps the promise of `gateway.review.bygone.DeedHistory`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._errors = (SQLAlchemyError, driver_error(engine))

    @classmethod
    def open(cls, url: str) -> SqlDeedReader:
        return cls(open_engine(url))

    def close(self) -> None:
        self._engine.dispose()

    def in_force(self, after: int) -> Sequence[Kept]:
        """All at once: a reader that stops half way would hold the database back."""
        try:
            connection = driver_connection(self._engine)
            try:
                return DeedTable(self._engine, connection.cursor()).in_force(after)
            finally:
                connection.close()
        except self._errors as error:
            raise UnavailableError("the deeds cannot be read; `bidui doctor` says why") from error
