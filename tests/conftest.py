"""Fixtures that every test may use: how hard hypothesis tries, and the engines a store must work on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ops.demo.postgres import Postgres, PostgresUnavailableError, throwaway_postgres
from ops.prove.homes import Stage, copy_stage, stage_once
from tests.homes import home_at

settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile("ci", max_examples=60, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

_numbers = count(1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: the file that a worker takes last, while others wait, should be a short one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for the whole run, started when the first test asks for it."""
    try:
        with throwaway_postgres() as server:
            yield server
    except PostgresUnavailableError as error:
        pytest.skip(f"program missing: {error}")


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty PostgreSQL database of this test's own, as an SQLAlchemy URL."""
    name = f"test_{next(_numbers)}"
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file of this test's own, not yet there, as an SQLAlchemy URL."""
    return f"sqlite:///{tmp_path / 'database.sqlite'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_url(request: pytest.FixtureRequest) -> str:
    """An empty database on each engine in turn, as an SQLAlchemy URL."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A league of 300 in a home of its own: register, sealed index, partners and grants. Made once, to be copied."""
    return stage_once(home_at(tmp_path_factory.mktemp("staged") / "home"))


@pytest.fixture(scope="session")
def rehearsed(staged: Stage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with everything in force, to be copied: signing it all takes longer than most tests."""
    home = home_at(tmp_path_factory.mktemp("rehearsed") / "home")
    copy_stage(staged, home)
    return home.path
