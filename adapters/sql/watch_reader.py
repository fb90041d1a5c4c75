"""Responses and incidents as others read them: on a connection of their own, never inside a turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine, Executable, Table, select
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.engine import open_engine
from adapters.sql.watch_tables import watch_incident, watch_laid, watch_stop
from gateway.domain.errors import UnavailableError
from gateway.domain.incident import Incident, State
from gateway.domain.standing import Stop


class SqlWatchReader:
    """Keeps the promise of `gateway.watch.desk.WatchReader`. Asked rarely, so it holds nothing open."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> SqlWatchReader:
        return cls(open_engine(url))

    def stops(self) -> list[Stop]:
        """What was laid on something last, whether it lies there still or not."""
        return self._stops(watch_stop)

    def laid(self) -> list[Stop]:
        """Every response that was ever laid in this log."""
        return self._stops(watch_laid)

    def _stops(self, table: Table) -> list[Stop]:
        of = table.c
        rows = self._rows(select(of.target, of.is_frozen, of.incident, of.entry).order_by(of.entry, of.target))
        return [Stop(target, bool(is_frozen), incident, entry) for target, is_frozen, incident, entry in rows]

    def incidents(self, *, partner: str | None = None, most: int = 100) -> list[Incident]:
        """The newest incidents first."""
        of = watch_incident.c
        wanted = select(of.incident).order_by(of.opened.desc(), of.number).limit(most)
        rows = self._rows(wanted if partner is None else wanted.where(of.partner == partner))
        return [msgspec.json.decode(bytes(row[0]), type=Incident) for row in rows]

    def unsettled(self, since: int) -> list[Incident]:
        """Incidents of this Unix time or later that were not released when somebody looked last; the oldest first."""
        of = watch_incident.c
        rows = self._rows(select(of.incident).where(of.opened >= since).order_by(of.opened, of.number))
        found = [msgspec.json.decode(bytes(row[0]), type=Incident) for row in rows]
        return [each for each in found if each.state is not State.RELEASED]

    def incident(self, number: str) -> Incident | None:
        """The incident of this number."""
        rows = self._rows(select(watch_incident.c.incident).where(watch_incident.c.number == number))
        return msgspec.json.decode(bytes(rows[0][0]), type=Incident) if rows else None

    def _rows(self, wanted: Executable) -> Sequence[Sequence[Any]]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(wanted).all()
        except SQLAlchemyError as error:
            raise UnavailableError("the incidents cannot be read; `bidui doctor` says why") from error
        finally:
            self._engine.dispose()
