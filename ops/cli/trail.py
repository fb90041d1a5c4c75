"""`bidui audit search`, `hours`, `views`, `reindex`: officers look into the ledger, and the index they look by.

Whose number is searched for is asked for or read from a private file; no argument holds it, because every user of a
machine can read the arguments of its programs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import quote

import typer

from adapters.sql.ledger_reader import SqlLedgerReader
from audit.tallies import Place, hour_text
from gateway.trail.indexing import LARGE_PORTION
from gateway.trail.rebuilding import Hours, differing_entries
from gateway.trail.words import MEMBERS
from ops.cli.console import Exit, HomeOption, JsonOption, PassphraseOption, home_of, passphrase_of, say, say_json, told
from ops.cli.office.client import Told, at_office, rows
from ops.cli.office.options import SessionOption, secret
from ops.cli.office.problems import OfficeError
from ops.settings import ServeSettings, load
from ops.trail import open_trail

SEARCH, HOURS, VIEWS = "/v1/office/trail/search", "/v1/office/trail/hours", "/v1/office/trail/views"
SHOWN = 20
_NUMBERS = {"person": "所查人员的身份证号", "organisation": "所查机构的统一社会信用代码或机构编码"}


def search(
    types: Annotated[list[str] | None, typer.Option("--type", help="条目类型，如 comparison.refused，可重复")] = None,
    partners: Annotated[list[str] | None, typer.Option("--partner", help="合作部门，可重复")] = None,
    clients: Annotated[list[str] | None, typer.Option("--client", help="系统，可重复")] = None,
    grants: Annotated[list[str] | None, typer.Option("--grant", help="签批单，可重复")] = None,
    purposes: Annotated[list[str] | None, typer.Option("--purpose", help="用途，可重复")] = None,
    outcomes: Annotated[
        list[str] | None, typer.Option("--outcome", help="结果，如 confirmed、mismatch、refused，可重复")
    ] = None,
    reasons: Annotated[list[str] | None, typer.Option("--reason", help="拒绝原因，如 quota，可重复")] = None,
    incidents: Annotated[list[str] | None, typer.Option("--incident", help="事件编号，可重复")] = None,
    networks: Annotated[list[str] | None, typer.Option("--network", help="来源网络，可重复")] = None,
    since: Annotated[str, typer.Option(help="自何时起，如 2026-03-02T00:00+08:00")] = "",
    until: Annotated[str, typer.Option(help="至何时之前")] = "",
    person: Annotated[bool, typer.Option("--person", help="按被比对的人检索：号码当场输入，须写 --because")] = False,
    organisation: Annotated[bool, typer.Option("--organisation", help="按被比对的机构检索，号码当场输入")] = False,
    number_file: Annotated[Path | None, typer.Option("--number-file", help="号码所在文件（0600），代替输入")] = None,
    because: Annotated[str, typer.Option(help="检索人员或机构的事由，如案号")] = "",
    operator: Annotated[str, typer.Option(help="经办人、作业或编办人员的账号")] = "",
    matter: Annotated[str, typer.Option(help="比对时写明的事由")] = "",
    view: Annotated[str, typer.Option("--view", help="以保存的视图为条件")] = "",
    save: Annotated[str, typer.Option("--save", help="把条件存为视图，不含人员")] = "",
    before: Annotated[int | None, typer.Option(help="上一页给出的续查序号")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="每页条数")] = 50,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """检索存证账；每次检索先记入账中。只供安全管理员、审计管理员使用。5 有条目与存证账不符。"""
    named = (types, partners, clients, grants, purposes, None, outcomes, reasons, incidents, networks)
    words: dict[str, object] = {f"{name}s": each for name, each in zip(MEMBERS, named, strict=True) if each}
    words |= {name: each for name, each in (("since", since), ("until", until)) if each}
    hidden: dict[str, object] = {"operator": operator, "matter": matter, "because": because}
    with at_office(session, as_json=as_json) as office:
        kept = _view(rows(office.get(VIEWS), "views"), view) if view else {}
        if kind := _kind(person=person, organisation=organisation):
            hidden["subject"] = {"kind": kind, "id": secret(number_file, _NUMBERS[kind])}
        if save:
            office.post(VIEWS, {"name": save, "filter": kept | words})
        found = office.post(SEARCH, {"filter": kept | words, **hidden, "before": before, "limit": limit})
    say_json(found) if as_json else say("\n".join(map(_printable, found_lines(found))))
    if found["differs"]:
        raise typer.Exit(Exit.INTEGRITY)


def hours(
    since: Annotated[str, typer.Option("--from", help="自何时起，如 2026-03-02T00:00+08:00")],
    until: Annotated[str, typer.Option("--to", help="至何时之前")],
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """每小时的比对数，按部门与结果。只供安全管理员、审计管理员使用。"""
    with at_office(session, as_json=as_json) as office:
        found = office.get(f"{HOURS}?from={quote(since)}&to={quote(until)}")
    if as_json:
        say_json(found)
        return
    for each in rows(found, "hours"):
        say(_printable(f"{each['hour']} {each['partner']} {each['told']}：{each['entries']} 次，{each['claims']} 项"))


def views(
    delete: Annotated[str, typer.Option("--delete", help="删除此名称的视图")] = "",
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """我保存的检索条件；以 bidui audit search --save 保存。"""
    with at_office(session, as_json=as_json) as office:
        if delete:
            office.delete(f"{VIEWS}/{quote(delete, safe='')}")
        found = office.get(VIEWS)
    if as_json:
        say_json(found)
        return
    for each in rows(found, "views"):
        named = {name: words for name, words in cast("Told", each["filter"]).items() if words}
        say(_printable(f"{each['name']}：{named or '（没有条件）'}"))


def reindex(
    check: Annotated[bool, typer.Option("--check", help="只核对索引与每小时计数，不改动")] = False,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """由存证账重建检索索引与每小时计数；网关可在运行。--check 只核对：0 相符，5 不符。"""
    place = home_of(home)
    with told():
        settings = load(place, "serve.toml", ServeSettings)
        parts = open_trail(place, passphrase_of(passphrase_file))
        with closing(parts), closing(SqlLedgerReader.open(place.database_url(settings))) as log:
            indexer = parts.indexer(log, portion=LARGE_PORTION)
            counted = Hours(log=log, reader=parts.reader, store=parts.store)
            if check:
                entries, places = list(islice(differing_entries(indexer), SHOWN)), counted.differing()
                upto = parts.reader.cursor().upto
            else:
                entries, places, upto = list[int](), counted.rebuild(), indexer.rebuild()
    _tell(upto, entries, places, check=check, as_json=as_json)
    if check and (entries or places):
        raise typer.Exit(Exit.INTEGRITY)


def found_lines(found: Told) -> Iterator[str]:
    """For people: a line for each hit, then how far was looked."""
    for hit in rows(found, "hits"):
        codes = cast("dict[str, str]", hit["fields"])
        told_of = [f"{name}={hit[name]}" for name in ("client", "grant", "purpose", "network") if hit[name]]
        outcome = hit["subject"] or (f"拒绝（{hit['refused']}），事件 {hit['incident']}" if hit["refused"] else "")
        by = "、".join(cast("list[str]", hit["accounts"]))
        parts = [hit["partner"], *told_of, outcome, *(f"{name}:{code}" for name, code in codes.items()), by]
        yield f"第 {hit['entry']} 条 {hit['log_time']} {hit['zh']}：" + " ".join(str(each) for each in parts if each)
    for index in cast("list[int]", found["differs"]):
        yield f"第 {index} 条与存证账或索引不符"
    yield str(found["zh"])
    if found["next"] is not None:
        yield f"还有更早的条目：--before {found['next']}"


def _view(kept: Sequence[Told], name: str) -> Told:
    for each in kept:
        if each["name"] == name:
            return {member: words for member, words in cast("Told", each["filter"]).items() if words}
    raise OfficeError(f"没有名为 {name} 的视图；bidui audit views 列出全部", Exit.USAGE, "usage")


def _kind(*, person: bool, organisation: bool) -> str:
    if person and organisation:
        raise OfficeError("--person 与 --organisation 只能写一个", Exit.USAGE, "usage")
    return "person" if person else "organisation" if organisation else ""


def _tell(upto: int, entries: Sequence[int], places: Sequence[Place], *, check: bool, as_json: bool) -> None:
    shown = [f"{hour_text(each.hour)} {each.partner} {each.grant} {each.told}" for each in places[:SHOWN]]
    if as_json:
        say_json({"upto": upto, "checked": check, "entries": list(entries), "hours": shown})
        return
    say(f"索引至第 {upto} 条之前{'，已核对' if check else '，已重建'}")
    for index in entries:
        say(f"  第 {index} 条的索引与存证账不符")
    for each in shown:
        say(f"  每小时计数{'不符' if check else '已改正'}：{each}")


def _printable(text: str) -> str:
    """Nothing that a terminal would obey."""
    return "".join(each if each.isprintable() else "�" for each in text)
