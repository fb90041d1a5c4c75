"""Reading all deeds in force from the store, and holding them against what the ledger says of them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, cast

import msgspec

from audit.entry import decode
from audit.errors import AuditError
from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import Foundation
from gateway.deeds.keeping import DeedStore, Kept
from gateway.deeds.standing import Standing
from gateway.domain.errors import UnavailableError


class Newest(msgspec.Struct, frozen=True):
    """The last ledger entry that brought a deed into force, and the digest over all that was in force then."""

    entry: int = 0
    rights: str = ""


class NewestStore(Protocol):
    """Remembers what was last in force, apart from the database."""

    def read(self) -> Newest:
        """What was last in force."""
        ...

    def raise_to(self, newest: Newest) -> None:
        """Remembers this, unless something newer is remembered already."""
        ...


class Remembered:
    """Keeps the promise of `NewestStore` as long as the process lives."""

    def __init__(self, newest: Newest | None = None) -> None:
        self._newest = newest or Newest()

    def read(self) -> Newest:
        """See `NewestStore`."""
        return self._newest

    def raise_to(self, newest: Newest) -> None:
        """See `NewestStore`."""
        self._newest = max(newest, self._newest, key=lambda each: each.entry)


class DeedsReader:
    """Keeps what was read and verified; at the next time only what came into force since is read and verified.

    A deed that was inserted, altered or taken away by SQL makes every answer impossible until it is mended: rights
    that were tampered with are nobody's rights. So do deeds that were taken out together with their entries: what was
    in force once must be there still, below whatever came later.
    """

    def __init__(self, foundation: Foundation, newest: NewestStore | None = None) -> None:
        self.foundation = foundation
        self._newest = newest or Remembered()
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
        newest = self._newest.read()
        for kept in deeds.in_force(self._entry):
            if self._entry <= newest.entry < kept.entry:
                self._check_still(newest)
            self._add(kept, now)
        if self._entry <= newest.entry:
            self._check_still(newest)
        self._compare(deeds.last_change())
        return self._standing

    def note(self, entry: int) -> None:
        """What came into force by this entry was added to the standing by whoever holds it."""
        self._entry = entry

    def committed(self) -> None:
        """What was noted has been committed, so it is remembered at once: every node is to miss it if it hides."""
        self._newest.raise_to(Newest(self._entry, self._standing.digest()))

    def is_behind(self) -> bool:
        """Whether something is remembered that was not read yet, whatever the control epoch says."""
        return self._newest.read().entry > self._entry

    def _add(self, kept: Kept, now: datetime) -> None:
        deed = kept.opened()
        document = self._standing.add(deed, deed.seen_at(now))
        if (document.kind, document.id, document.serial) != (kept.kind, kept.id, kept.serial):
            raise DeedError("有文书存放在别的编号之下，请运行 bidui doctor")
        self._entry = kept.entry

    def _check_still(self, newest: Newest) -> None:
        """What was last in force must be what was found so far."""
        if newest.entry and Newest(self._entry, self._standing.digest()) != newest:
            raise DeedError("曾经生效的文书已缺失或被改动，请运行 bidui doctor")

    def _compare(self, last: bytes) -> None:
        """The ledger's last word on what is in force must be what was found."""
        if self._entry == 0 and not last:
            return
        found = Newest(self._entry, self._standing.digest())
        if _last_word(last) != found:
            raise DeedError("生效的文书与存证账所载不符，请运行 bidui doctor")
        self._newest.raise_to(found)


def _last_word(entry: bytes) -> Newest | None:
    try:
        opened = decode(entry)
    except AuditError:
        return None
    members = cast("dict[str, object]", opened) if isinstance(opened, dict) else dict[str, object]()
    body, place = members.get("body"), members.get("seq")
    if not isinstance(body, dict) or type(place) is not int:
        return None
    return Newest(place, str(cast("dict[str, object]", body).get("rights", "")))
