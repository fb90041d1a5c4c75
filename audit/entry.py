"""Canonical bytes: the one spelling in which an entry exists.

An entry is stored, hashed and shown as exactly these bytes and never serialised again. The form is a
subset of RFC 8785: objects with ASCII keys in order, no floats, integers below 2^53 in size, no lone
surrogates, at most 16 KiB. `decode` refuses every other spelling, so one meaning has one hash.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias, cast

import msgspec

from audit.errors import EntryError
from audit.suite import INTL, Digest

JsonValue: TypeAlias = "bool | int | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

MAX_ENTRY_BYTES = 16 * 1024
MAX_INTEGER = 2**53 - 1
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 16
_PLAIN = frozenset((str, bool, type(None)))

# Tests hold this encoder to the standard library's JSON on generated values; it is here because it is six times faster.
_write = msgspec.json.Encoder(order="sorted").encode


def encode(value: JsonValue, limit: int = MAX_ENTRY_BYTES) -> bytes:
    """Write a value canonically. Raise `EntryError` for anything outside the subset or longer than the limit."""
    _check(value)
    return encode_typed(value, limit)


def encode_typed(value: JsonValue, limit: int = MAX_ENTRY_BYTES) -> bytes:
    """The same for a value that our own code has just put together from texts and small integers.

    Its keys and types are the type checker's business, so nothing walks through it again: that walk is what costs.
    """
    try:
        content = _write(value)
    except (UnicodeEncodeError, RecursionError, TypeError) as error:
        raise EntryError("text holds a lone surrogate, or the value is nested too deeply") from error
    if len(content) > limit:
        raise EntryError(f"{len(content)} bytes are more than there is room for ({limit}); ask for less at once")
    return content


def decode(content: bytes, limit: int = MAX_ENTRY_BYTES) -> JsonValue:
    """Read canonical bytes. Raise `EntryError` when any other spelling of the same value was used."""
    try:
        value: JsonValue = _read(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EntryError("not JSON, or with a float") from error
    written = encode(value, limit) if len(content) > limit or _needs_a_look(content) else _write(value)
    # Writing it again settles duplicate keys, order, spaces, escapes and number forms all at once.
    if written != content:
        raise EntryError("not in canonical form")
    return value


def leaf_hash(content: bytes, digest: Digest = INTL.digest) -> bytes:
    """Hash an entry as a leaf of the RFC 6962 tree."""
    return digest(b"\x00" + content)


def _needs_a_look(content: bytes) -> bool:
    """Tell whether JSON without floats could still be outside the subset: a key outside ASCII, or a large integer.

    A verifier reads every entry of a log; this spares it a walk through nearly all of them.
    """
    return not content.isascii() or _LONG_NUMBER in content.translate(_DIGITS)


def _no_float(text: str) -> None:
    raise ValueError(text)


def _check(value: object) -> None:
    """Refuse floats, large integers, keys outside ASCII and foreign types; a loop, because it runs for every entry."""
    pending: list[Iterable[object]] = [(value,)]
    for items in pending:
        for item in items:
            if type(item) in _PLAIN:
                continue
            if type(item) is dict:
                pending.append(_members(cast("dict[str, object]", item)))
            elif type(item) is list or type(item) is tuple:
                pending.append(cast("Iterable[object]", item))
            elif not _is_scalar(item):
                raise EntryError(f"a {type(item).__name__} of this kind or size has no canonical form")


def _members(item: dict[str, object]) -> Iterable[object]:
    try:
        plain = "".join(item).isascii()
    except TypeError as error:
        raise EntryError("a key that is not text has no canonical form") from error
    if not plain:
        raise EntryError("a key that is not ASCII text has no canonical form")
    return item.values()


def _is_scalar(item: object) -> bool:
    """Tell whether this is an integer within bounds, or a word of one of our closed lists."""
    if type(item) is int:
        return -MAX_INTEGER <= item <= MAX_INTEGER
    return isinstance(item, StrEnum)


_read = msgspec.json.Decoder(float_hook=_no_float).decode
