"""Canonical JSON: the single file takes exactly what our own decoder takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import MAX_INTEGER, decode, encode
from audit.errors import EntryError
from audit.standalone.canonical import canonical
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
