"""Lists of closed grants in memory, and a desk that files them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway.deeds.cohorts import KeptList


@dataclass
class MemoryCohorts:
    """Keeps lists in a dict."""

    lists: dict[tuple[str, str], KeptList] = field(default_factory=dict)

    def find(self, grant: str, root: str) -> KeptList | None:
        return self.lists.get((grant, root))

    def links(self, grant: str, root: str) -> bytes:
        kept = self.find(grant, root)
        return kept.links if kept else b""

    def put(self, kept: KeptList) -> None:
        self.lists[kept.grant, kept.root] = kept

    def roots(self, grant: str) -> Sequence[str]:
        return sorted(root for of, root in self.lists if of == grant)

    def remove(self, grant: str, root: str) -> None:
        self.lists.pop((grant, root), None)


@dataclass
class MemoryCohortWork:
    """A transaction over a copy."""

    store: MemoryCohortStore
    cohorts: MemoryCohorts

    def commit(self) -> None:
        self.store.cohorts = self.cohorts


@dataclass
class MemoryCohortStore:
    """The lists of a control database in memory."""

    cohorts: MemoryCohorts = field(default_factory=MemoryCohorts)

    @contextmanager
    def begin(self) -> Iterator[MemoryCohortWork]:
        yield MemoryCohortWork(self, MemoryCohorts(dict(self.cohorts.lists)))
