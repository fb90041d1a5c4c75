"""PostgreSQL's binary form of the few types we send and receive, as its wire protocol has them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

_array = struct.Struct(">iiIii").pack
_length = struct.Struct(">i").pack
_NULL = _length(-1)


@dataclass(frozen=True, slots=True)
class Kind:
    """One type: the number PostgreSQL knows it by, and how a value becomes bytes."""

    oid: int
    one: Callable[[object], bytes]

    def many(self, values: object) -> bytes:
        """An array of one dimension; `None` is null."""
        listed, one = cast("Sequence[object]", values), self.one
        if not listed:
            return struct.pack(">iiI", 0, 0, self.oid)
        parts = [_array(1, 1, self.oid, len(listed), 1)]
        for value in listed:
            if value is None:
                parts.append(_NULL)
            else:
                spelt = one(value)
                parts += (_length(len(spelt)), spelt)
        return b"".join(parts)


def _text(value: object) -> bytes:
    return cast("str", value).encode()


def _bytes(value: object) -> bytes:
    return cast("bytes", value)


INT2 = Kind(21, struct.Struct(">h").pack)
INT4 = Kind(23, struct.Struct(">i").pack)
INT8 = Kind(20, struct.Struct(">q").pack)
FLOAT8 = Kind(701, struct.Struct(">d").pack)
TEXT = Kind(25, _text)
BYTES = Kind(17, _bytes)


Read: TypeAlias = Callable[[bytes], object]


def _read_int(value: bytes) -> object:
    return int.from_bytes(value, "big", signed=True)


def _read_text(value: bytes) -> object:
    return value.decode()


def _read_float(value: bytes) -> object:
    return struct.unpack(">d", value)[0]


def _read_bytes(value: bytes) -> object:
    return value


READ: Mapping[int, Read] = {
    17: _read_bytes,
    20: _read_int,
    21: _read_int,
    23: _read_int,
    25: _read_text,
    701: _read_float,
    1043: _read_text,
}
"""How a column is read, by the number of its type: bytea, bigint, smallint, integer, text, double, varchar."""
