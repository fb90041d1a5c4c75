"""Keys of a month: of the right length, remembered for so many people and no more, and told apart from other months."""

from __future__ import annotations

import pytest

from audit import data_keys
from audit.data_keys import HALF_BYTES, OPERATOR, MonthKeys
from audit.disclosure import unseal
from audit.errors import DisclosureError
from audit.packing import Sealed
from audit.puncture import Tree, month_number
from tests.fakes_audit import MemoryKeys, a_point

MONTH = "2025-01"
HALF = bytes(range(HALF_BYTES))


def keys(asked: list[str]) -> MonthKeys:
    """The keys of a month; `asked` gathers for whom a point was derived."""

    def point(kind: str, number: str) -> bytes:
        asked.append(number)
        return a_point(kind, number)

    return MonthKeys(MONTH, HALF, Tree.grown(bytes(32)), point)


@pytest.mark.parametrize("half", [b"", HALF[:-1], HALF + b"\0"], ids=["none", "short", "long"])
def test_a_half_of_another_length_is_no_half(half: bytes) -> None:
    with pytest.raises(DisclosureError, match="32 bytes"):
        MonthKeys(MONTH, half, Tree.grown(bytes(32)), a_point)


def test_somebody_who_is_asked_about_again_is_remembered_until_too_many_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_keys, "_HELD", 2)
    asked: list[str] = []
    month = keys(asked)

    first = month.person(("person", "1"))[0]
    for number in ("1", "2", "1", "3", "1"):
        month.person(("person", number))

    assert asked == ["1", "2", "3", "1"]
    assert month.person(("person", "1"))[0] == first


def test_operators_are_kept_apart_so_that_they_are_never_forgotten() -> None:
    asked: list[str] = []
    month = keys(asked)

    assert month.person((OPERATOR, "wang")) is month.person((OPERATOR, "wang"))
    assert asked == ["wang"]
    assert repr(month) == "MonthKeys('2025-01', ***)"


def test_whoever_was_destroyed_is_not_written_about() -> None:
    gone = Tree.grown(bytes(32)).without(a_point("person", "1"), month_number("2025-02"))
    month = MonthKeys(MONTH, HALF, gone, a_point)

    with pytest.raises(DisclosureError, match="were destroyed"):
        month.person(("person", "1"))
    assert month.cipher(a_point("person", "1")) is None
    assert not month.is_left(a_point("person", "1"))
    assert month.is_left(a_point("person", "2"))


def test_a_frame_of_a_label_that_nobody_writes_is_not_opened() -> None:
    held = MemoryKeys()
    held.current(MONTH)

    with pytest.raises(DisclosureError, match="unknown label"):
        unseal("id", Sealed("never", 0, MONTH, bytes(60)), held)
    assert unseal("id", Sealed("never", 0, "2024-12", bytes(60)), held) is None
