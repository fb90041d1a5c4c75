"""The promises of the control store, kept alike by memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.ledger import EMPTY_HEAD
from audit.tree import StoredTree, node_hash, split
from gateway.domain.budget import DAYS, YEAR, Spending, Used
from gateway.domain.errors import UnavailableError
from gateway.ports import BudgetStore, Remembered, Store
from tests.audit.make import an_answer, an_opening
from tests.fakes import MemoryBudgets, MemoryStore
from tests.gateways import a_ledger, open_store
from tests.make import NOW

Open = Callable[[], Store]
DAY = 739_797
_numbers = count(1)


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def open_node(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens the same control database once more, as another node would."""
    if request.param == "fake":
        store = MemoryStore()
        yield lambda: store
        return
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    opened = []

    def open_one() -> Store:
        opened.append(open_store(url))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def store(open_node: Open) -> Store:
    return open_node()


def a_link(number: int) -> bytes:
    return number.to_bytes(16, "big")


def spend(budgets: BudgetStore, day: int, *links: int, grant: str = "G-1", new: int | None = None) -> None:
    """Writes down one comparison each of these links, `new` of them counted as subjects of the day."""
    seen = frozenset((grant, a_link(each)) for each in links)
    subjects = {(grant, day): len(seen) if new is None else new}
    budgets.spend(Spending(day, subjects, {grant: len(links)}, seen))


def an_old_answer(name: bytes = b"n" * 16, expires: int = 200, answer: bytes = b"\0\xffanswer") -> Remembered:
    return Remembered(name, b"b" * 16, answer, expires)


# ---------------------------------------------------------------------------------------- one transaction


def test_what_was_committed_is_there_for_every_node(open_node: Open) -> None:
    with open_node().begin() as work:
        spend(work.budgets, DAY, 1, 2)
        work.answers.remember([an_old_answer()], 100)
        work.commit()

    with open_node().begin() as work:
        assert work.budgets.lock(["G-1"], DAY) == {"G-1": Used(2, 2, 2, 2)}
        assert work.answers.remembered([b"n" * 16], 100) == {b"n" * 16: an_old_answer()}


ENDINGS: dict[str, type[Exception] | None] = {
    "nothing": None,
    "an error of ours": UnavailableError,
    "any other error": ValueError,
}


@pytest.mark.parametrize("raised", ENDINGS.values(), ids=ENDINGS)
def test_what_was_not_committed_never_was(open_node: Open, raised: type[Exception] | None) -> None:
    store, ledger = open_node(), a_ledger()

    def write_and_leave() -> None:
        with store.begin() as work:
            spend(work.budgets, DAY, 1)
            work.answers.remember([an_old_answer()], 100)
            if work.ledger.lock_head() == EMPTY_HEAD:
                ledger.append(work.ledger, [an_opening()], NOW)
            ledger.append(work.ledger, [an_answer()], NOW)
            if raised:
                raise raised("in the middle of it")

    with store.begin() as work:
        before = work.ledger.lock_head()
    if raised:
        with pytest.raises(raised):
            write_and_leave()
    else:
        write_and_leave()

    for node in (store, open_node()):
        with node.begin() as work:
            assert work.budgets.lock(["G-1"], DAY) == {"G-1": Used(0, 0, 0, 0)}
            assert work.budgets.seen([("G-1", a_link(1))]) == {}
            assert work.answers.remembered([b"n" * 16], 100) == {}
            assert work.ledger.lock_head() == before


def test_a_store_works_again_after_each_of_many_breaks(store: Store) -> None:
    def spend_and_break(number: int) -> None:
        with store.begin() as work:
            spend(work.budgets, DAY, number)
            raise ZeroDivisionError

    for number in range(5):
        with pytest.raises(ZeroDivisionError):
            spend_and_break(number)
        with store.begin() as work:
            spend(work.budgets, DAY, number)
            work.commit()

    with store.begin() as work:
        assert work.budgets.lock(["G-1"], DAY)["G-1"].comparisons_today == 5


def test_the_first_epoch_is_there(store: Store) -> None:
    with store.begin() as work:
        assert work.epoch() == 1


# ---------------------------------------------------------------------------------------- budgets


def test_a_grant_that_was_never_used_has_used_nothing(store: Store) -> None:
    with store.begin() as work:
        assert work.budgets.lock(["G-1", "G-2"], DAY) == {"G-1": Used(0, 0, 0, 0), "G-2": Used(0, 0, 0, 0)}
        assert work.budgets.lock([], DAY) == {}


WINDOW: dict[str, tuple[int, Used]] = {
    "the same day": (0, Used(2, 2, 2, 3)),
    "the next day": (1, Used(0, 2, 2, 0)),
    "the last day of the window": (DAYS - 1, Used(0, 2, 2, 0)),
    "the day after the window": (DAYS, Used(0, 0, 2, 0)),
    "the last day of the year": (YEAR - 1, Used(0, 0, 2, 0)),
    "the day after the year": (YEAR, Used(0, 0, 0, 0)),
}


@pytest.mark.parametrize(("later", "used"), WINDOW.values(), ids=WINDOW)
def test_counters_stand_for_thirty_days(store: Store, later: int, used: Used) -> None:
    with store.begin() as work:
        spend(work.budgets, DAY, 1, 2, new=2)
        spend(work.budgets, DAY, 1, new=0)
        spend(work.budgets, DAY, 1, grant="G-2")
        work.commit()

    with store.begin() as work:
        assert work.budgets.lock(["G-1"], DAY + later)["G-1"] == used


def test_the_last_day_of_each_subject_is_known_grant_by_grant(store: Store) -> None:
    with store.begin() as work:
        spend(work.budgets, DAY, 1, 2)
        spend(work.budgets, DAY, 1, grant="G-2")
        spend(work.budgets, DAY + 3, 2)
        work.commit()
    asked = [("G-1", a_link(1)), ("G-1", a_link(2)), ("G-2", a_link(1)), ("G-2", a_link(2)), ("G-3", a_link(1))]

    with store.begin() as work:
        seen = work.budgets.seen(asked)

    # More may come back than was asked for; never less, and never anything untrue.
    assert {pair: seen[pair] for pair in asked if pair in seen} == dict(zip(asked, (DAY, DAY + 3, DAY), strict=False))
    assert set(seen) <= set(asked)


# ---------------------------------------------------------------------------------------- asked ahead

AHEAD: dict[str, tuple[int, list[str], int]] = {
    "what is then asked": (1, ["G-1", "G-2"], DAY),
    "another epoch": (2, ["G-1", "G-2"], DAY),
    "fewer grants": (1, ["G-1"], DAY),
    "more grants": (1, ["G-1", "G-2", "G-3"], DAY),
    "another day": (1, ["G-1", "G-2"], DAY - 1),
    "nothing": (1, [], DAY),
}


@pytest.mark.parametrize(("epoch", "grants", "day"), AHEAD.values(), ids=AHEAD)
def test_whatever_was_asked_ahead_the_answers_are_the_same(
    store: Store, epoch: int, grants: Sequence[str], day: int
) -> None:
    with store.begin() as work:
        spend(work.budgets, DAY, 1, 2)
        spend(work.budgets, DAY, 3, grant="G-2")
        work.answers.remember([an_old_answer()], 100)
        work.commit()

    for keys in ([b"n" * 16], [b"n" * 16, b"o" * 16], [b"o" * 16], []):
        with store.begin() as work:
            work.prefetch(epoch, grants, day, keys, 100)
            work.prefetch_seen([("G-1", a_link(1)), ("G-2", a_link(9))])

            assert work.epoch() == 1
            assert work.budgets.lock(["G-1", "G-2"], DAY) == {"G-1": Used(2, 2, 2, 2), "G-2": Used(1, 1, 1, 1)}
            assert work.answers.remembered([b"n" * 16], 100) == {b"n" * 16: an_old_answer()}
            assert work.answers.remembered([b"n" * 16], 200) == {}
            assert work.budgets.seen([("G-1", a_link(1))])["G-1", a_link(1)] == DAY
            assert work.budgets.seen([("G-2", a_link(3))])["G-2", a_link(3)] == DAY


def test_what_was_asked_ahead_is_gone_with_the_work(store: Store) -> None:
    link, other = ("G-1", a_link(1)), ("G-1", a_link(2))
    with store.begin() as work:
        work.prefetch(1, ["G-1"], DAY, [b"n" * 16], 100)
        work.prefetch_seen([link, other])

    with store.begin() as work:
        spend(work.budgets, DAY, 1)
        work.answers.remember([an_old_answer()], 100)

        assert work.budgets.lock(["G-1"], DAY) == {"G-1": Used(1, 1, 1, 1)}
        assert work.budgets.seen([link, other]) == {link: DAY}
        assert work.answers.remembered([b"n" * 16], 100) == {b"n" * 16: an_old_answer()}


TURNS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 5)), min_size=1, max_size=4, unique=True),
    ),
    min_size=1,
    max_size=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(TURNS)
def test_counters_agree_with_the_simplest_ones(
    store: Store, turns: Sequence[tuple[int, list[tuple[str, int]]]]
) -> None:
    mark, plain = next(_numbers), MemoryBudgets()
    for day, pairs in sorted(turns):
        named = [(f"{grant}-{mark}", a_link(number)) for grant, number in pairs]
        grants = sorted({grant for grant, _ in named})
        known = plain.seen(named)
        subjects: dict[tuple[str, int], int] = {}
        for grant, link in named:
            last = known.get((grant, link))
            subjects[grant, DAY + day] = subjects.get((grant, DAY + day), 0) + (last != DAY + day)
            if last is not None and last != DAY + day:
                subjects[grant, last] = subjects.get((grant, last), 0) - 1
        comparisons = {grant: sum(of == grant for of, _ in named) for grant in grants}
        spending = Spending(DAY + day, subjects, comparisons, frozenset(named))
        with store.begin() as work:
            assert work.budgets.lock(grants, DAY + day) == plain.lock(grants, DAY + day)
            seen = work.budgets.seen(named)
            assert {pair: seen[pair] for pair in named if pair in seen} == known
            work.budgets.spend(spending)
            work.commit()
        plain.spend(spending)


# ---------------------------------------------------------------------------------------- answers


def test_an_answer_is_remembered_until_it_expires(store: Store) -> None:
    with store.begin() as work:
        work.answers.remember([an_old_answer(expires=200)], 100)
        work.commit()

    with store.begin() as work:
        assert list(work.answers.remembered([b"n" * 16], 199)) == [b"n" * 16]
        assert work.answers.remembered([b"n" * 16], 200) == {}


def test_only_answers_that_were_asked_for_come_back(store: Store) -> None:
    kept = [an_old_answer(a_link(number), answer=bytes([number]) * number * 100) for number in range(1, 6)]
    with store.begin() as work:
        work.answers.remember(kept, 100)
        work.answers.remember([], 100)
        work.commit()

    with store.begin() as work:
        found = work.answers.remembered([a_link(2), a_link(4), a_link(9)], 100)
        assert found == {a_link(2): kept[1], a_link(4): kept[3]}
        assert work.answers.remembered([], 100) == {}


def test_after_an_answer_expired_another_takes_its_place(store: Store) -> None:
    again = an_old_answer(expires=900, answer=b"another")
    with store.begin() as work:
        work.answers.remember([an_old_answer(expires=200)], 100)
        work.commit()

    with store.begin() as work:
        assert work.answers.remembered([b"n" * 16], 500) == {}
        work.answers.remember([again], 500)
        work.commit()

    with store.begin() as work:
        assert work.answers.remembered([b"n" * 16], 500) == {b"n" * 16: again}


def test_an_answer_that_still_stands_is_never_replaced(store: Store) -> None:
    with store.begin() as work:
        work.answers.remember([an_old_answer(expires=200)], 100)
        work.answers.remember([an_old_answer(expires=900, answer=b"another")], 199)
        work.commit()

    with store.begin() as work:
        assert work.answers.remembered([b"n" * 16], 199) == {b"n" * 16: an_old_answer(expires=200)}


def test_of_two_answers_of_one_key_the_first_is_kept(store: Store) -> None:
    with store.begin() as work:
        work.answers.remember([an_old_answer(answer=b"first"), an_old_answer(answer=b"second")], 100)
        work.commit()

    with store.begin() as work:
        assert work.answers.remembered([b"n" * 16], 100) == {b"n" * 16: an_old_answer(answer=b"first")}


def test_many_answers_come_back_at_once(store: Store) -> None:
    kept = [an_old_answer(a_link(number), answer=bytes(number)) for number in range(1, 257)]
    with store.begin() as work:
        work.answers.remember(kept, 100)
        work.commit()

    with store.begin() as work:
        assert work.answers.remembered([each.key for each in kept], 100) == {each.key: each for each in kept}


# ---------------------------------------------------------------------------------------- the ledger's side


def test_a_ledger_grows_by_whole_transactions(open_node: Open) -> None:
    node, ledger, leaves = open_node(), a_ledger(), list[bytes]()
    with node.begin() as work:
        if work.ledger.lock_head() == EMPTY_HEAD:
            ledger.append(work.ledger, [an_opening()], NOW)
            work.commit()
    with node.begin() as work:
        start = work.ledger.lock_head().size
        before = work.ledger.hashes(0, 0, start)
    for size in (1, 254, 3, 300):
        with open_node().begin() as work:
            drafts = [an_answer(partner) for partner in ("payroll", "pension") * size][:size]
            leaves += [row.leaf for row in ledger.append(work.ledger, drafts, NOW)]
            work.commit()

    with open_node().begin() as work:
        head = work.ledger.lock_head()
        heads = work.ledger.partner_heads({"payroll", "pension", "nobody"})
        assert head.size == start + len(leaves)
        assert work.ledger.hashes(0, 0, head.size) == before + b"".join(leaves)
        assert work.ledger.hashes(0, start + 2, start + 4) == b"".join(leaves[2:4])
        assert heads.keys() == {"payroll", "pension"}
        assert sum(each.size for each in heads.values()) == len(leaves)
        # The tiles that were filled on the way are those of a tree that is built at once.
        assert StoredTree(head.size, work.ledger.hashes).root() == _root([*split(before), *leaves])


def _root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(_root(leaves[:left]), _root(leaves[left:]))
