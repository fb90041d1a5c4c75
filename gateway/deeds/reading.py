"""Reading all deeds in force from the store, and holding them against what the ledger says of them."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from audit.entry import decode
from audit.errors import AuditError
from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import Foundation
from gateway.deeds.keeping import DeedStore, Kept
from gateway.deeds.standing import Standing
from gateway.domain.errors import UnavailableError


class DeedsReader:
    """Keeps what was read and verified; at the next time only what came into force since is read and verified.

    A deed that was inserted, altered or taken away by SQL makes every answer impossible until it is mended: rights
    that were tampered with are nobody's rights.
    """

    def __init__(self, foundation: Foundation) -> None:
        self.foundation = foundation
        self.forget()

    def forget(self) -> None:
        """Reads everything anew next time."""
        self._standing, self._entry = Standing(self.foundation), 0

    def refresh(self, deeds: DeedStore, now: datetime) -> Standing:
        """Everything in force. Raises `UnavailableError` when the store and the signatures do not agree.

        What was kept may speak of a work that was never committed, so the last word is that of a reading from nothing.
        """
        try:
            return self._read(deeds, now)
        except DeedError:
            self.forget()
        try:
            return self._read(deeds, now)
        except DeedError as error:
            self.forget()
            raise UnavailableError(f"the deeds in the database cannot be trusted: {error}") from error

    def _read(self, deeds: DeedStore, now: datetime) -> Standing:
        for kept in deeds.in_force(self._entry):
            self._add(kept, now)
        self._compare(deeds.last_change())
        return self._standing

    def note(self, entry: int) -> None:
        """What came into force by this entry was added to the standing by whoever holds it."""
        self._entry = entry

    def _add(self, kept: Kept, now: datetime) -> None:
        document = self._standing.add(kept.opened(), now)
        if (document.kind, document.id, document.serial) != (kept.kind, kept.id, kept.serial):
            raise DeedError("a deed stands under another name than its own")
        self._entry = kept.entry

    def _compare(self, last: bytes) -> None:
        """The ledger's last word on what is in force must be what was found."""
        if self._entry == 0 and not last:
            return
        if _rights(last) != self._standing.digest():
            raise DeedError("what is in force is not what the ledger says; `bidui doctor` helps")


def _rights(entry: bytes) -> str:
    try:
        opened = decode(entry)
    except AuditError:
        return ""
    body = opened.get("body") if isinstance(opened, dict) else None
    return str(cast("dict[str, object]", body).get("rights", "")) if isinstance(body, dict) else ""
