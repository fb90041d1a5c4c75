"""The command line, and the one place where files are read."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from pathlib import Path
from typing import NoReturn

from audit.standalone.bundles import verify_bundle
from audit.standalone.canonical import Json
from audit.standalone.deeds import open_deed
from audit.standalone.log import verify_log
from audit.standalone.receipts import verify_receipt
from audit.standalone.trusting import Trust, parse_trust
from audit.standalone.verdicts import PROVEN, USAGE, VERDICTS, MissingError, Report, UnreadableError, WrongError
from audit.standalone.witnesses import Policy

MAX_SMALL_FILE = 64 * 1024 * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify what the command line names; say what was found; return the exit code."""
    try:
        told = _parser().parse_args(arguments)
        report: Report = told.run(told)
    except (UnreadableError, WrongError, OSError) as error:
        _say(f"无法核验 / cannot verify: {error}")
        return USAGE
    _say(f"{VERDICTS[report.verdict]}（{report.verdict}）")
    for _, index, cause in report.problems:
        _say(f"  {'' if index is None else f'第 {index} 条 / entry {index}: '}{cause}")
    for line in report.shown if told.show or report.verdict == PROVEN else ():
        _say(line)
    for line in report.opened if told.show else ():
        _say(line)
    return report.verdict


class _Parser(argparse.ArgumentParser):
    """A wrong command line is 3 here: 2 says that evidence is missing."""

    def error(self, message: str) -> NoReturn:
        raise UnreadableError(f"{message}\n{self.format_usage()}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="bidui_verify.py", description="比对存证账离线核验 / offline verifier")
    commands = parser.add_subparsers(required=True, metavar="log|bundle|receipt|deed")
    _command(commands.add_parser("log"), _log, "trust", "policy", "checkpoint")
    _command(commands.add_parser("bundle"), _bundle, "trust", "policy", "checkpoint", "at")
    _command(commands.add_parser("receipt"), _receipt, "trust", "policy", "proof", "entry", "request", "response")
    _command(commands.add_parser("deed"), _deed, "foundation", "at")
    return parser


def _command(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], Report], *options: str) -> None:
    parser.add_argument("file", type=Path)
    for name in options:
        action = "append" if name == "checkpoint" else "store"
        parser.add_argument(f"--{name}", action=action, type=str if name == "at" else Path)
    parser.add_argument(
        "--show",
        action="store_true",
        help="显示开示的内容，有问题时也显示所述 / show what was opened, and what is claimed in any case",
    )
    parser.set_defaults(run=run)


def _log(told: argparse.Namespace) -> Report:
    with told.file.open("rb") as file:
        return verify_log(file, _trust(told), _checkpoints(told), _policy(told))


def _bundle(told: argparse.Namespace) -> Report:
    with told.file.open("rb") as file:
        return verify_bundle(
            file, _trust(told), now=_instant(told.at), outside=_checkpoints(told), policy=_policy(told)
        )


def _receipt(told: argparse.Namespace) -> Report:
    trust = _trust(told)
    if trust is None:
        raise UnreadableError("核验回执须给出 --trust / a receipt is verified with --trust")
    parts = {name: _maybe(getattr(told, name)) for name in ("proof", "entry", "request", "response")}
    return verify_receipt(_small(told.file), trust, policy=_policy(told), **parts)


def _deed(told: argparse.Namespace) -> Report:
    report, export = Report(size=1), _json(told.file)
    if told.foundation is None:
        report.missing(None, "未给 --foundation：随件者不足为凭 / no --foundation: what came along proves nothing")
    foundation = _own_foundation(export) if told.foundation is None else _json(told.foundation)
    try:
        deed, document = open_deed(export, foundation, _instant(told.at))
    except MissingError as error:
        report.missing(None, str(error))
        return report
    except WrongError as error:
        report.wrong(None, str(error))
        return report
    report.shown.append(f"{document.kind} {document.id}，第 {document.serial} 版，摘要 {deed.digest}")
    report.shown += [f"  {each.step}：{each.person}，{each.at}" for each in deed.signatures]
    report.shown.append("只证明签署属实；是否仍然有效，以存证账为准 / whether it is still in force, the ledger says")
    return report


def _json(path: Path) -> Json:
    try:
        found: Json = json.loads(_small(path))
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"不是 JSON / not JSON: {error}") from error
    return found


def _own_foundation(export: Json) -> Json:
    return export.get("foundation") if isinstance(export, dict) else None


def _trust(told: argparse.Namespace) -> Trust | None:
    content = _maybe(told.trust)
    return None if content is None else parse_trust(content)


def _policy(told: argparse.Namespace) -> Policy | None:
    content = _maybe(told.policy)
    return None if content is None else Policy(content)


def _checkpoints(told: argparse.Namespace) -> list[bytes]:
    return [_small(path) for path in told.checkpoint or ()]


def _maybe(path: Path | None) -> bytes | None:
    return None if path is None else _small(path)


def _small(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAX_SMALL_FILE + 1)
    if len(content) > MAX_SMALL_FILE:
        raise UnreadableError(f"{path.name}：过大 / too large")
    return content


def _instant(told: str | None) -> datetime:
    """As of now, unless an instant or day was given."""
    if told is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(told)
    except ValueError as error:
        raise UnreadableError("--at 写如 2026-12-01 / an ISO 8601 day or instant") from error
    if not MINYEAR < at.year < MAXYEAR:
        raise UnreadableError("--at 超出历法 / a day at the end of the calendar")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _say(line: str) -> None:
    """Write a line; whatever came from the file cannot steer the terminal."""
    plain = "".join(each if each.isprintable() or each == "\n" else "�" for each in line)
    try:
        sys.stdout.buffer.write(f"{plain}\n".encode(errors="replace"))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough; the verdict is the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    raise SystemExit(main())
