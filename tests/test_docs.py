"""The documents say what is so: settings, metrics, commands, files and links are there, and the examples run."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from shutil import which

import httpx2
import msgspec
import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from adapters.clock import SystemClock
from adapters.metrics import Metrics
from ops.cli.main import app
from ops.demo.league import League
from ops.demo.staging import DEPARTMENTS, stage
from ops.prove.homes import free_ports
from ops.prove.programs import Program, start, until
from ops.settings import Home, MailSettings, Mode, SealSettings, ServeSettings, SyslogSettings, WebhookSettings
from ops.sync import SourceSettings, SyncSettings

ROOT = Path(__file__).parents[1]
ROOMS = ("gateway", "policies", "audit", "adapters", "ops")
DOCUMENTS = sorted({ROOT / "README.md", ROOT / "adapters/client/README.md", *(ROOT / "docs").rglob("*.md")})
README, OPERATIONS, ARCHITECTURE = (ROOT / name for name in ("README.md", "docs/operations.md", "docs/architecture.md"))
BACKTICKED = re.compile(r"`([^`\n]+)`")


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text(path), re.DOTALL | re.MULTILINE)


def section(path: Path, heading: str) -> str:
    """From a heading to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}.*?\n(.*?)(?=^#+ |\Z)", text(path), re.DOTALL | re.MULTILINE)
    assert found, f"{name_of(path)} has no heading {heading!r}"
    return found[1]


# ---------------------------------------------------------------------------------------------- settings and signals

SETTINGS: dict[str, type[msgspec.Struct]] = {
    "`serve.toml`": ServeSettings,
    "`seal.toml`": SealSettings,
    "`sync.toml`": SyncSettings,
    "每个 `[[sources]]`": SourceSettings,
    "`[notify.webhook]`": WebhookSettings,
    "`[notify.syslog]`": SyslogSettings,
    "`[notify.mail]`": MailSettings,
}


@pytest.mark.parametrize("place", SETTINGS)
def test_every_setting_is_explained_with_its_default(place: str) -> None:
    told = section(OPERATIONS, "`sync.toml`") if "sources" in place else section(OPERATIONS, place)

    for field in msgspec.structs.fields(SETTINGS[place]):
        row = re.search(rf"^\| `{field.name}` \|(.*?)\|", told, re.MULTILINE)
        assert row, f"docs/operations.md does not explain {field.name} of {place}"
        if field.required:
            assert "必填" in row[1]
        elif isinstance(field.default, str | bool | int | float) and field.default != "":
            assert f"`{json.dumps(field.default).strip(chr(34))}`" in row[1], field.name


def test_no_setting_is_explained_that_does_not_exist() -> None:
    explained = set(re.findall(r"^\| `([a-z_]+)` \|", section(OPERATIONS, "`serve.toml`"), re.MULTILINE))
    explained |= set(re.findall(r"^\| `([a-z_]+)` \|", section(OPERATIONS, "`sync.toml`"), re.MULTILINE))

    assert explained == {
        field.name for kind in (ServeSettings, SyncSettings, SourceSettings) for field in msgspec.structs.fields(kind)
    }
    for place in (each for each in SETTINGS if "notify" in each):
        rows = re.findall(r"^\| `([a-z_]+)` \|", section(OPERATIONS, place), re.MULTILINE)
        assert set(rows) == {field.name for field in msgspec.structs.fields(SETTINGS[place])}, place


def test_every_variable_of_the_environment_is_explained() -> None:
    read = set(re.findall(r"environ(?:\.get\(|\[)\"(\w+)\"", text(ROOT / "ops/settings.py")))

    assert read == set(re.findall(r"^\| `(\w+)` \|", section(OPERATIONS, "环境变量"), re.MULTILINE))


def test_every_metric_is_explained() -> None:
    families = Metrics().registry.collect()
    names = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}

    assert names == set(re.findall(r"^\| `(bidui_\w+)[{`]", section(OPERATIONS, "8. 监控与告警"), re.MULTILINE))


def test_every_event_of_the_log_is_explained() -> None:
    logged = {
        event
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        for event in re.findall(r"\blog\.(?:info|warning|error)\(\s*\"(\w+)\"", text(file))
    }

    assert logged
    assert logged <= set(re.findall(r"^\| `(\w+)` \|", section(OPERATIONS, "8. 监控与告警"), re.MULTILINE))


# ------------------------------------------------------------------------------------------------ links, files, names


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text(path)):
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), f"{name_of(path)} links to {target}"
        if anchor:
            assert anchor in {_slug(heading) for heading in re.findall(r"^#+ (.+)$", text(linked), re.MULTILINE)}


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_files_that_are_named_are_there(path: Path) -> None:
    rooms = "|".join((*ROOMS, "tests", "docs"))
    named = {each for each in BACKTICKED.findall(text(path)) if re.fullmatch(rf"({rooms})/[\w./*-]+", each)}

    assert [each for each in sorted(named) if not list(ROOT.glob(each.rstrip("/")))] == []


def test_names_in_the_map_are_where_it_says() -> None:
    rows = [row.split("|")[2:4] for row in section(ARCHITECTURE, "5. Where is").splitlines() if row.startswith("| ")]
    named = [(BACKTICKED.findall(places), BACKTICKED.findall(names)) for places, names in rows[2:]]

    assert len(named) > 12
    for places, names in named:
        searched = [text(file) for file in _python_files(places)]
        for name in (each for each in names if re.fullmatch(r"[\w.]+", each)):
            assert any(_defines(source, name) for source in searched), f"{name} is not in {places}"


def test_the_readme_leads_to_what_decides_and_records() -> None:
    for file, names in {
        "gateway/domain/comparison.py": ("Comparison.compare", "_weigh"),
        "gateway/record.py": ("Recorder.record",),
    }.items():
        assert text(README).count(f"[`{file}`]") == 2, "once in Chinese, once in English"
        assert all(_defines(text(ROOT / file), name) and f"`{name}`" in text(README) for name in names)


def _python_files(places: list[str]) -> Iterator[Path]:
    """The files of a row. A name without a folder stands in the folder before it; no file means all of them."""
    folder, found = ROOT, False
    for place in (each for each in places if each.endswith(".py")):
        path = ROOT / place if "/" in place else folder / place
        folder, found = path.parent, True
        yield path
    if not found:
        yield from (file for room in ROOMS for file in (ROOT / room).rglob("*.py"))


def _defines(source: str, name: str) -> bool:
    return all(re.search(rf"^\s*(?:(?:async )?def|class) {part}\b|^{part}\b", source, re.M) for part in name.split("."))


def test_the_drawing_of_the_gateway_is_the_contract() -> None:
    contracts = tomllib.loads(text(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    [layers] = [each["layers"] for each in contracts if each.get("containers") == ["gateway"]]
    drawing = section(ARCHITECTURE, "2. The house").split("```")[3]

    drawn = [re.findall(r"\w+", re.split(r"\s{3,}", line.strip())[0]) for line in drawing.strip().splitlines()]
    assert drawn == [re.findall(r"\w+", layer) for layer in layers]


def test_every_decision_is_in_the_list_once_and_in_order() -> None:
    records = sorted((ROOT / "docs/adr").glob("*.md"))

    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    assert re.findall(r"\]\(adr/([^)]+)\)", section(ARCHITECTURE, "6. Decisions")) == [path.name for path in records]
    for number, path in enumerate(records, 1):
        assert text(path).startswith(f"# {number}. "), path.name
        assert {"## Context", "## Options", "## Decision", "## Consequences"} <= set(text(path).splitlines()), path.name


# ------------------------------------------------------------------------------------------------------- the commands


@cache
def commands() -> Mapping[str, frozenset[str]]:
    """The options of every command, by its words: `audit verify`."""
    return dict(_commands("", get_command(app)))


def _commands(words: str, command: object) -> Iterator[tuple[str, frozenset[str]]]:
    if isinstance(command, TyperGroup):
        for name, each in command.commands.items():
            yield from _commands(f"{words} {name}", each)
    elif isinstance(command, TyperCommand):
        yield words.strip(), frozenset(option for parameter in command.params for option in parameter.opts)


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if "adr" not in path.parts], ids=name_of)
def test_commands_and_options_exist(path: Path) -> None:
    lines = "\n".join(blocks(path, r"(?:bash|sh|ini)")).replace("\\\n", " ").splitlines()
    shown = [*BACKTICKED.findall(text(path)), *lines]
    calls = [call for each in shown for call in re.findall(r"(?:^|[ (/])bidui ([a-z-]+(?: [^`#)]*)?)", each)]

    for call in calls:
        words = call.split()
        known = [name for name in (" ".join(words[:3]), " ".join(words[:2]), words[0]) if name in commands()]
        if not known and words[0] in {name.split()[0] for name in commands()}:
            continue  # a group by itself: `bidui bench`
        assert known, f"{name_of(path)}: there is no `bidui {call}`"
        assert {word for word in words if word.startswith("--")} <= commands()[known[0]] | {"--help"}, call


def test_the_readme_names_every_command() -> None:
    named = set(re.findall(r"`bidui ([a-z-]+)[ `]", text(README)))

    assert named == {name.split()[0] for name in commands()}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_make_has_what_is_shown(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text(ROOT / "Makefile"), re.MULTILINE))
    shown = [*BACKTICKED.findall(text(path)), *"\n".join(blocks(path, "(?:bash|sh)")).splitlines()]

    assert {word for line in shown for word in re.findall(r"^make ([a-z]+)", line)} <= targets


# ------------------------------------------------------------------------------------------------------- the examples


def test_the_person_of_the_readme_is_in_every_demo() -> None:
    person = next(each for each in League.of().people() if not each.cases and each.status == "在职")

    assert text(README).count(person.id_number) == 2
    assert text(README).count(person.name) == 2


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A small demonstration that is running, as `make demo` leaves it: where, and its address."""
    folder = tmp_path_factory.mktemp("readme")
    home = Home(path=folder / "demo-home", mode=Mode.DEMO, clock=SystemClock())
    port, metrics_port = free_ports()
    stage(home, persons=1000, port=port, metrics_port=metrics_port)
    url = f"https://127.0.0.1:{port}"
    program = start("serve", home)
    try:
        _await(home, url, program)
        yield folder, url
    finally:
        program.stop()


@pytest.mark.slow
@pytest.mark.skipif(which("curl") is None, reason="program missing: curl")
def test_the_curl_example_runs(demo: tuple[Path, str]) -> None:
    folder, url = demo
    [example] = [block for block in blocks(README, "bash") if "curl" in block]
    (folder / "bidui").write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT}:{ROOT}/adapters/client exec "$PYTHON" -m ops.cli.main "$@"\n'
    )
    (folder / "bidui").chmod(0o755)
    script = example.replace("source .venv/bin/activate\n", "set -eu\n").replace("https://127.0.0.1:8420", url)

    done = _run(["bash", "-c", script], folder, PATH=f"{folder}:{os.environ['PATH']}", PYTHON=sys.executable)

    answer = json.loads(done)
    [shown] = blocks(README, "json")
    assert answer.keys() == json.loads(shown).keys()
    assert (answer["subject"], answer["fields"]) == (json.loads(shown)["subject"], json.loads(shown)["fields"])


@pytest.mark.slow
def test_the_python_example_runs(demo: tuple[Path, str]) -> None:
    folder, url = demo
    [example] = blocks(README, "python")
    (folder / "example.py").write_text(example.replace("https://127.0.0.1:8420", url), encoding="utf-8")

    told = _run([sys.executable, "example.py"], folder, PYTHONPATH=f"{ROOT}/adapters/client")

    assert told.startswith("confirmed")
    assert "'unit': 'match'" in told
    assert list((folder / "receipts").iterdir())


def _run(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _await(home: Home, url: str, program: Program) -> None:
    keys = home.keys / "clients" / DEPARTMENTS[0].client
    context = ssl.create_default_context(cafile=str(home.keys / "authority.crt"))
    context.load_cert_chain(keys / "tls.crt", keys / "tls.pem")

    def is_ready() -> bool:
        try:
            return http.get(f"{url}/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    with httpx2.Client(verify=context, trust_env=False) as http:
        until(is_ready, program)
