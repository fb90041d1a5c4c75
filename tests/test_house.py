"""The house itself: what it installs, what it ships, and that tests reach no further than this machine."""

import re
import socket
import tomllib
import zipfile
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


@pytest.mark.slow
def test_the_wheel_brings_the_rooms_with_their_data_and_nothing_else(tmp_path: Path) -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel")

    (built,) = wheel.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(built).namelist()

    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"gateway", "policies", "adapters", "audit", "ops"}
    assert not [name for name in names if name.startswith("adapters/client/")]
    files = (path for room in tops for kind in ("*.toml", "*.conf", "*.typed") for path in (ROOT / room).rglob(kind))
    data = {path.relative_to(ROOT).as_posix() for path in files}
    assert {name for name in data if not name.startswith("adapters/client/")} <= set(names)


@pytest.mark.filterwarnings("ignore:A test tried to use socket")  # the block also warns; here it is wanted
def test_tests_reach_no_further_than_this_machine() -> None:
    with socket.socket() as outside, pytest.raises(SocketConnectBlockedError):
        outside.connect(("192.0.2.1", 80))
