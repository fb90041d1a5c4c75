"""A gateway in a few lines, for the client SDK: it gives tokens, answers, signs receipts, and misbehaves on demand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

import httpx2

from audit.entry import JsonValue, encode
from audit.events import DataRef, PolicyRef
from audit.receipt import ReceiptBody, salted_digest, sign_turn
from tests.audit.make import ORIGIN, RECEIPT_SIGNER

ISSUER = "https://bidui.example"
AT = datetime(2026, 6, 30, 1, 0, tzinfo=UTC)
VKEY = RECEIPT_SIGNER.vkey
DATA = DataRef("cd" * 32, "2026-06-29T16:00:00Z")
CODES = {"name": "match", "unit": "match", "rank": "mismatch"}
SALT = bytes(range(16))

Move = httpx2.Response | httpx2.RequestError | Callable[[httpx2.Request], httpx2.Response]


def an_answer(
    sent: bytes, *, size: int = 1, at: int = 0, first: int = 1234, subject: str = "confirmed"
) -> dict[str, object]:
    """The JSON of an answer to these bytes, with its receipt as number `at` of a turn of `size`."""
    codes: dict[str, JsonValue] = {"as_of": "2026-06-30", "data": {"version": DATA.version, "time": DATA.time}}
    codes |= {"fields": CODES, "subject": subject}
    digests = salted_digest(SALT, "request", sent), salted_digest(SALT, "response", encode(codes))
    bodies = [_body(first + place, *(digests if place == at else ("ee" * 32, "ff" * 32))) for place in range(size)]
    receipt = sign_turn(bodies, first, ORIGIN, RECEIPT_SIGNER)[at]
    return {**codes, "receipt": json.loads(receipt.json_bytes())}


def _body(index: int, request_sha256: str, response_sha256: str) -> ReceiptBody:
    return ReceiptBody(
        index=index,
        leaf=index.to_bytes(32, "big"),
        request_sha256=request_sha256,
        response_sha256=response_sha256,
        policy=PolicyRef(3, "ab" * 32),
        data=DATA,
        time="2026-06-30T01:00:00.000001Z",
        salt=SALT,
    )


def a_problem(status: int, headers: Mapping[str, str] | None = None, **members: str) -> httpx2.Response:
    return httpx2.Response(status, json={"title": "请求内容有误", "status": status, **members}, headers=headers)


@dataclass
class FakeGateway:
    """Answers `/v1/…` with the next of `moves`, then properly. Notes what it was sent."""

    moves: list[Move] = field(default_factory=list)
    token_moves: list[Move] = field(default_factory=list)
    life: int = 300
    asked: list[httpx2.Request] = field(default_factory=list)
    assertions: list[str] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/oauth/token":
            form = parse_qs(request.content.decode())
            self.assertions += form["client_assertion"]
            return self._move(self.token_moves, request) or self._token()
        self.asked.append(request)
        return self._move(self.moves, request) or self._proper(request)

    @property
    def keys(self) -> set[str]:
        return {request.headers["Idempotency-Key"] for request in self.asked}

    @property
    def bodies(self) -> set[bytes]:
        return {request.content for request in self.asked}

    @property
    def tokens(self) -> list[str]:
        return [request.headers["Authorization"] for request in self.asked]

    def _token(self) -> httpx2.Response:
        token = f"token-{len(self.assertions)}"
        return httpx2.Response(200, json={"access_token": token, "token_type": "Bearer", "expires_in": self.life})

    def _proper(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v1/catalogue":
            return httpx2.Response(200, json={"version": "1", "grants": [], "fields": []})
        return httpx2.Response(200, json=an_answer(request.content))

    @staticmethod
    def _move(moves: list[Move], request: httpx2.Request) -> httpx2.Response | None:
        if not moves:
            return None
        move = moves.pop(0)
        if isinstance(move, httpx2.RequestError):
            raise move
        return move if isinstance(move, httpx2.Response) else move(request)


@contextmanager
def listening(gateway: FakeGateway) -> Iterator[str]:
    """Serve it over HTTP on this machine while the block runs; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            heard = gateway(
                httpx2.Request(self.command, f"http://gateway{self.path}", headers=dict(self.headers), content=body)
            )
            self.send_response(heard.status_code)
            for name, value in heard.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(heard.content)

        do_GET = do_POST  # noqa: N815 - how the standard library calls it

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
