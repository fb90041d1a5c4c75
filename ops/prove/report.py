"""docs/proofs.md: what the long proofs came to. Each part replaces its own section, so that one can be run alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ops.prove.breakdowns import Breakdowns
from ops.prove.crashes import Crashes
from ops.prove.crowds import Crowd
from ops.prove.mutations import Tried
from ops.prove.points import Point

PAGE = Path(__file__).parents[2] / "docs" / "proofs.md"
KILLED = """serve and seal are killed (SIGKILL) in turn at random moments while callers ask; nobody mends anything. Then
every answer that a caller has heard is looked for in the log, word for word, and its receipt is proven with the trust
file alone; every refusal must be recorded once, and the budgets must have counted every answer once.

"""
BREAKDOWNS = """A gateway takes three turns and signs after each while one system call of its write path fails
(`strace`), or while it kills itself at a station of our own; then another one starts, nobody mends anything, everything
is asked again by the same keys. `points` are calls that really broke: each occurrence of a call in the three turns, or
so many of them. A killed backend of PostgreSQL, and a line that breaks while its answer is awaited, leave a commit in
doubt. After every point the whole log is verified against every checkpoint ever published, every answer heard is proven
by its receipt, a repeated question must have been given the answer of the first time, and budgets and entries are
counted. All points of an engine share one log.

"""
CROWDED = """Eight processes of four threads each append to one log, three entries at a time, by clocks that differ by
up to two days; two of the processes also sign as fast as they can. Afterwards every place in the log must have been
given once, the whole log is verified (order, times, chains, tree), and every checkpoint that anybody ever signed must
be one of it.

"""
BROKEN = """Each promise is broken on purpose, one place at a time (`ops/prove/mutations.toml`); its tests must notice.

"""
HEAD = "# Long proofs\n\nWritten by `make prove`; the figures are those of its last run.\n"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One section of the page, and whether what it shows is as promised."""

    title: str
    text: str
    holds: bool


def crash_part(runs: Mapping[str, Crashes]) -> Part:
    """The kills, by engine."""
    columns = (
        "engine",
        "killed",
        "kills",
        "answering again after, s",
        "answers heard",
        "not provable",
        "not recorded",
        "miscounted",
    )
    rows = [row for engine, run in runs.items() for row in _kill_rows(engine, run)]
    return Part(
        title="Kills under load",
        text=KILLED + _table(columns, rows),
        holds=all(run.verdict is not None and run.verdict.holds for run in runs.values()),
    )


def _kill_rows(engine: str, run: Crashes) -> list[tuple[str, ...]]:
    v = run.verdict
    found = ("not run",) * 4 if v is None else tuple(map(str, (v.answers, v.not_proven, v.not_recorded, v.uncounted)))
    rows: list[tuple[str, ...]] = []
    for what in ("serve", "seal"):
        again = [kill.again_seconds for kill in run.done if kill.what == what]
        spread = f"{median(again):.2f} ({min(again):.2f}-{max(again):.2f})" if again else ""
        rows.append((engine, what, str(len(again)), spread, *found))
    return rows


def breakdown_part(runs: Mapping[str, Breakdowns]) -> Part:
    """The broken calls, by engine, place and way."""
    columns = (
        "engine",
        "where",
        "how",
        "points",
        "gateway killed",
        "answers heard",
        "heard on asking again",
        "without an entry",
        "not provable",
        "another answer",
        "miscounted",
        "forks",
        "did not come back",
    )
    rows = [row for engine, run in runs.items() for row in _breakdown_rows(engine, run.points)]
    return Part(
        title="Broken system calls",
        text=BREAKDOWNS + _table(columns, rows),
        holds=all(run.holds for run in runs.values()),
    )


def _breakdown_rows(engine: str, points: Sequence[Point]) -> list[tuple[str, ...]]:
    fired = [each for each in points if each.broke.fired]
    rows = [
        (engine, at.where, at.what, *_sums([each for each in fired if each.broke == at]))
        for at in dict.fromkeys(each.broke for each in fired)
    ]
    return [*rows, (f"**{engine}**", "**all**", "", *_sums(fired))]


def _sums(points: Sequence[Point]) -> tuple[str, ...]:
    totals = (
        len(points),
        sum(each.killed for each in points),
        sum(each.heard for each in points),
        sum(each.again for each in points),
        sum(each.unrecorded for each in points),
        sum(each.unproven for each in points),
        sum(each.changed + each.unexpected for each in points),
        sum(each.miscounted for each in points),
        sum(each.forks + len(each.problems) for each in points),
        sum(each.not_back + each.sealed for each in points),
    )
    return tuple(map(str, totals))


def crowd_part(runs: Mapping[str, Crowd]) -> Part:
    """The many processes, by engine."""
    columns = (
        "engine",
        "appends",
        "entries",
        "wait, s: middle, longest",
        "checkpoints signed",
        "swaps lost",
        "gaps",
        "given twice",
        "forks",
        "problems",
    )
    rows = [(engine, *_crowd_row(each)) for engine, each in runs.items()]
    return Part(
        title="Many processes at once",
        text=CROWDED + _table(columns, rows),
        holds=all(each.holds for each in runs.values()),
    )


def _crowd_row(each: Crowd) -> tuple[str, ...]:
    waits = f"{each.middle:.3f}, {each.longest:.2f}"
    counts = each.signed, each.outrun, each.gaps, each.doubles, each.forks, len(each.problems) + len(each.sealed)
    return str(each.appends), str(each.entries), waits, *map(str, counts)


def mutation_part(tried: Sequence[Tried]) -> Part:
    """Every mutation with the test that noticed it."""
    rows = [
        (each.mutation.promise, each.mutation.what, f"`{each.mutation.file}`", each.noticed_by or "**nobody**")
        for each in tried
    ]
    return Part(
        title="Broken on purpose",
        text=BROKEN + _table(("promise", "what is broken", "where", "noticed by"), rows),
        holds=all(each.noticed_by for each in tried),
    )


def write(parts: Sequence[Part], page: Path = PAGE) -> None:
    """Puts the parts into the page, in place of those of the same title."""
    whole = page.read_text(encoding="utf-8") if page.exists() else HEAD
    for part in parts:
        before, _, rest = whole.partition(f"\n## {part.title}\n")
        _, mark, after = rest.partition("\n## ")
        whole = f"{before.rstrip()}\n\n## {part.title}\n\n{part.text.rstrip()}\n{mark}{after}"
    page.write_text(whole.rstrip("\n") + "\n", encoding="utf-8")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
