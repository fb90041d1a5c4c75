"""Statements are made here, a day at a time, soon after its midnight.

1. The day is over by the clock, and the one before it is made: days follow each other without a gap.
2. Its entries are read outside every transaction, portion by portion.
3. Under the lock of the ledger's head the last of them are read, so that none comes in behind us: what is recorded from
   now on is later than our own entries, which are of the next day.
4. Statements are signed, and kept in the transaction that records them. A crash before the commit leaves nothing, and
   the day is made again; after it everything is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from audit.disclosure import Disclosure, DisclosureKeys
from audit.errors import AuditError
from audit.events import Draft
from audit.ledger import Ledger
from audit.reader import LedgerReader, chunks
from audit.receipt import ReceiptSigner
from audit.stamps import microseconds, text
from audit.statement import Comparison, Statement, bounds, day_of, log_time_of, read_comparison, sign, state
from audit.statement_events import MOST_SYSTEMS, Stated, statement_made
from audit.statement_operators import acted, digests_of, operator_of, root_of
from audit.suite import INTL, Digest
from gateway.domain.errors import UnavailableError
from gateway.ports import Clock
from gateway.statements.keeping import KeptStatement, StatementsStore, StatementWork

MISSING = "entries of the day are missing; `bidui audit verify` says which"
_DAY = timedelta(days=1)
Acts: TypeAlias = list[tuple[Disclosure | None, bool]]


class System(NamedTuple):
    """A registered system, or one that was when it asked."""

    partner: str
    client_id: str


class _Made(NamedTuple):
    """A statement before it has its entry, and who acted."""

    statement: Statement
    operators: bytes


@dataclass
class _Gathered:
    """A day's comparisons by system, and who acted in each. `read` is the next entry to look at; `before` the first one
    behind the day, once it was met.
    """

    since: str
    until: str
    read: int
    before: int | None = None
    comparisons: dict[System, list[Comparison]] = field(default_factory=dict[System, list[Comparison]])
    acts: dict[System, Acts] = field(default_factory=dict[System, Acts])

    def take(self, found: Comparison, operator: Disclosure | None) -> None:
        system = System(found.partner, found.system)
        self.comparisons.setdefault(system, []).append(found)
        self.acts.setdefault(system, []).append((operator, not found.incident))


@dataclass(frozen=True, kw_only=True)
class StatementMaker:
    """Makes what is due. `systems` gives partner and client id of every system that is registered."""

    origin: str
    reader: LedgerReader
    store: StatementsStore
    ledger: Ledger
    signer: ReceiptSigner
    keys: DisclosureKeys
    clock: Clock
    systems: Callable[[], Sequence[tuple[str, str]]]
    last_day: Callable[[], str | None]
    """The last day that is made, read outside every transaction."""
    rest: Callable[[], None] = lambda: None
    digest: Digest = INTL.digest
    """What hashes in the log's suite."""

    def run_once(self) -> list[date]:
        """Makes every day that is over and not made, oldest first. Raises `UnavailableError`."""
        made: list[date] = []
        while (day := self.due()) is not None and self.make(day):
            made.append(day)
        return made

    def due(self) -> date | None:
        """The next day to make, if it is over."""
        last = self.last_day()
        day = date.fromisoformat(last) + _DAY if last else self._first_day()
        return day if day is not None and bounds(day)[1] <= self.clock.now() else None

    def make(self, day: date) -> bool:
        """Makes a day; False when somebody else did, or it is not over after all."""
        found = self._gather(day)
        registered = [System(*each) for each in self.systems()]
        with self.store.begin() as work:
            work.deeds.lock()
            head = work.ledger.lock_head()
            if self.clock.now() < bounds(day)[1] or not _is_next(work, day):
                return False
            self._read(found, head.size)
            before = head.size if found.before is None else found.before
            self._keep(work, day, found, sorted({*registered, *found.comparisons}), before)
            work.commit()
        return True

    def _keep(self, work: StatementWork, day: date, found: _Gathered, systems: Sequence[System], before: int) -> None:
        now = self.clock.now()
        made = [self._state(day, found, system, before) for system in systems]
        places = self.ledger.append(work.ledger, list(_drafts(day, before, made)), now)
        entries = {str(each.partner): each.index for each in places}
        kept = [self._signed(each, entries[each.statement.partner], int(now.timestamp())) for each in made]
        work.statements.put(kept)
        work.statements.close_day(day.isoformat(), places[-1].index if places else before - 1)
        if (day + _DAY).day == 1:
            # A month is whole: from now on it waits for its acknowledgement, and rights follow from that.
            work.deeds.advance()

    def _state(self, day: date, found: _Gathered, system: System, before: int) -> _Made:
        digests = digests_of(acted(found.acts.get(system, [])), self.digest)
        statement = state(
            found.comparisons.get(system, []),
            origin=self.origin,
            partner=system.partner,
            system=system.client_id,
            day=day,
            before=before,
            operators=root_of(digests, self.digest),
            digest=self.digest,
        )
        return _Made(statement, b"".join(digests))

    def _signed(self, made: _Made, entry: int, now: int) -> KeptStatement:
        statement = made.statement
        return KeptStatement(
            day=statement.day.isoformat(),
            partner=statement.partner,
            system=statement.system,
            document=sign(statement, self.signer, self.digest),
            answered=statement.answered.count,
            refused=statement.refused.count,
            operators=made.operators,
            entry=entry,
            made=now,
        )

    def _first_day(self) -> date | None:
        content = next(iter(self.reader.entries(0, 1)), None)
        return None if content is None else day_of(datetime.fromisoformat(log_time_of(content)))

    def _gather(self, day: date) -> _Gathered:
        since, until = (text(microseconds(each)) for each in bounds(day))
        size = self.reader.head().size
        found = _Gathered(since, until, first_since(self.reader, since, size))
        self._read(found, size, self.rest)
        return found

    def _read(self, found: _Gathered, end: int, rest: Callable[[], None] = lambda: None) -> None:
        """Takes in further entries, up to the first behind the day."""
        if found.before is not None:
            return
        for start, stop in chunks(found.read, end):
            for content, packed in self._with_disclosures(start, stop):
                when = log_time_of(content)
                if when >= found.until:
                    found.before = found.read
                    return
                found.read += 1
                self._take(found, content, packed)
            rest()

    def _take(self, found: _Gathered, content: bytes, packed: bytes) -> None:
        try:
            comparison = read_comparison(content, self.origin, self.digest)
            if comparison is not None:
                found.take(comparison, operator_of(comparison.id, packed, self.keys))
        except AuditError as error:
            raise UnavailableError("an entry of the day cannot be read; `bidui audit verify` says which") from error

    def _with_disclosures(self, start: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
        beside: Mapping[int, bytes] = dict(self.reader.disclosures(start, stop))
        place = start
        for place, content in enumerate(self.reader.entries(start, stop), start):
            yield content, beside.get(place, b"")
        if place + 1 != stop:
            raise UnavailableError(MISSING)


def first_since(reader: LedgerReader, since: str, size: int) -> int:
    """The first entry recorded at this time or later. Entries of long ago may be pruned, the one before it may not.

    Raises `UnavailableError`.
    """
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        content = next(iter(reader.entries(middle, middle + 1)), None)
        if content is None or log_time_of(content) < since:
            low = middle + 1
        else:
            high = middle
    if low and next(iter(reader.entries(low - 1, low)), None) is None:
        raise UnavailableError(MISSING)
    return low


def _is_next(work: StatementWork, day: date) -> bool:
    last = work.statements.last_day()
    return last is None or last == (day - _DAY).isoformat()


def _drafts(day: date, before: int, made: Sequence[_Made]) -> Iterator[Draft]:
    """An entry for each partner, and another where it has more systems than one entry names."""
    for partner in dict.fromkeys(each.statement.partner for each in made):
        stated = [_stated(each.statement) for each in made if each.statement.partner == partner]
        for start in range(0, len(stated), MOST_SYSTEMS):
            part = stated[start : start + MOST_SYSTEMS]
            yield statement_made(partner=partner, day=day.isoformat(), before=before, statements=part)


def _stated(statement: Statement) -> Stated:
    digest = sha256(statement.canonical()).hexdigest()
    return Stated(statement.system, digest, statement.answered.count, statement.refused.count)
