"""`bidui watch replay`: whether the watch would do once more what it did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

import typer

from gateway.domain.grant import local_day
from gateway.replaying.comparing import Verdict
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
from ops.rewatching.replay import Replayed, replay

_VERDICTS = {
    Verdict.IDENTICAL: ("逐字节一致", Exit.OK),
    Verdict.DIFFERS: ("不一致", Exit.INTEGRITY),
    Verdict.CUT: ("无法核对：更早的记录不在本机", Exit.FAILED),
    Verdict.ERASED: ("无法核对：此签批单有披露项已依法删除", Exit.FAILED),
}


def watch_replay(
    first: Annotated[str | None, typer.Option("--from", help="第一天，如 2026-03-01；默认昨天")] = None,
    last: Annotated[str | None, typer.Option("--to", help="最后一天；默认与第一天相同")] = None,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """重放：监测按存证账再看一遍，所得事件须与账中逐字节一致。0 一致，1 因删除或归档而无法核对，5 不一致或记录被改。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    begins = _day(first) if first else local_day(place.clock.now()) - timedelta(days=1)
    ends = _day(last) if last else begins
    if ends < begins:
        fail("--to 不得早于 --from", Exit.USAGE)
    with told():
        found = replay(open_past(place, passphrase), begins, ends)
    say_json(_document(found)) if as_json else say("\n".join(_lines(found)))
    raise typer.Exit(_VERDICTS[found.verdict][1])


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail("日期写作 2026-03-01", Exit.USAGE)


def _lines(found: Replayed) -> Iterator[str]:
    made, met = found.found, found.found.met
    days, (begins, ends) = found.days, found.entries
    yield f"{days[0]} 至 {days[1]}（第 {begins} 条起，第 {ends} 条以前）：{_verdict(found)}"
    yield f"  账中事件 {made.identical} 起逐字节一致，不一致 {made.different} 起；事件表 {found.incidents} 起一致"
    if made.beside:
        yield f"  另有 {made.beside} 起不出自逐次比对（巡查、升级等），按账中所载采用"
    yield f"  共读 {met.entries} 条，比对 {met.compared} 次，监测看过 {met.seen} 次；所选日期内 {made.turns} 批"
    yield from _lacking(found)
    if made.first is not None:
        yield f"首个不同：第 {made.first.entry} 条，签批单 {made.first.grant}（{made.first.what}）"
        yield f"  账中 {made.first.recorded or '无'}"
        yield f"  重放 {made.first.replayed or '无'}"
    for entry, cause in met.altered:
        yield f"第 {entry} 条与记录时不符：{cause}"


def _lacking(found: Replayed) -> Iterator[str]:
    met = found.found.met
    if met.nameless or met.erased:
        yield f"  已依法删除：对象 {met.nameless} 次（其余照看），经办人 {met.erased} 次（所见全部不在）"
    if met.unseen:
        yield f"  {met.unseen} 次没有监测所见：未到监测即被拒绝，或早于本功能启用"
    if found.found.missing:
        yield f"  {found.found.missing} 次所依签批单在当时的文书中找不到"
    if found.begins or found.is_cut:
        yield f"  第 {found.begins} 条以前的记录不在本机，此前的累计分值从零算起"


def _verdict(found: Replayed) -> str:
    return _VERDICTS[found.verdict][0]


def _document(found: Replayed) -> dict[str, object]:
    made, met = found.found, found.found.met
    first = made.first
    return {
        "verdict": found.verdict.value,
        "zh": _verdict(found),
        "from": found.days[0].isoformat(),
        "to": found.days[1].isoformat(),
        "entries": {"first": found.entries[0], "until": found.entries[1], "read": met.entries, "begins": found.begins},
        "comparisons": met.compared,
        "seen": met.seen,
        "unseen": met.unseen,
        "erased": {"subjects": met.nameless, "operators": met.erased},
        "turns": made.turns,
        "incidents": {
            "identical": made.identical,
            "different": made.different,
            "beside": made.beside,
            "table": found.incidents,
        },
        "without_grant": made.missing,
        "cut": found.is_cut,
        "altered": [{"entry": entry, "cause": cause} for entry, cause in met.altered],
        "first_difference": None
        if first is None
        else {
            "entry": first.entry,
            "grant": first.grant,
            "what": first.what,
            "recorded": first.recorded,
            "replayed": first.replayed,
        },
    }
