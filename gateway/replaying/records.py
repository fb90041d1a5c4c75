"""Turns as the ledger recorded them: what the watch saw of each, in order, and the responses that it laid.

The entries of a turn stand one behind the other, decided at one instant by one node; what the watch laid stands right
behind them. A place within the turn parts two turns of one instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, cast

import msgspec

from audit.disclosure import DisclosureKeys, unpack, unseal
from audit.entry import JsonValue, leaf_hash
from audit.erased import Erased
from audit.errors import AuditError
from audit.kinds import COMPARISON_ANSWERED, COMPARISON_REFUSED
from audit.reader import LedgerReader, chunks, suite_of_log
from audit.watch_kinds import WATCH_NOTICED, WATCH_STOPPED
from gateway.domain.budget import Used
from gateway.replaying.opening import Opened, Opener, Sealed
from gateway.replaying.turns import Laid, Met, Row, Turn
from gateway.watch.recorded import read_seen

_COMPARED: Final = frozenset({COMPARISON_ANSWERED.type, COMPARISON_REFUSED.type})
_TOLD: Final = frozenset({WATCH_STOPPED.type, WATCH_NOTICED.type})
_MARKS: Final = (b'"type":"comparison.', b'"type":"watch.')
_BUDGETS: Final = ("day", "days_30", "year", "comparisons")
_INNER, _SUBJECT = "inner", "subject"


class _Entry(msgspec.Struct, frozen=True, rename={"digests": "_sd"}):
    digests: tuple[str, ...]
    id: str
    seq: int
    time: datetime
    node: str
    type: str
    body: msgspec.Raw
    partner: str = ""


class _Compared(msgspec.Struct, frozen=True):
    grant: str | None
    kind: str


class _Stopped(msgspec.Struct, frozen=True):
    incident: str
    target: str


_decode_entry = msgspec.json.Decoder(_Entry).decode
_compared = msgspec.json.Decoder(_Compared)
_stopped = msgspec.json.Decoder(_Stopped)


class Records:
    """Reads a ledger from front to back. `erased` gives its tombstones; more may come while it is read."""

    def __init__(self, reader: LedgerReader, keys: DisclosureKeys, erased: Callable[[], Sequence[Erased]]) -> None:
        self._reader, self._keys, self._tombstones = reader, keys, erased
        self._erased, self._is_fresh = erased(), True
        self._opener, self._digest = Opener(keys), suite_of_log(reader).digest
        self.met = Met()

    def read(self, first: int, end: int) -> Iterator[Turn | Laid]:
        """Turns and responses of these entries. A turn that the range cuts is told as far as it lies within."""
        turn: Turn | None = None
        for start, stop in chunks(first, end):
            for entry, opened in self._portion(start, stop):
                if opened is None:
                    if turn is not None:
                        yield turn
                    turn = None
                    yield from self._laid(entry)
                    continue
                at, row = entry.time, self._row(entry, opened)
                if turn is not None and not _belongs(row, at, entry, turn):
                    yield turn
                    turn = None
                turn = turn or Turn(at, entry.node, entry.seq, [])
                turn.end = entry.seq + 1
                if row is not None:
                    turn.rows.append(row)
        if turn is not None:
            yield turn

    def _portion(self, start: int, stop: int) -> Iterator[tuple[_Entry, Opened | None]]:
        """The entries that matter here, each comparison with what it hides."""
        packs, self._is_fresh = dict(self._reader.disclosures(start, stop)), False
        found = list(self._entries(start, stop))
        compared = [each for each in found if each.type in _COMPARED]
        sealed = [Sealed(each.id, frozenset(each.digests), packs.get(each.seq, b"")) for each in compared]
        opened = {each.seq: it for each, it in zip(compared, self._opener.open(sealed), strict=True)}
        for entry in found:
            yield entry, opened.get(entry.seq)

    def _entries(self, start: int, stop: int) -> Iterator[_Entry]:
        """Those of comparisons and of the watch. Whether they are what was signed is for `bidui audit verify`."""
        stored = self._reader.stored(start, stop)
        self.met.entries += len(stored)
        if len(stored) < stop - start:
            self.met.alter(start + len(stored), "an entry is missing")
        for index, (content, leaf) in enumerate(stored, start):
            if leaf_hash(content, self._digest) != leaf:
                self.met.alter(index, "the entry does not have the hash it was stored with")
            if any(mark in content for mark in _MARKS):
                entry = self._decoded(index, content)
                if entry is not None and (entry.type in _COMPARED or entry.type in _TOLD):
                    yield entry

    def _decoded(self, index: int, content: bytes) -> _Entry | None:
        try:
            entry = _decode_entry(content)
        except msgspec.DecodeError:
            self.met.alter(index, "the entry cannot be read")
            return None
        if entry.seq == index:
            return entry
        self.met.alter(index, "the entry names another place than its own")
        return None

    def _row(self, entry: _Entry, opened: Opened) -> Row | None:
        self.met.compared += 1
        if opened.altered:
            self.met.alter(entry.seq, opened.altered)
            return None
        try:
            told = _compared.decode(entry.body)
            if opened.gone:
                self._explain(entry.seq, told.grant or "", opened.gone)
            return None if _INNER in opened.gone else self._of_inner(entry, told, opened)
        except (msgspec.DecodeError, ValueError, TypeError, KeyError):
            self.met.alter(entry.seq, "what the watch saw is not in a form that it was ever written in")
            return None

    def _of_inner(self, entry: _Entry, told: _Compared, opened: Opened) -> Row | None:
        inner = opened.values[_INNER]
        seen = read_seen(inner)
        if seen is None or told.grant is None:
            self.met.unseen += 1
            return None
        self.met.seen += 1
        before, after = _used(inner, 0), _used(inner, 1)
        return Row(
            entry.seq,
            entry.partner,
            told.grant,
            told.kind,
            str(opened.values.get(_SUBJECT, "")),
            str(opened.values.get("operator", "")),
            seen,
            before,
            after,
            entry.type == COMPARISON_REFUSED.type,
        )

    def _explain(self, index: int, grant: str, gone: set[str]) -> None:
        """What is gone is counted; where no entry says that it was erased, somebody took it away."""
        for name in sorted(gone & {_INNER, _SUBJECT}):
            if not self._was_erased(index, name):
                self.met.alter(index, f"{name} is missing, and no entry says that it was erased")
                return
        self.met.erased += _INNER in gone
        self.met.nameless += _INNER not in gone and _SUBJECT in gone
        self.met.erased_of.add(grant)

    def _was_erased(self, index: int, name: str) -> bool:
        """Whether an entry says so. Somebody may be erased just now: so it is looked once more, once a portion."""
        if any(each.covers(index, name) for each in self._erased):
            return True
        if self._is_fresh:
            return False
        self._erased, self._is_fresh = self._tombstones(), True
        return any(each.covers(index, name) for each in self._erased)

    def _laid(self, entry: _Entry) -> Iterator[Laid]:
        try:
            told = _stopped.decode(entry.body)
        except msgspec.DecodeError:
            self.met.alter(entry.seq, "what the watch laid cannot be read")
            return
        yield Laid(
            entry.seq,
            entry.time,
            entry.node,
            bytes(entry.body),
            self._finding(entry),
            told.incident,
            told.target,
            entry.type == WATCH_STOPPED.type,
        )

    def _finding(self, entry: _Entry) -> JsonValue:
        """What the response says it was laid for; None where it cannot be opened, which is told as altered."""
        for _, packed in self._reader.disclosures(entry.seq, entry.seq + 1):
            try:
                for sealed in unpack(packed):
                    opened = unseal(entry.id, sealed, self._keys)
                    if opened is not None and opened.digest() in entry.digests:
                        return opened.reveal()
            except AuditError as error:
                self.met.alter(entry.seq, str(error))
                return None
        self.met.alter(entry.seq, "the finding of a response cannot be opened")
        return None


def _belongs(row: Row | None, at: datetime, entry: _Entry, turn: Turn) -> bool:
    if (at, entry.node) != (turn.at, turn.node):
        return False
    if row is None or not turn.rows:
        return True
    last = turn.rows[-1].seen
    return row.seen.epoch == last.epoch and row.seen.place > last.place


def _used(inner: JsonValue, which: int) -> Used:
    """Budgets before (0) or after (1); nothing where none was touched."""
    budgets = cast("Mapping[str, Mapping[str, Sequence[int]]]", inner)["budgets"]
    if not budgets:
        return Used()
    return Used(*(int(budgets[name][which]) for name in _BUDGETS))
