"""`bidui decoys`: the two custodians' keys, and the list that they open together. In the source zone, beside sync."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.index.directory import pointer, read_current
from adapters.keys.boxes import BoxError, fingerprint
from adapters.keys.files import read_ed25519_public, read_x25519, write_new
from adapters.keys.making import make_decoy_key
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
from ops.settings import Home, Mode, load
from ops.sync import SyncError, SyncSettings
from ops.sync.decoys.custody import Opening, make_custodian, names_of, open_together, openings
from ops.sync.decoys.keeping import lists
from ops.sync.decoys.wanted import wanted
from ops.sync.state import State

app = typer.Typer(help="诱饵：保管人的密钥，两人一同打开名单", no_args_is_help=True)


@app.callback()
def group() -> None:
    """诱饵"""


@app.command("key")
def key(
    name: Annotated[str, typer.Argument(help="保管人的名字，小写字母、数字与连字符")],
    out: Annotated[Path, typer.Option(help="私钥写到何处：保管人自己的介质")],
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """为一位保管人造密钥：私钥归其本人，公钥放入 keys/custodians。须有两位，诱饵才会启用。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    if passphrase is None and place.mode is Mode.PRODUCTION:
        fail("私钥须加口令：请给出 --passphrase-file", Exit.USAGE)
    if out.absolute().is_relative_to(place.path) and place.mode is Mode.PRODUCTION:
        fail("私钥不得留在本机的安装目录：请写到保管人自己的介质", Exit.USAGE)
    with told():
        made = make_custodian(place.keys, name, out, passphrase, secrets.token_bytes)
    say(f"已写入 {out}；公钥指纹 {fingerprint(made.public_key())}。两位都有密钥后运行 bidui sync --full")


@app.command("serve-key")
def serve_key(home: HomeOption = None, passphrase_file: PassphraseOption = None) -> None:
    """补造网关辨认诱饵的密钥（早先安装的才需要），在网关主机上运行。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        make_decoy_key(place.path, passphrase=passphrase)
    say("已写入 keys/serve/decoys.pem 与 keys/decoys.pub；把后者复制给同步主机，再运行 bidui sync --full")


@app.command("open")
def open_list(
    keys: Annotated[list[Path], typer.Option("--key", help="两位保管人的私钥，给两次")],
    reason: Annotated[str, typer.Option(help="为何打开，记录在案")],
    out: Annotated[Path | None, typer.Option(help="写到此文件，仅属主可读；默认显示在屏幕")] = None,
    passphrase_files: Annotated[
        list[Path] | None, typer.Option("--passphrase-file", help="两份私钥的口令文件，次序同 --key")
    ] = None,
    name: Annotated[str | None, typer.Option("--list", help="名单名称，默认现用的一份")] = None,
    home: HomeOption = None,
) -> None:
    """两位保管人一同打开诱饵名单；何人何时因何打开，先记录后显示。"""
    place = home_of(home)
    if len(keys) != 2:
        fail("须两位保管人一同打开：--key 给两次，各为一位的私钥", Exit.USAGE)
    if not reason.strip():
        fail("须写明为何打开：--reason", Exit.USAGE)
    if passphrase_files and len(passphrase_files) != 2:
        fail("--passphrase-file 给两次，次序同 --key；都没有口令则不给", Exit.USAGE)
    with told():
        opened = _read_keys(keys, passphrase_files or [None, None])
        text = "\n".join(_opened(place, name, opened, reason)) + "\n"
        if out is not None:
            write_new(out, text.encode())
    say(f"已写入 {out}，用毕销毁" if out is not None else text.rstrip())


@app.command("status")
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """诱饵是否启用、保管人是谁、有哪些名单、何时被打开过；不说有多少、是谁。"""
    place = home_of(home)
    with told():
        known = _status(place)
    if as_json:
        say_json(msgspec.structs.asdict(known) | {"openings": [msgspec.to_builtins(each) for each in known.openings]})
    else:
        say("\n".join(_lines(known)))


class _Status(msgspec.Struct, frozen=True):
    """How decoys stand here. `missing` says what to do before there can be some."""

    in_index: bool
    missing: str
    custodians: dict[str, str]
    list_in_force: str | None
    lists: list[str]
    openings: list[Opening]


def _status(home: Home) -> _Status:
    try:
        found = wanted(load(home, "sync.toml", SyncSettings), home.keys)
    except SyncError as error:
        fail(str(error), Exit.USAGE)
    return _Status(
        _is_in_index(home),
        found if isinstance(found, str) else "",
        names_of(home.keys),
        _in_force(home),
        lists(home.path / "data" / "sync"),
        list(openings(home.path / "data" / "reports")),
    )


def _lines(known: _Status) -> Iterator[str]:
    yield f"现用索引：{'含诱饵' if known.in_index else '不含诱饵'}"
    if known.missing:
        yield known.missing
    for mark, name in known.custodians.items():
        yield f"保管人 {name}：公钥指纹 {mark}"
    for name in known.lists:
        yield f"名单 {name}{'，现用' if name == known.list_in_force else ''}"
    for each in known.openings:
        names = "、".join(known.custodians.get(one, one) for one in each.custodians)
        yield f"{each.at:%Y-%m-%d %H:%M} UTC {names} 打开了 {each.list}：{each.reason}"


def _in_force(home: Home) -> str | None:
    """The list of the decoys that the last sync sealed: one of a sync that failed afterwards is not it."""
    path = home.path / "data" / "sync" / "subjects.sqlite"
    if not path.exists():
        return None
    with closing(State(path)) as state:
        return state.decoy_list()


def _is_in_index(home: Home) -> bool:
    if pointer(home.index) is None:
        return False
    return read_current(home.index, read_ed25519_public(home.keys / "sync.pub")).manifest.decoys is not None


def _read_keys(keys: Sequence[Path], passphrases: Sequence[Path | None]) -> list[X25519PrivateKey]:
    return [read_x25519(key, passphrase_of(file)) for key, file in zip(keys, passphrases, strict=True)]


def _opened(home: Home, name: str | None, keys: Sequence[X25519PrivateKey], reason: str) -> tuple[str, ...]:
    wanted_list = name or _in_force(home)
    if wanted_list is None:
        fail("现无诱饵，也就没有现用的名单；以 bidui decoys status 查看，旧名单用 --list 指明")
    folder, reports = home.path / "data" / "sync", home.path / "data" / "reports"
    try:
        opening = open_together(folder, reports, wanted_list, keys, reason=reason, at=home.clock.now())
    except BoxError as error:
        fail(f"这两份私钥打不开这份名单：{error}", Exit.REFUSED)
    return opening.numbers
