"""`bidui audit bundle`, `export`, `verifier`: evidence taken out of the ledger, and what verifies it without us."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from io import BufferedRandom
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from adapters.checkpoints import FileCheckpoints
from adapters.keys.files import write_new
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.errors import ArchiveError
from audit.export import Extent, extent_of, write_export
from audit.report import Exit, Problem, Report
from audit.standalone import verdicts
from audit.standalone.bundles import verify_bundle
from audit.standalone.joining import joined
from audit.standalone.log import verify_log
from audit.standalone.trusting import parse_trust
from audit.standalone.verdicts import UnreadableError, WrongError
from audit.standalone.witnesses import Policy
from ops.cli.console import HomeOption, JsonOption, home_of, say, say_json, told
from ops.cli.office.client import at_office
from ops.cli.office.options import SessionOption
from ops.log_keys import TRUST_FILE
from ops.settings import Home, ServeSettings, load


def bundle(
    deed: Annotated[str, typer.Argument(help="生效的导出文书编号")],
    out: Annotated[Path, typer.Argument(help="写入的 zip 文件，不得已存在")],
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """依审计管理员和领导签署的导出文书取出证据包；先记入存证账。其中有文书准许开示的内容，请妥善保管。"""
    with at_office(session, as_json=as_json) as client:
        content = client.fetch(f"/v1/office/evidence/{quote(deed, safe='')}")
        write_new(out, content)
    hint = f"已写入 {out}；核验：bidui audit verify --bundle {out} --trust …"
    say_json({"file": str(out), "bytes": len(content)}) if as_json else say(hint)


def verifier() -> None:
    """输出单文件核验程序：bidui audit verifier > bidui_verify.py。只需 Python 3.11 和 cryptography。"""
    typer.echo(joined(), nl=False)


def export(
    out: Annotated[Path, typer.Argument(help="写入的 zip 文件，不得已存在")],
    first: Annotated[int, typer.Option("--from", help="从第几条起，须为 256 的倍数")] = 0,
    end: Annotated[int | None, typer.Option("--to", help="到第几条为止（不含）；默认到最后一个检查点")] = None,
    disclosures: Annotated[bool, typer.Option("--disclosures", help="连同加密的披露项")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """把整本存证账或其中一段写成一个文件：条目、哈希、全部检查点。逐字节可重现；解压后即为 tlog-tiles 静态账。"""
    place = home_of(home)
    with told():
        checkpoints = list(FileCheckpoints(place.checkpoints).history())
        trust = parse_trust((place.path / TRUST_FILE).read_bytes())
        extent = extent_of(
            checkpoints, origin=trust.origin, suite=trust.suite, first=first, end=end, disclosures=disclosures
        )
        digest = _write(place, extent, checkpoints, out)
    document = {"file": str(out), "first": extent.first, "end": extent.end, "sha256": digest}
    say_json(document) if as_json else say(f"已写入 {out}：第 {extent.first} 至 {extent.end - 1} 条，SHA-256 {digest}")


def _write(home: Home, extent: Extent, checkpoints: Sequence[bytes], out: Path) -> str:
    """Nothing stands under the name before all of it is on disk."""
    settings, draft = load(home, "serve.toml", ServeSettings), out.with_name(f".{out.name}.{os.getpid()}.new")
    trust = (home.path / TRUST_FILE).read_bytes()
    try:
        with closing(SqlLedgerReader.open(home.database_url(settings))) as reader, _opened(draft) as sink:
            digest = write_export(sink, extent, reader, trust=trust, checkpoints=checkpoints)
            os.fsync(sink.fileno())
        os.link(draft, out)
    except FileExistsError:
        raise ArchiveError(f"{out} exists and is never overwritten; move it away first") from None
    finally:
        draft.unlink(missing_ok=True)
    return digest


def _opened(path: Path) -> BufferedRandom:
    return open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w+b")


def verify_file(
    path: Path, *, is_bundle: bool, trust: Path | None, checkpoints: Sequence[bytes], policy: Path | None, now: datetime
) -> Report:
    """A bundle or an export, verified by what ships alone. Raises `ArchiveError` for what is neither, `OSError`."""
    try:
        trusted = parse_trust(trust.read_bytes()) if trust else None
        witnessed = Policy(policy.read_bytes()) if policy else None
        with path.open("rb") as file:
            if is_bundle:
                found = verify_bundle(file, trusted, now=now, outside=checkpoints, policy=witnessed)
            else:
                found = verify_log(file, trusted, checkpoints, witnessed)
    except (UnreadableError, WrongError) as error:
        raise ArchiveError(str(error)) from error
    return _as_ours(found)


def _as_ours(found: verdicts.Report) -> Report:
    problems = tuple(Problem(Exit(verdict), cause, index) for verdict, index, cause in found.problems)
    return Report(found.size, problems)
