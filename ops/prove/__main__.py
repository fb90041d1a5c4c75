"""`make prove`: the proofs that take too long for every run. Writes docs/proofs.md; takes about an hour.

python -m ops.prove crashes        only the kills
python -m ops.prove breakdowns     only the broken system calls; they need the program strace
python -m ops.prove crowds         only the many processes that append at once
python -m ops.prove mutations      only the breaking on purpose
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from adapters.clock import SystemClock
from ops.demo.postgres import throwaway_postgres
from ops.prove import mutations
from ops.prove.breakdowns import Breakdowns
from ops.prove.crashes import Crashes, Kill
from ops.prove.crowds import crowd
from ops.prove.homes import Stage, copy_stage, stage_once
from ops.prove.points import Point
from ops.prove.report import Part, breakdown_part, crash_part, crowd_part, mutation_part, write
from ops.settings import Home, Mode

KILLS = 50
APPENDS = 50
"""Of each of the 32 threads that append at once."""
OCCURRENCES = {"sqlite": 20, "postgresql": 5}
"""At how many occurrences of a system call it is broken in each way."""
ENGINES = ("sqlite", "postgresql")


def crashes() -> Part:
    """Kills on both engines; what callers heard is held against the log."""
    runs: dict[str, Crashes] = {}
    with _homes() as (stage, homes):
        for engine, home in homes.items():
            runs[engine] = Crashes(home=home, stage=stage, kills=KILLS, told=_say)
            runs[engine].run()
    return crash_part(runs)


def breakdowns() -> Part:
    """Broken system calls on both engines."""
    runs: dict[str, Breakdowns] = {}
    with _homes() as (stage, homes):
        for engine, home in homes.items():
            folder = home.path.with_name(f"{engine}-journals")
            runs[engine] = Breakdowns(home=home, stage=stage, folder=folder, most=OCCURRENCES[engine], told=_say_point)
            runs[engine].run()
    return breakdown_part(runs)


def crowds() -> Part:
    """Many processes that append at once, on both engines."""
    with _homes() as (_, homes):
        came = {engine: crowd(home, APPENDS) for engine, home in homes.items()}
    for engine, each in came.items():
        typer.echo(f"{engine}: {each.appends} appends, longest wait {each.longest:.2f} s: {each.holds}")
    return crowd_part(came)


def breaking() -> Part:
    """Every mutation of the table."""
    tried = []
    for each in mutations.try_all(mutations.mutations()):
        typer.echo(f"{each.mutation.promise}: {each.mutation.what}: {each.noticed_by or 'NOBODY NOTICED'}")
        tried.append(each)
    return mutation_part(tried)


@contextmanager
def _homes() -> Iterator[tuple[Stage, dict[str, Home]]]:
    """A staged league, and a home with it on each engine."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        stage = stage_once(_home(folder / "stage"))
        server = stack.enter_context(throwaway_postgres(durable=True))
        homes = {engine: _home(folder / engine) for engine in ENGINES}
        for engine, home in homes.items():
            copy_stage(stage, home, server.url("prove") if engine == "postgresql" else "")
        yield stage, homes


def _home(path: Path) -> Home:
    return Home(path=path, mode=Mode.TEST, clock=SystemClock())


def _say(kill: Kill) -> None:
    typer.echo(f"{kill.what} killed, answers again after {kill.again_seconds:.2f} s, {kill.heard} heard")


def _say_point(point: Point) -> None:
    if point.broke.fired:
        typer.echo(f"{point.broke.where}: {point.broke.what}: {'as promised' if point.holds else point}")


PARTS: dict[str, Callable[[], Part]] = {
    "crashes": crashes,
    "breakdowns": breakdowns,
    "crowds": crowds,
    "mutations": breaking,
}


def main(names: list[str]) -> int:
    """Runs these parts, or all; 0 when every proof holds."""
    if unknown := set(names) - PARTS.keys():
        typer.echo(f"there is no proof {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
        return 2
    parts = [PARTS[name]() for name in names or PARTS]
    write(parts)
    return 0 if all(part.holds for part in parts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
