"""What recording costs, and how many decisions become durable in a second: the ledger and its store alone.

Callers wait for their entry to be durable, then bring the next. Whatever waits when a commit has ended goes into the
next one, as in the turns of the gateway.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from adapters.sql.store import SqlStore
from audit.ledger import Ledger
from ops.bench.drafts import an_answer
from ops.bench.figures import Figure
from ops.log_keys import make_ledger
from ops.settings import Home, ServeSettings, load

CALLERS = (1, 8, 32, 128)
TURN = 32
MOST = 256


@dataclass(kw_only=True)
class Written:
    """What one number of callers came to."""

    seconds: float
    processor: float
    batches: list[int] = field(default_factory=list[int])
    waits: list[float] = field(default_factory=list[float])

    @property
    def rate(self) -> float:
        return len(self.waits) / self.seconds

    @property
    def p99(self) -> float:
        return sorted(self.waits)[int(len(self.waits) * 0.99)] * 1000


class Writer:
    """The ledger of a home, written to as turns do."""

    def __init__(self, home: Home, store: SqlStore) -> None:
        self._home, self._store = home, store
        self._ledger: Ledger = make_ledger(home, load(home, "serve.toml", ServeSettings), None)
        self._number = 0

    def record(self, count: int) -> None:
        """One commit of so many decisions."""
        drafts = [an_answer(self._number + each) for each in range(count)]
        self._number += count
        with self._store.begin() as work:
            self._ledger.append(work.ledger, drafts, self._home.clock.now())
            work.commit()

    def drafting(self, count: int) -> float:
        """Processor seconds that making the drafts takes, which a gateway does not make like this."""
        before = time.process_time()
        for each in range(count):
            an_answer(each)
        return time.process_time() - before


def processor_us(home: Home, turns: int) -> Figure:
    """Processor time of a decision in turns of 32, all threads of this process, without making its draft."""
    figures: list[float] = []
    with closing(SqlStore(home.database_url(load(home, "serve.toml", ServeSettings)))) as store:
        writer = Writer(home, store)
        writer.record(TURN)
        for _ in range(turns):
            before = time.process_time()
            writer.record(TURN)
            spent = time.process_time() - before - writer.drafting(TURN)
            figures.append(spent / TURN * 1e6)
    return Figure.of(figures)


def durable(home: Home, callers: int, seconds: float) -> Written:
    """So many callers for so long."""
    with closing(SqlStore(home.database_url(load(home, "serve.toml", ServeSettings)))) as store:
        return asyncio.run(_Crowd(Writer(home, store), callers).run(seconds))


class _Crowd:
    """Callers on one loop, and one who commits what waits."""

    def __init__(self, writer: Writer, callers: int) -> None:
        self._writer, self._callers = writer, callers
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._written = Written(seconds=0, processor=0)

    async def run(self, seconds: float) -> Written:
        start, processor = time.perf_counter(), time.process_time()
        self._end = start + seconds
        await asyncio.gather(self._commit(), *(self._call() for _ in range(self._callers)))
        self._written.seconds = time.perf_counter() - start
        self._written.processor = time.process_time() - processor
        return self._written

    async def _call(self) -> None:
        loop = asyncio.get_running_loop()
        while (since := time.perf_counter()) < self._end:
            durable = loop.create_future()
            self._waiting.append(durable)
            await durable
            self._written.waits.append(time.perf_counter() - since)

    async def _commit(self) -> None:
        while self._waiting or time.perf_counter() < self._end:
            taken = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            if taken:
                self._writer.record(len(taken))
                self._written.batches.append(len(taken))
                _tell(taken)
            await asyncio.sleep(0)


def _tell(taken: Sequence[asyncio.Future[None]]) -> None:
    for each in taken:
        each.set_result(None)
