"""The description of the API is valid, closed, and true of what the doors really say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.api.openapi import document
from gateway.domain.answer import FieldCode, SubjectCode
from gateway.domain.query import MAX_CLAIMS
from gateway.domain.reply import Reply, Request
from tests.doors import Entrance, comparison
from tests.gateways import Assembled, a_gateway
from tests.make import CATALOGUE, a_body, a_claim, a_grant

DOCUMENT: Any = document(CATALOGUE)  # JSON, looked at from many sides
SCHEMAS = DOCUMENT["components"]["schemas"]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Assembled]:
    with closing(a_gateway(tmp_path, a_grant(), a_grant(number="G-2", tells_not_found=True))) as assembled:
        assembled.person(1)
        yield assembled


def errors(name: str, content: bytes) -> list[str]:
    """What of a response its schema does not allow."""
    validator = jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    )
    return [each.message for each in validator.iter_errors(json.loads(content))]


def test_the_document_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    used = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}

    assert used <= SCHEMAS.keys()


def test_everything_can_be_shown_in_a_tool(gateway: Assembled) -> None:
    response = Entrance(gateway).get("/openapi.json")

    assert response.status_code == 200
    assert response.json() == json.loads(json.dumps(DOCUMENT))


# ---------------------------------------------------------------------------------------- answers are closed


def test_answers_are_closed_enums() -> None:
    answer = SCHEMAS["Answer"]

    assert answer["additionalProperties"] is False
    assert set(answer["properties"]["subject"]["enum"]) == {code.value for code in SubjectCode}
    fields = answer["properties"]["fields"]
    assert fields["propertyNames"] == {"enum": sorted(CATALOGUE.fields)}
    assert fields["additionalProperties"] == {"enum": [code.value for code in FieldCode]}


def test_what_is_told_is_what_is_described(gateway: Assembled) -> None:
    claims = [a_claim("unit", "盟教育局"), a_claim("title", "正高级"), a_claim("birth_month", "1980-01", "at_least")]
    told = Entrance(gateway).ask(
        comparison(a_body(1, claims=claims), "k1"),
        comparison(a_body(1, "张偉", claims=claims), "k2"),
        comparison(a_body(99), "k3"),
        comparison(a_body(99, grant="G-2"), "k4"),
    )

    assert [each.status_code for each in told] == [200] * 4
    assert [errors("Answer", each.content) for each in told] == [[]] * 4


OTHERWISE: dict[str, dict[str, object]] = {
    "a value": {"value": "盟教育局"},
    "another subject code": {"subject": "absent"},
    "another field code": {"fields": {"unit": "close"}},
    "another field": {"fields": {"salary": "match"}},
}


@pytest.mark.parametrize("change", OTHERWISE.values(), ids=OTHERWISE)
def test_what_says_more_is_no_answer(gateway: Assembled, change: dict[str, object]) -> None:
    answer = Entrance(gateway).compare(a_body(1)).json()

    assert errors("Answer", json.dumps(answer | change).encode()) != []
    answer["receipt"]["body"]["name"] = "张伟"
    assert errors("Answer", json.dumps(answer).encode()) != []


@pytest.mark.parametrize("sent", [b"", b"{", a_body(claims=[]), a_body(grant="G-9"), b" " * 100_000])
def test_problems_are_as_described(gateway: Assembled, sent: bytes) -> None:
    entrance = Entrance(gateway)

    for response in (entrance.compare(sent), entrance.compare(sent, caller=None)):
        assert response.status_code >= 400
        assert errors("Problem", response.content) == []


def test_the_catalogue_is_as_described(gateway: Assembled) -> None:
    assert errors("CatalogueView", Entrance(gateway).get("/v1/catalogue", "hr").content) == []


# ---------------------------------------------------------------------------------------- what may be asked

BODIES: dict[str, tuple[bytes, bool]] = {
    "a right one": (a_body(), True),
    "with matter and date": (a_body(matter="办件 7", as_of="2026-06-30"), True),
    "an organisation": (
        a_body(subject={"kind": "organisation", "id": "150100000001"}, claims=[a_claim("org_name", "盟教育局")]),
        True,
    ),
    "no claims": (a_body(claims=[]), False),
    "65 claims": (a_body(claims=[a_claim("unit", "x")] * (MAX_CLAIMS + 1)), False),
    "an unknown member": (a_body(note="x"), False),
    "an unknown field": (a_body(claims=[a_claim("salary", "x")]), False),
    "an unknown comparator": (a_body(claims=[a_claim("unit", "x", "like")]), False),
    "an unknown kind": (a_body(subject={"kind": "dog", "id": "1"}), False),
    "a value that is nothing": (a_body(claims=[a_claim("unit", None)]), False),
    "an empty grant": (a_body(grant=""), False),
    "an operator of 65 characters": (a_body(operator="w" * 65), False),
    "an empty matter": (a_body(matter=""), False),
    "a matter of 65 characters": (a_body(matter="办" * 65), False),
    "a date in words": (a_body(as_of="yesterday"), False),
}


@pytest.mark.parametrize(("sent", "is_right"), BODIES.values(), ids=BODIES)
def test_what_the_description_refuses_the_door_refuses_and_the_other_way_round(
    gateway: Assembled, sent: bytes, is_right: bool
) -> None:
    assert (errors("QueryBody", sent) == []) is is_right
    assert (Entrance(gateway).compare(sent).status_code in {200, 403}) is is_right


# ---------------------------------------------------------------------------------------- tried by a machine

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_a_machine_makes_of_the_description_is_answered_as_described(
    gateway: Assembled, mode: GenerationMode
) -> None:
    async def submit(request: Request) -> Reply:
        return gateway.pipeline.answer([request])[0]

    entrance = Entrance(gateway, submit=submit)
    entrance.sign()
    operations = schemathesis.openapi.from_asgi("/openapi.json", entrance.app()).include(path_regex="^/v1/(?!office/)")
    for found in operations.get_all_operations():
        assert isinstance(found, Ok)

        @settings(max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(found.ok().as_strategy(mode))
        def knock(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers={"authorization": "hr"}, checks=CHECKS)

        with suppress(Unsatisfiable):  # what takes no parameters cannot be asked wrongly
            knock()
