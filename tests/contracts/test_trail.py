"""The promises of the search's tables, kept alike by SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.pruning import PruningStore
from adapters.sql.store import SqlStore
from adapters.sql.trail_reader import SqlTrailReader
from audit.events import Draft
from audit.ledger import Ledger
from audit.tallies import Count, Place, recount
from audit.tokens import Point, Tokens
from gateway.trail.indexing import Indexer, forget
from gateway.trail.opening import Opener
from gateway.trail.ports import Choice, Cursor, Span
from gateway.trail.rebuilding import differing_entries
from gateway.trail.words import FORM, OPERATOR, SUBJECT, number_of
from tests.audit.make import a_ledger, a_refusal, an_answer
from tests.fakes_audit import MemoryKeys, a_point
from tests.gateway.trail.keys import FixedKeys
from tests.gateways import open_store
from tests.make import NOW

EVERYTHING = Span(0, 1 << 40)


class FixedTokens(Tokens):
    """Tokens of the points that disclosures have in tests."""

    def point(self, kind: str, number: str) -> Point:
        return Point(a_point(kind, number))


TOKENS = FixedTokens(FixedKeys())


@dataclass
class Trail:
    """One database, written and read."""

    store: SqlStore
    reader: SqlTrailReader
    log: SqlLedgerReader
    keys: MemoryKeys
    ledger: Ledger

    def add(self, words: Sequence[tuple[int, int]], tokens: Sequence[tuple[bytes, int]] = (), upto: int = 0) -> None:
        with self.store.begin() as work:
            work.trail.add(sorted(words), sorted(tokens), work.trail.cursor()._replace(upto=upto))
            work.commit()

    def clear(self) -> None:
        with self.store.begin() as work:
            work.trail.clear(work.trail.cursor()._replace(upto=0))
            work.commit()

    def find(
        self, *choices: Choice, without: Sequence[int] = (), span: Span = EVERYTHING, limit: int = 99
    ) -> list[int]:
        return list(self.reader.find(choices, without, span, limit))

    def indexer(self, rest: Callable[[], None] = lambda: None) -> Indexer:
        opener = Opener(self.keys, TOKENS)
        return Indexer(
            ledger=self.log,
            reader=self.reader,
            store=self.store,
            opener=opener,
            seconds=lambda: 0.0,
            rest=rest,
            portion=3,
        )

    def record(self, *drafts: Draft) -> None:
        with self.store.begin() as work:
            self.ledger.append(work.ledger, drafts, NOW)
            work.commit()

    def close(self) -> None:
        for each in (self.store, self.reader, self.log):
            each.close()


@pytest.fixture
def trail(engine_url: str) -> Iterator[Trail]:
    store = open_store(engine_url)
    reader, log, keys = SqlTrailReader.open(engine_url), SqlLedgerReader.open(engine_url), MemoryKeys()
    made = Trail(store, reader, log, keys, a_ledger(keys=keys))
    with closing(made):
        yield made


# ---------------------------------------------------------------------------------------- the index


def test_an_index_begins_at_the_beginning(trail: Trail) -> None:
    assert trail.reader.cursor() == Cursor(FORM, 0, 0)
    with trail.store.begin() as work:
        assert work.trail.cursor() == Cursor(FORM, 0, 0)


def test_what_was_not_committed_never_was(trail: Trail) -> None:
    with trail.store.begin() as work:
        work.trail.add([(1, 1)], [], work.trail.cursor()._replace(upto=2))

    assert trail.reader.cursor().upto == 0
    assert trail.find(Choice(words=(1,))) == []


def test_what_is_there_stays_as_it_is(trail: Trail) -> None:
    for _ in range(2):
        trail.add([(1, 1), (1, 2)], [(b"t" * 16, 1)], upto=3)

    assert trail.find(Choice(words=(1,))) == [2, 1]
    assert trail.find(Choice(tokens=(b"t" * 16,))) == [1]
    assert trail.reader.cursor().upto == 3


WORDS = st.sampled_from([-(1 << 63), -5, 0, 7, (1 << 63) - 1])
CHOICES = st.lists(st.lists(WORDS, min_size=1, max_size=3, unique=True), min_size=1, max_size=3)


@dataclass(frozen=True)
class Searched:
    """Entries with their words, and a search over them."""

    entries: dict[int, set[int]]
    choices: list[list[int]]
    without: list[int]
    span: Span
    limit: int

    def fit(self) -> list[int]:
        """Those that fit, found by looking at each."""
        return [index for index, words in self.entries.items() if self._fits(index, words)]

    def _fits(self, index: int, words: set[int]) -> bool:
        has_all = all(words & set(each) for each in self.choices)
        return has_all and not words & set(self.without) and self.span.first <= index < self.span.end


SEARCHED = st.builds(
    Searched,
    entries=st.dictionaries(st.integers(0, 40), st.sets(WORDS), max_size=30),
    choices=CHOICES,
    without=st.lists(WORDS, max_size=2),
    span=st.builds(Span, st.integers(0, 40), st.integers(0, 45)),
    limit=st.integers(1, 9),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEARCHED)
def test_what_is_found_is_what_fits(trail: Trail, searched: Searched) -> None:
    trail.clear()
    trail.add([(word, index) for index, words in searched.entries.items() for word in words])
    choices = [Choice(words=tuple(each)) for each in searched.choices]

    found = trail.find(*choices, without=searched.without, span=searched.span, limit=searched.limit)

    assert found == sorted(searched.fit(), reverse=True)[: searched.limit]
    within = [words for index, words in searched.entries.items() if searched.span.first <= index < searched.span.end]
    first = set(searched.choices[0])
    assert trail.reader.count(choices[0], searched.span, 1000) == sum(len(words & first) for words in within)


def test_counting_ends_at_the_most(trail: Trail) -> None:
    trail.add([(1, index) for index in range(20)])

    assert trail.reader.count(Choice(words=(1,)), EVERYTHING, 7) == 7


def test_words_and_tokens_are_found_together(trail: Trail) -> None:
    trail.add([(1, 1), (1, 2), (2, 2), (1, 3)], [(b"a" * 16, 2), (b"b" * 16, 3), (b"b" * 16, 4)])
    either = Choice(tokens=(b"a" * 16, b"b" * 16))

    assert trail.find(either, Choice(words=(1,))) == [3, 2]
    assert trail.find(Choice(words=(1,)), either) == [3, 2]
    assert trail.find(either, Choice(words=(1,)), without=[2]) == [3]


# ---------------------------------------------------------------------------------------- the indexer


def found_by(trail: Trail, field: str, kind: str, value: str) -> list[int]:
    return trail.find(Choice(tokens=tuple(TOKENS.everywhere(field, TOKENS.point(kind, value).text))))


def test_entries_are_found_by_what_they_say_and_hide(trail: Trail) -> None:
    trail.record(an_answer("payroll", "1" * 18), an_answer("pension", "2" * 18), a_refusal("payroll"), an_answer())
    trail.indexer().catch_up()

    assert trail.reader.cursor().upto == trail.log.head().size == 5
    assert trail.find(Choice(words=(number_of("partner", "payroll"),))) == [4, 3, 1]
    assert trail.find(Choice(words=(number_of("reason", "held"),))) == [3]
    assert found_by(trail, SUBJECT, "person", "1" * 18) == [1]
    assert found_by(trail, SUBJECT, "organisation", "1" * 18) == []
    assert found_by(trail, OPERATOR, OPERATOR, "person:li-na-0007") == [4, 3, 2, 1]


def test_two_indexers_at_once_end_with_one_index(trail: Trail) -> None:
    trail.record(*(an_answer() for _ in range(9)))
    other = trail.indexer()

    def rest() -> None:
        other.catch_up()

    trail.indexer(rest).catch_up()

    assert trail.reader.cursor().upto == 10
    assert trail.find(Choice(words=(number_of("type", "comparison.answered"),))) == list(range(9, 0, -1))


class KilledError(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("at", range(5))
def test_an_indexer_killed_at_any_point_is_gone_on_from(trail: Trail, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trail.record(*(an_answer() for _ in range(7)))
    calls = iter(range(100))

    def dying(act: Callable[..., object]) -> Callable[..., object]:
        def done(*given: object, **named: object) -> object:
            if next(calls) == at:
                raise KilledError
            return act(*given, **named)

        return done

    with trail.store.begin() as work:
        for part, name in ((work.trail, "add"), (work.trail, "cursor"), (work, "commit")):
            monkeypatch.setattr(part, name, dying(getattr(part, name)))
    with pytest.raises(KilledError):
        trail.indexer().catch_up()
    monkeypatch.undo()

    trail.indexer().catch_up()

    assert trail.find(Choice(words=(number_of("type", "comparison.answered"),))) == list(range(7, 0, -1))
    assert len(trail.reader.kept(EVERYTHING)[1]) == 14


def test_nobody_who_was_forgotten_comes_back(trail: Trail) -> None:
    trail.record(an_answer(subject="1" * 18), an_answer(subject="2" * 18))
    trail.indexer().catch_up()
    point = TOKENS.point("person", "1" * 18)

    with trail.store.begin() as work:
        forget(work, TOKENS, point)
        work.commit()

    assert found_by(trail, SUBJECT, "person", "1" * 18) == []
    assert found_by(trail, SUBJECT, "person", "2" * 18) == [2]
    assert trail.reader.cursor().erasures == 1


def test_what_was_read_before_somebody_was_forgotten_is_not_written(trail: Trail) -> None:
    trail.record(an_answer(subject="1" * 18))
    indexer, point = trail.indexer(), TOKENS.point("person", "1" * 18)
    read = indexer.read

    def read_while_somebody_is_forgotten(start: int, most: int) -> object:
        found = read(start, most)
        if trail.reader.cursor().erasures == 0:
            trail.keys.destroy({point.digest: 1 << 11})
            with trail.store.begin() as work:
                forget(work, TOKENS, point)
                work.commit()
        return found

    indexer.read = read_while_somebody_is_forgotten  # type: ignore[method-assign,assignment]
    indexer.catch_up()

    assert trail.reader.cursor().upto == 2
    assert found_by(trail, SUBJECT, "person", "1" * 18) == []
    assert found_by(trail, OPERATOR, OPERATOR, "person:li-na-0007") == [1]


# ---------------------------------------------------------------------------------------- hours


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(["payroll", "pension", "refused"]), min_size=1, max_size=4), max_size=4))
def test_hours_are_those_of_the_entries(trail: Trail, turns: list[list[str]]) -> None:
    for turn in turns:
        trail.record(*(a_refusal() if each == "refused" else an_answer(each) for each in turn))

    assert trail.reader.hours(0, 2**31 - 1) == recount(trail.log.entries(0, trail.log.head().size))


def test_hours_of_a_turn_that_was_rolled_back_are_not_counted(trail: Trail) -> None:
    with trail.store.begin() as work:
        trail.ledger.append(work.ledger, [an_answer()], NOW)

    assert trail.reader.hours(0, 2**31 - 1) == {}


def test_hours_are_replaced_from_one_on(trail: Trail) -> None:
    kept = Place(5, "a", "G", "confirmed")
    with trail.store.begin() as work:
        work.trail.replace_hours({kept: Count(1, 2), Place(9, "a", "G", "confirmed"): Count(3, 4)}, 0)
        work.trail.replace_hours({Place(8, "b", "", "held"): Count(5, 6)}, 8)
        work.commit()

    assert trail.reader.hours(0, 100) == {kept: Count(1, 2), Place(8, "b", "", "held"): Count(5, 6)}
    assert trail.reader.hours(6, 8) == {}


def test_totals_put_the_grants_of_a_partner_together_but_for_those_left_out(trail: Trail) -> None:
    places = {("a", "G-1"): (1, 2), ("a", "G-2"): (3, 4), ("a", ""): (5, 6), ("b", "S-1"): (7, 8)}
    with trail.store.begin() as work:
        counts = {Place(5, partner, grant, "held"): Count(*each) for (partner, grant), each in places.items()}
        work.trail.replace_hours(counts, 0)
        work.commit()

    assert trail.reader.totals(0, 9, []) == {
        Place(5, "a", "", "held"): Count(9, 12),
        Place(5, "b", "", "held"): Count(7, 8),
    }
    assert trail.reader.totals(0, 9, {"S-1", "G-2"}) == {Place(5, "a", "", "held"): Count(6, 8)}
    assert trail.reader.totals(6, 9, []) == {}


# ---------------------------------------------------------------------------------------- officers' own


def test_for_whom_an_officer_searched_is_kept_for_the_day(trail: Trail) -> None:
    with trail.store.begin() as work:
        for token in (b"a" * 16, b"b" * 16, b"a" * 16):
            work.trail.note_searched("zz-shen", 10, token)
        assert work.trail.searched("zz-shen", 10) == [b"a" * 16, b"b" * 16]
        assert work.trail.searched("zz-an", 10) == work.trail.searched("zz-shen", 9) == []
        work.trail.note_searched("zz-an", 11, b"c" * 16)
        assert work.trail.searched("zz-shen", 10) == []


def test_views_are_kept_by_name(trail: Trail) -> None:
    with trail.store.begin() as work:
        for account, name, content in (("a", "x", b"1"), ("a", "y", b"2"), ("b", "x", b"3"), ("a", "x", b"\0\xff")):
            work.trail.put_view(account, name, content)
        assert work.trail.drop_view("a", "y")
        assert not work.trail.drop_view("a", "y")
        work.commit()

    assert trail.reader.views("a") == {"x": b"\0\xff"}
    assert trail.reader.views("b") == {"x": b"3"}


# ---------------------------------------------------------------------------------------- archived entries


def test_entries_that_are_kept_when_others_go_are_found_still(engine_url: str, trail: Trail) -> None:
    trail.record(a_refusal(), an_answer(), a_refusal(), an_answer())
    trail.indexer().catch_up()
    pruning = PruningStore(engine_url)
    with closing(pruning), pruning.pruning() as work:
        work.prune(4, ["comparison.refused"])
        work.commit()
    refused = Choice(words=(number_of("outcome", "refused"),))
    partner = Choice(words=(number_of("partner", "payroll"),))

    grown = trail.find(refused), trail.find(partner)
    trail.indexer().rebuild()

    assert grown == ([3, 1], [4, 3, 1])
    assert (trail.find(refused), trail.find(partner)) == grown
    assert list(differing_entries(trail.indexer())) == []
