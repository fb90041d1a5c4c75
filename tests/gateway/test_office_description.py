"""The description of the office's doors: it is of every door and of nothing else, closed, and true."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest
from starlette.routing import compile_path

from adapters.identity.certificate import Edge
from gateway.api.office.description.doors import DOORS, Needs
from gateway.api.openapi import document
from gateway.deeds.document import Kind
from gateway.domain.people import Duty
from ops.demo.office import IDS
from ops.settings import Home
from tests.bygones import bygones
from tests.desks import OpenOffice, a_desk_over
from tests.gateway import office_stories as stories
from tests.homes import a_home
from tests.lives import CLERK, Life
from tests.make import CATALOGUE

DOCUMENT: Any = document(CATALOGUE)  # JSON, looked at from many sides
PATHS: Mapping[str, Mapping[str, Any]] = {
    path: operations for path, operations in DOCUMENT["paths"].items() if path.startswith("/v1/office/")
}
OPERATIONS = [(path, method, each) for path, operations in PATHS.items() for method, each in operations.items()]
PROVIDER = '\n[oidc]\nissuer = "http://127.0.0.1:9"\nclient_id = "bidui"\nclient_secret_file = "oidc.secret"\n'
OPEN = {"OfficeDraft.content", "OfficeWholeDeed.content"}
"""What a deed says: another kind, other members."""


# ---------------------------------------------------------------------------------------- every door, nothing else


def with_provider(path: Path) -> Home:
    """A home whose office also signs in elsewhere, so that it has every door there is."""
    home = a_home(path)
    (home.path / "oidc.secret").write_text("secret", encoding="utf-8")
    settings = home.path / "serve.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + PROVIDER, encoding="utf-8")
    return home


def test_every_door_is_described_and_nothing_else_is(tmp_path: Path) -> None:
    with a_desk_over(with_provider(tmp_path / "home")) as desk, closing(OpenOffice(desk)):
        routes = desk.routes(Edge())
    led = {(method, route.path) for route in routes for method in route.methods or () if method != "HEAD"}

    assert led == {(door.method, door.path) for door in DOORS}
    assert len(DOORS) == len(led) == len(OPERATIONS)


def test_a_description_names_every_parameter_of_its_path() -> None:
    for path, _, operation in OPERATIONS:
        named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))


def test_every_door_has_a_name_and_a_chinese_summary_of_its_own() -> None:
    for of in ("operationId", "summary"):
        assert len({operation[of] for _, _, operation in OPERATIONS}) == len(OPERATIONS)
    assert all(re.search(r"[\u4e00-\u9fff]", operation["summary"]) for _, _, operation in OPERATIONS)


def test_a_change_needs_session_token_and_origin() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    for _, method, operation in OPERATIONS:
        shown = {schemes[name]["name"] for each in operation["security"] for name in each}
        if "401" in operation["responses"] and "__Host-bidui" in shown:
            assert shown == {"__Host-bidui"} | ({"X-Bidui-Token", "Origin"} if method != "get" else set())
    without = {door.name for door in DOORS if door.needs in {Needs.NOTHING, Needs.OUR_SITE}}
    assert without == {"sign_in", "options", "begin", "finish", "oidc_login", "oidc_callback"}


# ---------------------------------------------------------------------------------------- closed


def opened(schema: Mapping[str, Any], place: str) -> Iterator[str]:
    """Every object that would take any member."""
    if schema.get("type") == "object" and schema.get("additionalProperties", True) is True:
        yield place
    for name, member in schema.get("properties", {}).items():
        yield from opened(member, f"{place}.{name}")
    for each in (schema.get("items"), *schema.get("anyOf", []), schema.get("additionalProperties")):
        if isinstance(each, Mapping):
            yield from opened(each, place)


def test_what_is_answered_is_closed_but_for_what_a_deed_says() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    found = {place for name in schemas if name.startswith("Office") for place in opened(schemas[name], name)}

    assert found == OPEN


# ---------------------------------------------------------------------------------------- true


@cache
def validator(path: str, method: str, status: str, media: str) -> jsonschema_rs.Draft202012Validator | None:
    """What reads an answer of this kind; None for what is no JSON. Raises `KeyError` for what is not described."""
    told = PATHS[path][method]["responses"][status]
    if not media:
        assert "content" not in told
        return None
    schema = told["content"][media]["schema"]
    return (
        jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]}, validate_formats=True)
        if "json" in media
        else None
    )


def door_of(response: httpx2.Response) -> tuple[str, str]:
    """The described path and the method."""
    asked, method = response.request.url.path, response.request.method.lower()
    return next((path, method) for path, operations in PATHS.items() if method in operations and _leads(path, asked))


def _leads(path: str, asked: str) -> bool:
    return compile_path(path)[0].match(asked) is not None


def faults(response: httpx2.Response) -> list[str]:
    """What of an answer is not as described."""
    path, method = door_of(response)
    media = response.headers.get("content-type", "").partition(";")[0]
    try:
        reads = validator(path, method, str(response.status_code), media)
    except KeyError as missing:
        return [f"{method} {path}: {response.status_code} {media} is not described ({missing})"]
    found = [each.message for each in reads.iter_errors(response.json())] if reads else []
    return [f"{method} {path} {response.status_code}: {each}" for each in found]


@contextmanager
def an_office(home: Home) -> Iterator[OpenOffice]:
    with a_desk_over(home) as desk, closing(OpenOffice(desk)) as office:
        yield office


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> list[httpx2.Response]:
    """Everything that the office says while the stories are played."""
    said: list[httpx2.Response] = []
    for play in stories.OF_LIVES:
        with closing(Life(tmp_path_factory.mktemp("life"))) as life, an_office(life.home) as office:
            play(office, life)
            said += office.heard
    world = bygones(tmp_path_factory.mktemp("bygones") / "home")
    with closing(world), an_office(world.home) as office:
        stories.officers_look_back(office, world)
        said += office.heard
    return said


def test_what_the_office_says_is_what_is_described(heard: list[httpx2.Response]) -> None:
    assert [fault for response in heard for fault in faults(response)] == []


def test_every_door_says_yes_in_some_story(heard: list[httpx2.Response]) -> None:
    opened_doors = {door_of(response) for response in heard if response.status_code < 400}
    elsewhere = {(path, method) for path, method, _ in OPERATIONS if "/oidc/" in path}

    assert {(path, method) for path, method, _ in OPERATIONS} - opened_doors == elsewhere


def filled(path: str) -> str:
    """A path with something in each of its places."""
    given = {"digest": "0" * 64, "kind": Kind.GRANT.value, "entry": "0"}
    return re.sub(r"{(\w+)}", lambda found: given.get(found[1], "nothing"), path).removeprefix("/v1/office/")


WRONG: dict[str, tuple[str | None, bytes]] = {
    "nobody": (None, b"{}"),
    "a clerk who says nothing": (CLERK, b"{}"),
    "a clerk who says no JSON": (CLERK, b"{"),
    "a clerk who says far too much": (CLERK, b'"' + b"x" * 300_000 + b'"'),
    "a leader who says nothing": (IDS[Duty.LEADER], b"{}"),
    "a security administrator who says nothing": (IDS[Duty.SECURITY_ADMIN], b"{}"),
    "a system administrator who says nothing": (IDS[Duty.SYSTEM_ADMIN], b"{}"),
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenOffice]:
    with closing(Life(tmp_path_factory.mktemp("wrong"))) as life, an_office(life.home) as made:
        yield made


@pytest.mark.parametrize(("account", "body"), WRONG.values(), ids=WRONG)
def test_every_no_is_described(office: OpenOffice, account: str | None, body: bytes) -> None:
    for path, method, _ in OPERATIONS:
        for is_ours in (True, False):
            headers = office.somebody(account or "").headers | ({} if is_ours else {"origin": "https://evil.example"})
            response = office.send(method.upper(), filled(path), headers, body)
            assert faults(response) == []
            assert response.status_code != 503


def test_what_says_more_is_not_as_described(heard: list[httpx2.Response]) -> None:
    answers = [each for each in heard if each.headers.get("content-type") == "application/json"]
    more = [
        httpx2.Response(each.status_code, json={**each.json(), "more": 1}, request=each.request) for each in answers
    ]

    assert len(answers) > 100
    assert [each.request.url.path for each in more if not faults(each)] == []
