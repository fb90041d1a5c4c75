"""`POST /v1/comparisons`: the one door for a single comparison. A plain route, because it is the hot one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from gateway.api.body import MAX_BODY_BYTES, TooLargeError, parse, read
from gateway.api.problems import of_error, refusal, too_large, unauthorised
from gateway.domain.caller import Caller
from gateway.domain.errors import GatewayError, UnreadableError
from gateway.domain.query import parse_query
from gateway.domain.reply import Answered, Refused, Reply, Request
from policies.catalogue import Catalogue

MAX_KEY = 128

Identify = Callable[[HttpRequest], Caller | None]
"""Who is calling, proven; None for everything that is wrong with the proof."""


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """The door."""

    identify: Identify
    catalogue: Catalogue
    submit: Callable[[Request], Awaitable[Reply]]

    async def __call__(self, request: HttpRequest) -> Response:
        caller = self.identify(request)
        if caller is None:
            return unauthorised()
        try:
            parsed = await self._parse(request, caller)
        except TooLargeError:
            return too_large(MAX_BODY_BYTES)
        except GatewayError as error:
            return of_error(error)
        return _respond(await self.submit(parsed))

    async def _parse(self, request: HttpRequest, caller: Caller) -> Request:
        key = request.headers.get("idempotency-key", "")
        if not 0 < len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
            raise UnreadableError(f"请在 Idempotency-Key 首部给出 1 至 {MAX_KEY} 个可见 ASCII 字符")
        body = await read(request)
        return Request(caller, parse_query(parse(body), self.catalogue), body, key)


def _respond(reply: Reply) -> Response:
    if isinstance(reply, Answered):
        return Response(reply.json, media_type="application/json")
    return refusal(reply) if isinstance(reply, Refused) else of_error(reply.error)
