"""What `bidui audit search` and `reindex` say to people, and that no argument holds a number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from adapters.sql.engine import open_engine
from ops.cli.console import Exit
from ops.cli.main import app
from ops.cli.office.client import Told
from ops.cli.trail import found_lines
from ops.settings import ServeSettings, load
from tests.bygones import Bygones, bygones

RUN = CliRunner()
HIT = {
    "entry": 7,
    "log_time": "2026-06-30T02:00:00.000007Z",
    "zh": "比对被拒绝",
    "partner": "caizheng",
    "client": "c-1",
    "grant": "G-1",
    "purpose": None,
    "network": "office",
    "subject": None,
    "fields": {},
    "refused": "held",
    "incident": "I-1",
    "accounts": ["zz-shen"],
}


def test_hits_are_told_line_by_line() -> None:
    answered = HIT | {"refused": None, "subject": "confirmed", "fields": {"unit": "mismatch"}, "accounts": []}
    told: Told = {"hits": [HIT, answered], "differs": [3], "next": 3, "zh": "第 9 条之前的全部条目均已检索"}

    assert list(found_lines(told)) == [
        "第 7 条 2026-06-30T02:00:00.000007Z 比对被拒绝："
        "caizheng client=c-1 grant=G-1 network=office 拒绝（held），事件 I-1 zz-shen",
        "第 7 条 2026-06-30T02:00:00.000007Z 比对被拒绝："
        "caizheng client=c-1 grant=G-1 network=office confirmed unit:mismatch",
        "第 3 条与存证账或索引不符",
        "第 9 条之前的全部条目均已检索",
        "还有更早的条目：--before 3",
    ]


@pytest.mark.parametrize("arguments", [["search"], ["views"], ["hours", "--from", "a", "--to", "b"]])
def test_whoever_is_not_signed_in_is_told_so(arguments: list[str], tmp_path: Path) -> None:
    done = RUN.invoke(app, ["audit", *arguments, "--session", str(tmp_path / "none.json")])

    assert done.exit_code == Exit.FAILED
    assert "bidui sign-in" in done.stderr


def test_a_number_is_no_argument() -> None:
    done = RUN.invoke(app, ["audit", "search", "--person", "110101199001011237"])

    assert done.exit_code == Exit.USAGE


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Bygones]:
    with closing(bygones(tmp_path / "home")) as made:
        made.ask("unit")
        yield made


def reindex(world: Bygones, *arguments: str) -> tuple[int, dict[str, object]]:
    done = RUN.invoke(app, ["audit", "reindex", "--home", str(world.home.path), "--json", *arguments])
    return done.exit_code, json.loads(done.stdout)


def test_an_index_is_made_checked_and_mended(world: Bygones) -> None:
    size = world.ledger.head().size
    assert reindex(world) == (Exit.OK, {"upto": size, "checked": False, "entries": [], "hours": []})
    assert reindex(world, "--check") == (Exit.OK, {"upto": size, "checked": True, "entries": [], "hours": []})

    engine = open_engine(world.home.database_url(load(world.home, "serve.toml", ServeSettings)))
    with engine.begin() as connection:
        connection.execute(text('DELETE FROM trail_place WHERE "index" = 3'))
        connection.execute(text("UPDATE trail_hour SET claims = claims + 1"))
    engine.dispose()

    hour = "2026-06-30T02:00:00Z caizheng G-1 confirmed"
    assert reindex(world, "--check") == (
        Exit.INTEGRITY,
        {"upto": size, "checked": True, "entries": [3], "hours": [hour]},
    )
    assert reindex(world)[1]["hours"] == [hour]
    assert reindex(world, "--check")[0] == Exit.OK
