"""The other doors: what I may compare, the log as anybody may check it, health, and everything that is not there."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit.checkpoint import open_signed, verifier
from audit.proof import check_consistency
from audit.report import Exit
from audit.trust import Trust, parse_trust
from audit.verify_receipt import verify_receipt
from gateway.api.app import Check
from gateway.domain.standing import Stop
from tests.audit.make import LOG_SIGNERS, a_trust
from tests.doors import Entrance, problem_of, shows
from tests.fakes import MemoryStore
from tests.gateways import a_gateway
from tests.make import CATALOGUE, NAME, ORIGIN, a_body, a_grant, an_id, limits


@pytest.fixture
def entrance(tmp_path: Path) -> Iterator[Entrance]:
    grants = a_grant(limits=limits(day=2)), a_grant(number="T-1", partner="tax", fields=["name", "title"])
    with closing(a_gateway(tmp_path, *grants)) as gateway:
        gateway.person(1)
        yield Entrance(gateway)


# ---------------------------------------------------------------------------------------- the catalogue


def test_a_caller_sees_its_own_grants_and_what_is_left_of_them(entrance: Entrance) -> None:
    for number in (1, 2, 3):
        entrance.compare(a_body(number), f"k{number}")

    seen = entrance.get("/v1/catalogue", "hr").json()

    (grant,) = seen["grants"]
    assert grant["number"] == "G-1"
    assert grant["subjects_per_day"] == {"limit": 2, "left": 0}
    assert grant["subjects_per_30_days"] == {"limit": 10_000, "left": 9_998}
    assert grant["subjects_per_year"] == {"limit": 50_000, "left": 49_998}
    assert grant["comparisons_per_day"] == {"limit": 100_000, "left": 99_998}
    assert (grant["valid_from"], grant["valid_until"]) == ("2026-01-01", "2026-12-31")
    assert seen["version"] == CATALOGUE.version


HELD = Stop("grant.G-1", False, "ab" * 8, 1)
STOPS = {
    "nothing": ([], "in_force"),
    "a hold": ([HELD], "held"),
    "a freeze": ([Stop("grant.G-1", True, "ab" * 8, 1)], "frozen"),
    "a freeze of its partner": (
        [Stop("grant.G-1", False, "ab" * 8, 1), Stop("partner.hr", True, "cd" * 8, 2)],
        "frozen",
    ),
    "a hold of another's": ([Stop("grant.G-2", False, "ab" * 8, 1)], "in_force"),
}


@pytest.mark.parametrize(("stops", "state"), STOPS.values(), ids=STOPS)
def test_a_grant_that_is_stopped_says_so(entrance: Entrance, stops: list[Stop], state: str) -> None:
    gateway = entrance.gateway
    assert isinstance(gateway.store, MemoryStore)
    gateway.store.watch.stops |= {each.target: each for each in stops}
    gateway.store.epoch += 1
    gateway.pipeline.follow(gateway.store.epoch)

    (grant,) = entrance.get("/v1/catalogue", "hr").json()["grants"]

    assert grant["state"] == state


def test_fields_are_those_of_the_callers_grants_in_the_order_of_the_standard(entrance: Entrance) -> None:
    ours, theirs = (entrance.get("/v1/catalogue", caller).json()["fields"] for caller in ("hr", "tax"))

    assert [field["key"] for field in theirs] == ["name", "title"]
    assert [field["key"] for field in ours] == [key for key in CATALOGUE.fields if key in a_grant().fields]
    assert [field["gate"] for field in theirs] == [True, False]
    assert next(field for field in ours if field["key"] == "birth_month")["comparators"] == [
        "at_least",
        "at_most",
        "equals",
    ]


def test_nothing_of_another_partner_is_seen(entrance: Entrance) -> None:
    assert shows(entrance.get("/v1/catalogue", "tax"), "G-1", "hr", "birth_month") == []


def test_a_partner_without_grants_sees_none(entrance: Entrance) -> None:
    for grant in list(entrance.gateway.rights.grants.values()):
        entrance.gateway.withdraw(grant)

    assert entrance.get("/v1/catalogue", "hr").json() == {"version": CATALOGUE.version, "grants": [], "fields": []}


def test_the_catalogue_is_for_callers_alone(entrance: Entrance) -> None:
    response = entrance.get("/v1/catalogue")

    assert response.status_code == 401
    assert response.content == entrance.compare(b"", caller=None).content


# ---------------------------------------------------------------------------------------- the log

TRUST = Trust(ORIGIN, a_trust().keys)


def test_before_anything_is_signed_there_is_nothing_to_check(entrance: Entrance) -> None:
    for path in ("checkpoint", "proofs/inclusion?index=0", "proofs/consistency?old=0"):
        response = entrance.get(f"/v1/log/{path}")
        assert response.status_code == 503
        assert response.headers["retry-after"]
        problem_of(response)


def test_a_receipt_is_proven_by_what_the_log_gives_out(entrance: Entrance) -> None:
    answers = [entrance.compare(a_body(number), f"k{number}") for number in (1, 2)]
    entrance.sign()

    for number, answer in enumerate(answers, 1):
        receipt = answer.json()["receipt"]
        proof = entrance.get(f"/v1/log/proofs/inclusion?index={receipt['body']['index']}").json()["tlog_proof"]
        report = verify_receipt(json.dumps(receipt).encode(), TRUST, proof=proof.encode(), request=a_body(number))
        assert report.verdict is Exit.PROVEN


def test_a_partner_gets_the_proof_of_its_own_receipt_alone(entrance: Entrance) -> None:
    receipt = entrance.compare(a_body(1), "k1").json()["receipt"]
    index = receipt["body"]["index"]
    path = f"/v1/receipts/{index}/proof"
    assert entrance.get(path, "hr").status_code == 503
    entrance.sign()

    proof = entrance.get(path, "hr")

    assert verify_receipt(json.dumps(receipt).encode(), TRUST, proof=proof.content).verdict is Exit.PROVEN
    assert proof.headers["content-disposition"] == f'attachment; filename="{index}.tlog-proof"'
    assert entrance.get(path).status_code == 401
    others = [entrance.get(path, "tax"), entrance.get("/v1/receipts/99999/proof", "hr")]
    others.append(entrance.get("/v1/receipts/0/proof", "hr"))
    assert {(each.status_code, each.content) for each in others} == {(404, others[0].content)}


def test_the_log_is_shown_to_grow_and_never_to_change(entrance: Entrance) -> None:
    opened = []
    for number in range(1, 6):
        entrance.compare(a_body(number), f"k{number}")
        entrance.sign()
        content = entrance.get("/v1/log/checkpoint").content
        opened.append(open_signed(content, [verifier(each.vkey) for each in LOG_SIGNERS]).checkpoint)

    for old in opened:
        got = entrance.get(f"/v1/log/proofs/consistency?old={old.size}").json()
        path = [b64decode(each) for each in got["hashes"]]
        check_consistency(old.size, old.root, opened[-1].size, opened[-1].root, path)


def test_a_proof_within_an_earlier_size_is_given_without_a_checkpoint(entrance: Entrance) -> None:
    for number in (1, 2):
        entrance.compare(a_body(number), f"k{number}")
    entrance.sign()

    got = entrance.get("/v1/log/proofs/inclusion?index=1&size=2").json()

    assert (got["index"], got["size"]) == (1, 2)
    assert "tlog_proof" not in got


WRONG = {
    "no index": "inclusion",
    "an empty index": "inclusion?index=",
    "a negative index": "inclusion?index=-1",
    "an index in words": "inclusion?index=first",
    "an index in full width": "inclusion?index=１",
    "a very long index": f"inclusion?index={'9' * 5_000}",
    "an index beyond the tree": "inclusion?index=99",
    "an index at the size": "inclusion?index=3",
    "a size beyond the tree": "inclusion?index=0&size=99",
    "a size of nothing": "inclusion?index=0&size=0",
    "a size in words": "inclusion?index=0&size=all",
    "no old size": "consistency",
    "an old size beyond the tree": "consistency?old=99",
    "an old size beyond the size": "consistency?old=2&size=1",
    "a person's number": f"inclusion?index={an_id(17)}",
}


@pytest.mark.parametrize("path", WRONG.values(), ids=WRONG)
def test_what_is_not_in_the_tree_is_told_so(entrance: Entrance, path: str) -> None:
    entrance.compare(a_body(1), "k1")
    entrance.compare(a_body(2), "k2")
    entrance.sign()

    response = entrance.get(f"/v1/log/proofs/{path}")

    assert response.status_code == 422
    problem_of(response)
    assert shows(response, an_id(17)) == []


def test_the_log_gives_out_who_signs_it_and_no_entry(entrance: Entrance) -> None:
    entrance.compare(a_body(1), "k1")
    entrance.sign()

    trust = entrance.get("/v1/log/trust")

    assert parse_trust(trust.content) == a_trust()
    for path in ("checkpoint", "trust", "proofs/inclusion?index=1", "proofs/consistency?old=1"):
        assert shows(entrance.get(f"/v1/log/{path}"), "wang-01", "G-1", "hr-1", NAME, an_id(1)) == []


# ---------------------------------------------------------------------------------------- health, and what is not there


def test_a_gateway_that_lives_says_so_whatever_is_broken(entrance: Entrance) -> None:
    entrance.checks = {"database": lambda: "it is gone"}

    assert entrance.get("/healthz").status_code == 200


def _raise() -> str | None:
    raise OSError(an_id(1))


STATES: dict[str, tuple[dict[str, Check], int, dict[str, bool]]] = {
    "all well": ({"database": lambda: None, "seal": lambda: None}, 200, {"database": True, "seal": True}),
    "one is not": ({"database": lambda: None, "seal": lambda: an_id(1)}, 503, {"database": True, "seal": False}),
    "nothing is looked at": ({}, 503, {}),
}


@pytest.mark.parametrize(("checks", "status", "states"), STATES.values(), ids=STATES)
def test_readiness_tells_what_is_well_and_no_more(
    entrance: Entrance, checks: dict[str, Check], status: int, states: dict[str, bool]
) -> None:
    entrance.checks = checks

    response = entrance.get("/readyz")

    assert response.status_code == status
    assert response.json() == {"ready": status == 200, "checks": states}
    assert shows(response, an_id(1)) == []


@pytest.mark.parametrize("checks", [{"database": _raise}])
def test_a_check_that_raises_is_not_well(entrance: Entrance, checks: dict[str, Callable[[], str | None]]) -> None:
    entrance.checks = checks

    response = entrance.get("/readyz")

    assert response.status_code == 503
    assert shows(response, an_id(1)) == []


NOWHERE = {
    "a person by number": f"/v1/persons/{an_id(1)}",
    "another version": "/v2/comparisons",
    "a slash too many": "/v1/comparisons/",
    "two slashes": "//v1/comparisons",
    "up and down": "/v1/../v1/log/entries",
    "the framework's own pages": "/docs",
    "entries of the log": "/v1/log/entries?start=0",
    "the root": "/",
}


@pytest.mark.parametrize("path", NOWHERE.values(), ids=NOWHERE)
def test_what_is_not_there_is_a_problem_without_an_echo(entrance: Entrance, path: str) -> None:
    response = entrance.get(path, "hr")

    assert response.status_code == 404
    problem_of(response)
    assert shows(response, an_id(1)) == []


METHODS = {
    "/v1/catalogue": "POST",
    "/v1/log/checkpoint": "DELETE",
    "/v1/log/trust": "PUT",
    "/healthz": "POST",
    "/readyz": "POST",
    "/openapi.json": "POST",
}


@pytest.mark.parametrize(("path", "method"), METHODS.items())
def test_another_method_is_told_which_one_to_use(entrance: Entrance, path: str, method: str) -> None:
    response = entrance.get(path, "hr", method)

    assert response.status_code == 405
    assert "GET" in response.headers["allow"]
    problem_of(response)
