"""How fast a register is sealed, how much memory that takes, and how little a second sync costs.

The source is a league in a database of its own; `bidui sync` is the real command in a process of its own. The second
sync goes on from the watermark after a day of work in the office (`change_some`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

import msgspec

from adapters.clock import SystemClock
from ops.bench.figures import BenchError, Check, Figure, Report
from ops.bench.memory import MemoryWatch
from ops.bench.servers import database, environment
from ops.bench.stage import ISSUER, ORIGIN
from ops.demo.league import League
from ops.demo.office import found_home
from ops.demo.person import TODAY
from ops.demo.register import change_some, write_register
from ops.demo.staging import MAPPINGS
from ops.settings import Home, Mode

CHANGED = 0.001
MEMORY_LIMIT_MIB = 600
AGAIN_LIMIT = 0.05
FIELDS = frozenset(
    "name sex ethnicity birth_date birth_month education degree title work_start entry_mode person_status"
    " unit quota_type quota_funding person_category post_category post post_since pay_unit pay_status".split()
)
"""The twenty fields that are sealed; the mapping of the demonstration has more."""

_NEXT_MORNING = datetime.combine(TODAY + timedelta(days=2), time_of_day(9))

_SYNC = """[[sources]]
url = "{url}"
mapping = "person.toml"
"""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many persons, and what kind of database they come from."""

    persons: int
    engine: str = "postgresql"


class _Told(msgspec.Struct):
    """What is read here of the report of a sync."""

    mode: str
    seconds: float
    rows_per_second: float
    records: dict[str, int]
    changed: int


@dataclass(frozen=True, slots=True)
class Run:
    """One sync as it was seen from outside."""

    seconds: float
    rss: int
    pss: int
    told: _Told

    def figures(self) -> dict[str, Figure]:
        """Every figure of it."""
        mib = 1024 * 1024
        values = {
            "seconds, start to end": self.seconds,
            "seconds, as reported": self.told.seconds,
            "rows_per_second": self.told.rows_per_second,
            "records in the index": sum(self.told.records.values()),
            "changed subjects": self.told.changed,
            "peak RSS, MiB": self.rss / mib,
            "peak PSS, MiB": self.pss / mib,
        }
        return {name: Figure.once(value) for name, value in values.items()}


def measure(work: Path, sizes: Sizes) -> Report:
    """Fills a source, syncs it twice and compares. Raises `BenchError`."""
    home = _new_home(work)
    with database(sizes.engine, None) as where:
        url = where.url or f"sqlite:///{home.path / 'source.sqlite'}"
        (home.path / "sync.toml").write_text(_SYNC.format(url=url), encoding="utf-8")
        league = League.of(persons=sizes.persons)
        write_register(league, url)
        _write_units(home, league)
        first = _sync(home, "full")
        change_some(url, share=CHANGED, at=_NEXT_MORNING, seed=1)
        again = _sync(home, "delta")
    return _report(sizes, first, again)


def _report(sizes: Sizes, first: Run, again: Run) -> Report:
    ratio = again.told.seconds / first.told.seconds
    peak = max(first.rss, again.rss) / 1024 / 1024
    return Report(
        part="sync",
        sizes={"engine": sizes.engine, "persons": sizes.persons, "fields": len(FIELDS)},
        tables={
            "first sync": first.figures(),
            f"second sync, {CHANGED:.1%} changed": again.figures(),
            "second / first": {
                "seconds, start to end": Figure.once(again.seconds / first.seconds),
                "seconds, as reported": Figure.once(ratio),
            },
        },
        checks=[
            Check("memory of sync and its workers together, peak RSS in MiB", peak, most=MEMORY_LIMIT_MIB),
            Check("second sync over first, seconds as reported", ratio, most=AGAIN_LIMIT),
        ],
    )


def _new_home(work: Path) -> Home:
    home = Home(path=(work / "home-sync").absolute(), mode=Mode.TEST, clock=SystemClock())
    shutil.rmtree(home.path, ignore_errors=True)
    found_home(home, origin=ORIGIN, issuer=ISSUER)
    lines = (MAPPINGS / "person.toml").read_text(encoding="utf-8").splitlines()
    (home.folder("mappings") / "person.toml").write_text("\n".join(_with_fields(lines)) + "\n", encoding="utf-8")
    return home


def _with_fields(lines: list[str]) -> Iterator[str]:
    """A mapping file, of its fields only those that are sealed here; nobody is protected by others."""
    section = ""
    for line in lines:
        section = line.strip() if line.startswith("[") else section
        key, _, rest = line.partition(" = ")
        if section not in {"[fields]", "[protected]"} or not rest or key in FIELDS:
            yield line


def _write_units(home: Home, league: League) -> None:
    units = (f'"{each.code}" = "{each.parent or ""}"' for each in league.organisations)
    (home.path / "units.toml").write_text("\n".join(units) + "\n", encoding="utf-8")


def _sync(home: Home, mode: str) -> Run:
    command = [sys.executable, "-m", "ops.cli.main", "sync", "--home", str(home.path), "--json"]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment())  # noqa: S603 - our own program
    with MemoryWatch(process.pid) as memory:
        output, _ = process.communicate()
    seconds = time.monotonic() - started
    if process.returncode:
        raise BenchError("bidui sync failed; its message stands above")
    told = msgspec.json.decode(output, type=_Told)
    if told.mode != mode:
        raise BenchError(f"the sync was {told.mode} and should have been {mode}")
    return Run(seconds, memory.rss, memory.pss, told)
