"""What lies beside the entries of a log, checked while a verifier walks through it: each disclosure opens to what its
entry committed to, or an entry that a deed allows says that it was erased, or evidence is missing.
"""

from __future__ import annotations

from audit.disclosure import DisclosureKeys, Sealed, is_committed, unpack, unseal
from audit.erased import Entry, Tombstones
from audit.errors import DisclosureError
from audit.kinds import KINDS
from audit.reader import LedgerReader
from audit.report import Findings

_SECRETS = {kind.type: frozenset(kind.secrets) for kind in KINDS}


class DisclosureCheck:
    """Takes the entries in their order; `finish` tells what no tombstone explains. Without keys it reads tombstones."""

    def __init__(self, keys: DisclosureKeys | None, findings: Findings) -> None:
        """Begin before entry 0."""
        self._keys, self._findings = keys, findings
        self.tombstones = Tombstones()
        self.opened = 0
        self._missing: list[tuple[int, str, str]] = []

    def take(self, index: int, entry: Entry, packed: bytes) -> None:
        """Check an entry and what is kept beside it."""
        wrong = self.tombstones.take(index, entry)
        if wrong is not None:
            self._findings.tampered(index, wrong)
        if self._keys is not None:
            self._check(index, entry, packed, self._keys)

    def finish(self, reader: LedgerReader) -> None:
        """Look for a tombstone over each gap, and for gaps under each tombstone."""
        for index, name, cause in self._missing:
            if self.tombstones.by(index, name) is None:
                self._findings.incomplete(index, f"the disclosure of {name} {cause}, and no entry says it was erased")
        for erased in self.tombstones.found if self._keys is not None else ():
            for first, last in erased.ranges:
                for index, packed in reader.disclosures(first, last + 1):
                    if _names(packed).intersection(erased.names):
                        self._findings.tampered(index, f"#{erased.by} says that it was erased, and it was put back")

    def _check(self, index: int, entry: Entry, packed: bytes, keys: DisclosureKeys) -> None:
        try:
            kept = list(unpack(packed)) if packed else []
        except DisclosureError as error:
            self._findings.tampered(index, str(error))
            return
        expected = _SECRETS.get(str(entry["type"]), frozenset[str]())
        for name in sorted(expected.difference(sealed.name for sealed in kept)):
            self._missing.append((index, name, "is missing"))
        for sealed in kept:
            self._open(index, entry, sealed, keys)

    def _open(self, index: int, entry: Entry, sealed: Sealed, keys: DisclosureKeys) -> None:
        digests = entry["_sd"]
        try:
            disclosure = unseal(str(entry["id"]), sealed, keys)
        except DisclosureError as error:
            self._findings.tampered(index, str(error))
            return
        if disclosure is None:
            self._missing.append((index, sealed.name, "has no key any more"))
        elif isinstance(digests, list) and is_committed(disclosure, digests):
            self.opened += 1
        else:
            self._findings.tampered(index, f"the disclosure of {sealed.name} is not the one the entry commits to")


def _names(packed: bytes) -> set[str]:
    try:
        return {sealed.name for sealed in unpack(packed)}
    except DisclosureError:
        return set()
