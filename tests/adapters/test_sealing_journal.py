"""The journal by its promise: after a crash at any byte all that was promised is there, and damage is never guessed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sealing.journal import Journal, JournalError, frames
from tests.disks import full_disk

BODIES = [b"first", b"", b"the third, which is somewhat longer"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.journal"


def write(path: Path, *bodies: bytes) -> list[int]:
    """Appends, and tells how long the file was after each."""
    with closing(Journal(path)) as journal:
        return [_end(journal, body) for body in bodies]


def _end(journal: Journal, body: bytes) -> int:
    journal.append(body)
    return journal.size


def test_what_was_appended_is_there_in_order(path: Path) -> None:
    write(path, *BODIES)
    write(path, b"fourth")

    assert list(frames(path)) == [*BODIES, b"fourth"]


def test_a_new_journal_is_empty(path: Path) -> None:
    write(path)

    assert list(frames(path)) == []


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_bodies_come_back(tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("journal") / "a"
    write(path, *bodies)

    assert list(frames(path)) == bodies


# ---------------------------------------------------------------------------------------- crashes


def cuts(path: Path) -> Iterator[tuple[int, bytes]]:
    """The file as a crash at every byte could leave it: shorter, or as long with the rest never written."""
    content = path.read_bytes()
    for place in range(len(content)):
        yield place, content[:place]


def test_a_crash_at_any_byte_leaves_every_frame_before_it(path: Path) -> None:
    ends = write(path, *BODIES)

    for place, content in cuts(path):
        path.write_bytes(content)
        assert list(frames(path)) == BODIES[: sum(end <= place for end in ends)]


def test_a_last_frame_whose_pages_never_reached_the_disk_is_dropped(path: Path) -> None:
    ends = write(path, *BODIES)

    for place, content in cuts(path):
        if place >= ends[-2]:
            path.write_bytes(content + bytes(ends[-1] - place))
            assert list(frames(path)) == BODIES[:-1]


def test_damage_before_the_last_frame_is_never_taken_for_its_end(path: Path) -> None:
    ends = write(path, *BODIES)
    content = path.read_bytes()

    for place in range(ends[-2]):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x40]) + content[place + 1 :])
        with pytest.raises(JournalError, match="damaged at byte"):
            list(frames(path))


FOREIGN: dict[str, bytes] = {
    "a database": b"SQLite format 3\0" + bytes(100),
    "a text": b"hello",
    "one byte": b"x",
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_file_that_is_no_journal_is_not_taken_for_a_torn_one(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(JournalError):
        list(frames(path))


def test_a_disk_that_is_full_takes_no_frame(path: Path) -> None:
    (size,) = write(path, b"first")
    with closing(Journal(path)) as journal, full_disk(size + 20), pytest.raises(OSError, match=r"full|large"):
        journal.append(b"x" * 100)

    assert list(frames(path)) == [b"first"]


# ---------------------------------------------------------------------------------------- rewriting


def test_rewriting_puts_new_frames_in_the_place_of_the_old(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.append(b"old")
        journal.rewrite([b"new", b"newer"])
        journal.append(b"newest")

        assert journal.size == path.stat().st_size
    assert list(frames(path)) == [b"new", b"newer", b"newest"]


def test_a_rewriting_that_fails_leaves_the_old_frames(path: Path) -> None:
    (size,) = write(path, b"old")
    with closing(Journal(path)) as journal, full_disk(size), pytest.raises(OSError, match="large"):
        journal.rewrite([b"x" * 100])

    assert list(frames(path)) == [b"old"]
    with closing(Journal(path)) as journal:
        journal.rewrite([b"again"])
    assert list(frames(path)) == [b"again"]


def test_nobody_else_reads_it(path: Path) -> None:
    old = os.umask(0)
    try:
        with closing(Journal(path)) as journal:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            journal.rewrite([b"new"])
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(old)


# ---------------------------------------------------------------------------------------- two at once


def test_a_second_process_is_refused_also_after_a_rewriting(path: Path) -> None:
    with closing(Journal(path)) as journal:
        for _ in range(2):
            with pytest.raises(JournalError, match="held by another"):
                Journal(path)
            journal.rewrite([b"new"])

    with closing(Journal(path)):
        pass


def test_a_file_replaced_under_its_holder_is_not_written_by_two(path: Path) -> None:
    """Whoever opened the old file just before a rewriting gets the lock of a file that no name leads to."""
    write(path, b"old")
    stale = path.with_name("stale")
    os.link(path, stale)
    with closing(Journal(path)) as journal:
        journal.rewrite([b"new"])
        with closing(Journal(stale)) as other:
            other.append(b"lost")

        assert list(frames(path)) == [b"new"]
