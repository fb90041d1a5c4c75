"""uvicorn's HTTP protocol, with an end to what a caller may send before anybody knows who it is.

    uvicorn.Config(app, http=BoundedProtocol), and every few seconds hang_up(server_state.connections, loop.time())

uvicorn reads a head of any length and waits for the rest of a request for ever. Bodies have their bound at their door.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
"""A head may be longer by what arrives in one piece."""
REQUEST_SECONDS = 30.0
"""Time for one request to arrive, from its first byte to its last."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose head does not end, and knows since when it is being waited for a request."""

    _head_bytes: int | None = 0
    """Read of the present head, or of what comes before it; None while a body is read."""
    _waiting_since: float | None = None
    """When the connection or the present request began, by the loop's time; None once the request has arrived."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """A connection that never asks anything is as slow as one that never ends."""
        super().connection_made(transport)
        self._waiting_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Cut the line before a long head costs memory."""
        if self._head_bytes is not None:
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.write(_TOO_LARGE)
                self.transport.close()
                return
            self._head_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._waiting_since = self.loop.time()

    def on_headers_complete(self) -> None:
        """Lead the request on."""
        self.end_of_head()
        super().on_headers_complete()

    def end_of_head(self) -> None:
        """What follows is a body."""
        self._head_bytes = None

    def on_message_complete(self) -> None:
        """The request has arrived; what follows is the head of the next."""
        self._waiting_since, self._head_bytes = None, 0
        super().on_message_complete()

    def is_late(self, now: float) -> bool:
        """Whether the present request has taken too long to arrive."""
        return self._waiting_since is not None and now - self._waiting_since > REQUEST_SECONDS


def hang_up(connections: Iterable[object], now: float) -> None:
    """Ends the connections that have been waited for too long."""
    for each in list(connections):
        if isinstance(each, BoundedProtocol) and each.is_late(now):
            each.transport.close()
