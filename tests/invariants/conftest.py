"""Worlds that the promises are tried on, one for each engine; the league is staged once a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ops.demo.postgres import Postgres
from ops.prove.breakdowns import Breakdowns
from ops.prove.crashes import Crashes
from ops.prove.crowds import Crowd, crowd
from ops.prove.faults import program
from ops.prove.homes import Stage, copy_stage
from ops.prove.programs import ProofError
from tests.invariants.running import Running, a_running
from tests.invariants.world import World, a_world, home_at

ENGINES = ("sqlite", "postgresql")
KILLS = {"sqlite": 2, "postgresql": 1}
STATIONS = ("between COMMIT and release", "between swapping and publishing")
BROKEN = {
    "sqlite": [("the gateway", "fdatasync", "EIO"), ("the gateway", "rename", "KILL")],
    "postgresql": [("the line", "recvfrom", "ECONNRESET"), ("the line", "sendto", "KILL")],
}
"""Few of the hundreds of `make prove`."""


@pytest.fixture(scope="session")
def stage(staged: Stage) -> Stage:
    """The league, sealed, on SQLite; to be copied."""
    return staged


@pytest.fixture(scope="session")
def worlds(stage: Stage, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, World]]:
    """A gateway in this process on each engine, both over the same sealed generation."""
    urls = {"sqlite": "", "postgresql": postgres.url("promises")}
    with ExitStack() as stack:
        yield {
            engine: stack.enter_context(a_world(stage, tmp_path_factory.mktemp(engine), engine, urls[engine]))
            for engine in ENGINES
        }


@pytest.fixture(scope="session")
def running(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The real processes, on SQLite. Nobody kills these."""
    with a_running(stage, tmp_path_factory.mktemp("running")) as running:
        yield running


@pytest.fixture(scope="session", params=ENGINES)
def crashed(request: pytest.FixtureRequest, stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    """The real processes on each engine in turn, killed under load, and what came of it."""
    engine: str = request.param
    folder = tmp_path_factory.mktemp(f"crashed-{engine}")
    url = request.getfixturevalue("postgres").url(folder.name) if engine == "postgresql" else ""
    home = home_at(folder / "home")
    copy_stage(stage, home, url)
    crashes = Crashes(home=home, stage=stage, kills=KILLS[engine])
    crashes.run()
    return crashes


@pytest.fixture(scope="session", params=ENGINES)
def broken(request: pytest.FixtureRequest, stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Breakdowns:
    """A gateway on each engine in turn whose system calls fail, and what came of it."""
    engine: str = request.param
    folder = tmp_path_factory.mktemp(f"broken-{engine}")
    url = request.getfixturevalue("postgres").url("broken") if engine == "postgresql" else ""
    try:
        program()
    except ProofError as error:
        pytest.skip(str(error))
    home = home_at(folder / "home")
    copy_stage(stage, home, url)
    breakdowns = Breakdowns(home=home, stage=stage, folder=folder / "journals", most=2)
    breakdowns.run(BROKEN[engine], STATIONS)
    return breakdowns


@pytest.fixture(scope="session", params=ENGINES)
def crowded(request: pytest.FixtureRequest, stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    """A log on each engine in turn that 32 threads of eight processes appended to at once."""
    engine: str = request.param
    url = request.getfixturevalue("postgres").url("crowded") if engine == "postgresql" else ""
    home = home_at(tmp_path_factory.mktemp(f"crowded-{engine}") / "home")
    copy_stage(stage, home, url)
    return crowd(home, appends=5)


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, worlds: dict[str, World]) -> World:
    """Each engine in turn."""
    return worlds[request.param]
