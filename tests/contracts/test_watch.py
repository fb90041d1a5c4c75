"""The promises of what the watch knows, kept alike by memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import cast

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from adapters.sql.engine import open_engine
from adapters.sql.watch_reader import SqlWatchReader
from audit.watch_events import Found, watch_escalated, watch_noticed, watch_stopped
from gateway.domain.budget import DAYS
from gateway.domain.errors import UnavailableError
from gateway.domain.incident import Detector, Incident
from gateway.domain.standing import Kept, Scores, Standing, Stop
from gateway.ports import Store, WatchStore
from tests.fakes import MemoryStore
from tests.gateways import a_ledger, open_store
from tests.incidents import AT, a_finding, an_incident

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


# ---------------------------------------------------------------------------------------- incidents


def an_incident_of(number: int, **changes: object) -> Incident:
    """One of G-2026-1, some days after the first."""
    days = cast("int", changes.pop("days", 0))
    finding = replace(a_finding(), at=AT + timedelta(days=days), **changes)
    return replace(an_incident(finding), number=f"{number:016x}")


def recent(store: Store, *named: str, days: int = -7) -> str:
    """The number of what is found."""
    partner, grant, detector = named or ("caizheng", "G-2026-1", "miss_rate")
    with store.begin() as work:
        found = work.watch.recent(partner, grant, detector, int((AT + timedelta(days=days)).timestamp()))
    return found.number if found else ""


def test_the_newest_incident_of_a_grant_and_detector_is_found(store: Store) -> None:
    keep(store, kept(incidents=[an_incident_of(1), an_incident_of(2, days=3)]))
    keep(store, kept(incidents=[an_incident_of(3, days=4, detector=Detector.CELL), an_incident_of(4, partner="other")]))

    assert recent(store) == f"{2:016x}"
    assert recent(store, days=3) == "", "what was opened at that instant is not behind it"
    assert recent(store, "caizheng", "G-2026-1", "cell") == f"{3:016x}"
    assert recent(store, "other", "G-2026-1", "miss_rate") == f"{4:016x}"
    assert recent(store, "caizheng", "G-2026-2", "miss_rate") == ""


def test_an_incident_that_goes_on_takes_the_place_of_what_was_kept(store: Store) -> None:
    first = an_incident_of(1)
    keep(store, kept(incidents=[first]), kept(incidents=[replace(first, count=9)]))

    with store.begin() as work:
        found = work.watch.recent("caizheng", "G-2026-1", "miss_rate", 0)
    assert found == replace(first, count=9)


def test_incidents_that_stop_nothing_are_something_to_write() -> None:
    assert not kept(incidents=[an_incident_of(1)]).is_empty


def test_every_response_is_found_by_the_entry_that_tells_of_it(engine_url: str) -> None:
    found = Found("miss_rate", "14.2", "13.8", 30, ())
    drafts = [
        watch_stopped(incident="ab" * 8, target="grant.G-1", response="held", found=found),
        watch_noticed(incident="ef" * 8, target="grant.G-1", found=found),
        watch_stopped(incident="cd" * 8, target="grant.G-2", response="frozen", found=found),
        watch_escalated(incident="ab" * 8, target="grant.G-1", stopped=1, days=1),
    ]
    with closing(open_store(engine_url)) as opened, opened.begin() as work:
        first, _, second, third = (each.index for each in a_ledger().append(work.ledger, drafts, AT))
        stops = [
            Stop("grant.G-1", False, "ab" * 8, first),
            Stop("grant.G-2", True, "cd" * 8, second),
            Stop("grant.G-1", True, "ab" * 8, third),
        ]
        for each in stops:
            work.watch.lay([each])
        assert (work.watch.stop("grant.G-1"), work.watch.stop("grant.G-3")) == (stops[2], None)
        work.commit()

    reader = SqlWatchReader.open(engine_url)
    assert reader.laid() == stops
    assert reader.stops() == [stops[2], stops[1]]


@pytest.mark.parametrize("content", ["x'7b7d'", "'text'", "x'00'"])
def test_an_incident_that_somebody_changed_is_said_to_be_unreadable(sqlite_url: str, content: str) -> None:
    with closing(open_store(sqlite_url)) as opened:
        keep(opened, kept(incidents=[an_incident()]))
    engine = open_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE watch_incident SET incident = {content}"))
    reader = SqlWatchReader(engine)

    for read in (reader.incidents, lambda: reader.unsettled(0), lambda: reader.incident(an_incident().number)):
        with pytest.raises(UnavailableError, match="changed by somebody else"):
            read()
