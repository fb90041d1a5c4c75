"""`POST /v1/comparisons`: the one door for a single comparison.

It speaks ASGI itself: a framework's request and response objects would cost it a quarter of its time.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.api.body import MAX_BODY_BYTES, TooLargeError, parse, read
from gateway.api.identify import Identify, admit
from gateway.api.problems import of_error, refusal, too_large
from gateway.domain.caller import Caller
from gateway.domain.errors import GatewayError, UnprovenError, UnreadableError
from gateway.domain.query import parse_query
from gateway.domain.reply import Answered, Failed, Refused, Reply, Request
from gateway.watch.throttle import NO_GRANT
from policies.catalogue import Catalogue

__all__ = ["PATH", "Comparisons", "Identify", "untold"]

PATH = "/v1/comparisons"
MAX_KEY = 128
_KEY_HEADER = b"idempotency-key"
_KEY = re.compile(rb"[!-~]{1,%d}" % MAX_KEY)


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """The door, for any ASGI server; `adapters/lane.py` leads to it past ASGI."""

    identify: Identify
    catalogue: Catalogue
    submit: Callable[[Request], Awaitable[Reply]]
    take: Callable[[Caller, str], None]
    """Counts a request of a known caller under a grant, or under none. Raises `TooFastError`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            caller = await admit(self.identify, scope)
            if not isinstance(caller, Caller):
                await caller(scope, receive, send)
                return
            request = self.request(caller, scope, await self._read(caller, scope, receive))
        except TooLargeError:
            await too_large(MAX_BODY_BYTES)(scope, receive, send)
        except GatewayError as error:
            await of_error(error)(scope, receive, send)
        else:
            await _tell(await self.submit(request), scope, receive, send)

    def request(self, caller: Caller, scope: Scope, body: bytes) -> Request:
        """What a known caller asks. Raises `GatewayError`, also for another body than the caller signed.

        Whoever is too fast is told so here and waits for no turn, also where nothing that was sent can be read.
        """
        if caller.body_sha256 is not None and not compare_digest(sha256(body).digest(), caller.body_sha256):
            self.take(caller, NO_GRANT)
            raise UnprovenError("the body is not the one that was signed")
        try:
            key, query = key_of(scope), parse_query(parse(body), self.catalogue)
        except GatewayError:
            self.take(caller, NO_GRANT)
            raise
        self.take(caller, query.grant)
        return Request(caller, query, body, key)

    async def _read(self, caller: Caller, scope: Scope, receive: Receive) -> bytes:
        try:
            return await read(scope, receive)
        except TooLargeError:
            self.take(caller, NO_GRANT)
            raise


def key_of(scope: Scope) -> str:
    """The idempotency key of a request. Raises `UnreadableError`."""
    keys: list[bytes] = [value for name, value in scope["headers"] if name == _KEY_HEADER]
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise UnreadableError(f"请给出一个 Idempotency-Key 首部：1 至 {MAX_KEY} 个可见 ASCII 字符，不含空格")
    return keys[0].decode()


def untold(reply: Refused | Failed) -> Response:
    """The response to whoever gets no answer."""
    return refusal(reply) if isinstance(reply, Refused) else of_error(reply.error)


async def _tell(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    if not isinstance(reply, Answered):
        await untold(reply)(scope, receive, send)
        return
    length = str(len(reply.json)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": reply.json})
