"""`bidui bench`: the figures of docs/benchmarks.md, measured on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ops.bench import leaks as stage_leaks
from ops.bench import ledger_figures as ledger_alone
from ops.bench import path as whole_path
from ops.bench import policy as rule_policy
from ops.bench import replaying as watch_replays
from ops.bench import stages as turn_stages
from ops.bench import sync as source_sync
from ops.bench import timing as answer_timing
from ops.bench import trail as officers_trail
from ops.bench import watch as detectors
from ops.bench.figures import BenchError, Report
from ops.cli.console import Exit, JsonOption, fail, say, say_json

app = typer.Typer(help="压测：在本机测得的比值")


class Engine(StrEnum):
    """Where control data and index lie, or the source."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


Part = Callable[[], Report]
EngineOption = Annotated[Engine, typer.Option(help="控制库与索引所在；对 sync 则为数据源所在")]
PersonsOption = Annotated[int, typer.Option(min=100, help="名册人数；要求的规模为 1000000")]
RulesOption = Annotated[int, typer.Option(min=600, help="规则条数")]
SecondsOption = Annotated[int, typer.Option(min=1, max=60, help="每轮秒数")]
RoundsOption = Annotated[int, typer.Option(min=1, help="轮数，取中位数")]
TurnsOption = Annotated[int, typer.Option(min=1, help="轮次数，每轮次 32 条")]
PairsOption = Annotated[int, typer.Option(min=2, help="对数")]
CopiesOption = Annotated[int, typer.Option(min=1, max=256, help="同一轮次中同时发出的份数")]
WorkOption = Annotated[Path, typer.Option("--work", help="工作目录；建好的名册留在其中，下次不必重建")]
CheckOption = Annotated[bool, typer.Option("--check", help="按要求的限值判断，未达到则退出码为 1")]

PERSONS, RULES, SECONDS, ROUNDS, TURNS, PAIRS, COPIES = 100_000, 1000, 8, 3, 100, 2000, 64
POLICY_RULES = 10_000
ENTRIES = 100_000
WORK = Path("bench-work")


@app.callback(invoke_without_command=True)
def everything(
    context: typer.Context,
    persons: PersonsOption = PERSONS,
    rules: RulesOption = RULES,
    seconds: SecondsOption = SECONDS,
    rounds: RoundsOption = ROUNDS,
    pairs: PairsOption = PAIRS,
    work: WorkOption = WORK,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """压测：不给子命令则依次测全部；所有数字都是同一次运行中的比值。"""
    if context.invoked_subcommand is not None:
        return
    size = {"persons": persons, "rules": rules}
    parts: list[Part] = [_path(work, engine, size, seconds, rounds) for engine in Engine]
    parts += [_stages(work, Engine.SQLITE, size, TURNS)]
    parts += [_timing(work, Engine.SQLITE, size, pairs, copies) for copies in (1, COPIES)]
    parts += [_sync(work, Engine.POSTGRESQL, persons)]
    parts += [_ledger(work, engine, ENTRIES, seconds) for engine in Engine]
    tell(parts, check=check, as_json=as_json)


@app.command("path")
def path(
    engine: EngineOption = Engine.SQLITE,
    persons: PersonsOption = PERSONS,
    rules: RulesOption = RULES,
    seconds: SecondsOption = SECONDS,
    rounds: RoundsOption = ROUNDS,
    work: WorkOption = WORK,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """整条路径与 FastAPI 回显服务交替比较。"""
    size = {"persons": persons, "rules": rules}
    tell([_path(work, engine, size, seconds, rounds)], check=check, as_json=as_json)


@app.command("stages")
def stages(
    engine: EngineOption = Engine.SQLITE,
    persons: PersonsOption = PERSONS,
    rules: RulesOption = RULES,
    turns: TurnsOption = TURNS,
    work: WorkOption = WORK,
    as_json: JsonOption = False,
) -> None:
    """一个轮次 32 条请求的时间用在哪里，逐段列出。"""
    tell([_stages(work, engine, {"persons": persons, "rules": rules}, turns)], check=False, as_json=as_json)


@app.command("timing")
def timing(
    engine: EngineOption = Engine.SQLITE,
    persons: PersonsOption = PERSONS,
    rules: RulesOption = RULES,
    pairs: PairsOption = PAIRS,
    copies: CopiesOption = 1,
    work: WorkOption = WORK,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """无此人、姓名不符、超出范围三者的答复时间能否分辨。"""
    size = {"persons": persons, "rules": rules}
    tell([_timing(work, engine, size, pairs, copies)], check=check, as_json=as_json)


@app.command("leaks")
def leaks(
    engine: EngineOption = Engine.SQLITE,
    persons: PersonsOption = PERSONS,
    rules: RulesOption = RULES,
    pairs: PairsOption = 200,
    copies: CopiesOption = COPIES,
    work: WorkOption = WORK,
    as_json: JsonOption = False,
) -> None:
    """上述三者在各段所用的处理器时间有何差别。"""
    sizes = stage_leaks.Sizes(persons=persons, rules=rules, pairs=pairs, copies=copies, engine=engine.value)
    tell([lambda: stage_leaks.measure(_folder(work), sizes)], check=False, as_json=as_json)


@app.command("sync")
def sync(
    engine: EngineOption = Engine.POSTGRESQL,
    persons: PersonsOption = PERSONS,
    work: WorkOption = WORK,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """全量同步与其后的增量同步：速度、内存、时间之比。"""
    tell([_sync(work, engine, persons)], check=check, as_json=as_json)


@app.command("ledger")
def ledger(
    engine: EngineOption = Engine.SQLITE,
    entries: Annotated[int, typer.Option(min=1000, help="长账的记录条数；要求的规模为 1000000")] = ENTRIES,
    seconds: SecondsOption = SECONDS,
    work: WorkOption = WORK,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """存证账：每条记录的开销、每秒持久条数，以及长账上的证明、核验与启动。"""
    tell([_ledger(work, engine, entries, seconds)], check=check, as_json=as_json)


@app.command("policy")
def policy(
    rules: Annotated[int, typer.Option(min=600, help="规则条数；要求的规模为 10000")] = POLICY_RULES,
    departments: Annotated[int, typer.Option(min=1, help="分属的部门数")] = 40,
    work: WorkOption = WORK,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """发布一版规则册与按它判定一次各用多少时间；与标准 pycasbin 的比较单列。"""
    sizes = rule_policy.Sizes(rules=rules, departments=departments)
    tell([lambda: rule_policy.measure(_folder(work), sizes)], check=check, as_json=as_json)


@app.command("watch")
def watch(
    rounds: Annotated[int, typer.Option(min=1, help="每个轮次看几遍，取最快")] = 7,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """监测逐条与成批查看一条记录各用多少处理器时间。"""
    tell([lambda: detectors.measure(detectors.Sizes(rounds=rounds))], check=check, as_json=as_json)


@app.command("trail")
def trail(
    entries: Annotated[int, typer.Option(min=1000, help="存证账条数；要求的规模为 1000000")] = ENTRIES,
    searches: Annotated[int, typer.Option(min=2, help="每种检索的次数")] = 20,
    work: WorkOption = WORK,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """检索存证账：建索引的速度与大小，每种检索的用时。"""
    sizes = officers_trail.Sizes(entries=entries, searches=searches)
    tell([lambda: officers_trail.measure(_folder(work), sizes)], check=check, as_json=as_json)


@app.command("replay")
def replay(
    entries: Annotated[int, typer.Option(min=1000, help="存证账条数")] = ENTRIES,
    work: WorkOption = WORK,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """重放：每秒读开、重看、按两套阈值对照多少条，以及最多占用的内存。"""
    sizes = watch_replays.Sizes(entries=entries)
    tell([lambda: watch_replays.measure(_folder(work), sizes)], check=check, as_json=as_json)


def _path(work: Path, engine: Engine, size: dict[str, int], seconds: int, rounds: int) -> Part:
    sizes = whole_path.Sizes(**size, seconds=seconds, rounds=rounds, engine=engine.value)
    return lambda: whole_path.measure(_folder(work), sizes)


def _stages(work: Path, engine: Engine, size: dict[str, int], turns: int) -> Part:
    sizes = turn_stages.Sizes(**size, turns=turns, engine=engine.value)
    return lambda: turn_stages.measure(_folder(work), sizes)


def _timing(work: Path, engine: Engine, size: dict[str, int], pairs: int, copies: int) -> Part:
    sizes = answer_timing.Sizes(**size, pairs=pairs, copies=copies, engine=engine.value)
    return lambda: answer_timing.measure(_folder(work), sizes)


def _sync(work: Path, engine: Engine, persons: int) -> Part:
    return lambda: source_sync.measure(_folder(work), source_sync.Sizes(persons=persons, engine=engine.value))


def _ledger(work: Path, engine: Engine, entries: int, seconds: int) -> Part:
    sizes = ledger_alone.Sizes(entries=entries, seconds=seconds, engine=engine.value)
    return lambda: ledger_alone.measure(_folder(work), sizes)


def tell(parts: Sequence[Part], *, check: bool, as_json: bool) -> None:
    """Measures one part after the other, never two at once, and tells of each as soon as it is done."""
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
