"""What was last in force, remembered beside the checkpoints: it only goes up, for whoever writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.newest_rights import FileNewest
from gateway.deeds.reading import Newest
from gateway.domain.errors import DownError

STORIES = {
    "nothing yet": ([], Newest()),
    "the first": ([Newest(7, "a")], Newest(7, "a")),
    "a newer one": ([Newest(7, "a"), Newest(9, "b")], Newest(9, "b")),
    "an older one comes late": ([Newest(9, "b"), Newest(7, "a")], Newest(9, "b")),
    "another word of the same entry": ([Newest(9, "b"), Newest(9, "c")], Newest(9, "b")),
}


@pytest.mark.parametrize(("told", "kept"), STORIES.values(), ids=STORIES.keys())
def test_it_only_goes_up_between_nodes_too(tmp_path: Path, told: list[Newest], kept: Newest) -> None:
    nodes = [FileNewest(tmp_path / "checkpoints") for _ in range(2)]
    for place, each in enumerate(told):
        nodes[place % 2].raise_to(each)

    assert [node.read() for node in (*nodes, FileNewest(tmp_path / "checkpoints"))] == [kept] * 3


def test_what_cannot_be_kept_stops_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DownError):
        FileNewest(tmp_path / "file")

    store = FileNewest(tmp_path)
    (tmp_path / "rights.new").mkdir()
    with pytest.raises(DownError, match="disk"):
        store.raise_to(Newest(1, "a"))


@pytest.mark.parametrize("spoilt", [b"", b"{", b"\xff\xfe", b'{"entry":1,"rights":"\xff"}'])
def test_a_file_that_was_spoilt_stops_all(tmp_path: Path, spoilt: bytes) -> None:
    (tmp_path / "rights").write_bytes(spoilt)

    with pytest.raises(DownError, match="cannot be read"):
        FileNewest(tmp_path)
