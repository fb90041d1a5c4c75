"""Zip files: members are stored, of known names, each once. Nothing is ever unpacked."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from typing import IO

from audit.standalone.verdicts import MissingError, UnreadableError

MAX_MEMBERS, MAX_MEMBER_BYTES = 300_000, 64 * 1024 * 1024
_LOCAL = struct.Struct("<4s22xHH")


class Zipped:
    """A zip file, opened with suspicion."""

    def __init__(self, file: IO[bytes], names: str) -> None:
        """Look at the list of members. Raise `UnreadableError` unless each is plain and of a known name."""
        self._file = file
        try:
            length = file.seek(0, 2)
            with zipfile.ZipFile(file) as archive:
                listed = archive.infolist()
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, struct.error, NotImplementedError) as error:
            raise UnreadableError(f"不是可读的 zip 文件 / not a readable zip file: {error}") from error
        if len(listed) > MAX_MEMBERS:
            raise UnreadableError("zip 成员过多 / too many members")
        for each in listed:
            self._check(each, re.compile(names, re.ASCII))
        self._members = {each.filename: each for each in listed}
        if len(self._members) < len(listed):
            raise UnreadableError("zip 中有重名成员 / a name stands there twice")
        if sum(each.file_size + _LOCAL.size for each in listed) > length:
            raise UnreadableError("zip 成员大于文件本身 / the members are larger than the file they are in")

    @staticmethod
    def _check(member: zipfile.ZipInfo, names: re.Pattern[str]) -> None:
        if not names.fullmatch(member.orig_filename):
            raise UnreadableError(f"不应有此成员 / a name that does not belong here: {member.orig_filename[:80]!r}")
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            raise UnreadableError(f"{member.filename}：链接或特殊文件 / a link or no plain file")
        if member.compress_type or member.file_size != member.compress_size or member.flag_bits & ~0x800:
            raise UnreadableError(
                f"{member.filename}：压缩或加密，应为原样存放 / compressed or encrypted; it must be stored"
            )
        if member.file_size > MAX_MEMBER_BYTES or member.header_offset < 0:
            raise UnreadableError(f"{member.filename}：过大或不在文件之内 / too large, or not within the file")

    @property
    def names(self) -> set[str]:
        """What there is."""
        return set(self._members)

    def read(self, name: str) -> bytes:
        """Return a member's bytes. Raise `MissingError` when there is none, `UnreadableError` when it is cut off."""
        if name not in self._members:
            raise MissingError(f"缺少 {name} / {name} is missing")
        self._file.seek(self._members[name].header_offset)
        mark, named, extra = _LOCAL.unpack(self._take(_LOCAL.size))
        if mark != b"PK\x03\x04" or self._take(named) != name.encode():
            raise UnreadableError(f"{name}：名称前后不一 / listed under another name than it has")
        self._take(extra)
        return self._take(self._members[name].file_size)

    def _take(self, size: int) -> bytes:
        content = self._file.read(size)
        if len(content) != size:
            raise UnreadableError("zip 文件被截断 / the zip file is cut off")
        return content
