"""What a record gives back: turns with what the watch saw in them, responses, and what was met on the way."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from audit.entry import JsonValue
from gateway.domain.budget import Used
from gateway.watch.recorded import Seen

MOST_ALTERED: Final = 20


class Row(msgspec.Struct, frozen=True, gc=False):
    """One comparison that the watch saw. The number is empty where it was erased."""

    entry: int
    partner: str
    grant: str
    kind: str
    number: str
    operator: str
    seen: Seen
    before: Used
    after: Used
    is_withheld: bool

    def __repr__(self) -> str:
        return f"Row({self.entry}, grant={self.grant!r})"


class Turn(msgspec.Struct):
    """What one turn saw. `end` is the entry behind its last one."""

    at: datetime
    node: str
    end: int
    rows: list[Row]


class Laid(msgspec.Struct, frozen=True):
    """A response as the ledger tells of it, or an incident that stopped nothing: the clear part and the finding."""

    entry: int
    at: datetime
    node: str
    body: bytes
    finding: JsonValue
    incident: str
    target: str
    is_stop: bool


class Met(msgspec.Struct):
    """What was met on the way. Counts of comparisons, but for `entries` and `altered`."""

    entries: int = 0
    compared: int = 0
    seen: int = 0
    unseen: int = 0
    """Refused before the watch could look, older than that it is recorded, or with no room for it."""
    nameless: int = 0
    """Of subjects that were erased: all but the cell of the number is there."""
    erased: int = 0
    """With nothing left of what the watch saw, because whoever asked was erased."""
    altered: list[tuple[int, str]] = msgspec.field(default_factory=list[tuple[int, str]])
    """Entries whose disclosures are not what was recorded, and in which way; the first of them."""
    erased_of: set[str] = msgspec.field(default_factory=set[str])
    """Grants of which something was erased."""

    def alter(self, entry: int, cause: str) -> None:
        """Keeps the first of what was altered."""
        if len(self.altered) < MOST_ALTERED:
            self.altered.append((entry, cause))
