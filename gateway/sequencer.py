"""Many waiting callers, one turn, one transaction; and answers that leave on a time grid.

Time is ruled into a grid. A turn begins on a line, with everything that has come in until then: a large turn costs far
less per request than a small one. Its answers leave on a line, so that the moment an answer leaves says little about
the work behind it; the turn after it begins one line later, when those callers have had time to ask again.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence

from gateway.domain.errors import ConflictError, OverloadedError, UnavailableError
from gateway.domain.reply import Failed, Reply, Request
from gateway.ports import Committing, Sealing

TURN = 256
"""Requests that one turn takes at most."""
WAITING = 4096
"""Requests that may wait at most; beyond it callers are told to come back."""
SHARE = WAITING // 4
"""Requests of one partner among them: nobody fills the queue alone, and a full one is no reason to seal the log."""
GRID_SECONDS = 0.002

Turn = Generator[Sealing | Committing, None, list[Reply]]
Tell = Callable[[Reply], None]
Waiting = tuple[Request, Tell]
StartTurn = Callable[[Sequence[Request]], Turn]

PATIENCE_SECONDS = 5.0
"""How long a turn waits for the sealing process, and for the disk."""


class Sequencer:
    """Gathers requests on the event loop and drives the pipeline, one turn at a time.

    While a turn waits for sealing, the loop reads and parses what comes in for the next.
    """

    def __init__(self, turn: StartTurn, loop: asyncio.AbstractEventLoop, grid: float = GRID_SECONDS) -> None:
        self._start = turn
        self._loop = loop
        self._grid = grid
        self._waiting: deque[Waiting] = deque()
        self._running: set[tuple[str, str]] = set()
        self._shares: Counter[str] = Counter()
        self._is_busy = False

    def put(self, request: Request, tell: Tell) -> None:
        """Has `tell` called with the reply, once it is durable and the grid allows; at once when it cannot wait."""
        key = _key(request)
        if key in self._running:
            tell(Failed(ConflictError("相同 Idempotency-Key 的请求正在处理，请稍后重试")))
        elif len(self._waiting) >= WAITING or self._shares[request.caller.partner] >= SHARE:
            tell(Failed(OverloadedError("排队请求过多，请稍后重试")))
        else:
            self._running.add(key)
            self._queue(request, tell)

    async def submit(self, request: Request) -> Reply:
        """The same for whoever can wait."""
        future: asyncio.Future[Reply] = self._loop.create_future()

        def tell(reply: Reply) -> None:
            if not future.done():
                future.set_result(reply)

        self.put(request, tell)
        return await future

    def _queue(self, request: Request, tell: Tell) -> None:
        self._waiting.append((request, tell))
        self._shares[request.caller.partner] += 1
        if not self._is_busy:
            self._is_busy = True
            self._loop.call_at(self._next_line(), self._begin)

    def _begin(self) -> None:
        taken = [self._waiting.popleft() for _ in range(min(TURN, len(self._waiting)))]
        self._shares -= Counter(request.caller.partner for request, _ in taken)
        self._advance(self._start([request for request, _ in taken]), taken)

    def _advance(self, turn: Turn, taken: Sequence[Waiting]) -> None:
        """Runs the turn up to where it waits, or to its end."""
        try:
            awaited = next(turn)
        except StopIteration as end:
            self._finish(taken, end.value)
        except Exception:  # noqa: BLE001 - a turn answers its own errors; if it cannot, nobody may wait for ever
            self._finish(taken, [Failed(UnavailableError("the turn broke; nothing was told"))] * len(taken))
        else:
            self._await(awaited.fileno(), turn, taken)

    def _finish(self, taken: Sequence[Waiting], replies: Sequence[Reply]) -> None:
        self._loop.call_at(self._next_line(), self._release, taken, replies)
        self._is_busy = bool(self._waiting)
        if self._is_busy:
            self._loop.call_at(self._next_line() + self._grid, self._begin)

    def _await(self, descriptor: int, turn: Turn, taken: Sequence[Waiting]) -> None:
        """Goes on when what it waits for can be read, or has been waited for long enough."""
        if descriptor < 0:
            self._advance(turn, taken)
            return

        def resume() -> None:
            self._loop.remove_reader(descriptor)
            timer.cancel()
            self._advance(turn, taken)

        timer = self._loop.call_later(PATIENCE_SECONDS, resume)
        self._loop.add_reader(descriptor, resume)

    def _next_line(self) -> float:
        now = self._loop.time()
        return (now // self._grid + 1) * self._grid

    def _release(self, taken: Sequence[Waiting], replies: Sequence[Reply]) -> None:
        """Tells the callers. A key is free again only now, also that of a caller who hung up meanwhile."""
        for (request, tell), reply in zip(taken, replies, strict=True):
            self._running.discard(_key(request))
            try:
                tell(reply)
            except Exception as error:  # noqa: BLE001 - one caller who cannot be told must not silence the next
                self._loop.call_exception_handler({"message": f"a caller was not told ({type(error).__name__})"})


def _key(request: Request) -> tuple[str, str]:
    return request.caller.client_id, request.key
