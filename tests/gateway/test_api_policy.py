"""Explanations and rehearsals over HTTP: who may, what they are told, and that each look is in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from adapters.sql.engine import open_engine
from gateway.api.office.deeds import deed_problem
from gateway.api.office.policy import ReviewDoors, review_routes
from gateway.api.office.workers import Workers
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.domain.people import Duty
from gateway.drafting import Proposal
from gateway.proposals import RULEBOOKS_ID
from gateway.review.desk import ReviewDesk
from ops.office import open_office
from ops.review import Readers, review_desk
from ops.settings import ServeSettings, load
from tests.bygones import CLERKS, DISCIPLINE, FINANCE, Bygones, bygones, without
from tests.make import CATALOGUE, an_id
from tests.offices import OfficeInTests, Visitor

ASKED = {
    "client": FINANCE,
    "purpose": "payroll-check",
    "claims": [{"field": "unit"}, {"field": "pay_amount", "comparator": "at_least"}],
    "address": "10.20.0.7",
    "grant": "G-1",
    "operator": CLERKS[FINANCE],
}
SECRET = {
    "client": DISCIPLINE,
    "purpose": "discipline-review",
    "claims": [{"field": "unit"}],
    "address": "10.20.0.7",
    "matter": True,
}
Told = dict[str, Any]


class ReviewOffice(OfficeInTests):
    """People's doors, and the officers' doors over another home."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"sqlite:///{folder / 'accounts.sqlite'}")
        self.world: Bygones = bygones(folder / "home")
        self.readers, self.office = Readers(self.world.home), open_office(self.world.home)
        self.desk: ReviewDesk = review_desk(self.world.home, self.readers, self.office)
        self.visitors = {
            duty: self.enrol(f"zz-{duty.value.replace('_', '-')}", number, duty) for number, duty in enumerate(Duty, 1)
        }
        for duty, visitor in self.visitors.items():
            assert visitor.sign_in(f"zz-{duty.value.replace('_', '-')}").status_code == 200

    def close(self) -> None:
        self.world.close()
        self.readers.close()
        self.office.store.close()
        self.store.close()

    def _app(self, workers: Workers) -> Starlette:
        app = super()._app(workers)
        app.router.routes += review_routes(ReviewDoors(desk=self.desk, guard=self.guard, catalogue=CATALOGUE))
        app.add_exception_handler(DeedError, deed_problem)
        return app

    def by(self, duty: Duty) -> Visitor:
        return self.visitors[duty]

    def looks(self) -> list[Mapping[str, object]]:
        """The bodies of all looks that the ledger tells of."""
        opened = [self.world.entry(index) for index in range(self.world.ledger.head().size)]
        return [cast("Mapping[str, object]", each["body"]) for each in opened if each["type"] == "trail.read"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewOffice]:
    with closing(ReviewOffice(tmp_path_factory.mktemp("review"))) as made:
        yield made


def kind_of(response: httpx2.Response) -> tuple[int, str]:
    told = response.json()
    return response.status_code, str(told.get("type", "")).rpartition(":")[2]


# ---------------------------------------------------------------------------------------- who may

R, L, SY, SE, AU = Duty.REVIEWER, Duty.LEADER, Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN
MATRIX: dict[str, tuple[str, frozenset[Duty]]] = {
    "rules explained": ("explain", frozenset({R, L, SE, AU})),
    "secret rules explained": ("explain secret", frozenset({L, SE})),
    "a decision explained": ("decision", frozenset({L, SE, AU})),
    "a secret decision explained": ("decision secret", frozenset({L, AU})),
    "a draft rehearsed": ("rehearse", frozenset({L, SE})),
}


@pytest.fixture(scope="module")
def entries(office: ReviewOffice) -> dict[str, int]:
    return {
        "decision": office.world.ask("unit"),
        "decision secret": office.world.ask("unit", client=DISCIPLINE, matter="M-1"),
    }


def knock(office: ReviewOffice, door: str, visitor: Visitor, entries: Mapping[str, int]) -> httpx2.Response:
    if door.startswith("decision"):
        return visitor.get(f"/v1/office/decisions/{entries[door]}/explanation")
    if door == "rehearse":
        return visitor.post("/v1/office/rehearsals", {"days": 1, "content": office.world.rulebooks()})
    return visitor.post("/v1/office/explain", SECRET if door.endswith("secret") else ASKED)


@pytest.mark.parametrize(("door", "duties"), MATRIX.values(), ids=MATRIX)
@pytest.mark.parametrize("duty", Duty)
def test_each_door_is_for_its_duties(
    office: ReviewOffice, entries: Mapping[str, int], door: str, duties: frozenset[Duty], duty: Duty
) -> None:
    looks = len(office.looks())

    response = knock(office, door, office.by(duty), entries)

    if duty in duties:
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
    else:
        assert response.status_code == 404 if (door, duty) == ("decision secret", SE) else 403
    assert len(office.looks()) - looks == (duty in duties and not door.startswith("explain"))


@pytest.mark.parametrize("door", ["explain", "decision", "rehearse"])
def test_nobody_is_told_anything(office: ReviewOffice, entries: Mapping[str, int], door: str) -> None:
    assert kind_of(knock(office, door, Visitor(office), entries)) == (401, "unauthorised")


def test_a_rehearsal_from_another_site_is_refused(office: ReviewOffice) -> None:
    body = {"days": 1, "content": office.world.rulebooks()}

    assert office.by(L).post("/v1/office/rehearsals", body, origin="https://evil.example").status_code == 403


# ---------------------------------------------------------------------------------------- explain


def test_a_request_is_explained_check_by_check(office: ReviewOffice) -> None:
    office.world.ask()
    told: Told = office.by(R).post("/v1/office/explain", ASKED).json()

    assert told["verdict"]["permitted"] == ["name", "unit"]
    assert [each["field"] for each in told["fields"]] == ["name", "unit", "pay_amount"]
    assert (told["fields"][2]["rulebook"], told["fields"][2]["grant"]) == (True, False)
    assert all(each["holds"] and each["zh"] for each in told["checks"])
    assert {each["check"] for each in told["checks"]} >= {"client", "grant", "rulebook", "data_age"}
    assert told["policy"]["number"] == 2


EXPLAINED: dict[str, tuple[dict[str, object], str]] = {
    "in another hour": ({"at": "2027-06-30T10:00:00+08:00"}, "grant_not_in_force"),
    "before anything was": ({"at": "2020-06-30T10:00:00+08:00"}, "unknown_client"),
    "from elsewhere": ({"address": "192.168.0.1"}, "net"),
    "by somebody else": ({"operator": "bb-lingdao"}, "unknown_operator"),
    "for another day": ({"as_of": "2024-12-31"}, "reference_date"),
    "by the rules of another version": ({"policy": 1}, "no_rule"),
    "by a system that there is not": ({"client": "nobody"}, "unknown_client"),
    "from no address": ({"address": "somewhere"}, "unregistered_network"),
}


@pytest.mark.parametrize(("changes", "cause"), EXPLAINED.values(), ids=EXPLAINED)
def test_the_cause_of_a_refusal_is_told(office: ReviewOffice, changes: dict[str, object], cause: str) -> None:
    told: Told = office.by(AU).post("/v1/office/explain", ASKED | changes).json()

    assert (told["verdict"]["cause"], told["verdict"]["permitted"]) == (cause, [])


def test_a_version_is_asked_without_a_grant(office: ReviewOffice) -> None:
    asked = {key: value for key, value in ASKED.items() if key not in {"grant", "operator"}}

    told: Told = office.by(L).post("/v1/office/explain", asked | {"policy": 1}).json()

    assert (told["policy"]["number"], told["verdict"]["permitted"]) == (1, ["name", "unit", "pay_amount"])


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "no claims": ({"claims": []}, "claims"),
    "a field that there is not": ({"claims": [{"field": "salary"}]}, "claims[0]"),
    "a comparator that there is not": ({"claims": [{"field": "unit", "comparator": "at_least"}]}, "claims[0]"),
    "a field twice": ({"claims": [{"field": "unit"}, {"field": "unit"}]}, "claims"),
    "two kinds": ({"claims": [{"field": "unit"}, {"field": "org_name"}]}, "claims"),
    "an instant without a zone": ({"at": "2026-06-30T10:00:00"}, "at"),
    "no instant": ({"at": "now"}, "at"),
    "an instant before all others": ({"at": "0001-01-01T00:00:00+08:00"}, "at"),
    "an instant after all others": ({"at": "9999-12-31T23:59:59-23:59"}, "at"),
    "no day": ({"as_of": "today"}, "as_of"),
    "a version that never was": ({"policy": 99}, ""),
    "a long name": ({"client": "c" * 99}, "client"),
    "a value": ({"claims": [{"field": "unit", "value": "x"}]}, ""),
}


@pytest.mark.parametrize(("changes", "pointer"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(office: ReviewOffice, changes: dict[str, object], pointer: str) -> None:
    response = office.by(L).post("/v1/office/explain", ASKED | changes)

    assert kind_of(response) == (422, "invalid")
    assert response.json().get("pointer", "").startswith(pointer)


# ---------------------------------------------------------------------------------------- decisions


def test_a_decision_is_explained_and_the_look_recorded(office: ReviewOffice) -> None:
    entry = office.world.ask("unit")

    response = office.by(AU).get(f"/v1/office/decisions/{entry}/explanation")

    told: Told = response.json()
    assert (told["agrees"], told["differences"], told["decision"]["entry"]) == ("same", [], entry)
    assert office.looks()[-1] == {
        "person": "zz-audit-admin",
        "duty": "audit_admin",
        "use": "explanation",
        "first": entry,
        "last": entry,
        "draft": None,
    }
    for hidden in (an_id(1), CLERKS[FINANCE], "confirmed"):
        assert hidden not in response.text


@pytest.mark.parametrize("entry", ["0", "3", "999999"])
def test_what_is_no_decision_is_not_found(office: ReviewOffice, entry: str) -> None:
    assert kind_of(office.by(L).get(f"/v1/office/decisions/{entry}/explanation")) == (404, "not-found")


def test_a_secret_decision_looks_like_none(office: ReviewOffice, entries: Mapping[str, int]) -> None:
    secret = office.by(SE).get(f"/v1/office/decisions/{entries['decision secret']}/explanation")
    none = office.by(SE).get("/v1/office/decisions/999999/explanation")

    assert secret.content == none.content


# ---------------------------------------------------------------------------------------- rehearsals


def test_a_draft_is_rehearsed_over_the_ledger(office: ReviewOffice) -> None:
    entry = office.world.ask("quota_type")
    content = without(office.world.rulebooks(), "quota_type")

    told: Told = office.by(SE).post("/v1/office/rehearsals", {"days": 7, "content": content}).json()

    assert [(flip["entry"], flip["field"], flip["becomes"]) for flip in told["flips"]] == [
        (entry, "quota_type", "refused")
    ]
    assert (told["draft"]["number"], told["in_force"]["number"], told["cut_short"]) == (3, 2, "")
    assert {each["grant"] for each in told["proposals"]} == {"G-1", "J-1"}
    look = office.looks()[-1]
    assert (look["use"], look["draft"]) == ("rehearsal", told["draft"]["digest"])


def test_a_draft_that_waits_for_signatures_is_rehearsed_by_its_digest(office: ReviewOffice) -> None:
    content = cast("dict[str, Any]", without(office.world.rulebooks(), "quota_type"))
    admin = next(each for each in office.office.standing().roll.people() if each.duty is Duty.SECURITY_ADMIN)
    kept = office.office.draw(admin, Proposal(kind=Kind.RULEBOOKS, id=RULEBOOKS_ID, content=content))
    digest = kept.opened().digest

    told: Told = office.by(L).post("/v1/office/rehearsals", {"days": 7, "digest": digest}).json()

    assert told["draft"] == {"number": 3, "digest": digest}
    assert told["decisions"] > 0


WRONG_DRAFTS: dict[str, dict[str, object]] = {
    "nothing": {"days": 7},
    "both": {"days": 7, "digest": "a" * 64, "content": {}},
    "no days": {"days": 0, "digest": "a" * 64},
    "too many days": {"days": 367, "digest": "a" * 64},
    "nobody's digest": {"days": 7, "digest": "a" * 64},
    "no rulebooks": {"days": 7, "content": {"files": {}}},
    "what nobody can sign": {"days": 7, "content": {"files": {"a.toml": 0.5}}},
    "a file that cannot be read": {"days": 7, "content": {"files": {"a.toml": "x"}, "expectations": {}, "units": {}}},
}


@pytest.mark.parametrize("body", WRONG_DRAFTS.values(), ids=WRONG_DRAFTS)
def test_a_draft_that_is_wrong_is_refused(office: ReviewOffice, body: dict[str, object]) -> None:
    response = office.by(L).post("/v1/office/rehearsals", body)

    assert kind_of(response) == (422, "invalid")
    assert response.json()["detail"]


def test_a_second_rehearsal_waits_its_turn(office: ReviewOffice) -> None:
    body = {"days": 1, "content": office.world.rulebooks()}
    with office.desk._busy:
        assert kind_of(office.by(L).post("/v1/office/rehearsals", body)) == (409, "conflict")
    assert office.by(L).post("/v1/office/rehearsals", body).status_code == 200


def test_a_changed_entry_is_not_explained(tmp_path: Path) -> None:
    with closing(ReviewOffice(tmp_path)) as office:
        entry = office.world.ask()
        engine = open_engine(office.world.home.database_url(load(office.world.home, "serve.toml", ServeSettings)))
        with engine.begin() as connection:
            connection.execute(text("DROP TRIGGER ledger_entry_no_update"))
            changed = "UPDATE ledger_entry SET entry = CAST(replace(entry, 'G-1', 'G-2') AS BLOB) WHERE \"index\" = :at"
            connection.execute(text(changed), {"at": entry})
        engine.dispose()

        response = office.by(L).get(f"/v1/office/decisions/{entry}/explanation")

        assert kind_of(response) == (503, "unavailable")
        assert "audit verify" in response.json()["detail"]
