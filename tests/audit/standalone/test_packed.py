"""How deeds are packed: the single file takes the one spelling that our own writer has, and no other."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.standalone.packed import unpack
from audit.standalone.verdicts import WrongError

VALUES = st.recursive(
    st.binary(max_size=300) | st.text(max_size=70), lambda inner: st.lists(inner, max_size=20), max_leaves=12
)
EDGES = [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536]


def nested(depth: int) -> bytes:
    return b"\x91" * depth + b"\xa0"


@given(VALUES)
def test_what_our_writer_writes_is_read(value: object) -> None:
    content = msgspec.msgpack.encode(value)
    if _depth(value) <= 8:
        assert unpack(content) == value


def _depth(value: object) -> int:
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@pytest.mark.parametrize("length", EDGES)
def test_every_width_of_a_length_is_read(length: int) -> None:
    for value in (b"x" * length, "x" * length, [b""] * length):
        assert unpack(msgspec.msgpack.encode(value)) == value


REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "form it is kept in"),
    "a number": (b"\x05", "form it is kept in"),
    "nil": (b"\xc0", "form it is kept in"),
    "a map": (b"\x81\xa1a\xa1b", "form it is kept in"),
    "a float": (b"\xcb" + bytes(8), "form it is kept in"),
    "something behind": (b"\xa0\xa0", "behind the deed"),
    "a text cut off": (b"\xa5abc", "cut off"),
    "bytes cut off": (b"\xc4\x05abc", "cut off"),
    "a length cut off": (b"\xda\x01", "form it is kept in"),
    "a list cut off": (b"\x92\xa0", "nested too deeply|form it is kept in"),
    "a list that says it is endless": (b"\xdd\xff\xff\xff\xff", "nested too deeply"),
    "a text in a wider form": (b"\xd9\x03abc", "form it is kept in"),
    "a text in the widest form": (b"\xdb\x00\x00\x00\x28" + b"x" * 40, "form it is kept in"),
    "bytes in a wider form": (b"\xc5\x00\x03abc", "form it is kept in"),
    "a list in a wider form": (b"\xdc\x00\x01\xa0", "form it is kept in"),
    "no UTF-8": (b"\xa1\xff", "not UTF-8"),
    "half a character": (b"\xa3\xed\xa0\x80", "not UTF-8"),
    "nested too deeply": (nested(9), "nested too deeply"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_every_other_spelling_is_refused(case: str) -> None:
    content, cause = REFUSED[case]

    with pytest.raises(WrongError, match=cause):
        unpack(content)


def test_eight_lists_within_each_other_are_the_most() -> None:
    value = unpack(nested(8))
    for _ in range(8):
        assert isinstance(value, list)
        (value,) = value

    assert value == ""
