"""Many waiting callers, one turn, one transaction; and answers that leave on a time grid.

Requests that arrive while a turn runs are gathered for the next. A turn that is done waits for the next line of the
grid, so that the moment an answer leaves says little about the work behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from gateway.domain.errors import ConflictError, OverloadedError
from gateway.domain.reply import Failed, Reply, Request

TURN = 256
"""Requests that one turn takes at most."""
WAITING = 4096
"""Requests that may wait at most; beyond it callers are told to come back."""
GRID_SECONDS = 0.002

Answer = Callable[[Sequence[Request]], list[Reply]]


class Sequencer:
    """Gathers requests on the event loop and hands them to the pipeline, one turn at a time."""

    def __init__(self, answer: Answer, loop: asyncio.AbstractEventLoop, grid: float = GRID_SECONDS) -> None:
        self._answer = answer
        self._loop = loop
        self._grid = grid
        self._waiting: deque[tuple[Request, asyncio.Future[Reply]]] = deque()
        self._running: set[tuple[str, str]] = set()
        self._turn_is_set = False

    async def submit(self, request: Request) -> Reply:
        """The reply to one request, once it is durable and the grid allows."""
        key = (request.caller.client_id, request.key)
        if key in self._running:
            return Failed(ConflictError("相同 Idempotency-Key 的请求正在处理，请稍后重试"))
        if len(self._waiting) >= WAITING:
            return Failed(OverloadedError("排队请求过多，请稍后重试"))
        self._running.add(key)
        try:
            return await self._queue(request)
        finally:
            self._running.discard(key)

    def _queue(self, request: Request) -> asyncio.Future[Reply]:
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting.append((request, future))
        if not self._turn_is_set:
            self._turn_is_set = True
            self._loop.call_soon(self._turn)
        return future

    def _turn(self) -> None:
        taken = [self._waiting.popleft() for _ in range(min(TURN, len(self._waiting)))]
        self._turn_is_set = bool(self._waiting)
        if self._waiting:
            self._loop.call_soon(self._turn)
        replies = self._answer([request for request, _ in taken])
        self._loop.call_at(self._next_line(), _release, [future for _, future in taken], replies)

    def _next_line(self) -> float:
        now = self._loop.time()
        return (now // self._grid + 1) * self._grid


def _release(futures: Sequence[asyncio.Future[Reply]], replies: Sequence[Reply]) -> None:
    for future, reply in zip(futures, replies, strict=True):
        if not future.done():
            future.set_result(reply)
