"""`bidui log archive` and `bidui log prune`: old entries go into an archive, then their bodies go.

    archive   writes entries and hashes of a closed range into one file; the same range gives the same bytes
    (deed)    RETENTION {before, archive}, proposed by 系统管理员, approved by 审计管理员
    prune     1. holds the archive against the log, and the log against its signatures
              2. writes `retention.applied`, and waits until a checkpoint covers it
              3. deletes the bodies, in one transaction

A crash after 2 has said what 3 then does: the same command goes on where it stopped. Nothing is deleted before it is
signed that it will be. The archive holds no disclosures: whom an entry was about ends with its time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import NamedTuple

from adapters.checkpoints import FileCheckpoints
from adapters.keys.files import sync_folder
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.pruning import PruningStore, PruningWork
from audit.care_events import Decided, retention_applied
from audit.care_kinds import RETENTION_APPLIED
from audit.checkpoint import peek
from audit.entry import decode, leaf_hash
from audit.errors import ArchiveError
from audit.export import Export, Extent, extent_of, write_export
from audit.report import Exit
from audit.retention import KEPT, prunable
from audit.stamps import microseconds, text
from audit.trust import Trust, parse_trust
from audit.verify import verify_log
from gateway.deeds.document import Document, Kind
from gateway.deeds.lapse import parameters_in
from gateway.deeds.standing import Standing
from gateway.domain.errors import ConflictError
from gateway.domain.grant import SHANGHAI
from gateway.office import Office
from ops.log_keys import TRUST_FILE
from ops.settings import Home, ServeSettings, load

WAIT_SECONDS = 15.0
_LOOK_SECONDS = 0.2


class Outlook(NamedTuple):
    """What is there: all entries from `floor` on, of which those below `before` are old enough, after `months`."""

    floor: int
    before: int
    size: int
    months: int


class Archived(NamedTuple):
    """An archive that was written: what a deed of retention names."""

    path: Path
    first: int
    before: int
    sha256: str


class Pruned(NamedTuple):
    """What was deleted: this many bodies below an index. `entry` says so in the log."""

    before: int
    deleted: int
    entry: int


class _Decision(NamedTuple):
    before: int
    archive: str
    decided: Decided


class Retention:
    """Archives and prunes the log of one home. Every call may be repeated."""

    def __init__(self, home: Home, office: Office, *, pause: Callable[[float], None] = time.sleep) -> None:
        """`office` says what is in force, and writes entries; whoever opened it closes it."""
        self._home, self._office, self._pause = home, office, pause
        self._url = home.database_url(load(home, "serve.toml", ServeSettings))
        self._checkpoints = FileCheckpoints(home.checkpoints)

    def outlook(self) -> Outlook:
        """What could be archived and pruned now."""
        months = _months(self._office.standing())
        with self._reader() as reader:
            before = prunable(reader, self._signed(), self._latest_instant(months))
            return Outlook(reader.floor(), before, reader.head().size, months)

    def archive(self, folder: Path, before: int | None = None) -> Archived:
        """Writes everything that is old enough, or what is below an index, into a file of this folder.

        Raises `ConflictError` when nothing is, or the log is not proven to be whole.
        """
        found = self.outlook()
        before = found.before if before is None else before
        if not found.floor < before <= found.before:
            raise ConflictError(f"没有可归档的条目：满 {found.months} 个月且已签名的条目至第 {found.before} 条之前")
        with self._reader() as reader:
            self._check_whole(reader)
            return self._written(reader, folder, found.floor, before)

    def prune(self, archive: Path, *, wait: float = WAIT_SECONDS) -> Pruned:
        """Deletes what a deed in force allows, once the archive is found to hold all of it.

        Raises `ConflictError`, `ArchiveError`.
        """
        with archive.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
            file.seek(0)
            before = _decision(self._office.standing(), digest).before
            with self._reader() as reader:
                self._check_whole(reader)
                _check_archive(Export(file), reader, before, self._trust())
        entry = self._said(before) or self._say(digest)
        self._await_signed(entry, wait)
        return Pruned(before, self._delete(digest), entry)

    def reclaim(self) -> None:
        """Gives the room back to the disk. Writers wait meanwhile."""
        with closing(PruningStore(self._url)) as store:
            store.vacuum()

    def _written(self, reader: SqlLedgerReader, folder: Path, first: int, before: int) -> Archived:
        """The checkpoint is the first that was kept behind the range, so that it stays the same one."""
        signed = next(each for each in self._checkpoints.history() if peek(each).size >= before)
        trust = self._trust()
        extent = extent_of([signed], origin=trust.origin, first=first, end=before, suite=trust.suite.name)
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        path = folder / f"archive-{first:012d}-{before:012d}.zip"
        draft = path.with_name(f".{path.name}.new")
        with draft.open("w+b") as file:
            digest = write_export(file, extent, reader, trust=trust.encode(), checkpoints=[signed])
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(folder)
        return Archived(path, first, before, digest)

    def _say(self, digest: str) -> int:
        """The entry that says what will be deleted; from then on the log may lack it."""
        with self._pruning() as (work, standing, now):
            decision = self._allowed(standing, digest)
            draft = retention_applied(
                min_index=decision.before,
                archive=decision.archive,
                deleted=work.doomed(decision.before, KEPT),
                decided=decision.decided,
            )
            (recorded,) = self._office.ledger.append(work.ledger, [draft], now)
            work.commit()
        return recorded.index

    def _delete(self, digest: str) -> int:
        with self._pruning() as (work, standing, _):
            before = self._allowed(standing, digest).before
            with self._reader() as reader:
                if reader.floor() >= before:
                    return 0
            deleted = work.doomed(before, KEPT)
            work.prune(before, KEPT)
            work.commit()
        return deleted

    def _allowed(self, standing: Standing, digest: str) -> _Decision:
        """What the deed allows, unless somebody wants something kept, or it is too early."""
        decision = _decision(standing, digest)
        if held := [each.id for each in standing.of(Kind.HOLD)]:
            raise ConflictError(f"有保全在执行（{'、'.join(sorted(held))}），解除之前不清除任何条目")
        with self._reader() as reader:
            if decision.before > prunable(reader, self._signed(), self._latest_instant(_months(standing))):
                raise ConflictError("文书所列条目未满保存期，或尚无检查点覆盖")
        return decision

    def _await_signed(self, entry: int, wait: float) -> None:
        """Whoever finds entries missing must find the reason under a signature."""
        until = time.monotonic() + wait
        while self._signed() <= entry:
            if time.monotonic() >= until:
                raise ConflictError(f"第 {entry} 条已写明将清除的范围，但尚无检查点覆盖它：启动网关，稍后再运行一次")
            self._pause(_LOOK_SECONDS)

    def _said(self, before: int) -> int | None:
        """The entry that says this already: an earlier call got so far."""
        with self._reader() as reader:
            for index, content in reader.of_type(RETENTION_APPLIED.type):
                entry = decode(content)
                body = entry["body"] if isinstance(entry, dict) else None
                if isinstance(body, dict) and body["min_index"] == before:
                    return index
        return None

    def _check_whole(self, reader: SqlLedgerReader) -> None:
        """Nothing is taken out of a log that is not what was signed: it would be evidence."""
        report = verify_log(reader, self._checkpoints.history(), self._trust(), upto=self._signed())
        if report.verdict is not Exit.PROVEN:
            raise ConflictError("存证账核验未通过，不归档也不清除：先运行 bidui audit verify")

    @contextmanager
    def _pruning(self) -> Iterator[tuple[PruningWork, Standing, datetime]]:
        """A work that may delete, with everything in force as it is under its lock."""
        with closing(PruningStore(self._url)) as store, store.pruning() as work:
            work.deeds.lock()
            now = self._home.clock.now()
            yield work, self._office.reader.refresh(work.deeds, now), now

    @contextmanager
    def _reader(self) -> Iterator[SqlLedgerReader]:
        with closing(SqlLedgerReader.open(self._url)) as reader:
            yield reader

    def _trust(self) -> Trust:
        return parse_trust((self._home.path / TRUST_FILE).read_bytes())

    def _signed(self) -> int:
        latest = self._checkpoints.latest()
        return peek(latest).size if latest else 0

    def _latest_instant(self, months: int) -> str:
        """Entries before this instant are old enough: whole months, by the calendar of the office."""
        local = self._home.clock.now().astimezone(SHANGHAI)
        month = local.year * 12 + local.month - 1 - months
        return text(microseconds(datetime(month // 12, month % 12 + 1, 1, tzinfo=SHANGHAI)))


def _months(standing: Standing) -> int:
    """Entries go with what they disclose, so whatever is kept longer decides."""
    parameters = parameters_in(standing)
    return max(parameters.retention_months, parameters.disclosure_months)


def _decision(standing: Standing, digest: str) -> _Decision:
    for document in standing.of(Kind.RETENTION):
        if document.content["archive"] == digest:
            return _decided(document, standing)
    raise ConflictError("没有生效的 retention 文书列有此归档文件的 SHA-256")


def _decided(document: Document, standing: Standing) -> _Decision:
    deed, before = standing.deed(Kind.RETENTION, document.id), document.content["before"]
    if deed is None or not isinstance(before, int):
        raise ConflictError("没有生效的 retention 文书列有此归档文件的 SHA-256")
    decided = Decided(deed.digest, [each.person for each in deed.signatures])
    return _Decision(before, str(document.content["archive"]), decided)


def _check_archive(archive: Export, reader: SqlLedgerReader, before: int, trust: Trust) -> None:
    """It must hold every entry that is still there below the index, each with the hash that the tree has."""
    extent = archive.extent
    if (extent.origin, extent.end) != (trust.origin, before) or extent.first > reader.floor():
        raise ArchiveError(f"归档文件是 {extent.origin} 第 {extent.first} 至 {extent.end} 条，与文书或本存证账不符")
    _check_entries(archive, extent, reader, trust)


def _check_entries(archive: Export, extent: Extent, reader: SqlLedgerReader, trust: Trust) -> None:
    digest = trust.suite.digest
    found: Sequence[bytes] = [leaf_hash(each, digest) for each in archive.entries(extent.first, extent.end)]
    if b"".join(found) != reader.hashes(0, extent.first, extent.end):
        raise ArchiveError("归档文件中的条目与存证账的哈希不符")
