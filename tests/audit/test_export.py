"""Log exports: the same to the byte, readable like the log itself, and nothing hostile gets in."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from io import BytesIO

import pytest

from audit.errors import ArchiveError
from audit.export import Export, Extent, extent_of, join_records, place, split_records, write_export
from audit.tree import StoredTree
from tests.audit.make import ORIGIN, a_checkpoint_of, a_log, a_trust
from tests.fakes_audit import MemoryLedger

SIZE = 700


def an_export(
    log: MemoryLedger, checkpoints: Sequence[bytes] = (), *, first: int = 0, end: int | None = None
) -> tuple[BytesIO, str]:
    checkpoints = checkpoints or [a_checkpoint_of(log, size) for size in (300, SIZE)]
    extent = extent_of(checkpoints, origin=ORIGIN, first=first, end=end, disclosures=True)
    sink = BytesIO()
    return sink, write_export(sink, extent, log, trust=a_trust().encode(), checkpoints=checkpoints)


def test_an_export_is_the_same_to_the_byte_and_named_by_its_digest() -> None:
    log = a_log(SIZE)
    checkpoints = [a_checkpoint_of(log)]

    (one, digest), (other, same) = an_export(log, checkpoints), an_export(log, checkpoints)

    assert one.getvalue() == other.getvalue()
    assert digest == same == sha256(one.getvalue()).hexdigest()


def test_an_export_reads_like_the_log_it_was_made_of() -> None:
    log = a_log(SIZE)
    checkpoints = [a_checkpoint_of(log, 300), a_checkpoint_of(log)]

    export = Export(an_export(log, checkpoints)[0])

    assert list(export.entries(0, SIZE)) == list(log.entries(0, SIZE))
    assert list(export.entries(250, 520)) == list(log.entries(250, 520))
    assert list(export.disclosures(0, SIZE)) == list(log.disclosures(0, SIZE))
    assert export.hashes(0, 100, 600) == log.hashes(0, 100, 600)
    assert export.hashes(1, 0, 2) == log.hashes(1, 0, 2)
    assert export.trust == a_trust().encode()
    assert export.checkpoints() == checkpoints
    assert export.extent.is_whole


def test_a_range_leads_to_every_checkpoint() -> None:
    log = a_log(SIZE)

    export = Export(an_export(log, first=256, end=512)[0])

    assert list(export.entries(0, SIZE)) == list(log.entries(256, 512))
    for size in (300, SIZE):
        assert StoredTree(size, export.hashes).root() == StoredTree(size, log.hashes).root()
    assert not export.extent.is_whole


@pytest.mark.parametrize(("first", "end"), [(100, 512), (512, 512), (512, 256), (0, SIZE + 1), (-256, 10)])
def test_a_range_that_nothing_covers_is_refused(first: int, end: int) -> None:
    with pytest.raises(ArchiveError, match="a range begins"):
        an_export(a_log(SIZE), first=first, end=end)


def test_no_export_is_made_of_a_log_that_lacks_an_entry() -> None:
    log = a_log(SIZE)
    checkpoints = [a_checkpoint_of(log)]
    log.rows = [row for row in log.rows if row.index != 300]

    with pytest.raises(ArchiveError, match=r"are not all there|entry 300"):
        write_export(
            BytesIO(), extent_of(checkpoints, origin=ORIGIN), log, trust=a_trust().encode(), checkpoints=checkpoints
        )


def test_an_entry_that_goes_missing_meanwhile_ends_the_export() -> None:
    """The hashes are all there, the bytes are not."""
    log = a_log(SIZE)
    whole = replace(log, rows=[*log.rows])
    log.rows = [row for row in log.rows if row.index != 300]
    log.hashes = whole.hashes  # type: ignore[method-assign]  # a reader whose hashes outlive an entry

    with pytest.raises(ArchiveError, match="entry 300 is missing"):
        an_export(log)


def test_the_entries_of_an_export_are_kept_from_its_first_on() -> None:
    export = Export(an_export(a_log(SIZE), first=256, end=512)[0])

    assert [index for index, _ in export.kept(260)] == [256, 257, 258, 259]
    assert export.floor() == 256


PLACES = {
    ("tile/0", 0, 700): "tile/0/000",
    ("tile/0", 2, 700): "tile/0/002.p/188",
    ("tile/entries", 1234067, 10**10): "tile/entries/x001/x234/067",
    ("tile/1", 0, 1): "tile/1/000.p/1",
}


@pytest.mark.parametrize(("asked", "expected"), PLACES.items())
def test_files_are_named_as_c2sp_tlog_tiles_has_them(asked: tuple[str, int, int], expected: str) -> None:
    assert place(*asked) == expected


def test_records_that_are_cut_off_are_missing() -> None:
    bundle = join_records([b"one", b"", b"three"])

    assert split_records(bundle) == [b"one", b"", b"three"]
    assert split_records(bundle[:-1]) == [b"one", b""]
    assert split_records(b"\x00") == []


WRONG_EXTENTS = {
    "another type": Extent(type="bidui-log-export/2", origin=ORIGIN, first=0, end=1, size=1),
    "nothing": Extent(origin=ORIGIN, first=0, end=0, size=1),
    "more than the tree": Extent(origin=ORIGIN, first=0, end=2, size=1),
    "not on a tile": Extent(origin=ORIGIN, first=1, end=2, size=2),
}


@pytest.mark.parametrize("case", WRONG_EXTENTS)
def test_a_range_that_cannot_be_is_not_opened(case: str) -> None:
    log = a_log(3)
    sink = BytesIO()
    write_export(sink, WRONG_EXTENTS[case], log, trust=b"", checkpoints=[]) if case != "more than the tree" else None

    with pytest.raises(ArchiveError):
        Export(sink)
