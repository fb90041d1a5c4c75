"""Revealing: somebody of the office is shown what entries hide, because two people signed that they may.

Only whoever proposed the deed is shown anything, until the last day it names, and each entry that is shown has an entry
of its own in the ledger first. What was erased is told as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

import msgspec

from audit.disclosure import Disclosure, DisclosureKeys, Sealed, is_committed, unpack, unseal
from audit.entry import JsonValue, decode
from audit.erased import erased_at
from audit.erasure_events import Allowed, trail_revealed
from audit.errors import AuditError
from audit.ledger import Ledger
from audit.reader import LedgerReader, read_leaves, suite_of_log
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.reading import DeedsReader
from gateway.domain.errors import UnavailableError
from gateway.domain.grant import local_day
from gateway.domain.people import Person
from gateway.drafting import ForbiddenError, check_not_frozen
from gateway.erasure import ErasureStore
from gateway.ports import Clock


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What one entry hid. `erased` are names that are gone, each with the entry that says so.

    `unopened` are names that neither open nor were erased: `bidui audit verify --disclosures` says more.
    """

    entry: int
    values: Mapping[str, JsonValue]
    erased: Mapping[str, int]
    unopened: Sequence[str]

    def __repr__(self) -> str:
        """Show which entry, not what it hid."""
        return f"Shown({self.entry})"


@dataclass(kw_only=True)
class RevealDesk:
    """Shows what deeds allow to be shown. Its store is its own."""

    store: ErasureStore
    deeds: DeedsReader
    ledger: Ledger
    reader: LedgerReader
    keys: DisclosureKeys
    clock: Clock

    def reveal(self, by: Person, deed_id: str) -> list[Shown]:
        """What the entries of a deed hide. Raises `DeedError`, `ForbiddenError`, `UnavailableError`."""
        now = self.clock.now()
        with self.store.begin() as work:
            standing = self.deeds.refresh(work.deeds, now)
            check_not_frozen(by, standing)
            document, deed = standing.get(Kind.REVEAL, deed_id), standing.deed(Kind.REVEAL, deed_id)
            if document is None or deed is None or standing.content(Kind.REVEAL, deed_id) is None:
                raise DeedError("没有此编号的生效开示文书，请核对编号；须先由审计管理员提出、领导批准")
            _check(by, document, now)
            entries, names = _asked(document)
            self._check_entries(entries)
            allowed = Allowed(deed_id, deed.digest)
            drafts = [trail_revealed(allowed, person=by.id, entry=entry, names=names) for entry in entries]
            self.ledger.append(work.ledger, drafts, now)
            tombstones = work.erasures.tombstones()
            work.commit()
        # Only now, when everybody can find that it was shown.
        return [self._show(entry, names, tombstones) for entry in entries]

    def _check_entries(self, entries: Sequence[int]) -> None:
        size = self.reader.head().size
        if any(entry >= size for entry in entries):
            raise DeedError("文书所列序号超出存证账，请核对")

    def _show(self, entry: int, names: Sequence[str], tombstones: Sequence[int]) -> Shown:
        try:
            for _ in read_leaves(self.reader, entry, entry + 1, suite_of_log(self.reader).digest):
                pass
            members = decode(next(iter(self.reader.entries(entry, entry + 1)), b""))
        except AuditError as error:
            raise UnavailableError(f"entry {entry} was changed; run `bidui audit verify`") from error
        kept = self._kept(entry)
        opened = dict(self._open(cast("Mapping[str, JsonValue]", members), kept, names))
        gone = erased_at(self.reader, tombstones, entry)
        erased = {name: gone[name] for name in names if name in gone and name not in opened}
        unopened = sorted({each.name for each in kept}.intersection(names) - opened.keys() - erased.keys())
        return Shown(entry=entry, values=opened, erased=erased, unopened=unopened)

    def _open(
        self, members: Mapping[str, JsonValue], kept: Sequence[Sealed], names: Sequence[str]
    ) -> Iterator[tuple[str, JsonValue]]:
        digests = cast("Sequence[JsonValue]", members["_sd"])
        for sealed in kept:
            if sealed.name in names:
                disclosure = self._unseal(str(members["id"]), sealed)
                if disclosure is not None and is_committed(disclosure, digests):
                    yield sealed.name, disclosure.reveal()

    def _unseal(self, entry_id: str, sealed: Sealed) -> Disclosure | None:
        try:
            return unseal(entry_id, sealed, self.keys)
        except AuditError:
            return None

    def _kept(self, entry: int) -> list[Sealed]:
        try:
            return [sealed for _, packed in self.reader.disclosures(entry, entry + 1) for sealed in unpack(packed)]
        except AuditError:
            return []


def _check(by: Person, document: Document, now: datetime) -> None:
    if document.author != by.id:
        raise ForbiddenError("只向提出此文书的本人开示")
    if local_day(now) > date.fromisoformat(str(document.content["until"])):
        raise DeedError("此开示文书已过失效日期，须重新提出并批准")


def _asked(document: Document) -> tuple[Sequence[int], Sequence[str]]:
    content = document.content
    return cast("Sequence[int]", content["entries"]), cast("Sequence[str]", content["names"])
