"""Canonical JSON: the one spelling of RFC 8785 for texts, integers below 2^53, lists, objects with ASCII keys."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from typing import NoReturn, TypeAlias

from audit.standalone.verdicts import WrongError

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

MAX_ENTRY_BYTES = 16 * 1024
MAX_INTEGER = 2**53 - 1


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _bounded(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise ValueError(text)
    return int(text)


_read_json = json.JSONDecoder(parse_float=_refuse, parse_int=_bounded, parse_constant=_refuse).decode
_write_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def canonical(content: bytes, limit: int = MAX_ENTRY_BYTES) -> Json:
    """Read canonical JSON. Raise `WrongError` for any other spelling of the same value."""
    try:
        value: Json = _read_json(content.decode())
        written = _write_json(value).encode()
    except (ValueError, RecursionError) as error:
        raise WrongError("不是 JSON，或含浮点数 / not JSON, or with a float") from error
    if len(content) > limit or written != content or not (content.isascii() or _has_ascii_keys(value)):
        raise WrongError("不是规范形式（RFC 8785）/ not in canonical form")
    return value


def encode(value: Json) -> bytes:
    """Write canonical JSON. Raise `WrongError` for a lone surrogate."""
    try:
        return _write_json(value).encode()
    except UnicodeEncodeError as error:
        raise WrongError("文本不是 Unicode / a text holds a lone surrogate") from error


def _has_ascii_keys(value: Json) -> bool:
    pending: list[Json] = [value]
    for each in pending:
        if isinstance(each, dict):
            if not all(key.isascii() for key in each):
                return False
            pending += each.values()
        elif isinstance(each, list):
            pending += each
    return True


def members(value: Json, names: Iterable[str], what: str) -> dict[str, Json]:
    """Return an object that has exactly these members. Raise `WrongError`."""
    if not isinstance(value, dict) or set(value) != set(names):
        raise WrongError(f"{what}：成员不符 / {what} has other members than it should")
    return value


def texts(value: Json) -> list[str]:
    """Return a list of texts. Raise `WrongError`."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise WrongError("应为文本列表 / a list of texts was expected")
    return [str(each) for each in value]


def numbers(value: Json) -> list[int]:
    """Return a list of indices, each larger than the one before. Raise `WrongError`."""
    found = [count(each) for each in value] if isinstance(value, list) else []
    if not isinstance(value, list) or found != sorted(set(found)):
        raise WrongError("应为递增的序号列表 / a list of rising indices was expected")
    return found


def count(value: Json) -> int:
    """Return a number that counts. Raise `WrongError`."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_INTEGER:
        raise WrongError("应为非负整数 / a number that counts was expected")
    return value


def text(value: Json) -> str:
    """Return a text. Raise `WrongError`."""
    if not isinstance(value, str):
        raise WrongError("应为文本 / a text was expected")
    return value


def from_base64(encoded: str, *, url: bool = False) -> bytes:
    """Read base64 in its one exact spelling; base64url stands without padding. Raise `WrongError`."""
    standard = encoded.replace("-", "+").replace("_", "/") + "=" * (-len(encoded) % 4) if url else encoded
    try:
        content = base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WrongError("不是 base64 / not base64") from error
    if (base64url(content) if url else base64.b64encode(content).decode()) != encoded:
        raise WrongError("base64 写法不唯一 / base64 in another spelling than its own")
    return content


def base64url(content: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
