"""What each channel has still to tell of incidents: every incident of the last month that it has not marked as sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from sqlalchemy import Engine, and_, func, literal_column, or_, select
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.store import SqlStore
from adapters.sql.watch_tables import watch_incident, watch_notice
from gateway.domain.errors import UnavailableError
from gateway.domain.incident import Incident
from gateway.ports import Clock

MONTH = timedelta(days=30)
"""A channel that is set up later is not told of what is older."""


class SqlOutbox:
    """Keeps the promise of `ops.notifying.Outbox` for one channel. An incident's number is read as a whole number."""

    def __init__(self, store: SqlStore, engine: Engine, clock: Clock, channel: str) -> None:
        self._store, self._engine, self._clock, self._channel = store, engine, clock, channel
        self._handed: dict[int, Incident] = {}

    def waiting(self, limit: int) -> Sequence[tuple[int, Incident]]:
        of, told = watch_incident.c, watch_notice.c
        since = int((self._clock.now() - MONTH).timestamp())
        tries = and_(told.incident == of.number, told.channel == self._channel)
        wanted = select(of.number, of.incident).select_from(watch_incident.outerjoin(watch_notice, tries))
        open_ones = wanted.where(of.opened >= since, or_(told.sent.is_(None), told.sent == literal_column("0")))
        failed = func.coalesce(told.failed, literal_column("0"))
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(open_ones.order_by(failed, of.opened, of.number).limit(limit)).all()
        except SQLAlchemyError as error:
            raise UnavailableError("the incidents cannot be read; `bidui doctor` says why") from error
        finally:
            self._engine.dispose()
        self._handed = {int(number, 16): msgspec.json.decode(bytes(content), type=Incident) for number, content in rows}
        return list(self._handed.items())

    def sent(self, number: int) -> None:
        """Unless it has changed since it was handed out: then it waits once more, as it is now."""
        self._tell(number, is_sent=True)

    def failed(self, number: int, cause: str) -> None:
        """The cause goes to the log alone."""
        self._tell(number, is_sent=False)

    def _tell(self, number: int, *, is_sent: bool) -> None:
        with self._store.begin() as work:
            handed = self._handed.get(number)
            if is_sent and handed is not None and work.watch.incident(handed.number) != handed:
                return
            work.notices.mark(self._channel, f"{number:016x}", is_sent=is_sent)
            work.commit()
