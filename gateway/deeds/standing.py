"""All deeds in force, each verified: what serve judges by, and what a new proposal is checked against.

Deeds come in the order in which the ledger has them. Whatever stands in the database under a deed's name without the
signatures it needs makes the whole unusable: somebody wrote there who must not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256

from audit.entry import JsonValue
from gateway.deeds.deed import Deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import Foundation
from gateway.deeds.roll import Roll
from gateway.deeds.steps import EMERGENCY, WITHDRAWAL


class Standing:
    """Grows by `add`. The latest serial of each thing is what counts; people keep their history in the roll."""

    def __init__(self, foundation: Foundation) -> None:
        self.roll = Roll(foundation)
        self._latest: dict[tuple[Kind, str], tuple[Document, Deed]] = {}
        self._emergencies: dict[str, Deed] = {}
        self.size = 0
        """How many deeds were added."""

    def add(self, deed: Deed, now: datetime) -> Document:
        """Takes a deed that came into force. Raises `DeedError`; then nothing has changed."""
        document = deed.document
        self.check_place(document)
        if document.kind is Kind.PERSON:
            self.roll.enrol(deed, now)
        else:
            self.roll.open(deed, now)
        self._latest[document.kind, document.id] = (document, deed)
        self.size += 1
        if document.path == EMERGENCY:
            self._emergencies[document.id] = deed
        return document

    def check_place(self, document: Document) -> None:
        """Whether it follows the version in force. Raises `DeedError`."""
        known = self._latest.get((document.kind, document.id))
        serial, named = (known[0].serial, known[1].digest) if known else (0, None)
        if document.serial != serial + 1 or document.previous != named:
            raise DeedError("此文书已有另一版先行生效，请在其基础上重新拟稿")

    def get(self, kind: Kind, deed_id: str) -> Document | None:
        """The version in force of one thing, withdrawn or not."""
        known = self._latest.get((kind, deed_id))
        return known[0] if known else None

    def deed(self, kind: Kind, deed_id: str) -> Deed | None:
        """The same with its signatures."""
        known = self._latest.get((kind, deed_id))
        return known[1] if known else None

    def of(self, kind: Kind) -> Iterator[Document]:
        """Everything of a kind that is in force and not withdrawn, at this moment: other threads may add."""
        latest = list(self._latest.values())
        return (document for document, _ in latest if document.kind is kind and is_live(document))

    def content(self, kind: Kind, deed_id: str) -> dict[str, JsonValue] | None:
        """What the version in force says, None when there is none or it is withdrawn."""
        document = self.get(kind, deed_id)
        return dict(document.content) if document and is_live(document) else None

    def is_frozen(self, kind: Kind, deed_id: str) -> bool:
        """Whether a freeze lies on it."""
        freeze = self.content(Kind.FREEZE, f"{kind.value}.{deed_id}")
        return freeze is not None and freeze["frozen"] is True

    def emergencies(self) -> Iterable[tuple[str, Deed]]:
        """Every emergency grant that ever came into force, by number, also those that were withdrawn since."""
        return list(self._emergencies.items())

    def digest(self) -> str:
        """One digest over all that is in force, as the ledger keeps it with every change: 64 hex digits."""
        whole = sha256()
        for (kind, deed_id), (document, deed) in sorted(self._latest.items()):
            whole.update(f"{kind.value}\n{deed_id}\n{document.serial}\n{deed.digest}\n".encode())
        return whole.hexdigest()


def is_live(document: Document) -> bool:
    """Whether a version in force gives anything: not withdrawn, not ended."""
    return document.path != WITHDRAWAL and document.content.get("active", True) is not False
