"""The first reading of any given value: a short, clean, NFKC text, or a hint what to do.

Every normaliser begins here, so the promises are made once: nothing longer than `MAX_LENGTH` is worked on,
invisible characters are dropped, garbled ones refused, and reading a clean text again changes nothing.
"""

import re
from decimal import Decimal
from unicodedata import normalize

from policies.invalid import InvalidValueError

MAX_LENGTH = 200
# Above this a float has lost digits, and an integer is no count, amount or code of ours.
_MAX_FLOAT = 1e14
_MAX_NUMBER = 10**30

# Most values by far: nothing in them that the steps of `clean` would change or refuse.
_CLEAN = re.compile("[!-~\xb7\u4e00-\u9fff]{1,200}")

# Category Cf (zero-width, direction marks, soft hyphen ...), variation selectors, which only choose a glyph, and the
# letters and marks that print nothing (Hangul fillers, grapheme joiner).
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u3164\uffa0\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f\U000e0100-\U000e01ef]"
)
# Control characters other than tab and line ends, lone surrogates, and what a wrong decoding leaves behind.
_GARBLED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffd-\uffff]")

MISSING = "没有给出值，请填写后再试"
TOO_LONG = "内容超过200个字符，请核对后重填"
GARBLED = "含有乱码或控制字符，请检查文件编码后重填"
NOT_TEXT = "值的类型不对，请按文本填写"
LOST_DIGITS = "被存成了数字且已丢失精度，请将该列设为文本后重填"


def as_text(raw: object, field: str) -> str:
    """The value as text of at most `MAX_LENGTH` characters; numbers only where they are exact."""
    if isinstance(raw, str):
        if len(raw) > MAX_LENGTH:
            raise InvalidValueError(field, TOO_LONG)
        return raw
    if raw is None:
        raise InvalidValueError(field, MISSING)
    if isinstance(raw, int | float | Decimal) and not isinstance(raw, bool):
        return _number_text(raw, field)
    raise InvalidValueError(field, NOT_TEXT)


def clean(raw: object, field: str) -> str:
    """NFKC, without invisible characters, white space as single spaces; never empty, never garbled."""
    if isinstance(raw, str) and _CLEAN.fullmatch(raw):
        return raw
    text = normalize("NFKC", _INVISIBLE.sub("", as_text(raw, field)))
    if _GARBLED.search(text):
        raise InvalidValueError(field, GARBLED)
    text = " ".join(text.split())
    if not text:
        raise InvalidValueError(field, MISSING)
    if len(text) > MAX_LENGTH:  # NFKC spells some single characters out
        raise InvalidValueError(field, TOO_LONG)
    return text


def _number_text(number: int | float | Decimal, field: str) -> str:
    # Bounded before it is spelled out: a number may be written short and print as a million digits.
    if isinstance(number, Decimal) and not number.is_finite():  # comparing it would raise
        raise InvalidValueError(field, LOST_DIGITS)
    if not -_MAX_NUMBER < number < _MAX_NUMBER:
        raise InvalidValueError(field, TOO_LONG)
    if isinstance(number, float) and not -_MAX_FLOAT < number < _MAX_FLOAT:
        raise InvalidValueError(field, LOST_DIGITS)
    # Spreadsheets give every number as a float.
    return str(int(number)) if number == int(number) else str(number)
