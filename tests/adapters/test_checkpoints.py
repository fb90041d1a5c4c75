"""The directory of checkpoints: compare and swap, whatever happens in between."""

import multiprocessing
import os
from pathlib import Path

import pytest

from adapters.checkpoints import KEPT_EVERY, FileCheckpoints
from audit import checkpoint
from audit.checkpoint import Checkpoint, peek
from tests.audit.make import AT, ORIGIN, an_ed25519_signer

SIGNER = an_ed25519_signer()


def a_checkpoint(size: int, root: bytes = b"r" * 32) -> bytes:
    return checkpoint.sign(Checkpoint(ORIGIN, size, root), [SIGNER], AT)


def test_a_new_directory_holds_none(tmp_path: Path) -> None:
    store = FileCheckpoints(tmp_path / "deep" / "checkpoints")

    assert store.latest() is None
    assert list(store.history()) == []


def test_the_last_one_is_found_again(tmp_path: Path) -> None:
    assert FileCheckpoints(tmp_path).swap(None, a_checkpoint(1))

    assert FileCheckpoints(tmp_path).latest() == a_checkpoint(1)


def test_only_what_is_there_is_replaced(tmp_path: Path) -> None:
    store = FileCheckpoints(tmp_path)
    assert store.swap(None, a_checkpoint(1))

    assert not store.swap(None, a_checkpoint(2))
    assert not store.swap(a_checkpoint(9), a_checkpoint(2))
    assert store.latest() == a_checkpoint(1)
    assert store.swap(a_checkpoint(1), a_checkpoint(2))
    assert store.latest() == a_checkpoint(2)


def test_one_of_each_stretch_is_kept(tmp_path: Path) -> None:
    store = FileCheckpoints(tmp_path)
    last = None
    sizes = [1, 5, KEPT_EVERY - 1, KEPT_EVERY, KEPT_EVERY + 7, 3 * KEPT_EVERY, 3 * KEPT_EVERY + 1]
    for size in sizes:
        assert store.swap(last, a_checkpoint(size))
        last = a_checkpoint(size)

    assert [peek(each).size for each in store.history()] == [KEPT_EVERY - 1, KEPT_EVERY + 7, 3 * KEPT_EVERY + 1]


def test_what_a_crash_left_behind_is_overwritten(tmp_path: Path) -> None:
    store = FileCheckpoints(tmp_path)
    store.swap(None, a_checkpoint(1))
    (tmp_path / "new").write_bytes(b"half a check")

    assert store.latest() == a_checkpoint(1)
    assert [peek(each).size for each in store.history()] == [1]
    assert store.swap(a_checkpoint(1), a_checkpoint(2))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser writes anywhere")
def test_a_directory_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    store = FileCheckpoints(tmp_path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OSError, match="ermission"):
            store.swap(None, a_checkpoint(1))
    finally:
        tmp_path.chmod(0o700)


def test_a_directory_that_vanished_says_so(tmp_path: Path) -> None:
    store = FileCheckpoints(tmp_path / "checkpoints")
    (tmp_path / "checkpoints").rmdir()

    with pytest.raises(FileNotFoundError):
        store.swap(None, a_checkpoint(1))


def _count_up(directory: Path, name: int, turns: int) -> None:
    store = FileCheckpoints(directory)
    done = 0
    while done < turns:
        latest = store.latest()
        size = peek(latest).size if latest else 0
        done += store.swap(latest, a_checkpoint(size + 1, bytes([name]) * 32))


def test_processes_do_not_overwrite_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_count_up, args=(tmp_path, name, 20)) for name in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert peek(FileCheckpoints(tmp_path).latest() or b"").size == 60
