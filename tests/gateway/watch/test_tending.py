"""A hold that nobody handles becomes a freeze, once, and never against a release; states follow the deeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from adapters.sql.deed_reader import SqlDeedReader
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlWork
from adapters.sql.watch_reader import SqlWatchReader
from audit.entry import JsonValue, decode
from audit.watch_events import Found, watch_stopped
from gateway.deeds.document import Kind
from gateway.deeds.keeping import Kept as KeptDeed
from gateway.deeds.lapse import parameters_in
from gateway.deeds.steps import RELEASE
from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal, State
from gateway.domain.standing import Kept, Stop
from gateway.watch.board import Board
from gateway.watch.disputed import raise_incident
from gateway.watch.released import lies_on
from gateway.watch.tending import Store, Tending
from ops.settings import ServeSettings, load
from tests.lives import LEADER, PARTNER, SECURITY, Life

GRANT, TARGET, NUMBER = "G-1", "grant.G-1", "ab" * 8


class Tended:
    """An office with a grant on which the watch laid a hold."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.disputing: set[str] = set()
        url = life.home.database_url(load(life.home, "serve.toml", ServeSettings))
        self.reader, self.deeds, self.ledger = (
            SqlWatchReader.open(url),
            SqlDeedReader.open(url),
            SqlLedgerReader.open(url),
        )
        life.grant(GRANT)
        self.hold()

    def close(self) -> None:
        self.deeds.close()
        self.ledger.close()
        self.life.close()

    def tending(self) -> Tending:
        return Tending(
            board=Board(reader=self.reader, releases=self.deeds.releases),
            incidents=self.reader,
            parameters=lambda: parameters_in(self.life.office.standing()),
            store=cast("Store", self.life.office.store),
            ledger=self.life.office.ledger,
            clock=self.life.clock,
            disputing=lambda: self.disputing,
        )

    def hold(self, number: str = NUMBER, detector: Detector = Detector.MISS_RATE) -> None:
        """The watch stops the grant, as a turn does it."""
        now, found = self.life.clock.now(), Found("miss_rate", "14.2", "13.8", 30, ())
        principal = Principal(Level.GRANT, GRANT)
        finding = Finding(detector, Action.HOLD, principal, PARTNER, GRANT, 14.2, 13.8, 30, now)
        incident = Incident(number=number, finding=finding, last=now, count=1)
        with self.life.office.store.begin() as opened:
            work = cast("SqlWork", opened)
            work.watch.keep(
                Kept(day=1, scores={}, counts={}, cells={}, questions={}, stopped=[GRANT], incidents=[incident])
            )
            draft = watch_stopped(incident=number, target=TARGET, response="held", found=found)
            (recorded,) = self.life.office.ledger.append(work.ledger, [draft], now)
            work.watch.lay([Stop(TARGET, False, number, recorded.index)])
            work.commit()

    def draw(self, **more: JsonValue) -> KeptDeed:
        told: dict[str, JsonValue] = {"frozen": False, "incident": NUMBER, **more}
        return self.life.draw(Kind.FREEZE, TARGET, told, SECURITY, path=RELEASE, reason="已核实")

    def release(self, **more: JsonValue) -> None:
        self.life.sign(self.draw(**more), SECURITY, LEADER)

    def lies(self) -> Stop | None:
        with self.life.office.store.begin() as work:
            return lies_on(TARGET, work.watch, work.deeds)

    def kept(self) -> Incident:
        found = self.reader.incident(NUMBER)
        assert found is not None
        return found

    def types(self) -> list[str]:
        entries = (decode(each) for each in self.ledger.entries(0, self.ledger.head().size))
        return [str(each["type"]) for each in entries if isinstance(each, dict)]


@pytest.fixture
def tended(engine_url: str, tmp_path: Path) -> Iterator[Tended]:
    with closing(Tended(Life(tmp_path, database=engine_url))) as made:
        yield made


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Tended]:
    with closing(Tended(Life(tmp_path))) as made:
        yield made


def test_a_hold_that_nobody_handles_is_a_freeze_after_the_next_working_day(tended: Tended) -> None:
    """Tuesday 10:00 in Beijing: Wednesday is the last day."""
    assert tended.tending().run_once() == []
    tended.life.clock.pass_by(days=1, hours=13, minutes=59)
    assert tended.tending().run_once() == []
    tended.life.clock.pass_by(minutes=2)

    (changed,) = tended.tending().run_once()

    stop = tended.lies()
    assert stop is not None
    assert (changed.state, tended.kept().state, stop.is_frozen) == (State.ESCALATED, State.ESCALATED, True)
    assert tended.types()[-1] == "watch.escalated"
    assert stop.entry == len(tended.types()) - 1


def test_it_is_done_once(tended: Tended) -> None:
    tended.life.clock.pass_by(days=3)
    assert len(tended.tending().run_once()) == 1
    size = len(tended.types())

    assert tended.tending().run_once() == []
    assert len(tended.types()) == size


def test_holidays_are_no_working_days(local: Tended) -> None:
    off: JsonValue = {"off": ["2026-07-01", "2026-07-02"], "on": []}
    local.life.set_parameters(calendar=off, hold_days=2)

    local.life.clock.pass_by(days=6)
    assert local.tending().run_once() == [], "Friday and Monday are the two"
    local.life.clock.pass_by(days=1)
    assert len(local.tending().run_once()) == 1


def test_a_clock_that_steps_back_only_makes_it_wait(local: Tended) -> None:
    local.life.clock.pass_by(days=-3)
    assert local.tending().run_once() == []
    local.life.clock.pass_by(days=3)
    assert local.tending().run_once() == []
    stop = local.lies()
    assert stop is not None
    assert not stop.is_frozen


def test_a_release_that_comes_between_the_look_and_the_lock_wins(tended: Tended) -> None:
    tended.life.clock.pass_by(days=3)
    tending, slow = tended.tending(), tended.tending()
    board = Slow(slow.board, tended)
    object.__setattr__(tending, "board", board)

    tending.run_once()

    assert tended.lies() is None
    assert tended.kept().state is State.OPEN, "nothing was escalated; the next round tells the release"
    assert "watch.escalated" not in tended.types()
    (told,) = tended.tending().run_once()
    assert told.state is State.RELEASED


class Slow(Board):
    """A look that is old by the time it is acted upon: two people release meanwhile."""

    def __init__(self, board: Board, tended: Tended) -> None:
        super().__init__(reader=board.reader, releases=board.releases)
        object.__setattr__(self, "tended", tended)

    def lying(self) -> dict[str, Stop]:
        found = dict(super().lying())
        tended = cast("Tended", self.__dict__["tended"])
        tended.release()
        return found


def test_what_was_escalated_is_released_by_the_same_two(tended: Tended) -> None:
    waiting = tended.draw()
    tended.life.clock.pass_by(days=3)
    tended.tending().run_once()

    tended.life.sign(waiting, SECURITY, LEADER)

    assert tended.lies() is None
    assert [each.state for each in tended.tending().run_once()] == [State.RELEASED]


def test_an_exception_is_told_while_it_lasts_and_its_end_as_well(tended: Tended) -> None:
    until = (tended.life.clock.now() + timedelta(days=2)).date().isoformat()
    tended.release(exception={"detector": "miss_rate", "until": until, "most": None})

    assert [each.state for each in tended.tending().run_once()] == [State.EXCEPTION]
    assert tended.tending().run_once() == []
    tended.life.clock.pass_by(days=3)
    assert [each.state for each in tended.tending().run_once()] == [State.RELEASED]
    assert tended.tending().run_once() == []


def test_an_incident_that_another_took_the_place_of_is_not_released(local: Tended) -> None:
    local.hold("cd" * 8, Detector.MISMATCH_RATE)

    assert local.tending().run_once() == []
    assert local.kept().state is State.OPEN


def test_what_laid_nothing_stays_as_it_is(local: Tended) -> None:
    local.release()
    now = datetime(2026, 6, 30, tzinfo=UTC)
    principal = Principal(Level.GRANT, GRANT)
    finding = Finding(Detector.QUESTIONS, Action.RECORD, principal, PARTNER, GRANT, 3, 0, 30, now)
    with local.life.office.store.begin() as opened:
        noticed = Incident(number="ef" * 8, finding=finding, last=now, count=1)
        cast("SqlWork", opened).watch.keep(
            Kept(day=1, scores={}, counts={}, cells={}, questions={}, incidents=[noticed])
        )
        opened.commit()

    assert [each.number for each in local.tending().run_once()] == [NUMBER]


def test_a_dispute_is_open_until_all_of_its_partner_are_settled(tended: Tended) -> None:
    tended.disputing.add(PARTNER)
    with tended.life.office.store.begin() as opened:
        work = cast("SqlWork", opened)
        assert len(raise_incident(work.watch, PARTNER, "d-1", 3, tended.life.clock.now())) == 1
        assert raise_incident(work.watch, PARTNER, "d-2", 1, tended.life.clock.now()) == (), "one in seven days"
        work.commit()

    assert tended.tending().run_once() == []
    tended.disputing.clear()
    (changed,) = tended.tending().run_once()
    assert (changed.finding.detector, changed.finding.grant, changed.state) == (
        Detector.DISPUTE,
        "",
        State.RELEASED,
    )
