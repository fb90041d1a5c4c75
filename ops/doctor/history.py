"""What became of the log, held against everything that was kept apart from it; and what to do, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from adapters.checkpoints import FileCheckpoints
from adapters.sql.ledger_reader import SqlLedgerReader
from audit import note, receipt
from audit.checkpoint import MlDsa44Verifier, open_signed, peek
from audit.errors import NoteError, ReceiptError
from audit.rollback import Claim, Diagnosis, Fate, Held, diagnose
from audit.trust import Trust, parse_trust
from ops.log_keys import TRUST_FILE
from ops.settings import Home, ServeSettings, load

OWN = "checkpoints/"
ADVICE: Mapping[Fate, tuple[str, str]] = {
    Fate.WHOLE: ("与所有检查点、回执相符", "无须处理"),
    Fate.UNKNOWN: ("没有可供比对的检查点", "从另存处取回 checkpoints/，或以 --checkpoint 给出别处保存的检查点"),
    Fate.RESTORED: (
        "控制库是旧的一份：恢复了旧备份，或提升了落后的备库，其后尚未写入",
        "先找更新的备份、WAL 归档或原主库，找到即恢复；没有，则停 serve 后 bidui audit rebuild --origin 启用后继账",
    ),
    Fate.OVERTAKEN: (
        "控制库曾退回旧的一份，其后又写入了新的记录：恢复旧备份或提升落后的备库之后，曾绕过封账继续写入",
        "停 serve，保留两份控制库；找回原主库或更新的备份。新写入的记录不在任何检查点之下，须书面说明",
    ),
    Fate.ALTERED: (
        "有记录在原处被改动或损坏：字节与存入时的摘要不符",
        "停 serve，保留现场；从备份取回该条核对是损坏还是篡改，报告分管领导",
    ),
    Fate.FORKED: (
        "账分叉：此处起的记录不是签名时的记录，且各处摘要已被一并改写",
        "停 serve，保留现场，报告分管领导；以 --receipt 给出合作部门的回执，可进一步缩小范围",
    ),
}


def verified_claim(content: bytes, trust: Trust, source: str) -> Claim:
    """A checkpoint as a claim, once its signatures hold. Raises `NoteError`."""
    verifiers = trust.verifiers("checkpoint", peek(content).size)
    opened = open_signed(content, verifiers)
    if opened.checkpoint.origin != trust.origin:
        raise NoteError(f"it is one of the log {opened.checkpoint.origin}")
    timed = {each.key_id for each in verifiers if isinstance(each, MlDsa44Verifier)}
    # The time stands in front of such a signature, in eight bytes.
    blobs = (each.blob for each in note.parse(content).signatures if each.key_id in timed)
    times = (datetime.fromtimestamp(int.from_bytes(blob[:8], "big"), UTC) for blob in blobs)
    return Claim(source, opened.checkpoint.size, opened.checkpoint.root, next(times, None))


def verified_receipt(content: bytes, trust: Trust, source: str) -> Held:
    """A receipt as a claim, once its signature holds. Raises `ReceiptError`, `NoteError`."""
    read = receipt.read(content)
    signed = [
        each for each in trust.verifiers("receipt", receipt.claimed_index(read)) if receipt.is_signed_by(read, each)
    ]
    if not signed:
        raise ReceiptError("no key of the trust file signed it")
    body = receipt.verify(read, signed[0]).body
    return Held(source, body.index, body.leaf)


def read_claims(home: Home, trust: Trust, outside: Sequence[Path] = ()) -> Iterator[Claim]:
    """Those of the home, and those in files. Raises `NoteError` that names the file."""
    if home.checkpoints.is_dir():
        for content in FileCheckpoints(home.checkpoints).history():
            yield verified_claim(content, trust, OWN)
    for path in outside:
        try:
            yield verified_claim(path.read_bytes(), trust, path.name)
        except NoteError as error:
            raise NoteError(f"{path.name}: {error}") from None


def examine_history(home: Home, checkpoints: Sequence[Path] = (), receipts: Sequence[Path] = ()) -> Diagnosis:
    """Holds the home's log against all of it. Raises `AuditError`, `OSError`, `UnavailableError`."""
    settings = load(home, "serve.toml", ServeSettings)
    trust = parse_trust((home.path / TRUST_FILE).read_bytes())
    held = [verified_receipt(path.read_bytes(), trust, path.name) for path in receipts]
    with closing(SqlLedgerReader.open(home.database_url(settings))) as reader:
        return diagnose(reader, list(read_claims(home, trust, checkpoints)), held, trust.suite.digest)


def explain(found: Diagnosis) -> Iterator[str]:
    """For people: what it is, where, who says so, what to do."""
    what, todo = ADVICE[found.fate]
    yield what
    yield f"库中 {found.entries} 条，他处最多见过 {found.claimed} 条，经检查点核对一致的有 {found.agreed} 条"
    if found.index is not None and found.end is not None:
        yield _place(found)
    if found.sources:
        yield f"依据：{'、'.join(found.sources)}"
    yield f"→ {todo}"


def _place(found: Diagnosis) -> str:
    if found.fate is Fate.RESTORED:
        return f"首个缺失的条目：第 {found.index} 条；缺 {found.lost} 条（第 {found.index} 至 {found.claimed - 1} 条）"
    if found.index is not None and found.end == found.index + 1:
        return f"首个不同的条目：第 {found.index} 条"
    return f"首个不同的条目：不早于第 {found.index} 条，早于第 {found.end} 条"
