"""Zip files as evidence travels in: written the same to the byte every time, and read with suspicion.

Members are stored, never compressed, so that no library's version shows in a digest and nothing can blow up. The
reader takes names of known forms alone, each once, and nothing that is a link, encrypted, or counted twice.
"""

from __future__ import annotations

import re
import stat
import struct
from collections.abc import Iterable
from typing import IO
from zipfile import ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from audit.errors import ArchiveError

MAX_MEMBERS = 300_000
MAX_MEMBER_BYTES = 64 * 1024 * 1024
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16
_UNIX = 3
_HEADER = struct.Struct("<4s22xHH")
_MARK = b"PK\x03\x04"


def write_zip(sink: IO[bytes], members: Iterable[tuple[str, bytes]]) -> None:
    """Write these members in this order; `sink` can be sought. The same members give the same bytes, anywhere."""
    with ZipFile(sink, "w", ZIP_STORED) as archive:
        for name, content in members:
            info = ZipInfo(name, _LONG_AGO)
            info.create_system, info.external_attr = _UNIX, _MODE
            archive.writestr(info, content)


class Zipped:
    """A zip file, opened. Content is read only when asked for; nothing is ever written."""

    def __init__(self, file: IO[bytes], names: re.Pattern[str]) -> None:
        """Look at the list of members. Raise `ArchiveError` unless every name is of these forms, once, and plain."""
        self._file = file
        try:
            self._members = _examined(file, names)
        except (BadZipFile, LargeZipFile, ValueError, EOFError, OSError, struct.error, NotImplementedError) as error:
            raise ArchiveError(f"not a zip file that can be read: {error}") from error

    @property
    def names(self) -> frozenset[str]:
        """What there is."""
        return frozenset(self._members)

    def read(self, name: str) -> bytes:
        """Return a member's bytes as they are there: checksums of zip say nothing that signatures do not say better.

        Raise `ArchiveError` when there is none, or it is cut off.
        """
        member = self._members.get(name)
        if member is None:
            raise ArchiveError(f"{name} is missing")
        self._file.seek(member.header_offset)
        mark, named, extra = _HEADER.unpack(self._take(_HEADER.size, name))
        if mark != _MARK or self._take(named, name) != name.encode():
            raise ArchiveError(f"{name} is listed under another name than it has")
        self._take(extra, name)
        return self._take(member.file_size, name)

    def _take(self, size: int, name: str) -> bytes:
        content = self._file.read(size)
        if len(content) != size:
            raise ArchiveError(f"{name} is cut off")
        return content


def _examined(file: IO[bytes], names: re.Pattern[str]) -> dict[str, ZipInfo]:
    length = file.seek(0, 2)
    with ZipFile(file) as archive:
        listed = archive.infolist()
    if len(listed) > MAX_MEMBERS:
        raise ArchiveError(f"more than {MAX_MEMBERS} members")
    for member in listed:
        _check_plain(member, names)
    if len({member.filename for member in listed}) < len(listed):
        raise ArchiveError("a name stands there twice")
    if sum(member.file_size + _HEADER.size for member in listed) > length:
        raise ArchiveError("the members are larger than the file they are in")
    return {member.filename: member for member in listed}


def _check_plain(member: ZipInfo, names: re.Pattern[str]) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if not names.fullmatch(member.orig_filename):
        raise ArchiveError(f"a name that does not belong here: {member.orig_filename[:80]!r}")
    if kind not in {0, stat.S_IFREG}:
        raise ArchiveError(f"{member.filename} is a link or no plain file")
    if member.compress_type != ZIP_STORED or member.file_size != member.compress_size or member.flag_bits & ~0x800:
        raise ArchiveError(f"{member.filename} is compressed, encrypted or of unknown length; members are only stored")
    if member.file_size > MAX_MEMBER_BYTES or member.header_offset < 0:
        raise ArchiveError(f"{member.filename} has more than {MAX_MEMBER_BYTES} bytes, or lies outside the file")
