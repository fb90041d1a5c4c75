"""Canonical bytes: one spelling, and every other one is refused."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import MAX_ENTRY_BYTES, MAX_INTEGER, JsonValue, decode, encode, leaf_hash
from audit.errors import EntryError

texts = st.text(st.characters(codec="utf-8"), max_size=12)
keys = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_reading_what_was_written_gives_the_same_value(value: JsonValue) -> None:
    assert decode(encode(value)) == value


@given(values)
def test_the_standard_librarys_json_writes_the_same_bytes(value: JsonValue) -> None:
    other = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    assert encode(value) == other.encode()


@given(values, st.sampled_from([None, 1]), st.booleans())
def test_any_other_spelling_is_refused(value: JsonValue, indent: int | None, ensure_ascii: bool) -> None:
    other = json.dumps(value, indent=indent, ensure_ascii=ensure_ascii).encode()

    if other != encode(value):
        with pytest.raises(EntryError):
            decode(other)


SPELLINGS = {
    "a duplicate key": b'{"a":1,"a":1}',
    "keys out of order": b'{"b":1,"a":1}',
    "a space": b'{"a": 1}',
    "a line end": b'{"a":1}\n',
    "a float": b'{"a":1.5}',
    "a float that is whole": b'{"a":1.0}',
    "an exponent": b'{"a":1e3}',
    "minus zero": b'{"a":-0}',
    "a leading zero": b'{"a":01}',
    "a plus sign": b'{"a":+1}',
    "not a number": b'{"a":NaN}',
    "2^53": b'{"a":9007199254740992}',
    "-2^53": b'{"a":-9007199254740992}',
    "a key outside ASCII": '{"字":1}'.encode(),
    "an escape that is not needed": rb'{"a":"\u0041"}',
    "an escaped slash": rb'{"a":"\/"}',
    "a short escape in its long form": rb'{"a":"\u000a"}',
    "a long escape in capitals": rb'{"a":"\u001F"}',
    "a bare control character": b'{"a":"\x01"}',
    "a lone surrogate": rb'{"a":"\ud800"}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "a byte that is no UTF-8": b'{"a":"\xff"}',
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "a trailing comma": b"[1,]",
    "two values": b"1 2",
    "nothing": b"",
    "half": b'{"a":',
    "too deep": b"[" * 20_000 + b"]" * 20_000,
    "too long": b'"' + b"a" * MAX_ENTRY_BYTES + b'"',
}


@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_this_spelling_is_refused(content: bytes) -> None:
    with pytest.raises(EntryError):
        decode(content)


VALUES = {
    "a float": 1.5,
    "2^53": 2**53,
    "bytes": b"a",
    "a set": {1},
    "a key that is a number": {1: 1},
    "a key outside ASCII": {"字": 1},
    "a lone surrogate": "\ud800",
    "a lone surrogate in a key": {"\ud800": 1},
    "deep in a list": [[[{"a": [2.0]}]]],
    "a string's relative": type("Text", (str,), {})("a"),
    "too long": "a" * MAX_ENTRY_BYTES,
    "too deep": None,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_this_value_has_no_canonical_form(value: JsonValue) -> None:
    if value is None:
        for _ in range(20_000):
            value = [value]

    with pytest.raises(EntryError):
        encode(value)


def test_errors_never_carry_the_value() -> None:
    with pytest.raises(EntryError) as caught:
        encode({"id": ["152921199001010018", 2**53]})

    assert "1529" not in str(caught.value)


def test_a_leaf_is_hashed_apart_from_inner_nodes() -> None:
    assert leaf_hash(b"") == sha256(b"\x00").digest()
    assert leaf_hash(b"x") == sha256(b"\x00x").digest()
