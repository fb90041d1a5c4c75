"""A partner's head acknowledges each month of statements; where nobody does, the partner's grants step up.

1. A month waits when its last day is made and something was compared in it; an empty month waits for nobody.
2. Its head has so many working days after its end as the parameters say (or after its statements were made, if that
   was late). From then on each comparison of the partner must be a signed request, until every such month is
   acknowledged; `agrees: false` is an acknowledgement too, and raises a dispute.
3. An acknowledgement is a deed of the id `partner.month` that names the root over the month's statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import msgspec

from audit.entry import JsonValue
from audit.statement import body_of as statement_body
from audit.statement import bounds, month_root
from gateway.deeds.calendar import due, end_of
from gateway.deeds.document import MAX_ID, Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.lapse import parameters_in
from gateway.deeds.parameters import Parameters
from gateway.deeds.standing import Standing
from gateway.statements.keeping import Dispute, KeptStatement, PartnerMonth, StatementReader

_DAY = timedelta(days=1)
_LONGEST_MONTH = timedelta(days=32)


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A month that its partner's head has not acknowledged; `due` is the last day for it."""

    partner: str
    month: str
    count: int
    due: date

    @property
    def steps_up(self) -> datetime:
        """When the partner's grants step up."""
        return end_of(self.due)


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """A month of a partner's statements, as it is acknowledged."""

    partner: str
    month: str
    days: int
    answered: int
    refused: int
    root: str
    is_whole: bool

    def content(self, *, agrees: bool = True) -> dict[str, JsonValue]:
        """What the deed says."""
        return {"partner": self.partner, "month": self.month, "statements": self.root, "agrees": agrees}


class Overview(msgspec.Struct, frozen=True):
    """What tasks follow from: months with comparisons, the last day that is made, disputes that are open."""

    months: Sequence[PartnerMonth] = ()
    last_made: str | None = None
    disputes: Sequence[Dispute] = ()

    @classmethod
    def of(cls, reader: StatementReader) -> Overview:
        """As it is now. Raises `UnavailableError`."""
        return cls(reader.months(), reader.last_day(), reader.disputes())


def deed_id(partner: str, month: str) -> str:
    """The id of the deed that acknowledges a month. A code that leaves no room for it is named by its hash."""
    named = f"{partner}.{month}"
    return named if len(named) <= MAX_ID else f"{sha256(partner.encode()).hexdigest()[:32]}.{month}"


def days_of(month: str) -> tuple[date, date]:
    """The first and the last day of a month. Raises `ValueError`."""
    first = date.fromisoformat(f"{month}-01")
    return first, (first + _LONGEST_MONTH).replace(day=1) - _DAY


def month_of(kept: Sequence[KeptStatement], partner: str, month: str, last_made: str | None) -> Month:
    """A month from its statements, which come by day and then by system. Raises `ReceiptError`, `ValueError`."""
    return Month(
        partner=partner,
        month=month,
        days=len({each.day for each in kept}),
        answered=sum(each.answered for each in kept),
        refused=sum(each.refused for each in kept),
        root=month_root(statement_body(each.document) for each in kept),
        is_whole=last_made is not None and last_made >= days_of(month)[1].isoformat(),
    )


def read_month(reader: StatementReader, partner: str, month: str) -> Month:
    """The same from where statements are kept. Raises `UnavailableError` besides."""
    first, last = days_of(month)
    last_made = reader.last_day()
    kept = reader.listed(first.isoformat(), last.isoformat(), partner)
    return month_of(kept, partner, month, last_made)


def waiting(standing: Standing, months: Sequence[PartnerMonth], last_made: str | None) -> Iterator[Waiting]:
    """Months that wait for their acknowledgement, by partner and month. Raises `DeedError`."""
    parameters = parameters_in(standing)
    for each in months:
        is_whole = last_made is not None and last_made >= days_of(each.month)[1].isoformat()
        if is_whole and standing.content(Kind.ACKNOWLEDGEMENT, deed_id(each.partner, each.month)) is None:
            last = _due(each, parameters)
            yield Waiting(partner=each.partner, month=each.month, count=each.count, due=last)


def steps_up(standing: Standing, months: Sequence[PartnerMonth], last_made: str | None) -> Mapping[str, datetime]:
    """From when on each comparison of a partner must be signed; partners that owe nothing are left out."""
    ends: dict[str, datetime] = {}
    for each in waiting(standing, months, last_made):
        ends[each.partner] = min(each.steps_up, ends.get(each.partner, each.steps_up))
    return ends


def check_acknowledgement(document: Document, reader: StatementReader) -> None:
    """Whether it speaks of the statements that are kept. Raises `DeedError` that says what to change."""
    content = document.content
    partner, month = str(content["partner"]), str(content["month"])
    if document.id != deed_id(partner, month):
        raise DeedError(f"文书编号须为 {deed_id(partner, month)}")
    found = read_month(reader, partner, month)
    if not found.is_whole:
        raise DeedError("该月的对账单尚未全部出具，请于次月再确认")
    if not found.days:
        raise DeedError("该月没有本部门的对账单，请核对月份")
    if content["statements"] != found.root:
        raise DeedError(f"statements 与该月对账单的根不符，应为 {found.root}；请重新查看对账单")
    if content["agrees"] is False and not document.reason.strip():
        raise DeedError("有异议时，请在 reason 中写明")


def _due(month: PartnerMonth, parameters: Parameters) -> date:
    """Counted from the month's last day, or from when its statements were there."""
    ended = bounds(days_of(month.month)[1])[0]
    since = max(ended, datetime.fromtimestamp(month.made, UTC) - _DAY)
    return due(since, parameters.acknowledgement_days, parameters.calendar)
