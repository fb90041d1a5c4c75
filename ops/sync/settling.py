"""All records of one subject become one sealed subject, or are refused because the source contradicts itself.

Two keys of the source with one identifier, or two main posts at one time, are refused: nothing says which is right,
and either would answer for somebody else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Protocol

from adapters.index.parts import Sealed, split
from ops.sync.sealing import Refused
from ops.sync.spool import DECOY, NO_LINK, Entry

DUPLICATE = "duplicate"
TWO_KEYS = "同一身份证号或代码出现在两个不同的主键下，请核对后只保留一个"
TWO_MAIN_POSTS = "同一时间有两个主职，请核对起止日期或主职标志"


class Holders(Protocol):
    """What the index holds already; a full sync begins with nothing."""

    def holder(self, head: int, tail: int) -> bytes | None:
        """The key token of the subject's present owner; None if the index does not have it.

        Raises `SyncError` if the head belongs to another subject.
        """
        ...


class Nobody:
    """The holders of an empty index."""

    def holder(self, head: int, tail: int) -> bytes | None:
        return None


@dataclass(frozen=True, slots=True)
class Settled:
    """A subject for the index, and the key token that owns it from now on."""

    sealed: Sealed
    key: bytes
    records: int
    link: bytes = NO_LINK
    is_protected: bool = False

    @property
    def is_decoy(self) -> bool:
        """Whether it is nobody, or was until now."""
        return self.key == DECOY


@dataclass(slots=True)
class Settling:
    """Settles buckets. `touched` are the key tokens that this sync has read whole.

    `decoys` are the subjects of decoys that are in the index already. Whatever the source says of a decoy's number, be
    it refused or deleted, the decoy is `dropped`.
    """

    kinds: Sequence[str]
    holders: Holders
    touched: frozenset[bytes]
    decoys: Collection[bytes] = ()
    dropped: set[bytes] = field(default_factory=set[bytes])
    refused: list[Refused] = field(default_factory=list[Refused])

    def settle(self, bucket: list[Entry]) -> Iterator[Settled]:
        """The subjects of a bucket in the order of their heads; without rows if they are gone."""
        for subject, entries in groupby(bucket, key=attrgetter("subject")):
            settled = self._subject(subject, list(entries))
            if settled is not None:
                yield settled

    def _subject(self, subject: bytes, entries: list[Entry]) -> Settled | None:
        told = [entry for entry in entries if entry.key != DECOY]
        if not told:
            return _settled(subject, entries)
        if subject in self.decoys or len(told) < len(entries):
            self.dropped.add(subject)
        return self._told(subject, told)

    def _told(self, subject: bytes, entries: list[Entry]) -> Settled | None:
        head, tail = split(subject)
        holder = DECOY if subject in self.decoys else self.holders.holder(head, tail)
        records = [entry for entry in entries if entry.record]
        if holder is not None and holder != DECOY and holder not in self.touched:
            # Its owner says nothing new; a newcomer with the same number is refused, and the owner stays.
            self._refuse(records, TWO_KEYS)
            return None
        records = self._without_contradictions(records)
        if not records:
            return None if holder is None else Settled(Sealed(head, tail, entries[0].kind, b""), holder, 0)
        return _settled(subject, records)

    def _without_contradictions(self, records: list[Entry]) -> list[Entry]:
        if len(records) < 2:
            return records
        if len({entry.key for entry in records}) > 1:
            self._refuse(records, TWO_KEYS)
            return []
        clashing = _overlapping([entry for entry in records if entry.main])
        self._refuse(clashing, TWO_MAIN_POSTS)
        return [entry for entry in records if entry not in clashing]

    def _refuse(self, entries: list[Entry], hint: str) -> None:
        self.refused += [Refused(self.kinds[e.kind], e.row, DUPLICATE, hint, e.key) for e in entries]


def _settled(subject: bytes, records: list[Entry]) -> Settled:
    records.sort(key=lambda entry: (not entry.main, -entry.first, entry.row))
    rows = b"".join(entry.record for entry in records)
    sealed, is_protected = Sealed(*split(subject), records[0].kind, rows), any(each.is_protected for each in records)
    return Settled(sealed, records[0].key, len(records), records[0].link, is_protected)


def _overlapping(mains: list[Entry]) -> list[Entry]:
    return [
        entry
        for entry in mains
        if any(entry is not other and entry.first < other.after and other.first < entry.after for other in mains)
    ]
