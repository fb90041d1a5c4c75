"""`bidui sync`: from the register to the sealed index. Its own process, with settings of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from adapters import logs
from adapters.keys.ring import sync_keys
from adapters.sources.source import SourceError
from ops.cli.console import HomeOption, JsonOption, PassphraseOption, fail, home_of, passphrase_of, say, told
from ops.settings import load
from ops.sync import SyncError, SyncSettings, run
from policies.catalogue import load_catalogue


def sync(
    full: Annotated[bool, typer.Option("--full", help="全量重建，换用新的代次")] = False,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """读取数据源，封存并发布索引；只有本进程接触明文。"""
    logs.configure()
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        try:
            report = run(
                load(place, "sync.toml", SyncSettings),
                place,
                sync_keys(place.path, passphrase),
                load_catalogue(),
                full=full,
            )
        except (SyncError, SourceError) as error:
            fail(f"同步未完成，原索引照常使用：{error}")
    say(report.json().decode() if as_json else report.text())
