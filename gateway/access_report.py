"""The subject-access report (查询情况报告): who compared one subject, which fields, when, why, and what they were told.

1. It is a search for a subject: it names a matter, counts against the officer's day, and is recorded first.
2. It is complete up to a cut-off, the entry of that search, and says what it could not verify or is archived.
3. What is sealed is absent: entries for a purpose that is or was secret (docs/policy.md, 9), under a grant for one, and
   those that name no purpose of a partner that ever held such a grant. How much is sealed, of everybody together, is
   told by the month, to 审计管理员 alone: of one person it would tell the secret.
4. It holds no claimed value and no operator's name, so that no second person is needed: it tells of comparisons to
   somebody who came with the number. Whoever needs more asks for a deed (reveal).
5. That it was drawn is recorded before it is shown, with how many entries it tells of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

import msgspec

from audit.errors import DisclosureError
from audit.kinds import COMPARISON_ANSWERED, COMPARISON_REFUSED
from audit.statement import day_of
from audit.statement_events import access_reported
from gateway.deeds.document import Kind
from gateway.domain.answer import CHINESE
from gateway.domain.errors import UnavailableError
from gateway.domain.people import Person
from gateway.review.bygone import Bygone, Then
from gateway.trail.asking import MAX_LIMIT, Ask, Filter, Hidden, choices_of
from gateway.trail.desk import CATCH_UP_SECONDS, TrailDesk
from gateway.trail.opening import Found
from gateway.trail.ports import Choice, Span
from gateway.trail.searching import Hit, Page, Wanted
from gateway.trail.secrecy import Secret
from gateway.trail.words import SUBJECT, Entry, body_of, number_of
from policies.catalogue import Catalogue
from policies.problems import RulebookError

MOST_PAGES: Final = 50
MONTHS: Final = 24
_COMPARISONS: Final = (COMPARISON_ANSWERED.type, COMPARISON_REFUSED.type)
_HOUR: Final = 3600


class AskedField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that was asked, and the code that was told; empty where the whole was refused."""

    field: str
    zh: str
    comparator: str
    code: str
    code_zh: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison. `result` is the subject's code, or `refused`."""

    entry: int
    time: str
    partner: str
    partner_zh: str
    department: str
    system: str
    grant: str | None
    purpose: str | None
    purpose_zh: str
    legal_basis: str
    fields: list[AskedField]
    result: str
    result_zh: str
    refused: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The report: everything before entry `before`. `left` is for how many more persons this officer may ask today."""

    kind: str
    matter: str
    drawn: str
    by: str
    before: int
    entry: int
    lines: list[Line]
    unverified: list[int]
    archived: list[int]
    is_whole: bool
    left: int | None


@dataclass(frozen=True, kw_only=True)
class AccessDesk:
    """What stands behind the doors. Everything here takes time, so it is asked in threads."""

    trail: TrailDesk
    bygone: Bygone
    catalogue: Catalogue

    def report(self, by: Person, kind: str, number: str, matter: str) -> Report:
        """Draws a report; `number` is normalised. Raises `ForbiddenError` when the day is used up."""
        trail = self.trail
        point = trail.tokens.point(kind, number)
        ask = Ask(filter=Filter(words={"type": _COMPARISONS}), hidden=Hidden(kind=kind, subject=number, because=matter))
        trail.indexer.catch_up(max_seconds=CATCH_UP_SECONDS)
        before, left = trail.recording.record(by, ask, point)
        trail.indexer.catch_up(before, max_seconds=CATCH_UP_SECONDS)
        secret = trail.secrecy.secret()
        pages = list(self._pages(ask, point.text, secret, before))
        silent = self._silent_partners(secret)
        hits = [hit for page in pages for hit in page.hits if not _is_silent(hit.entry, silent)]
        lines = [self._line(hit) for hit in reversed(hits)]
        entry = self._record(by, kind, number, before, len(lines))
        return Report(
            kind=kind,
            matter=matter,
            drawn=trail.recording.clock.now().astimezone(UTC).isoformat(timespec="seconds"),
            by=by.id,
            before=before,
            entry=entry,
            lines=lines,
            unverified=sorted(index for page in pages for index in page.differs),
            archived=sorted(index for page in pages for index in page.archived),
            is_whole=not pages or pages[-1].next is None,
            left=left,
        )

    def sealed(self, by: Person) -> Mapping[str, int]:
        """How many comparisons each of the last months had under grants for secret purposes, of everybody together."""
        secret, now = self.trail.secrecy.secret(), self.trail.recording.clock.now()
        first = int(now.timestamp()) // _HOUR - MONTHS * 31 * 24
        months: dict[str, int] = {}
        for place, count in self.trail.reader.hours(max(0, first), int(now.timestamp()) // _HOUR + 1).items():
            if place.grant in secret.grants:
                month = day_of(datetime.fromtimestamp(place.hour * _HOUR, UTC)).isoformat()[:7]
                months[month] = months.get(month, 0) + count.entries
        self._append(by, use="sealed", kind="", subject=None, before=self.trail.log.head().size, found=0)
        return dict(sorted(months.items()))

    def _pages(self, ask: Ask, point: str, secret: Secret, before: int) -> Iterator[Page]:
        """From the end to the beginning, until nothing is left."""
        term = Found(SUBJECT, point)
        wanted = Wanted(
            choices=(Choice(tokens=tuple(self.trail.tokens.everywhere(*term))), *choices_of(ask.filter.words)),
            filter=ask.filter,
            terms=frozenset({term}),
            without=secret.words(),
            hidden=tuple(number_of(*word) for word in secret.words()),
        )
        end: int | None = before
        for _ in range(MOST_PAGES):
            if end is None:
                return
            page = self.trail.searcher.search(wanted, Span(0, end), MAX_LIMIT)
            yield page
            end = page.next

    def _silent_partners(self, secret: Secret) -> frozenset[str]:
        """Partners that ever held a grant for a secret purpose."""
        grants = (kept.opened().document for kept in self.bygone.history() if kept.kind == Kind.GRANT)
        return frozenset(str(each.content.get("partner")) for each in grants if each.id in secret.grants)

    def _line(self, hit: Hit) -> Line:
        entry, body = hit.entry, body_of(hit.entry)
        outcome = cast("Mapping[str, object]", body.get("outcome") or {})
        codes = cast("Mapping[str, str]", outcome.get("fields") or {})
        refused = str(outcome.get("refused") or "")
        result = "refused" if refused else str(outcome.get("subject") or "")
        then, partner = self.bygone.before(hit.index), str(entry.get("partner") or "")
        content = then.standing.content(Kind.PARTNER, partner) or {}
        number, purpose = _text(body.get("grant")), _text(body.get("purpose"))
        grant = then.grants.get(number or "")
        asked = cast("Sequence[tuple[str, str]]", body.get("fields") or ())
        return Line(
            entry=hit.index,
            time=str(entry.get("log_time")),
            partner=partner,
            partner_zh=str(content.get("zh") or partner),
            department=str(content.get("department") or ""),
            system=str(body.get("client") or ""),
            grant=number,
            purpose=purpose,
            purpose_zh=self._purposes(then).get(purpose or "", ""),
            legal_basis=grant.legal_basis if grant else "",
            fields=[self._field(name, comparator, codes.get(name, "")) for name, comparator in asked],
            result=result,
            result_zh=CHINESE.get(result, result),
            refused=refused,
        )

    def _field(self, name: str, comparator: str, code: str) -> AskedField:
        known = self.catalogue.fields.get(name)
        return AskedField(
            field=name, zh=known.zh if known else name, comparator=comparator, code=code, code_zh=CHINESE.get(code, "")
        )

    def _purposes(self, then: Then) -> Mapping[str, str]:
        try:
            books = self.bygone.rules(then.rulebooks, then).books
        except RulebookError:
            return {}
        return {purpose.id: purpose.zh for book in books for purpose in book.purposes}

    def _record(self, by: Person, kind: str, number: str, before: int, found: int) -> int:
        """Before it is shown. Of somebody who was erased nothing is encrypted any more, not even here."""
        try:
            return self._append(by, use="report", kind=kind, subject=number, before=before, found=found)
        except DisclosureError:
            return self._append(by, use="report", kind=kind, subject=None, before=before, found=found)

    def _append(self, by: Person, *, use: str, kind: str, subject: str | None, before: int, found: int) -> int:
        draft = access_reported(
            person=by.id,
            duty=by.duty.value,
            use=use,
            kind=kind,
            subject=subject,
            before=before,
            found=found,
        )
        recording = self.trail.recording
        with recording.store.begin() as work:
            recorded = recording.ledger.append(work.ledger, [draft], recording.clock.now())
            work.commit()
        if not recorded:
            raise UnavailableError("the report was not recorded; nothing is shown")
        return recorded[0].index


def _is_silent(entry: Entry, partners: frozenset[str]) -> bool:
    """Whether somebody who may ask for what is secret asked without naming a purpose of theirs."""
    return entry.get("partner") in partners and body_of(entry).get("purpose") is None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
