"""One incident for each grant and detector and seven days, exceptions from a detector, and what stops nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.sql.engine import open_engine
from adapters.sql.watch_reader import SqlWatchReader
from audit.entry import decode
from gateway.domain.exemption import Exemption
from gateway.domain.incident import Action, Detector, Incident, State
from gateway.domain.reply import Request
from gateway.watch.thresholds import DEFAULTS
from tests.fakes import MemoryStore
from tests.gateways import Assembled, a_gateway, code_of
from tests.make import a_claim, a_grant, a_request

SURE = a_grant(hit_rate=99, max_data_age_days=99)
TODAY = date(2026, 6, 30)


class Watched:
    """A gateway under the watch, on some store."""

    def __init__(self, gateway: Assembled, url: str) -> None:
        self.gateway, self.url = gateway, url
        gateway.person(1)
        self.next = 100

    def codes(self, requests: Sequence[Request]) -> list[str]:
        return [code_of(reply) for each in requests for reply in self.gateway.ask(each)]

    def harvest(self, count: int = 8) -> list[str]:
        """Numbers that nobody has, and nobody asked about before."""
        self.next += count
        return self.codes([a_request(number) for number in range(self.next - count, self.next)])

    def release(self, exemption: Exemption | None = None) -> None:
        """Two officers let it go on."""
        if isinstance(self.gateway.store, MemoryStore):
            self.gateway.store.watch.stops.clear()
            self.gateway.store.epoch += 1
        else:
            engine = open_engine(self.url)
            with engine.begin() as connection:
                connection.execute(text("DELETE FROM watch_stop"))
                connection.execute(text("UPDATE control SET epoch = epoch + 1"))
            engine.dispose()
        self.gateway.rights.exempt = {"G-1": exemption} if exemption else {}

    @property
    def incidents(self) -> list[Incident]:
        store = self.gateway.store
        if isinstance(store, MemoryStore):
            return list(store.watch.incidents.values())
        return SqlWatchReader.open(self.url).incidents()

    def types(self) -> list[str]:
        """The kinds of the ledger's entries, where it is in memory."""
        assert isinstance(self.gateway.store, MemoryStore)
        opened = [decode(row.entry) for row in self.gateway.store.ledger.rows]
        return [str(each["type"]) for each in opened if isinstance(each, dict)]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    fixture = {"memory": "", "sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url = request.getfixturevalue(fixture) if fixture else ""
    gateway = a_gateway(tmp_path, SURE, url=url, limits=DEFAULTS)
    yield Watched(gateway, url)
    gateway.close()


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Watched]:
    gateway = a_gateway(tmp_path, SURE, limits=DEFAULTS)
    yield Watched(gateway, "")
    gateway.close()


# ---------------------------------------------------------------------------------------- one for seven days


def test_what_trips_again_within_seven_days_joins_the_incident(watched: Watched) -> None:
    assert watched.harvest()[-1] == "held"
    (first,) = watched.incidents
    watched.release()
    watched.gateway.clock.pass_by(days=6)

    assert watched.harvest()[-1] == "held"

    (joined,) = watched.incidents
    assert (joined.number, joined.count, joined.state) == (first.number, 2, State.OPEN)
    assert (joined.finding.at, joined.last - first.last) == (first.finding.at, timedelta(days=6))
    assert joined.samples != first.samples


@pytest.mark.parametrize("days", [7, -7], ids=["seven days later", "on a clock that was put back"])
def test_what_trips_later_is_another_one(in_memory: Watched, days: int) -> None:
    in_memory.harvest()
    in_memory.release()
    in_memory.gateway.clock.pass_by(days=days)
    in_memory.harvest()

    assert len(in_memory.incidents) == (2 if days > 0 else 1)


def test_an_incident_tells_what_was_left_of_the_budgets(watched: Watched) -> None:
    watched.harvest()
    (incident,) = watched.incidents
    limits = SURE.limits

    assert incident.left == {
        "subjects_per_day": limits.subjects_per_day - 6,
        "subjects_per_30_days": limits.subjects_per_30_days - 6,
        "subjects_per_year": limits.subjects_per_year - 6,
        "comparisons_per_day": limits.comparisons_per_day - 6,
    }


# ---------------------------------------------------------------------------------------- exceptions


def excepted(detector: Detector = Detector.MISS_RATE, most: int | None = None, days: int = 7) -> Exemption:
    return Exemption("G-1", detector, TODAY + timedelta(days=days), most, "ab" * 8)


def test_a_detector_that_is_excepted_from_does_not_stop_until_that_day_is_over(watched: Watched) -> None:
    watched.harvest()
    watched.release(excepted())

    assert set(watched.harvest(12)) == {"not_confirmed"}
    watched.gateway.clock.pass_by(days=7)
    assert set(watched.harvest(2)) == {"not_confirmed"}, "the last day belongs to it"
    watched.gateway.clock.pass_by(days=1)
    assert watched.harvest(8) == ["not_confirmed"] * 5 + ["held"] * 3, "and nothing of before is held against it"


def test_a_ceiling_stops_beyond_it(in_memory: Watched) -> None:
    in_memory.release(excepted(most=30))

    told = in_memory.harvest(20)

    assert 5 < told.index("held") < 19
    (incident,) = in_memory.incidents
    assert incident.finding.observed > 30


EXCEPTED_ELSEWHERE = {
    "another detector": excepted(Detector.MISMATCH_RATE),
    "a day that is over": excepted(days=-1),
    "a ceiling below": excepted(most=1),
}


@pytest.mark.parametrize("exemption", EXCEPTED_ELSEWHERE.values(), ids=EXCEPTED_ELSEWHERE)
def test_what_is_not_excepted_from_stops(in_memory: Watched, exemption: Exemption) -> None:
    in_memory.release(exemption)

    assert in_memory.harvest() == ["not_confirmed"] * 5 + ["held"] * 3


def test_other_detectors_go_on_under_an_exception(in_memory: Watched) -> None:
    in_memory.release(excepted())

    told = in_memory.harvest(230)

    assert "held" not in told
    assert told[-1] == "frozen", "too many unknown numbers are another thing than an unusual share"


# ---------------------------------------------------------------------------------------- what stops nothing


def guesses(count: int) -> list[Request]:
    return [a_request(1, claims=[a_claim("unit", f"某单位{number}")]) for number in range(count)]


def test_who_asks_too_much_of_one_person_is_told_to_officers_once(watched: Watched) -> None:
    told = watched.codes(guesses(9))

    assert told[-1] == "not_confirmed"
    (incident,) = watched.incidents
    finding = incident.finding
    assert (finding.detector, finding.action, finding.grant) == (Detector.QUESTIONS, Action.RECORD, "G-1")
    assert [len(each) for each in incident.samples] == [8], "never whom"


def test_it_stops_nothing_and_stands_in_the_ledger(in_memory: Watched) -> None:
    in_memory.codes(guesses(9))
    assert in_memory.types().count("watch.noticed") == 1
    assert "watch.stopped" not in in_memory.types()

    in_memory.gateway.clock.pass_by(days=7)
    in_memory.codes(guesses(9))

    assert in_memory.types().count("watch.noticed") == 2
    assert len(in_memory.incidents) == 2
