"""The command line of the single file, called as a program is: what it says, and the exit code that it leaves."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.cosignature import add, cosign
from audit.disclosure import base64url
from audit.standalone import program
from audit.standalone.program import main
from tests.audit import bundles
from tests.audit.make import AT, RECEIPT_SIGNER, SUBJECT, a_checkpoint_of, a_log, a_trust
from tests.audit.standalone.test_deeds import GOOD as DEED
from tests.audit.standalone.test_log import edit, exported
from tests.audit.test_verify_receipt import GOOD as RECEIPT
from tests.audit.test_verify_receipt import a_receipt
from tests.audit.witnesses import a_cosigner
from tests.people import FOUNDATION, people

WITNESS = a_cosigner("w")
PROVEN, TAMPERED, INCOMPLETE, USAGE = 0, 1, 2, 3


def deed_export(**changes: object) -> bytes:
    texts = [base64url(each.encode()).decode() for each in (*people(), DEED)]
    told = {"foundation": json.loads(FOUNDATION.encode()), "people": texts[:-1], "deed": texts[-1]}
    return json.dumps(told | changes).encode()


def files() -> Iterator[tuple[str, bytes]]:
    """What somebody has who verifies."""
    log, edited = a_log(20), a_log(20)
    signed = a_checkpoint_of(log)
    cosigned = add(signed, cosign(signed, [WITNESS], AT))
    edit(edited, 7)
    yield "trust.json", a_trust().encode()
    yield "log.zip", exported(log, [signed]).getvalue()
    yield "cosigned.zip", exported(log, [cosigned]).getvalue()
    yield "edited.zip", exported(edited, [signed]).getvalue()
    yield "kept", signed
    yield "fork", a_checkpoint_of(a_log(20, partners=("other",)))
    yield "policy", f"witness w {WITNESS.vkey}\nquorum w\n".encode()
    yield "nonsense", b"quorum nobody\n"
    yield "receipt.json", RECEIPT.receipt
    yield "stranger.json", a_receipt(RECEIPT_SIGNER, "other.example")
    for name in ("proof", "entry", "request", "response"):
        yield name, getattr(RECEIPT, name)
    yield "bundle.zip", bundles.zipped(bundles.make().signed()).getvalue()
    yield "deed.json", deed_export()
    yield "other.json", deed_export(people=[])
    yield "list.json", b"[]"
    yield "deep.json", b"[" * 100_000
    yield "foundation.json", FOUNDATION.encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("verifier")
    for name, content in files():
        (path / name).write_bytes(content)
    return path


WHOLE = "--proof proof --entry entry --request request --response response"
CALLS: dict[str, tuple[str, int, str]] = {
    "a log": ("log log.zip --trust trust.json", PROVEN, "第 0 至 19 条"),
    "a log and a checkpoint of one's own": ("log log.zip --trust trust.json --checkpoint kept", PROVEN, "proven"),
    "a log and a fork": ("log log.zip --trust trust.json --checkpoint kept --checkpoint fork", TAMPERED, "tampered"),
    "a log without a trust file": ("log log.zip", INCOMPLETE, "what came along proves nothing"),
    "a log without its witness": ("log log.zip --trust trust.json --policy policy", INCOMPLETE, "too few witnesses"),
    "a log and its witness": ("log cosigned.zip --trust trust.json --policy policy", PROVEN, "proven"),
    "an edited log": ("log edited.zip --trust trust.json", TAMPERED, "entry 7"),
    "an edited log, and all that is claimed": ("log edited.zip --trust trust.json --show", TAMPERED, "检查点 1 个"),
    "a receipt": (f"receipt receipt.json --trust trust.json {WHOLE}", PROVEN, "回执：第 42 条"),
    "a receipt alone": ("receipt receipt.json --trust trust.json", INCOMPLETE, "no proof"),
    "a receipt of another log": (
        "receipt stranger.json --trust trust.json --proof proof",
        TAMPERED,
        "of the log other",
    ),
    "a receipt and another answer": (
        "receipt receipt.json --trust trust.json --response request",
        TAMPERED,
        "does not speak of this response",
    ),
    "a receipt without its witness": (
        "receipt receipt.json --trust trust.json --proof proof --policy policy",
        INCOMPLETE,
        "too few witnesses",
    ),
    "a receipt without a trust file": ("receipt receipt.json", USAGE, "with --trust"),
    "a bundle": ("bundle bundle.zip --trust trust.json --at 2026-06-01", PROVEN, "有效至 2027-12-31"),
    "a bundle, and a checkpoint": (
        "bundle bundle.zip --trust trust.json --at 2026-06-01 --checkpoint kept",
        PROVEN,
        "proven",
    ),
    "a bundle on a day after": ("bundle bundle.zip --trust trust.json --at 2028-01-02", INCOMPLETE, "2027-12-31"),
    "a bundle at an instant": (
        "bundle bundle.zip --trust trust.json --at 2026-06-01T12:00:00+08:00",
        PROVEN,
        "proven",
    ),
    "a bundle as of no day": ("bundle bundle.zip --trust trust.json --at tomorrow", USAGE, "--at"),
    "a bundle as of the last day": ("bundle bundle.zip --trust trust.json --at 9999-12-31T23:59", USAGE, "--at"),
    "a bundle as of the first day": ("bundle bundle.zip --trust trust.json --at 0001-01-01T00:00+14:00", USAGE, "--at"),
    "a deed": ("deed deed.json --foundation foundation.json --at 2026-06-01", PROVEN, "export E-1，第 1 版"),
    "a deed of its own foundation": ("deed deed.json --at 2026-06-01", INCOMPLETE, "no --foundation"),
    "a deed by nobody": ("deed other.json --foundation foundation.json", TAMPERED, "three founders"),
    "a deed before it was signed": ("deed deed.json --foundation foundation.json --at 2025-06-01", TAMPERED, "future"),
    "a deed that is a list": ("deed list.json", TAMPERED, "other members"),
    "a deed that is no JSON": ("deed policy", USAGE, "not JSON"),
    "a deed nested without end": ("deed deep.json", USAGE, "not JSON"),
    "a foundation that is no JSON": ("deed deed.json --foundation policy", USAGE, "not JSON"),
    "no command": ("", USAGE, "usage"),
    "a command nobody knows": ("erase log.zip", USAGE, "invalid choice"),
    "no file": ("log", USAGE, "required"),
    "an option nobody knows": ("log log.zip --force", USAGE, "--force"),
    "an option of another command": ("log log.zip --foundation foundation.json", USAGE, "--foundation"),
    "a file that is not there": ("log absent.zip --trust trust.json", USAGE, "absent.zip"),
    "a folder": ("log . --trust trust.json", USAGE, "cannot verify"),
    "a trust file that is not there": ("log log.zip --trust absent.json", USAGE, "absent.json"),
    "a trust file that is none": ("log log.zip --trust policy", USAGE, "cannot verify"),
    "a policy that is none": ("log log.zip --trust trust.json --policy nonsense", USAGE, "quorum"),
    "a log that is no zip": ("log trust.json --trust trust.json", USAGE, "not a readable zip file"),
    "a bundle that is a log": ("bundle log.zip --trust trust.json", USAGE, "does not belong here"),
}


@pytest.mark.parametrize("case", CALLS)
def test_every_call_ends_with_its_verdict(
    case: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line, code, said = CALLS[case]
    monkeypatch.chdir(folder)
    before = {path.name for path in folder.iterdir()}

    assert main(line.split()) == code
    told = capsys.readouterr().out
    assert said in told
    assert told.startswith({0: "已证明", 1: "已被篡改", 2: "证据不全", 3: "无法核验"}[code])
    assert {path.name for path in folder.iterdir()} == before


def test_what_was_opened_is_shown_only_to_whoever_asks(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    line = "bundle bundle.zip --trust trust.json --at 2026-06-01"

    main(line.split())
    assert SUBJECT not in capsys.readouterr().out
    main([*line.split(), "--show"])
    assert SUBJECT in capsys.readouterr().out


def test_a_deed_is_verified_as_of_now_unless_another_day_is_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)

    assert main(["deed", "deed.json", "--foundation", "foundation.json"]) in {PROVEN, TAMPERED}
    assert capsys.readouterr().out


@pytest.mark.usefixtures("without_ed25519")
def test_a_machine_that_lacks_an_algorithm_says_so_and_calls_nothing_false(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for line in (
        "log log.zip --trust trust.json",
        f"receipt receipt.json --trust trust.json {WHOLE}",
        "bundle bundle.zip --trust trust.json --at 2026-06-01",
        "deed deed.json --foundation foundation.json --at 2026-06-01",
    ):
        assert main(line.split()) == INCOMPLETE
        assert "lacks the algorithm" in capsys.readouterr().out


def test_a_file_of_any_size_is_not_read_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(program, "MAX_SMALL_FILE", 10)

    assert main(["deed", "deed.json"]) == USAGE
    assert "deed.json：过大 / too large" in capsys.readouterr().out


def test_whatever_a_file_says_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.dumps({"foundation": None, "people": [], "deed": "", "\x1b[2J\u202e": 1})
    (tmp_path / "\x1b[31mred\u202e").write_text(content)

    assert main(["deed", str(tmp_path / "\x1b[31mred\u202e"), "--foundation", "/absent\x1b[0m\udc80"]) == USAGE
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_a_reader_who_has_seen_enough_changes_no_verdict(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        monkeypatch.setattr(sys, "stdout", gone)

        assert main(["log", "edited.zip", "--trust", "trust.json", "--show"]) == TAMPERED
