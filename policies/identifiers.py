"""The numbers of subjects: GB 11643 (persons), GB 32100 and 机构编码 (organisations).

Reading repairs the writing (width, spaces, case, 15 digits) and never the number: a wrong check digit or date is
refused before anything is looked up. The place in an id number never refuses, because tables of places are always
out of date; `place_known` is there for load reports.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from operator import mul

from policies import texts
from policies.invalid import InvalidValueError

FIELD = "id"
BIRTH_YEARS = range(1800, 2101)

STORED_AS_NUMBER = "被存成数字，末几位已丢失，请将该列设为文本后重填"
WRONG_BIRTH_DATE = "身份证号中的出生日期不存在，请核对"
WRONG_ID_CHECK = "身份证号校验码不符，请核对每一位"
WRONG_ID_FORM = "身份证号应为18位（或旧15位）数字，末位可为X"
WRONG_USCC_CHECK = "统一社会信用代码校验码不符，请核对每一位"
WRONG_USCC_FORM = "统一社会信用代码应为18位数字或大写字母，不使用字母I、O、Z、S、V"
WRONG_ORG_FORM = "机构编码应为12至15位数字或字母"

# 3.30106199003072E+17, or 330106199003072320.0
_SPELLED_FLOAT = re.compile(r"[0-9]\.[0-9]+E\+?[0-9]+|[0-9]{12,18}\.[0-9]+")
_ID_NUMBER = re.compile(r"[0-9]{17}[0-9X]")
_OLD_ID_NUMBER = re.compile(r"[0-9]{15}")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
# Weights times character codes, less this, are weights times digits.
_ID_OFFSET = ord("0") * sum(_ID_WEIGHTS)

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_VALUES = {character: value for value, character in enumerate(_USCC_ALPHABET)}
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
# Registering body and class (letters too: A army, N villages, Y others), six digits of place, body code, check.
_USCC = re.compile(f"[{_USCC_ALPHABET}]{{2}}[0-9]{{6}}[{_USCC_ALPHABET}]{{10}}")
_ORG_CODE = re.compile(r"[0-9A-Z]{12,15}")

# The provinces by region, then Taiwan, Hong Kong and Macau and their residents' permits, and foreigners.
_PROVINCES = frozenset(
    str(number)
    for region in (range(11, 16), range(21, 24), range(31, 38), range(41, 47), range(50, 55), range(61, 66))
    for number in (*region, 71, 81, 82, 83, 91)
)


@dataclass(frozen=True, slots=True)
class IdentifierRule:
    """One kind of number: the lengths by which it is told apart, and the check that gives its one form."""

    zh: str
    lengths: range
    hint: str
    check: Callable[[str], str]


def parse_identifier(kinds: tuple[str, ...], raw: object) -> str:
    """The one form of a number that may be of any of these kinds; the length decides which."""
    text = "" if _is_inexact(raw) else texts.clean(raw, FIELD).replace(" ", "").upper()
    if not text or ("." in text and _SPELLED_FLOAT.fullmatch(text)):
        raise InvalidValueError(FIELD, IDENTIFIERS[kinds[0]].zh + STORED_AS_NUMBER)
    for kind in kinds:
        rule = IDENTIFIERS[kind]
        if len(text) in rule.lengths:
            return rule.check(text)
    raise InvalidValueError(FIELD, "；或".join(IDENTIFIERS[kind].hint for kind in kinds))


def parse_id_number(raw: object) -> str:
    """An id number as 18 characters; 15 digits are carried over, residents' permits (81, 82, 83) are numbers too."""
    return parse_identifier(("id_number",), raw)


def parse_uscc(raw: object) -> str:
    """A unified social credit code in capitals. Only the whole is checked: the body code inside may be an odd one."""
    return parse_identifier(("uscc",), raw)


def parse_org_code(raw: object) -> str:
    """A 机构编码: 12 to 15 digits or letters.

    No national norm fixes its form: registers build it from six to nine digits of place, a class and a sequence.
    Only the length is held, so that it is never taken for a body code (9) or a credit code (18).
    """
    return parse_identifier(("org_code",), raw)


def place_known(id_number: str) -> bool:
    """Whether the first two digits name a province or a series in use; a warning in reports, never a refusal."""
    return id_number[:2] in _PROVINCES


def id_check_character(first17: str) -> str:
    """The 18th character of an id number (ISO 7064 MOD 11-2)."""
    return _ID_CHECKS[(sum(map(mul, _ID_WEIGHTS, first17.encode())) - _ID_OFFSET) % 11]


def uscc_check_character(first17: str) -> str:
    """The 18th character of a credit code; 0 when the sum leaves no remainder."""
    total = sum(weight * _USCC_VALUES[character] for weight, character in zip(_USCC_WEIGHTS, first17, strict=True))
    return _USCC_ALPHABET[-total % 31]


def _is_inexact(raw: object) -> bool:
    # A decimal with an exponent was written 3.30106E+17 somewhere: its last digits are gone like those of a float.
    return isinstance(raw, float) or (isinstance(raw, Decimal) and raw.as_tuple().exponent != 0)


def _check_id_number(text: str) -> str:
    if len(text) == 15 and _OLD_ID_NUMBER.fullmatch(text):
        first17 = f"{text[:6]}19{text[6:]}"
        text = first17 + id_check_character(first17)
    if not _ID_NUMBER.fullmatch(text):
        raise InvalidValueError(FIELD, WRONG_ID_FORM)
    if not _is_birth_date(int(text[6:10]), int(text[10:12]), int(text[12:14])):
        raise InvalidValueError(FIELD, WRONG_BIRTH_DATE)
    if text[17] != id_check_character(text[:17]):
        raise InvalidValueError(FIELD, WRONG_ID_CHECK)
    return text


def _is_birth_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return year in BIRTH_YEARS


def _check_uscc(text: str) -> str:
    if not _USCC.fullmatch(text):
        raise InvalidValueError(FIELD, WRONG_USCC_FORM)
    if text[17] != uscc_check_character(text[:17]):
        raise InvalidValueError(FIELD, WRONG_USCC_CHECK)
    return text


def _check_org_code(text: str) -> str:
    if not _ORG_CODE.fullmatch(text):
        raise InvalidValueError(FIELD, WRONG_ORG_FORM)
    return text


IDENTIFIERS: Mapping[str, IdentifierRule] = {
    "id_number": IdentifierRule("身份证号", range(15, 19), WRONG_ID_FORM, _check_id_number),
    "uscc": IdentifierRule("统一社会信用代码", range(18, 19), WRONG_USCC_FORM, _check_uscc),
    "org_code": IdentifierRule("机构编码", range(12, 16), WRONG_ORG_FORM, _check_org_code),
}
