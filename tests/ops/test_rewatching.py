"""Thresholds over the record of an office: beside those in force, then in force by two, and taken by the line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.sql.watch_reader import SqlWatchReader
from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.steps import EMERGENCY, RELEASE, SHADOW
from gateway.domain.grant import local_day
from gateway.domain.people import Duty
from gateway.domain.reply import Refused
from gateway.replaying.comparing import Verdict
from gateway.replaying.weighing import report_digest
from gateway.watch.threshold_deeds import SHADOW_ID, THRESHOLDS_ID, adoption
from gateway.watch.threshold_file import content_of, digest_of
from gateway.watch.thresholds import DEFAULTS, Thresholds
from ops.rewatching.opening import Past, open_past
from ops.rewatching.replay import replay
from ops.rewatching.whatif import NoShadowError, beside, in_force, shadowed, what_if
from ops.settings import ServeSettings, load
from tests.bygones import CLERKS, FINANCE, GRANT, Bygones, bygones
from tests.gateways import WATCH_KEY
from tests.make import a_claim, a_request, an_id

SECURITY, LEADER = Duty.SECURITY_ADMIN, Duty.LEADER
LOOSE = replace(DEFAULTS, alarm=35.0)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Bygones]:
    with closing(bygones(tmp_path / "home")) as found:
        yield found


def values(thresholds: Thresholds) -> dict[str, JsonValue]:
    return {"values": content_of(thresholds)}


def tighten(made: Bygones, thresholds: Thresholds) -> int:
    return made.put_in_force(
        Kind.THRESHOLDS, THRESHOLDS_ID, values(thresholds), SECURITY, LEADER, path=EMERGENCY, reason="有人正在枚举"
    )


def shadow(made: Bygones, thresholds: Thresholds) -> int:
    return made.put_in_force(Kind.THRESHOLDS, SHADOW_ID, values(thresholds), SECURITY, path=SHADOW)


def ask(made: Bygones, start: int, count: int) -> list[str]:
    """Of so many people, whom the register does not have unless it is the first; each in a turn of its own."""
    told = list[str]()
    for number in range(start, start + count):
        reply = made.put(
            a_request(
                number,
                claims=[a_claim("unit", "盟教育局")],
                caller=made.caller(),
                key=None,
                grant="G-1",
                operator=CLERKS[FINANCE],
                purpose=str(GRANT["purpose"]),
            )
        )
        told.append(reply.reason.value if isinstance(reply, Refused) else "answered")
    return told


def past(made: Bygones) -> Past:
    return replace(open_past(made.home), key=WATCH_KEY)


def release(made: Bygones) -> None:
    """Two officers let the grant go on."""
    url = made.home.database_url(load(made.home, "serve.toml", ServeSettings))
    stop = SqlWatchReader.open(url).stops()[-1]
    content: dict[str, JsonValue] = {"frozen": False, "incident": stop.incident}
    made.put_in_force(Kind.FREEZE, stop.target, content, SECURITY, LEADER, path=RELEASE, reason="已核实")


def some_days(made: Bygones) -> list[list[str]]:
    """Two harvests under two sets of thresholds, the first of which officers took for a false alarm."""
    told = list[list[str]]()
    for start, alarm in ((100, 13.0), (200, 9.0)):
        tighten(made, replace(DEFAULTS, alarm=alarm))
        told.append(ask(made, start, 16))
        made.clock.pass_by(hours=2)
        if start == 100:
            release(made)
    return told


# ------------------------------------------------------------------------------------------------ in force


def test_what_two_signed_counts_from_the_next_turn_on_and_is_replayed_as_it_counted(made: Bygones) -> None:
    first, second = some_days(made)
    today = local_day(made.clock.now())

    found = replay(past(made), today - timedelta(days=1), today)

    assert 0 < second.index("held") < first.index("held")
    assert in_force(past(made)) == replace(DEFAULTS, alarm=9.0)
    assert (found.verdict, found.found.identical) == (Verdict.IDENTICAL, 2), found
    assert found.incidents == 1, "both within a week"


def test_loosening_in_a_hurry_is_refused_and_nothing_changes(made: Bygones) -> None:
    with pytest.raises(DeedError, match="只能收严"):
        tighten(made, LOOSE)

    assert made.rights.load().thresholds == {}


# ------------------------------------------------------------------------------------------------ in the shadow


def test_a_shadow_decides_nothing(made: Bygones) -> None:
    shadow(made, replace(DEFAULTS, alarm=5.0))

    assert set(ask(made, 100, 20)) == {"answered"}, "the watch of this office lets everything pass"
    assert made.rights.load().thresholds == {}
    assert beside(past(made)).shadow.thresholds.alarm == 5.0


def test_without_a_shadow_there_is_no_report(made: Bygones) -> None:
    with pytest.raises(NoShadowError):
        beside(past(made))


def test_a_shadow_is_adopted_after_thirty_days_with_its_report_and_no_day_earlier(made: Bygones) -> None:
    entry = shadow(made, LOOSE)
    some_days(made)
    running = beside(past(made))
    found = shadowed(past(made), running)
    content = adoption(running.shadow, found.span, report_digest(found.report))

    made.clock.pass_by(days=29)
    with pytest.raises(DeedError, match="须满 30 天"):
        made.put_in_force(Kind.THRESHOLDS, THRESHOLDS_ID, content, SECURITY, LEADER)
    made.clock.pass_by(days=1)
    again = shadowed(past(made), running, until=found.span[1])
    at = made.put_in_force(Kind.THRESHOLDS, THRESHOLDS_ID, content, SECURITY, LEADER)

    assert (running.entry, found.span[0]) == (entry, entry)
    assert again.report == found.report, "whoever signs second comes to the same report"
    assert in_force(past(made)) == LOOSE
    assert made.rights.load().thresholds == content_of(LOOSE)
    assert report_digest(found.report) in str(made.entry(at)["body"]), "the ledger names the report"


def test_a_report_tells_what_would_have_passed_and_which_of_it_was_a_false_alarm(made: Bygones) -> None:
    some_days(made)

    found = what_if(past(made), LOOSE, days=30)
    (missed,) = found.weighed

    assert (missed.grant, missed.detector, missed.in_force, missed.candidate) == ("G-1", "miss_rate", 1, 0)
    assert (missed.only_in_force, missed.released) == (1, 1)
    assert found.report["candidate"] == digest_of(LOOSE)
    assert not any(an_id(number) in str(found.report) for number in range(100, 300))


def test_a_report_of_no_days_is_empty(made: Bygones) -> None:
    some_days(made)
    made.clock.pass_by(days=3)

    found = what_if(past(made), LOOSE, days=1)

    assert (found.weighed, found.report["comparisons"]) == ([], 0)
