"""A generation becomes visible by one rename: whatever dies before leaves the old one, whatever dies after the new."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.index import directory
from adapters.index.directory import building, pointer, prune, read_current
from adapters.index.parts import make_durable
from adapters.index.sqlite import SqliteIndex
from gateway.generation import GenerationError
from tests.fakes_index import KEY, a_look_up, a_subject, publish_parts

OLD, NEW = a_subject(1), a_subject(2)


def _answers(root: Path) -> list[bytes]:
    index = SqliteIndex.open(root, KEY.public_key())
    found = index.find("person", [a_look_up(OLD), a_look_up(NEW)])
    index.close()
    return found


def test_there_is_nothing_before_the_first_sync(tmp_path: Path) -> None:
    assert pointer(tmp_path) is None
    with pytest.raises(GenerationError, match="run `bidui sync`"):
        read_current(tmp_path, KEY.public_key())


STEPS = ["write_durably", "make_durable", "Pointer"]


@pytest.mark.parametrize("step", STEPS)
def test_a_death_at_any_step_leaves_the_old_generation(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_parts(tmp_path, [[OLD]])

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(directory, step, die)
    with pytest.raises(KeyboardInterrupt):
        publish_parts(tmp_path, [[NEW]], number=1, name="g20270101000000ffff")
    monkeypatch.undo()

    assert _answers(tmp_path) == [OLD.rows, b""]
    publish_parts(tmp_path, [[NEW]], number=1, name="g20270101000000ffff")
    assert _answers(tmp_path) == [b"", NEW.rows]


def test_a_death_after_the_rename_leaves_the_new_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_parts(tmp_path, [[OLD]])

    def die_at_the_end(path: Path) -> None:
        if path == tmp_path:
            raise KeyboardInterrupt
        make_durable(path)

    monkeypatch.setattr(directory, "make_durable", die_at_the_end)
    with pytest.raises(KeyboardInterrupt):
        publish_parts(tmp_path, [[NEW]], number=1)
    monkeypatch.undo()

    assert _answers(tmp_path) == [b"", NEW.rows]


def test_what_a_dead_sync_left_is_removed_by_the_next(tmp_path: Path) -> None:
    with building(tmp_path) as work:
        (work / "half").write_bytes(b"half")
        (work / "inside").mkdir()

    with building(tmp_path) as work:
        assert list(work.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_stops_before_anything_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_parts(tmp_path, [[OLD]])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(directory, "write_durably", full)
    with pytest.raises(OSError, match="No space"):
        publish_parts(tmp_path, [[NEW]], number=1)

    assert _answers(tmp_path) == [OLD.rows, b""]


def test_a_manifest_that_current_does_not_name_is_not_read(tmp_path: Path) -> None:
    published = publish_parts(tmp_path, [[OLD]])
    file = published.directory / "manifest-0000.json"
    file.write_bytes(file.read_bytes().replace(b'"rows":1', b'"rows":2'))

    with pytest.raises(GenerationError, match="not the one"):
        read_current(tmp_path, KEY.public_key())


def test_a_manifest_that_is_missing_says_what_to_do(tmp_path: Path) -> None:
    published = publish_parts(tmp_path, [[OLD]])
    (published.directory / "manifest-0000.sig").unlink()

    with pytest.raises(GenerationError, match="sync --full"):
        read_current(tmp_path, KEY.public_key())


def test_two_generations_are_kept(tmp_path: Path) -> None:
    for year in (2024, 2025, 2026):
        published = publish_parts(tmp_path, [[OLD]], name=f"g{year}0101000000abcd")
        prune(tmp_path, published)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["current", "g20250101000000abcd", "g20260101000000abcd"]


def test_manifests_are_kept_for_a_while(tmp_path: Path) -> None:
    for number in range(70):
        published = publish_parts(tmp_path, [[OLD]], number=number)
    (published.directory / "delta-0009.sqlite").touch()
    prune(tmp_path, published)

    kept = sorted(path.stem for path in published.directory.glob("manifest-*.json"))
    assert kept == [f"manifest-{number:04d}" for number in range(6, 70)]
    assert not (published.directory / "delta-0009.sqlite").exists()
    assert _answers(tmp_path) == [OLD.rows, b""]
