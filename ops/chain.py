"""The chain of logs of a home: how each hangs on the one before, closed ones verified, and proofs out of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime

from adapters.checkpoints import FileCheckpoints
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.checkpoint import peek
from audit.disclosure import DisclosureKeys
from audit.errors import LedgerError, NoteError
from audit.proof import TlogProof
from audit.reader import first_difference
from audit.report import Exit, Problem, Report
from audit.rollover import Closed, Link, carried_checkpoint, check_link
from audit.statement import log_time_of
from audit.tree import StoredTree
from audit.verify import verify_log
from gateway.domain.grant import local_day
from ops.closed import DATABASE, closed_home, closed_homes, closed_of, database_of, origin_of, trust_of
from ops.settings import Home, ServeSettings, load


def link_of(home: Home, reader: SqlLedgerReader, origin: str) -> Link | None:
    """How the log behind this reader hangs on the one before; None for a first log. Raises `AuditError`."""
    try:
        carried = carried_checkpoint(reader)
        before = closed_of(home, peek(carried).origin) if carried else None
        if before is None:
            return check_link(reader, origin, None)
        with _reader(before) as old:
            return check_link(reader, origin, Closed(old, trust_of(before)))
    except NoteError as error:
        raise LedgerError(f"第 0 条所载的前一本账的检查点不能读：{error}") from error


def logs_since(home: Home, day: date) -> list[str]:
    """The databases of all logs with entries of this day or later, the oldest first. Raises `LedgerError`."""
    found, name = [home.database_url(load(home, "serve.toml", ServeSettings))], origin_of(home)
    while True:
        with closing(SqlLedgerReader.open(found[0])) as reader:
            carried = carried_checkpoint(reader)
            if carried is None or opened_on(reader) < day:
                return found
            link = link_of(home, reader, name)
        name = peek(carried).origin
        before = closed_of(home, name)
        if before is None or not (before.path / DATABASE).is_file():
            raise LedgerError(f"closed/ 中没有前一本账 {name}：请从另存处取回，一年内的额度也由它清点")
        _check_unchanged(before, link)
        found.insert(0, database_of(before))


def _check_unchanged(closed: Home, link: Link | None) -> None:
    with _reader(closed) as reader:
        differing = first_difference(reader, reader.head().size, trust_of(closed).suite.digest)
    if differing is not None or (link and link.problems):
        raise LedgerError(f"前一本账已被改动，不能由它清点额度：先运行 bidui audit verify --closed {closed.path.name}")


def opened_on(reader: SqlLedgerReader) -> date:
    """The local day of entry 0."""
    content = next((content for _, content in reader.kept(1)), b"") or next(iter(reader.entries(0, 1)), b"")
    return local_day(datetime.fromisoformat(log_time_of(content)))


def verify_closed(home: Home, name: str, outside: Sequence[bytes], keys: DisclosureKeys | None = None) -> Report:
    """A closed log, whole, and how those on both sides hang on it."""
    closed = closed_home(home, name)
    origin = trust_of(closed).origin
    carried, problems = _successor(home, origin)
    with _reader(closed) as reader:
        checkpoints = [*FileCheckpoints(closed.path / "checkpoints").history(), *carried, *outside]
        report = verify_log(reader, checkpoints, trust_of(closed), keys=keys)
        before = link_of(home, reader, origin)
    problems = [*report.problems, *problems, *(before.problems if before else ())]
    return Report(report.size, tuple(problems), report.checkpoints, report.disclosures, report.erased)


def proof_of(home: Home, name: str, index: int) -> bytes:
    """The tlog-proof of an entry of a closed log, under its final checkpoint. Raises `LedgerError`."""
    closed = closed_home(home, name)
    latest = FileCheckpoints(closed.path / "checkpoints").latest() or b""
    with _reader(closed) as reader:
        tree = StoredTree(peek(latest).size, reader.hashes, trust_of(closed).suite.digest)
        try:
            path = tuple(tree.inclusion(index))
        except ValueError:
            raise LedgerError(f"此账只有 {tree.size} 条，序号从 0 起") from None
    return TlogProof(index=index, path=path, checkpoint=latest).encode()


def _successor(home: Home, origin: str) -> tuple[list[bytes], list[Problem]]:
    """The checkpoint that the successor of this log carries, and what does not fit at that link."""
    for name, url in _all(home):
        with closing(SqlLedgerReader.open(url)) as reader:
            carried = carried_checkpoint(reader)
            if carried and peek(carried).origin == origin:
                link = link_of(home, reader, name)
                return [carried], list(link.problems) if link else []
    return [], [Problem(Exit.INCOMPLETE, "no log is here that carries the final checkpoint of this one")]


def _all(home: Home) -> Iterator[tuple[str, str]]:
    """Name and database of every log that is here, the newest first."""
    yield origin_of(home), home.database_url(load(home, "serve.toml", ServeSettings))
    for each in reversed(list(closed_homes(home))):
        yield trust_of(each).origin, database_of(each)


@contextmanager
def _reader(closed: Home) -> Iterator[SqlLedgerReader]:
    if not (closed.path / DATABASE).is_file():
        raise LedgerError(f"{closed.path.name} 中没有 {DATABASE}：请从另存处取回")
    with closing(SqlLedgerReader.open(database_of(closed))) as reader:
        yield reader
