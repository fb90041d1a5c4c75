"""Slow work of people's doors, apart from everything else: few at a time, few waiting, the rest told to come back.

A password costs 64 MiB and a fifth of a second, so whoever sends a flood of them must not fill the memory, nor the
threads that other doors need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gateway.domain.errors import OverloadedError

Result = TypeVar("Result")


class Workers:
    """Runs slow calls in threads of its own. Belongs to one loop."""

    def __init__(self, threads: int = 2, waiting: int = 16) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="office")
        self._room = threads + waiting

    async def run(self, slow: Callable[[], Result]) -> Result:
        """What it returns. Raises `OverloadedError` when too many wait already, and what the call raises.

        Whoever hangs up gives the room back only when the work is done.
        """
        if not self._room:
            raise OverloadedError("登录人数过多，请稍后重试")
        self._room -= 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, slow)
        future.add_done_callback(self._give_back)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Waits for what runs."""
        self._pool.shutdown()

    def _give_back(self, done: asyncio.Future[Result]) -> None:
        self._room += 1
        if not done.cancelled():
            done.exception()
