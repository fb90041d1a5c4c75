"""High-water marks: the newest serial that was ever seen of each thing, so that an older one is never taken again.

A grant that was narrowed or withdrawn still bears its signatures. Whoever has taken over serve could show the older
one; the sealing process remembers that it has seen a newer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from adapters.sealing.journal import Journal, JournalError, frames
from gateway.deeds.errors import DeedError
from gateway.domain.errors import DownError


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Which serial of what, by the digest of its document."""

    kind: str
    id: str
    serial: int
    digest: str


class Marks:
    """On a journal of its own; a mark is durable before it counts. When the file cannot be written, `DownError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[str, str], Mark] = {}
        self._journal: Journal | None = self._open()

    def raise_to(self, mark: Mark) -> None:
        """Returns if nothing newer was seen before. Raises `DeedError`."""
        known = self._known.get((mark.kind, mark.id))
        if known == mark:
            return
        if known is not None and mark.serial <= known.serial:
            raise DeedError("此文书已有更新的一版，旧版不再有效")
        self._append(mark)
        self._known[mark.kind, mark.id] = mark

    def newest(self, kind: str, deed_id: str) -> int:
        """The newest serial that was seen; 0 if none was."""
        known = self._known.get((kind, deed_id))
        return known.serial if known else 0

    def of(self, kind: str) -> Iterator[Mark]:
        """The newest mark of everything of a kind."""
        return (mark for mark in self._known.values() if mark.kind == kind)

    def close(self) -> None:
        journal, self._journal = self._journal, None
        if journal:
            journal.close()

    def _append(self, mark: Mark) -> None:
        try:
            self._journal = self._journal or self._open()
            self._journal.append(_encoder.encode(mark))
        except OSError as error:
            self.close()
            raise DownError("the marks of deeds cannot be written; is the disk full?") from error

    def _open(self) -> Journal:
        """What a crash tore off at the end goes; every mark that was promised is there."""
        journal = Journal(self._path)
        try:
            self._known = {(mark.kind, mark.id): mark for mark in _read(self._path)}
            journal.rewrite(_encoder.encode(mark) for mark in self._known.values())
        except BaseException:
            journal.close()
            raise
        return journal


def _read(path: Path) -> Iterator[Mark]:
    for body in frames(path):
        try:
            yield _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise JournalError(f"{path} is not what was written; restore the sealing process's own folder") from None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Mark)
