"""Single cells of foreign tables: what is blank, what is text, what is a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isnan
from unicodedata import normalize

from gateway.seal import DAY_ZERO, END_OF_DAYS
from policies.invalid import InvalidValueError
from policies.normalisers import normalise_date, normalise_month

EXCEL_SERIAL = "excel"
EXACT_FLOAT = 1e14
"""A whole number of more digits has lost its last ones when a spreadsheet kept it as a number."""

_LONGEST_NUMBER = 30
_EXCEL_ZERO = date(1899, 12, 30)
_LAST_YEAR = 2200
"""Years beyond this, mostly 9999, say "for ever"."""


def is_blank(raw: object, blanks: frozenset[str]) -> bool:
    """Nothing, white space alone, not a number, or one of the words that the mapping calls blank."""
    if isinstance(raw, str):
        return not raw or raw.isspace() or (raw.strip() in blanks)
    if isinstance(raw, Decimal):
        return raw.is_nan()
    return raw is None or (isinstance(raw, float) and isnan(raw))


def is_ruined(raw: object) -> bool:
    """A number so long that the file no longer holds its last digits."""
    return isinstance(raw, float) and abs(raw) >= EXACT_FLOAT


def as_key(raw: object) -> str:
    """One spelling of a key or code, whatever type the source gives it; empty for what can be none."""
    match raw:
        case str():
            text = (raw if raw.isascii() else normalize("NFKC", raw)).strip()
            return text if text.isprintable() else ""
        case bool():
            return "1" if raw else "0"
        case int() | float() | Decimal():
            return _number_key(raw)
        case _:
            return str(raw)


def _number_key(raw: float | Decimal) -> str:
    if isinstance(raw, Decimal):
        return f"{raw.normalize():f}" if raw.is_finite() and raw.adjusted() < _LONGEST_NUMBER else ""
    if not -(10**_LONGEST_NUMBER) < raw < 10**_LONGEST_NUMBER:
        return ""
    return str(int(raw)) if raw == int(raw) else str(raw)


def as_date(raw: object, form: str) -> date:
    """A date in the format that the mapping names. Raises `ValueError`, whose text is not to be shown."""
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    text = as_key(raw)
    if form == EXCEL_SERIAL:
        return _EXCEL_ZERO + timedelta(days=int(text))
    return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day of the register, in no time zone


def first_day(raw: object, form: str | None) -> int:
    """The day from which a record holds, by number; a month alone means its first day."""
    return _number(_some_date(raw, form)[0])


def day_after(raw: object, form: str | None, *, included: bool) -> int:
    """The first day on which a record no longer holds; `included` says that the day given is the last of it."""
    day, is_month = _some_date(raw, form)
    if not included:
        return _number(day)
    if is_month:
        return _number((day.replace(day=28) + timedelta(days=4)).replace(day=1))
    return min(_number(day) + 1, END_OF_DAYS)


def _some_date(raw: object, form: str | None) -> tuple[date, bool]:
    """A day, and whether only its month was given. Without a format dates are read as the data standard reads them."""
    if form is not None or isinstance(raw, date):
        return as_date(raw, form or ""), form is not None and "%d" not in form and form != EXCEL_SERIAL
    text = as_key(raw)
    if text[:4].isdigit() and int(text[:4]) > _LAST_YEAR:
        return date.max, False
    try:
        return date.fromisoformat(normalise_date(text, "period")), False
    except InvalidValueError:
        return date.fromisoformat(normalise_month(text, "period") + "-01"), True


def _number(day: date) -> int:
    # 9999-12-31 and the like say "for ever"; before the beginning of days everything held already.
    return min(max((day - DAY_ZERO).days, 0), END_OF_DAYS)
