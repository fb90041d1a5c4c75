"""`bidui audit`: checking the log, offline and trusting nothing but the trust file. It has exit codes of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import replace
from typer.core import TyperCommand

from adapters.checkpoints import FileCheckpoints
from adapters.keys.files import KeyFileError
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.checkpoint import peek
from audit.disclosure import DisclosureKeys
from audit.erased import Erased
from audit.errors import AuditError
from audit.fsck import fsck
from audit.report import Exit, Report
from audit.rollover import Link
from audit.trust import Trust, parse_trust
from audit.verify import verify_log
from audit.verify_receipt import verify_receipt
from gateway.domain.errors import GatewayError
from ops.chain import link_of, verify_closed
from ops.cli import access, entries, trail
from ops.cli.console import HomeOption, JsonOption, PassphraseOption, passphrase_of, say, say_json
from ops.cli.erase import erase, point, reveal
from ops.cli.evidence import bundle as take_bundle
from ops.cli.evidence import export as write_export
from ops.cli.evidence import verifier, verify_file
from ops.cli.ledger import doctor as examine_log
from ops.cli.ledger import rebuild, state, unseal
from ops.log_keys import TRUST_FILE, disclosure_keys
from ops.pieces import pieces_of
from ops.settings import Home, ServeSettings, SettingsError, load, open_clock, open_home

app = typer.Typer(help="存证账", no_args_is_help=True)
app.command()(state)
app.command()(unseal)
app.command("doctor")(examine_log)
app.command()(rebuild)

CONSOLE_USAGE = 2
SHOWN_RUNS = 20
_VERDICTS = {
    Exit.PROVEN: "已证明完整",
    Exit.TAMPERED: "已被篡改",
    Exit.INCOMPLETE: "证据不全",
    Exit.USAGE: "无法核验",
}


@app.callback()
def group() -> None:
    """存证账"""


class OwnExitCodes(TyperCommand):
    """A command line that cannot be read is 3 here: 2 says that evidence is missing."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        try:
            return super().make_context(info_name, args, *rest, **extra)
        except Exception as error:
            # What typer raises carries the exit code it will end with; its class is no public name.
            if getattr(error, "exit_code", None) == CONSOLE_USAGE:
                vars(error)["exit_code"] = Exit.USAGE
            raise


@app.command("verify", cls=OwnExitCodes)
def verify(
    receipt: Annotated[Path | None, typer.Option(help="回执 JSON 文件；不给则核验整本存证账")] = None,
    proof: Annotated[Path | None, typer.Option(help="tlog-proof 文件，见 /v1/log/proofs/inclusion")] = None,
    request: Annotated[Path | None, typer.Option(help="当时发出的请求体，用以打开请求摘要")] = None,
    response: Annotated[Path | None, typer.Option(help="当时的答复（不含回执），用以打开答复摘要")] = None,
    trust: Annotated[Path | None, typer.Option(help="信任文件；默认取安装目录中的 trust.json")] = None,
    checkpoint: Annotated[list[Path] | None, typer.Option(help="另存的检查点文件，可重复；用于发现回退与分叉")] = None,
    export: Annotated[Path | None, typer.Option(help="存证账导出文件，见 bidui audit export")] = None,
    bundle: Annotated[Path | None, typer.Option(help="证据包，见 bidui audit bundle；须另给 --trust")] = None,
    policy: Annotated[Path | None, typer.Option(help="见证策略文件（tlog-policy），用于导出文件和证据包")] = None,
    disclosures: Annotated[bool, typer.Option("--disclosures", help="同时打开并核对加密披露项")] = False,
    closed: Annotated[str | None, typer.Option(help="已关闭的存证账的名称，在 closed/ 中；并核验前后衔接")] = None,
    signed: Annotated[bool, typer.Option("--signed", help="只核验到最后一个检查点；网关仍在运行时用")] = False,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """离线核验整本存证账、一张回执、一份导出文件或证据包。退出码：0 已证明 1 被篡改 2 证据不全 3 用法有误。"""
    link: Link | None = None
    try:
        if export is not None or bundle is not None:
            outside = [path.read_bytes() for path in checkpoint or ()]
            report = verify_file(
                export or bundle or Path(),
                is_bundle=export is None,
                trust=trust,
                checkpoints=outside,
                policy=policy,
                now=open_clock().now(),
            )
        elif receipt is not None:
            trusted = _trust(trust or open_home(home).path / TRUST_FILE)
            parts = [None if part is None else part.read_bytes() for part in (proof, request, response)]
            report = verify_receipt(receipt.read_bytes(), trusted, proof=parts[0], request=parts[1], response=parts[2])
        else:
            place = open_home(home)
            outside = [path.read_bytes() for path in checkpoint or ()]
            keys = disclosure_keys(place, passphrase_of(passphrase_file)) if disclosures else None
            if closed is not None:
                report = verify_closed(place, closed, outside, keys)
            else:
                trusted = _trust(trust or place.path / TRUST_FILE)
                report, link = _verify_home(place, trusted, outside, keys=keys, only_signed=signed)
    except (OSError, AuditError, SettingsError, GatewayError, KeyFileError) as error:
        typer.echo(f"{_VERDICTS[Exit.USAGE]}：{error}", err=True)
        raise typer.Exit(Exit.USAGE) from None
    _tell(report, link, as_json=as_json)
    raise typer.Exit(report.verdict)


@app.command("fsck", cls=OwnExitCodes)
def check_bytes(
    checkpoint: Annotated[list[Path] | None, typer.Option(help="另存的检查点文件，可重复；用于发现回退与分叉")] = None,
    trust: Annotated[Path | None, typer.Option(help="信任文件；默认取安装目录中的 trust.json")] = None,
    signed: Annotated[bool, typer.Option("--signed", help="只查到最后一个检查点；网关仍在运行时用")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """快速检查所存字节是否仍在已签名的检查点之下，宜每夜运行；不读条目内容，完整核验用 verify。退出码同 verify。"""
    try:
        place = open_home(home)
        trusted = _trust(trust or place.path / TRUST_FILE)
        checkpoints, upto = _known(place, [path.read_bytes() for path in checkpoint or ()], only_signed=signed)
        url = place.database_url(load(place, "serve.toml", ServeSettings))
        with closing(SqlLedgerReader.open(url)) as reader:
            report = fsck(reader, checkpoints, trusted, upto=upto, read=pieces_of(url, trusted.suite.name))
    except (OSError, AuditError, SettingsError, GatewayError) as error:
        typer.echo(f"{_VERDICTS[Exit.USAGE]}：{error}", err=True)
        raise typer.Exit(Exit.USAGE) from None
    _tell(report, None, as_json=as_json, proven="所存字节与签名相符")
    raise typer.Exit(report.verdict)


app.command("bundle")(take_bundle)
app.command("export")(write_export)
app.command("verifier")(verifier)
app.command("point")(point)
app.command("erase")(erase)
app.command("reveal")(reveal)
for look in (trail.search, trail.hours, trail.views, trail.reindex, entries.entry, entries.proof):
    app.command()(look)
app.command()(access.about)
app.command()(access.sealed)


def _verify_home(
    home: Home, trust: Trust, outside: Sequence[bytes], *, keys: DisclosureKeys | None, only_signed: bool
) -> tuple[Report, Link | None]:
    settings = load(home, "serve.toml", ServeSettings)
    checkpoints, upto = _known(home, outside, only_signed=only_signed)
    with closing(SqlLedgerReader.open(home.database_url(settings))) as reader:
        report = verify_log(reader, checkpoints, trust, keys=keys, upto=upto)
        link = link_of(home, reader, trust.origin)
    return replace(report, problems=(*report.problems, *(link.problems if link else ()))), link


def _known(home: Home, outside: Sequence[bytes], *, only_signed: bool) -> tuple[list[bytes], int | None]:
    """All checkpoints, and up to which entry to look."""
    checkpoints = [*FileCheckpoints(home.checkpoints).history(), *outside]
    upto = max((peek(each).size for each in checkpoints), default=None) if only_signed else None
    return checkpoints, upto


def _trust(path: Path) -> Trust:
    return parse_trust(path.read_bytes())


def _tell(report: Report, link: Link | None, *, as_json: bool, proven: str = _VERDICTS[Exit.PROVEN]) -> None:
    if as_json:
        say_json(
            {
                "verdict": report.verdict.name.lower(),
                "entries": report.size,
                "checkpoints": report.checkpoints,
                "first_bad": report.first_bad,
                "erased": [
                    {"by": each.by, "names": list(each.names), "ranges": [list(run) for run in each.ranges]}
                    for each in report.erased
                ],
                "previous": _link(link) if link else None,
                "problems": [{"cause": each.cause, "index": each.index} for each in report.problems],
            }
        )
        return
    verdict = proven if report.verdict is Exit.PROVEN else _VERDICTS[report.verdict]
    say(f"{verdict}：{report.size} 条记录，{report.checkpoints} 个检查点")
    if link:
        how = (
            "其后条目有缺失，见第 1 条" if link.is_lost else "已核对" if link.is_checked else "不在 closed/ 中，未核对"
        )
        say(f"  前一本账：{link.previous.origin}，{link.previous.size} 条（{how}）")
    for erased in report.erased:
        say(f"  {erased.count} 条记录的 {'、'.join(erased.names)} 已由第 {erased.by} 条删除：{_runs(erased)}")
    for each in report.problems:
        say(f"  {'' if each.index is None else f'第 {each.index} 条：'}{each.cause}")


def _link(link: Link) -> dict[str, object]:
    previous = link.previous
    return {"origin": previous.origin, "entries": previous.size, "checked": link.is_checked, "lost": link.is_lost}


def _runs(erased: Erased) -> str:
    shown = "、".join(str(a) if a == b else f"{a}–{b}" for a, b in erased.ranges[:SHOWN_RUNS])
    return f"{shown} 等" if len(erased.ranges) > SHOWN_RUNS else shown
