"""High-water marks: what was seen once is never taken for older again, whatever happens to the process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sealing.journal import Journal, JournalError
from adapters.sealing.marks import Mark, Marks
from gateway.deeds.errors import DeedError
from gateway.domain.errors import DownError

A, B, C = ("a" * 64), ("b" * 64), ("c" * 64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "marks.journal"


@pytest.fixture
def marks(path: Path) -> Iterator[Marks]:
    with closing(Marks(path)) as opened:
        yield opened


STORIES: dict[str, tuple[Sequence[Mark], bool]] = {
    "the first": ([Mark("grant", "G-1", 1, A)], True),
    "a later first": ([Mark("grant", "G-1", 7, A)], True),
    "the same again": ([Mark("grant", "G-1", 1, A)] * 3, True),
    "a newer one": ([Mark("grant", "G-1", 1, A), Mark("grant", "G-1", 2, B)], True),
    "some left out": ([Mark("grant", "G-1", 1, A), Mark("grant", "G-1", 9, B)], True),
    "another thing": ([Mark("grant", "G-1", 2, A), Mark("grant", "G-2", 1, B)], True),
    "another kind of that name": ([Mark("grant", "G-1", 2, A), Mark("person", "G-1", 1, B)], True),
    "an older one": ([Mark("grant", "G-1", 2, B), Mark("grant", "G-1", 1, A)], False),
    "another text under the same serial": ([Mark("grant", "G-1", 1, A), Mark("grant", "G-1", 1, B)], False),
    "the old one after a newer": (
        [Mark("grant", "G-1", 1, A), Mark("grant", "G-1", 2, B), Mark("grant", "G-1", 1, A)],
        False,
    ),
}


@pytest.mark.parametrize("restarts", [False, True], ids=["in one life", "over restarts"])
@pytest.mark.parametrize(("story", "good"), STORIES.values(), ids=STORIES)
def test_what_was_seen_is_never_taken_for_older_again(
    path: Path,
    story: Sequence[Mark],
    good: bool,
    restarts: bool,
) -> None:
    marks = Marks(path)
    *before, last = story
    for mark in before:
        marks.raise_to(mark)
        if restarts:
            marks.close()
            marks = Marks(path)

    if good:
        marks.raise_to(last)
        assert marks.newest(last.kind, last.id) == last.serial
    else:
        with pytest.raises(DeedError):
            marks.raise_to(last)
        assert marks.newest(last.kind, last.id) == max(mark.serial for mark in before)
    marks.close()


def test_of_what_was_never_seen_nothing_is_known(marks: Marks) -> None:
    assert marks.newest("grant", "G-1") == 0
    assert list(marks.of("grant")) == []


def test_the_newest_of_a_kind_can_be_asked_for(marks: Marks) -> None:
    for mark in (Mark("person", "li", 1, A), Mark("person", "li", 2, B), Mark("grant", "G-1", 1, C)):
        marks.raise_to(mark)

    assert list(marks.of("person")) == [Mark("person", "li", 2, B)]


def test_a_mark_is_durable_before_it_counts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Marks(path)) as marks:
        marks.raise_to(Mark("grant", "G-1", 1, A))

        def full(_: Journal, __: bytes) -> None:
            raise OSError("no space")

        with monkeypatch.context() as broken:
            broken.setattr(Journal, "append", full)
            with pytest.raises(DownError):
                marks.raise_to(Mark("grant", "G-1", 2, B))
        assert marks.newest("grant", "G-1") == 1
        marks.raise_to(Mark("grant", "G-1", 2, B))

    with closing(Marks(path)) as marks:
        assert marks.newest("grant", "G-1") == 2


@given(cut=st.integers(0, 200))
def test_a_crash_tears_off_the_end_and_no_more(cut: int) -> None:
    """The last append was cut off by a crash: what was promised before is there."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "marks.journal"
        with closing(Marks(path)) as marks:
            marks.raise_to(Mark("grant", "G-1", 1, A))
            whole = path.stat().st_size
            marks.raise_to(Mark("grant", "G-1", 2, B))
        content = path.read_bytes()
        path.write_bytes(content[: max(whole, len(content) - cut)])

        with closing(Marks(path)) as marks:
            assert marks.newest("grant", "G-1") == (2 if cut == 0 else 1)


def test_only_one_process_keeps_them(path: Path) -> None:
    with closing(Marks(path)), pytest.raises(JournalError):
        Marks(path)


def test_a_file_of_something_else_is_refused(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.append(b"\xc1 no mark")

    with pytest.raises(JournalError):
        Marks(path)
