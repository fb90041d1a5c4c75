"""`bidui witness cosign` and `verify`: what is done away from the gateway, on a machine without a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from adapters.witness_files import CosignedFiles
from audit.checkpoint import peek
from audit.errors import AuditError, NoteError, UnsignedError, WitnessError
from audit.report import Exit as Verdict
from audit.trust import parse_trust
from audit.witness import parse_request
from audit.witness_policy import Judged, judge, parse_policy
from ops.cli.console import Exit, HomeOption, JsonOption, PassphraseOption, fail, home_of, passphrase_of, say, say_json
from ops.cli.console import told as console_told
from ops.settings import open_clock
from ops.witness_side import make_witness

OutOption = Annotated[Path, typer.Option("--out", help="写入此文件")]
_REASONS = {
    400: "请求无法读取",
    403: "检查点没有受信公钥的有效签名：核对信任文件；对方换过密钥则先 bidui witness trust",
    404: "不认识这本存证账：先 bidui witness trust 对方的信任文件",
    422: "一致性证明不成立：新检查点不是上次所见证者的延续。不要见证，立即报告——可能是回退或分叉",
}


@contextmanager
def told() -> Iterator[None]:
    """As every command; a policy or request in a wrong form is a wrong use, not a broken log."""
    with console_told():
        try:
            yield
        except WitnessError as error:
            fail(str(error), Exit.USAGE)


def cosign(
    checkpoint: Annotated[Path, typer.Argument(help="bidui witness request 写出的请求；或检查点文件，另给 --proof")],
    out: OutOption,
    proof: Annotated[Path | None, typer.Option(help="一致性证明：一行 old 规模，其后每行一个哈希")] = None,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """在脱网的机器上核对并见证一个检查点；记住见证到哪里，此后只见证它的延续。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        witness = make_witness(place, passphrase)
        if witness is None:
            fail("本机没有见证密钥：先运行 bidui witness init", Exit.USAGE)
        body = _body(checkpoint, proof)
        reply = witness.add_checkpoint(body)
        if reply.status == 409:
            told_size = reply.body.decode().strip()
            fail(
                f"本机见证到 {told_size} 条，与请求不符：用 bidui witness request --old {told_size} 重写", Exit.REFUSED
            )
        if reply.status != 200:
            fail(f"{_REASONS[reply.status]}（{reply.cause}）", Exit.REFUSED)
        content = CosignedFiles(place.checkpoints).latest(peek(parse_request(body).checkpoint).origin) or b""
        out.write_bytes(content)
    size, origin = peek(content).size, peek(content).origin
    if as_json:
        say_json({"origin": origin, "size": size})
        return
    say(f"已见证 {origin} 的 {size} 条，写入 {out}；带回后运行 bidui witness add {out.name}")


def verify(
    checkpoint: Annotated[Path, typer.Argument(help="带见证签名的检查点，见 /v1/log/checkpoint?witnessed=true")],
    policy: Annotated[Path, typer.Option(help="见证策略（C2SP tlog-policy）")],
    trust: Annotated[Path | None, typer.Option(help="信任文件；策略中已有 log 行则不必")] = None,
    as_json: JsonOption = False,
) -> None:
    """离线核验一个检查点是否达到见证法定数。退出码：0 已证明 1 被篡改 2 证据不全 3 无法核验。"""
    try:
        content = checkpoint.read_bytes()
        rules, known = parse_policy(policy.read_bytes()), parse_trust(trust.read_bytes()) if trust else None
    except (OSError, AuditError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(Verdict.USAGE) from None
    try:
        size = peek(content).size
        log = known.verifiers("checkpoint", size) if known else []
        judged = judge(content, rules, log, open_clock().now())
        judged.require()
    except UnsignedError as error:
        _end(Verdict.INCOMPLETE, f"证据不全：{error}", None, as_json=as_json)
    except NoteError as error:
        _end(Verdict.TAMPERED, f"被篡改：{error}", None, as_json=as_json)
    _end(Verdict.PROVEN, f"已证明：{size} 条，见证方 {'、'.join(sorted(judged.times))}", judged, as_json=as_json)


def _end(verdict: Verdict, text: str, judged: Judged | None, *, as_json: bool) -> None:
    if as_json:
        witnesses = sorted(judged.times) if judged else []
        say_json({"verdict": verdict.name.lower(), "witnesses": witnesses, "detail": text})
    else:
        say(text)
    raise typer.Exit(verdict)


def _body(checkpoint: Path, proof: Path | None) -> bytes:
    """A whole request in one file; or checkpoint and proof in two."""
    if proof is None:
        return checkpoint.read_bytes()
    return proof.read_bytes().rstrip(b"\n") + b"\n\n" + checkpoint.read_bytes()
