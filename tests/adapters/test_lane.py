"""The lane for comparisons: byte for byte the answers of the way through ASGI, in order, and never a word too many."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import pytest
import uvicorn
import uvicorn.protocols.http.httptools_impl
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from adapters.lane import Lane, LaneProtocol, Visit
from gateway.api.body import MAX_BODY_BYTES
from gateway.api.comparisons import PATH, Comparisons
from gateway.domain.caller import Caller
from gateway.domain.errors import OverloadedError, TooFastError
from gateway.domain.reply import Answered, Failed, Refused, Reply, Request
from policies.decision import Reason
from tests.make import CATALOGUE, a_body, a_caller

TOO_FAST = "G-fast"
"""A grant of which everybody has had enough."""
REPLIES: dict[str, Reply] = {
    "answered": Answered(b'{"subject":"confirmed"}'),
    "refused": Refused(Reason.NOT_PERMITTED, "5e0f"),
    "failed": Failed(OverloadedError("come back")),
}


@dataclass
class Desk:
    """Behind the door: replies by the idempotency key, when it is told to."""

    waiting: list[tuple[Request, Callable[[Reply], None]]] = field(default_factory=list)
    measured: list[int] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    """Keys that came by the lane."""
    holds: bool = False

    def put(self, request: Request, tell: Callable[[Reply], None]) -> None:
        self.taken.append(request.key)
        if self.holds:
            self.waiting.append((request, tell))
        else:
            tell(REPLIES.get(request.key, Answered(request.key.encode())))

    async def submit(self, request: Request) -> Reply:
        return REPLIES.get(request.key, Answered(request.key.encode()))

    def release(self) -> None:
        for request, tell in self.waiting:
            tell(REPLIES.get(request.key, Answered(request.key.encode())))
        self.waiting.clear()


def identify(scope: Scope) -> Caller | None:
    shown = dict(scope["headers"]).get(b"authorization")
    if shown == b"boom":
        raise RuntimeError("110105194912310021")
    return a_caller() if shown == b"me" else None


def pace(caller: Caller, grant: str) -> None:
    if grant == TOO_FAST:
        raise TooFastError(7)


@dataclass(frozen=True)
class Served:
    """A server in this loop, and one line to it."""

    desk: Desk
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: ServerState

    async def say(self, sent: bytes, answers: int = 1) -> list[tuple[int, dict[bytes, bytes], bytes]]:
        self.writer.write(sent)
        return [await self._answer() for _ in range(answers)]

    async def _answer(self) -> tuple[int, dict[bytes, bytes], bytes]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head[:-4].split(b"\r\n")
        headers = {line.split(b": ", 1)[0]: line.split(b": ", 1)[1] for line in lines[1:]}
        return int(lines[0].split()[1]), headers, await self.reader.readexactly(int(headers[b"content-length"]))


Story = Callable[[Served], Awaitable[None]]


def run(story: Story, *, with_lane: bool = True) -> Desk:
    """Tells a story to a server with or without the lane."""
    desk = Desk()
    door = Comparisons(identify=identify, catalogue=CATALOGUE, submit=desk.submit, take=pace)
    lane = Lane(door=door, put=desk.put, measured=lambda code, _: desk.measured.append(code), broke=_note(desk.broken))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (door if scope["path"] == PATH else PlainTextResponse("other"))(scope, receive, send)

    async def go() -> None:
        state = ServerState()
        config = uvicorn.Config(app, lifespan="off", log_config=None)
        config.load()
        made = partial(LaneProtocol, config, state, {}, lane=lane if with_lane else None)
        server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            try:
                await asyncio.wait_for(story(Served(desk, reader, writer, state)), 10)
            finally:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()
                while state.connections:
                    await asyncio.sleep(0.01)

    asyncio.run(go())
    return desk


def _note(broken: list[str]) -> Callable[[int, str], None]:
    return lambda _, name: broken.append(name)


def ask(key: str = "k", *headers: str, body: bytes | None = None, who: str = "me", path: str = PATH) -> bytes:
    """A comparison as a client writes it, with headers more."""
    content = a_body() if body is None else body
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: {who}", f"Idempotency-Key: {key}", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


GET = b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n"
ALIKE: dict[str, bytes] = {
    "answered": ask("answered"),
    "refused": ask("refused"),
    "failed": ask("failed"),
    "no caller": ask(who="nobody"),
    "no key": ask("").replace(b"Idempotency-Key: \r\n", b""),
    "two keys": ask("k", "Idempotency-Key: other"),
    "no JSON": ask(body=b"{"),
    "no body": ask(body=b""),
    "a wrong field": ask(body=a_body(claims=[{"field": "nothing", "value": "x"}])),
    "as long as it may be": ask(body=b" " * MAX_BODY_BYTES),
    "longer": ask(body=b" " * (MAX_BODY_BYTES + 1)),
    "too fast": ask(body=a_body(grant=TOO_FAST)),
}


@pytest.mark.parametrize("sent", ALIKE.values(), ids=ALIKE)
def test_both_ways_give_the_same_answer(sent: bytes) -> None:
    heard: list[object] = []

    async def story(served: Served) -> None:
        for status, headers, body in await served.say(sent):
            heard.append((status, {k: v for k, v in headers.items() if k != b"date"}, sorted(headers), body))

    by_lane, by_asgi = run(story), run(story, with_lane=False)

    assert heard[0] == heard[1]
    assert by_asgi.taken == []
    assert len(by_lane.measured) == (0 if sent is ALIKE["longer"] else 1)


ODD: dict[str, tuple[bytes, bool]] = {
    "plain": (ask(), True),
    "in chunks": (ask().replace(b"Content-Length: ", b"Transfer-Encoding: chunked\r\nX: "), False),
    "another path": (ask(path=PATH + "/"), False),
    "a question behind the path": (ask(path=PATH + "?a=b"), False),
    "HTTP/1.0": (ask().replace(b"HTTP/1.1", b"HTTP/1.0"), False),
    "a proof to be used up": (ask("k", "DPoP: e30.e30.e30"), False),
    "a signed request": (ask("k", "Signature-Input: sig=()", "Signature: sig=:AAAA:"), False),
    "half a signed request": (ask("k", "Signature: sig=:AAAA:"), False),
    "the last of its line": (ask("k", "Connection: close"), False),
    "it waits for leave": (ask("k", "Expect: 100-continue"), False),
    "an upgrade": (ask("k", "Connection: Upgrade", "Upgrade: websocket"), False),
    "another method": (ask().replace(b"POST", b"PUT"), False),
}


@pytest.mark.parametrize(("sent", "is_plain"), ODD.values(), ids=ODD)
def test_the_lane_takes_only_what_is_plain(sent: bytes, is_plain: bool) -> None:
    async def story(served: Served) -> None:
        served.writer.write(sent)
        await asyncio.sleep(0.05)

    assert (run(story).taken == ["k"]) == is_plain


def test_answers_leave_in_the_order_of_their_requests() -> None:
    """Of requests in one breath the first goes by the lane; what comes behind it waits its turn, whatever it is."""

    async def story(served: Served) -> None:
        served.desk.holds = True
        said = asyncio.create_task(served.say(ask("one") + GET + ask("two") + GET, answers=4))
        while not served.desk.waiting:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert not said.done()
        served.desk.release()
        assert [body for _, _, body in await said] == [b"one", b"other", b"two", b"other"]
        served.desk.holds = False
        assert [body for _, _, body in await served.say(ask("three"))] == [b"three"]

    assert run(story).taken == ["one", "three"]


def test_a_body_in_pieces_is_one_body() -> None:
    async def story(served: Served) -> None:
        sent = ask("pieces")
        for start in range(0, len(sent), 50):
            served.writer.write(sent[start : start + 50])
            await asyncio.sleep(0.001)
        assert [body for _, _, body in await served.say(b"")] == [b"pieces"]

    assert run(story).taken == ["pieces"]


def test_who_hangs_up_is_told_nothing_and_harms_nobody() -> None:
    async def story(served: Served) -> None:
        served.desk.holds = True
        served.writer.write(ask("gone"))
        while not served.desk.waiting:
            await asyncio.sleep(0.01)
        served.writer.close()
        while served.state.connections:
            await asyncio.sleep(0.01)
        served.desk.release()

    assert run(story).measured == [200]


def test_a_server_that_stops_answers_first() -> None:
    async def story(served: Served) -> None:
        served.desk.holds = True
        served.writer.write(ask("last"))
        while not served.desk.waiting:
            await asyncio.sleep(0.01)
        (line,) = served.state.connections
        assert isinstance(line, LaneProtocol)
        line.shutdown()
        served.desk.release()
        ((status, headers, _),) = await served.say(b"")
        assert (status, headers[b"connection"], await served.reader.read()) == (200, b"close", b"")

    run(story)


def test_what_breaks_at_the_door_is_a_problem_without_a_word_of_it() -> None:
    async def story(served: Served) -> None:
        ((status, _, body),) = await served.say(ask(who="boom"))
        assert status == 503
        assert json.loads(body)["status"] == 503
        assert not re.search(rb"[0-9]{6}", body)

    desk = run(story)
    assert (desk.broken, desk.measured) == (["RuntimeError"], [503])


def test_a_visit_has_what_the_server_touches() -> None:
    """uvicorn's own cycle, by the names that its protocol reads and writes; an upgrade that adds one fails here."""
    touched = {"body", "more_body", "message_event", "response_complete", "disconnected", "keep_alive"}
    source = inspect.getsource(uvicorn.protocols.http.httptools_impl.HttpToolsProtocol)

    assert set(re.findall(r"self\.cycle\.(\w+)", source)) == touched
    assert touched <= set(dir(Visit)) | set(re.findall(r"self\.(\w+)", inspect.getsource(Visit)))
