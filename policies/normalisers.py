"""Dates, months, numbers, money, yes/no and codes in one form each, and the table of all readings.

A normaliser takes whatever a claim or a column held, and the key of the field for its error; it returns the
canonical text, which it would return again unchanged, or raises `InvalidValueError`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from policies import texts
from policies.invalid import InvalidValueError
from policies.names import fold, normalise_name, normalise_phrase

Normaliser = Callable[[object, str], str]

# Part of the catalogue's digest. Raise it whenever a reading gives another canonical text than before: an index
# sealed with the old reading would answer 不一致 for equal values.
READING_VERSION = 1

NOT_A_DATE = "日期应写成 yyyy-mm-dd，例如 1990-03-07"
NOT_A_MONTH = "月份应写成 yyyy-mm，例如 1990-03"
NO_SUCH_DATE = "没有这一天，请核对日期"
NOT_AN_INTEGER = "应为整数，不带单位"
NOT_MONEY = "金额应为数字，最多两位小数，单位为元"
NOT_YES_OR_NO = "应填 是 或 否"
NOT_IN_LIST = "不在标准代码表中，请填写标准名称或代码"

_YEARS = range(1800, 2201)
# A time of day is accepted only when it is none: databases print dates that way.
_MIDNIGHT = r"(?:[T ]0{1,2}:00(?::00(?:\.0+)?)?)?"
_DATE = re.compile(rf"([0-9]{{4}})(?:([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}})|([0-9]{{2}})([0-9]{{2}})){_MIDNIGHT}")
_MONTH = re.compile(r"([0-9]{4})(?:[-/.]([0-9]{1,2})|([0-9]{2}))")
_CHINESE_DATE = str.maketrans({"年": "-", "月": "-", "日": None, " ": None})
_NUMBER_MARKS = str.maketrans("\u2212\u2013", "--", "¥元 ")
_INTEGER = re.compile(r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})")
_MONEY = re.compile(r"[+-]?(?:[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.[0-9]{1,2}0*)?")
_MAX_MONEY = 1e12
_NUMBERS = (float, Decimal)

_YES = frozenset({"是", "Y", "YES", "TRUE", "1", "√"})
_NO = frozenset({"否", "N", "NO", "FALSE", "0", "×"})


@dataclass(frozen=True, slots=True)
class Reading:
    """How values of one sort are read: to canonical text, to a folded form, to a number that can be ordered."""

    normalise: Normaliser
    fold: Callable[[str], str] | None = None
    count: Callable[[str], int] | None = None


def normalise_date(raw: object, field: str) -> str:
    """yyyy-mm-dd from 1990-3-7, 1990/3/7, 1990.3.7, 19900307, 1990年3月7日, a date or a datetime."""
    if isinstance(raw, date):
        return _real_date(raw.year, raw.month, raw.day, field)
    found = _DATE.fullmatch(_date_text(raw, field))
    if not found:
        raise InvalidValueError(field, NOT_A_DATE)
    year, _, month, day, short_month, short_day = found.groups()
    return _real_date(int(year), int(month or short_month), int(day or short_day), field)


def normalise_month(raw: object, field: str) -> str:
    """yyyy-mm; a whole date is read as its month. A number such as 1990.1 is refused: it may have been 1990.10."""
    if isinstance(raw, date):
        return _real_date(raw.year, raw.month, 1, field)[:7]
    text = _date_text(raw, field)
    found = _MONTH.fullmatch(text)
    if found and not (isinstance(raw, _NUMBERS) and "." in text):
        year, month, short_month = found.groups()
        return _real_date(int(year), int(month or short_month), 1, field)[:7]
    if _DATE.fullmatch(text):
        return normalise_date(text, field)[:7]
    raise InvalidValueError(field, NOT_A_MONTH)


def normalise_integer(raw: object, field: str) -> str:
    """Decimal digits without leading zeros, with a minus sign or none; thousands separators are dropped."""
    text = texts.clean(raw, field).translate(_NUMBER_MARKS)
    if not _INTEGER.fullmatch(text):
        raise InvalidValueError(field, NOT_AN_INTEGER)
    return str(int(text.replace(",", "")))


def normalise_money(raw: object, field: str) -> str:
    """Yuan with two decimals. Floats carry noise from sums in spreadsheets and are rounded to the cent."""
    if isinstance(raw, float) and abs(raw) < _MAX_MONEY:
        raw = f"{raw:.2f}"
    text = texts.clean(raw, field).translate(_NUMBER_MARKS)
    if not _MONEY.fullmatch(text):
        raise InvalidValueError(field, NOT_MONEY)
    amount = Decimal(text.replace(",", ""))
    return f"{amount:.2f}" if amount else "0.00"


def normalise_yuan(raw: object, field: str) -> str:
    """Money in whole yuan, rounded down: for amounts that are put in order, never compared to the cent."""
    amount = Decimal(normalise_money(raw, field))
    return str(int(amount.to_integral_value(rounding="ROUND_FLOOR")))


def normalise_yes_or_no(raw: object, field: str) -> str:
    """是 or 否."""
    if isinstance(raw, bool):
        return "是" if raw else "否"
    answer = texts.clean(raw, field).upper()
    if answer not in _YES | _NO:
        raise InvalidValueError(field, NOT_YES_OR_NO)
    return "是" if answer in _YES else "否"


def code_normaliser(codes: Mapping[str, tuple[str, ...]]) -> Normaliser:
    """Reads a code, its label or any alias of it as the code; also a code that lost its leading zeros in a sheet.

    Raises `ValueError` naming the word that two codes claim.
    """
    lookup: dict[str, str] = {}
    for code, labels in codes.items():
        for word in (code, *labels):
            if lookup.setdefault(_code_key(word, ""), code) != code:
                raise ValueError(word)
    for code in codes:
        lookup.setdefault(code.lstrip("0") or "0", code)
    found = lookup.get

    def normalise_code(raw: object, field: str) -> str:
        # A word as the table has it, which is how systems send it, needs no cleaning.
        code = found(raw) if isinstance(raw, str) else None
        if code is None:
            code = found(_code_key(raw, field))
        if code is None:
            raise InvalidValueError(field, NOT_IN_LIST)
        return code

    return normalise_code


def month_count(canonical: str) -> int:
    """Months since year 0, so that months can be put in order."""
    return int(canonical[:4]) * 12 + int(canonical[5:]) - 1


def _code_key(raw: object, field: str) -> str:
    return texts.clean(raw, field).replace(" ", "").upper()


def _date_text(raw: object, field: str) -> str:
    text = texts.clean(raw, field)
    return text if text.isascii() else text.translate(_CHINESE_DATE).rstrip("-")


def _real_date(year: int, month: int, day: int, field: str) -> str:
    if not _is_date(year, month, day):
        raise InvalidValueError(field, NO_SUCH_DATE)
    return f"{year:04}-{month:02}-{day:02}"


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return year in _YEARS


READINGS: Mapping[str, Reading] = {
    "name": Reading(normalise_name, fold=fold),
    "organisation": Reading(normalise_phrase, fold=fold),
    "text": Reading(normalise_phrase, fold=fold),
    "date": Reading(normalise_date),
    "month": Reading(normalise_month, count=month_count),
    "integer": Reading(normalise_integer, count=int),
    "money": Reading(normalise_money),
    "yuan": Reading(normalise_yuan, count=int),
    "yes_or_no": Reading(normalise_yes_or_no),
}
# A field with this normaliser brings its own table of codes; ordered, their order in the file is their rank.
CODE = "code"


def reading_of(normaliser: str, codes: Mapping[str, tuple[str, ...]]) -> Reading:
    """The reading a field asks for by name. Raises `KeyError` for an unknown name."""
    if normaliser != CODE:
        return READINGS[normaliser]
    return Reading(code_normaliser(codes), count={code: rank for rank, code in enumerate(codes)}.__getitem__)
