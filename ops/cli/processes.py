"""Commands that make an installation and run it: init, migrate, serve."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from adapters import logs
from gateway.domain.people import DUTY_ZH
from ops import installing
from ops.answers import ask_answers, read_answers
from ops.cli.console import HomeOption, JsonOption, PassphraseOption, home_of, passphrase_of, say, say_json, told
from ops.office import open_office
from ops.people import NobodyYet, invite_founders, open_desk
from ops.sealing_child import SealingChild
from ops.serve import run
from ops.settings import SuiteName
from ops.wiring import wire

AnswersOption = Annotated[Path | None, typer.Option("--answers", help="应答文件（TOML），无人值守安装用")]


def init(
    answers: AnswersOption = None,
    home: HomeOption = None,
    suite: Annotated[SuiteName | None, typer.Option("--suite", help="密码套件：intl 或 gm（SM2、SM3、SM4）")] = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """新建安装：目录、设置、密钥、控制库、三名管理员与存证账首条记录。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        given = read_answers(answers) if answers else ask_answers(typer.prompt)
        people = given.people()
        codes = installing.init(
            place,
            origin=given.origin,
            issuer=given.issuer,
            administrators=people,
            suite=suite or given.suite,
            port=given.port,
            metrics_port=given.metrics_port,
            certificate_optional=True,
            passphrase=passphrase,
        )
        installing.migrate(place, passphrase)
        with closing(open_desk(place, open_office(place, passphrase), NobodyYet(), passphrase)) as desk:
            invite_founders(desk, people, codes)
    if as_json:
        say_json({"home": str(place.path), "origin": given.origin, "codes": codes})
        return
    say(f"已建立 {place.path}。以下激活码各用一次，请分别当面交给本人，本机不留存：")
    for duty, each in people.items():
        say(f"  {DUTY_ZH[duty]}  {each.id}  {codes[each.id]}")
    say("下一步：运行 bidui serve，由三名管理员各自 bidui enrol；三人到齐之前不能办理任何事项。见 docs/office.md")


def migrate(home: HomeOption = None, passphrase_file: PassphraseOption = None, as_json: JsonOption = False) -> None:
    """建立控制库缺少的表，并在首次运行时开启存证账。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        opened = installing.migrate(place, passphrase)
    say_json({"log_opened": opened}) if as_json else say("控制库已就绪" + ("，存证账已开启" if opened else ""))


def serve(home: HomeOption = None, passphrase_file: PassphraseOption = None) -> None:
    """运行网关。"""
    logs.configure()
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        child = SealingChild(place, passphrase_file)
        runner.run(run(wire(place, passphrase), child, lambda port: say(f"网关已启动，端口 {port}")))
