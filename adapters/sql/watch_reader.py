"""Responses and incidents as others read them: on a connection of their own, never inside a turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine, Executable, select
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.engine import open_engine
from adapters.sql.tables import STOPPING, ledger_entry
from adapters.sql.watch_tables import watch_incident, watch_stop
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
        of = watch_stop.c
        rows = self._rows(select(of.target, of.is_frozen, of.incident, of.entry).order_by(of.target))
        return [Stop(target, bool(is_frozen), incident, entry) for target, is_frozen, incident, entry in rows]

    def laid(self) -> list[Stop]:
        """Every response that the entries of this log tell of, in their order; those that were pruned are gone."""
        of = ledger_entry.c
        rows = self._rows(select(of.index, of.entry).where(STOPPING).order_by(of.index))
        return [_laid(index, bytes(content)) for index, content in rows]

    def incidents(self, *, partner: str | None = None, most: int = 100) -> list[Incident]:
        """The newest incidents first."""
        of = watch_incident.c
        wanted = select(of.incident).order_by(of.opened.desc(), of.number).limit(most)
        rows = self._rows(wanted if partner is None else wanted.where(of.partner == partner))
        return [_incident(row[0]) for row in rows]

    def unsettled(self, since: int) -> list[Incident]:
        """Incidents of this Unix time or later that were not released when somebody looked last; the oldest first."""
        of = watch_incident.c
        rows = self._rows(select(of.incident).where(of.opened >= since).order_by(of.opened, of.number))
        found = [_incident(row[0]) for row in rows]
        return [each for each in found if each.state is not State.RELEASED]

    def incident(self, number: str) -> Incident | None:
        """The incident of this number."""
        rows = self._rows(select(watch_incident.c.incident).where(watch_incident.c.number == number))
        return _incident(rows[0][0]) if rows else None

    def _rows(self, wanted: Executable) -> Sequence[Sequence[Any]]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(wanted).all()
        except SQLAlchemyError as error:
            raise UnavailableError("the incidents cannot be read; `bidui doctor` says why") from error
        finally:
            self._engine.dispose()


class _Body(msgspec.Struct, frozen=True):
    incident: str
    target: str
    response: str


class _Entry(msgspec.Struct, frozen=True):
    body: _Body


_entries = msgspec.json.Decoder(_Entry)
_incidents = msgspec.json.Decoder(Incident)


def _incident(content: object) -> Incident:
    """SQLite keeps whatever somebody puts into a column."""
    try:
        return _incidents.decode(content if isinstance(content, bytes | memoryview) else b"")
    except (msgspec.DecodeError, ValueError) as error:
        raise UnavailableError(
            "an incident was changed by somebody else; `bidui watch replay` tells what it was"
        ) from error


def _laid(index: int, content: bytes) -> Stop:
    try:
        body = _entries.decode(content).body
    except (msgspec.DecodeError, ValueError) as error:
        raise UnavailableError(f"entry {index} tells of a response and cannot be read; `bidui audit fsck`") from error
    return Stop(body.target, body.response == "frozen", body.incident, index)
