"""How deeds are kept, while they are on their way and after: the port of the store."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from gateway.deeds.deed import Deed, read_deed


class State(StrEnum):
    """Where an attempt at a deed stands. Expiry, withdrawal and freezing follow from the deeds in force."""

    PENDING = "pending"
    REFUSED = "refused"
    IN_FORCE = "in_force"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one version of something. `entry` is the ledger entry that brought it into force, or 0.

    `changed` is Unix time in seconds; `note` is the reason of a refusal, empty otherwise; `partner` is empty for a
    deed that is about none.
    """

    kind: str
    id: str
    serial: int
    attempt: int
    state: State
    deed: bytes
    author: str
    partner: str
    entry: int
    changed: int
    note: str = ""

    def opened(self) -> Deed:
        """Raises `DeedError`."""
        return read_deed(self.deed)


class DeedStore(Protocol):
    """Deeds, inside one transaction. What is read here proves nothing until its signatures are checked."""

    def lock(self) -> None:
        """Keeps every other writer of deeds out until the transaction ends; before anything is read, or it is late."""
        ...

    def pending(self) -> Sequence[Kept]:
        """Every deed that waits for a signature, the oldest first."""
        ...

    def attempts(self, kind: str, deed_id: str) -> Sequence[Kept]:
        """Everything that ever was of one thing, in order."""
        ...

    def in_force(self, after: int) -> Sequence[Kept]:
        """What came into force by a ledger entry behind this index, in the order of the entries."""
        ...

    def put(self, kept: Kept) -> None:
        """Keeps it, in place of the pending attempt of the same number if there is one."""
        ...

    def last_change(self) -> bytes:
        """The ledger's last entry that brought a deed into force; empty when there is none."""
        ...

    def advance(self) -> None:
        """Grows the control epoch: every node loads the deeds anew before its next turn."""
        ...
