"""`bidui seal`: the sealing process. It loads nothing of the doors, which it must never need."""

from __future__ import annotations

import os
import signal
import threading
from typing import Annotated

import typer

from adapters import logs
from adapters.keys.files import read_secret
from adapters.sealing.marks import Marks
from adapters.sealing.meter import Meter
from gateway.seal import SealingKey
from ops.cli.console import HomeOption, PassphraseOption, home_of, passphrase_of, told
from ops.foundation import read_home_foundation
from ops.seal import SealingDesk, listen, serve_forever
from ops.settings import SealSettings, load
from policies.catalogue import load_catalogue


def seal(
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", help="标准输入关闭时一并退出")] = False,
) -> None:
    """运行封存进程；网关一侧只有它持有封存密钥。"""
    logs.configure()
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        settings = load(place, "seal.toml", SealSettings)
        path = place.seal_socket(settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        desk = SealingDesk(
            key=SealingKey(read_secret(place.keys / "seal" / "sealing.secret", passphrase), settings.suite),
            catalogue=load_catalogue(),
            foundation=read_home_foundation(place),
            marks=Marks(path.parent / "marks.journal"),
            meter=Meter(path.parent / "meter.journal"),
            clock=place.clock,
            entropy=os.urandom,
        )
        server = listen(path)
        signal.signal(signal.SIGTERM, lambda *_: server.close())
        if with_parent:
            threading.Thread(target=_end_with_parent, daemon=True).start()
        serve_forever(server, desk)


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
