"""A caller who wants to learn from the clock: kept connections, and the time from sending to the last answer."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from ops.bench.figures import BenchError
from ops.bench.load import ROUTE

FRESH_SECONDS = 120.0
"""After this long a new token is fetched; one lives for 300 s."""


class Connection:
    """One kept connection; a request is written whole, an answer read whole."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self._socket.sendall(request)

    def receive(self) -> bytes:
        """The body of the answer. Raises `BenchError` when it is no 200."""
        read = b""
        while (end := read.find(b"\r\n\r\n")) < 0:
            read += self._more()
        head = read[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            raise BenchError(f"a probe was answered with {head.split()[1].decode()}")
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(read) < end + 4 + length:
            read += self._more()
        return read[end + 4 :]

    def close(self) -> None:
        self._socket.close()

    def _more(self) -> bytes:
        part = self._socket.recv(1 << 16)
        if not part:
            raise BenchError("the gateway closed the connection of a probe")
        return part


class Prober:
    """Asks one question, alone or in many copies at once, and says how long it took."""

    def __init__(self, port: int, copies: int, headers: Callable[[], Mapping[str, str]], plug: bytes) -> None:
        """`plug` is asked just before many copies, so that all of them wait for the same next turn."""
        self._port = port
        self._headers = headers
        self._plug = plug
        self._copies = copies
        self._head = b""
        self._fetched = 0.0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._connections = [Connection(self._port) for _ in range(self._copies + 1)]
        for connection in self._connections:
            self._stack.callback(connection.close)
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._stack.close()

    def time(self, body: bytes) -> float:
        """Milliseconds from the first byte sent to the last byte read."""
        self._refresh()
        plug, *copies = self._connections
        requests = [self._request(body) for _ in copies]
        waits_before = len(copies) > 1
        if waits_before:
            plug.send(self._request(self._plug))
        start = time.perf_counter_ns()
        self._exchange(copies, requests)
        elapsed = time.perf_counter_ns() - start
        if waits_before:
            plug.receive()
        return elapsed / 1e6

    def _exchange(self, connections: Sequence[Connection], requests: Sequence[bytes]) -> None:
        for connection, request in zip(connections, requests, strict=True):
            connection.send(request)
        for connection in connections:
            connection.receive()

    def _refresh(self) -> None:
        """A new token now and then; the gateway's first look at it is nobody's measurement."""
        if time.monotonic() - self._fetched < FRESH_SECONDS:
            return
        lines = [f"{name}: {value}" for name, value in {"Host": "localhost", **self._headers()}.items()]
        self._head = "\r\n".join([f"POST {ROUTE} HTTP/1.1", *lines]).encode()
        self._fetched = time.monotonic()
        # Not on the plug's connection: a lone probe leaves that idle, and the gateway closes what is idle.
        self._connections[-1].send(self._request(self._plug))
        self._connections[-1].receive()

    def _request(self, body: bytes) -> bytes:
        return b"%b\r\nIdempotency-Key: %b\r\nContent-Length: %d\r\n\r\n%b" % (
            self._head,
            os.urandom(12).hex().encode(),
            len(body),
            body,
        )
