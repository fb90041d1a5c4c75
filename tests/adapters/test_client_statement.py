"""The client holds statements against what it kept: whole, lacking, strange; against a desk over a ledger in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

import httpx2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.statement import read_comparison
from bidui_client import (
    Client,
    InvalidError,
    Kept,
    NotMadeError,
    RefusedError,
    StatementCheck,
    StatementError,
    check_statement,
    read_kept,
)
from bidui_client.statement import read_entries
from gateway.statements.desk import MOST_LINES, StatementDesk, as_json
from tests.adapters.test_client import an_account, ask
from tests.audit.make import ORIGIN, RECEIPT_SIGNER
from tests.fakes_gateway import FakeGateway, a_problem
from tests.gateway.statements.make import Bench, a_bench

DAY, SYSTEM = date(2026, 3, 1), "payroll-1"
VKEY = RECEIPT_SIGNER.vkey


class Told:
    """What the gateway tells of a day, and everything that its callers were told."""

    def __init__(self, bench: Bench) -> None:
        bench.clock.pass_by(days=1)
        bench.maker.run_once()
        self.desk = StatementDesk(
            origin=ORIGIN,
            statements=bench.store.statements,
            reader=bench.store.ledger,
            store=bench.store,
            ledger=bench.maker.ledger,
            keys=bench.keys,
            clock=bench.clock,
        )
        kept = bench.store.statements.find(DAY.isoformat(), "payroll", SYSTEM)
        assert kept is not None
        self.kept = kept
        self.statement: Any = {"statement": as_json(kept.document), "operators": self.desk.operators(kept)}
        self.pages: list[Any] = []
        after = -1
        while True:
            lines = self.desk.lines(kept, after)
            self.pages.append({"entries": msgspec.to_builtins(lines), "more": len(lines) == MOST_LINES})
            if len(lines) < MOST_LINES:
                break
            after = lines[-1].index

    @property
    def everything(self) -> Kept:
        return kept_of([*self.desk.reader.entries(0, 10_000)])

    def check(self, kept: Kept) -> StatementCheck:
        """As `Client.check_statement` does it."""
        found = check_statement(VKEY, self.statement, kept, system=SYSTEM, day=DAY)
        found = found or check_statement(
            VKEY, self.statement, kept, system=SYSTEM, day=DAY, entries=read_entries(self.pages)
        )
        assert found is not None
        return found


def kept_of(entries: Sequence[bytes], system: str = SYSTEM) -> Kept:
    """What a client of this system kept."""
    receipts, refusals = [], {}
    for content in entries:
        found = read_comparison(content, ORIGIN)
        if found is None or found.system != system:
            continue
        if found.incident:
            refusals[found.incident] = (found.reason, int(date_of(found.time)))
        else:
            receipts.append(json.loads(found.told))
    return Kept(receipts, refusals)


def date_of(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def a_day(acts: Sequence[str]) -> Told:
    bench = a_bench("2026-03-01T10:00:00+08:00")
    for act in acts:
        bench.clock.pass_by(seconds=60)
        partner, system, operator = ("payroll", SYSTEM, "wang-01") if act[1] == "1" else ("payroll", "payroll-2", "li")
        (bench.answer if act[0] == "a" else bench.refuse)(partner, system, operator)
    return Told(bench)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["a1", "r1", "a2", "r2"]), max_size=12), st.data())
def test_a_check_tells_exactly_what_differs(acts: Sequence[str], data: st.DataObject) -> None:
    told = a_day(acts)
    everything = told.everything
    lost = data.draw(st.sets(st.sampled_from([each["index"] for each in everything.receipts] or [0])))
    forgotten = data.draw(st.sets(st.sampled_from(sorted(everything.refusals) or [""])))
    kept = Kept(
        [each for each in everything.receipts if each["index"] not in lost],
        {name: each for name, each in everything.refusals.items() if name not in forgotten},
    )

    found = told.check(kept)

    lost &= {each["index"] for each in everything.receipts}
    forgotten &= everything.refusals.keys()
    assert {each.index for each in found.unknown if not each.incident} == lost
    assert {each.incident for each in found.unknown if each.incident} == forgotten
    assert (found.missing, found.missing_refusals) == ((), ())
    assert found.agrees == (not lost and not forgotten)
    assert (found.answered, found.refused) == (len(everything.receipts), len(everything.refusals))
    acted = {"wang-01": (found.answered, found.refused)}
    assert found.operators == (acted if everything.receipts or everything.refusals else {})


def test_a_receipt_that_the_statement_lacks_is_missing() -> None:
    told = a_day(["a1", "a1"])
    everything = told.everything
    more = {**everything.receipts[0], "index": 999}

    refused = {"f" * 16: ("quota", int(date_of("2026-03-01T12:00:00+08:00")))}

    found = told.check(Kept([*everything.receipts, more], refused))

    assert (found.missing, found.missing_refusals, found.unknown) == ((999,), ("f" * 16,), ())
    assert not found.agrees


def test_receipts_of_other_days_and_logs_are_nobodys_fault() -> None:
    told = a_day(["a1"])
    everything = told.everything
    others = [
        {**everything.receipts[0], "time": "2026-03-01T16:00:00.000000Z"},
        {**everything.receipts[0], "origin": "another.example/audit/2026-1"},
    ]

    assert told.check(Kept([*everything.receipts, *others], {"f" * 16: ("quota", 0)})).agrees


def test_a_refusal_at_midnight_is_known_whatever_the_clocks_say() -> None:
    told = a_day(["r1"])
    (incident,) = told.everything.refusals
    late = {incident: ("held", int(date_of("2026-03-02T00:00:05+08:00")))}

    assert told.check(Kept([], late)).agrees


CHANGES = {
    "a count": lambda told: told["statement"]["body"]["answered"].update(count=7),
    "another day": lambda told: told["statement"]["body"].update(day="2026-03-02"),
    "another system": lambda told: told["statement"]["body"].update(system="payroll-2"),
    "no signature": lambda told: told["statement"].update(signature=""),
    "nothing": lambda told: told.clear(),
    "another operator": lambda told: told["operators"]["digests"].append("ab" * 32),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_statement_proves_nothing(change: Any) -> None:
    told = a_day(["a1"])
    everything = told.everything
    change(told.statement)

    with pytest.raises(StatementError):
        told.check(everything)


def test_entries_that_are_not_those_of_the_statement_prove_nothing() -> None:
    told = a_day(["a1", "a1"])
    del told.pages[0]["entries"][0]

    with pytest.raises(StatementError):
        told.check(Kept())


def test_operators_that_do_not_open_are_not_told() -> None:
    told = a_day(["a1"])
    told.statement["operators"]["opened"][0]["answered"] = 5

    assert told.check(told.everything).operators == {}


# -------------------------------------------------------------------------------------------- over HTTP, and on disk


class FakeStatements:
    """A gateway that answers as the desk does; `disputes` are what it was told."""

    def __init__(self, told: Told | None) -> None:
        self.told = told
        self.disputes: list[Any] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/oauth/token":
            return httpx2.Response(200, json={"access_token": "t", "token_type": "Bearer", "expires_in": 600})
        if self.told is None:
            return httpx2.Response(404, json={"type": "urn:bidui:problem:not-found", "status": 404})
        if request.url.path.endswith("/disputes"):
            self.disputes.append(json.loads(request.content))
            return httpx2.Response(201, json={"dispute": "d" * 32, "entry": 9})
        if request.url.path.endswith("/entries"):
            return httpx2.Response(200, json=self.told.pages[0])
        return httpx2.Response(200, json=self.told.statement)


def a_client(told: Told | None, folder: Path) -> tuple[Client, FakeStatements]:
    gateway = FakeStatements(told)
    account = an_account(client_id=SYSTEM, receipts=folder, receipt_key=VKEY)
    return Client(account, transport=httpx2.MockTransport(gateway)), gateway


def write(folder: Path, kept: Kept) -> None:
    for body in kept.receipts:
        answer = {"receipt": {"body": body}}
        (folder / f"{body['index']:012d}.json").write_text(json.dumps({"request": "", "answer": answer}))
    for incident, (reason, at) in kept.refusals.items():
        (folder / f"refused-{incident}.json").write_text(
            json.dumps({"refused": {"incident": incident, "reason": reason}, "at": at})
        )


def test_the_client_checks_its_folder_and_disputes(tmp_path: Path) -> None:
    told = a_day(["a1", "r1", "a1"])
    everything = told.everything
    write(tmp_path, Kept(everything.receipts[1:], everything.refusals))
    client, gateway = a_client(told, tmp_path)

    with client:
        found = client.check_statement(DAY)
        number = client.dispute(found)

    lost = everything.receipts[0]["index"]
    assert [each.index for each in found.unknown] == [lost]
    assert gateway.disputes == [{"day": "2026-03-01", "unknown": [lost], "missing": []}]
    assert number == "d" * 32


def test_a_whole_folder_agrees_and_leaves_nothing_to_dispute(tmp_path: Path) -> None:
    told = a_day(["a1", "r1"])
    write(tmp_path, told.everything)
    client, _ = a_client(told, tmp_path)

    with client:
        found = client.check_statement(DAY)
        with pytest.raises(InvalidError):
            client.dispute(found)

    assert found.agrees


def test_a_day_that_is_not_made_is_said_so(tmp_path: Path) -> None:
    client, _ = a_client(None, tmp_path)

    with client, pytest.raises(NotMadeError):
        client.check_statement(DAY)


def test_without_folder_or_key_there_is_nothing_to_check(tmp_path: Path) -> None:
    client = Client(an_account(receipts=tmp_path), transport=httpx2.MockTransport(FakeStatements(None)))

    with client, pytest.raises(InvalidError):
        client.check_statement(DAY)


def test_a_strange_file_among_the_receipts_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")

    with pytest.raises(StatementError, match=r"x\.json"):
        read_kept(tmp_path)


def test_a_refusal_is_kept_without_anything_of_the_question(tmp_path: Path) -> None:
    def refuse(_: httpx2.Request) -> httpx2.Response:
        return a_problem(403, reason="quota", incident="0123456789abcdef")

    with pytest.raises(RefusedError):
        ask(FakeGateway([refuse]), an_account(receipts=tmp_path))

    (file,) = tmp_path.iterdir()
    kept = cast("dict[str, Any]", json.loads(file.read_text()))
    assert file.name == "refused-0123456789abcdef.json"
    assert kept.keys() == {"refused", "at"}
    assert kept["refused"] == {"incident": "0123456789abcdef", "reason": "quota"}
    assert read_kept(tmp_path).refusals["0123456789abcdef"][0] == "quota"
