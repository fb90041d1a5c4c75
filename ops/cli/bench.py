"""`bidui bench`: the figures of docs/benchmarks.md, measured on this machine."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ops.bench import path as whole_path
from ops.bench import stages as turn_stages
from ops.bench import timing as answer_timing
from ops.bench.figures import BenchError, Report
from ops.cli.console import Exit, JsonOption, fail, say, say_json

app = typer.Typer(help="压测：在本机测得的比值", no_args_is_help=True)

WorkOption = Annotated[Path, typer.Option("--work", help="工作目录；建好的名册留在其中，下次不必重建")]
PersonsOption = Annotated[int, typer.Option(min=100, help="名册人数")]
RulesOption = Annotated[int, typer.Option(min=600, help="规则条数")]
SecondsOption = Annotated[int, typer.Option(min=1, max=60, help="每轮秒数")]
RoundsOption = Annotated[int, typer.Option(min=1, help="轮数，取中位数")]
PairsOption = Annotated[int, typer.Option(min=2, help="对数")]
CheckOption = Annotated[bool, typer.Option("--check", help="按要求的限值判断，未达到则退出码为 1")]
WORK = Path("bench-work")


class Engine(StrEnum):
    """Where control data and index lie."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


EngineOption = Annotated[Engine, typer.Option(help="控制库与索引所在")]


@app.callback()
def group() -> None:
    """压测：在本机测得的比值"""


@app.command("path")
def path(
    engine: EngineOption = Engine.SQLITE,
    persons: PersonsOption = 100_000,
    rules: RulesOption = 1000,
    seconds: SecondsOption = 8,
    rounds: RoundsOption = 3,
    work: WorkOption = WORK,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """整条路径与 FastAPI 回显服务交替比较。"""
    sizes = whole_path.Sizes(persons=persons, rules=rules, seconds=seconds, rounds=rounds, engine=engine.value)
    _tell([lambda: whole_path.measure(_folder(work), sizes)], check=check, as_json=as_json)


@app.command("stages")
def stages(
    engine: EngineOption = Engine.SQLITE,
    persons: PersonsOption = 100_000,
    rules: RulesOption = 1000,
    turns: Annotated[int, typer.Option(min=1, help="轮次数，每轮 32 条")] = 100,
    work: WorkOption = WORK,
    as_json: JsonOption = False,
) -> None:
    """一轮 32 条请求的时间用在哪里，逐段列出。"""
    sizes = turn_stages.Sizes(persons=persons, rules=rules, turns=turns, engine=engine.value)
    _tell([lambda: turn_stages.measure(_folder(work), sizes)], check=False, as_json=as_json)


@app.command("timing")
def timing(
    engine: EngineOption = Engine.SQLITE,
    persons: PersonsOption = 100_000,
    rules: RulesOption = 1000,
    pairs: PairsOption = 2000,
    copies: Annotated[int, typer.Option(min=1, max=256, help="同一轮中同时发出的份数")] = 1,
    work: WorkOption = WORK,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """无此人、姓名不符、超出范围三者的答复时间能否分辨。"""
    sizes = answer_timing.Sizes(persons=persons, rules=rules, pairs=pairs, copies=copies, engine=engine.value)
    _tell([lambda: answer_timing.measure(_folder(work), sizes)], check=check, as_json=as_json)


def _tell(parts: list[Callable[[], Report]], *, check: bool, as_json: bool) -> None:
    """Measures one part after the other and tells of each as soon as it is done."""
    missed = False
    for measure in parts:
        try:
            report = measure()
        except BenchError as error:
            fail(str(error))
        if as_json:
            say_json(report.document())
        else:
            say("\n".join(report.lines()))
        missed = missed or not all(each.holds for each in report.checks)
    if check and missed:
        raise typer.Exit(Exit.FAILED)


def _folder(work: Path) -> Path:
    work.mkdir(parents=True, exist_ok=True)
    return work
