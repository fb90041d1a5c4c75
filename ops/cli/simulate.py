"""`bidui simulate`: how much leaks before it stops, measured on the published world through the real pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gateway.watch.thresholds import DEFAULTS
from ops.cli.console import Exit, JsonOption, fail, say, say_json
from ops.cli.simulate_told import Bar, BothBar
from ops.simulate.attacks import ATTACKS, PUBLISHED
from ops.simulate.http import report as http_report
from ops.simulate.http import running as http
from ops.simulate.kept import Result, keep, read_results, result_of
from ops.simulate.partners import DAYS
from ops.simulate.pictures import draw_all
from ops.simulate.report import ReportError, document, markdown, with_section
from ops.simulate.running import CHILDREN, FIRST_SEED, Settings, SimulationError, simulate
from ops.simulate.stage import BLIND
from ops.simulate.world import PERSONS


def simulation(
    seeds: Annotated[int, typer.Option(min=1, max=100, help="种子数，每个种子一个合成年份")] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="第一个种子")] = FIRST_SEED,
    persons: Annotated[
        int | None, typer.Option(min=2000, help=f"名册人数；默认为公布的规模 {PERSONS}，--http 时 {http.PERSONS}")
    ] = None,
    attack: Annotated[
        list[str] | None, typer.Option(help="只演这些攻击，如 A1a；默认公布的十五种，--http 时为很快结束的")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, max=1000, help="每个种子上每种攻击演几遍")] = 1,
    days: Annotated[
        int | None, typer.Option(min=5, max=DAYS, help=f"年份长度（天），默认 {DAYS}；--http 时为攻击之前的天数")
    ] = None,
    gate: Annotated[bool, typer.Option("--gate", help="须同时给出姓名；默认不须，对攻击者更有利")] = False,
    everybody: Annotated[bool, typer.Option("--everybody", help="攻击期间其余部门也全部照常使用，慢得多")] = False,
    blind: Annotated[bool, typer.Option("--blind", help="监测不拦截，只剩额度：作比较的底数")] = False,
    reviewer: Annotated[float, typer.Option(min=0.0, max=1.0, help="核查人员识破假凭证的比例")] = 1.0,
    children: Annotated[int, typer.Option(min=1, max=16, help="同时进行的攻击数")] = CHILDREN,
    over_http: Annotated[bool, typer.Option("--http", help="另经本机 HTTP 对真实网关演一遍，两边并列")] = False,
    report: Annotated[Path | None, typer.Option(help="另写一份 Markdown 报告")] = None,
    section: Annotated[str | None, typer.Option(help="只替换该文件中此名的一段，如 blind")] = None,
    save: Annotated[Path | None, typer.Option(help="另存结果（JSON），供日后 --from 画图")] = None,
    kept: Annotated[list[Path] | None, typer.Option("--from", help="不演练，用这些存下的结果画图；可多次给出")] = None,
    pictures: Annotated[Path | None, typer.Option(help="把图（SVG）画在此目录")] = None,
    as_json: JsonOption = False,
) -> None:
    """演练：合成一年的正常使用与十五种套取，经真实的处理过程，测出拦住之前泄露多少。"""
    told = _Told(report, section, save, as_json=as_json)
    if kept:
        if pictures is None:
            fail("--from 须与 --pictures 目录 同用", Exit.USAGE)
        _draw(_read(kept), pictures)
    elif over_http:
        if blind or everybody or repeats > 1 or pictures:
            fail("--http 不能与 --blind、--everybody、--repeats、--pictures 同用", Exit.USAGE)
        attacks = _chosen(attack, http.USUAL)
        told.tell(*_both(partial(http.settings_of, first_seed, persons, days, attacks, reviewer)))
    else:
        settings = Settings(
            seeds=seeds,
            first_seed=first_seed,
            persons=persons or PERSONS,
            days=days or DAYS,
            repeats=repeats,
            attacks=_chosen(attack, PUBLISHED),
            gate=gate,
            near=not everybody,
            limits=BLIND if blind else DEFAULTS,
            spots=reviewer,
            children=children,
        )
        made, text = _year(settings)
        told.tell(made, text)
        if pictures:
            _draw([result_of(made)], pictures)


@dataclass(frozen=True)
class _Told:
    """Where what came of it goes."""

    report: Path | None
    section: str | None
    save: Path | None
    as_json: bool

    def tell(self, made: Mapping[str, object], text: str) -> None:
        """Prints it, writes it, keeps it."""
        try:
            if self.save:
                keep(self.save, made)
            if self.report:
                self._write(self.report, text)
        except (ReportError, OSError) as error:
            fail(str(error))
        if self.as_json:
            say_json(made)
        else:
            say(text)

    def _write(self, path: Path, tables: str) -> None:
        whole = with_section(path.read_text(encoding="utf-8"), self.section, tables) if self.section else tables
        path.write_text(whole, encoding="utf-8")


def _year(settings: Settings) -> tuple[Mapping[str, object], str]:
    try:
        with Bar.of_years(settings) as bar:
            runs = simulate(settings, bar)
    except SimulationError as error:
        fail(str(error))
    return document(settings, runs), markdown(settings, runs)


def _both(chosen: Callable[[], http.HttpSettings]) -> tuple[Mapping[str, object], str]:
    try:
        settings = chosen()
        with BothBar.of_both(settings) as bar:
            both = http.run_both(settings, bar)
    except SimulationError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("已中止，演练环境已清除")
    return http_report.document(settings, both), http_report.markdown(settings, both)


def _read(paths: Sequence[Path]) -> list[Result]:
    try:
        return read_results(paths)
    except ReportError as error:
        fail(str(error))


def _draw(results: Sequence[Result], folder: Path) -> None:
    try:
        for path in draw_all(results, folder):
            typer.echo(str(path), err=True)
    except ReportError as error:
        fail(str(error))


def _chosen(names: list[str] | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(names or ()) - ATTACKS.keys())
    if unknown:
        fail(f"没有这样的攻击：{'、'.join(unknown)}；有：{'、'.join(ATTACKS)}", Exit.USAGE)
    return tuple(dict.fromkeys(names or usual))
