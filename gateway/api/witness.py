"""Being a witness of other logs (C2SP tlog-witness): whoever has a checkpoint that such a log signed may hand it in.

`POST /v1/witness/add-checkpoint` · `GET /v1/witness/{sha256 of origin}/checkpoint`

200, 400, 403, 404, 409 and 422 are those of the specification; 413 and 503 say what they say everywhere. Nothing of it
is an event of our own ledger: the kept checkpoints are the record, and metrics count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from audit.errors import AuditError
from audit.witness import MAX_REQUEST_BYTES, Reply, Witness
from gateway.api.body import TooLargeError, read
from gateway.api.problems import problem, unavailable
from gateway.domain.errors import UnreadableError

ADD = "/v1/witness/add-checkpoint"
LATEST = "/v1/witness/{origin}/checkpoint"
AT_ONCE = 2
"""Requests that may wait for the disk side by side; further ones wait here, and nobody else waits for them."""
SIZE_TYPE = "text/x.tlog.size"
_TEXT = "text/plain; charset=utf-8"
_TOLD = {
    400: ("unreadable", "请求不是 C2SP tlog-witness 的 add-checkpoint，或原规模大于新规模"),
    403: ("forbidden", "检查点没有受信公钥的有效签名"),
    404: ("not-found", "本见证方不为此存证账见证"),
    422: ("invalid", "一致性证明不成立：新检查点不是上次所见证者的延续"),
}


@dataclass(frozen=True, kw_only=True)
class WitnessDoor:
    """What stands behind the routes; `witness` is None where we witness nobody."""

    witness: Witness | None
    origins: Callable[[], Sequence[str]]
    counted: Callable[[int], None] = lambda _: None
    """Told the status of each answer to `add-checkpoint`."""


def witness_routes(door: WitnessDoor) -> list[Route]:
    """The routes."""

    few = asyncio.Semaphore(AT_ONCE)

    async def add(request: HttpRequest) -> Response:
        response = await _safely(lambda: _add(door, request, few))
        door.counted(response.status_code)
        return response

    async def latest(request: HttpRequest) -> Response:
        return await _safely(lambda: _latest(door, str(request.path_params["origin"])))

    return [Route(ADD, add, methods=["POST"]), Route(LATEST, latest, methods=["GET"])]


async def _add(door: WitnessDoor, request: HttpRequest, few: asyncio.Semaphore) -> Response:
    if door.witness is None:
        return _problem(404)
    try:
        body = await read(request.scope, request.receive, MAX_REQUEST_BYTES)
    except TooLargeError:
        return problem("too-large", 413, f"请求体不得超过 {MAX_REQUEST_BYTES // 1024} KiB")
    except UnreadableError:
        return _problem(400)
    # The store waits for the disk, and ML-DSA costs half a millisecond: neither holds up a turn.
    async with few:
        return _response(await asyncio.to_thread(door.witness.add_checkpoint, body))


async def _latest(door: WitnessDoor, origin: str) -> Response:
    if door.witness is None:
        return _problem(404)
    origins = await asyncio.to_thread(door.origins)
    content = await asyncio.to_thread(door.witness.latest, origin, origins)
    return _problem(404) if content is None else Response(content, media_type=_TEXT)


async def _safely(act: Callable[[], Awaitable[Response]]) -> Response:
    """What cannot be read or kept here is our trouble, and nothing was cosigned."""
    try:
        return await act()
    except (AuditError, OSError):
        return unavailable()


def _response(reply: Reply) -> Response:
    if reply.status == 200:
        return Response(reply.body, media_type=_TEXT)
    if reply.status == 409:
        return Response(reply.body, 409, {"content-type": SIZE_TYPE})
    return _problem(reply.status)


def _problem(status: int) -> Response:
    kind, detail = _TOLD[status]
    return problem(kind, status, detail)
