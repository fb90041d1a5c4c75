"""Sealed rows between reading and writing: on disk in 256 buckets by subject, under a key that only lives in memory.

Rows come in the order of the source and leave in the order of the index, all rows of a subject together, whatever the
source does and however many there are. Memory holds one bucket at a time. Of what a killed sync leaves behind,
nothing can be opened: the key went with the process.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from adapters.index.parts import split
from gateway.seal import Entropy

BUCKETS = 256
DECOY = bytes(16)
"""Stands in the place of a key token for what is nobody's."""
_BUFFER_BYTES = 1 << 16
NO_LINK = bytes(16)
"""Of an entry that only touches its subject, and of decoys."""
_header = struct.Struct("<16s16shQIIBI16s")
_MAIN, _PROTECTED = 1, 2


class Entry(NamedTuple):
    """One sealed record and what settling must know of its row. Without a record it only names a touched subject."""

    subject: bytes
    key: bytes
    kind: int
    row: int
    first: int
    after: int
    main: bool
    record: bytes
    link: bytes = NO_LINK
    is_protected: bool = False

    @classmethod
    def touch(cls, subject: bytes, key: bytes, kind: int, row: int = 0) -> Entry:
        """Says only that something happened to the subject."""
        return cls(subject, key, kind, row, 0, 0, False, b"")

    def pack(self) -> bytes:
        flags = _MAIN * self.main | _PROTECTED * self.is_protected
        fixed = self.subject, self.key, self.kind, self.row, self.first, self.after, flags, len(self.record)
        return _header.pack(*fixed, self.link) + self.record


class Spool:
    """Takes packed entries in any order; gives them back in the order of their subjects' heads."""

    def __init__(self, directory: Path, entropy: Entropy) -> None:
        self._directory = directory
        self._cipher_key = entropy(32)
        self._buffers = [bytearray() for _ in range(BUCKETS)]
        self._encryptors = [self._cipher(bucket).encryptor() for bucket in range(BUCKETS)]

    def add(self, packed: list[bytes]) -> None:
        buffers = self._buffers
        for entry in packed:
            # The last byte of a little-endian head is its highest; signed, so the upper half comes first.
            buffer = buffers[entry[7] ^ 0x80]
            buffer += entry
            if len(buffer) > _BUFFER_BYTES:
                self._flush(entry[7] ^ 0x80)

    def buckets(self) -> Iterator[list[Entry]]:
        """Each bucket once, ascending; entries of one subject stand together, in no order. Deletes what it gave."""
        for bucket in range(BUCKETS):
            content = self._content(bucket)
            yield sorted(_entries(content), key=lambda entry: split(entry.subject))

    def _content(self, bucket: int) -> bytes:
        path = self._path(bucket)
        if not path.exists():
            return bytes(self._buffers[bucket])
        self._flush(bucket)
        content = self._cipher(bucket).decryptor().update(path.read_bytes())
        path.unlink()
        return content

    def _flush(self, bucket: int) -> None:
        with self._path(bucket).open("ab") as file:
            file.write(self._encryptors[bucket].update(bytes(self._buffers[bucket])))
        self._buffers[bucket].clear()

    def _cipher(self, bucket: int) -> Cipher[CTR]:
        # One key stream a bucket: the counter begins far apart from all others.
        return Cipher(AES(self._cipher_key), CTR(bucket.to_bytes(8, "big") + bytes(8)))

    def _path(self, bucket: int) -> Path:
        return self._directory / f"bucket-{bucket:03d}"


def _entries(content: bytes) -> Iterator[Entry]:
    place = 0
    while place < len(content):
        subject, key, kind, row, first, after, flags, length, link = _header.unpack_from(content, place)
        place += _header.size
        record = content[place : place + length]
        is_main, is_protected = bool(flags & _MAIN), bool(flags & _PROTECTED)
        yield Entry(subject, key, kind, row, first, after, is_main, record, link, is_protected)
        place += length
