"""Tells officers of incidents: what waits in the outbox of each channel is sent until the other side has taken it.

Every channel has a thread of its own, so that one that is down or hangs holds up no other. Whatever was not marked as
sent is sent again: at least once, and receivers drop doubles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol

import structlog

from adapters.metrics import Metrics
from gateway.domain.errors import UnavailableError
from gateway.domain.incident import Incident
from gateway.ports import Clock
from gateway.watch.notice import Notifier, notice
from gateway.watch.ocsf import Product
from ops.watchman.errand import Errand

SECONDS: Final = 2.0
"""Between two looks into an outbox."""
AT_ONCE: Final = 50
"""So many are sent in one look."""
SHORTEST, LONGEST = timedelta(seconds=5), timedelta(minutes=15)
"""How long one that failed waits: twice as long each time."""
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

log = structlog.get_logger()


class Outbox(Protocol):
    """What one channel has still to tell. Survives the process; used by one thread, that of its channel."""

    def waiting(self, limit: int) -> Sequence[tuple[int, Incident]]:
        """Those that failed least often first, of these the oldest; so one that never goes through holds up none."""
        ...

    def sent(self, number: int) -> None:
        """This one waits no more."""
        ...

    def failed(self, number: int, cause: str) -> None:
        """It goes on waiting. The cause is a sentence of ours."""
        ...


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A way to officers, and what has still to go it."""

    name: str
    notifier: Notifier
    outbox: Outbox


class _Tried(NamedTuple):
    """How often in a row, and when last."""

    times: int
    at: datetime

    def is_due(self, now: datetime) -> bool:
        """A clock that was put back makes nothing wait longer."""
        return now < self.at or now >= self.at + min(SHORTEST * 2 ** min(self.times - 1, 20), LONGEST)


class Sending:
    """One channel's round. What it remembers is bounded by `AT_ONCE`, and may be forgotten."""

    def __init__(self, channel: Channel, product: Product, clock: Clock, metrics: Metrics) -> None:
        self._channel, self._product, self._clock, self._metrics = channel, product, clock, metrics
        self._tried: dict[int, _Tried] = {}
        self._is_down = False

    def round(self) -> None:
        """Sends what is due, until one fails: then the channel may be down, and the others wait for the next round."""
        waiting = self._channel.outbox.waiting(AT_ONCE)
        self._tried = {number: self._tried[number] for number, _ in waiting if number in self._tried}
        now = self._clock.now()
        for number, incident in waiting:
            tried = self._tried.get(number)
            if (tried is None or tried.is_due(now)) and not self._deliver(number, incident):
                return

    def _deliver(self, number: int, incident: Incident) -> bool:
        try:
            self._channel.notifier.send(notice(incident, product=self._product))
        except UnavailableError as error:
            self._failed(number, str(error))
            return False
        except Exception as error:  # noqa: BLE001 - one that breaks what sends it is not to hold up the others
            self._failed(number, f"{self._channel.name}: {type(error).__name__}")
            return False
        self._channel.outbox.sent(number)
        self._metrics.notice(self._channel.name, "sent")
        self._recovered()
        return True

    def _failed(self, number: int, cause: str) -> None:
        before = self._tried.get(number)
        self._tried[number] = _Tried(before.times + 1 if before else 1, self._clock.now())
        self._metrics.notice(self._channel.name, "failed")
        if not before and not self._is_down:
            self._is_down = True
            log.warning("notice_failed", cause=cause)
        self._channel.outbox.failed(number, cause)

    def _recovered(self) -> None:
        """The line works: whatever else waited is due."""
        if self._is_down:
            self._is_down = False
            self._tried = {number: tried._replace(at=_LONG_AGO) for number, tried in self._tried.items()}
            log.info("notices_resumed", cause=self._channel.name)


class Notifying:
    """All channels, each an errand."""

    def __init__(self, channels: Sequence[Channel], *, product: Product, clock: Clock, metrics: Metrics) -> None:
        sendings = {each.name: Sending(each, product, clock, metrics) for each in channels}
        self.errands: Mapping[str, Errand] = {
            name: Errand(f"notify-{name}", sending.round, SECONDS) for name, sending in sendings.items()
        }

    def start(self) -> None:
        """Begins, each in its thread."""
        for each in self.errands.values():
            each.start()

    def stop(self, patience: float = 1.0) -> None:
        """Ends after the present round; one that hangs is left behind, and what it sent may be sent again."""
        for each in self.errands.values():
            each.stop(patience)

    def run_once(self) -> None:
        """One round of every channel, one after the other, in this thread."""
        for each in self.errands.values():
            each.round()
