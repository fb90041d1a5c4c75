"""Statements against a plain model of them; edges of the day; crashes; a year in small."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.checkpoint import verifier
from audit.errors import ReceiptError
from audit.statement import verify
from gateway.domain.errors import UnavailableError
from tests.audit.make import ORIGIN, RECEIPT_SIGNER
from tests.fakes_statements import CrashError
from tests.gateway.statements.make import SYSTEMS, Bench, a_bench

SHANGHAI = ZoneInfo("Asia/Shanghai")


def body(bench: Bench, day: str, system: str = "payroll-1") -> dict[str, Any]:
    """What the statement of a day says; its signature holds."""
    partner = next(partner for partner, client in SYSTEMS if client == system)
    kept = bench.store.statements.find(day, partner, system)
    assert kept is not None
    told: dict[str, Any] = json.loads(verify(kept.document, verifier(RECEIPT_SIGNER.vkey)))
    return told


def model_root(leaves: Sequence[bytes]) -> str:
    """RFC 6962, by its definition."""

    def mth(entries: Sequence[bytes]) -> bytes:
        if not entries:
            return sha256(b"").digest()
        if len(entries) == 1:
            return sha256(b"\0" + entries[0]).digest()
        split = 1
        while split * 2 < len(entries):
            split *= 2
        return sha256(b"\1" + mth(entries[:split]) + mth(entries[split:])).digest()

    return mth(leaves).hex()


def model(bench: Bench) -> Mapping[tuple[str, str, str], dict[str, Any]]:
    """What each day's statement of each system must say, from the rows of the ledger alone."""
    found: dict[tuple[str, str, str], list[tuple[dict[str, Any], bytes]]] = {}
    for row in bench.store.ledger.rows:
        entry = json.loads(row.entry)
        if entry["type"].startswith("comparison."):
            day = datetime.fromisoformat(entry["log_time"]).astimezone(SHANGHAI).date().isoformat()
            found.setdefault((day, entry["partner"], entry["body"]["client"]), []).append((entry, row.leaf))
    return {key: model_statement(each) for key, each in found.items()}


def model_statement(rows: Sequence[tuple[dict[str, Any], bytes]]) -> dict[str, Any]:
    receipts, refusals = [], []
    for entry, leaf in rows:
        said = entry["body"]
        if "refused" in said["outcome"]:
            refusals.append({"incident": said["outcome"]["incident"], "reason": said["outcome"]["refused"]})
        else:
            kept = {name: said[name] for name in ("data", "policy", "request_sha256", "response_sha256")}
            own = {"index": entry["seq"], "leaf": leaf.hex(), "origin": ORIGIN, "time": entry["log_time"], "v": 1}
            receipts.append(kept | own)
    places = [{"index": entry["seq"], "pseq": entry["pseq"]} for entry, _ in rows]
    return {
        "answered": {"count": len(receipts), "root": model_root([canonical(each) for each in receipts])},
        "refused": {"count": len(refusals), "root": model_root(sorted(canonical(each) for each in refusals))},
        "first": places[0],
        "last": places[-1],
    }


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


ACTS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 600, 3 * 3600, 8 * 3600, 23 * 3600, 50 * 3600]),  # seconds that pass before it
        st.sampled_from(["answer", "refuse", "make"]),
        st.sampled_from(SYSTEMS),
        st.sampled_from(["wang-01", "li-02"]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(ACTS)
def test_statements_are_those_of_the_model(acts: Sequence[tuple[int, str, tuple[str, str], str]]) -> None:
    bench = a_bench()

    for seconds, act, (partner, system), operator in acts:
        bench.clock.pass_by(seconds=seconds)
        if act == "make":
            bench.maker.run_once()
        else:
            (bench.answer if act == "answer" else bench.refuse)(partner, system, operator)
    bench.clock.pass_by(days=1)
    bench.maker.run_once()

    wanted = model(bench)
    days = sorted(bench.store.statements.days)
    assert days == [(date(2026, 3, 1) + timedelta(days=n)).isoformat() for n in range(len(days))]
    assert days[-1] == (bench.clock.now().astimezone(SHANGHAI).date() - timedelta(days=1)).isoformat()
    assert {key for key in wanted if key[0] in days} <= bench.store.statements.kept.keys()
    for day, partner, system in bench.store.statements.kept:
        told = body(bench, day, system)
        expected = wanted.get((day, partner, system), EMPTY)
        assert {name: told[name] for name in expected} == expected
        assert (told["origin"], told["partner"], told["system"], told["day"]) == (ORIGIN, partner, system, day)


EMPTY = {
    "answered": {"count": 0, "root": sha256(b"").hexdigest()},
    "refused": {"count": 0, "root": sha256(b"").hexdigest()},
    "first": None,
    "last": None,
}


def test_a_day_is_one_of_shanghai_to_the_microsecond() -> None:
    bench = a_bench("2026-03-01T23:59:59.999998+08:00")
    before = bench.answer()
    bench.clock.pass_by(microseconds=1)  # its log time is the next microsecond: midnight itself
    behind = bench.answer()
    bench.clock.pass_by(days=1, seconds=1)

    assert bench.maker.run_once() == [date(2026, 3, 1), date(2026, 3, 2)]

    first, second = body(bench, "2026-03-01"), body(bench, "2026-03-02")
    assert before.time == "2026-03-01T15:59:59.999999Z"
    assert behind.time == "2026-03-01T16:00:00.000000Z"
    assert (first["last"]["index"], first["before"]) == (before.index, behind.index)
    assert second["first"]["index"] == behind.index
    assert (first["from"], first["until"]) == ("2026-02-28T16:00:00Z", "2026-03-01T16:00:00Z")


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2028-02-29", "2026-12-31"])
def test_days_have_24_hours_also_where_zone_files_know_summer_time(day: str) -> None:
    bench = a_bench(f"{day}T12:00:00+08:00")
    bench.answer()
    bench.clock.pass_by(days=1)

    bench.maker.run_once()

    told = body(bench, day)
    length = datetime.fromisoformat(told["until"]) - datetime.fromisoformat(told["from"])
    assert length == timedelta(days=1)
    assert told["answered"]["count"] == 1


def test_a_day_that_is_not_over_is_not_made() -> None:
    bench = a_bench("2026-03-01T10:00:00+08:00")
    bench.clock.at = datetime.fromisoformat("2026-03-01T23:59:59.999999+08:00")
    assert bench.maker.run_once() == []

    bench.clock.pass_by(microseconds=1)
    assert bench.maker.run_once() == [date(2026, 3, 1)]
    assert bench.maker.run_once() == []


def test_a_clock_that_steps_back_makes_no_day_twice_and_none_early() -> None:
    bench = a_bench("2026-03-01T10:00:00+08:00")
    bench.clock.pass_by(days=1)
    bench.maker.run_once()

    bench.clock.pass_by(days=-1)
    bench.answer()  # of 2 March all the same: log time goes on from the entry that recorded 1 March
    assert bench.maker.run_once() == []
    bench.clock.pass_by(days=2)

    assert bench.maker.run_once() == [date(2026, 3, 2)]
    assert body(bench, "2026-03-01")["answered"]["count"] == 0
    assert body(bench, "2026-03-02")["answered"]["count"] == 1


def test_a_day_without_traffic_has_a_statement_too() -> None:
    bench = a_bench()
    bench.clock.pass_by(days=1)

    bench.maker.run_once()

    for _, system in SYSTEMS:
        assert body(bench, "2026-03-01", system) | EMPTY == body(bench, "2026-03-01", system)


def test_a_system_that_ended_during_the_day_still_has_one() -> None:
    bench = a_bench()
    bench.answer("pension", "pension-1")
    bench.systems = ()
    bench.clock.pass_by(days=1)

    bench.maker.run_once()

    assert body(bench, "2026-03-01", "pension-1")["answered"]["count"] == 1
    assert len(bench.store.statements.kept) == 1


def test_a_day_without_any_system_is_closed() -> None:
    bench = a_bench()
    bench.systems = ()
    bench.clock.pass_by(days=3)

    assert len(bench.maker.run_once()) == 3
    assert bench.maker.run_once() == []


def test_a_crash_before_the_commit_leaves_nothing_and_the_day_is_made_again() -> None:
    bench = a_bench()
    bench.answer()
    bench.clock.pass_by(days=1)
    entries = len(bench.store.ledger.rows)
    bench.store.crashes = True

    with pytest.raises(CrashError):
        bench.maker.run_once()

    assert bench.store.statements.kept == {}
    assert len(bench.store.ledger.rows) == entries
    bench.store.crashes = False
    assert bench.maker.run_once() == [date(2026, 3, 1)]
    assert [row.type for row in bench.store.ledger.rows[entries:]] == ["statement.made"] * 2


def test_what_is_recorded_while_a_day_is_read_is_in_it() -> None:
    """A turn of another node commits between our reading and our lock, with a time of the day that is over."""
    bench = a_bench("2026-03-01T23:59:00+08:00")
    bench.answer()
    midnight = datetime.fromisoformat("2026-03-02T00:00:00+08:00")

    def another_node() -> None:
        bench.clock.at = midnight - timedelta(milliseconds=1)
        bench.answer()
        bench.clock.at = midnight

    bench.clock.at = midnight
    made = replace(bench.maker, rest=another_node).make(date(2026, 3, 1))

    assert made
    assert body(bench, "2026-03-01")["answered"]["count"] == 2
    assert body(bench, "2026-03-01") == body(bench, "2026-03-01") | model(bench)["2026-03-01", "payroll", "payroll-1"]


def test_of_two_nodes_one_makes_the_day() -> None:
    bench = a_bench()
    bench.clock.pass_by(days=1)
    other = replace(bench.maker, rest=lambda: None)
    done: list[bool] = []

    def first() -> None:
        if not done:
            done.append(other.make(date(2026, 3, 1)))

    assert replace(bench.maker, rest=first).make(date(2026, 3, 1)) is False
    assert done == [True]
    assert [row.type for row in bench.store.ledger.rows].count("statement.made") == 2


def test_every_statement_is_named_by_the_ledger() -> None:
    bench = a_bench()
    bench.answer()
    bench.refuse("pension", "pension-1")
    bench.clock.pass_by(days=1)
    bench.maker.run_once()

    named: dict[str, tuple[str, int, int]] = {}
    for row in bench.store.ledger.rows:
        if row.type == "statement.made":
            said = json.loads(row.entry)["body"]
            named |= {
                each["system"]: (each["sha256"], each["answered"], each["refused"]) for each in said["statements"]
            }

    for kept in bench.store.statements.kept.values():
        digest = sha256(canonical(json.loads(kept.document)["body"])).hexdigest()
        assert named[kept.system] == (digest, kept.answered, kept.refused)
        assert bench.store.ledger.rows[kept.entry].partner == kept.partner


def test_a_missing_entry_makes_no_statement() -> None:
    bench = a_bench()
    first = bench.answer()
    bench.answer()
    del bench.store.ledger.rows[first.index]
    bench.clock.pass_by(days=1)

    with pytest.raises(UnavailableError):
        bench.maker.run_once()

    assert bench.store.statements.kept == {}


@pytest.mark.parametrize(
    "change", [(b'"count":1', b'"count":2'), (b"payroll-1", b"payroll-2"), (b"2026-03-01", b"2026-03-02")]
)
def test_a_changed_statement_proves_nothing(change: tuple[bytes, bytes]) -> None:
    bench = a_bench()
    bench.answer()
    bench.clock.pass_by(days=1)
    bench.maker.run_once()
    kept = bench.store.statements.find("2026-03-01", "payroll", "payroll-1")
    assert kept is not None

    with pytest.raises(ReceiptError):
        verify(kept.document.replace(*change), verifier(RECEIPT_SIGNER.vkey))


def test_a_year_of_days() -> None:
    bench = a_bench("2026-01-01T09:00:00+08:00")
    for _ in range(365):
        bench.answer()
        bench.clock.pass_by(hours=24)
        bench.maker.run_once()

    assert len(bench.store.statements.days) == 365
    assert {(each.partner, each.count) for each in bench.store.statements.months()} == {
        ("payroll", 31),
        ("payroll", 28),
        ("payroll", 30),
    }
    assert bench.store.deeds.epoch == 1 + 12
