"""Entries themselves, for the two duties that read the trail: as bytes, and recorded before they are shown.

What is missing is said with its cause: pruned, kept from this duty, or not what it was stored as.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from audit.entry import leaf_hash
from audit.ledger import Ledger
from audit.reader import LedgerReader, suite_of_log
from audit.trail_events import trail_read
from audit.tree import HASH_BYTES
from gateway.domain.people import Duty, Person
from gateway.office import OfficeStore
from gateway.ports import Clock
from gateway.trail.secrecy import Secrecy
from gateway.trail.words import Word, open_entry, words_of

READERS: Final = (Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN)
MOST: Final = 256
"""Entries that one look may show: a tile of them."""


class Missing(StrEnum):
    """Why an entry is not shown."""

    PRUNED = "pruned"
    WITHHELD = "withheld"
    DIFFERS = "differs"
    """It is not what it was stored as: run `bidui audit verify`."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry: its place, its leaf hash as the tree has it, its bytes or why there are none."""

    index: int
    leaf: bytes
    entry: bytes | None
    missing: Missing | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What was looked at; `recorded` is the look's own entry."""

    recorded: int
    shown: tuple[Shown, ...]


@dataclass(frozen=True, kw_only=True)
class EntryDesk:
    """What stands behind the door; asked in threads."""

    reader: LedgerReader
    store: OfficeStore
    ledger: Ledger
    clock: Clock
    secrecy: Secrecy

    def look(self, by: Person, first: int, last: int) -> Look | None:
        """Entries `first` to `last`; None where the log has none of them. Raises `UnavailableError`."""
        end = min(last + 1, self.reader.head().size, first + MOST)
        if not 0 <= first < end:
            return None
        draft = trail_read(person=by.id, duty=by.duty, use="entries", first=first, last=end - 1)
        with self.store.begin() as work:
            recorded = self.ledger.append(work.ledger, [draft], self.clock.now())[0].index
            work.commit()
        hidden = frozenset[Word]() if by.duty is Duty.AUDIT_ADMIN else self.secrecy.secret().words()
        return Look(recorded, tuple(self._shown(first, end, hidden)))

    def _shown(self, first: int, end: int, hidden: frozenset[Word]) -> Iterator[Shown]:
        leaves, floor, digest = self.reader.hashes(0, first, end), self.reader.floor(), suite_of_log(self.reader).digest
        for index in range(first, end):
            at = (index - first) * HASH_BYTES
            leaf = leaves[at : at + HASH_BYTES]
            content = next(iter(self.reader.entries(index, index + 1)), None)
            if content is None:
                yield Shown(index, leaf, None, Missing.PRUNED if index < floor else Missing.DIFFERS)
            elif leaf_hash(content, digest) != leaf:
                yield Shown(index, leaf, None, Missing.DIFFERS)
            elif hidden & words_of(open_entry(content)):
                yield Shown(index, leaf, None, Missing.WITHHELD)
            else:
                yield Shown(index, leaf, content)
