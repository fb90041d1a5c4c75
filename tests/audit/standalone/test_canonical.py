"""Canonical JSON: the single file takes exactly what our own decoder takes."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import MAX_INTEGER, decode, encode
from audit.errors import EntryError
from audit.standalone.canonical import (
    Json,
    base64url,
    canonical,
    count,
    from_base64,
    members,
    numbers,
    text,
    texts,
)
from audit.standalone.canonical import encode as encode_alone
from audit.standalone.verdicts import WrongError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def takes(content: bytes) -> tuple[bool, bool]:
    """Whether ours takes it, and whether the single file does."""
    both: list[bool] = []
    for read, error in ((decode, EntryError), (canonical, WrongError)):
        try:
            read(content)
            both.append(True)
        except error:
            both.append(False)
    return both[0], both[1]


@given(VALUES)
def test_what_we_write_is_taken(value: object) -> None:
    try:
        content = encode(value)  # type: ignore[arg-type]  # some have keys that have no canonical form
    except EntryError:
        return

    assert takes(content) == (True, True)
    assert canonical(content) == value


SPELLINGS = {
    "a space": b'{"a": 1}',
    "another order": b'{"b":1,"a":1}',
    "a key twice": b'{"a":1,"a":1}',
    "a float": b'{"a":1.0}',
    "an exponent": b'{"a":1e3}',
    "minus nothing": b'{"a":-0}',
    "a large number": b'{"a":9007199254740992}',
    "the largest number": b'{"a":9007199254740991}',
    "the smallest number": b'{"a":-9007199254740991}',
    "an endless number": b'{"a":' + b"9" * 5000 + b"}",
    "not a number": b'{"a":NaN}',
    "an escape too many": b'{"a":"\\u0061"}',
    "an escape in capitals": b'{"a":"\\u001F"}',
    "an escape as it should be": b'{"a":"\\u001f"}',
    "half a character": b'{"a":"\\ud800"}',
    "a key in Chinese": '{"钥":1}'.encode(),
    "a value in Chinese": '{"a":"钥"}'.encode(),
    "something behind": b"{} ",
    "a mark in front": b"\xef\xbb\xbf{}",
    "no UTF-8": b'{"a":"\xff"}',
    "nested too deeply": b"[" * 100_000 + b"]" * 100_000,
    "nothing": b"",
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_both_take_and_refuse_the_same_spellings(case: str) -> None:
    ours, alone = takes(SPELLINGS[case])

    assert ours == alone


def test_half_a_character_is_not_written() -> None:
    with pytest.raises(WrongError, match="lone surrogate"):
        encode_alone(["\ud800"])
    assert encode_alone({"b": 1, "a": ["钥", None, True]}) == '{"a":["钥",null,true],"b":1}'.encode()


READ: dict[str, tuple[Callable[[Json], object], Json, bool]] = {
    "a text": (text, "a", True),
    "a text that is a number": (text, 1, False),
    "a text that is none": (text, None, False),
    "a number": (count, 0, True),
    "the largest number": (count, MAX_INTEGER, True),
    "a larger one": (count, MAX_INTEGER + 1, False),
    "a number below nought": (count, -1, False),
    "a number that is a truth": (count, True, False),
    "a number that is a text": (count, "1", False),
    "texts": (texts, ["a", "a"], True),
    "no texts": (texts, [], True),
    "texts that are one": (texts, "ab", False),
    "texts and a number": (texts, ["a", 1], False),
    "numbers": (numbers, [0, 1, 7], True),
    "no numbers": (numbers, [], True),
    "numbers that fall": (numbers, [1, 0], False),
    "a number twice": (numbers, [1, 1], False),
    "numbers that are none": (numbers, None, False),
    "numbers that are an object": (numbers, {}, False),
    "numbers and a text": (numbers, [0, "1"], False),
    "members": (lambda value: members(value, ("a", "b"), "x"), {"b": 1, "a": 2}, True),
    "a member more": (lambda value: members(value, ("a",), "x"), {"b": 1, "a": 2}, False),
    "a member less": (lambda value: members(value, ("a", "b"), "x"), {"a": 2}, False),
    "members of a list": (lambda value: members(value, (), "x"), [], False),
}


@pytest.mark.parametrize("case", READ)
def test_what_was_expected_is_returned_as_it_was_and_all_else_refused(case: str) -> None:
    read, value, is_right = READ[case]
    if is_right:
        assert read(value) == value
        return

    with pytest.raises(WrongError):
        read(value)


BASE64: dict[str, tuple[str, bool, bytes | None]] = {
    "standard": ("+/8=", False, b"\xfb\xff"),
    "for addresses": ("-_8", True, b"\xfb\xff"),
    "for addresses, with padding": ("-_8=", True, None),
    "standard for addresses": ("+/8", True, None),
    "for addresses as standard": ("-_8=", False, None),
    "without padding": ("+/8", False, None),
    "with bits to spare": ("+/9=", False, None),
    "with a line end": ("+/8=\n", False, None),
    "other letters": ("钥匙", False, None),
    "one letter": ("A", True, None),
}


@pytest.mark.parametrize("case", BASE64)
def test_base64_has_one_spelling(case: str) -> None:
    encoded, is_url, content = BASE64[case]
    if content is None:
        with pytest.raises(WrongError, match="base64"):
            from_base64(encoded, url=is_url)
        return

    assert from_base64(encoded, url=is_url) == content
    assert not is_url or base64url(content) == encoded
