"""`bidui sync`: from the register to the sealed index. Its own process, with settings of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from adapters import logs
from adapters.keys.ring import sync_keys
from adapters.sources.source import SourceError
from ops.cli.console import Exit, HomeOption, JsonOption, PassphraseOption, fail, home_of, passphrase_of, say, told
from ops.settings import load
from ops.sync import LoadReport, SyncError, SyncSettings, listen, push, run
from policies.catalogue import load_catalogue


def sync(
    full: Annotated[bool, typer.Option("--full", help="全量重建，换用新的代次")] = False,
    push_file: Annotated[
        Path | None, typer.Option("--push", help="处理推送的变动：每行一个 JSON 对象，列名同映射文件")
    ] = None,
    kind: Annotated[str, typer.Option(help="推送变动的对象类别：person 或 organisation")] = "person",
    listening: Annotated[bool, typer.Option("--listen", help="在本机端口接收推送的变动，直至中断")] = False,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """读取数据源，封存并发布索引；只有本进程接触明文。"""
    logs.configure()
    if full + listening + (push_file is not None) > 1:
        fail("--full、--push、--listen 只能选一个", Exit.USAGE)
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told(), _source_told():
        settings, keys, catalogue = (
            load(place, "sync.toml", SyncSettings),
            sync_keys(place.path, passphrase),
            load_catalogue(),
        )
        if listening:
            with listen(settings, place, keys, catalogue) as server, suppress(KeyboardInterrupt):
                say(f"正在端口 {server.server_port} 接收变动")
                server.serve_forever()
        elif push_file is not None:
            with push_file.open("rb") as lines:
                _show(push(settings, place, keys, catalogue, kind=kind, lines=lines), as_json=as_json)
        else:
            _show(run(settings, place, keys, catalogue, full=full), as_json=as_json)


def _show(report: LoadReport, *, as_json: bool) -> None:
    say(report.json().decode() if as_json else report.text())


@contextmanager
def _source_told() -> Iterator[None]:
    try:
        yield
    except (SyncError, SourceError) as error:
        fail(f"同步未完成，原索引照常使用：{error}")
