"""What the doors of the search read: strict, bounded, and the number of a person in its one form."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from gateway.domain.errors import InvalidQueryError
from gateway.trail.asking import LONGEST_WORD, MAX_ALTERNATIVES, MAX_LIMIT, Ask, Filter, Hidden
from gateway.trail.words import MEMBERS
from policies.catalogue import Catalogue, InvalidValueError

MAX_INDEX: Final = 2**53 - 1
LONGEST_NUMBER: Final = 64
MOST_HIDDEN_BYTES: Final = 640
"""What the frames of one entry have room for."""
_YEARS: Final = range(2000, 2200)


class TrailFilterBody(msgspec.Struct, forbid_unknown_fields=True):
    """Words of the clear part of entries: one of each list is enough. Instants have a zone; empty means open."""

    types: list[str] = []
    partners: list[str] = []
    clients: list[str] = []
    grants: list[str] = []
    purposes: list[str] = []
    kinds: list[str] = []
    outcomes: list[str] = []
    reasons: list[str] = []
    incidents: list[str] = []
    networks: list[str] = []
    since: str = ""
    until: str = ""

    def parse(self) -> Filter:
        """Raises `InvalidQueryError`."""
        words = {name: _words(getattr(self, f"{name}s"), f"{name}s") for name in MEMBERS}
        return Filter(
            words={name: named for name, named in words.items() if named},
            since=instant(self.since, "since"),
            until=instant(self.until, "until"),
        )


class SoughtBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whom comparisons were about."""

    kind: str
    id: str


class SearchBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/trail/search`: whoever names a `subject` names `because`, the matter (事由) it is searched for.

    `operator` is an account or job; `matter` that which a comparison named. `before` is the `next` of the page before.
    """

    filter: TrailFilterBody = msgspec.field(default_factory=TrailFilterBody)
    subject: SoughtBody | None = None
    operator: str = ""
    matter: str = ""
    because: str = ""
    before: int | None = None
    limit: int = 50

    def ask(self, catalogue: Catalogue) -> Ask:
        """Raises `InvalidQueryError`."""
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidQueryError(f"limit 应为 1 至 {MAX_LIMIT}", "limit")
        if self.before is not None and not 0 <= self.before <= MAX_INDEX:
            raise InvalidQueryError("before 应为上一页的 next", "before")
        return Ask(filter=self.filter.parse(), hidden=self._hidden(catalogue), before=self.before, limit=self.limit)

    def _hidden(self, catalogue: Catalogue) -> Hidden:
        for name in ("operator", "matter", "because"):
            _check_text(getattr(self, name), name)
        if sum(len(each.encode()) for each in (self.operator, self.matter, self.because)) > MOST_HIDDEN_BYTES:
            raise InvalidQueryError("operator、matter、because 合计过长", "because")
        if self.subject is None:
            return Hidden(operator=self.operator, matter=self.matter, because=self.because)
        if not self.because.strip():
            raise InvalidQueryError("按人员或机构的号码检索须写明事由", "because")
        return Hidden(
            kind=self.subject.kind,
            subject=_number(self.subject, catalogue),
            operator=self.operator,
            matter=self.matter,
            because=self.because,
        )


class ViewBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/trail/views`: a filter to be kept under a name. It cannot hold whom one searches for."""

    name: str
    filter: TrailFilterBody

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > LONGEST_WORD or "/" in self.name or not self.name.isprintable():
            raise InvalidQueryError(f"name 应为 1 至 {LONGEST_WORD} 个可见字符，不含 /", "name")


def instant(text: str, name: str) -> datetime | None:
    """None for an empty text. Raises `InvalidQueryError`."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or at.year not in _YEARS:
        raise InvalidQueryError(f"{name} 应为带时区的时刻，如 2026-03-02T10:00:00+08:00", name)
    return at


def _words(named: list[str], place: str) -> tuple[str, ...]:
    if len(named) > MAX_ALTERNATIVES:
        raise InvalidQueryError(f"{place} 至多 {MAX_ALTERNATIVES} 项", place)
    for each in named:
        if not each:
            raise InvalidQueryError(f"{place} 各项不得为空", place)
        _check_text(each, place)
    return tuple(dict.fromkeys(named))


def _check_text(text: str, place: str) -> None:
    if len(text) > LONGEST_WORD or not text.isprintable():
        raise InvalidQueryError(f"{place} 各项至多 {LONGEST_WORD} 个可见字符", place)


def _number(subject: SoughtBody, catalogue: Catalogue) -> str:
    """The number in its one form; what is wrong with it is told, never the number."""
    try:
        return catalogue.identifier(subject.kind, subject.id[:LONGEST_NUMBER])
    except InvalidValueError as error:
        raise InvalidQueryError(error.hint, "subject") from None
