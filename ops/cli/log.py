"""`bidui log`: the care of the log on its own machine: its keys, its archives, what goes after its time.

Everything here needs a deed that two people signed; `bidui deed` draws it up from what these commands print.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from audit.note import parse_vkey
from audit.rotation import CHECKPOINT
from ops.cli.console import HomeOption, JsonOption, PassphraseOption, home_of, passphrase_of, say, say_json, told
from ops.office import open_office
from ops.retention import Retention
from ops.rolling import roll as roll_log
from ops.rolling import rollover_content
from ops.rotation import MAKES, Change, Rotation, make_key, read_trust, waiting
from ops.settings import Home

app = typer.Typer(help="存证账的密钥、归档与保存期", no_args_is_help=True)
key = typer.Typer(help="存证账的签名密钥：新建、启用、停用", no_args_is_help=True)
app.add_typer(key, name="key")

PurposeOption = Annotated[str, typer.Option("--purpose", help="checkpoint（检查点）或 receipt（回执）")]
MakeOption = Annotated[str, typer.Option("--make", help="ed25519 或 ml-dsa-44")]
AtOnceOption = Annotated[bool, typer.Option("--at-once", help="不等满 24 小时；密钥泄露时用")]
_PURPOSE_ZH = {"checkpoint": "检查点", "receipt": "回执"}
_MAKE_ZH = {int(make): name for name, make in MAKES.items()}


@app.callback()
def group() -> None:
    """存证账的密钥、归档与保存期"""


@key.callback()
def keys() -> None:
    """存证账的签名密钥：新建、启用、停用"""


@app.command("show")
def show(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """存证账从第几条起完整，哪些条目已满保存期。"""
    place = home_of(home)
    with told(), _retention(place) as retention:
        found = retention.outlook()
    if as_json:
        say_json({"origin": read_trust(place).origin, **found._asdict()})
        return
    say(f"{read_trust(place).origin}：共 {found.size} 条，第 {found.floor} 条起完整")
    say(f"保存期 {found.months} 个月：第 {found.before} 条之前可以归档")


@app.command("archive")
def archive(
    folder: Annotated[Path, typer.Argument(help="归档文件写入的目录")],
    before: Annotated[int | None, typer.Option("--before", help="归档到第几条之前，256 的倍数")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """把已满保存期的条目写成归档文件；同一范围总是同一文件。不删除任何东西。"""
    with told(), _retention(home_of(home)) as retention:
        done = retention.archive(folder, before)
    if as_json:
        say_json({"file": str(done.path), "first": done.first, "before": done.before, "archive": done.sha256})
        return
    say(f"已归档第 {done.first} 至 {done.before - 1} 条：{done.path}")
    say("请把归档文件另存两处，再由系统管理员起草、审计管理员批准 retention 文书，内容为：")
    say(f'  {{"before": {done.before}, "archive": "{done.sha256}"}}')


@app.command("prune")
def prune(
    archive: Annotated[Path, typer.Argument(help="生效的 retention 文书所列的归档文件")],
    vacuum: Annotated[bool, typer.Option("--vacuum", help="随后整理数据库，归还磁盘空间；其间网关等待")] = False,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """依生效的 retention 文书清除旧条目的正文；先记入账中并等待签名，哈希保留，旧证明仍然有效。"""
    with told(), _retention(home_of(home), passphrase_file) as retention:
        done = retention.prune(archive)
        if vacuum:
            retention.reclaim()
    if as_json:
        say_json(done._asdict())
        return
    say(f"第 {done.before} 条之前已清除 {done.deleted} 条正文，记于第 {done.entry} 条")


@app.command("successor")
def successor(
    origin: Annotated[str, typer.Argument(help="后继存证账的名称，如 …/audit/2026-2")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """换册文书的内容：后继存证账的名称，和现用各密钥在此名称下的公钥。不改动任何东西。"""
    with told():
        content = rollover_content(home_of(home), origin)
    if as_json:
        say_json(content)
        return
    say("请由系统管理员起草、审计管理员批准 rollover 文书，内容为：")
    say(f"  {json.dumps(content, ensure_ascii=False)}")
    say("文书生效后停 serve，运行 bidui log roll")


@app.command("roll")
def roll(
    origin: Annotated[str, typer.Argument(help="有几份换册文书生效时，后继存证账的名称")] = "",
    at_once: Annotated[bool, typer.Option("--at-once", help="今日已有比对也换册；今日对账单不含它们")] = False,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """依生效的 rollover 文书关闭存证账并启用后继。须先停 serve；中断后再次运行即可。额度照旧。"""
    with told():
        done = roll_log(home_of(home), origin, passphrase_of(passphrase_file), at_once=at_once)
    if as_json:
        say_json(done._asdict())
        return
    say(f"已关闭 {done.closed}（{done.entries} 条，在 closed/ 中，请保留），{done.origin} 已启用")
    say("启动 serve；把新的 trust.json 交给核验人，见证方改认新名称")


@key.command("new")
def new(
    purpose: PurposeOption,
    make: MakeOption = "ed25519",
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """新建一把密钥；启用之前不签任何东西。"""
    if make not in MAKES:
        raise typer.BadParameter("--make 须为 ed25519 或 ml-dsa-44")
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        vkey = make_key(place, purpose, MAKES[make], passphrase, os.urandom)
    if as_json:
        say_json({"purpose": purpose, "vkey": vkey})
        return
    say(f"已新建，编号 {_id(vkey)}。请先备份 keys/serve，再由系统管理员起草、审计管理员批准 log_key 文书，内容为：")
    say(f'  {{"purpose": "{purpose}", "vkey": "{vkey}"}}')
    say("文书生效后运行 bidui log key switch")


@key.command("list")
def list_keys(home: HomeOption = None, passphrase_file: PassphraseOption = None, as_json: JsonOption = False) -> None:
    """各密钥签名的范围：检查点按树的大小，回执按序号。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        trust, made = read_trust(place), list(waiting(place, passphrase))
    if as_json:
        listed = [{"purpose": k.purpose, "vkey": k.vkey, "first": k.first, "until": k.until} for k in trust.keys]
        say_json({"keys": listed, "waiting": [{"purpose": purpose, "vkey": vkey} for purpose, vkey in made]})
        return
    for each in trust.keys:
        until = "" if each.until is None else f" 至 {each.until}（已停用）"
        say(f"{_PURPOSE_ZH[each.purpose]} {_id(each.vkey)} {_make(each.vkey)} 自 {each.first}{until}")
    for purpose, vkey in made:
        say(f"{_PURPOSE_ZH[purpose]} {_id(vkey)} {_make(vkey)} 尚未启用")


@key.command("switch")
def switch(home: HomeOption = None, passphrase_file: PassphraseOption = None, as_json: JsonOption = False) -> None:
    """启用文书所列的新密钥：自此新旧密钥一同签署。网关在一秒内换用，至迟在重启时。"""
    with told(), _rotation(home_of(home), passphrase_file) as rotation:
        done = rotation.switch()
    _tell(done, "已启用", as_json=as_json)
    if not as_json:
        say("请把新的 trust.json 交给核验人；多个节点须各有新密钥和 trust.json。满 24 小时后运行 bidui log key end")


@key.command("end")
def end(
    at_once: AtOnceOption = False,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """停用已被替换的旧密钥并销毁其私钥。旧检查点和旧回执仍可核验。"""
    with told(), _rotation(home_of(home), passphrase_file) as rotation:
        done = rotation.end(at_once=at_once)
    _tell(done, "已停用并销毁", as_json=as_json)
    if not as_json:
        say("请把新的 trust.json 交给核验人；备份中的旧私钥也须销毁")


@contextmanager
def _retention(home: Home, passphrase_file: Path | None = None) -> Iterator[Retention]:
    office = open_office(home, passphrase_of(passphrase_file))
    with closing(office.store):
        yield Retention(home, office)


@contextmanager
def _rotation(home: Home, passphrase_file: Path | None) -> Iterator[Rotation]:
    passphrase = passphrase_of(passphrase_file)
    office = open_office(home, passphrase)
    with closing(office.store):
        yield Rotation(home, office, passphrase)


def _tell(done: Sequence[Change], what: str, *, as_json: bool) -> None:
    if as_json:
        say_json({"keys": [{"purpose": each.purpose, "vkey": each.vkey, "at": each.at} for each in done]})
        return
    for each in done:
        counted = "树的大小" if each.purpose == CHECKPOINT else "序号"
        say(f"{what}：{_PURPOSE_ZH[each.purpose]} {_id(each.vkey)}，{counted}自 {each.at} 起")


def _id(vkey: str) -> str:
    return parse_vkey(vkey).key_id.hex()


def _make(vkey: str) -> str:
    return _MAKE_ZH.get(parse_vkey(vkey).algorithm, "?")
