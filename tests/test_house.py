"""The house itself: what it installs, what it ships, and that tests reach no further than this machine."""

import ast
import re
import socket
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from pytest_socket import SocketConnectBlockedError

ROOT = Path(__file__).parent.parent
LOCKS = ("run", "dev")
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ]+)", re.MULTILINE)


def _lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


def _pins(name: str) -> dict[str, str]:
    return dict(PINNED.findall(_lock(name)))


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_carries_hashes_and_no_address(name: str) -> None:
    text = _lock(name)

    assert not re.search(r"://|^-|(^|[\s(\"'=])/|\\\\", text, re.MULTILINE)
    assert all("--hash=sha256:" in text[pin.start() : pin.start() + 200] for pin in PINNED.finditer(text))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_never_holds_the_other_casbin(name: str) -> None:
    pins = _pins(name)

    assert "casbin" not in pins
    assert pins["pycasbin"] == "2.8.0"


def test_both_locks_agree_and_cover_what_the_project_asks_for() -> None:
    project, run, dev = _project(), _pins("run"), _pins("dev")
    extras = project["optional-dependencies"]

    assert run.items() <= dev.items()
    assert _names(project["dependencies"] + extras["build"]) <= run.keys()
    assert _names(extras["test"]) <= dev.keys()


def test_each_dependency_says_what_it_is_for() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text[text.index("\ndependencies = [") : text.index("[project.optional-dependencies]")]
    lines = [line for line in block.splitlines() if line.startswith('  "')]

    assert len(lines) == len(_project()["dependencies"])
    assert [line for line in lines if not re.search(r'",\s+# \w', line)] == []


def _canonical(names: Iterable[str]) -> set[str]:
    return {name.lower().replace("_", "-") for name in names}


ROOMS = ("gateway", "policies", "adapters", "audit", "ops")


def _imported(rooms: Iterable[str]) -> set[str]:
    """The top-level modules that the rooms import, our own and the standard library's left out."""
    found = set[str]()
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {*ROOMS, "bidui_client", "tests"}


def test_whatever_is_imported_is_a_dependency() -> None:
    project, brought_by = _project(), packages_distributions()

    def undeclared(rooms: Iterable[str], declared: set[str]) -> set[str]:
        return {name for name in _imported(rooms) if not declared & _canonical(brought_by.get(name, []))}

    runtime = _names(project["dependencies"])
    extras = project["optional-dependencies"]
    assert undeclared(ROOMS, runtime | _names(extras["charts"])) == set()
    assert undeclared(("gateway", "policies", "audit", "adapters"), runtime) == set()
    assert undeclared(("tests",), runtime | _names(extras["test"])) == set()


@pytest.mark.slow
def test_the_wheel_brings_the_rooms_with_their_data_and_nothing_else(tmp_path: Path) -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel")

    (built,) = wheel.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(built).namelist()

    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == set(ROOMS)
    assert not [name for name in names if name.startswith("adapters/client/")]
    files = (path for room in tops for kind in ("*.toml", "*.conf", "*.typed") for path in (ROOT / room).rglob(kind))
    data = {path.relative_to(ROOT).as_posix() for path in files}
    assert {name for name in data if not name.startswith("adapters/client/")} <= set(names)


@pytest.mark.filterwarnings("ignore:A test tried to use socket")  # the block also warns; here it is wanted
def test_tests_reach_no_further_than_this_machine() -> None:
    with socket.socket() as outside, pytest.raises(SocketConnectBlockedError):
        outside.connect(("192.0.2.1", 80))


def test_every_file_of_tests_is_run_by_ci() -> None:
    told = re.findall(r"^(?:ROOMS|STORIES)\s*:= (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    run = [place for places in told for place in places.split()]
    files = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")}

    assert len(run) == len(set(run)) > 0
    assert {path for path in files if not any(path.is_relative_to(place) for place in run)} == set()
