"""The promises of what the watch knows, kept alike by memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest

from gateway.domain.budget import DAYS
from gateway.domain.standing import Kept, Scores, Standing
from gateway.ports import Store, WatchStore
from tests.fakes import MemoryStore
from tests.gateways import open_store

DAY = 739_797
LINK, OTHER = b"l" * 16, b"o" * 16


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "fake":
        yield MemoryStore()
        return
    with closing(open_store(request.getfixturevalue(f"{request.param.replace('postgresql', 'postgres')}_url"))) as one:
        yield cast("Store", one)


def kept(day: int = DAY, **changes: object) -> Kept:
    nothing: dict[str, object] = {"scores": {}, "counts": {}, "cells": {}, "questions": {}}
    return Kept(day=day, **(nothing | changes))  # type: ignore[arg-type]  # a table of changes


def keep(store: Store, *changes: Kept) -> None:
    with store.begin() as work:
        for each in changes:
            work.watch.keep(each)
        work.commit()


def ask(store: Store) -> WatchStore:
    with store.begin() as work:
        return work.watch


def standings(store: Store, day: int = DAY) -> dict[str, Standing]:
    with store.begin() as work:
        return dict(work.watch.standings(["G-1", "G-2"], day))


def test_what_was_never_seen_is_left_out(store: Store) -> None:
    with store.begin() as work:
        assert work.watch.standings(["G-1"], DAY) == {}
        assert work.watch.questions([("G-1", LINK)]) == {}
        assert work.watch.cells([("G-1", LINK)], DAY) == {}


def test_scores_are_what_they_were_to_the_last_bit(store: Store) -> None:
    scores = Scores(13.815510557964274, 0.1 + 0.2, 7, 3)
    keep(store, kept(scores={"G-1": Scores(1.0)}), kept(scores={"G-1": scores, "G-2": Scores()}))

    assert standings(store) == {"G-1": Standing(scores), "G-2": Standing()}


def test_counts_of_thirty_days_add_up(store: Store) -> None:
    keep(store, kept(counts={"G-1": (2, 1)}), kept(counts={"G-1": (1, 0)}), kept(DAY + 1, counts={"G-1": (4, 0)}))

    assert standings(store, DAY + 1)["G-1"] == Standing(misses=7, outside=1)
    assert standings(store, DAY + DAYS)["G-1"] == Standing(misses=4)
    assert "G-1" not in standings(store, DAY + DAYS + 1) or standings(store, DAY + DAYS + 1)["G-1"] == Standing()


def test_cells_are_counted_by_account_and_from_a_day_on(store: Store) -> None:
    cells = {("G-1", LINK): 2, ("G-2", LINK): 5, ("G-1", OTHER): 1}
    keep(store, kept(cells=cells), kept(DAY + 3, cells={("G-1", LINK): 1}))

    with store.begin() as work:
        assert work.watch.cells([("G-1", LINK), ("G-2", OTHER)], DAY) == {("G-1", LINK): 3}
        assert work.watch.cells([("G-1", LINK), ("G-1", OTHER)], DAY + 1) == {("G-1", LINK): 1}


def test_what_grew_on_a_day_is_told_with_everybodys_part_of_the_window(store: Store) -> None:
    keep(store, kept(cells={("G-1", LINK): 2, ("G-2", LINK): 5, ("G-3", LINK): 9, ("G-2", OTHER): 1}))
    keep(store, kept(DAY + 3, cells={("G-1", LINK): 1, ("G-3", OTHER): 4}))

    with store.begin() as work:
        assert work.watch.shares(["G-1", "G-2"], DAY + 3, DAY) == {LINK: {"G-1": 3, "G-2": 5}}
        assert work.watch.shares(["G-1", "G-2"], DAY + 3, DAY + 1) == {LINK: {"G-1": 1}}
        assert work.watch.shares(["G-2"], DAY + 3, DAY) == {}
        assert work.watch.shares([], DAY + 3, DAY) == {}


def test_questions_are_replaced(store: Store) -> None:
    keep(store, kept(questions={("p", LINK): b"\0one"}), kept(questions={("p", LINK): b"\0two", ("p", OTHER): b""}))

    with store.begin() as work:
        assert work.watch.questions([("p", LINK), ("q", LINK)]) == {("p", LINK): b"\0two"}


def test_a_response_begins_a_control_epoch_and_says_which(store: Store) -> None:
    with store.begin() as work:
        before = work.epoch()
    keep(store, kept(scores={"G-1": Scores(9.0)}, stopped=["G-1"]))

    with store.begin() as work:
        assert work.epoch() == before + 1
    assert standings(store)["G-1"] == Standing(Scores(9.0), stopped=before + 1)


def test_who_is_cleared_begins_anew(store: Store) -> None:
    keep(
        store,
        kept(
            scores={"G-1": Scores(9.0), "G-2": Scores(1.0)},
            counts={"G-1": (2, 1), "G-2": (1, 1)},
            cells={("G-1", LINK): 2, ("G-2", LINK): 2},
            stopped=["G-1"],
        ),
    )
    keep(store, kept(cleared=["G-1"], counts={"G-1": (1, 0)}, cells={("G-1", LINK): 1}))

    assert standings(store) == {"G-1": Standing(misses=1), "G-2": Standing(Scores(1.0), 1, 1)}
    with store.begin() as work:
        assert work.watch.cells([("G-1", LINK), ("G-2", LINK)], DAY) == {("G-1", LINK): 1, ("G-2", LINK): 2}


def test_what_was_not_committed_is_not_known(store: Store) -> None:
    with store.begin() as work:
        work.watch.keep(kept(scores={"G-1": Scores(9.0)}))

    assert standings(store) == {}
