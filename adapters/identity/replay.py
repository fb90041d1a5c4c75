"""Each assertion, proof and signed request works once: the ids already used, remembered until they expire."""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from threading import Lock
from typing import Protocol

from gateway.ports import Clock


class ReplayStore(Protocol):
    """Remembers ids. Whoever gets True was the first, also among threads."""

    def first_use(self, client: str, jti: str, until: int) -> bool:
        """True once for each client and jti up to `until` (Unix seconds). False also when nothing more can be kept."""
        ...


class NearAndFar:
    """The ids of this process before those of all: what was seen here is refused without a way to the database.

    The near store also bounds what a client may use at a time. Only the far one can say that an id is new.
    """

    def __init__(self, near: ReplayStore, far: ReplayStore) -> None:
        self._near, self._far = near, far

    def first_use(self, client: str, jti: str, until: int) -> bool:
        """As promised by `ReplayStore`. Raises what the far store raises; the id is then used up here."""
        return self._near.first_use(client, jti, until) and self._far.first_use(client, jti, until)


class MemoryReplayStore:
    """Keeps the ids of one process. Full means False: an id that cannot be remembered could come back.

    A client has its own share, so that none of them can fill the store for the others. Several serving processes
    do not see each other's ids: for them stands `adapters.sql.replays` behind this one.
    """

    def __init__(self, *, clock: Clock, capacity: int = 100_000, per_client: int = 5_000) -> None:
        self._clock, self._capacity, self._per_client = clock, capacity, per_client
        self._used: set[tuple[str, str]] = set()
        self._by_expiry: list[tuple[int, str, str]] = []
        self._live: Counter[str] = Counter()
        self._lock = Lock()

    def first_use(self, client: str, jti: str, until: int) -> bool:
        """As promised by `ReplayStore`."""
        with self._lock:
            self._drop_expired()
            if (client, jti) in self._used or self._is_full_for(client):
                return False
            self._used.add((client, jti))
            self._live[client] += 1
            heappush(self._by_expiry, (until, client, jti))
            return True

    def _is_full_for(self, client: str) -> bool:
        return len(self._used) >= self._capacity or self._live[client] >= self._per_client

    def _drop_expired(self) -> None:
        # One second of grace: the door reads the clock before the store does, and may have read it just before expiry.
        now = self._clock.now().timestamp() - 1
        while self._by_expiry and self._by_expiry[0][0] < now:
            _, client, jti = heappop(self._by_expiry)
            self._used.discard((client, jti))
            self._live[client] -= 1
            if not self._live[client]:
                del self._live[client]
