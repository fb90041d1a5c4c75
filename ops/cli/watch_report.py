"""`bidui watch what-if`, `shadow-report`: what other thresholds would have blocked over a home's own record."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from audit.entry import encode
from gateway.domain.incident import Detector
from gateway.replaying.weighing import MAX_REPORT_BYTES, Weighed, report_digest
from gateway.watch.notice_words import DETECTORS
from gateway.watch.threshold_file import BOUNDS, changes, file_of, loosened, read_file
from gateway.watch.thresholds import DEFAULTS, Thresholds
from ops.cli.console import (
    Exit,
    HomeOption,
    JsonOption,
    PassphraseOption,
    fail,
    home_of,
    passphrase_of,
    say,
    say_json,
    told,
)
from ops.rewatching.opening import open_past
from ops.rewatching.whatif import Supposed, beside, in_force, shadowed, what_if

MOST_DAYS = 3660
FileArgument = Annotated[Path, typer.Argument(help="阈值文件（TOML），格式见 bidui watch thresholds")]
OutOption = Annotated[Path | None, typer.Option("--out", help="报告写入此文件（规范 JSON，摘要即其 SHA-256）")]


def thresholds(
    delivered: Annotated[bool, typer.Option("--delivered", help="随产品交付的，不是现行的")] = False,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """现行的监测阈值，写作一份完整的阈值文件：每项的含义、界限、朝哪边更严。"""
    if delivered:
        say(file_of(DEFAULTS))
        return
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        say(file_of(in_force(open_past(place, passphrase))))


def watch_what_if(
    file: FileArgument,
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="最近几天")] = 30,
    out: OutOption = None,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """假设：换用文件中的阈值，最近几天会多阻断什么、少阻断什么，与现行的逐项对照。什么也不改。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        candidate = read(file)
        found = what_if(open_past(place, passphrase), candidate, days)
        _tell(found, out, as_json=as_json)


def shadow_report(
    until: Annotated[int, typer.Option("--until", min=0, help="只看到此条目以前，以重算同一份报告；0 为全部")] = 0,
    out: OutOption = None,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """影子阈值自运行以来会阻断什么。同样的条目，谁来算都是同一份报告、同一个摘要。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        past = open_past(place, passphrase)
        running = beside(past)
        found = shadowed(past, running, until)
        if not as_json:
            say(f"影子阈值自 {running.since:%Y-%m-%d %H:%M} UTC（第 {running.entry} 条）起运行")
        _tell(found, out, as_json=as_json)


def read(file: Path) -> Thresholds:
    """The thresholds of a file. Raises `ThresholdError`."""
    try:
        return read_file(file.read_bytes())
    except OSError:
        fail(f"读不到文件 {file.name}", Exit.USAGE)


def _tell(found: Supposed, out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        with out.open("xb") as file:
            file.write(encode(found.report, MAX_REPORT_BYTES))
            os.fsync(file.fileno())
    digest = report_digest(found.report)
    say_json({**found.report, "sha256": digest}) if as_json else say("\n".join(_lines(found, digest, out)))


def _lines(found: Supposed, digest: str, out: Path | None) -> Iterator[str]:
    report, (old, new) = found.report, found.sets
    yield f"第 {found.span[0]} 条起，第 {found.span[1]} 条以前，{report['comparisons']} 次比对；现行阈值与所提阈值对照"
    yield from _changed(old, new)
    for each in found.weighed:
        yield from _of_grant(each)
    if not found.weighed:
        yield "两套阈值都不会阻断什么"
    yield from _totals(found.weighed)
    if missing := report["not_replayed"]:
        names = "、".join(map(str, missing)) if isinstance(missing, list) else ""
        yield f"重放看不到这些改动的后果（只重放逐次比对的检测）：{names}"
    yield from _gone(found)
    yield f"报告摘要 {digest}" + (f"，已写入 {out}" if out else "")


def _changed(old: Thresholds, new: Thresholds) -> Iterator[str]:
    loose = loosened(old, new)
    for name, (before, after) in changes(old, new).items():
        yield f"  {name}：{before} → {after}{'，可能放宽' if name in loose else '，收严'}（{BOUNDS[name].zh}）"


def _of_grant(each: Weighed) -> Iterator[str]:
    yield f"{each.partner}  签批单 {each.grant}  {DETECTORS[Detector(each.detector)].zh}（{each.detector}）"
    more, less = each.only_candidate, each.only_in_force
    yield f"  事件：现行 {each.in_force}，所提 {each.candidate}；新增 {more}，不再阻断 {less}"
    yield f"  扣下的比对：现行 {each.withheld_in_force}，所提 {each.withheld_candidate}"
    if each.released or each.released_candidate:
        yield f"  已由两人解除（误报）：现行 {each.released}，其中所提仍会阻断 {each.released_candidate}"


def _totals(weighed: Sequence[Weighed]) -> Iterator[str]:
    if len(weighed) > 1:
        new, gone = sum(each.only_candidate for each in weighed), sum(each.only_in_force for each in weighed)
        yield f"合计：新增 {new} 起，不再阻断 {gone} 起"


def _gone(found: Supposed) -> Iterator[str]:
    gone = found.report["gone"]
    if isinstance(gone, dict) and (gone["subjects"] or gone["operators"]):
        yield f"已依法删除：对象 {gone['subjects']} 次（其余照看），经办人 {gone['operators']} 次（所见全部不在）"
    if isinstance(gone, dict) and gone["altered"]:
        yield f"有 {gone['altered']} 条与记录时不符，此报告不可采信：先运行 bidui watch replay"
    if found.is_cut:
        yield "更早的存证账不在本机，累计分值自本账起算"
