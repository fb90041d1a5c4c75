"""Searching: from the end to the beginning, a stretch at a time, until the page is full or the time is up."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import encode, leaf_hash
from audit.tallies import Counts
from audit.tokens import Tokens
from gateway.trail import searching
from gateway.trail.asking import Filter, choices_of
from gateway.trail.opening import Opener
from gateway.trail.ports import Choice, Cursor, Span, Stored
from gateway.trail.searching import Page, Searcher, Wanted
from gateway.trail.words import number_of
from tests.fakes_audit import MemoryKeys
from tests.gateway.trail.keys import FixedKeys


@dataclass
class MemoryTrail:
    """Keeps the promise of `TrailReader` for entries of which each says one partner."""

    partners: Sequence[str]
    gone: frozenset[int] = frozenset()
    asked: list[Span] = field(default_factory=list)

    def cursor(self) -> Cursor:
        return Cursor(1, len(self.partners), 0)

    def count(self, choice: Choice, span: Span, most: int) -> int:
        return min(most, len(self._fitting([choice], (), span)))

    def find(self, choices: Sequence[Choice], without: Sequence[int], span: Span, limit: int) -> Sequence[int]:
        self.asked.append(span)
        return self._fitting(choices, without, span)[:limit]

    def stored(self, indices: Sequence[int]) -> Sequence[Stored]:
        entries = {index: encode({"partner": self.partners[index], "seq": index, "type": "t"}) for index in indices}
        return [Stored(at, each, leaf_hash(each), b"") for at, each in entries.items() if at not in self.gone]

    def kept(self, span: Span) -> tuple[Sequence[tuple[int, int]], Sequence[tuple[bytes, int]]]:
        return [], []

    def hours(self, first: int, end: int) -> Counts:
        return {}

    def totals(self, first: int, end: int, without: Collection[str]) -> Counts:
        return {}

    def views(self, account: str) -> Mapping[str, bytes]:
        return {}

    def _fitting(self, choices: Sequence[Choice], without: Sequence[int], span: Span) -> list[int]:
        numbers = [number_of("partner", each) for each in self.partners]
        indices = range(min(span.end, len(numbers)) - 1, span.first - 1, -1)
        return [n for n in indices if all(numbers[n] in each.words for each in choices) and numbers[n] not in without]


def a_searcher(trail: MemoryTrail, seconds: float = 0.0, floor: int = 0) -> Searcher:
    clock = count(0.0, seconds)
    opener = Opener(MemoryKeys(), Tokens(FixedKeys()))
    return Searcher(reader=trail, opener=opener, floor=lambda: floor, seconds=lambda: next(clock), max_seconds=10.0)


def wanted(*partners: str, without: Sequence[str] = ()) -> Wanted:
    words = {"partner": partners} if partners else {}
    hidden = frozenset(("partner", each) for each in without)
    return Wanted(
        choices=tuple(choices_of(words)),
        filter=Filter(words=words),
        without=hidden,
        hidden=tuple(number_of(*each) for each in hidden),
    )


def indices(page: Page) -> list[int]:
    return [hit.index for hit in page.hits]


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "STRETCH", 4)
    monkeypatch.setattr(searching, "COUNTED", 3)


PARTNERS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=60)


@given(PARTNERS, st.lists(st.sampled_from(["a", "b", "c"]), max_size=2), st.booleans(), st.integers(1, 7))
def test_pages_are_everything_that_fits_once_and_in_order(
    partners: list[str], asked: list[str], hides: bool, limit: int
) -> None:
    searcher = a_searcher(MemoryTrail(partners))
    search = wanted(*asked, without=["c"] if hides else [])
    found, end, pages = list[int](), len(partners), 0
    while True:
        page = searcher.search(search, Span(0, end), limit)
        assert len(page.hits) <= limit
        found, pages = found + indices(page), pages + 1
        if page.next is None:
            break
        end = page.next

    shown = {"a", "b"} if hides else {"a", "b", "c"}
    fit = [n for n, each in enumerate(partners) if each in (asked or shown) and each in shown]
    assert found == sorted(fit, reverse=True)
    assert pages <= len(found) // limit + 1


def test_a_search_stops_when_its_time_is_up_and_says_where_to_go_on() -> None:
    trail = MemoryTrail(["a"] + ["b"] * 40)
    searcher = a_searcher(trail, seconds=11.0)

    page = searcher.search(wanted("a"), Span(0, 41), 5)

    assert (indices(page), page.is_cut, page.next) == ([], True, 37)
    assert searcher.search(wanted("a"), Span(0, 1), 5).next is None


def test_what_fits_nothing_is_not_looked_for_entry_by_entry() -> None:
    trail = MemoryTrail(["b"] * 40)

    page = a_searcher(trail).search(
        Wanted(choices=(*wanted("b").choices, *wanted("a").choices), filter=Filter()), Span(0, 40), 5
    )

    assert (page.hits, page.next, trail.asked) == ((), None, [])


@pytest.mark.parametrize(("first", "then"), [("a", "b"), ("b", "a")])
def test_the_condition_that_the_fewest_fit_leads(first: str, then: str) -> None:
    trail = MemoryTrail(["a"] * 3 + ["b"] * 20)
    choices = [wanted(each, "c").choices[0] for each in (first, then)]

    ordered = a_searcher(trail)._rarest_first(choices, Span(0, 23))

    assert ordered[0] == wanted("a", "c").choices[0]


def test_what_is_missing_differs_unless_it_was_archived() -> None:
    trail = MemoryTrail(["a"] * 6, gone=frozenset({1, 4}))

    page = a_searcher(trail, floor=2).search(wanted("a"), Span(0, 6), 9)

    assert (indices(page), page.differs, page.archived) == ([5, 3, 2, 0], (4,), (1,))
