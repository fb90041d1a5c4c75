"""What a caller may send before anybody knows who it is: so much, and for so long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.server import ServerState

from adapters.http import MAX_HEAD_BYTES, REQUEST_SECONDS, BoundedProtocol, hang_up

LATE = REQUEST_SECONDS + 1
Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Story = Callable[[Peer, ServerState], Awaitable[bytes]]


def run(story: Story) -> bytes:
    """What a story hears from a server that answers every request."""

    async def go() -> bytes:
        state = ServerState()
        config = uvicorn.Config(PlainTextResponse("well"), http=BoundedProtocol, lifespan="off", log_config=None)
        config.load()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: BoundedProtocol(config, state, {}), "127.0.0.1", 0)
        async with server:
            peer = await asyncio.open_connection(*server.sockets[0].getsockname())
            try:
                return await asyncio.wait_for(story(peer, state), 10)
            finally:
                peer[1].close()
                with suppress(ConnectionError):
                    await peer[1].wait_closed()
                while state.connections:
                    await asyncio.sleep(0.01)

    return asyncio.run(go())


def after(sent: bytes, seconds: float) -> Story:
    """Sends this, waits until it has arrived, looks at the clock, and listens."""

    async def story(peer: Peer, state: ServerState) -> bytes:
        reader, writer = peer
        writer.write(sent)
        heard = await reader.read(1000) if sent.endswith(b"\r\n\r\n") else b""
        await asyncio.sleep(0.05)
        hang_up(state.connections, asyncio.get_running_loop().time() + seconds)
        try:
            return heard + await asyncio.wait_for(reader.read(1000), 0.1) + b"|gone"
        except TimeoutError:
            return heard

    return story


@pytest.mark.parametrize(
    ("sent", "seconds", "ends"),
    [
        (b"", 0, False),
        (b"", LATE, True),
        (b"GET / HTTP/1.1\r\nX: ", 0, False),
        (b"GET / HTTP/1.1\r\nX: ", LATE, True),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhal", LATE, True),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", LATE, False),
    ],
    ids=["silent", "silent for long", "half a head", "half a head for long", "half a body for long", "answered"],
)
def test_a_request_has_so_long_to_arrive(sent: bytes, seconds: float, ends: bool) -> None:
    assert run(after(sent, seconds)).endswith(b"|gone") == ends


def test_a_head_without_end_is_refused() -> None:
    async def story(peer: Peer, state: ServerState) -> bytes:
        peer[1].write(b"GET / HTTP/1.1\r\nX: " + b"a" * MAX_HEAD_BYTES)
        await asyncio.sleep(0.05)
        peer[1].write(b"a")
        return await peer[0].read(1000)

    assert run(story).startswith(b"HTTP/1.1 431 ")


def test_many_requests_on_one_line_are_many_heads() -> None:
    """The bound is one of each head, not of the connection."""
    one = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 30_000 + b"\r\n\r\n"

    async def story(peer: Peer, state: ServerState) -> bytes:
        heard = b""
        for _ in range(5):
            peer[1].write(one)
            heard += await peer[0].readuntil(b"well")
        return heard

    assert run(story).count(b"HTTP/1.1 200 ") == 5
