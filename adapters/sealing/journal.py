"""A file that only grows, frame by frame, each durable before `append` returns.

A frame is a mark, the length of its body, a checksum and the body. What a crash left half written at the end was never
promised to anybody and is dropped; whatever else cannot be read is damage, and damage is never repaired by guessing.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from adapters.keys.files import sync_folder
from gateway.domain.errors import DownError

_HEAD = struct.Struct(">4sI8s")
_MARK = b"\xb1jf\x01"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_PRIVATE = 0o600


class JournalError(DownError):
    """The journal is in use elsewhere, or is not what was written; the message says what to do."""


class Journal:
    """One process's hold on the file. `OSError` from any method means that nothing more is promised: open it anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, _FLAGS, _PRIVATE)
        try:
            self._hold(self._file)
            self._check_named(self._file)
            self.size = os.fstat(self._file).st_size
        except BaseException:
            os.close(self._file)
            raise

    def append(self, body: bytes) -> None:
        """Adds a frame: one write, and the disk has it."""
        frame = _frame(body)
        if os.write(self._file, frame) != len(frame):
            raise OSError(f"{self._path} took only a part of a frame; is the disk full?")
        os.fdatasync(self._file)
        self.size += len(frame)

    def rewrite(self, bodies: Iterable[bytes]) -> None:
        """Puts these frames in the place of all others. A crash leaves the old file or the new one."""
        new = self._path.with_name(f"{self._path.name}.new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, _FLAGS | os.O_EXCL, _PRIVATE), "wb") as file:
            self._hold(file.fileno())
            for body in bodies:
                file.write(_frame(body))
            file.flush()
            os.fsync(file.fileno())
            new.replace(self._path)
            sync_folder(self._path.parent)
            os.dup2(file.fileno(), self._file, inheritable=False)
        self.size = os.fstat(self._file).st_size

    def close(self) -> None:
        os.close(self._file)

    def _hold(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(f"{self._path} is held by another process; end that one first") from None

    def _check_named(self, file: int) -> None:
        """A file that was replaced before it was held is nobody's any more."""
        if not os.path.samestat(os.fstat(file), self._path.stat()):
            raise JournalError(f"{self._path} was replaced while it was opened; start again")


def frames(path: Path) -> Iterator[bytes]:
    """The bodies in a journal, without its torn end. `JournalError` for damage anywhere before that."""
    content, place = path.read_bytes(), 0
    while (body := _whole(content, place)) is not None:
        yield body
        place += _HEAD.size + len(body)
    if not _is_torn_end(content, place):
        raise JournalError(f"{path} is damaged at byte {place}; see docs/operations.md before you remove it")


def _frame(body: bytes) -> bytes:
    return _HEAD.pack(_MARK, len(body), _checksum(body)) + body


def _checksum(body: bytes) -> bytes:
    return sha256(len(body).to_bytes(4, "big") + body).digest()[:8]


def _whole(content: bytes, place: int) -> bytes | None:
    """The body of the frame that begins there, if all of it is as it was written."""
    if len(content) - place < _HEAD.size:
        return None
    mark, length, checksum = _HEAD.unpack_from(content, place)
    body = content[place + _HEAD.size : place + _HEAD.size + length]
    return body if mark == _MARK and len(body) == length and checksum == _checksum(body) else None


def _is_torn_end(content: bytes, place: int) -> bool:
    """Whether the rest can be one frame that a crash cut off: what reached the disk of it begins as one."""
    begins = content[place : place + len(_MARK)].rstrip(b"\0")
    return _MARK.startswith(begins) and not _has_frame_behind(content, place)


def _has_frame_behind(content: bytes, place: int) -> bool:
    marks = re.compile(re.escape(_MARK)).finditer(content, place + 1)
    return any(_whole(content, mark.start()) is not None for mark in marks)
