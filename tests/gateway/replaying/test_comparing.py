"""A recorded day gives the same incidents once more, byte for byte; what was altered is noticed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from adapters.sql.engine import open_engine
from audit.erased import Erased
from audit.puncture import month_number
from gateway.domain.answer import Cause
from gateway.domain.incident import Detector
from gateway.replaying.comparing import Verdict
from gateway.replaying.records import Records
from gateway.replaying.turns import Laid, Turn
from gateway.sweeping import Sweep
from gateway.watch.recorded import Seen
from gateway.watch.thresholds import Thresholds
from tests.fakes_audit import a_point
from tests.gateway.replaying.recording import (
    LIMITS,
    one_by_one,
    reading,
    recorded,
    some_days,
    stored,
    unknown,
    watched_again,
)
from tests.gateway.test_sweeping import LIMITS as SWEPT
from tests.gateway.test_sweeping import MANY, go_round, of_partner
from tests.gateways import WATCH_KEY
from tests.make import a_caller, a_grant, a_request, an_id, limits

ALL = {
    Detector.MISS_RATE,
    Detector.MISMATCH_RATE,
    Detector.CELL,
    Detector.UNIT_SHARE,
    Detector.QUESTIONS,
    Detector.SUBJECTS,
    Detector.VIP,
}
_ENCODE = msgspec.json.Encoder(order="deterministic").encode


def test_days_with_trips_and_releases_give_the_same_incidents_byte_for_byte(tmp_path: Path, engine_url: str) -> None:
    gateway = recorded(tmp_path, engine_url)
    told = some_days(gateway, engine_url)
    assert {"confirmed", "not_confirmed", "held", "frozen", "quota"} == set(told)

    with reading(engine_url) as reader:
        found, book = watched_again(gateway, reader)
    gateway.close()

    assert found.verdict is Verdict.IDENTICAL, found.first
    assert found.identical >= 5
    assert (found.missing, found.different, found.beside) == (0, 0, 0)
    assert {each.finding.detector for each in book.incidents} == ALL, "also what stopped nothing, or looked nobody up"
    again = {each.number: _ENCODE(each) for each in book.incidents}
    assert again == stored(engine_url)


def test_what_was_laid_for_want_of_a_budget_is_replayed_although_nobody_was_looked_up(
    tmp_path: Path, engine_url: str
) -> None:
    grants = (a_grant(**{"class": "open", "hit_rate": 99, "limits": limits(day=3)}),)
    gateway = recorded(tmp_path, engine_url, grants)
    told = one_by_one(gateway, [a_request(number) for number in range(1, 6)])
    assert told == ["confirmed"] * 3 + ["quota", "held"]

    with reading(engine_url) as reader:
        found, _ = watched_again(gateway, reader, grants=grants)
    gateway.close()

    assert (found.verdict, found.identical, found.beside) == (Verdict.IDENTICAL, 1, 0)


def test_what_was_new_about_a_system_is_taken_as_it_stands(tmp_path: Path, engine_url: str) -> None:
    gateway = recorded(tmp_path, engine_url, limits=replace(LIMITS, habit_days=1))
    signed = replace(a_caller(), signature=b"s")
    assert one_by_one(gateway, [a_request(1)]) == ["confirmed"]
    gateway.clock.pass_by(days=1, hours=4)
    told = one_by_one(gateway, [a_request(2), a_request(2, caller=signed), *unknown(100, 8)])
    assert told[:2] == ["held", "confirmed"]
    assert told[-1] == "held"

    with reading(engine_url) as reader:
        found, _ = watched_again(gateway, reader)
    gateway.close()

    assert (found.verdict, found.identical, found.beside) == (Verdict.IDENTICAL, 1, 1)


def _less_known(each: Turn | Laid) -> Turn | Laid:
    """As if some of those who were unknown had been confirmed."""
    if isinstance(each, Turn):
        rows = [msgspec.structs.replace(row, seen=_confirmed(row.seen)) if row.entry % 2 else row for row in each.rows]
        return msgspec.structs.replace(each, rows=rows)
    return each


def _confirmed(seen: Seen) -> Seen:
    return msgspec.structs.replace(seen, cause=Cause.CONFIRMED, is_known=True)


def _other_place(each: Turn | Laid) -> Turn | Laid:
    return msgspec.structs.replace(each, body=each.body.replace(b"held", b"frozen")) if isinstance(each, Laid) else each


def _other_finding(each: Turn | Laid) -> Turn | Laid:
    if isinstance(each, Laid) and isinstance(each.finding, dict):
        return msgspec.structs.replace(each, finding=each.finding | {"observed": "1.0"})
    return each


CHANGES: dict[str, tuple[Callable[[Turn | Laid], Turn | Laid], Thresholds]] = {
    "observations were made better": (_less_known, LIMITS),
    "a freeze was made of a hold": (_other_place, LIMITS),
    "a finding says less": (_other_finding, LIMITS),
    "other thresholds were in force": (lambda each: each, Thresholds(alarm=30.0, check_share=0.0)),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_was_altered_is_noticed(case: str, tmp_path: Path, sqlite_url: str) -> None:
    change, limits = CHANGES[case]
    gateway = recorded(tmp_path, sqlite_url)
    some_days(gateway, sqlite_url)

    with reading(sqlite_url) as reader:
        found, _ = watched_again(gateway, reader, limits=limits, change=change)
    gateway.close()

    assert found.verdict is Verdict.DIFFERS
    assert found.first is not None
    assert found.first.recorded or found.first.replayed
    assert not any(an_id(number) in str(found.first) for number in range(1, 600))


def test_a_replay_that_begins_later_counts_only_what_stands_behind(tmp_path: Path, sqlite_url: str) -> None:
    gateway = recorded(tmp_path, sqlite_url)
    some_days(gateway, sqlite_url)

    with reading(sqlite_url) as reader:
        whole, _ = watched_again(gateway, reader)
        last, _ = watched_again(gateway, reader, since=reader.head().size - 12)
    gateway.close()

    assert last.verdict is Verdict.IDENTICAL
    assert 0 < last.identical < whole.identical


# ------------------------------------------------------------------------------- what lies beside the ledger


def test_disclosures_that_were_changed_taken_away_or_swapped_are_told(tmp_path: Path, sqlite_url: str) -> None:
    gateway = recorded(tmp_path, sqlite_url)
    some_days(gateway, sqlite_url)
    gateway.close()

    told = {}
    for case, statement in STATEMENTS.items():
        copy = tmp_path / "copy.sqlite"
        shutil.copyfile(tmp_path / "database.sqlite", copy)
        alter(f"sqlite:///{copy}", statement)
        with reading(f"sqlite:///{copy}") as reader:
            found, _ = watched_again(gateway, reader)
        told[case] = found.verdict, sorted({entry for entry, _ in found.met.altered})

    assert told == {case: (Verdict.DIFFERS, [4]) for case in STATEMENTS}


STATEMENTS = {
    "an entry that is no JSON": """UPDATE ledger_entry SET entry = CAST(
        replace(entry, '"type":"comparison.', '"type":comparison.') AS BLOB) WHERE "index" = 4""",
    "an entry of another place": """UPDATE ledger_entry SET entry = (
        SELECT entry FROM ledger_entry WHERE "index" = 5) WHERE "index" = 4""",
    "an entry without its grant": """UPDATE ledger_entry SET entry = CAST(
        replace(entry, '"grant":"G-1"', '"grant":17') AS BLOB) WHERE "index" = 4""",
    "one byte": """UPDATE ledger_disclosure SET disclosures = CAST(
        substr(disclosures, 1, 900) || x'00' || substr(disclosures, 902) AS BLOB) WHERE "index" = 4""",
    "taken away": 'DELETE FROM ledger_disclosure WHERE "index" = 4',
    "another's": """UPDATE ledger_disclosure SET disclosures = (
        SELECT disclosures FROM ledger_disclosure WHERE "index" = 5) WHERE "index" = 4""",
    "cut": 'UPDATE ledger_disclosure SET disclosures = substr(disclosures, 1, 500) WHERE "index" = 4',
}


def alter(url: str, statement: str) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        guards = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
        for each in guards:
            connection.exec_driver_sql(f'DROP TRIGGER "{each}"')
        connection.exec_driver_sql(statement)
    engine.dispose()


def test_of_erased_people_all_but_the_cell_is_left_and_of_those_who_asked_nothing(
    tmp_path: Path, sqlite_url: str
) -> None:
    gateway = recorded(tmp_path, sqlite_url)
    some_days(gateway, sqlite_url)
    gateway.close()
    after = month_number(f"{gateway.clock.now():%Y-%m}") + 1
    tombstone = Erased(by=999, names=("subject",), ranges=((0, 900),), deed="d")

    gateway.keys.destroy({a_point("person", an_id(100)): after})
    with reading(sqlite_url) as reader:
        first, _ = watched_again(gateway, reader, erased=[tombstone])
    gateway.keys.destroy({a_point("person", an_id(105)): after})
    with reading(sqlite_url) as reader:
        found, _ = watched_again(gateway, reader, erased=[tombstone])
        unexplained, _ = watched_again(gateway, reader)
    gateway.keys.destroy({a_point("operator", "wang-01"): after})
    with reading(sqlite_url) as reader:
        later = Erased(1000, ("inner",), ((0, 900),), "d")
        records = Records(reader, gateway.keys, iter([[tombstone], [tombstone, later]]).__next__)
        rows = [row for each in records.read(0, reader.head().size) if isinstance(each, Turn) for row in each.rows]

    assert (first.verdict, first.met.nameless) == (Verdict.IDENTICAL, 2), "nobody of the samples was erased"
    assert (found.met.altered, found.met.nameless) == ([], 4)
    assert found.verdict is Verdict.ERASED, "a sample of an incident has no name any more"
    assert unexplained.verdict is Verdict.DIFFERS
    assert (rows, records.met.altered) == ([], [])
    assert records.met.erased == records.met.compared


def test_what_was_noticed_or_stopped_beside_the_line_is_taken_as_it_stands(tmp_path: Path, sqlite_url: str) -> None:
    gateway = recorded(tmp_path, sqlite_url, tuple(MANY))
    gateway.person(1)
    asked = [of_partner(1, each.number) for each in MANY[:5]]
    guessed = [of_partner(300 + 20 * place + at, each.number) for place, each in enumerate(MANY) for at in range(3)]
    assert set(one_by_one(gateway, [*asked, *guessed])) == {"confirmed", "not_confirmed"}
    gateway.clock.pass_by(hours=1)
    found = go_round(gateway, Sweep(WATCH_KEY, SWEPT))
    assert {each.finding.detector for each in found} == {Detector.UNION_MISS, Detector.FAN_IN}
    assert set(one_by_one(gateway, [of_partner(1, each.number) for each in MANY])) == {"held"}

    with reading(sqlite_url) as reader:
        again, _ = watched_again(gateway, reader, grants=tuple(MANY))
    gateway.close()

    assert (again.verdict, again.different, again.beside) == (Verdict.IDENTICAL, 0, len(found)), again.first
