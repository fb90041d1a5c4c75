"""Promise 1, codes_only: no value of the register leaves. Whatever a door says has a closed form, and codes in it.

The table of doors is `tests/invariants/doors.py`; it runs on every engine. People's doors (`/v1/office`) have no way to
the register, and say what people wrote; `tests/gateway/test_office_description.py` holds their forms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import jsonschema_rs
import pytest
from fastapi import FastAPI
from prometheus_client import generate_latest
from starlette.routing import Route

from gateway.api.openapi import document
from ops.demo.person import Person
from policies.catalogue import load_catalogue
from tests.invariants.doors import CANARY, ROWS, Row
from tests.invariants.world import Told, World

Schema = Mapping[str, object]
DOCUMENT = document(load_catalogue())
BOUNDS = {"enum", "const", "pattern", "format"}
OFFICE = "/v1/office/"
ANYWHERE = {404: "Problem", 405: "Problem"}
"""What a path may say that no operation of the description stands for."""

FREE_TEXTS = {
    "Problem.detail": "what to do: one of our own sentences",
    "Problem.pointer": "where: a path of our own member names",
    "CatalogueView.version": "of the data standard",
    "GrantView.number": "from the partner's own grant",
    "GrantView.purpose": "from the partner's own grant",
    "GrantView.scope[]": "codes of organisations, from the partner's own grant",
    "FieldView.zh": "from the data standard",
    "FieldView.en": "from the data standard",
    "Receipt.body.origin": "the log's own name",
    "Receipt.body.time": "of the log",
    "Receipt.body.data.time": "of the register's state",
    "Receipt.path.hashes[]": "of receipts",
    "Receipt.salt": "random",
    "Receipt.signature": "of the turn",
    "Inclusion.tlog_proof": "hashes and a signed checkpoint (C2SP)",
    "Token.access_token": "signed by us (RFC 9068)",
    "Ready.checks": "names of our own parts",
    "get /v1/log/checkpoint 200": "a signed note (C2SP)",
    "get /v1/log/trust 200": "our own public keys",
    "get /oauth/jwks 200": "our own public keys (RFC 7517)",
    "get /.well-known/oauth-authorization-server 200": "our own addresses (RFC 8414)",
    "get /openapi.json 200": "the description itself",
    "DayStatement.statement.body.first": "a place in the log, as text or null",
    "DayStatement.statement.body.last": "a place in the log, as text or null",
    "DayStatement.statement.body.origin": "the log's own name",
    "DayStatement.statement.body.partner": "the partner's own code",
    "DayStatement.statement.body.system": "the system's own name",
    "DayStatement.statement.signature": "of the statement",
    "DayStatement.operators.opened[].operator": "the partner's own accounts",
    "StatementEntries.entries[].incident": "a number of ours",
    "StatementEntries.entries[].grant": "from the partner's own grant",
    "StatementEntries.entries[].network": "from the partner's own registration",
    "SpotCheck.grant": "from the partner's own grant",
    "post /v1/witness/add-checkpoint 200": "cosignature lines (C2SP)",
    "post /v1/witness/add-checkpoint 409": "the size of the last tree (C2SP)",
    "get /v1/witness/{origin}/checkpoint 200": "a signed note (C2SP)",
    "get /v1/receipts/{index}/proof 200": "hashes and a signed checkpoint (C2SP)",
    "Introspection": "a token's own claims, told to the system that holds it",
}
"""Places in responses that no enum, constant, format or pattern bounds, and why that is right."""


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_response_has_the_form_that_is_described(world: World, row: Row) -> None:
    row.told(world)

    assert world.heard[-1].status == row.status
    assert problems_of(world.heard[-1], row.route) == []


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_no_response_repeats_what_was_sent(world: World, row: Row) -> None:
    row.told(world)

    said = everything_in(world.heard[-1])
    assert CANARY not in said
    assert "110101199003077571" not in said


def test_the_description_leaves_no_member_and_no_text_open() -> None:
    found = dict(open_places())

    assert {place: why for place, why in found.items() if place not in FREE_TEXTS} == {}


def test_every_route_has_a_row_and_is_described(world: World) -> None:
    routes = {route.path_format for route in routes_of(world.doors)}

    assert routes - {row.route for row in ROWS} == set()
    assert routes - cast("Mapping[str, object]", DOCUMENT["paths"]).keys() == set()


def test_no_value_of_the_register_is_in_a_response_a_log_or_a_metric(world: World) -> None:
    people = [world.plain_person(place) for place in range(8)]
    for person in people:
        for claims in (("person_status", "在职"), ("unit", world.unit_name(person))), (("unit", CANARY),):
            world.ask(world.question(person, *claims), world.question(person, *claims, name=CANARY))

    leaves = [leaf for told in world.heard for leaf in leaves_of(told)]
    texts = [everything_in(told) for told in world.heard]
    texts.append(generate_latest(world.gateway.metrics.registry).decode())
    texts.append(world.seal.log.read_text())
    for person in people:
        values = values_of(person) | {world.unit_name(person)}
        assert values.isdisjoint(leaves)
        assert [value for value in values if len(value) > 6 and any(value in text for text in texts)] == []


def problems_of(told: Told, route: str) -> list[str]:
    """What of a response is not as described."""
    validator = jsonschema_rs.validator_for(dict(schema_of(told, route)))
    return [str(error) for error in validator.iter_errors(content_of(told))]


def schema_of(told: Told, route: str) -> Schema:
    """What the description promises of this response. Fails when it knows nothing of it."""
    method = told.asked.split()[0].lower()
    paths = cast("Mapping[str, Mapping[str, Schema]]", DOCUMENT["paths"])
    operation = paths.get(route, {}).get(method)
    kind = dict(told.headers)["content-type"].partition(";")[0]
    if operation is None or told.status in ANYWHERE:
        assert kind == "application/problem+json"
        found: Schema = {"$ref": f"#/components/schemas/{ANYWHERE[told.status]}"}
    else:
        responses = cast("Mapping[str, Mapping[str, Mapping[str, Mapping[str, Schema]]]]", operation["responses"])
        found = responses[str(told.status)]["content"][kind]["schema"]
    return {**found, "components": DOCUMENT["components"]}


def content_of(told: Told) -> object:
    """The body as its content type says."""
    return json.loads(told.body) if "json" in dict(told.headers)["content-type"] else told.body.decode()


def everything_in(told: Told) -> str:
    """Every text of a response that somebody could read."""
    return "\n".join([told.body.decode(), *(value for _, value in told.headers)])


def leaves_of(told: Told) -> Iterator[str]:
    """Every single value in a JSON body, as text."""
    if "json" in dict(told.headers).get("content-type", ""):
        yield from _leaves(json.loads(told.body))


def _leaves(value: object) -> Iterator[str]:
    match value:
        case dict():
            for each in cast("Mapping[str, object]", value).values():
                yield from _leaves(each)
        case list():
            for each in cast("Sequence[object]", value):
                yield from _leaves(each)
        case _:
            yield str(value)


def values_of(person: Person) -> set[str]:
    """What the register says of somebody, as texts."""
    post = person.main_post
    dates = {person.birth, person.work_start, person.entry_date, person.quota_since, post.since}
    texts = {person.id_number, person.name, person.title, person.education, person.degree, person.ethnicity}
    texts |= {
        post.section,
        post.post,
        post.leader_rank,
        str(post.rank),
        post.quota_type,
        person.status,
        person.politics,
    }
    amounts = {str(amount) for pay in person.pays for amount in (pay.base, pay.allowance, pay.performance, pay.amount)}
    spelt = {day.strftime(form) for day in dates if day for form in ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y-%m")}
    return {each for each in texts | amounts | spelt if len(each) > 1 and each != "None"}


def routes_of(app: object) -> list[Route]:
    """The routes of the application behind its front."""
    around = [app]
    for each in around:
        around += [inner for inner in vars(each).values() if hasattr(inner, "__dict__") and callable(inner)]
        if isinstance(each, FastAPI):
            break
    inner = next(each for each in around if isinstance(each, FastAPI))
    return [route for route in inner.routes if isinstance(route, Route) and not route.path.startswith(OFFICE)]


def open_places() -> Iterator[tuple[str, str]]:
    """Every place in a described response to a system that would take anything."""
    paths = cast("Mapping[str, Mapping[str, Mapping[str, object]]]", DOCUMENT["paths"])
    for path, operations in ((path, each) for path, each in paths.items() if not path.startswith(OFFICE)):
        for method, operation in operations.items():
            for status, response in cast("Mapping[str, Schema]", operation["responses"]).items():
                for content in cast("Mapping[str, Schema]", response["content"]).values():
                    yield from _open(cast("Schema", content["schema"]), f"{method} {path} {status}")


def _open(schema: Schema, place: str) -> Iterator[tuple[str, str]]:
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[1]
        components = cast("Mapping[str, Mapping[str, Schema]]", DOCUMENT["components"])["schemas"]
        yield from _open(components[name], name)
    elif schema.get("type") == "object":
        yield from _open_members(schema, place)
    elif schema.get("type") == "array":
        yield from _open(cast("Schema", schema["items"]), f"{place}[]")
    elif not schema.keys() & {"enum", "const", "pattern", "format"} and schema.get("type") not in {
        "integer",
        "boolean",
    }:
        yield place, "any text"


def _open_members(schema: Schema, place: str) -> Iterator[tuple[str, str]]:
    further = schema.get("additionalProperties", True)
    if further is True:
        yield place, "any member"
    elif isinstance(further, Mapping):
        if "propertyNames" not in schema:
            yield place, "any name"
        yield from _open(further, f"{place}.*")
    for name, member in cast("Mapping[str, Schema]", schema.get("properties", {})).items():
        yield from _open(member, f"{place}.{name}")
