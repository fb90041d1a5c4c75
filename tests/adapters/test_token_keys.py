"""Keys of tokens in files: made once, the same for ever, private, and gone when they are deleted."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from adapters.keys.files import KeyFileError
from adapters.keys.tokens import KEY_BYTES, TokenKeyFiles
from tests.fakes_audit import CountingEntropy


def test_a_key_is_made_once(tmp_path: Path) -> None:
    keys = TokenKeyFiles(tmp_path / "search", None, CountingEntropy())
    made = [keys.point(), keys.search("2025"), keys.search("2026")]

    again = TokenKeyFiles(tmp_path / "search", None, CountingEntropy("another"))

    assert [again.point(), again.search("2025"), again.search("2026")] == made
    assert len({*made}) == 3
    assert {len(key) for key in made} == {KEY_BYTES}
    assert again.epochs() == ["2025", "2026"]


def test_nobody_else_reads_them(tmp_path: Path) -> None:
    keys = TokenKeyFiles(tmp_path / "search", None, CountingEntropy())
    keys.point()

    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "search").iterdir()} == {0o600}


@pytest.mark.parametrize("epoch", ["", "26", "point", "../2026", "２０２６"])
def test_an_epoch_is_a_year(tmp_path: Path, epoch: str) -> None:
    keys = TokenKeyFiles(tmp_path / "search", None, CountingEntropy())

    with pytest.raises(KeyFileError):
        keys.search(epoch)
