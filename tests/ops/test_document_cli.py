"""`bidui document` as a clerk meets it, and what `bidui compare` says while a document is wanted."""

from __future__ import annotations

import json
from hashlib import sha256

import httpx2
from typer.testing import CliRunner, Result

from ops.cli.console import Exit
from ops.cli.document import LARGEST_SCAN
from ops.cli.main import app
from tests.fakes_gateway import a_problem
from tests.ops.test_compare import Desk, desk

__all__ = ["desk"]
NUMBER, FORM = "0f3a9c17e2b84d56", "调档函 2026-117 号"
CHECK = {
    "number": NUMBER,
    "grant": "G-1",
    "opened": "2026-06-30",
    "due": "2026-07-01",
    "last": "2026-07-06",
    "state": "due",
}
RUN = CliRunner()


def run(desk: Desk, *arguments: str) -> Result:
    place = ["--url", desk.url, "--client", "hr-payroll", "--key", str(desk.folder / "key.pem")]
    return RUN.invoke(app, ["document", *arguments, *place])


def refusing(kind: str) -> httpx2.Response:
    return a_problem(403, type=f"urn:bidui:problem:{kind}", reason="held", incident=NUMBER)


def test_a_refusal_says_which_command_lifts_it(desk: Desk) -> None:
    desk.gateway.moves = [refusing("document-required"), refusing("document-overdue"), refusing("refused")]

    own, other, held = (desk.compare() for _ in range(3))

    assert [each.exit_code for each in (own, other, held)] == [Exit.REFUSED] * 3
    assert f"bidui document file {NUMBER}" in own.stderr
    assert "另有" in other.stderr
    assert "bidui document" not in held.stderr


def test_what_has_to_be_signed_is_signed(desk: Desk) -> None:
    desk.gateway.moves = [refusing("signature-required")]

    unsigned = desk.compare()
    signed = desk.compare("--request-key", str(desk.folder / "key.pem"))

    assert unsigned.exit_code == Exit.REFUSED
    assert "--request-key" in unsigned.stderr
    assert signed.exit_code == Exit.OK
    assert "signature-input" in desk.gateway.asked[-1].headers


def test_a_program_is_told_the_same(desk: Desk) -> None:
    desk.gateway.moves = [refusing("document-required")]

    told = json.loads(desk.compare("--json").stdout)

    assert (told["document"], told["incident"]) == ("own", NUMBER)


def test_a_document_is_filed_with_the_digest_of_its_scan(desk: Desk) -> None:
    desk.gateway.moves = [httpx2.Response(200, json=CHECK | {"state": "filed"})]
    scan = desk.write("scan.pdf", "%PDF")

    done = run(desk, "file", NUMBER, FORM, "--operator", "wang-01", "--scan", scan)

    assert done.exit_code == 0, done.output
    assert "待审核" in done.stdout
    assert "请再次查询" in done.stdout
    (sent,) = desk.gateway.asked
    assert sent.url.path == f"/v1/spot-checks/{NUMBER}"
    digest = sha256(b"%PDF").hexdigest()
    assert json.loads(sent.content) == {"document": FORM, "operator": "wang-01", "sha256": digest}


def test_what_waits_is_listed(desk: Desk) -> None:
    desk.gateway.moves = [httpx2.Response(200, json={"spot_checks": [CHECK], "more": False})] * 2
    desk.gateway.moves.append(httpx2.Response(200, json={"spot_checks": [], "more": False}))

    said, told, nothing = run(desk, "list"), run(desk, "list", "--json"), run(desk, "list")

    assert f"{NUMBER}  G-1  2026-06-30  待交，限 2026-07-01，2026-07-06 之后视为不合格" in said.stdout
    assert json.loads(told.stdout) == {"spot_checks": [CHECK]}
    assert "没有" in nothing.stdout


def test_what_goes_wrong_is_said_in_words_and_by_a_code(desk: Desk) -> None:
    desk.gateway.moves = [a_problem(422, pointer="document", detail="document 不得写入身份证号，请写凭证自己的编号")]
    big = desk.folder / "big.pdf"
    with big.open("wb") as made:
        made.truncate(LARGEST_SCAN + 1)

    wrong = run(desk, "file", NUMBER, FORM, "--operator", "wang-01")
    missing = run(desk, "file", NUMBER, FORM, "--operator", "wang-01", "--scan", str(desk.folder / "none.pdf"))
    large = run(desk, "file", NUMBER, FORM, "--operator", "wang-01", "--scan", str(big))

    assert [each.exit_code for each in (wrong, missing, large)] == [Exit.USAGE] * 3
    assert "身份证号" in wrong.stderr
    assert len(desk.gateway.asked) == 1
