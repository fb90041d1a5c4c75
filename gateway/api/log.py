"""The log as anybody may check it: checkpoints, tiles of hashes and proofs. Entries are not given out here.

`GET /v1/log/checkpoint` · `GET /v1/log/tile/<level>/<number>[.p/<width>]` (C2SP tlog-tiles, prefix `/v1/log`) ·
`GET /v1/log/proofs/inclusion?index=&size=` · `GET /v1/log/proofs/consistency?old=&size=` · `GET /v1/log/trust`

Tiles hold hashes alone, and only of what was signed. Entry bundles of that format would be entries, so there are none.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from audit.checkpoint import peek
from audit.proof import TlogProof
from audit.reader import LedgerReader, suite_of_log
from audit.tiles import TilePath, parse_tile_path
from audit.tree import HASH_BYTES, StoredTree
from gateway.api.problems import problem
from gateway.domain.errors import InvalidQueryError

FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, kw_only=True)
class Log:
    """What the log's doors read from. `latest` gives the last signed checkpoint, None before the first."""

    reader: LedgerReader
    latest: Callable[[], bytes | None]
    witnessed: Callable[[], bytes | None] = lambda: None
    """Gives the last one that a quorum of witnesses cosigned."""
    trust: Callable[[], bytes]


def log_routes(log: Log) -> list[Route]:
    """The routes."""

    async def checkpoint(request: HttpRequest) -> Response:
        wanted = request.query_params.get("witnessed", "false")
        if wanted not in {"true", "false"}:
            return problem("invalid", 422, "witnessed 应为 true 或 false", pointer="witnessed")
        if wanted == "true":
            return await asyncio.to_thread(_witnessed, log)
        latest = log.latest()
        return _not_yet() if latest is None else Response(latest, media_type="text/plain")

    async def inclusion(request: HttpRequest) -> Response:
        return _proof(log, request, "index", _inclusion)

    async def consistency(request: HttpRequest) -> Response:
        return _proof(log, request, "old", lambda tree, old, _: _consistency(tree, old))

    async def tile(request: HttpRequest) -> Response:
        path = parse_tile_path(request.path_params["path"])
        latest = log.latest()
        if latest is None:
            return _not_yet()
        if path is None or not path.is_within(peek(latest).size):
            return problem("not-found", 404, "没有此哈希块：路径应如 0/x001/067 或 1/000.p/12，且在最新检查点之内")
        return await asyncio.to_thread(_tile, log, path)

    async def trust(_: HttpRequest) -> Response:
        return Response(log.trust(), media_type="application/json")

    return [
        Route("/v1/log/checkpoint", checkpoint, methods=["GET"]),
        Route("/v1/log/tile/{path:path}", tile, methods=["GET"]),
        Route("/v1/log/proofs/inclusion", inclusion, methods=["GET"]),
        Route("/v1/log/proofs/consistency", consistency, methods=["GET"]),
        Route("/v1/log/trust", trust, methods=["GET"]),
    ]


def _tile(log: Log, path: TilePath) -> Response:
    """What is signed never changes, so a tile may be kept for ever, by anybody."""
    hashes = log.reader.hashes(path.level, path.start, path.start + path.width)
    if len(hashes) != path.width * HASH_BYTES:
        return problem("unavailable", 503, "此哈希块不完整；请运行 bidui audit verify")
    return Response(hashes, media_type="application/octet-stream", headers={"Cache-Control": FOR_EVER})


def _proof(log: Log, request: HttpRequest, name: str, make: Callable[[StoredTree, int, bytes], Response]) -> Response:
    """A proof within a signed tree: that of the last checkpoint, unless a smaller size is asked for."""
    latest = log.latest()
    if latest is None:
        return _not_yet()
    try:
        signed = peek(latest).size
        size = _number(request, "size", signed, most=signed)
        number = _number(request, name, None)
        tree = StoredTree(size, log.reader.hashes, suite_of_log(log.reader).digest)
        return make(tree, number, latest if size == signed else b"")
    except InvalidQueryError as error:
        return problem("invalid", 422, str(error), pointer=error.field)
    except ValueError:
        return problem("invalid", 422, f"{name} 不在所指定的树内", pointer=name)


def _inclusion(tree: StoredTree, index: int, checkpoint: bytes) -> Response:
    path = tree.inclusion(index)
    document: dict[str, object] = {"index": index, "size": tree.size, "hashes": _texts(path)}
    if checkpoint:
        document["tlog_proof"] = TlogProof(index=index, path=tuple(path), checkpoint=checkpoint).encode().decode()
    return JSONResponse(document)


def _consistency(tree: StoredTree, old: int) -> Response:
    return JSONResponse({"old": old, "size": tree.size, "hashes": _texts(tree.consistency(old))})


def _number(request: HttpRequest, name: str, default: int | None, most: int = 10**18) -> int:
    text = request.query_params.get(name, "" if default is None else str(default))
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise InvalidQueryError(f"{name} 应为非负整数", name)
    if int(text) > most:
        raise InvalidQueryError(f"{name} 不得大于 {most}", name)
    return int(text)


def _texts(hashes: Sequence[bytes]) -> list[str]:
    return [b64encode(each).decode() for each in hashes]


def _witnessed(log: Log) -> Response:
    content = log.witnessed()
    if content is None:
        detail = "尚无达到见证法定数的检查点；本网关可能未设见证方"
        return problem("not-found", 404, detail)
    return Response(content, media_type="text/plain")


def _not_yet() -> Response:
    return problem("unavailable", 503, "尚无已签名的检查点，请稍后重试", headers={"Retry-After": "1"})
