"""The promise of the store of deeds, kept alike by memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import cast

import pytest
from msgspec.structs import replace

from adapters.sql.store import SqlStore
from audit.deed_events import DeedRef, deed_drawn, deed_in_force
from audit.entry import decode
from audit.events import Draft
from gateway.deeds.keeping import Kept, State
from gateway.office import OfficeStore
from tests.audit.make import an_opening
from tests.fakes_deeds import DeedWork, MemoryOfficeStore
from tests.gateways import a_ledger, open_store
from tests.make import NOW

Open = Callable[[], OfficeStore]


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def open_node(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens the same control database once more, as another node would."""
    if request.param == "fake":
        store = MemoryOfficeStore()
        with store.begin() as work:
            a_ledger().append(work.ledger, [an_opening()], NOW)
            work.commit()
        yield lambda: store
        return
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    opened: list[SqlStore] = []

    def open_one() -> OfficeStore:
        opened.append(open_store(url))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def store(open_node: Open) -> OfficeStore:
    return open_node()


def a_kept(**changes: object) -> Kept:
    """An attempt that waits."""
    members: dict[str, object] = {
        "kind": "grant",
        "id": "盟签〔2026〕7号",
        "serial": 1,
        "attempt": 1,
        "state": State.PENDING,
        "deed": b"\0\xffdeed",
        "author": "hr-wang",
        "partner": "hr",
        "entry": 0,
        "changed": 100,
    }
    return Kept(**(members | changes))  # type: ignore[arg-type]  # a table of changes


def in_force(entry: int, **changes: object) -> Kept:
    return a_kept(state=State.IN_FORCE, entry=entry, **changes)


def put(store: OfficeStore, *kept: Kept) -> None:
    """One transaction."""
    with store.begin() as work:
        for each in kept:
            work.deeds.put(each)
        work.commit()


def test_what_was_put_is_there_for_every_node_to_the_last_byte(open_node: Open) -> None:
    kept = a_kept(note="退回：" + "长" * 900, deed=bytes(range(256)) * 40)

    put(open_node(), kept)

    with open_node().begin() as work:
        assert list(work.deeds.pending()) == [kept]
        assert list(work.deeds.attempts("grant", kept.id)) == [kept]
        assert list(work.deeds.in_force(0)) == []


def test_what_was_not_committed_never_was(open_node: Open) -> None:
    store = open_node()
    with store.begin() as work:
        work.deeds.put(a_kept())
        work.deeds.advance()

    for node in (store, open_node()):
        with node.begin() as work:
            assert list(work.deeds.pending()) == []
            assert epoch(work) == 1


def epoch(work: object) -> int:
    return cast("DeedWork", work).epoch()


def test_what_waits_is_told_oldest_first(store: OfficeStore) -> None:
    put(store, a_kept(id="c", changed=2), a_kept(id="b", changed=1), a_kept(id="a", changed=2))

    with store.begin() as work:
        assert [kept.id for kept in work.deeds.pending()] == ["b", "a", "c"]


def test_all_that_ever_was_of_one_thing_is_told_in_order(store: OfficeStore) -> None:
    refused = a_kept(state=State.REFUSED, note="不必要")
    story = [refused, in_force(5, attempt=2), a_kept(serial=2)]
    put(store, *story[::-1], a_kept(id="other"), a_kept(kind="cohort"))

    with store.begin() as work:
        assert list(work.deeds.attempts("grant", refused.id)) == story
        assert list(work.deeds.attempts("grant", "nothing")) == []


def test_what_is_in_force_is_told_in_the_order_of_its_entries(store: OfficeStore) -> None:
    put(store, in_force(30, id="a"), in_force(10, id="c"), in_force(20, id="b"), a_kept(id="d"))

    with store.begin() as work:
        told = {after: [kept.id for kept in work.deeds.in_force(after)] for after in (0, 10, 15, 30)}
    assert told == {0: ["c", "b", "a"], 10: ["b", "a"], 15: ["b", "a"], 30: []}


ENDINGS: dict[str, dict[str, object]] = {
    "another signature": {"deed": b"more"},
    "in force": {"state": State.IN_FORCE, "entry": 9, "deed": b"whole"},
    "refused": {"state": State.REFUSED, "note": "不必要", "changed": 101},
}


@pytest.mark.parametrize("change", ENDINGS.values(), ids=ENDINGS)
def test_what_waits_is_replaced_by_what_becomes_of_it(store: OfficeStore, change: dict[str, object]) -> None:
    after = replace(a_kept(), **change)
    put(store, a_kept())
    put(store, after)

    with store.begin() as work:
        assert list(work.deeds.attempts("grant", after.id)) == [after]


@pytest.mark.parametrize("done", [in_force(9), a_kept(state=State.REFUSED)], ids=["in force", "refused"])
def test_what_is_done_stays_as_it_is(store: OfficeStore, done: Kept) -> None:
    put(store, done)
    put(store, replace(done, deed=b"otherwise"))
    put(store, a_kept(deed=b"waits again"))

    with store.begin() as work:
        assert list(work.deeds.attempts("grant", done.id)) == [done]


def test_the_epoch_grows_with_the_work(open_node: Open) -> None:
    for expected in (2, 3):
        with open_node().begin() as work:
            work.deeds.advance()
            work.commit()
        with open_node().begin() as work:
            assert epoch(work) == expected


def an_event(name: str) -> Draft:
    ref = DeedRef("grant", name, 1, "ab" * 32, "hr")
    return deed_in_force(ref, path="usual", previous=None, by=["a"], changed=[], more=0, rights=name * 8)


def test_the_last_change_is_the_ledgers_own_word(open_node: Open) -> None:
    store, ledger = open_node(), a_ledger(seed="deeds")
    drawn = deed_drawn(DeedRef("grant", "x", 1, "ab" * 32, "hr"), path="usual", author="a", previous=None, narrows=None)
    told: list[object] = []
    for drafts in ([drawn], [an_event("a")], [drawn], [an_event("b"), an_event("c"), drawn]):
        with store.begin() as work:
            ledger.append(work.ledger, drafts, NOW)
            work.commit()
        with open_node().begin() as work:
            last = work.deeds.last_change()
        opened = decode(last) if last else {}
        assert isinstance(opened, dict)
        body = opened.get("body", {})
        assert isinstance(body, dict)
        told.append(body.get("rights"))

    assert told == [None, "a" * 8, "a" * 8, "c" * 8]


def test_whoever_changes_deeds_keeps_every_other_out(engine_url: str) -> None:
    """Two nodes that read first and write then would both bring a second version of one thing into force."""
    one, other = open_store(engine_url), open_store(engine_url)
    is_in, order = Event(), list[str]()

    def second() -> None:
        is_in.wait(5)
        with other.begin() as work:
            work.deeds.lock()
            order.append("second")

    thread = Thread(target=second)
    thread.start()
    with one.begin() as work:
        work.deeds.lock()
        is_in.set()
        thread.join(0.3)
        order.append("first")
        work.commit()
    thread.join(5)

    assert order == ["first", "second"]
    one.close()
    other.close()
