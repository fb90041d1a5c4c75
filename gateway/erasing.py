"""Erasing: a person's disclosures are destroyed, as two people have signed, and the ledger says so.

    1  the deed in force, no hold on the person, and the legal floor: months that are younger stay until they are not
    2  every disclosure is looked at: whom a frame is about can be told also when its key is gone
    3  under the lock on the deeds: ask again for holds; destroy the person's keys, durably
    4  in the same transaction: take the frames out of their rows, the person out of the search; append the tombstone
    5  write the database anew, so that nothing lies in its free pages or its log, and record that

A crash before 3 has changed nothing. One between 3 and 4 leaves keys destroyed and nothing said: a verifier calls that
missing evidence, and `finish` goes on at 2. One after 4 leaves bytes that nobody can open, and `finish` goes on at 5.
Never is said what is not done. Partner, grant, time and counts stand in the entries and stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from audit.data_keys import MonthKeys
from audit.entry import decode
from audit.erasure_events import Allowed, erasure_applied, erasure_scrubbed
from audit.errors import AuditError
from audit.ledger import Ledger
from audit.packing import month_of, points_in, without
from audit.puncture import month_number
from audit.reader import LedgerReader, chunks
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.lapse import parameters_in
from gateway.deeds.reading import DeedsReader
from gateway.deeds.standing import Standing
from gateway.domain.errors import UnavailableError
from gateway.erasure import DestructibleKeys, ErasureStore, ErasureWork, FindsAgain, Progress, Scrubbed
from gateway.ports import Clock

_MONTHS = 12
_FIRST_YEAR = 2000


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a deed. `tombstones` are entries of the ledger; `kept_until` is empty when nothing is kept."""

    deed: str
    tombstones: tuple[int, ...]
    erased: int
    names: tuple[str, ...]
    before: str
    kept: int
    kept_until: str
    store: str
    remains: str


class _Plan(NamedTuple):
    """What a deed asks for, as far as it may be done now. Months are numbers; `end` is where the deed itself ends."""

    document: Document
    allowed: Allowed
    point: bytes
    before: int
    end: int
    floor: int


class _Found(NamedTuple):
    """The entries whose frames of one label are about the person, and how many are too young."""

    label: str
    indices: Sequence[int]
    kept: int
    last: int


@dataclass(kw_only=True)
class ErasureDesk:
    """Carries erasures out. Its store is its own; any number of processes may have one."""

    store: ErasureStore
    deeds: DeedsReader
    ledger: Ledger
    reader: LedgerReader
    keys: DestructibleKeys
    finder: FindsAgain
    clock: Clock

    def erase(self, deed_id: str) -> Erased:
        """Carries out one deed as far as the legal floor allows. Raises `DeedError`, `UnavailableError`."""
        now = self.clock.now()
        with self.store.begin() as work:
            plan = self._plan(work, deed_id, now)
        found = self._search(plan)
        tombstones, count = self._apply(plan, found, now)
        scrubbed = self._scrub(now)
        return Erased(
            deed=deed_id,
            tombstones=tuple(tombstones),
            erased=count,
            names=tuple(found.label.split(",")) if count else (),
            before=_text(plan.before),
            kept=found.kept,
            kept_until=_text(found.last + plan.floor + 1) if found.kept else "",
            store=scrubbed.store,
            remains=scrubbed.remains,
        )

    def finish(self) -> list[Erased]:
        """Goes on where a crash, a restored key file or the legal floor left off; what is done is left alone."""
        self.keys.tidy()
        now, due = self.clock.now(), list[str]()
        with self.store.begin() as work:
            standing, progress = self.deeds.refresh(work.deeds, now), work.erasures.progress()
            for document in standing.of(Kind.ERASURE):
                plan = self._planned(standing, document, work, now)
                if not _is_held(standing, plan.point) and not self._is_done(plan, progress):
                    due.append(document.id)
        done = [self.erase(each) for each in due]
        self._scrub(now)
        return done

    def _is_done(self, plan: _Plan, progress: Mapping[str, Progress]) -> bool:
        known = progress.get(plan.allowed.sha256)
        return known is not None and known.before >= plan.before and self.keys.is_destroyed(plan.point, plan.before)

    def _plan(self, work: ErasureWork, deed_id: str, now: datetime) -> _Plan:
        work.deeds.lock()
        standing = self.deeds.refresh(work.deeds, now)
        document = standing.get(Kind.ERASURE, deed_id)
        if document is None or standing.content(Kind.ERASURE, deed_id) is None:
            raise DeedError("没有此编号的生效删除文书，请核对编号；须先由审计管理员提出、领导批准")
        plan = self._planned(standing, document, work, now)
        if _is_held(standing, plan.point):
            raise DeedError("此对象正在保全，不能删除；解除保全后再办理")
        return plan

    def _planned(self, standing: Standing, document: Document, work: ErasureWork, now: datetime) -> _Plan:
        deed = standing.deed(Kind.ERASURE, document.id)
        if deed is None:
            raise DeedError("没有此编号的生效删除文书")
        floor = parameters_in(standing).disclosure_months
        # A successor log brings every deed into force once more; that a deed was signed before stays as it is.
        signed = max(month_number(each.at[:7]) for each in deed.signatures)
        end = min(signed, self._month_of_deed(work, document)) + 1
        return _Plan(
            document=document,
            allowed=Allowed(document.id, deed.digest),
            point=bytes.fromhex(str(document.content["subject"])),
            before=max(0, min(_month(now) - floor, end)),
            end=end,
            floor=floor,
        )

    def _month_of_deed(self, work: ErasureWork, document: Document) -> int:
        """A deed speaks of what was recorded up to the end of the month in which it came into force."""
        kept = work.deeds.attempts(document.kind.value, document.id)
        entry = max((each.entry for each in kept if each.serial == document.serial), default=0)
        opened = decode(next(iter(self.reader.entries(entry, entry + 1)), b"{}"))
        if not isinstance(opened, Mapping) or "log_time" not in opened:
            raise UnavailableError("the entry that brought the deed into force cannot be read; `bidui doctor` helps")
        return month_number(str(opened["log_time"])[:7])

    def _search(self, plan: _Plan) -> _Found:
        """Looks at every disclosure there is: an index could leave somebody out."""
        keys: dict[str, MonthKeys | None] = {}
        labels: set[str] = set()
        indices: list[int] = []
        kept = last = 0
        for index, packed in self._packs():
            month = _month_or_none(packed)
            if month is None or month >= plan.end:
                continue
            kid = month_of(packed)
            if kid not in keys:
                keys[kid] = self.keys.open(kid)
            label = _about(packed, keys[kid], plan.point)
            if label is not None and month < plan.before:
                labels.add(label)
                indices.append(index)
            elif label is not None:
                kept, last = kept + 1, max(last, month)
        return _Found(next(iter(labels), ""), indices, kept, last)

    def _packs(self) -> Iterator[tuple[int, bytes]]:
        for start, end in chunks(0, self.reader.head().size):
            yield from self.reader.disclosures(start, end)

    def _apply(self, plan: _Plan, found: _Found, now: datetime) -> tuple[list[int], int]:
        with self.store.begin() as work:
            # Who holds this lock knows that no hold comes into force, and that nobody else erases.
            again = self._plan(work, plan.document.id, now)
            if again.allowed != plan.allowed:
                raise DeedError("此删除文书已有新的一版生效，请重新办理")
            before = work.erasures.progress().get(plan.allowed.sha256)
            was_left = self.keys.destroy({plan.point: plan.before})
            # From here on nothing brings them back, and nothing was said yet.
            packs = {
                index: pack
                for index, packed in work.erasures.disclosures(found.indices).items()
                if (pack := without(packed, {found.label})) != packed
            }
            if not packs and not was_left and before is not None and before.before >= plan.before:
                return [], 0
            work.erasures.rewrite(packs)
            work.erasures.unfind({index: self._tokens(index, pack) for index, pack in packs.items()})
            tombstones = self._record(work, plan, found, sorted(packs), now)
            work.erasures.put(
                Progress(
                    deed=plan.allowed.sha256,
                    before=plan.before,
                    entry=tombstones[-1],
                    kept=found.kept,
                    is_scrubbed=False,
                )
            )
            work.erasures.note(tombstones)
            work.commit()
        return tombstones, len(packs)

    def _tokens(self, index: int, packed: bytes) -> list[bytes]:
        entry = decode(next(iter(self.reader.entries(index, index + 1)), b"{}"))
        return self.finder.tokens(entry, packed) if isinstance(entry, Mapping) else []

    def _record(
        self, work: ErasureWork, plan: _Plan, found: _Found, indices: Sequence[int], now: datetime
    ) -> list[int]:
        drafts = erasure_applied(
            plan.allowed,
            basis=str(plan.document.content["basis"]),
            names=sorted(found.label.split(",")) if found.label else [],
            indices=indices,
            before=_text(plan.before),
            kept=found.kept,
        )
        return [each.index for each in self.ledger.append(work.ledger, drafts, now)]

    def _scrub(self, now: datetime) -> Scrubbed:
        """Cleans the store, if anything was erased since that was done last."""
        with self.store.begin() as work:
            open_ = [each for each in work.erasures.progress().values() if not each.is_scrubbed]
        if not open_:
            return Scrubbed("", "")
        scrubbed = self.store.scrub()
        with self.store.begin() as work:
            for each in open_:
                work.erasures.put(msgspec.structs.replace(each, is_scrubbed=True))
            upto = max(each.entry for each in open_)
            draft = erasure_scrubbed(store=scrubbed.store, upto=upto, remains=scrubbed.remains)
            self.ledger.append(work.ledger, [draft], now)
            work.commit()
        return scrubbed


def _is_held(standing: Standing, point: bytes) -> bool:
    holds = (document.content for document in standing.of(Kind.HOLD))
    return any(hold["subject"] == point.hex() and hold["held"] is True for hold in holds)


def _about(packed: bytes, keys: MonthKeys | None, point: bytes) -> str | None:
    """The label of the frame that is about somebody; a pack that cannot be read is for a verifier to tell of."""
    try:
        pairs = list(points_in(packed, keys)) if keys is not None else []
    except AuditError:
        return None
    return next((label for label, each in pairs if each.digest == point), None)


def _month_or_none(packed: bytes) -> int | None:
    try:
        return month_number(month_of(packed))
    except ValueError:
        return None


def _month(now: datetime) -> int:
    """The month it is, as keys are named: by UTC."""
    return month_number(now.astimezone(UTC).strftime("%Y-%m"))


def _text(month: int) -> str:
    return f"{_FIRST_YEAR + month // _MONTHS}-{month % _MONTHS + 1:02}"
