"""What erasing needs from outside: keys that can be destroyed, and a store that can be written anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import msgspec

from audit.disclosure import DisclosureKeys
from audit.ledger import LedgerStore
from gateway.deeds.keeping import DeedStore


class DestructibleKeys(DisclosureKeys, Protocol):
    """Keys of which a person's can be destroyed for good."""

    def destroy(self, before: Mapping[bytes, int]) -> bool:
        """Destroys those of each point for all months before one; False when nothing of them was left. Durable."""
        ...

    def is_destroyed(self, point: bytes, before: int) -> bool:
        """Whether nothing of them is left."""
        ...

    def tidy(self) -> None:
        """Wipes what a crash left behind."""
        ...


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a deed was carried out: the month before which, the last tombstone, whether the store was cleaned."""

    deed: str
    before: int
    entry: int
    kept: int
    is_scrubbed: bool


class ErasureBook(Protocol):
    """What erasing changes beside the ledger, inside one transaction."""

    def progress(self) -> Mapping[str, Progress]:
        """Of each deed that was carried out, by its digest."""
        ...

    def put(self, progress: Progress) -> None:
        """Keeps it in place of the one before."""
        ...

    def tombstones(self) -> Sequence[int]:
        """The entries that say what was erased."""
        ...

    def note(self, entries: Sequence[int]) -> None:
        """Notes further ones."""
        ...

    def disclosures(self, indices: Sequence[int]) -> Mapping[int, bytes]:
        """The packs beside these entries, as they are now."""
        ...

    def rewrite(self, packs: Mapping[int, bytes]) -> None:
        """Puts others in their place."""
        ...

    def unfind(self, tokens: Mapping[int, Sequence[bytes]]) -> None:
        """Takes these entries out of the search for persons, but for these tokens."""
        ...


class ErasureWork(Protocol):
    """One transaction over deeds, ledger and what lies beside it."""

    @property
    def deeds(self) -> DeedStore: ...

    @property
    def ledger(self) -> LedgerStore: ...

    @property
    def erasures(self) -> ErasureBook: ...

    def commit(self) -> None: ...


class ErasureStore(Protocol):
    """The control database."""

    def begin(self) -> AbstractContextManager[ErasureWork]: ...

    def scrub(self) -> Scrubbed:
        """Writes anew what was changed, so that no older bytes are left in the database. Raises `UnavailableError`."""
        ...


class FindsAgain(Protocol):
    """Makes search tokens of what can still be opened."""

    def tokens(self, entry: Mapping[str, object], disclosures: bytes) -> list[bytes]: ...


class Scrubbed(NamedTuple):
    """Which store was written anew, and where older bytes may still lie."""

    store: str
    remains: str
