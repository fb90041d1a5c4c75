"""Hostile zip files: each is refused with its cause, by both readers, and nothing is ever written."""

import stat
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest

from audit.errors import ArchiveError
from audit.export import Export
from audit.standalone.log import verify_log
from audit.standalone.trusting import parse_trust
from audit.standalone.verdicts import UnreadableError
from tests.audit.make import a_checkpoint_of, a_log, a_trust
from tests.audit.standalone.test_log import exported

TRUST = parse_trust(a_trust().encode())


def zipped(*members: tuple[str | ZipInfo, bytes], compression: int = ZIP_STORED) -> bytes:
    sink = BytesIO()
    with ZipFile(sink, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return sink.getvalue()


def linked() -> bytes:
    info = ZipInfo("export.json")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return zipped((info, b"/etc/passwd"))


def encrypted() -> bytes:
    content = bytearray(zipped(("export.json", b"{}")))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    return bytes(content)


def counted_twice() -> bytes:
    """Two names in the directory lead to one place: the oldest way to make a bomb without compression."""
    content = zipped(("trust.json", b"x" * 10_000), ("export.json", b"y" * 10_000))
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 4)
    return content[: first - 10_041] + content[first : second + 42] + bytes(4) + content[second + 46 :]


def renamed() -> bytes:
    content = zipped(("export.json", b"{}"))
    return content.replace(b"export.json", b"../../x.sh\0", 1)


def one_place_under_two_names() -> bytes:
    """Each entry of the directory is right by itself, and both lead to the same bytes."""
    content = zipped(("trust.json", b"x" * 10_000))
    directory, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    listed = content[directory:end]
    both = listed + listed.replace(b"trust.json", b"tile/0/000")
    tail = bytearray(content[end:])
    tail[8:12] = b"\2\0\2\0"
    tail[12:16] = len(both).to_bytes(4, "little")
    return content[:directory] + both + bytes(tail)


def extra_without_end() -> bytes:
    """The header before the bytes says that more comes between them than there is."""
    content = zipped(("export.json", b"{}"))
    return content[:28] + b"\xff\xff" + content[30:]


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a way up": lambda: zipped(("../../etc/cron.d/x", b"")),
    "an absolute name": lambda: zipped(("/etc/passwd", b"")),
    "a name of Windows": lambda: zipped(("C:\\x", b"")),
    "a name that is not ours": lambda: zipped(("export.json", b"{}"), ("run.sh", b"")),
    "a name twice": lambda: zipped(("export.json", b"{}"), ("export.json", b"{}")),
    "a name that only looks alike": lambda: zipped(("trust.jѕon", b"")),
    "a folder": lambda: zipped(("tile/", b"")),
    "a link": linked,
    "a bomb": lambda: zipped(("export.json", bytes(10_000_000)), compression=ZIP_DEFLATED),
    "an encrypted member": encrypted,
    "one place counted twice": counted_twice,
    "one place under two names": one_place_under_two_names,
    "more between than there is": extra_without_end,
    "another name inside": renamed,
    "cut off": lambda: zipped(("export.json", b"{}"))[:-30],
    "nothing": lambda: b"",
    "no zip": lambda: b"PK nothing of the kind" * 10,
    "an empty zip": zipped,
    "an export of nothing": lambda: zipped(("export.json", b"{}")),
    "an export that is no JSON": lambda: zipped(("export.json", b"\xff\xfe")),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_by_both(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = HOSTILE[case]()

    with pytest.raises(UnreadableError) as alone:
        verify_log(BytesIO(content), None)
    with pytest.raises(ArchiveError):
        Export(BytesIO(content))

    assert str(alone.value)
    assert list(tmp_path.iterdir()) == []


def test_more_members_than_anybody_needs_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    content = zipped(("export.json", b"{}"), ("trust.json", b"{}"), ("tile/0/000", b""))
    for module in ("audit.zipped", "audit.standalone.zips"):
        monkeypatch.setattr(f"{module}.MAX_MEMBERS", 2)

    with pytest.raises(UnreadableError, match="too many members"):
        verify_log(BytesIO(content), None)
    with pytest.raises(ArchiveError, match="more than 2 members"):
        Export(BytesIO(content))


def test_every_flipped_byte_of_an_export_is_noticed() -> None:
    log = a_log(4)
    content = exported(log, [a_checkpoint_of(log)]).getvalue()
    unnoticed: list[int] = []
    for at in range(0, len(content), 13):
        flipped = content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]
        try:
            found = verify_log(BytesIO(flipped), TRUST)
        except UnreadableError:
            continue
        if found.verdict == 0:
            unnoticed.append(at)

    assert [at for at in unnoticed if not _means_nothing(content, at)] == []


def _means_nothing(content: bytes, at: int) -> bool:
    """Checksums, dates and versions of the zip, and the trust file that came along, prove nothing and are not read."""
    with ZipFile(BytesIO(content)) as archive:
        starts = {each.header_offset: each for each in archive.infolist()}
    directory = content.index(b"PK\x01\x02")
    if at >= directory:
        return True
    start = max(each for each in starts if each <= at)
    body = start + 30 + len(starts[start].filename)
    return at < body or starts[start].filename == "trust.json"
