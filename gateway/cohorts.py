"""Filing the list of a closed grant: rows come in, leaves and links stay, and nothing of a number ever reaches disk.

What is kept counts for nothing until people have signed a deed that names it. Whoever files learns how many rows were
well-formed, never which, and the root over them, which must be the one they have computed themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from audit.deed_events import cohort_filed
from audit.ledger import Ledger, LedgerStore
from gateway.deeds.cohorts import (
    Cohort,
    CohortStore,
    KeptList,
    closed_grant,
    cohort_in_force,
    differences,
    largest,
    proposed,
    read_cohort,
)
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import DeedStore
from gateway.deeds.reading import DeedsReader
from gateway.deeds.standing import Standing
from gateway.domain.cohort import MAX_MEMBERS, SALT_BYTES, leaf_of, pack, pack_leaves, root_of
from gateway.domain.grant import Grant
from gateway.domain.people import Person
from gateway.ports import Clock, Enlisting, Withheld
from policies.catalogue import Catalogue
from policies.invalid import InvalidValueError

PORTION = 250
"""Numbers that the sealing process is asked about at once, so that a turn that waits for it waits little."""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row as it was filed. Shows nothing of itself."""

    kind: str
    id: str
    salt: bytes

    def __repr__(self) -> str:
        return "Row(***)"


class Filed(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever files is told; `deeds` are what deeds could bring the list into force, by path."""

    grant: str
    rows: int
    malformed: int
    root: str
    deeds: Mapping[str, Cohort]


class CohortWork(Protocol):
    """One transaction over lists, deeds and ledger."""

    @property
    def cohorts(self) -> CohortStore: ...

    @property
    def deeds(self) -> DeedStore: ...

    @property
    def ledger(self) -> LedgerStore: ...

    def commit(self) -> None: ...


class CohortWorkStore(Protocol):
    """The control database, as lists are filed in it."""

    def begin(self) -> AbstractContextManager[CohortWork]: ...


@dataclass(kw_only=True)
class Filing:
    """One list on its way in; holds digests alone, but for the rows of the portion that it works on."""

    grant: Grant
    catalogue: Catalogue
    enlisting: Enlisting
    malformed: int = 0
    leaves: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes], repr=False)
    """The leaf of each link."""
    _portion: list[tuple[str, str, bytes]] = field(default_factory=list[tuple[str, str, bytes]], repr=False)

    def take(self, rows: Sequence[Row | None]) -> None:
        """Takes further rows; None stands for one that could not be read. Raises `DeedError`, `UnavailableError`."""
        for row in rows:
            number = self._number(row)
            if row is None or number is None:
                self.malformed += 1
                continue
            self._portion.append((row.kind, number, leaf_of(row.salt, number)))
            if len(self._portion) == PORTION:
                self._enlist()
        if self.malformed + len(self.leaves) + len(self._portion) > MAX_MEMBERS:
            raise DeedError(f"名册最多 {MAX_MEMBERS} 行，请减少")

    def finish(self) -> None:
        """Works on what is left. Raises `DeedError` for a list without a single well-formed row."""
        self._enlist()
        if not self.leaves:
            raise DeedError("没有一行合格：每行须有 kind、id 和 32 位十六进制的 salt，见 bidui cohort")

    def close(self) -> None:
        """Gives the sealing process back."""
        self.enlisting.close()

    def _number(self, row: Row | None) -> str | None:
        if row is None or len(row.salt) != SALT_BYTES:
            return None
        try:
            return self.catalogue.identifier(row.kind, row.id)
        except InvalidValueError:
            return None

    def _enlist(self) -> None:
        portion, self._portion = self._portion, []
        if not portion:
            return
        links = self.enlisting.links(self.grant.number, [(kind, number) for kind, number, _ in portion])
        if isinstance(links, Withheld):
            raise DeedError(_WITHHELD.get(links.cause, _NOT_SEALED))
        for link, (_, _, leaf) in zip(links, portion, strict=True):
            # Whoever stands on a list twice is on it once, by the first of the rows.
            self.malformed += link in self.leaves
            self.leaves.setdefault(link, leaf)
        if len(self.leaves) > largest(self.grant):
            raise DeedError(f"此签批单的名册最多列 {largest(self.grant)} 个对象（以 30 天对象数为限），请减少")


_NOT_SEALED = "封存进程不接收此签批单的名册，请系统管理员运行 bidui doctor"
_WITHHELD = {"limit": "此签批单的名册 30 天内可报送的对象已满，请过些天再报送"}


@dataclass(kw_only=True)
class CohortDesk:
    """Takes lists in. Its store and its reader of deeds are those of the office, which uses them one at a time, too."""

    store: CohortWorkStore
    reader: DeedsReader
    ledger: Ledger
    catalogue: Catalogue
    clock: Clock
    enlist: Callable[[], Enlisting]
    """Opens a conversation with the sealing process."""

    def begin(self, by: Person, number: str) -> Filing:
        """A list that this person files under a grant of their department. Raises `DeedError`."""
        with self.store.begin() as work:
            grant = closed_grant(self._standing(work), number, by.partner)
        return Filing(grant=grant, catalogue=self.catalogue, enlisting=self.enlist())

    def keep(self, by: Person, filing: Filing) -> Filed:
        """Keeps a list that came in whole. Raises `DeedError`."""
        filing.finish()
        now = self.clock.now()
        kept = KeptList(
            grant=filing.grant.number,
            root=root_of(filing.leaves.values()),
            leaves=pack_leaves(filing.leaves.values()),
            links=pack(filing.leaves),
            filed=int(now.timestamp()),
        )
        with self.store.begin() as work:
            work.deeds.lock()
            standing = self._standing(work)
            grant = closed_grant(standing, kept.grant, by.partner)
            before = cohort_in_force(standing, kept.grant)
            difference = differences(before, work.cohorts, kept.links)
            self._replace(work, kept, before)
            event = cohort_filed(
                partner=grant.partner,
                grant=grant.number,
                root=kept.root,
                rows=len(filing.leaves),
                malformed=filing.malformed,
                by=by.id,
            )
            self.ledger.append(work.ledger, [event], now)
            work.commit()
        return Filed(
            grant=grant.number,
            rows=len(filing.leaves),
            malformed=filing.malformed,
            root=kept.root,
            deeds=proposed(grant, before, kept, difference, now),
        )

    def _replace(self, work: CohortWork, kept: KeptList, before: Cohort | None) -> None:
        """Beside the list in force, and one that waits for a signature, only the last one filed is kept."""
        wanted = {kept.root, *([before.root] if before else []), *_pending(work.deeds, kept.grant)}
        for root in work.cohorts.roots(kept.grant):
            if root not in wanted:
                work.cohorts.remove(kept.grant, root)
        work.cohorts.put(kept)

    def _standing(self, work: CohortWork) -> Standing:
        return self.reader.refresh(work.deeds, self.clock.now())


def _pending(deeds: DeedStore, number: str) -> list[str]:
    waiting = (each for each in deeds.pending() if (each.kind, each.id) == (Kind.COHORT, number))
    return [read_cohort(each.opened().document).root for each in waiting]
