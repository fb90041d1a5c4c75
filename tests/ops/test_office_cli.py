"""People's commands by themselves: what they believe of a gateway, what they sign, what they keep, what they say."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from adapters.keys.files import write_key
from gateway.accounts.keys import fingerprint
from gateway.deeds.checking import next_step
from gateway.deeds.deed import Deed, drawn
from gateway.deeds.document import Document, Kind
from gateway.deeds.signature import Signature, Statement, check, write_time
from gateway.domain.partner_file import parse_partner
from gateway.domain.people import KeyForm, PersonKey
from ops.answers import read_answers
from ops.cli.main import app
from ops.cli.office.client import OfficeClient, from_text, make_gateway, to_text
from ops.cli.office.deeds import grant_content
from ops.cli.office.drawing import as_content
from ops.cli.office.options import SigningOptions
from ops.cli.office.partners import system_content
from ops.cli.office.problems import OfficeError, problem_of
from ops.cli.office.reading import read_pending
from ops.cli.office.session import Gateway, Session, read_session, write_session
from ops.cli.office.showing import whole
from ops.cli.office.signing import prepare, sign_deeds
from ops.cli.office.systems import revoked, rotated
from ops.founding import natural_of
from tests.homes import ROOT
from tests.make import NOW
from tests.people import LOG, a_document, key_of, public_of, signed_by

RUN = CliRunner()
AT = datetime(2026, 6, 30, 2, 0, tzinfo=UTC)
PARTNER = {"zh": "某局", "en": "A bureau", "department": "hr"}


@pytest.fixture(autouse=True)
def _clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clock").write_text(NOW.isoformat())
    monkeypatch.setenv("BIDUI_MODE", "test")
    monkeypatch.setenv("BIDUI_CLOCK", f"file:{tmp_path / 'clock'}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


# ---------------------------------------------------------------------------------------- a gateway that may lie


@dataclass
class Doors:
    """The doors of an office over the deeds that it is given. A test bends what it tells."""

    deeds: dict[str, Deed] = field(default_factory=dict)
    earlier: list[Deed] = field(default_factory=list)
    bent: Callable[[dict[str, Any]], dict[str, Any]] = lambda told: told
    stated: Callable[[Statement], Statement] = lambda stated: stated
    fresh: bool = True
    signed: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path, body = request.url.path, json.loads(request.content or b"{}")
        if path.startswith("/.well-known"):
            return httpx2.Response(200, json={"issuer": "https://gateway.example"})
        assert request.method == "GET" or request.headers["origin"] == "https://gateway.example"
        assert request.method == "GET" or request.headers["x-bidui-token"] == "token"
        if path == "/v1/office/session":
            until = NOW + timedelta(minutes=5 if self.fresh else -1)
            return httpx2.Response(200, json={"fresh_until": write_time(until)})
        if path == "/v1/office/statements":
            return self._statement(body)
        if path == "/v1/office/signatures":
            self.signed.append(body)
            return httpx2.Response(201, json={"deeds": []})
        return self._deed(path.removeprefix("/v1/office/deeds/"))

    def _statement(self, body: dict[str, Any]) -> httpx2.Response:
        step = next_step(self.deeds[body["deeds"][0]])
        honest = Statement(LOG, step.name if step else "", "sec", body["kid"], write_time(NOW), body["deeds"])
        stated = self.stated(honest)
        return httpx2.Response(200, json={"at": stated.at, "statement": to_text(stated.encode())})

    def _deed(self, path: str) -> httpx2.Response:
        if "/" in path:
            return httpx2.Response(200, json={"versions": [_told(each) for each in self.earlier]})
        return httpx2.Response(200, json=self.bent(_told(self.deeds[path])))


def _told(deed: Deed) -> dict[str, Any]:
    return {"deed": to_text(deed.encode()), "state": "pending"}


@pytest.fixture
def doors() -> Doors:
    return Doors()


@pytest.fixture
def client(doors: Doors) -> Iterator[OfficeClient]:
    session = Session(gateway=make_gateway("https://127.0.0.1:1"), account="sec", token="token")
    with closing(OfficeClient(session, transport=httpx2.MockTransport(doors))) as made:
        yield made


@pytest.fixture
def how(tmp_path: Path) -> SigningOptions:
    write_key(tmp_path / "key.pem", key_of("sec"), None)
    return SigningOptions(key=tmp_path / "key.pem", yes=True)


def proposed(doors: Doors, document: Document | None = None) -> str:
    """A deed that the first administrator proposed and the second shall approve."""
    deed = signed_by(document or a_document(Kind.PARTNER, "hr", PARTNER), "sys", at=AT)
    doors.deeds[deed.digest] = deed
    return deed.digest


def signs(client: OfficeClient, named: str, how: SigningOptions) -> None:
    sign_deeds(client, [named], prepare(client, how, quiet=True), quiet=True)


def test_what_is_signed_is_what_was_read_and_verifies(doors: Doors, client: OfficeClient, how: SigningOptions) -> None:
    named = proposed(doors)

    signs(client, named, how)

    (body,) = doors.signed
    key = PersonKey(fingerprint(public_of(key_of("sec"))), KeyForm.ED25519, public_of(key_of("sec")))
    made = Signature(body["step"], "sec", body["kid"], body["at"], tuple(body["deeds"]), from_text(body["proof"]))
    check(made, LOG, key)
    assert (body["step"], body["deeds"]) == ("approve", [named])


OTHER = drawn(a_document(Kind.PARTNER, "hr", PARTNER | {"zh": "他局"}))
LIES: dict[str, tuple[dict[str, Any], str]] = {
    "another deed under the digest": ({"bent": lambda _: _told(OTHER)}, "tampered"),
    "bytes that are no deed": ({"bent": lambda _: {"deed": to_text(b"nothing")}}, "tampered"),
    "a statement of another deed": ({"stated": lambda stated: stated._replace(deeds=[OTHER.digest])}, "tampered"),
    "a statement of one more deed": (
        {"stated": lambda stated: stated._replace(deeds=sorted([*stated.deeds, OTHER.digest]))},
        "tampered",
    ),
    "a statement of another step": ({"stated": lambda stated: stated._replace(step="propose")}, "tampered"),
    "a statement in another name": ({"stated": lambda stated: stated._replace(person="sys")}, "tampered"),
    "a statement for another log": ({"stated": lambda stated: stated._replace(log="another")}, "tampered"),
    "a statement at another time": (
        {"stated": lambda stated: stated._replace(at=write_time(NOW + timedelta(minutes=3)))},
        "clock",
    ),
    "no fresh second factor": ({"fresh": False}, "step-up-required"),
}


@pytest.mark.parametrize(("lie", "kind"), LIES.values(), ids=LIES)
def test_nothing_is_signed_that_was_not_read(
    doors: Doors, client: OfficeClient, how: SigningOptions, lie: dict[str, Any], kind: str
) -> None:
    named = proposed(doors)
    for name, value in lie.items():
        setattr(doors, name, value)

    with pytest.raises(OfficeError) as refused:
        signs(client, named, how)

    assert refused.value.kind == kind
    assert doors.signed == []


def test_a_version_that_follows_nothing_known_is_not_signed(
    doors: Doors, client: OfficeClient, how: SigningOptions
) -> None:
    before = drawn(a_document(Kind.PARTNER, "hr", PARTNER))
    after = a_document(Kind.PARTNER, "hr", PARTNER | {"zh": "新局"}, serial=2, previous=before.digest)
    named = proposed(doors, after)

    with pytest.raises(OfficeError) as refused:
        signs(client, named, how)
    doors.earlier = [before]

    assert refused.value.kind == "tampered"
    assert "某局 → 新局" in whole(read_pending(client, named))


def test_whoever_signs_sees_names_and_fingerprints_and_no_control_characters(
    doors: Doors, client: OfficeClient
) -> None:
    content = PARTNER | {"zh": "某\x1b[2J局"}

    shown = whole(read_pending(client, proposed(doors, a_document(Kind.PARTNER, "hr", content))))

    assert "\x1b" not in shown
    assert "A bureau" in shown
    assert "等待安全管理员签署" in shown


def test_json_without_yes_signs_nothing_unseen(client: OfficeClient, how: SigningOptions) -> None:
    with pytest.raises(OfficeError) as refused:
        prepare(client, SigningOptions(key=how.key), quiet=True)

    assert refused.value.code == 2


# ---------------------------------------------------------------------------------------- problems and sessions

PROBLEMS: dict[str, tuple[int, dict[str, str], int]] = {
    "not signed in": (401, {"type": "urn:bidui:problem:unauthorised"}, 1),
    "another's duty": (403, {"type": "urn:bidui:problem:forbidden"}, 3),
    "no fresh factor": (403, {"type": "urn:bidui:problem:step-up-required"}, 3),
    "no such deed": (404, {"type": "urn:bidui:problem:not-found"}, 2),
    "a member is wrong": (422, {"type": "urn:bidui:problem:invalid", "pointer": "id"}, 2),
    "the deed is refused": (422, {"type": "urn:bidui:problem:invalid"}, 3),
    "too often": (429, {"type": "urn:bidui:problem:throttled"}, 1),
    "broken": (503, {"type": "urn:bidui:problem:unavailable"}, 1),
}


@pytest.mark.parametrize(("status", "document", "code"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_problem_document_becomes_words_and_an_exit_code(status: int, document: dict[str, str], code: int) -> None:
    told = document | {"title": "某题", "detail": "怎么办"}

    error = problem_of(httpx2.Response(status, json=told))

    assert (error.code, error.kind) == (code, document["type"].rpartition(":")[2])
    assert str(error).startswith("某题：怎么办")


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"{}", b"\xff"])
def test_whoever_does_not_speak_like_a_gateway_is_called_out(content: bytes) -> None:
    error = problem_of(httpx2.Response(502, content=content))

    assert (error.code, error.kind) == (1, "protocol")


def test_a_session_is_kept_for_its_owner_alone_and_shows_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "state" / "bidui" / "session.json"
    session = Session(Gateway("https://g"), "li.ming", "token", {"__Host-bidui": "cookie"})

    write_session(path, session)
    write_session(path, session)

    assert read_session(path) == session
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "cookie" not in repr(session)
    assert "token" not in repr(session)


WITHOUT_SESSION = (
    ["whoami"],
    ["tasks"],
    ["deed", "list"],
    ["person", "list"],
    ["grant", "show", "1"],
    ["sign-out"],
)


@pytest.mark.parametrize("arguments", WITHOUT_SESSION, ids=" ".join)
def test_whoever_is_not_signed_in_is_told_to(arguments: list[str]) -> None:
    done = RUN.invoke(app, [*arguments, "--json"])

    assert done.exit_code == 1
    assert "bidui sign-in" in json.loads(done.stdout)["detail"]


def test_a_gateway_without_tls_is_refused(tmp_path: Path) -> None:
    done = RUN.invoke(app, ["sign-in", "--url", "http://127.0.0.1:1", "--account", "a"])

    assert done.exit_code == 2
    assert "https" in done.stderr


def test_no_secret_is_an_argument() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    options = {
        option
        for name in ("enrol", "sign-in", "step-up", "person", "deed")
        for command in _commands(group.commands[name])
        for parameter in command.params
        for option in parameter.opts
    }

    assert not options & {"--code", "--password", "--passphrase", "--recovery-code", "--id-number", "--name"}


def _commands(command: Any) -> list[Any]:
    return list(command.commands.values()) if isinstance(command, TyperGroup) else [command]


# ---------------------------------------------------------------------------------------- what is proposed

SYSTEM = {
    "client_id": "hr-1",
    "alg": "ES256",
    "certificates": ["first"],
    "jwks": [{"kid": "a", "kty": "EC"}],
    "networks": {"office": ["10.0.0.0/8"]},
}


def test_a_system_is_proposed_as_its_table_says_with_times_as_text() -> None:
    until = datetime(2027, 1, 1, tzinfo=UTC)

    content = system_content("hr", SYSTEM | {"jwks": [{"kid": "a", "not_after": until}]})

    assert content["partner"] == "hr"
    assert "client_id" not in content
    assert content["jwks"] == [{"kid": "a", "not_after": "2027-01-01T00:00:00+00:00"}]


def test_no_number_with_a_fraction_is_proposed() -> None:
    with pytest.raises(OfficeError):
        as_content({"limits": [1.5]})


def test_a_new_key_stands_beside_the_old_one_which_ends() -> None:
    content, until = system_content("hr", SYSTEM), NOW + timedelta(days=14)

    first = rotated(content, {"jwks": [{"kid": "b", "kty": "EC"}]}, NOW, until)
    later = rotated(first, {"jwks": [{"kid": "c", "kty": "EC"}]}, until, until + timedelta(days=14))

    assert [each["kid"] for each in _rows(first, "jwks")] == ["a", "b"]
    assert datetime.fromisoformat(str(_rows(first, "jwks")[0]["not_after"])) == until
    assert "not_after" not in _rows(first, "jwks")[1]
    assert first["certificates"] == ["first"]
    assert [each["kid"] for each in _rows(later, "jwks")] == ["b", "c"]


@pytest.mark.parametrize("added", [{}, {"networks": {}}, {"jwks": [], "alg": "EdDSA"}], ids=str)
def test_only_keys_and_certificates_rotate(added: dict[str, object]) -> None:
    with pytest.raises(OfficeError):
        rotated(system_content("hr", SYSTEM), added, NOW, NOW)


def test_one_key_or_certificate_is_revoked_by_its_name() -> None:
    content = system_content("hr", SYSTEM)

    after = revoked(content, "first", NOW)

    assert _rows(after, "certificates") == [{"thumbprint": "first", "revoked_at": "2026-06-30T10:00:00+08:00"}]
    assert after["jwks"] == content["jwks"]
    with pytest.raises(OfficeError):
        revoked(content, "none", NOW)


def _rows(content: Any, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = content[name]
    return rows


# ---------------------------------------------------------------------------------------- the handbook


def test_the_files_of_the_handbook_are_read_as_they_stand(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "office.md").read_text(encoding="utf-8")
    answers, partner, grant = re.findall(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "answers.toml").write_text(answers, encoding="utf-8")
    (tmp_path / "grant.toml").write_text(grant, encoding="utf-8")

    people = read_answers(tmp_path / "answers.toml").people()

    assert len({natural_of(b"secret", each.id_number) for each in people.values()}) == 3
    assert parse_partner(tomllib.loads(partner), "caizheng.toml").operators["cz-nightly"].owner == "cz-liu.yang"
    assert grant_content(tmp_path / "grant.toml")["partner"] == "caizheng"
