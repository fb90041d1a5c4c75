"""What other thresholds would have done: worlds of their own over one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from audit.entry import JsonValue, encode
from gateway.replaying.acting import Actor, Epochs
from gateway.replaying.records import Records
from gateway.replaying.supposing import OwnEpochs, World
from gateway.replaying.weighing import Weighed, Weighing, report, report_digest
from gateway.watch.thresholds import Thresholds
from gateway.watching import Watch
from ops.simulate.watchbook import WatchBook
from tests.gateway.replaying.recording import (
    GRANTS,
    LIMITS,
    Standing,
    one_by_one,
    reading,
    recorded,
    release,
    some_days,
    stored,
    unknown,
)
from tests.gateways import WATCH_KEY, Assembled
from tests.make import CATALOGUE, a_request, an_id

AT = datetime(2026, 3, 1, tzinfo=UTC)
Told = Mapping[tuple[str, str], Weighed]


def a_world(limits: Thresholds) -> World:
    epochs = Epochs()
    pasts = OwnEpochs(Standing(GRANTS), epochs)
    return World(Actor(Watch(WATCH_KEY, CATALOGUE, limits), WatchBook(epochs.advance), pasts, epochs))


def weighed(
    gateway: Assembled, url: str, candidate: Thresholds, since: int = 0, released: frozenset[str] = frozenset()
) -> Told:
    weighing = Weighing(a_world(LIMITS), a_world(candidate), since)
    with reading(url) as reader:
        weighing.run(Records(reader, gateway.keys, tuple).read(0, reader.head().size))
    return {(each.grant, each.detector): each for each in weighing.weigh(released)}


def test_the_same_thresholds_do_the_same(tmp_path: Path, sqlite_url: str) -> None:
    gateway = recorded(tmp_path, sqlite_url)
    told = some_days(gateway, sqlite_url)
    gateway.close()

    found = weighed(gateway, sqlite_url, LIMITS).values()

    assert sum(each.in_force for each in found) == sum(each.candidate for each in found) > 3
    assert not any(each.only_candidate or each.only_in_force for each in found)
    assert all(each.withheld_in_force == each.withheld_candidate for each in found)
    assert sum(each.withheld_in_force for each in found) <= told.count("held") + told.count("frozen")


def test_a_later_alarm_lets_pass_what_was_held_and_says_what_officers_had_released(
    tmp_path: Path, sqlite_url: str
) -> None:
    gateway = recorded(tmp_path, sqlite_url)
    some_days(gateway, sqlite_url)
    gateway.close()

    found = weighed(gateway, sqlite_url, replace(LIMITS, alarm=40.0), released=frozenset(stored(sqlite_url)))
    missed = found["G-1", "miss_rate"]

    assert (missed.in_force, missed.candidate, missed.only_in_force) == (1, 0, 1)
    assert (missed.released, missed.released_candidate) == (1, 0)
    assert found["G-2", "cell"].only_in_force == 0


def test_an_earlier_alarm_would_have_held_until_somebody_released(tmp_path: Path, sqlite_url: str) -> None:
    """Three unknown are enough for it; what was asked within a day counts as withheld, then it begins anew."""
    gateway = recorded(tmp_path, sqlite_url)
    one_by_one(gateway, [*unknown(100, 3), a_request(1), a_request(2)])
    gateway.clock.pass_by(hours=23)
    one_by_one(gateway, [a_request(3)])
    gateway.clock.pass_by(hours=2)
    one_by_one(gateway, [a_request(4), *unknown(200, 2)])
    gateway.clock.pass_by(days=8)
    one_by_one(gateway, unknown(300, 1))
    gateway.close()

    found = weighed(gateway, sqlite_url, replace(LIMITS, alarm=5.0))
    missed = found["G-1", "miss_rate"]

    assert (missed.in_force, missed.only_candidate) == (0, 2)
    assert missed.withheld_candidate == 1 + 3 + 1, "the third unknown, three within a day, and later one more"
    assert missed.released_candidate == 0


def test_what_came_before_makes_the_state_and_is_not_told(tmp_path: Path, sqlite_url: str) -> None:
    gateway = recorded(tmp_path, sqlite_url)
    one_by_one(gateway, unknown(100, 5))
    with reading(sqlite_url) as reader:
        since = reader.head().size
    one_by_one(gateway, unknown(200, 1))
    gateway.close()

    assert list(weighed(gateway, sqlite_url, LIMITS, since)) == [("G-1", "miss_rate")]
    assert weighed(gateway, sqlite_url, LIMITS, since + 2) == {}


def test_a_report_is_the_same_whoever_makes_it_and_names_nobody(tmp_path: Path, sqlite_url: str) -> None:
    gateway = recorded(tmp_path, sqlite_url)
    some_days(gateway, sqlite_url)
    release(gateway, sqlite_url)
    gateway.close()
    candidate = replace(LIMITS, alarm=30.0, check_share=0.5, questions=(1, 1, 1))

    made = [a_report(gateway, sqlite_url, candidate) for _ in range(2)]

    assert report_digest(made[0]) == report_digest(made[1])
    assert made[0]["not_replayed"] == ["questions", "check_share"]
    assert set(made[0]["changes"]) == {"alarm", "check_share", "questions"}  # type: ignore[arg-type]  # a table
    text = encode(made[0]).decode()
    assert not any(an_id(number) in text for number in range(1, 600))


def a_report(gateway: Assembled, url: str, candidate: Thresholds) -> dict[str, JsonValue]:
    weighing = Weighing(a_world(LIMITS), a_world(candidate), 0)
    with reading(url) as reader:
        records, end = Records(reader, gateway.keys, tuple), reader.head().size
        weighing.run(records.read(0, end))
    return report(
        sets=(LIMITS, candidate),
        span=(0, end),
        times=(AT, AT),
        met=records.met,
        comparisons=weighing.comparisons,
        weighed=weighing.weigh(frozenset()),
    )
