"""`bidui sync --listen`: takes pushed changes on this machine alone, so that "变动即调整" needs no waiting.

    POST /v1/changes/person
    Authorization: Bearer <the secret of push_secret_file>
    Content-Type: application/x-ndjson

One object a line, in the column names of the mapping; all rows of each subject that is named. The answer comes when the
changes serve: 200 with counts, or a problem document and nothing has changed. One push at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import NamedTuple

import msgspec

from adapters.sources.source import SourceError
from gateway.generation import GenerationError
from ops.sync.errors import BusyError, SyncError
from ops.sync.report import LoadReport

HOST = "127.0.0.1"
MAX_BODY = 16 << 20
SLOWEST_SECONDS = 30
_PREFIX = "/v1/changes/"

Take = Callable[[str, list[bytes]], LoadReport]


class Reply(NamedTuple):
    """A status and the members of its body."""

    status: HTTPStatus
    body: dict[str, object]


def listener(take: Take, secret: bytes, port: int) -> HTTPServer:
    """A server that hands each push to `take`; port 0 takes any that is free. The caller serves and closes it."""
    if len(secret) < 32:
        raise SyncError("the secret for pushed changes must have at least 32 characters; write another into its file")

    class Handler(_Handler):
        def handle_push(self, kind: str, lines: list[bytes]) -> Reply:
            return _taken(take, kind, lines)

        def is_known(self, token: bytes) -> bool:
            return compare_digest(token, secret)

    return HTTPServer((HOST, port), Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = SLOWEST_SECONDS

    def handle_push(self, kind: str, lines: list[bytes]) -> Reply:
        raise NotImplementedError

    def is_known(self, token: bytes) -> bool:
        raise NotImplementedError

    def do_POST(self) -> None:
        reply = self._reply()
        content = msgspec.json.encode(reply.body)
        self.send_response(reply.status)
        problem = "application/problem+json" if reply.status >= HTTPStatus.BAD_REQUEST else "application/json"
        self.send_header("Content-Type", problem)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _reply(self) -> Reply:
        # Whatever is not read of the body must not be taken for the next request.
        self.close_connection = True
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.is_known(token.strip().encode("latin-1", "replace")):
            return _problem(HTTPStatus.UNAUTHORIZED, "推送口令不对", "send the secret of push_secret_file as bearer")
        if not self.path.startswith(_PREFIX):
            return _problem(HTTPStatus.NOT_FOUND, "没有这个地址", f"changes are pushed to {_PREFIX}KIND")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return _problem(HTTPStatus.LENGTH_REQUIRED, "缺少内容长度", "send the body with its Content-Length")
        if len(length) > 9 or int(length) > MAX_BODY:
            return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "内容过大", f"at most {MAX_BODY >> 20} MiB at once")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return _problem(HTTPStatus.BAD_REQUEST, "内容不完整", "the connection ended before the body did")
        return self.handle_push(self.path.removeprefix(_PREFIX), body.splitlines())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is that of the base class
        """Nothing: the report of each push says what happened, and lines hold register data."""


def _taken(take: Take, kind: str, lines: list[bytes]) -> Reply:
    try:
        report = take(kind, lines)
    except BusyError as error:
        return _problem(HTTPStatus.CONFLICT, "正在同步，请稍后再推送", str(error))
    except SourceError as error:
        return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "推送的内容无法读取，未作任何变动", str(error))
    except (SyncError, GenerationError) as error:
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "未能更新索引，原索引照常使用", str(error))
    refused = {cause: count for found in report.kinds.values() for cause, count in found.refused.items()}
    counts: dict[str, object] = {"changed": report.changed, "removed": report.removed, "refused": refused}
    return Reply(HTTPStatus.OK, {**counts, "data_version": report.data_version})


def _problem(status: HTTPStatus, title: str, detail: str) -> Reply:
    kind = f"urn:bidui:problem:sync-{status.value}"
    return Reply(status, {"type": kind, "title": title, "status": status.value, "detail": detail})
