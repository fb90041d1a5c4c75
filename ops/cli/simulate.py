"""`bidui simulate`: how much leaks before it stops, measured on the published world through the real pipeline."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.watch.thresholds import DEFAULTS
from ops.cli.console import Exit, JsonOption, fail, say, say_json
from ops.simulate.attacks import ATTACKS, PUBLISHED
from ops.simulate.partners import DAYS
from ops.simulate.replay import Assault
from ops.simulate.report import ReportError, document, markdown, with_section
from ops.simulate.running import CHILDREN, FIRST_SEED, Settings, SimulationError, simulate
from ops.simulate.stage import BLIND
from ops.simulate.world import PERSONS


def simulation(
    seeds: Annotated[int, typer.Option(min=1, max=100, help="种子数，每个种子一个合成年份")] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="第一个种子")] = FIRST_SEED,
    persons: Annotated[int, typer.Option(min=2000, help="名册人数；公布的规模为 1000000")] = PERSONS,
    attack: Annotated[list[str] | None, typer.Option(help="只演这些攻击，如 A1a；默认公布的十五种")] = None,
    repeats: Annotated[int, typer.Option(min=1, max=1000, help="每个种子上每种攻击演几遍")] = 1,
    days: Annotated[int, typer.Option(min=20, max=DAYS, help="年份长度（天）")] = DAYS,
    gate: Annotated[bool, typer.Option("--gate", help="须同时给出姓名；默认不须，对攻击者更有利")] = False,
    everybody: Annotated[bool, typer.Option("--everybody", help="攻击期间其余部门也全部照常使用，慢得多")] = False,
    blind: Annotated[bool, typer.Option("--blind", help="监测不拦截，只剩额度：作比较的底数")] = False,
    reviewer: Annotated[float, typer.Option(min=0.0, max=1.0, help="核查人员识破假凭证的比例")] = 1.0,
    children: Annotated[int, typer.Option(min=1, max=16, help="同时进行的攻击数")] = CHILDREN,
    report: Annotated[Path | None, typer.Option(help="另写一份 Markdown 报告")] = None,
    section: Annotated[str | None, typer.Option(help="只替换该文件中此名的一段，如 blind")] = None,
    as_json: JsonOption = False,
) -> None:
    """演练：合成一年的正常使用与十五种套取，经真实的处理过程，测出拦住之前泄露多少。"""
    settings = Settings(
        seeds=seeds,
        first_seed=first_seed,
        persons=persons,
        days=days,
        repeats=repeats,
        attacks=_chosen(attack),
        gate=gate,
        near=not everybody,
        limits=BLIND if blind else DEFAULTS,
        spots=reviewer,
        children=children,
    )
    try:
        with _Bar(settings) as bar:
            runs = simulate(settings, bar)
    except SimulationError as error:
        fail(str(error))
    text = markdown(settings, runs)
    if report:
        _write(report, section, text)
    if as_json:
        say_json(document(settings, runs))
    else:
        say(text)


def _write(path: Path, section: str | None, tables: str) -> None:
    if section is None:
        path.write_text(tables, encoding="utf-8")
        return
    try:
        path.write_text(with_section(path.read_text(encoding="utf-8"), section, tables), encoding="utf-8")
    except (ReportError, OSError) as error:
        fail(str(error))


def _chosen(names: list[str] | None) -> tuple[str, ...]:
    unknown = sorted(set(names or ()) - ATTACKS.keys())
    if unknown:
        fail(f"没有这样的攻击：{'、'.join(unknown)}；有：{'、'.join(ATTACKS)}", Exit.USAGE)
    return tuple(names or PUBLISHED)


class _Bar:
    """Days on a bar, and a line for each attack that has ended; all of it where nobody reads data."""

    def __init__(self, settings: Settings) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("合成年份", total=settings.seeds * settings.days)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def day(self, seed: int, day: int) -> None:
        """See `ops.simulate.running.Told`."""
        self._progress.update(self._task, advance=1, description=f"种子 {seed}")

    def attacked(self, assault: Assault) -> None:
        """See `ops.simulate.running.Told`."""
        learned = assault.checked or assault.end
        stopped = "拦住" if assault.stopped else "受限" if assault.checked else "未拦"
        self._progress.console.print(f"{assault.seed} {assault.attack} {stopped}：{learned.persons} 人")
