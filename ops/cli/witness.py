"""`bidui witness`: who witnesses our log, whom we witness, and cosignatures that are carried by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from adapters.checkpoints import FileCheckpoints
from adapters.metrics import Metrics
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.witness_files import CosignedFiles
from adapters.witness_home import check_policy
from adapters.witness_line import WitnessLine
from audit.checkpoint import peek
from audit.note import parse, parse_vkey
from audit.trust import Trust, TrustedKey, parse_trust
from audit.witness_policy import Member
from audit.witnessing import Grade
from ops.cli.audit import OwnExitCodes
from ops.cli.console import Exit, HomeOption, JsonOption, PassphraseOption, fail, home_of, passphrase_of, say, say_json
from ops.cli.witness_offline import OutOption, cosign, told, verify
from ops.cli.witness_stamps import check_stamp, stamp
from ops.log_keys import TRUST_FILE
from ops.settings import Home, ServeSettings, load
from ops.witness_record import WitnessRecord
from ops.witness_side import limits_of, make_record, read_policy, witness_home
from ops.witnessing import Witnessing

app = typer.Typer(help="见证：请他方见证本账、为他方见证、离线见证", no_args_is_help=True)

GRADES = {Grade.OK: "正常", Grade.SOFT: "告警", Grade.HARD: "停止答复"}


@app.callback()
def group() -> None:
    """见证"""


app.command("cosign")(cosign)
app.command("verify", cls=OwnExitCodes)(verify)
app.command("stamp")(stamp)
app.command("check-stamp")(check_stamp)


@app.command("init")
def init(
    name: Annotated[str, typer.Option(help="见证方名称，如 witness.renshe.example.gov.cn；启用后不得更改")],
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """生成本机的见证密钥，并给出公钥；脱网的机器也用此命令。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        vkeys = witness_home(place).make_keys(name, os.urandom, passphrase)
    if as_json:
        say_json({"name": name, "vkeys": vkeys})
        return
    say("见证密钥已生成。把下列公钥之一交给存证账的主管方，写入其 witness/policy（建议用后一个，抗量子）：")
    for each in vkeys:
        say(each)


@app.command("trust")
def trust(
    file: Annotated[Path | None, typer.Argument(help="对方的信任文件（对方网关的 GET /v1/log/trust）")] = None,
    vkey: Annotated[list[str] | None, typer.Option(help="或者逐个给出对方检查点的公钥，可重复；名称即账名")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """从此为一本存证账见证，或更新其公钥。请先经另一渠道核对公钥。"""
    place = home_of(home)
    with told():
        content = file.read_bytes() if file else _of_vkeys(vkey or []).encode()
        added = witness_home(place).trust(content)
        keys = [each.vkey for each in added.keys if each.purpose == "checkpoint"]
    if as_json:
        say_json({"origin": added.origin, "vkeys": keys})
        return
    say(f"已为 {added.origin} 见证；检查点公钥 {len(keys)} 个：")
    for each in keys:
        say(f"  {each[:100]}")


@app.command("policy")
def policy(
    file: Annotated[Path, typer.Argument(help="C2SP tlog-policy 文件")],
    home: HomeOption = None,
    check: Annotated[bool, typer.Option("--check", help="只检查，不启用")] = False,
) -> None:
    """检查见证策略并启用（重启 bidui serve 后生效）。"""
    with told():
        content = file.read_bytes()
        read = check_policy(content)
        if not check:
            folder = witness_home(home_of(home))
            folder.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            draft = folder.policy_file.with_suffix(".new")
            draft.write_bytes(content)
            draft.replace(folder.policy_file)
    say(
        f"见证方 {len(read.witnesses)} 个，法定数 {read.quorum!a}；"
        + ("未启用" if check else "重启 bidui serve 后生效")
    )
    if read.is_met([]):
        say("注意：quorum none 不要求任何见证，回退与分叉不会被发现")


@app.command("status")
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """见证情况：谁为本账见证到哪里，本机为谁见证。达到硬限或发现回退时退出码为 5。"""
    place = home_of(home)
    with told():
        ours = _ours(place)
        theirs = _theirs(place)
        own = witness_home(place).vkeys()
    if as_json:
        say_json({"log": ours, "witness": {"vkeys": own, "logs": theirs}})
    else:
        _say_ours(ours)
        say(f"本机{'是见证方 ' + parse_vkey(own[0]).name if own else '不为他方见证'}")
        for log in theirs:
            say(f"  {log['origin']}：{log['size']} 条" if log["size"] is not None else f"  {log['origin']}：尚未见证")
    raise typer.Exit(Exit.INTEGRITY if ours and ours["state"] == Grade.HARD else Exit.OK)


@app.command("request")
def request(
    out: OutOption,
    witness: Annotated[str, typer.Option(help="策略中该见证方的名称")],
    old: Annotated[int | None, typer.Option(min=0, help="它上次见证的规模；默认取本机所记")] = None,
    home: HomeOption = None,
) -> None:
    """写出请离线见证方见证的请求（检查点与一致性证明），带到它的机器上。"""
    with told(), _opened(home_of(home)) as record:
        member = _member(record, witness)
        content = record.best_for(member)
        if content is None:
            fail("尚无已签名的检查点：先启动 bidui serve")
        kept = record.cosigned(member)
        size = old if old is not None else (peek(kept).size if kept else 0)
        out.write_bytes(record.request(size, content).encode())
    say(f"已写出 {out}：从 {size} 条到 {peek(content).size} 条")
    say(f"带到 {witness} 的机器上运行 bidui witness cosign {out.name}")


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="带回的已见证检查点")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """收下带回的见证签名，核验后存入；运行中的网关随即计入。"""
    with told(), _opened(home_of(home)) as record:
        content = file.read_bytes()
        if record.accuse(content):
            fail("本网关签过这个检查点，而本账里没有：账被回退或分叉，网关停止答复。保留现场", Exit.INTEGRITY)
        judged = record.take(content, parse(content).signatures)
    if as_json:
        names = sorted(judged.times)
        say_json({"size": judged.checkpoint.size, "witnesses": names, "quorum": judged.since is not None})
        return
    say(f"{judged.checkpoint.size} 条的检查点现有见证：{'、'.join(sorted(judged.times))}")
    say("已达法定数" if judged.since else "尚未达到法定数")


@app.command("forget")
def forget(witness: Annotated[str, typer.Argument(help="策略中的名称")], home: HomeOption = None) -> None:
    """查明见证方自身回退的原因之后，忘掉它以前见证到哪里，重新信任它。"""
    with told(), _opened(home_of(home)) as record:
        record.kept.forget(_member(record, witness).vkey)
    say(f"已忘掉 {witness} 以前的见证；下一轮从它所报的规模接续")


def _of_vkeys(vkeys: Sequence[str]) -> Trust:
    names = {parse_vkey(each).name for each in vkeys}
    if len(names) != 1:
        fail("请给出信任文件，或同一本账的一个或几个 --vkey", Exit.USAGE)
    return Trust(names.pop(), tuple(TrustedKey(each, "checkpoint") for each in vkeys))


@contextmanager
def _opened(home: Home) -> Iterator[WitnessRecord]:
    """What witnesses said of this home's log. Needs no key."""
    settings, policy = load(home, "serve.toml", ServeSettings), read_policy(witness_home(home))
    if policy is None:
        fail("没有见证策略：先写好策略文件并运行 bidui witness policy，见 docs/witness.md", Exit.USAGE)
    trust = parse_trust((home.path / TRUST_FILE).read_bytes())
    reader = SqlLedgerReader.open(home.database_url(settings))
    try:
        yield make_record(
            home,
            settings,
            policy,
            log=lambda size: trust.verifiers("checkpoint", size),
            hashes=reader.hashes,
            latest=FileCheckpoints(home.checkpoints).latest,
            digest=trust.suite.digest,
        )
    finally:
        reader.close()


def _member(record: WitnessRecord, name: str) -> Member:
    found = next((each for each in record.policy.witnesses if each.name == name), None)
    return found or fail(f"策略中没有名为 {name} 的见证方", Exit.USAGE)


def _ours(home: Home) -> dict[str, object] | None:
    """How witnessing of our own log stands; None where there is none."""
    if not witness_home(home).policy_file.exists():
        return None
    with _opened(home) as record:
        limits, now = limits_of(load(home, "serve.toml", ServeSettings)), home.clock.now()
        standing = Witnessing(record=record, limits=limits, metrics=Metrics(), make_line=WitnessLine).state(now)
        covered, judged = record.covered(), record.quorum()
        return {
            "state": standing.grade.value,
            "cause": standing.detail,
            "signed": record.signed(),
            "witnessed": covered.size if judged else None,
            "since": covered.since.isoformat() if judged else None,
            "quorum": record.policy.quorum,
            "witnesses": {each.name: _size(record, each) for each in record.policy.witnesses},
        }


def _size(record: WitnessRecord, member: Member) -> int | None:
    kept = record.cosigned(member)
    return peek(kept).size if kept else None


def _theirs(home: Home) -> list[dict[str, object]]:
    kept = CosignedFiles(home.checkpoints)
    found = [(origin, kept.latest(origin)) for origin in witness_home(home).logs()]
    return [{"origin": origin, "size": peek(content).size if content else None} for origin, content in found]


def _say_ours(ours: dict[str, object] | None) -> None:
    if ours is None:
        say("本账没有见证策略：只有本单位之外存有检查点或回执，回退才瞒不过去")
        return
    say(f"本账见证：{GRADES[Grade(str(ours['state']))]}{'（' + str(ours['cause']) + '）' if ours['cause'] else ''}")
    since = f"，{ours['witnessed']} 条于 {ours['since']} 达到法定数" if ours["since"] else "，尚未达到过法定数"
    say(f"  已签 {ours['signed']} 条{since}")
    witnesses = ours["witnesses"]
    for name, size in witnesses.items() if isinstance(witnesses, dict) else ():
        say(f"  {name}：{'尚未见证' if size is None else f'{size} 条'}")
