"""Reading a JSON body: bounded, strict, and silent about what was in it."""

from __future__ import annotations

import json
import re
from operator import attrgetter
from typing import TypeVar

import msgspec
from starlette.types import Receive, Scope

from gateway.domain.errors import InvalidQueryError, UnreadableError
from gateway.domain.query import ClaimBody, QueryBody, SubjectBody

Body = TypeVar("Body", bound=msgspec.Struct)
MAX_BODY_BYTES = 64 * 1024
_LONGEST_LENGTH = 18
_MEMBERS = "|".join(name for body in (QueryBody, SubjectBody, ClaimBody) for name in body.__struct_fields__)
_PATH = re.compile(rf" - at `\$((?:\.(?:{_MEMBERS})|\[[0-9]+\]|\[\.\.\.\])+)`$")
_value = attrgetter("value")
_read = msgspec.json.Decoder(QueryBody, strict=True).decode
_write = msgspec.json.Encoder().encode


class TooLargeError(UnreadableError):
    """The body is longer than any right one."""


async def read(scope: Scope, receive: Receive, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body, never more of it than the limit. Raises `TooLargeError`."""
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if not declared.isdigit() or len(declared) > _LONGEST_LENGTH or int(declared) > limit:
        raise TooLargeError("请求体过大")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise UnreadableError("请求中断")
        body += message.get("body", b"")
        if len(body) > limit:
            raise TooLargeError("请求体过大")
        if not message.get("more_body", False):
            return bytes(body)


def parse(body: bytes) -> QueryBody:
    """The query body. Raises `UnreadableError` for what is not JSON, `InvalidQueryError` for another structure.

    What is written as shortly as it can be has no room for a second member of one name; everything else is read by the
    standard library's parser, which tells us of each member it meets. A float has shorter spellings than ours.
    """
    try:
        query = _read(body)
        if len(_write(query)) == len(body) and float not in map(type, map(_value, query.claims)):
            return query
    except (msgspec.MsgspecError, ValueError):
        pass
    return convert(body, QueryBody)


def convert(body: bytes, kind: type[Body]) -> Body:
    """The body as one of our structures, by the standard library's parser. Raises as `parse` does."""
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
        _check_surrogates(body, document)
    except (ValueError, RecursionError):
        raise UnreadableError("请求体应为 UTF-8 编码的 JSON，且不得有重复成员、NaN 或 Infinity") from None
    try:
        return msgspec.convert(document, kind, strict=True)
    except msgspec.ValidationError as error:
        raise InvalidQueryError("请求结构与接口说明不符，请对照 /openapi.json", _place(error)) from None


def _check_surrogates(body: bytes, document: object) -> None:
    """Only an escape can smuggle half a surrogate pair into a text; encoding it again finds it."""
    if b"\\u" in body:
        json.dumps(document, ensure_ascii=False).encode("utf-8")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _place(error: msgspec.ValidationError) -> str:
    """Where the structure is wrong: a path of our own member names, or nothing. The message itself may quote input."""
    found = _PATH.search(str(error))
    return found[1].lstrip(".") if found else ""
