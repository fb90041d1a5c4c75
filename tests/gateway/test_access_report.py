"""Reports of who compared somebody: complete up to their cut-off, silent about what is sealed, recorded first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.people import Duty
from ops.demo.office import IDS
from tests.bygones import CLERKS, DISCIPLINE, FINANCE, Bygones, bygones
from tests.desks import OpenOffice, a_desk_over
from tests.make import NAME, an_id

AUDITOR = IDS[Duty.AUDIT_ADMIN]


@contextmanager
def opened(world: Bygones) -> Iterator[OpenOffice]:
    with a_desk_over(world.home) as desk, closing(OpenOffice(desk)) as office:
        yield office


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Bygones]:
    with closing(bygones(tmp_path / "home")) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bygones]:
    """A world for tests that mind nothing that was asked before."""
    with closing(bygones(tmp_path_factory.mktemp("shared") / "home")) as made:
        yield made


def report(office: OpenOffice, number: str | None = None, matter: str = "申-2026-1", kind: str = "person") -> Any:
    return office.somebody(AUDITOR).post(
        "access-reports", id=an_id(1) if number is None else number, matter=matter, kind=kind
    )


def test_it_tells_who_asked_what_why_and_what_they_were_told(world: Bygones) -> None:
    asked = world.ask("unit", "quota_type")
    refused = world.ask("unit", purpose="benefit-check")
    with opened(world) as office:
        told = report(office)

    first, second = told["lines"]
    assert (first["entry"], second["entry"]) == (asked, refused)
    assert (first["system"], first["department"], first["grant"]) == (FINANCE, "caizheng", "G-1")
    assert all(first[each] for each in ("purpose", "purpose_zh", "legal_basis"))
    assert [(each["field"], bool(each["code_zh"])) for each in first["fields"]] == [
        ("name", True),
        ("unit", True),
        ("quota_type", True),
    ]
    assert first["result"] in {"confirmed", "not_confirmed"}
    assert (second["result"], second["refused"]) == ("refused", "not_permitted")
    assert second["purpose"] is None
    assert told["is_whole"]
    assert told["before"] < told["entry"]


def test_it_names_neither_the_subject_nor_an_operator_nor_a_value(shared: Bygones) -> None:
    shared.ask("unit")
    with opened(shared) as office:
        told = json.dumps(report(office), ensure_ascii=False)

    for secret in (an_id(1), NAME, "盟教育局", CLERKS[FINANCE]):
        assert secret not in told


def test_somebody_else_has_another_report(shared: Bygones) -> None:
    shared.ask("unit")
    with opened(shared) as office:
        told = report(office, an_id(9))

    assert told["lines"] == []
    assert "共 0 次比对" in told["text"]


def test_what_is_sealed_is_absent_and_counted_by_the_month_alone(world: Bygones) -> None:
    world.ask("unit")
    world.ask("unit", client=DISCIPLINE, matter="案-1")
    world.ask("unit", client=DISCIPLINE, matter="案-1", grant="nothing", purpose="nothing")
    with opened(world) as office:
        told = report(office)
        months = office.somebody(AUDITOR).get("sealed-entries")["months"]

    assert [each["system"] for each in told["lines"]] == [FINANCE]
    assert DISCIPLINE not in json.dumps(told)
    assert sum(each["entries"] for each in months) == 1
    assert world.types()[-1] == "access.reported"


def test_it_is_recorded_before_it_is_shown(shared: Bygones) -> None:
    shared.ask("unit")
    with opened(shared) as office:
        told = report(office)

    search, last = shared.entry(told["before"]), shared.entry(told["entry"])
    said: Any = last["body"]
    assert (search["type"], last["type"]) == ("trail.searched", "access.reported")
    assert (said["person"], said["use"], said["found"], said["before"]) == (
        AUDITOR,
        "report",
        len(told["lines"]),
        told["before"],
    )
    assert an_id(1) not in json.dumps([search, last])
    assert "申-2026-1" not in json.dumps([search, last], ensure_ascii=False)


def test_a_report_is_complete_up_to_its_cut_off_and_no_further(world: Bygones) -> None:
    with opened(world) as office:
        for times in (1, 2, 3):
            last = world.ask("unit")
            told = report(office)
            assert len(told["lines"]) == times
            assert told["lines"][-1]["entry"] == last < told["before"]


def test_an_officer_has_only_so_many_persons_a_day(world: Bygones) -> None:
    with opened(world) as office:
        auditor = office.somebody(AUDITOR)
        for number in range(1, 21):
            report(office, an_id(number))
        report(office, an_id(20))
        before = world.types().count("access.reported")
        body = json.dumps({"id": an_id(21), "matter": "申-2026-1"}).encode()
        refused = office.send("POST", "access-reports", auditor.headers, body)

    assert refused.status_code == 403
    assert world.types()[-1] == "trail.refused"
    assert world.types().count("access.reported") == before


WRONG = {
    "no matter": ({"id": an_id(1), "matter": " "}, 422),
    "no number": ({"id": "", "matter": "m"}, 422),
    "a wrong check digit": ({"id": an_id(1)[:-1] + ("0" if an_id(1)[-1] != "0" else "1"), "matter": "m"}, 422),
    "no kind of ours": ({"id": an_id(1), "matter": "m", "kind": "dog"}, 422),
    "another member": ({"id": an_id(1), "matter": "m", "more": 1}, 422),
}


@pytest.mark.parametrize(("body", "status"), WRONG.values(), ids=WRONG)
def test_wrong_requests_are_told_without_the_number(shared: Bygones, body: dict[str, object], status: int) -> None:
    entries = len(shared.types())
    with opened(shared) as office:
        auditor = office.somebody(AUDITOR)
        answer = office.send("POST", "access-reports", auditor.headers, json.dumps(body).encode())

    assert answer.status_code == status
    assert not body["id"] or str(body["id"]) not in answer.text
    assert len(shared.types()) == entries


@pytest.mark.parametrize("duty", [duty for duty in Duty if duty is not Duty.AUDIT_ADMIN and duty in IDS])
def test_only_auditors_draw_reports(shared: Bygones, duty: Duty) -> None:
    with opened(shared) as office:
        other = office.somebody(IDS[duty])
        body = json.dumps({"id": an_id(1), "matter": "m"}).encode()

        assert office.send("POST", "access-reports", other.headers, body).status_code == 403
        assert office.send("GET", "sealed-entries", other.headers, b"").status_code == 403


def test_it_can_be_printed(shared: Bygones) -> None:
    entry = shared.ask("unit")
    with opened(shared) as office:
        text = report(office)["text"]

    assert text.startswith("查询情况报告\n")
    assert f"第 {entry} 条" in text
    assert "依据：" in text
    assert text.endswith("（完）\n")
    assert all(each.isprintable() or each == "\n" for each in text)
