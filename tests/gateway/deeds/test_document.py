"""What people sign is one object in one spelling, bound to its installation and to the version before."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import JsonValue
from gateway.deeds.document import MAX_ID, MAX_SERIAL, Document, Kind, digest, read_document
from gateway.deeds.errors import DeedError
from tests.people import LOG, a_document

GOOD = a_document(Kind.PARTNER, "hr", {"zh": "人社局", "list": [1, True, None, "x"]})
LATER = replace(GOOD, serial=2, previous="0" * 64)

TEXTS, NAMES = st.text(max_size=20), st.text("abc_/.", max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.builds(
    Document,
    log=TEXTS,
    kind=st.sampled_from(Kind),
    id=st.from_regex(r"[\w〔〕()（）.\-]{1,64}", fullmatch=True),
    serial=st.just(1),
    previous=st.none(),
    path=TEXTS,
    author=TEXTS,
    reason=TEXTS,
    content=st.dictionaries(NAMES, VALUES, max_size=5),
)


@given(DOCUMENTS)
def test_what_is_written_is_read_as_it_was(document: Document) -> None:
    assert read_document(document.encode()) == document


@given(DOCUMENTS, DOCUMENTS)
def test_two_documents_never_share_a_digest(one: Document, other: Document) -> None:
    assert (digest(one.encode()) == digest(other.encode())) == (one == other)


def test_a_digest_is_the_sha256_of_what_is_signed() -> None:
    assert digest(GOOD.encode()) == sha256(GOOD.encode()).hexdigest()
    assert GOOD.encode().startswith(b'{"author":"author","content":')


def test_a_later_version_names_the_one_before() -> None:
    assert read_document(LATER.encode()) == LATER


WRITTEN = GOOD.encode()
REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"deed",
    "no UTF-8": b'{"v":"\xff"}',
    "a list": b"[]",
    "an empty object": b"{}",
    "a blank": WRITTEN.replace(b":", b": ", 1),
    "a line end": WRITTEN + b"\n",
    "another order": b'{"v":1,' + WRITTEN[1:].replace(b',"v":1', b""),
    "a member twice": WRITTEN.replace(b'"v":1', b'"v":1,"v":1'),
    "a member more": WRITTEN.replace(b'"v":1', b'"v":1,"w":1'),
    "a member less": WRITTEN.replace(b'"reason":"",', b""),
    "another version": WRITTEN.replace(b'"v":1', b'"v":2'),
    "a version that is true": WRITTEN.replace(b'"v":1', b'"v":true'),
    "a kind nobody knows": WRITTEN.replace(b'"partner"', b'"wish"'),
    "a kind in capitals": WRITTEN.replace(b'"partner"', b'"Partner"'),
    "a log that is a number": WRITTEN.replace(f'"{LOG}"'.encode(), b"1"),
    "no id": WRITTEN.replace(b'"hr"', b'""'),
    "an id that is too long": WRITTEN.replace(b'"hr"', b'"%b"' % (b"x" * (MAX_ID + 1))),
    "an id with a blank": WRITTEN.replace(b'"hr"', b'"h r"'),
    "an id with a slash": WRITTEN.replace(b'"hr"', b'"h/r"'),
    "an id with a line end": WRITTEN.replace(b'"hr"', b'"hr\\n"'),
    "content that is a list": WRITTEN.replace(b'"content":{', b'"content":[{').replace(b'},"id"', b'}],"id"'),
    "a serial of 0": WRITTEN.replace(b'"serial":1', b'"serial":0'),
    "a serial below 0": WRITTEN.replace(b'"serial":1', b'"serial":-1'),
    "a serial that is true": WRITTEN.replace(b'"serial":1', b'"serial":true'),
    "a serial that is a text": WRITTEN.replace(b'"serial":1', b'"serial":"1"'),
    "a serial beyond all serials": LATER.encode().replace(b'"serial":2', b'"serial":%d' % (MAX_SERIAL + 1)),
    "a first version that follows something": WRITTEN.replace(b'"previous":null', b'"previous":"%b"' % (b"0" * 64)),
    "a first version that follows a number": WRITTEN.replace(b'"previous":null', b'"previous":5'),
    "a second version that follows nothing": LATER.encode().replace(b'"%b"' % (b"0" * 64), b"null"),
    "a second version that follows no digest": LATER.encode().replace(b"0" * 64, b"0" * 63),
    "a digest in capitals": LATER.encode().replace(b"0" * 64, b"A" * 64),
}


@pytest.mark.parametrize("encoded", REFUSED.values(), ids=REFUSED)
def test_nothing_else_is_a_document(encoded: bytes) -> None:
    assert encoded != WRITTEN

    with pytest.raises(DeedError):
        read_document(encoded)


UNSIGNABLE: dict[str, object] = {
    "a number with a point": 0.5,
    "a number beyond all JSON": 2**60,
    "half a character": "\ud800",
    "a member's name in Chinese": {"单位": 1},
}


@pytest.mark.parametrize("value", UNSIGNABLE.values(), ids=UNSIGNABLE)
def test_what_has_no_one_spelling_cannot_be_signed(value: object) -> None:
    with pytest.raises(DeedError):
        replace(GOOD, content={"value": cast("JsonValue", value)}).encode()


@given(st.integers(0, len(WRITTEN) * 8 - 1))
def test_a_flipped_bit_is_another_document_or_none(bit: int) -> None:
    flipped = bytearray(WRITTEN)
    flipped[bit // 8] ^= 1 << bit % 8
    assert digest(bytes(flipped)) != digest(WRITTEN)

    try:
        read = read_document(bytes(flipped))
    except DeedError:
        return
    assert read != GOOD
    assert read.encode() == bytes(flipped)
