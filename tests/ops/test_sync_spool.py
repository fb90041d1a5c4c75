"""Sealed rows leave the spool in the order of the index, and lie on disk in a form that nobody can open."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from adapters.index.parts import Sealed, join, split
from ops.sync import SyncError, spool
from ops.sync.settling import Nobody, Settled, Settling
from ops.sync.spool import BUCKETS, Entry, Spool
from ops.sync.state import Origin, State

ORIGIN = Origin(manifest="m", key="k", mappings={"person": "d"}, marks={"person": 7})


def _entries(count: int) -> list[Entry]:
    random = Random(7)
    subjects = [random.randbytes(16) for _ in range(count // 2)]
    return [
        Entry(random.choice(subjects), random.randbytes(16), n % 2, n, n, n + 1, bool(n % 3), random.randbytes(n % 40))
        for n in range(count)
    ]


def _spooled(directory: Path, entries: list[Entry]) -> Spool:
    found = Spool(directory, lambda count: b"e" * count)
    found.add([entry.pack() for entry in entries])
    return found


@pytest.mark.parametrize("buffered", [0, 500, 1 << 16])
def test_what_went_in_comes_out_in_the_order_of_heads(
    buffered: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "_BUFFER_BYTES", buffered)
    entries = _entries(3_000)

    buckets = list(_spooled(tmp_path, entries).buckets())

    out = [entry for bucket in buckets for entry in bucket]
    assert len(buckets) == BUCKETS
    assert [split(entry.subject) for entry in out] == sorted(split(entry.subject) for entry in entries)
    assert sorted(out) == sorted(entries)
    assert list(tmp_path.iterdir()) == []


def test_nothing_on_disk_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_BUFFER_BYTES", 0)
    entries = _entries(100)
    _spooled(tmp_path, entries)

    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert len(written) == sum(len(entry.pack()) for entry in entries)
    assert not any(part in written for entry in entries for part in (entry.subject, entry.key, entry.pack()[:60]))


def test_each_spool_has_a_key_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_BUFFER_BYTES", 0)
    entry = Entry(b"s" * 16, b"k" * 16, 0, 1, 0, 1, True, b"r" * 60)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Spool(tmp_path / name, os.urandom).add([entry.pack()])

    one, other = (path.read_bytes() for path in sorted(tmp_path.glob("*/bucket-*")))

    assert one != other


def _state(path: Path, *subjects: Sealed) -> State:
    state = State.create(path / "draft")
    state.begin()
    state.add([Settled(subject, b"key-%d" % subject.kind, 1) for subject in subjects], lambda _: None)
    state.finish(ORIGIN, path / "state")
    return state


def test_the_state_knows_owners_counts_and_where_to_go_on(tmp_path: Path) -> None:
    state = _state(tmp_path, Sealed(-5, 6, 0, b"r"), Sealed(7, 8, 1, b"r"))

    assert state.holder(-5, 6) == b"key-0"
    assert state.holder(99, 1) is None
    assert state.subjects_of(b"key-1") == [(7, 8, 1)]
    assert state.counts() == {0: (1, 1), 1: (1, 1)}
    state.close()
    reopened = State(tmp_path / "state")
    assert reopened.origin() == ORIGIN
    reopened.close()


def test_two_subjects_with_one_head_stop_the_sync(tmp_path: Path) -> None:
    state = _state(tmp_path, Sealed(-5, 6, 0, b"r"))

    with pytest.raises(SyncError, match="sync --full"):
        state.holder(-5, 7)
    state.close()


def test_a_state_that_was_never_finished_belongs_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"not a database, but something else of some length")

    state = State(tmp_path / "state")

    assert state.origin() is None
    state.close()


def test_a_subject_that_is_only_touched_is_nothing_new(tmp_path: Path) -> None:
    touched = Entry.touch(join(1, 2), b"k" * 16, 0)

    assert list(Settling(["person"], Nobody(), frozenset()).settle([touched])) == []
