"""The desk behind the officers' doors: explains, recalls, rehearses, and writes down who looked into the ledger.

Who is told what follows from the duties: rules are explained to those who are in charge of rights; decisions to those
who read the trail. A secret purpose is narrower: its rules to the two who sign rulebooks, that somebody asked to the
leader and to 审计管理员 alone (docs/policy.md, 9).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Final

from audit.entry import JsonValue, encode
from audit.errors import AuditError
from audit.events import Draft
from audit.ledger import Ledger
from audit.reader import LedgerReader
from audit.trail_events import trail_read
from gateway.deeds.document import MAX_DOCUMENT_BYTES, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import Kept
from gateway.domain.errors import ConflictError
from gateway.domain.people import Duty, Person
from gateway.drafting import ForbiddenError
from gateway.office import OfficeStore
from gateway.ports import Clock
from gateway.review.asking import Question
from gateway.review.bygone import Bygone, Then, first_since
from gateway.review.decisions import data_before
from gateway.review.explained import Explained
from gateway.review.explaining import Explaining, When
from gateway.review.hindsight import Hindsight, Recalled
from gateway.review.rehearsal import Rehearsal, Rehearsed, RulebookDraft
from policies.problems import RulebookError
from policies.publication import Texts
from policies.rows import Rules

EXPLAINED_TO: Final = frozenset({Duty.REVIEWER, Duty.LEADER, Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN})
RECALLED_TO: Final = frozenset({Duty.LEADER, Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN})
REHEARSED_BY: Final = frozenset({Duty.LEADER, Duty.SECURITY_ADMIN})
_SECRET_EXPLAINED_TO: Final = frozenset({Duty.LEADER, Duty.SECURITY_ADMIN})
_SECRET_RECALLED_TO: Final = frozenset({Duty.LEADER, Duty.AUDIT_ADMIN})
SHOWN_FAULTS: Final = 50


@dataclass(frozen=True, kw_only=True)
class ReviewDesk:
    """What stands behind the doors. Everything here takes time, so it is asked in threads; it never blocks a turn."""

    bygone: Bygone
    reader: LedgerReader
    explaining: Explaining
    hindsight: Hindsight
    rehearsal: Rehearsal
    store: OfficeStore
    ledger: Ledger
    clock: Clock
    pending: Callable[[], Sequence[Kept]]
    _busy: Lock = field(default_factory=Lock, repr=False)

    def explain(self, by: Person, question: Question, at: datetime | None, version: int | None) -> Explained:
        """A request that may never have been made. Raises `ForbiddenError`, `DeedError`, `UnavailableError`."""
        now = self.clock.now()
        then = self.bygone.present() if at is None or at >= now else self.bygone.at(at)
        deed = then.rulebooks if version is None else self.bygone.version(version)
        if version is not None and deed is None:
            raise DeedError(f"没有生效过第 {version} 版规则册")
        try:
            rules = self.bygone.rules(deed, then)
        except RulebookError as error:
            raise _unreadable(error) from None
        if by.duty not in _SECRET_EXPLAINED_TO and _is_secret(question, then, rules):
            raise ForbiddenError("此用途保密，只向领导和安全管理员解释")
        upto = self.reader.head().size if at is None or at >= now else first_since(self.reader, at)
        when = When(
            at=at or now,
            data_time=data_before(self.reader, upto),
            lying=self.bygone.lying(upto),
            shows_figures=by.duty in RECALLED_TO,
        )
        return self.explaining.explain(question, then, deed, when)

    def recall(self, by: Person, entry: int) -> Recalled | None:
        """A decision of the ledger; None where there is none that this person may know of. The look is recorded."""
        try:
            found = self.hindsight.recall(entry)
        except RulebookError as error:
            raise _unreadable(error) from None
        if found is None or (found.is_secret and by.duty not in _SECRET_RECALLED_TO):
            return None
        self._record(trail_read(person=by.id, duty=by.duty, use="explanation", first=entry, last=entry))
        return found

    def rehearse(self, by: Person, draft: RulebookDraft, days: int) -> Rehearsed:
        """A draft over the decisions of the last days. The look is recorded first. Raises `ConflictError` while
        another rehearsal runs.
        """
        if not self._busy.acquire(blocking=False):
            raise ConflictError("另一次试算正在进行，请稍后再试")
        try:
            span = self.rehearsal.span(days, self.clock.now())
            last = max(span.first, span.end - 1)
            self._record(
                trail_read(person=by.id, duty=by.duty, use="rehearsal", first=span.first, last=last, draft=draft.digest)
            )
            return self.rehearsal.run(draft, span)
        except RulebookError as error:
            raise _unreadable(error) from None
        finally:
            self._busy.release()

    def draft_of(self, content: Mapping[str, JsonValue]) -> RulebookDraft:
        """A draft that nobody has drawn up yet. Raises `DeedError`."""
        try:
            digest = sha256(encode(content, MAX_DOCUMENT_BYTES)).hexdigest()
        except AuditError as error:
            raise DeedError(f"这份草稿不能成为文书：{error}") from None
        deed = self.bygone.present().rulebooks
        return _draft(content, deed.document.serial + 1 if deed else 1, digest)

    def pending_draft(self, named: str) -> RulebookDraft:
        """A draft that waits for signatures. Raises `DeedError`."""
        for kept in self.pending():
            deed = kept.opened()
            if kept.kind == Kind.RULEBOOKS and deed.digest == named:
                return _draft(deed.document.content, kept.serial, named)
        raise DeedError("没有待签的规则册是这一份，请重新查看")

    def _record(self, draft: Draft) -> None:
        with self.store.begin() as work:
            self.ledger.append(work.ledger, [draft], self.clock.now())
            work.commit()


def shows_secret(by: Person) -> bool:
    """Whether single decisions for secret purposes may be shown to somebody."""
    return by.duty in _SECRET_RECALLED_TO


def _draft(content: Mapping[str, JsonValue], number: int, digest: str) -> RulebookDraft:
    try:
        return RulebookDraft(texts=Texts.of_content(content), number=number, digest=digest)
    except RulebookError as error:
        raise _unreadable(error) from None


def _unreadable(error: RulebookError) -> DeedError:
    return DeedError("规则册不能用：\n" + "\n".join(str(each) for each in error.problems[:SHOWN_FAULTS]))


def _is_secret(question: Question, then: Then, rules: Rules) -> bool:
    grant = then.grants.get(question.grant or "")
    asked = {question.purpose, grant.purpose if grant else ""}
    return any(purpose.secret and purpose.id in asked for book in rules.books for purpose in book.purposes)
