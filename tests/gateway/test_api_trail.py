"""The officers' search over HTTP: who may, what is found, what stands in the ledger before it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from adapters.sql.engine import open_engine
from gateway.domain.people import Duty
from ops.settings import ServeSettings, load
from tests.bygones import CLERKS, DISCIPLINE, FINANCE
from tests.gateway.trail.worlds import HOURS, SEARCH, VIEWS, TrailOffice
from tests.make import an_id
from tests.offices import Visitor

SE, AU = Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN
DAY = "?from=2026-06-30T00:00:00Z&to=2026-07-01T00:00:00Z"
ABOUT: dict[str, Any] = {"subject": {"kind": "person", "id": an_id(1)}, "because": "案-7"}
COMPARISONS = {"types": ["comparison.answered", "comparison.refused"]}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrailOffice]:
    with closing(TrailOffice(tmp_path_factory.mktemp("trail"))) as made:
        yield made


@pytest.fixture(scope="module")
def asked(office: TrailOffice) -> Mapping[str, int]:
    return {
        "answer": office.world.ask("unit"),
        "no such grant": office.world.ask(grant="G-9"),
        "from afar": office.world.ask("unit", address="192.168.0.9"),
        "secret": office.world.ask("unit", client=DISCIPLINE, matter="M-1"),
    }


def kind_of(response: httpx2.Response) -> tuple[int, str]:
    told = response.json()
    return response.status_code, str(told.get("type", "")).rpartition(":")[2]


# ---------------------------------------------------------------------------------------- who may

DOORS = {
    "search": lambda visitor: visitor.post(SEARCH, {}),
    "hours": lambda visitor: visitor.get(HOURS + DAY),
    "views": lambda visitor: visitor.get(VIEWS),
    "a view": lambda visitor: visitor.post(VIEWS, {"name": "本周", "filter": {}}),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("duty", Duty)
def test_the_doors_are_for_officers(office: TrailOffice, door: str, duty: Duty) -> None:
    response = DOORS[door](office.by(duty))

    assert response.status_code == (403 if duty not in {SE, AU} else 201 if door == "a view" else 200)
    if duty in {SE, AU}:
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("door", DOORS)
def test_nobody_is_told_anything(office: TrailOffice, door: str) -> None:
    assert kind_of(DOORS[door](Visitor(office))) == (401, "unauthorised")


# ---------------------------------------------------------------------------------------- what is found

FILTERS: dict[str, tuple[dict[str, list[str]], set[str]]] = {
    "all comparisons": (COMPARISONS, {"answer", "no such grant", "from afar", "secret"}),
    "of a partner": ({**COMPARISONS, "partners": ["jijian"]}, {"secret"}),
    "of a system": ({"clients": [FINANCE]}, {"answer", "no such grant", "from afar"}),
    "under a grant": ({**COMPARISONS, "grants": ["G-1"]}, {"answer", "from afar"}),
    "for a purpose": ({"purposes": ["payroll-check"]}, {"answer", "from afar"}),
    "refused": ({"outcomes": ["refused"]}, {"no such grant", "from afar"}),
    "refused for a reason": ({"reasons": ["not_permitted"]}, {"no such grant", "from afar"}),
    "with a field that matched": ({"outcomes": ["match"]}, {"answer", "secret"}),
    "confirmed or refused": (
        {"outcomes": ["confirmed", "refused"]},
        {"answer", "no such grant", "from afar", "secret"},
    ),
    "from a network": ({"networks": ["far"]}, {"from afar"}),
    "of a kind of subject": ({**COMPARISONS, "kinds": ["organisation"]}, set()),
    "of two that exclude each other": ({"networks": ["far"], "outcomes": ["confirmed"]}, set()),
    "a word that nobody said": ({"partners": ["nobody"]}, set()),
}


@pytest.mark.parametrize(("words", "names"), FILTERS.values(), ids=FILTERS)
def test_words_of_the_clear_part_are_found(
    office: TrailOffice, asked: Mapping[str, int], words: dict[str, list[str]], names: set[str]
) -> None:
    assert office.found(filter=words) == sorted((asked[name] for name in names), reverse=True)


def test_a_person_is_found_by_the_number(office: TrailOffice, asked: Mapping[str, int]) -> None:
    assert office.found(filter=COMPARISONS, **ABOUT) == sorted(asked.values(), reverse=True)
    nobody: dict[str, Any] = {"subject": {"kind": "person", "id": an_id(2)}, "because": "案-7"}
    assert office.found(filter=COMPARISONS, **nobody) == []


def test_an_operator_and_a_matter_are_found(office: TrailOffice, asked: Mapping[str, int]) -> None:
    assert office.found(filter=COMPARISONS, operator=CLERKS[DISCIPLINE]) == [asked["secret"]]
    assert office.found(matter="M-1") == [asked["secret"]]
    assert office.found(operator=CLERKS[FINANCE], matter="M-1") == []


def test_what_an_account_did_at_the_office_is_found(office: TrailOffice) -> None:
    told = office.search(operator=CLERKS[FINANCE], filter={"types": ["deed.signed"]})

    assert told["hits"]
    assert all(CLERKS[FINANCE] in hit["accounts"] or hit["accounts"] for hit in told["hits"])


def test_an_incident_is_found(office: TrailOffice, asked: Mapping[str, int]) -> None:
    [hit] = office.search(filter={"networks": ["far"]})["hits"]

    assert office.found(filter={"incidents": [hit["incident"]]}) == [asked["from afar"]]


def test_times_bound_what_is_found(office: TrailOffice, asked: Mapping[str, int]) -> None:
    hits = office.search(filter=COMPARISONS)["hits"]
    times = {hit["entry"]: hit["log_time"] for hit in hits}
    since, until = times[asked["no such grant"]], times[asked["secret"]]

    found = office.found(filter={**COMPARISONS, "since": since, "until": until})

    assert found == [asked["from afar"], asked["no such grant"]]
    assert office.found(filter={**COMPARISONS, "since": "2030-01-01T00:00:00Z"}) == []


def test_pages_go_on_where_the_last_one_ended_although_the_log_grows(
    office: TrailOffice, asked: Mapping[str, int]
) -> None:
    everything = office.found(filter=COMPARISONS)
    found, before = list[int](), None
    for _ in range(len(everything) + 1):
        told = office.search(filter=COMPARISONS, limit=1, before=before)
        office.world.ask(grant="G-9")
        found += [hit["entry"] for hit in told["hits"]]
        before = told["next"]
        if before is None:
            break

    assert found == everything


def test_without_any_condition_all_there_is_is_found(office: TrailOffice) -> None:
    told = office.search(limit=200)

    newest = told["entry"] - 1
    assert [hit["entry"] for hit in told["hits"]] == list(range(newest, max(-1, newest - 200), -1))


# ---------------------------------------------------------------------------------------- what is recorded


def test_a_search_is_recorded_before_it_is_answered(office: TrailOffice) -> None:
    told = office.search(filter={"partners": ["caizheng"], "since": "2026-06-30T00:00:00+08:00"}, limit=7)

    assert office.world.entry(told["entry"])["body"] == {
        "person": "zz-audit-admin",
        "duty": "audit_admin",
        "filter": {"partner": ["caizheng"], "since": ["2026-06-30T00:00:00+08:00"]},
        "terms": [],
        "kind": None,
        "before": None,
        "limit": 7,
    }
    assert all(hit["entry"] < told["entry"] for hit in told["hits"])


def test_whom_one_searched_for_is_nowhere_in_clear(office: TrailOffice) -> None:
    told = office.search(SE, operator=CLERKS[FINANCE], matter="M-77", **ABOUT)

    entry = json.dumps(office.world.entry(told["entry"]), ensure_ascii=False)
    assert office.world.entry(told["entry"])["body"]["terms"] == ["subject", "operator", "matter"]  # type: ignore[index]
    for hidden in (an_id(1), CLERKS[FINANCE], "M-77", "案-7"):
        assert hidden not in entry
        for file in office.world.home.path.rglob("control.sqlite*"):
            assert hidden == CLERKS[FINANCE] or hidden.encode() not in file.read_bytes()


def test_a_search_for_somebody_is_found_by_whoever_searches_for_them(office: TrailOffice) -> None:
    first = office.search(SE, **ABOUT)

    assert first["entry"] in office.found(AU, filter={"types": ["trail.searched"]}, **ABOUT)


# ---------------------------------------------------------------------------------------- persons

WRONG: dict[str, tuple[dict[str, object], str]] = {
    "a person without a matter": ({"subject": ABOUT["subject"]}, "because"),
    "a person for a blank matter": ({**ABOUT, "because": " "}, "because"),
    "a wrong number": ({**ABOUT, "subject": {"kind": "person", "id": "110101199001011234"}}, "subject"),
    "no such kind": ({**ABOUT, "subject": {"kind": "dog", "id": an_id(1)}}, "subject"),
    "too many": ({"filter": {"partners": [str(n) for n in range(17)]}}, "partners"),
    "an empty word": ({"filter": {"partners": [""]}}, "partners"),
    "a long word": ({"filter": {"grants": ["G" * 65]}}, "grants"),
    "no page": ({"limit": 0}, "limit"),
    "a large page": ({"limit": 201}, "limit"),
    "before the beginning": ({"before": -1}, "before"),
    "no instant": ({"filter": {"since": "yesterday"}}, "since"),
    "an instant without a zone": ({"filter": {"until": "2026-06-30T00:00:00"}}, "until"),
    "a long matter": ({**ABOUT, "because": "案" * 65}, "because"),
    "hidden terms without end": ({"operator": "😀" * 64, "matter": "😀" * 64, "because": "😀" * 64}, "because"),
    "an unknown member": ({"name": "某人"}, ""),
}


@pytest.mark.parametrize(("body", "pointer"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_and_not_recorded(office: TrailOffice, body: dict[str, object], pointer: str) -> None:
    searches = len(office.of("trail.searched"))

    response = office.by(AU).post(SEARCH, body)

    assert kind_of(response) == (422, "invalid")
    assert response.json().get("pointer", "").startswith(pointer)
    assert an_id(1) not in response.text
    assert len(office.of("trail.searched")) == searches


def test_an_officer_searches_for_so_many_persons_a_day(tmp_path: Path) -> None:
    with closing(TrailOffice(tmp_path)) as office:
        people = [{"subject": {"kind": "person", "id": an_id(n)}, "because": "案-7"} for n in range(1, 22)]
        left = [office.search(SE, **each)["left"] for each in people[:20]]
        again = office.search(SE, **people[3])["left"]
        refused = office.by(SE).post(SEARCH, people[20])

        assert left == list(range(19, -1, -1))
        assert again == 0
        assert kind_of(refused) == (403, "forbidden")
        assert "明日再试" in refused.json()["detail"]
        assert [each["limit"] for each in office.of("trail.refused")] == [20]
        assert office.search(AU, **people[20])["left"] == 19
        assert office.search(SE, filter=COMPARISONS)["left"] is None

        office.world.clock.pass_by(days=1)
        assert office.search(SE, **people[20])["left"] == 19


# ---------------------------------------------------------------------------------------- secrecy


def test_a_secret_purpose_is_shown_to_the_auditor_alone(office: TrailOffice, asked: Mapping[str, int]) -> None:
    for body in ({"filter": COMPARISONS}, {"filter": {"grants": ["J-1"]}}, {"matter": "M-1"}, {"limit": 200}, ABOUT):
        told = office.search(SE, **body)
        assert asked["secret"] not in [hit["entry"] for hit in told["hits"]]
        assert told["withholds_secret"]
        assert told["differs"] == []
    assert asked["secret"] in office.found(AU, matter="M-1")


# ---------------------------------------------------------------------------------------- hours


def test_hours_are_told_by_partner_and_what_was_told(office: TrailOffice, asked: Mapping[str, int]) -> None:
    def counted(duty: Duty) -> dict[tuple[str, str], int]:
        rows = office.by(duty).get(HOURS + DAY).json()["hours"]
        assert {row["hour"] for row in rows} == {"2026-06-30T02:00:00Z"}
        return {(row["partner"], row["told"]): row["entries"] for row in rows}

    auditor, security = counted(AU), counted(SE)

    assert auditor["jijian", "confirmed"] == 1
    assert auditor["caizheng", "confirmed"] == 1
    assert security == {place: count for place, count in auditor.items() if place[0] != "jijian"}


@pytest.mark.parametrize(
    "query", ["", "?from=2026-06-30T00:00:00Z", "?from=2026-06-30T00:00:00Z&to=2020-01-01T00:00:00Z", "?from=x&to=y"]
)
def test_hours_without_a_span_are_refused(office: TrailOffice, query: str) -> None:
    assert kind_of(office.by(AU).get(HOURS + query)) == (422, "invalid")


# ---------------------------------------------------------------------------------------- views


def test_views_are_kept_listed_and_deleted_by_their_officer(office: TrailOffice) -> None:
    kept = {"partners": ["caizheng"], "outcomes": ["refused"], "since": "2026-06-01T00:00:00+08:00"}
    assert office.by(AU).post(VIEWS, {"name": "财政被拒", "filter": kept}).status_code == 201

    [view] = [each for each in office.by(AU).get(VIEWS).json()["views"] if each["name"] == "财政被拒"]
    assert office.found(filter=view["filter"]) == office.found(filter=kept)
    assert "财政被拒" not in office.by(SE).get(VIEWS).text
    assert drop(office, SE, "财政被拒").status_code == 404
    assert drop(office, AU, "财政被拒").status_code == 204
    assert "财政被拒" not in office.by(AU).get(VIEWS).text


def drop(office: TrailOffice, duty: Duty, name: str) -> httpx2.Response:
    visitor = office.by(duty)
    return visitor._send("DELETE", f"{VIEWS}/{name}", {"x-bidui-token": visitor.token, **visitor.headers}, b"")


VIEWS_REFUSED: dict[str, dict[str, object]] = {
    "with a person": {"name": "a", "filter": {}, "subject": ABOUT["subject"]},
    "with a person within": {"name": "a", "filter": {"subject": ABOUT["subject"]}},
    "without a name": {"name": " ", "filter": {}},
    "with a path for a name": {"name": "a/b", "filter": {}},
}


@pytest.mark.parametrize("body", VIEWS_REFUSED.values(), ids=VIEWS_REFUSED)
def test_a_view_holds_no_person(office: TrailOffice, body: dict[str, object]) -> None:
    assert kind_of(office.by(AU).post(VIEWS, body)) == (422, "invalid")


def test_an_officer_keeps_so_many_views(office: TrailOffice) -> None:
    answers = [office.by(SE).post(VIEWS, {"name": f"v{n}", "filter": {}}).status_code for n in range(51)]

    assert answers.count(422) >= 1
    assert office.by(SE).post(VIEWS, {"name": "v0", "filter": {"partners": ["a"]}}).status_code == 201


# ---------------------------------------------------------------------------------------- attacks

CHANGES = {
    "an entry": "UPDATE ledger_entry SET entry = CAST(replace(entry, 'G-1', 'G-2') AS BLOB) WHERE \"index\" = :at",
    "an entry gone": 'DELETE FROM ledger_entry WHERE "index" = :at',
    "another's disclosures": "UPDATE ledger_disclosure SET disclosures = x'0202' WHERE \"index\" = :at",
    "the index": 'INSERT INTO trail_token SELECT token, :at - 1 FROM trail_token WHERE "index" = :at',
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_changed_is_not_shown(tmp_path: Path, change: str) -> None:
    with closing(TrailOffice(tmp_path)) as office:
        entry = office.world.ask()
        office.search(**ABOUT)
        engine = open_engine(office.world.home.database_url(load(office.world.home, "serve.toml", ServeSettings)))
        with engine.begin() as connection:
            for verb in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER ledger_entry_no_{verb}"))
            connection.execute(text(change), {"at": entry})
        engine.dispose()

        told = office.search(filter={} if "trail_token" in change else COMPARISONS, **ABOUT)

        bad = entry - 1 if "trail_token" in change else entry
        assert told["differs"] == [bad]
        assert bad not in [hit["entry"] for hit in told["hits"]]
        assert "audit verify" in told["zh"]
