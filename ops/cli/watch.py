"""`bidui watch`: what watches over use, on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, cast
from urllib.parse import urlencode

import typer

from gateway.domain.errors import UnavailableError
from gateway.domain.incident import HABITS
from gateway.watch.notice import Notifier, trial
from gateway.watch.ocsf import Notice
from ops.channels import open_channels, product
from ops.cli.console import Exit, HomeOption, JsonOption, fail, home_of, say, say_json, told
from ops.cli.office.client import Told, at_office, rows
from ops.cli.office.freezing import INCIDENTS, STOPS
from ops.cli.office.options import SessionOption
from ops.cli.office.stopping import stop_lines
from ops.cli.spot_checks import judge, spot_check, spot_checks
from ops.settings import ServeSettings, load

_NOTHING_LAID: Final = frozenset({"record", "throttle", "step_up"})

app = typer.Typer(help="监测：事件、告警通道", no_args_is_help=True)


@app.callback()
def group() -> None:
    """监测"""


app.command("spot-checks")(spot_checks)
app.command("spot-check")(spot_check)
app.command("judge")(judge)


@app.command("notify-test")
def notify_test(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """向 serve.toml 中 notify 所设各通道各试送一条告警，并说明结果；有一路未送达即退出码 1。"""
    place = home_of(home)
    with told():
        settings = load(place, "serve.toml", ServeSettings)
        channels = open_channels(place, settings)
        made = trial(place.clock.now(), product=product(settings))
    if not channels:
        fail("未设任何告警通道：在 serve.toml 写 [notify.webhook]、[notify.syslog] 或 [notify.mail]", Exit.USAGE)
    causes = {name: _tried(notifier, made) for name, notifier in channels.items()}
    if as_json:
        say_json({name: {"sent": not cause, "cause": cause} for name, cause in causes.items()})
    else:
        for name, cause in causes.items():
            say(f"{name}：未送达（{cause}）" if cause else f"{name}：已送达")
    if any(causes.values()):
        raise typer.Exit(Exit.FAILED)


def _tried(notifier: Notifier, made: Notice) -> str:
    """Why it did not arrive; nothing when it did."""
    try:
        notifier.send(made)
    except UnavailableError as error:
        return str(error)
    return ""


@app.command("incidents")
def incidents(
    partner: Annotated[str | None, typer.Option(help="只看这一部门")] = None,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """监测发现的事件，新的在前：哪个探测项、看到多少、预期多少、如何解除。"""
    with at_office(session, as_json=as_json) as client:
        told_of = client.get(INCIDENTS if partner is None else f"{INCIDENTS}?{urlencode({'partner': partner})}")
    if as_json:
        say_json(told_of)
        return
    found = rows(told_of, "incidents")
    say("\n".join(line for each in found for line in incident_lines(each)) or "没有事件")


@app.command("status")
def status(session: SessionOption = None, as_json: JsonOption = False) -> None:
    """监测现在扣留、冻结了什么：自何时起、哪个事件、如何解除。合作部门人员只见本部门的。"""
    with at_office(session, as_json=as_json) as client:
        told_of = client.get(STOPS)
        lines = [line for each in rows(told_of, "stops") for line in stop_lines(each)]
    say_json(told_of) if as_json else say("\n".join(lines) or "监测没有扣留或冻结什么")


def incident_lines(each: Told) -> Iterator[str]:
    """An incident: what was seen, how often, and what would release it, if anything would."""
    about = f"签批单 {each['grant']}" if each["grant"] else "部门"
    yield f"{each['incident']}  {each['opened']}  {each['partner']}  {about}  {each['response']}  {each['state_zh']}"
    times = f"共 {each['count']} 次，最近 {each['last']}" if each["count"] != 1 else "1 次"
    yield f"  {each['detector_zh']}（{each['detector']}）：{each['seen_zh']}，{times}"
    yield from _besides(each)
    if each["state"] in {"open", "escalated"}:
        command = f"：bidui release grant.{each['grant']}" if each["response"] not in _NOTHING_LAID else ""
        if each["response"] == "step_up" and each["detector"] in HABITS:
            command = f"：bidui release grant.{each['grant']} --incident {each['incident']} --except-until …"
        yield f"  {each['release_zh']}{command}"


def _besides(each: Told) -> Iterator[str]:
    """Who else contributed, what was left of the budgets, and an exception."""
    others, left, exception = each["others"], each["left"], each["exception"]
    if isinstance(others, list) and others:
        yield f"  另涉签批单：{'、'.join(cast('list[str]', others))}"
    if isinstance(left, dict) and left:
        names = cast("dict[str, str]", each["left_zh"])
        yield f"  剩余额度：{'，'.join(f'{names[name]} {count}' for name, count in cast('Told', left).items())}"
    if isinstance(exception, dict):
        told_of = cast("Told", exception)
        most = "不计" if told_of["most"] is None else f"至 {told_of['most']} 为止不计"
        yield f"  例外：{told_of['detector']} {most}，到 {told_of['until']} 为止"
