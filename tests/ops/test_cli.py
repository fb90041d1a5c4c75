"""The command line: exit codes that scripts can trust, one line that says what to do, and JSON for machines."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.clock import FileClock
from gateway.api.openapi import document
from ops.cli.main import app
from ops.demo.office import administrators, load_grant, number_of
from ops.prove.homes import FINANCE
from ops.settings import Home, ServeSettings, load
from ops.wiring import wire
from tests.homes import a_home as a_bare_home
from tests.homes import bidui, edit, environment, home_at
from tests.make import CATALOGUE, ORIGIN
from tests.people import FOUNDATION

RUN = CliRunner()


@pytest.fixture(autouse=True)
def _test_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDUI_MODE", "test")
    monkeypatch.delenv("BIDUI_CLOCK", raising=False)
    monkeypatch.delenv("BIDUI_HOME", raising=False)


@pytest.fixture
def home(rehearsed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = home_at(tmp_path / "home")
    shutil.copytree(rehearsed, made.path)
    monkeypatch.setenv("BIDUI_CLOCK", f"file:{clock_of(made)}")
    return made


def clock_of(home: Home) -> Path:
    """The file that this home's time is read from; signatures of its people are not of the future there."""
    assert isinstance(home.clock, FileClock)
    return home.clock.path


class Done:
    """What a command came to."""

    def __init__(self, *arguments: str | Path, **environment: str) -> None:
        result = RUN.invoke(app, [str(each) for each in arguments], env=environment)
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception

    @property
    def json(self) -> dict[str, object]:
        opened = json.loads(self.out)
        assert isinstance(opened, dict)
        return opened


# ---------------------------------------------------------------------------------------- init and migrate


def answers(folder: Path, text: str = "") -> Path:
    """What init is told."""
    path = folder / "answers.toml"
    path.write_text(text or ANSWERS, encoding="utf-8")
    return path


PEOPLE = "".join(
    f'[administrators.{duty.value}]\nid = "{each.id}"\nname = "{each.name}"\nid_number = "{each.id_number}"\n'
    for duty, each in administrators().items()
)
ANSWERS = f'origin = "{ORIGIN}"\nissuer = "https://i"\n{PEOPLE}'


def test_init_makes_an_installation_and_migrate_keeps_it(tmp_path: Path) -> None:
    place = tmp_path / "home"
    made = Done("init", "--home", place, "--answers", answers(tmp_path), "--json")
    again = Done("init", "--home", place, "--answers", answers(tmp_path))

    assert (made.code, set(made.json)) == (0, {"home", "origin", "codes"})
    assert (made.json["home"], made.json["origin"]) == (str(place), ORIGIN)
    codes = made.json["codes"]
    assert isinstance(codes, dict)
    assert codes.keys() == {each.id for each in administrators().values()}
    assert (again.code, again.out) == (2, "")
    assert str(place) in again.err
    assert Done("migrate", "--home", place, "--json").json == {"log_opened": False}


def test_init_tells_each_administrator_their_code(tmp_path: Path) -> None:
    told = Done("init", "--home", tmp_path / "home", "--answers", answers(tmp_path)).out

    for each in administrators().values():
        (line,) = [line for line in told.splitlines() if each.id in line]
        assert len(line.split()[-1].replace("-", "")) == 26
        assert each.name not in told
        assert each.id_number not in told


WRONG_ANSWERS: dict[str, tuple[str, str]] = {
    "no TOML": ("origin =", "TOML"),
    "no administrators": (f'origin = "{ORIGIN}"\nissuer = "https://i"\n', "administrators"),
    "two administrators": (ANSWERS.replace("[administrators.audit_admin]", "[administrators.leader]"), "answers.toml"),
    "an unknown member": (f"port_number = 1\n{ANSWERS}", "port_number"),
    "one account twice": (ANSWERS.replace('"bb-anquan"', '"bb-xitong"'), "须为三人"),
    "one person twice": (ANSWERS.replace(number_of("bb-anquan"), number_of("bb-xitong")), "三个人"),
    "an account of capitals": (ANSWERS.replace('"bb-anquan"', '"BB-anquan"'), "answers.toml"),
    "a number that is none": (ANSWERS.replace(number_of("bb-anquan"), "1"), "身份证号"),
}


@pytest.mark.parametrize(("text", "words"), WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_wrong_answers_make_nothing_and_repeat_nobody(tmp_path: Path, text: str, words: str) -> None:
    done = Done("init", "--home", tmp_path / "home", "--answers", answers(tmp_path, text))

    assert done.code in {1, 2}
    assert words in done.err
    assert done.out == ""
    assert not any(each.id_number in done.err or each.name in done.err for each in administrators().values())
    assert not (tmp_path / "home" / "serve.toml").exists()


def test_init_under_a_passphrase_needs_it_from_then_on(tmp_path: Path) -> None:
    words, place = tmp_path / "passphrase", tmp_path / "home"
    words.write_text("open sesame\n")
    words.chmod(0o600)
    named = ("--passphrase-file", words)

    assert Done("init", "--home", place, "--answers", answers(tmp_path), *named).code == 0
    assert Done("migrate", "--home", place, *named).code == 0
    without = Done("migrate", "--home", place)
    assert without.code == 1
    assert "open sesame" not in without.out + without.err


def test_a_passphrase_that_others_can_read_is_refused(tmp_path: Path) -> None:
    words = tmp_path / "passphrase"
    words.write_text("open sesame\n")
    words.chmod(0o644)

    done = Done("init", "--home", tmp_path / "h", "--answers", answers(tmp_path), "--passphrase-file", words)

    assert done.code == 1
    assert "chmod" in done.err
    assert not (tmp_path / "h" / "keys").exists()


# ---------------------------------------------------------------------------------------- usage

USAGE: dict[str, tuple[list[str], dict[str, str]]] = {
    "no command": ([], {}),
    "an unknown command": (["query"], {}),
    "an unknown option": (["migrate", "--force"], {}),
    "an option that is gone": (["init", "--origin", "o"], {}),
    "answers that are not there": (["init", "--home", ".", "--answers", "nowhere.toml"], {}),
    "no home": (["migrate"], {}),
    "a home that is none": (["migrate", "--home", "/nonexistent"], {}),
    "a mode nobody knows": (["migrate", "--home", "."], {"BIDUI_MODE": "prod"}),
    "a driven clock in production": (
        ["migrate", "--home", "."],
        {"BIDUI_MODE": "production", "BIDUI_CLOCK": "file:/tmp/clock"},
    ),
    "a grant that is not there": (["grant", "load", "nowhere.toml"], {}),
}


@pytest.mark.parametrize(("arguments", "environment"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_2_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)

    done = Done(*arguments, **environment)

    assert done.code == 2
    assert done.out + done.err
    assert "Traceback" not in done.err


def test_every_command_says_what_it_is_for() -> None:
    told = Done("--help").out

    for name in ("init", "migrate", "serve", "seal", "sync", "token", "compare", "demo", "doctor", "openapi"):
        assert name in told
        assert Done(name, "--help").code == 0
    for group, command in (("grant", "load"), ("audit", "verify"), ("policy", "test"), ("bench", "")):
        assert group in told
        assert command in Done(group, "--help").out


# ---------------------------------------------------------------------------------------- grants and tokens


def test_a_grant_is_loaded_from_its_file(home: Home) -> None:
    file = next(home.folder("grants").glob("*caizheng*.toml"))
    edit(file, 'number = "2026-caizheng-001"', 'number = "2026-caizheng-002"')

    done = Done("grant", "load", file, "--home", home.path, "--json")

    assert (done.code, done.json) == (0, {"grant": "2026-caizheng-002", "partner": "caizheng"})
    assert "2026-caizheng-002" in wired_grants(home)


def wired_grants(home: Home) -> set[str]:
    with closing(wire(home)) as gateway:
        grants = set(gateway.pipeline.grants())
        gateway.pipeline.index.close()
    return grants


def test_people_are_told_in_a_sentence(home: Home) -> None:
    file = next(home.folder("grants").glob("*caizheng*.toml"))

    assert "2026-caizheng-001" in Done("grant", "load", file, "--home", home.path).out
    assert "全部符合" in Done("policy", "test").out
    assert Done("token", "--client", FINANCE.client, "--home", home.path).out.count(".") == 2


def test_a_wrong_grant_is_usage_and_loads_nothing(home: Home) -> None:
    file = next(home.folder("grants").glob("*caizheng*.toml"))
    edit(file, "valid_from", "valid_form")

    done = Done("grant", "load", file, "--home", home.path)

    assert done.code == 2
    assert "valid_form" in done.err


REFUSED_IN_PRODUCTION: dict[str, Callable[[Home], list[str]]] = {
    "grant load": lambda home: ["grant", "load", str(next(home.folder("grants").glob("*.toml")))],
    "token": lambda _: ["token", "--client", FINANCE.client],
}


@pytest.mark.parametrize("arguments", REFUSED_IN_PRODUCTION.values(), ids=REFUSED_IN_PRODUCTION)
def test_production_refuses_what_is_for_trying_out(home: Home, arguments: Callable[[Home], list[str]]) -> None:
    before = (home.path / "data" / "control.sqlite").read_bytes()

    done = Done(*arguments(home), "--home", home.path, BIDUI_MODE="production", BIDUI_CLOCK="system")

    assert (done.code, done.out) == (3, "")
    assert "生产模式" in done.err
    assert (home.path / "data" / "control.sqlite").read_bytes() == before


def test_a_token_is_bound_to_the_clients_certificate(home: Home) -> None:
    done = Done("token", "--client", FINANCE.client, "--home", home.path, "--json")

    assert done.code == 0
    claims = json.loads(urlsafe_b64decode(str(done.json["access_token"]).split(".")[1] + "=="))
    assert claims["client_id"] == done.json["client"] == FINANCE.client
    assert claims["exp"] - claims["iat"] == 300
    assert claims["cnf"].keys() == {"x5t#S256"}


def test_a_token_for_nobody_is_none(home: Home) -> None:
    done = Done("token", "--client", "nobody", "--home", home.path)

    assert (done.code, done.out) == (1, "")
    assert "nobody" in done.err


# ---------------------------------------------------------------------------------------- the log


@pytest.fixture
def signed(home: Home) -> Home:
    """A home whose log was signed."""
    with closing(wire(home)) as gateway:
        assert gateway.signer.run_once().checkpoint is not None
    return home


def test_a_log_that_is_whole_is_proven(signed: Home) -> None:
    done = Done("audit", "verify", "--home", signed.path, "--json")
    spoken = Done("audit", "verify", "--home", signed.path, "--disclosures")

    assert done.code == spoken.code == 0
    assert done.json["verdict"] == "proven"
    assert int(str(done.json["entries"])) > 100
    assert "已证明完整" in spoken.out


def test_stored_bytes_are_checked_as_far_as_they_are_signed(signed: Home) -> None:
    load_grant(signed, sorted(signed.folder("grants").glob("*.toml"))[0])

    done = Done("audit", "fsck", "--signed", "--home", signed.path)
    whole = Done("audit", "fsck", "--home", signed.path, "--json")

    assert done.code == 0
    assert "所存字节与签名相符" in done.out
    assert (whole.code, whole.json["verdict"]) == (2, "incomplete")
    assert Done("audit", "fsck", "--trust", signed.path / "nothing", "--home", signed.path).code == 3


def test_a_log_that_goes_on_is_proven_as_far_as_it_is_signed(signed: Home) -> None:
    entries = Done("audit", "verify", "--home", signed.path, "--json").json["entries"]
    load_grant(signed, sorted(signed.folder("grants").glob("*.toml"))[0])

    whole = Done("audit", "verify", "--home", signed.path, "--json")
    done = Done("audit", "verify", "--signed", "--home", signed.path, "--json")

    assert isinstance(entries, int)
    assert (whole.code, whole.json["entries"]) == (2, entries + 5)  # drawn, signed by three, in force
    assert (done.code, done.json["entries"]) == (0, entries)


def test_a_log_that_was_never_signed_is_incomplete(home: Home) -> None:
    assert Done("audit", "verify", "--home", home.path).code == 2


CHANGES = {
    "a letter": """UPDATE ledger_entry SET entry = CAST(replace(entry, 'sys', 'sis') AS BLOB) WHERE "index" = 2""",
    "the kind of the column": """UPDATE ledger_entry SET entry = CAST(entry AS TEXT) WHERE "index" = 2""",
    "an entry less": """DELETE FROM ledger_entry WHERE "index" = 2""",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_log_that_was_changed_is_found_out(signed: Home, change: str) -> None:
    with closing(sqlite3.connect(signed.path / "data" / "control.sqlite")) as connection, connection:
        for verb in ("UPDATE", "DELETE"):
            connection.execute(f"DROP TRIGGER ledger_entry_no_{verb}")
        connection.execute(change)

    done, quick = (Done("audit", how, "--home", signed.path, "--json") for how in ("verify", "fsck"))

    assert done.code == quick.code == 1
    assert (done.json["verdict"], done.json["first_bad"]) == ("tampered", 2)
    assert (quick.json["verdict"], quick.json["first_bad"]) == ("tampered", 2)


UNVERIFIABLE: dict[str, Callable[[Home], list[str]]] = {
    "no home": lambda _: ["audit", "verify", "--home", "/nonexistent"],
    "no trust file": lambda home: ["audit", "verify", "--home", str(home.path), "--trust", "/nonexistent"],
    "a trust file that is none": lambda home: [
        *("audit", "verify", "--home", str(home.path)),
        *("--trust", str(home.path / "serve.toml")),
    ],
    "a receipt that is not there": lambda home: [
        *("audit", "verify", "--home", str(home.path)),
        *("--receipt", "/nonexistent"),
    ],
    "an unknown option": lambda _: ["audit", "verify", "--all"],
    "no home named": lambda _: ["audit", "verify"],
}


@pytest.mark.parametrize("arguments", UNVERIFIABLE.values(), ids=UNVERIFIABLE)
def test_what_cannot_be_verified_is_3(signed: Home, arguments: Callable[[Home], list[str]]) -> None:
    assert Done(*arguments(signed)).code == 3


# ---------------------------------------------------------------------------------------- starting


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("ops.cli.main", ("gateway", "adapters", "policies", "audit", "sqlalchemy", "fastapi")),
        ("ops.cli.sealing", ("sqlalchemy", "psycopg", "fastapi", "uvicorn", "gateway.api", "pyarrow")),
    ],
)
def test_a_process_that_others_start_loads_no_more_than_it_needs(module: str, absent: tuple[str, ...]) -> None:
    """Not what listens, and no database: it starts in half the time, and holds less that could go wrong."""
    asked = f"import {module}, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", asked], env=environment(), capture_output=True, text=True, check=True
    )

    assert not {each for each in loaded.stdout.split() if each.startswith(tuple(f"{name}." for name in absent))}


def test_seal_without_its_key_says_which_is_missing(tmp_path: Path) -> None:
    home = a_bare_home(tmp_path / "home")
    (home.keys / "seal" / "sealing.secret").unlink()

    done = Done("seal", "--home", home.path)

    assert done.code == 1
    assert "sealing.secret" in done.err


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


WRONG_HOMES: dict[str, Callable[[Home], None]] = {
    "no foundation": lambda home: (home.path / "foundation.json").unlink(),
    "the foundation": lambda home: edit(home.path / "foundation.json", "system_admin", "leader"),
    "the foundation of others": lambda home: _write(home.path / "foundation.json", FOUNDATION.encode()),
    "the settings": lambda home: edit(home.path / "serve.toml", "port =", "prot ="),
    "a proxy": lambda home: edit(home.path / "serve.toml", "127.0.0.1/32", "the proxy"),
}


@pytest.mark.parametrize("spoil", WRONG_HOMES.values(), ids=WRONG_HOMES)
def test_serve_says_which_file_is_wrong_and_starts_nothing(home: Home, spoil: Callable[[Home], None]) -> None:
    spoil(home)

    done = Done("serve", "--home", home.path)

    assert done.code in {1, 2}
    assert len(done.err.strip().splitlines()) >= 1
    assert "Traceback" not in done.err


@contextmanager
def a_port_that_is_taken(home: Home, member: str) -> Iterator[int]:
    """Somebody else listens where the settings say."""
    settings = load(home, "serve.toml", ServeSettings)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port: int = taken.getsockname()[1]
        edit(home.path / "serve.toml", f"\n{member} = {getattr(settings, member)}\n", f"\n{member} = {port}\n")
        yield port


@pytest.mark.slow
def test_serve_on_a_port_that_is_taken_says_which(home: Home) -> None:
    with a_port_that_is_taken(home, "port") as port:
        done = bidui("serve", "--home", home.path, env=environment() | {"BIDUI_CLOCK": f"file:{clock_of(home)}"})

    assert done.returncode == 1
    assert str(port) in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_serve_with_a_metrics_port_that_is_taken_says_which(home: Home) -> None:
    with a_port_that_is_taken(home, "metrics_port") as port:
        done = Done("serve", "--home", home.path)

    assert done.code == 1
    assert str(port) in done.err


# ---------------------------------------------------------------------------------------- for machines


def test_the_description_of_the_api_is_printed() -> None:
    done = Done("openapi")

    assert (done.code, done.json) == (0, json.loads(json.dumps(document(CATALOGUE))))


def test_the_shipped_rulebooks_meet_their_expectations() -> None:
    done = Done("policy", "test", "--json")

    assert (done.code, done.json["ok"]) == (0, True)
