"""Rows of a list as anybody may send them: read a line at a time, and silent about what is in them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.office.cohort_rows import FORMS, LONGEST_LINE
from gateway.cohorts import Row
from gateway.domain.errors import InvalidQueryError
from tests.make import an_id

SALT = "0f" * 16
GOOD = Row("person", an_id(1), bytes.fromhex(SALT))
LINE = json.dumps({"kind": "person", "id": an_id(1), "salt": SALT})


def read(content: bytes, form: str = "application/jsonl", piece: int = 1 << 20) -> list[Row | None]:
    rows = FORMS[form]()
    told = [each for start in range(0, len(content), piece) for each in rows.feed(content[start : start + piece])]
    return told + rows.end()


def csv(*lines: str, head: str = "kind,id,salt") -> bytes:
    return "\n".join((head, *lines)).encode()


MALFORMED: dict[str, str] = {
    "no JSON": "{",
    "a list": '["person", "1", "2"]',
    "a number for an id": LINE.replace(f'"{an_id(1)}"', an_id(1)[:17]),
    "no salt": json.dumps({"kind": "person", "id": an_id(1)}),
    "a short salt": LINE.replace(SALT, SALT[2:]),
    "a long salt": LINE.replace(SALT, SALT + "00"),
    "a salt in capitals": LINE.replace(SALT, SALT.upper()),
    "a salt with blanks": LINE.replace(SALT, "0f " * 10 + "0f"),
    "a further member": LINE.replace("{", '{"name": "张伟", ', 1),
    "a long line": LINE.replace("person", "p" * LONGEST_LINE),
    "no text": LINE.replace("person", "\udcff"),
}


@pytest.mark.parametrize("line", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_is_counted_and_spoils_no_other(line: str) -> None:
    content = f"{LINE}\n{line}\n{LINE}\n".encode("utf-8", "surrogateescape")

    assert read(content) == [GOOD, None, GOOD]


ACCEPTED: dict[str, bytes] = {
    "as it is": f"{LINE}\n".encode(),
    "without an end": LINE.encode(),
    "with a byte order mark": b"\xef\xbb\xbf" + LINE.encode(),
    "with ends of lines as on Windows": f"{LINE}\r\n".encode(),
    "with blank lines": f"\n\r\n{LINE}\n \n".encode(),
}


@pytest.mark.parametrize("content", ACCEPTED.values(), ids=ACCEPTED)
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_what_programs_write_is_read_in_pieces_of_any_length(content: bytes, piece: int) -> None:
    assert read(content, piece=piece) == [GOOD]


CSV: dict[str, tuple[bytes, list[Row | None]]] = {
    "in order": (csv(f"person,{an_id(1)},{SALT}"), [GOOD]),
    "in another order": (csv(f"{SALT},person,{an_id(1)}", head="salt,kind,id"), [GOOD]),
    "quoted": (csv(f'"person","{an_id(1)}","{SALT}"'), [GOOD]),
    "with a byte order mark": (b"\xef\xbb\xbf" + csv(f"person, {an_id(1)} ,{SALT}"), [GOOD]),
    "with a further cell": (csv(f"person,{an_id(1)},{SALT},x"), [None]),
    "with a quote too many": (csv(f'person,"{an_id(1)},{SALT}'), [None]),
    "in another encoding": (csv() + "\n人员,1,2".encode("gb18030"), [None]),
    "the head alone": (csv(), []),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("content", "expected"), CSV.values(), ids=CSV)
def test_csv_is_read_by_its_first_line(content: bytes, expected: list[Row | None]) -> None:
    assert read(content, "text/csv") == expected
    assert read(content, "text/csv", piece=5) == expected


HEADS: dict[str, bytes] = {
    "no head": f"person,{an_id(1)},{SALT}".encode() + b"\n",
    "other columns": csv(f"person,{an_id(1)},{SALT}", head="类别,证号,盐"),
    "UTF-16": csv(f"person,{an_id(1)},{SALT}").decode().encode("utf-16"),
    "semicolons": csv(head="kind;id;salt") + b"\n",
    "a line without end": b"k" * 5000 + b"\n",
}


@pytest.mark.parametrize("content", HEADS.values(), ids=HEADS)
def test_a_file_without_its_columns_is_refused_without_a_word_of_it(content: bytes) -> None:
    with pytest.raises(InvalidQueryError) as refused:
        read(content, "text/csv")

    assert an_id(1) not in str(refused.value)


@given(st.binary(max_size=3000), st.integers(1, 600))
def test_any_bytes_in_any_pieces_are_read_alike(content: bytes, piece: int) -> None:
    assert read(content, piece=piece) == read(content)


def test_a_line_without_end_takes_no_room() -> None:
    rows = FORMS["application/jsonl"]()
    for _ in range(200):
        assert rows.feed(b"x" * 65_536) == []
    assert len(rows._lines._rest) <= LONGEST_LINE + 1
    assert rows.feed(f"\n{LINE}\n".encode()) == [None, GOOD]


def test_a_row_shows_nothing_of_itself() -> None:
    assert repr(GOOD) == "Row(***)"
