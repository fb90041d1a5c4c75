"""Deeds as readers see them: on a connection of their own, never inside the writer's transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.deeds import DeedTable
from adapters.sql.engine import driver_connection, driver_error, open_engine
from gateway.deeds.document import Kind
from gateway.deeds.keeping import Kept
from gateway.deeds.releasing import Release, release_in
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
        return self._ask(lambda table: table.in_force(after))

    def releases(self) -> Sequence[Release]:
        """Every release that came into force; their signatures are for those to check who act by them."""
        found = (release_in(each) for each in self._ask(lambda table: table.of_kind(Kind.FREEZE.value)))
        return [each for each in found if each is not None]

    def _ask(self, ask: Callable[[DeedTable], Sequence[Kept]]) -> Sequence[Kept]:
        try:
            connection = driver_connection(self._engine)
            try:
                return ask(DeedTable(self._engine, connection.cursor()))
            finally:
                connection.close()
        except self._errors as error:
            raise UnavailableError("the deeds cannot be read; `bidui doctor` says why") from error
