"""`bidui compare` as a person meets it: what it prints, with which code it leaves, and what it never repeats."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from gateway.api.body import parse
from gateway.domain.query import parse_query
from ops.cli.compare import EXAMPLE, compare
from policies.catalogue import load_catalogue
from tests.adapters.make_identity import ec_key
from tests.audit.make import an_ed25519_signer
from tests.fakes_gateway import VKEY, FakeGateway, a_problem, an_answer, listening

NUMBER, NAME, VALUE = "11010519491231002X", "额尔敦巴雅尔", "盟水利局灌区管理中心"
QUERY: dict[str, Any] = {
    "grant": "G-1",
    "purpose": "benefit-check",
    "operator": "wang-01",
    "subject": {"kind": "person", "id": NUMBER, "name": NAME},
    "claims": [{"field": "unit", "value": VALUE}, {"field": "rank", "value": 3, "comparator": "at_least"}],
}

app = typer.Typer()
app.command()(compare)


@dataclass
class Desk:
    """A partner's machine: its folder with a query and a key, and a gateway that listens."""

    folder: Path
    gateway: FakeGateway
    url: str

    def compare(self, *options: str, query: str | None = None, **stdin: Any) -> Result:
        arguments = [query or str(self.folder / "query.json"), "--url", self.url, "--client", "hr-payroll"]
        return CliRunner().invoke(app, [*arguments, "--key", str(self.folder / "key.pem"), *options], **stdin)

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # Nothing listens on the discard port: a client that reads the environment reaches no gateway.
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "key.pem").write_bytes(
        ec_key("client").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (tmp_path / "query.json").write_text(json.dumps(QUERY))
    gateway = FakeGateway()
    with listening(gateway) as url:
        yield Desk(tmp_path, gateway, url)


def test_an_answer_is_told_in_chinese(desk: Desk) -> None:
    result = desk.compare()

    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["对象：已确认"]
    assert [(line[0], line[-1]) for line in lines[1:4]] == [("一致", "name"), ("一致", "unit"), ("不一致", "rank")]
    assert "第 1234 条" in result.stdout


def test_an_answer_is_told_to_machines(desk: Desk) -> None:
    result = desk.compare("--json", "--receipt-key", VKEY)

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == an_answer(desk.gateway.asked[0].content)


def test_the_query_may_come_from_standard_input(desk: Desk) -> None:
    result = desk.compare(query="-", input=json.dumps(QUERY))

    assert result.exit_code == 0, result.output
    assert json.loads(desk.gateway.asked[0].content)["subject"]["id"] == NUMBER


def test_a_subject_not_confirmed_is_no_ground_for_an_act(desk: Desk) -> None:
    desk.gateway.moves = [
        lambda request: httpx2.Response(200, json=an_answer(request.content, subject="not_confirmed"))
    ]

    result = desk.compare()

    assert result.exit_code == 0
    assert "对象：未确认" in result.stdout
    assert "不得据此作出不利处理" in result.stdout


def test_headers_of_a_file_go_along(desk: Desk) -> None:
    path = desk.write("headers.json", '{"Client-Cert": ":AAAA:"}')

    assert desk.compare("--headers", path).exit_code == 0
    assert desk.gateway.asked[0].headers["Client-Cert"] == ":AAAA:"


def test_receipts_are_kept(desk: Desk) -> None:
    assert desk.compare("--receipts", str(desk.folder / "receipts")).exit_code == 0
    assert len(list((desk.folder / "receipts").iterdir())) == 1


def test_an_answer_whose_receipt_cannot_be_kept_is_told_all_the_same(desk: Desk) -> None:
    result = desk.compare("--json", "--receipts", str(desk.folder / "key.pem"))

    assert result.exit_code == 1
    assert json.loads(result.stdout)["subject"] == "confirmed"
    assert "回执未能保存" in result.stderr


OUTCOMES: dict[str, tuple[Callable[[], httpx2.Response], int, str]] = {
    "refused": (lambda: a_problem(403, reason="not_permitted", incident="0f3a"), 3, "事件编号 0f3a"),
    "refused by a newer gateway": (lambda: a_problem(403, reason="moon"), 3, "事件编号 （未给出）"),
    "quota": (lambda: a_problem(403, reason="quota", incident="0f3a"), 4, "额度已用尽"),
    "invalid": (lambda: a_problem(422, pointer="subject.id", detail="校验位不符"), 2, "subject.id: 校验位不符"),
    "unauthorised": (lambda: a_problem(401), 1, "身份未通过验证"),
    "unavailable": (lambda: a_problem(503, {"Retry-After": "3600"}), 1, "请稍后重试"),
    "no gateway": (lambda: httpx2.Response(404, text="<html>"), 1, "请核对 --url"),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_each_outcome_has_its_code_and_says_what_to_do(case: str, desk: Desk) -> None:
    response, code, words = OUTCOMES[case]
    desk.gateway.moves = [response(), response()]

    told, for_machines = desk.compare(), desk.compare("--json")

    assert (told.exit_code, for_machines.exit_code) == (code, code)
    assert words in told.stderr
    assert words in json.loads(for_machines.stdout)["detail"]
    assert not told.stdout
    assert_silent(told, for_machines)


def test_a_refusal_has_its_reason_and_incident_for_machines(desk: Desk) -> None:
    desk.gateway.moves = [a_problem(403, reason="held", incident="0f3a")]

    told = json.loads(desk.compare("--json").stdout)

    assert (told["error"], told["reason"], told["incident"]) == ("refused", "held", "0f3a")


def test_a_receipt_of_another_key_leaves_with_the_code_of_integrity(desk: Desk) -> None:
    result = desk.compare("--receipt-key", an_ed25519_signer(seed="another").vkey)

    assert result.exit_code == 5
    assert "回执不能证明此答复" in result.stderr
    assert not result.stdout


QUERIES = {
    "no JSON": "{" + NUMBER,
    "a member twice": f'{{"grant": "{NUMBER}", "grant": "{NUMBER}"}}',
    "an unknown member": json.dumps(QUERY | {NUMBER: NAME}),
    "a missing member": json.dumps({"subject": QUERY["subject"]}),
    "a number for a name": json.dumps(QUERY | {"subject": {"kind": "person", "id": NUMBER, "name": 7}}),
    "no claims": json.dumps(QUERY | {"claims": []}),
    "half a character": json.dumps(QUERY | {"grant": "\ud800"}),
}


@pytest.mark.parametrize("case", QUERIES)
def test_a_wrong_query_is_not_asked_and_not_repeated(case: str, desk: Desk) -> None:
    result = desk.compare(query=desk.write("query.json", QUERIES[case]))

    assert result.exit_code == 2
    assert result.stderr
    assert not desk.gateway.asked
    assert_silent(result)


USAGES: dict[str, tuple[str, ...]] = {
    "a certificate's key alone": ("--cert-key", "{folder}/key.pem"),
    "no certificate in the file": ("--cert", "{folder}/query.json"),
    "no such certificate": ("--cert", "{folder}/missing.pem"),
    "headers that are none": ("--headers", "{folder}/query.json"),
    "no such headers": ("--headers", "{folder}/missing.json"),
    "a key that is none": ("--key", "{folder}/query.json"),
    "no such key": ("--key", "{folder}/missing.pem"),
    "http to another machine": ("--url", "http://bidui.example"),
}


@pytest.mark.parametrize("case", USAGES)
def test_wrong_options_are_told_which_and_nothing_is_asked(case: str, desk: Desk) -> None:
    result = desk.compare(*(part.format(folder=desk.folder) for part in USAGES[case]))

    assert result.exit_code == 2
    assert any(word in result.stderr for word in ("--", "url", "key"))
    assert not desk.gateway.asked
    assert_silent(result)


def test_a_wrong_query_is_told_where(desk: Desk) -> None:
    result = desk.compare(query=desk.write("query.json", QUERIES["a number for a name"]))

    assert "subject.name" in result.stderr


def test_a_query_that_is_not_there_is_told(desk: Desk) -> None:
    result = desk.compare(query=str(desk.folder / "missing.json"))

    assert result.exit_code == 2
    assert "--example" in result.stderr


def test_the_example_needs_nothing_else_and_is_a_query_of_the_catalogue() -> None:
    result = CliRunner().invoke(app, ["--example"])

    assert (result.exit_code, result.stdout) == (0, EXAMPLE)
    parse_query(parse(EXAMPLE.encode()), load_catalogue())


def test_help_says_that_numbers_are_no_arguments() -> None:
    assert "标准输入" in CliRunner().invoke(app, ["--help"]).stdout


def assert_silent(*results: Result) -> None:
    for result in results:
        for secret in (NUMBER, NAME, VALUE):
            assert secret not in result.output
