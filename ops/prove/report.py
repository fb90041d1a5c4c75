"""docs/proofs.md: what the long proofs came to. Each part replaces its own section, so that one can be run alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ops.prove.crashes import Crashes
from ops.prove.mutations import Tried

PAGE = Path(__file__).parents[2] / "docs" / "proofs.md"
KILLED = """serve and seal are killed (SIGKILL) in turn at random moments while callers ask; nobody mends anything. Then
every answer that a caller has heard is looked for in the log, word for word, and its receipt is proven with the trust
file alone; every refusal must be recorded once, and the budgets must have counted every answer once.

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
