"""The ledger in SQL when the power goes: what is left on the disk is the log of some commit, and never half of one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.checkpoints import FileCheckpoints
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.schema import create
from adapters.sql.store import SqlStore
from audit.report import Exit
from audit.signer import CheckpointSigner, State
from audit.verify import verify_log
from tests.audit.make import AT, LOG_SIGNERS, ORIGIN, a_ledger, a_trust, an_answer, an_opening

FRAME, WAL_HEADER, PAGE = 24, 32, 4096
BATCHES = (1, 1, 5, 20, 1, 40)


@dataclass(frozen=True)
class Written:
    """A database file and its write-ahead log, and how long both log and ledger were after each commit."""

    database: Path
    commits: list[tuple[int, int]]
    leaves: bytes
    checkpoints: Path
    signed: int

    @property
    def log(self) -> Path:
        return self.database.with_name(f"{self.database.name}-wal")

    def left_after(self, size: int) -> int:
        """How many entries those commits hold that are wholly in the first `size` bytes of the log."""
        return max((entries for end, entries in self.commits if end <= size), default=0)

    def cut(self, folder: Path, log: bytes) -> str:
        """A copy of what a power cut leaves; its URL."""
        folder.mkdir()
        copy = folder / self.database.name
        shutil.copyfile(self.database, copy)
        copy.with_name(f"{copy.name}-wal").write_bytes(log)
        return f"sqlite:///{copy}"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    """A log of some commits, none of whose pages has been moved into the database yet."""
    folder = tmp_path_factory.mktemp("written")
    database, ledger, commits = folder / "control.sqlite", a_ledger(), list[tuple[int, int]]()
    url = f"sqlite:///{database}"
    make_tables(url)
    with closing(SqlStore(url)) as store, closing(SqlLedgerReader.open(url)) as reader:
        for number, size in enumerate(BATCHES):
            drafts = [an_answer(f"partner-{each % 3}") for each in range(size)] if number else [an_opening()]
            with store.begin() as work:
                ledger.append(work.ledger, drafts, AT)
                work.commit()
            commits.append((database.with_name("control.sqlite-wal").stat().st_size, reader.head().size))
            if number == 3:
                assert signer(reader, folder / "checkpoints").run_once().state is State.SIGNED
        size = reader.head().size
        yield Written(database, commits, reader.hashes(0, 0, size), folder / "checkpoints", commits[3][1])


def make_tables(url: str) -> None:
    engine = open_engine(url)
    create(engine)
    engine.dispose()


def signer(reader: SqlLedgerReader, folder: Path) -> CheckpointSigner:
    return CheckpointSigner(
        origin=ORIGIN, reader=reader, store=FileCheckpoints(folder), signers=LOG_SIGNERS, now=lambda: AT
    )


def ends(log: bytes) -> list[int]:
    """Every length at which a frame of the log ends."""
    return list(range(WAL_HEADER, len(log) + 1, FRAME + PAGE))


def test_cut_off_after_any_frame_the_log_is_that_of_a_commit(written: Written, tmp_path: Path) -> None:
    log = written.log.read_bytes()
    assert len(ends(log)) > 60

    for end in ends(log):
        url = written.cut(tmp_path / str(end), log[:end])
        assert_whole(url, written, written.left_after(end))


TORN = {
    "half a frame's header": lambda log, end: log[: end + FRAME // 2],
    "half a page": lambda log, end: log[: end + FRAME + PAGE // 2],
    "a page of zeros": lambda log, end: log[: end + FRAME] + bytes(PAGE),
    "garbage behind": lambda log, end: log[:end] + b"garbage " * 700,
    "one bit of a page": lambda log, end: flipped(log, end + FRAME + PAGE // 3),
}


def flipped(log: bytes, place: int) -> bytes:
    return log[:place] + bytes([log[place] ^ 1]) + log[place + 1 :]


@pytest.mark.parametrize("tear", TORN.values(), ids=TORN)
def test_torn_in_a_frame_the_log_is_that_of_a_commit(
    written: Written, tmp_path: Path, tear: Callable[[bytes, int], bytes]
) -> None:
    log = written.log.read_bytes()

    for end in ends(log)[:-1:5]:
        url = written.cut(tmp_path / str(end), tear(log, end))
        assert_whole(url, written, written.left_after(end))


def test_what_is_left_goes_on_or_is_known_to_be_too_short(written: Written, tmp_path: Path) -> None:
    """The checkpoints lie apart: whoever lost what was signed signs nothing any more."""
    log = written.log.read_bytes()

    for end, size in written.commits:
        url = written.cut(tmp_path / str(end), log[:end])
        kept = tmp_path / f"{end}" / "checkpoints"
        shutil.copytree(written.checkpoints, kept)
        with closing(SqlStore(url)) as store, closing(SqlLedgerReader.open(url)) as reader:
            run = signer(reader, kept).run_once()
            if size < written.signed:
                assert (run.state, run.index) == (State.SEALED, size)
                continue
            with store.begin() as work:
                (row,) = a_ledger(seed=str(end)).append(work.ledger, [an_answer()], AT)
                work.commit()
            assert row.index == size
            assert signer(reader, kept).run_once().state is State.SIGNED
            assert verify_log(reader, FileCheckpoints(kept).history(), a_trust()).verdict is Exit.PROVEN


def assert_whole(url: str, written: Written, size: int) -> None:
    """The ledger has so many entries, all of them the right ones, and a verifier knows when it was once longer."""
    with closing(SqlLedgerReader.open(url)) as reader:
        assert reader.head().size == size
        assert reader.hashes(0, 0, size) == written.leaves[: 32 * size]
        report = verify_log(reader, FileCheckpoints(written.checkpoints).history(), a_trust())
    assert report.size == size
    assert report.first_bad == (size if size < written.signed else None)
