"""A hostile partner at the socket: whatever bytes come, the answer is of a described kind or none, nothing of them
is repeated or logged, and the next caller is served as before.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ops.prove.homes import LOCAL, credentials
from ops.prove.load import question
from tests.invariants.running import Running

CANARY = "金丝雀乙丙丁"
SECONDS = 2.0
MUCH = 5_000_000


@dataclass
class Knock:
    """Writes requests byte by byte, with the right credentials or without."""

    running: Running
    number: int = 0

    @property
    def body(self) -> bytes:
        """That of a right comparison."""
        return question(self.running.stage.people[0], self.running.grant)

    def request(
        self,
        *headers: str,
        method: str = "POST",
        path: str = "/v1/comparisons",
        body: bytes | None = None,
        version: str = "HTTP/1.1",
        length: bool = True,
    ) -> bytes:
        """A comparison that is right but for what the case says."""
        self.number += 1
        content = self.body if body is None else body
        lines = [f"{method} {path} {version}", "Host: x", f"Idempotency-Key: wire-{id(self)}-{self.number}", *headers]
        lines += [f"{name}: {value}" for name, value in credentials(self.running.home).items()]
        lines += [f"Content-Length: {len(content)}"] if length else []
        return "\r\n".join([*lines, "", ""]).encode() + content

    def send(self, content: bytes) -> bytes:
        """What comes back until the other end is done or silent."""
        with socket.create_connection((LOCAL, self.running.port)) as line:
            line.settimeout(SECONDS)
            heard = b""
            try:
                line.sendall(content)
                while part := line.recv(1 << 16):
                    heard += part
                    if b"\r\n\r\n" in heard and len(heard.partition(b"\r\n\r\n")[2]) >= _promised(heard):
                        break
            except (TimeoutError, ConnectionError):
                pass
            return heard


def _promised(heard: bytes) -> int:
    head = heard.partition(b"\r\n\r\n")[0].lower()
    return next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)


def chunked(body: bytes, size: int = 100) -> bytes:
    """A body in pieces of this size."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


CHUNKED = "Transfer-Encoding: chunked"
NOTHING = 0
Case = tuple[Callable[[Knock], bytes], set[int]]

WIRE: dict[str, Case] = {
    "as it should be": (lambda knock: knock.request(), {200}),
    "in chunks": (lambda knock: knock.request(CHUNKED, body=chunked(knock.body), length=False), {200}),
    "in chunks of one byte": (lambda knock: knock.request(CHUNKED, body=chunked(knock.body, 1), length=False), {200}),
    "5 MB in chunks": (lambda knock: knock.request(CHUNKED, body=chunked(b"x" * MUCH, 65_536), length=False), {413}),
    "a chunk of no size": (lambda knock: knock.request(CHUNKED, body=b"zz\r\nx\r\n0\r\n\r\n", length=False), {400}),
    "chunks and a length": (lambda knock: knock.request(CHUNKED, body=chunked(knock.body)), {400}),
    "two lengths": (lambda knock: knock.request("Content-Length: 5"), {400}),
    "a length below nothing": (lambda knock: knock.request("Content-Length: -5", length=False), {400}),
    "a length of 5,000 digits": (lambda knock: knock.request(f"Content-Length: {'9' * 5_000}", length=False), {400}),
    "a length of 10 GB": (lambda knock: knock.request("Content-Length: 10000000000", length=False), {413}),
    "half a body": (lambda knock: knock.request()[:-20], {NOTHING}),
    "a header of 1 MB": (lambda knock: knock.request(f"X: {'a' * 1_000_000}"), {NOTHING, 400, 431}),
    "a folded header": (lambda knock: knock.request("X: a\r\n b"), {400}),
    "a space in a name": (lambda knock: knock.request("X Y: a"), {400}),
    "a zero byte": (lambda knock: knock.request("X: a\0b"), {400}),
    "Chinese in a header": (lambda knock: knock.request(f"X: {CANARY}"), {200}),
    "two tokens": (lambda knock: knock.request("Authorization: Bearer x"), {401}),
    "two certificates": (lambda knock: knock.request("Client-Cert: :eA==:"), {401}),
    "two keys": (lambda knock: knock.request("Idempotency-Key: another"), {400}),
    "addresses of the caller's own": (
        lambda knock: knock.request("X-Forwarded-For: 10.9.9.9"),
        {200},
    ),
    "bare line ends": (lambda knock: knock.request().replace(b"\r\n", b"\n"), {400}),
    "no host": (lambda knock: knock.request().replace(b"Host: x\r\n", b""), {200, 400}),
    "a method nobody knows": (lambda knock: knock.request(method="FOO"), {400, 405}),
    "TRACE": (lambda knock: knock.request(method="TRACE"), {405}),
    "OPTIONS": (lambda knock: knock.request(method="OPTIONS"), {405}),
    "HEAD": (lambda knock: knock.request(method="HEAD"), {405}),
    "PUT": (lambda knock: knock.request(method="PUT"), {405}),
    "another spelling of the path": (lambda knock: knock.request(path="/v1/%63omparisons"), {200, 404}),
    "two slashes": (lambda knock: knock.request(path="//v1/comparisons"), {404}),
    "a slash too many": (lambda knock: knock.request(path="/v1/comparisons/"), {404}),
    "a zero byte in the path": (lambda knock: knock.request(path="/v1/comparisons%00"), {404}),
    "capitals": (lambda knock: knock.request(path="/V1/Comparisons"), {404}),
    "up and away": (lambda knock: knock.request(path="/v1/../../etc/passwd"), {404}),
    "octets that are no text": (lambda knock: knock.request(path="/%ff%fe"), {404}),
    "a path of 70,000 characters": (lambda knock: knock.request(path=f"/v1/{'a' * 70_000}"), {NOTHING, 400, 414, 431}),
    "a question behind the path": (lambda knock: knock.request(path="/v1/comparisons?name=x"), {200}),
    "HTTP/1.0": (lambda knock: knock.request(version="HTTP/1.0"), {200}),
    "HTTP/9.9": (lambda knock: knock.request(version="HTTP/9.9"), {400}),
    "HTTP/2": (lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
    "TLS": (lambda _: bytes.fromhex("16030100a5010000a10303") + b"x" * 160, {NOTHING, 400}),
    "noise": (lambda _: b"\x00\xff" * 500, {NOTHING, 400}),
    "a web socket": (
        lambda knock: knock.request("Connection: Upgrade", "Upgrade: websocket", method="GET", body=b"", length=False),
        {404, 405},
    ),
    "squeezed, says the header": (lambda knock: knock.request("Content-Encoding: gzip"), {200, 400, 415}),
    "text, says the header": (lambda knock: knock.request("Content-Type: text/plain"), {200, 400, 415}),
    "no JSON": (lambda knock: knock.request(body=CANARY.encode()), {400}),
    "UTF-16": (lambda knock: knock.request(body=knock.body.decode().encode("utf-16")), {400}),
    "with a byte order mark": (lambda knock: knock.request(body=b"\xef\xbb\xbf" + knock.body), {400}),
    "ten thousand brackets": (lambda knock: knock.request(body=b"[" * 10_000), {400}),
    "a number of 50,000 digits": (lambda knock: knock.request(body=b'{"grant":' + b"9" * 50_000 + b"}"), {400, 422}),
}


@pytest.fixture
def knock(running: Running) -> Knock:
    return Knock(running)


@pytest.mark.parametrize(("write", "statuses"), WIRE.values(), ids=WIRE)
def test_whatever_comes_the_answer_is_one_of_ours(
    knock: Knock, write: Callable[[Knock], bytes], statuses: set[int]
) -> None:
    heard = knock.send(write(knock))

    assert status_of(heard) in statuses, heard[:200]
    assert CANARY.encode() not in heard
    assert status_of(knock.send(knock.request())) == 200, "the next caller is not served"


def test_requests_in_one_breath_are_answered_in_their_order(knock: Knock) -> None:
    with socket.create_connection((LOCAL, knock.running.port)) as line:
        line.settimeout(SECONDS)
        line.sendall(knock.request() + knock.request(body=b"no JSON") + knock.request())
        heard = b""
        while heard.count(b"HTTP/1.1 ") < 3 or not heard.endswith(b"}"):
            heard += line.recv(1 << 16)

    assert [part[:3] for part in heard.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400", b"200"]


def test_a_head_without_end_is_ended(knock: Knock) -> None:
    """Before any token: the line is cut long before it costs memory or the loop's time."""
    with socket.create_connection((LOCAL, knock.running.port)) as line:
        line.settimeout(SECONDS)
        line.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        with pytest.raises(ConnectionError):
            line.sendall(b"a" * 20_000_000)


def test_nothing_of_it_is_in_the_log(running: Running) -> None:
    log = running.serve.log.read_text(errors="replace")

    assert "Traceback" not in log
    assert CANARY not in log
    assert all(line.startswith(("{", "网关已启动")) for line in log.splitlines()), log[-500:]
    assert all(json.loads(line)["event"] != "turn_broke" for line in log.splitlines() if line.startswith("{"))


def status_of(heard: bytes) -> int:
    return int(heard.split(b" ", 2)[1]) if heard.startswith(b"HTTP/1.") else NOTHING
