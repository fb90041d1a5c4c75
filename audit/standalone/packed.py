"""MessagePack as deeds are kept in it: lists, texts, bytes and nothing else, each in its shortest form."""

from __future__ import annotations

from typing import TypeAlias

from audit.standalone.verdicts import WrongError

Packed: TypeAlias = "str | bytes | list[Packed]"
_DEEPEST = 8


def unpack(content: bytes) -> Packed:
    """Read it. Raise `WrongError` for anything but its one shortest spelling."""
    value, end = _value(content, 0, _DEEPEST)
    if end != len(content):
        raise WrongError("文书编码不对 / something stands behind the deed")
    return value


def _value(content: bytes, at: int, deeper: int) -> tuple[Packed, int]:
    kind, length, at = _head(content, at)
    if kind == "list":
        return _list(content, length, at, deeper)
    end = at + length
    if end > len(content):
        raise WrongError("文书被截断 / the deed is cut off")
    if kind == "bytes":
        return content[at:end], end
    try:
        return content[at:end].decode(), end
    except UnicodeDecodeError as error:
        raise WrongError("文书编码不对 / a text that is not UTF-8") from error


def _list(content: bytes, length: int, at: int, deeper: int) -> tuple[Packed, int]:
    if not deeper or length > len(content):
        raise WrongError("文书编码不对 / the deed is nested too deeply")
    found: list[Packed] = []
    for _ in range(length):
        value, at = _value(content, at, deeper - 1)
        found.append(value)
    return found, at


_WIDE = {
    0xC4: ("bytes", 1),
    0xC5: ("bytes", 2),
    0xC6: ("bytes", 4),
    0xD9: ("text", 1),
    0xDA: ("text", 2),
    0xDB: ("text", 4),
    0xDC: ("list", 2),
    0xDD: ("list", 4),
}


def _head(content: bytes, at: int) -> tuple[str, int, int]:
    """Return kind and length of what comes, and where it begins."""
    first = content[at] if at < len(content) else 0xC1
    if 0x90 <= first <= 0x9F:
        return "list", first - 0x90, at + 1
    if 0xA0 <= first <= 0xBF:
        return "text", first - 0xA0, at + 1
    kind, width = _WIDE.get(first, ("", 0))
    start = at + 1 + width
    length = int.from_bytes(content[at + 1 : start], "big")
    if not kind or start > len(content) or _header(kind, length) != content[at:start]:
        raise WrongError("文书编码不对 / the deed is not in the form it is kept in")
    return kind, length, start


def _header(kind: str, length: int) -> bytes:
    """Write the shortest header."""
    small = {"list": (0x90, 16), "text": (0xA0, 32), "bytes": (0, 0)}[kind]
    if length < small[1]:
        return bytes([small[0] + length])
    widths = ((code, width) for code, (name, width) in _WIDE.items() if name == kind)
    return next(bytes([code]) + length.to_bytes(width, "big") for code, width in widths if length < 1 << (8 * width))
