"""Deeds of cohorts: which list may follow which, signed by whom, and held against what is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.deeds.cohorts import (
    Cohort,
    KeptList,
    check_cohort,
    check_kept,
    closed_grant,
    cohort_in_force,
    differences,
    proposed,
    read_cohort,
)
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.standing import Standing
from gateway.deeds.steps import ADDITION, USUAL, path_of
from gateway.domain.cohort import leaf_of, pack, pack_leaves, root_of
from gateway.domain.grant import Grant
from gateway.domain.people import Duty
from tests.fakes_cohorts import MemoryCohorts
from tests.make import a_grant, limits
from tests.people import FOUNDATION, SIGNED_AT, a_document, granted, people, signed_by

JUNE, JULY = datetime(2026, 6, 30, 2, tzinfo=UTC), datetime(2026, 7, 1, 2, tzinfo=UTC)
CLOSED = a_grant(**{"class": "closed", "additions_per_month": 3, "limits": limits(day=50, month=50)})


def a_list(numbers: Iterable[int], grant: str = "G-1") -> KeptList:
    """The list of these subjects, their links and leaves made up."""
    named = sorted(set(numbers))
    leaves = [leaf_of(b"s" * 16, str(each)) for each in named]
    links = pack(each.to_bytes(16, "big") for each in named)
    return KeptList(grant=grant, root=root_of(leaves), leaves=pack_leaves(leaves), links=links, filed=0)


@dataclass
class Place:
    """Deeds in force and lists kept, as they follow from each other."""

    grant: Grant = CLOSED
    standing: Standing = field(default_factory=lambda: Standing(FOUNDATION))
    lists: MemoryCohorts = field(default_factory=MemoryCohorts)

    def __post_init__(self) -> None:
        for deed in (*people(), granted(self.grant)):
            self.standing.add(deed, SIGNED_AT)

    def filed(self, *numbers: int, at: datetime = JUNE) -> dict[str, Cohort]:
        """What deeds this list could come into force by."""
        kept, before = a_list(numbers), cohort_in_force(self.standing, "G-1")
        self.lists.put(kept)
        return dict(proposed(self.grant, before, kept, differences(before, self.lists, kept.links), at))

    def document(self, cohort: Cohort, path: str = USUAL, **changes: Any) -> Document:
        deed = self.standing.deed(Kind.COHORT, "G-1")
        members: dict[str, Any] = {"serial": 1, "previous": None, "path": path}
        if deed is not None:
            members |= {"serial": deed.document.serial + 1, "previous": deed.digest}
        return a_document(Kind.COHORT, "G-1", cohort.content(), **(members | changes))

    def sign(self, cohort: Cohort, path: str = USUAL, at: datetime = JUNE) -> None:
        """Brings it into force."""
        document = self.document(cohort, path)
        self.check(document, at)
        self.standing.add(signed_by(document, "hr-head", *(["reviewer"] if path == USUAL else []), at=at), at)

    def check(self, document: Document, at: datetime = JUNE) -> None:
        check_cohort(document, self.standing)
        check_kept(document, self.standing, self.lists, at)


def test_the_first_list_takes_two_signatures() -> None:
    place = Place()
    filed = place.filed(1, 2, 3)

    assert set(filed) == {USUAL}
    assert (filed[USUAL].count, filed[USUAL].added, filed[USUAL].removed) == (3, 3, 0)
    place.sign(filed[USUAL])
    assert cohort_in_force(place.standing, "G-1") == filed[USUAL]
    assert [step.duties for step in path_of(Kind.COHORT, USUAL)] == [{Duty.CLERK, Duty.HEAD}, {Duty.REVIEWER}]
    assert [step.duties for step in path_of(Kind.COHORT, ADDITION)] == [{Duty.HEAD}]


def test_additions_within_the_grants_own_number_take_the_heads_signature_alone() -> None:
    place = Place()
    place.sign(place.filed(1, 2)[USUAL])

    for numbers, counted in (((1, 2, 3), 1), ((1, 2, 3, 4, 5), 3)):
        filed = place.filed(*numbers)[ADDITION]
        assert (filed.month, filed.month_added) == ("2026-06", counted)
        place.sign(filed, ADDITION)

    assert set(place.filed(1, 2, 3, 4, 5, 6)) == {USUAL}
    assert set(place.filed(1, 2, 3, 4, 5, 6, at=JULY)) == {USUAL, ADDITION}


def test_a_list_that_a_reviewer_signs_uses_up_no_additions() -> None:
    place = Place()
    place.sign(place.filed(1, 2)[USUAL])
    place.sign(place.filed(1, 2, 3, 4)[ADDITION], ADDITION)
    place.sign(place.filed(*range(1, 20))[USUAL])

    assert place.filed(*range(1, 21))[ADDITION].month_added == 3
    assert set(place.filed(*range(1, 22))) == {USUAL}


def test_whoever_is_taken_off_takes_two_signatures() -> None:
    place = Place()
    place.sign(place.filed(1, 2, 3)[USUAL])
    filed = place.filed(1, 2, 4)

    assert set(filed) == {USUAL}
    assert (filed[USUAL].added, filed[USUAL].removed) == (1, 1)


def test_a_grant_without_additions_has_none() -> None:
    place = Place(a_grant(**{"class": "closed"}))
    place.sign(place.filed(1, 2)[USUAL])

    assert set(place.filed(1, 2, 3)) == {USUAL}


WRONG: dict[str, dict[str, object]] = {
    "more than the grant may ask about": {"count": 51, "added": 49},
    "a count that does not follow": {"count": 9},
    "more added than there are": {"added": 2, "count": 4},
    "another partner": {"partner": "tax"},
    "another grant": {"grant": "G-2"},
    "a root that is none": {"root": "a" * 63},
    "digits in capitals": {"members": "A" * 64},
    "nobody": {"count": 0, "added": 0, "removed": 2},
    "additions that were not counted": {"month": "2026-06", "month_added": 1},
    "a month that is none": {"month": "June"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_deed_that_says_another_thing_than_filing_gave_is_refused(changes: dict[str, object]) -> None:
    place = Place()
    place.sign(place.filed(1, 2)[USUAL])
    good = place.filed(1, 2, 3)[USUAL]
    place.check(place.document(good))

    with pytest.raises(DeedError):
        place.check(place.document(replace(good, **changes)))


ADDITIONS: dict[str, dict[str, object]] = {
    "not counted on": {"month_added": 0},
    "more than the month allows": {"month_added": 4, "added": 4, "count": 6},
    "of the month before": {"month": "2026-05"},
    "of the month after": {"month": "2026-07"},
    "with somebody removed": {"added": 2, "removed": 1, "month_added": 2},
    "of nobody": {"added": 0, "count": 2, "month_added": 0},
}


@pytest.mark.parametrize("changes", ADDITIONS.values(), ids=ADDITIONS)
def test_the_head_alone_adds_nothing_but_what_the_grant_allows(changes: dict[str, object]) -> None:
    place = Place()
    place.sign(place.filed(1, 2)[USUAL])
    good = place.filed(1, 2, 3)[ADDITION]
    place.check(place.document(good, ADDITION))

    with pytest.raises(DeedError):
        place.check(place.document(replace(good, **changes), ADDITION))


def test_a_first_list_is_no_addition() -> None:
    place = Place()
    filed = replace(place.filed(1, 2)[USUAL], month="2026-06", month_added=2)

    with pytest.raises(DeedError):
        place.check(place.document(filed, ADDITION))


def test_a_month_that_is_over_is_not_gone_back_to() -> None:
    place = Place()
    place.sign(place.filed(1, 2)[USUAL])
    place.sign(place.filed(1, 2, 3, at=JULY)[ADDITION], ADDITION, JULY)

    with pytest.raises(DeedError):
        place.check(place.document(place.filed(1, 2, 3, 4, at=JUNE)[ADDITION], ADDITION), JUNE)


GRANTS: dict[str, Grant] = {
    "of another class": a_grant(),
    "of another partner": a_grant(**{"class": "closed", "partner": "tax"}),
    "of another number": a_grant(**{"class": "closed", "number": "G-2"}),
}


@pytest.mark.parametrize("grant", GRANTS.values(), ids=GRANTS)
def test_only_a_closed_grant_of_ones_own_has_a_list(grant: Grant) -> None:
    place = Place(grant)

    with pytest.raises(DeedError) as refused:
        closed_grant(place.standing, "G-1", "hr")
    assert str(refused.value) == "本部门没有此编号的生效签批单，或其 class 不是 closed，请核对编号"


TAMPERED: dict[str, Any] = {
    "a member more": lambda kept: replace(kept, links=kept.links + b"\xff" * 16),
    "a member less": lambda kept: replace(kept, links=kept.links[16:]),
    "another member": lambda kept: replace(kept, links=b"\0" * 16 + kept.links[16:]),
    "another order": lambda kept: replace(kept, links=kept.links[16:] + kept.links[:16]),
    "another leaf": lambda kept: replace(kept, leaves=b"\0" * 32 + kept.leaves[32:]),
    "a leaf cut off": lambda kept: replace(kept, leaves=kept.leaves[:-1]),
    "no leaves": lambda kept: replace(kept, leaves=b""),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_a_list_that_was_altered_since_it_was_filed_does_not_come_into_force(change: Any) -> None:
    place = Place()
    document = place.document(place.filed(1, 2, 3)[USUAL])
    place.check(document)

    kept = next(iter(place.lists.lists.values()))
    place.lists.put(change(kept))
    with pytest.raises(DeedError):
        place.check(document)
    place.lists.remove("G-1", kept.root)
    with pytest.raises(DeedError):
        place.check(document)


@given(st.sets(st.integers(0, 60), min_size=1, max_size=50), st.sets(st.integers(0, 60)))
def test_differences_are_those_of_sets(old: set[int], new: set[int]) -> None:
    place = Place()
    place.sign(place.filed(*old)[USUAL])

    before = cohort_in_force(place.standing, "G-1")
    assert differences(before, place.lists, a_list(new).links) == (len(new - old), len(old - new))


def test_of_a_list_that_was_altered_nobody_stays() -> None:
    place = Place()
    place.sign(place.filed(1, 2, 3)[USUAL])
    kept = next(iter(place.lists.lists.values()))
    place.lists.put(replace(kept, links=kept.links[16:]))

    filed = place.filed(1, 2, 3, 4)
    assert set(filed) == {USUAL}
    assert (filed[USUAL].added, filed[USUAL].removed) == (4, 3)
    place.sign(filed[USUAL])


def test_what_is_signed_is_read_back_as_it_was() -> None:
    filed = Place().filed(1, 2)[USUAL]

    assert read_cohort(a_document(Kind.COHORT, "G-1", filed.content())) == filed
