"""The list of a closed grant on the partner's side: the same numbers, leaves and roots as at the gateway."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidui_client import cohort
from bidui_client.cohort import Member
from bidui_client.errors import InvalidError
from gateway.domain.cohort import leaf_of, root_of
from policies.invalid import InvalidValueError
from tests.make import CATALOGUE, a_credit_code, an_id

MEMBERS = st.lists(st.tuples(st.integers(1, 400), st.binary(min_size=16, max_size=16)), min_size=1, max_size=40)


def members(*rows: tuple[int, bytes]) -> list[Member]:
    return [Member("person", an_id(number), salt) for number, salt in rows]


@given(MEMBERS, st.randoms(use_true_random=False))
def test_both_sides_come_to_the_same_root_in_any_order(rows: list[tuple[int, bytes]], dice: object) -> None:
    made = members(*rows)
    there = root_of(leaf_of(salt, an_id(number)) for number, salt in rows)
    dice.shuffle(made)  # type: ignore[attr-defined]  # a Random

    assert cohort.root_of(made) == there
    assert cohort.matches(made, there.upper())
    assert not cohort.matches([*made, Member("person", an_id(401), b"s" * 16)], there)


SPELT: dict[str, tuple[str, str]] = {
    "as it is": ("person", an_id(1)),
    "with blanks": ("person", f" {an_id(1)[:6]} {an_id(1)[6:]}\t"),
    "in full width": ("person", "".join(chr(ord(each) + 0xFEE0) for each in an_id(1))),
    "of 15 digits": ("person", an_id(1)[:6] + an_id(1)[8:17]),
    "with a wrong check digit": ("person", an_id(1)[:17] + ("1" if an_id(1)[17] != "1" else "2")),
    "of nobody's birthday": ("person", "15292119801301001X"),
    "too short": ("person", an_id(1)[:14]),
    "nothing": ("person", ""),
    "a credit code": ("organisation", a_credit_code(7)),
    "a credit code in small letters": ("organisation", "12345678mb0000000x"),
    "a wrong credit code": ("organisation", a_credit_code(7)[:17] + "Y"),
    "an organisation's own code": ("organisation", "150100000001a"),
    "of another kind": ("thing", an_id(1)),
}


def at_the_gateway(kind: str, raw: str) -> str | None:
    try:
        return CATALOGUE.identifier(kind, raw)
    except InvalidValueError:
        return None


def at_the_partner(kind: str, raw: str) -> str | None:
    try:
        return cohort.number_of(kind, raw)
    except InvalidError:
        return None


@pytest.mark.parametrize(("kind", "raw"), SPELT.values(), ids=SPELT)
def test_both_sides_read_a_number_alike(kind: str, raw: str) -> None:
    assert at_the_partner(kind, raw) == at_the_gateway(kind, raw)


@given(st.sampled_from(["person", "organisation"]), st.from_regex(r"[0-9A-Z]{12,18}", fullmatch=True))
def test_both_sides_read_anything_alike(kind: str, raw: str) -> None:
    assert at_the_partner(kind, raw) == at_the_gateway(kind, raw)


@given(st.integers(1, 100_000), st.integers(0, 17), st.sampled_from("0123456789X"))
def test_both_sides_find_the_same_slips(number: int, place: int, digit: str) -> None:
    slip = an_id(number)[:place] + digit + an_id(number)[place + 1 :]

    assert at_the_partner("person", slip) == at_the_gateway("person", slip)


def test_salts_are_drawn_for_each_and_kept_for_those_who_stay() -> None:
    first = cohort.draw([an_id(1), an_id(2), an_id(1)])
    second = cohort.draw([an_id(2), an_id(3)], keep=first)

    assert [each.number for each in first] == [an_id(1), an_id(2)]
    assert len({each.salt for each in (*first, *second)}) == 3
    assert second[0] == first[1]
    assert all(len(each.salt) == 16 for each in first)


def test_a_wrong_number_is_told_by_its_row_alone() -> None:
    wrong = an_id(2)[:16] + "00"
    with pytest.raises(InvalidError, match="row 2") as refused:
        cohort.draw([an_id(1), wrong])

    assert wrong not in str(refused.value)


def test_salts_are_written_for_their_owner_and_never_over_others(tmp_path: Path) -> None:
    path, drawn = tmp_path / "salts.csv", cohort.draw([an_id(1), an_id(2)])
    cohort.write_salts(path, drawn)

    assert cohort.read_salts(path) == drawn
    assert b"".join(cohort.filed(drawn)) == path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(InvalidError):
        cohort.write_salts(path, drawn)
    assert an_id(1) not in repr(drawn)


LISTS: dict[str, tuple[bytes, int]] = {
    "one a line": (f"{an_id(1)}\n{an_id(2)}\n".encode(), 2),
    "with a byte order mark": (b"\xef\xbb\xbf" + an_id(1).encode(), 1),
    "a column called id": (f"name,id\n张三,{an_id(1)}\n李四,{an_id(2)}\n".encode(), 2),
    "a column called 身份证号": (f"身份证号\r\n{an_id(1)}\r\n".encode(), 1),
}


@pytest.mark.parametrize(("content", "count"), LISTS.values(), ids=LISTS)
def test_lists_are_read_as_offices_write_them(tmp_path: Path, content: bytes, count: int) -> None:
    (tmp_path / "list.csv").write_bytes(content)

    assert cohort.read_numbers(tmp_path / "list.csv") == [an_id(n) for n in range(1, count + 1)]


NO_LISTS: dict[str, bytes] = {
    "nothing": b"",
    "another encoding": "身份证号\n".encode("gb18030"),
    "two columns without a head": f"张三,{an_id(1)}\n".encode(),
    "two columns called id": b"id,id\n1,2\n",
}


@pytest.mark.parametrize("content", NO_LISTS.values(), ids=NO_LISTS)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.csv").write_bytes(content)

    with pytest.raises(InvalidError):
        cohort.read_numbers(tmp_path / "list.csv")


NO_SALTS: dict[str, str] = {
    "no head": f"person,{an_id(1)},{'0' * 32}",
    "a short salt": f"kind,id,salt\nperson,{an_id(1)},{'0' * 30}",
    "a wrong number": f"kind,id,salt\nperson,{an_id(1)[:17]},{'0' * 32}",
    "somebody twice": f"kind,id,salt\nperson,{an_id(1)},{'0' * 32}\nperson,{an_id(1)},{'1' * 32}",
    "nobody": "kind,id,salt\n",
}


@pytest.mark.parametrize("text", NO_SALTS.values(), ids=NO_SALTS)
def test_what_is_no_file_of_salts_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "salts.csv").write_text(text)

    with pytest.raises(InvalidError) as refused:
        cohort.read_salts(tmp_path / "salts.csv")
    assert an_id(1)[:17] not in str(refused.value)
