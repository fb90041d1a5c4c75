"""What every stored form of the index has in common: sealed subjects in the order of their heads.

A subject's 16 bytes are two signed 64-bit halves, little-endian: the head is the key, the tail proves the hit. Each
part keeps its subjects in ascending order of the head, so that parts merge and compare as streams.
"""

from __future__ import annotations

import hashlib
import heapq
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from gateway.generation import CONTENT, GenerationError, Part, PartKind

COLLISION = "two subjects share a 64-bit head, which is rarer than one register in many: run `bidui sync --full` again"

_halves = struct.Struct("<qq")
_key = struct.Struct(">qqh")


class Sealed(NamedTuple):
    """All sealed records of one subject, main post first; no bytes at all say that the subject is gone."""

    head: int
    tail: int
    kind: int
    rows: bytes


class PartWriter(Protocol):
    """Writes one part in one form. What is closed without `finish` is nothing a reader could find."""

    def add(self, subjects: Sequence[Sealed]) -> None:
        """Take subjects in ascending order of their heads, each once."""
        ...

    def finish(self) -> list[Part]:
        """Make the part durable and say how it is stored."""
        ...

    def close(self) -> None: ...


def split(subject: bytes) -> tuple[int, int]:
    """The head and tail of a subject."""
    head, tail = _halves.unpack(subject)
    return head, tail


def join(head: int, tail: int) -> bytes:
    """The subject of a head and a tail."""
    return _halves.pack(head, tail)


def part_name(kind: PartKind, n: int) -> str:
    """What the names of all stored forms of a part begin with."""
    return f"{kind}-{n:04d}"


class ContentPart:
    """Writes nothing: its digest is over the subjects themselves, so that any engine's copy can be held to it.

    Subjects are digested one by one, then by the upper 16 bits of their heads, then all; an SQL server can do the same
    without holding more than one of these groups.
    """

    def __init__(self, kind: PartKind, n: int) -> None:
        self._kind: PartKind = kind
        self._n = n
        self._rows = 0
        self._all = hashlib.sha256()
        self._group = hashlib.sha256()
        self._upper: int | None = None

    def add(self, subjects: Sequence[Sealed]) -> None:
        for head, tail, kind, rows in subjects:
            if head >> 48 != self._upper:
                self._end_group()
                self._upper = head >> 48
            self._group.update(hashlib.sha256(_key.pack(head, tail, kind) + rows).digest())
        self._rows += len(subjects)

    def finish(self) -> list[Part]:
        self._end_group()
        return [Part(self._n, self._kind, part_name(self._kind, self._n) + CONTENT, self._all.hexdigest(), self._rows)]

    def close(self) -> None:
        """Nothing is held."""

    def _end_group(self) -> None:
        if self._upper is not None:
            self._all.update(self._group.digest())
        self._group = hashlib.sha256()
        self._upper = None


def merge(parts: Sequence[Iterable[Sealed]], *, keep_gone: bool = False) -> Iterator[Sealed]:
    """One stream of parts given oldest first: the newest word on each subject, that it is gone only if that is kept.

    Raises `GenerationError` when a head belongs to two subjects.
    """
    last: Sealed | None = None
    for _, _, subject in heapq.merge(*(_aged(part, -age) for age, part in enumerate(parts))):
        if last is not None and subject.head == last.head:
            if subject.tail != last.tail:
                raise GenerationError(COLLISION)
            continue
        last = subject
        if subject.rows or keep_gone:
            yield subject


def _aged(part: Iterable[Sealed], age: int) -> Iterator[tuple[int, int, Sealed]]:
    return ((subject.head, age, subject) for subject in part)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, read as a stream."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that is whole on disk when this returns; its name is the caller's business."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def make_durable(path: Path) -> None:
    """Return when the file, or the entries of the directory, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
