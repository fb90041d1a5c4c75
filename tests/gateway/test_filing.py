"""A list on its way in: what is counted, what is kept, and that nothing of a number stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cohorts import PORTION, Filing, Row
from gateway.deeds.errors import DeedError
from gateway.domain.cohort import leaf_of, root_of
from gateway.ports import Withheld
from gateway.seal import Sealer
from tests.fakes_audit import CountingEntropy
from tests.make import CATALOGUE, GENERATION, KEY, a_credit_code, a_grant, an_id, limits

SEALERS = {kind: Sealer(KEY, CATALOGUE, kind, GENERATION, CountingEntropy()) for kind in CATALOGUE.kinds}
SALT = b"s" * 16


@dataclass
class Links:
    """Seals whatever it is asked, or says why not."""

    cause: str = ""
    portions: list[int] = field(default_factory=list)

    def links(self, grant: str, numbers: Sequence[tuple[str, str]]) -> list[bytes] | Withheld:
        self.portions.append(len(numbers))
        return Withheld(self.cause) if self.cause else [SEALERS[kind].link(number) for kind, number in numbers]

    def close(self) -> None:
        """Has nothing open."""


def a_filing(links: Links | None = None, most: int = 1_000) -> Filing:
    grant = a_grant(**{"class": "closed", "limits": limits(month=most)})
    return Filing(grant=grant, catalogue=CATALOGUE, enlisting=links or Links())


def a_row(number: int = 1, salt: bytes = SALT) -> Row:
    return Row("person", an_id(number), salt)


MALFORMED: dict[str, Row | None] = {
    "what could not be read": None,
    "a wrong check digit": Row("person", an_id(1)[:17] + "0", SALT),
    "a kind nobody knows": Row("thing", an_id(1), SALT),
    "a number of another kind": Row("person", "150100000001", SALT),
    "nothing": Row("person", "", SALT),
    "a short salt": Row("person", an_id(1), SALT[1:]),
    "a long salt": Row("person", an_id(1), SALT + b"s"),
    "a very long number": Row("person", "1" * 400, SALT),
}


@pytest.mark.parametrize("row", MALFORMED.values(), ids=MALFORMED)
def test_malformed_rows_are_counted_and_never_sealed(row: Row | None) -> None:
    links = Links()
    filing = a_filing(links)

    filing.take([a_row(7), row, a_row(8)])
    filing.finish()

    assert (len(filing.leaves), filing.malformed, links.portions) == (2, 1, [2])


def test_numbers_are_read_in_their_one_form() -> None:
    filing = a_filing()
    filing.take([Row("person", f" {an_id(1).lower()}", SALT), Row("organisation", a_credit_code(7).lower(), SALT)])
    filing.finish()

    assert filing.leaves == {
        SEALERS["person"].link(an_id(1)): leaf_of(SALT, an_id(1)),
        SEALERS["organisation"].link(a_credit_code(7)): leaf_of(SALT, a_credit_code(7)),
    }


@given(st.lists(st.integers(1, 40), min_size=1, max_size=80))
def test_whoever_is_listed_twice_is_on_the_list_once_by_the_first_row(numbers: list[int]) -> None:
    filing, salts = a_filing(), dict[int, bytes]()
    rows = [a_row(number, place.to_bytes(16, "big")) for place, number in enumerate(numbers)]
    for place, number in enumerate(numbers):
        salts.setdefault(number, place.to_bytes(16, "big"))

    filing.take(rows)
    filing.finish()

    assert filing.malformed == len(numbers) - len(set(numbers))
    assert root_of(filing.leaves.values()) == root_of(leaf_of(salt, an_id(each)) for each, salt in salts.items())


def test_the_sealing_process_is_asked_in_portions() -> None:
    links = Links()
    filing = a_filing(links)
    for number in range(1, 2 * PORTION + 12):
        filing.take([a_row(number)])
    filing.finish()

    assert links.portions == [PORTION, PORTION, 11]


def test_a_list_longer_than_the_grant_has_subjects_is_refused() -> None:
    filing = a_filing(most=3)
    filing.take([a_row(number) for number in range(1, 5)])

    with pytest.raises(DeedError, match="3 个对象"):
        filing.finish()


def test_more_rows_than_any_list_has_are_refused_whatever_is_in_them() -> None:
    filing = a_filing()
    filing.take([None] * 200_000)

    with pytest.raises(DeedError, match="200000"):
        filing.take([None])


def test_a_list_of_nobody_is_none() -> None:
    filing = a_filing()
    filing.take([None])

    with pytest.raises(DeedError):
        filing.finish()


@pytest.mark.parametrize("cause", ["limit", "unknown_grant", "malformed", "protocol"])
def test_without_links_there_is_no_list(cause: str) -> None:
    filing = a_filing(Links(cause))
    filing.take([a_row()])

    with pytest.raises(DeedError):
        filing.finish()


def test_nothing_of_a_number_stays_and_nothing_is_shown() -> None:
    filing = a_filing()
    filing.take([a_row(number) for number in range(1, 6)])
    filing.finish()

    assert an_id(1) not in repr(filing)
    assert an_id(1).encode() not in b"".join([*filing.leaves, *filing.leaves.values()])
    assert filing._portion == []
