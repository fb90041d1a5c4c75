"""The desk behind the doors of statements: shows them, opens what may be opened, takes disputes in, closes them.

A system and its head are shown their own operators; everybody else sees digests, and needs a deed to open more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock
from typing import Final

import msgspec
from msgspec.structs import replace

from audit.disclosure import Disclosure, DisclosureKeys
from audit.entry import JsonValue, decode, encode
from audit.errors import AuditError
from audit.events import Draft
from audit.ledger import Ledger
from audit.reader import LedgerReader, chunks
from audit.statement import Comparison, Spot, read_comparison
from audit.statement_events import statement_disputed, statement_settled
from audit.statement_operators import acted, operator_of, told
from audit.suite import INTL, Digest
from audit.tree import split
from gateway.deeds.document import Kind
from gateway.deeds.standing import Standing
from gateway.domain.errors import ConflictError, InvalidQueryError, UnavailableError
from gateway.domain.people import Person
from gateway.ports import Clock
from gateway.statements.keeping import Dispute, KeptStatement, StatementReader, StatementsStore, StatementWork
from gateway.watch.disputed import raise_incident

MOST_LINES: Final = 1000
MOST_DISPUTED: Final = 300
LONGEST_FINDING: Final = 2000
BY_SYSTEM, BY_HEAD = "system", "head"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a statement: `leaf` is what the root is over; a refusal also bears what its caller was told."""

    index: int
    pseq: int
    time: str
    leaf: str
    incident: str
    reason: str
    grant: str | None
    network: str


class Range(msgspec.Struct, frozen=True):
    """What of the ledger a statement is over; empty where there was nothing."""

    first: int
    end: int


@dataclass(frozen=True, kw_only=True)
class StatementDesk:
    """What stands behind the doors. Everything here reads a database, so it is asked in threads."""

    origin: str
    statements: StatementReader
    reader: LedgerReader
    store: StatementsStore
    ledger: Ledger
    keys: DisclosureKeys
    clock: Clock
    digest: Digest = INTL.digest
    _one: Lock = field(default_factory=Lock, repr=False)
    """Whole days are read one at a time, however many ask."""

    def find(self, day: str, partner: str, system: str) -> KeptStatement | None:
        return self.statements.find(day, partner, system)

    def operators(self, kept: KeptStatement) -> Mapping[str, JsonValue]:
        """Who acted, as far as it still opens, and the digests that the statement is over."""
        digests = split(kept.operators)
        with self._one:
            return told(acted(self._acts(kept)), digests, self.digest)

    def digests(self, kept: KeptStatement) -> Mapping[str, JsonValue]:
        """The same for those who may not see names."""
        return told([], split(kept.operators))

    def lines(self, kept: KeptStatement, after: int) -> list[Line]:
        """Entries of a statement behind this index, up to `MOST_LINES` of them."""
        span = _range(kept)
        found: list[Line] = []
        with self._one:
            for comparison, _ in self._comparisons(kept, Range(max(after + 1, span.first), span.end)):
                found.append(_line(comparison, self.digest))
                if len(found) == MOST_LINES:
                    break
        return found

    def dispute(self, kept: KeptStatement, unknown: Sequence[int], missing: Sequence[int]) -> Dispute:
        """A system does not agree with its statement. One that is open stays the one; the same is not raised twice.

        Raises `InvalidQueryError`.
        """
        _check_disputed(kept, unknown, missing)
        known = [each for each in self.statements.disputes() if _is_about(each, kept)]
        if known:
            return known[0]
        named = encode([kept.partner, kept.system, kept.day, list(unknown), list(missing)])
        return self._raise(
            Dispute(
                id=sha256(named).hexdigest()[:32],
                partner=kept.partner,
                system=kept.system,
                period=kept.day,
                by=BY_SYSTEM,
                unknown=tuple(unknown),
                missing=tuple(missing),
                raised=self._now(),
            )
        )

    def raise_objections(self, standing: Standing) -> list[Dispute]:
        """Takes up what heads object to in their acknowledgements; each of them once. Returns what is new."""
        known = {each.id for each in self.statements.disputes(only_open=False)}
        objections = [each for each in _objections(standing, self._now()) if each.id not in known]
        return [self._raise(each) for each in objections]

    def settle(self, by: Person, dispute_id: str, finding: str) -> Dispute | None:
        """An officer closes a dispute; None when there is none. Raises `ConflictError`, `InvalidQueryError`."""
        if not finding.strip() or len(finding) > LONGEST_FINDING or "\0" in finding:
            raise InvalidQueryError(f"请写明处理结果，最多 {LONGEST_FINDING} 字", "finding")
        with self.store.begin() as work:
            work.deeds.lock()
            known = work.statements.dispute(dispute_id)
            if known is None:
                return None
            if known.settled:
                raise ConflictError("此异议已处理")
            settled = replace(known, settled=self._now(), settled_by=by.id, finding=finding)
            draft = statement_settled(
                partner=known.partner, dispute=known.id, by=by.id, duty=by.duty.value, finding=finding
            )
            self._keep(work, settled, draft)
        return settled

    def open_disputes(self) -> Sequence[Dispute]:
        return self.statements.disputes()

    def _raise(self, dispute: Dispute) -> Dispute:
        with self.store.begin() as work:
            work.deeds.lock()
            known = work.statements.dispute(dispute.id)
            if known is not None:
                return known
            draft = statement_disputed(
                partner=dispute.partner,
                dispute=dispute.id,
                by=dispute.by,
                system=dispute.system or None,
                period=dispute.period,
                unknown=dispute.unknown,
                missing=dispute.missing,
            )
            entries, at = len(dispute.unknown) + len(dispute.missing), self.clock.now()
            noticed = raise_incident(work.watch, dispute.partner, dispute.id, entries, at)
            return self._keep(work, dispute, draft, *noticed)

    def _keep(self, work: StatementWork, dispute: Dispute, draft: Draft, *also: Draft) -> Dispute:
        """Keeps it with its entry."""
        recorded = self.ledger.append(work.ledger, [draft, *also], self.clock.now())
        kept = replace(dispute, entry=recorded[0].index) if dispute.entry < 0 else dispute
        work.statements.put_dispute(kept)
        work.commit()
        return kept

    def _acts(self, kept: KeptStatement) -> Iterator[tuple[Disclosure | None, bool]]:
        for comparison, packed in self._comparisons(kept, _range(kept)):
            yield operator_of(comparison.id, packed, self.keys), not comparison.incident

    def _comparisons(self, kept: KeptStatement, span: Range) -> Iterator[tuple[Comparison, bytes]]:
        """Those of the statement, with their packed disclosures. Raises `UnavailableError`."""
        try:
            for start, stop in chunks(span.first, span.end):
                beside = dict(self.reader.disclosures(start, stop))
                for index, content in enumerate(self.reader.entries(start, stop), start):
                    found = read_comparison(content, self.origin, self.digest)
                    if found is not None and (found.partner, found.system) == (kept.partner, kept.system):
                        yield found, beside.get(index, b"")
        except AuditError as error:
            raise UnavailableError("an entry of the day cannot be read; `bidui audit verify` says which") from error

    def _now(self) -> int:
        return int(self.clock.now().timestamp())


def _objections(standing: Standing, now: int) -> Iterator[Dispute]:
    for document in standing.of(Kind.ACKNOWLEDGEMENT):
        deed = standing.deed(Kind.ACKNOWLEDGEMENT, document.id)
        if document.content["agrees"] is False and deed is not None:
            yield Dispute(
                id=deed.digest[:32],
                partner=str(document.content["partner"]),
                system="",
                period=str(document.content["month"]),
                by=BY_HEAD,
                text=document.reason,
                raised=now,
            )


def _range(kept: KeptStatement) -> Range:
    body = _stated(kept.document)
    return Range(body.first.index, body.last.index + 1) if body.first and body.last else Range(0, 0)


def _line(found: Comparison, digest: Digest) -> Line:
    return Line(
        index=found.place.index,
        pseq=found.place.pseq,
        time=found.time,
        leaf=found.leaf(digest).hex(),
        incident=found.incident,
        reason=found.reason,
        grant=found.grant,
        network=found.network,
    )


def _check_disputed(kept: KeptStatement, unknown: Sequence[int], missing: Sequence[int]) -> None:
    if not unknown and not missing:
        raise InvalidQueryError("请列出对账单中不认识的条目，或对账单中缺少的回执", "unknown")
    for name, indexes in (("unknown", unknown), ("missing", missing)):
        if len(indexes) > MOST_DISPUTED or list(indexes) != sorted(set(indexes)) or any(each < 0 for each in indexes):
            raise InvalidQueryError(f"{name} 须从小到大、各不相同，最多 {MOST_DISPUTED} 个", name)
    span = _range(kept)
    if any(not span.first <= each < span.end for each in unknown):
        raise InvalidQueryError("unknown 须为此对账单中的条目", "unknown")


def _is_about(dispute: Dispute, kept: KeptStatement) -> bool:
    return (dispute.partner, dispute.system, dispute.period) == (kept.partner, kept.system, kept.day)


class _Spots(msgspec.Struct, frozen=True):
    first: Spot | None
    last: Spot | None


class _Document(msgspec.Struct, frozen=True):
    body: _Spots


def _stated(document: bytes) -> _Spots:
    return _documents.decode(document).body


_documents = msgspec.json.Decoder(_Document)


def as_json(document: bytes) -> JsonValue:
    """A signed statement, to be put into an answer."""
    return decode(document)
