"""One form for the names of people, organs and posts, and the folded form in which variants meet.

The canonical form changes only how a name is typed (width, invisible characters, dots, spaces, old private-use
codes), never which characters it has. The folded form also lets 简繁 and 异体 characters meet and drops dots; it is
sealed beside the first and gives `variant`, never `match`.
"""

import re
from unicodedata import normalize

from policies import texts
from policies.characters import DOT, HAN, REPAIRS
from policies.folding import fold_table
from policies.invalid import InvalidValueError

MAX_NAME = 50

NAME_TOO_LONG = "姓名超过50个字，请核对"
NAME_CHARACTERS = "姓名只能由文字、间隔号、连字符组成，请去掉数字、括号和说明文字"

# Most names and organs by far are written in their one form already.
_COMMON_NAME = re.compile(f"[\u4e00-\u9fff]+(?:{DOT}[\u4e00-\u9fff]+)*")
_COMMON_PHRASE = re.compile("[\u4e00-\u9fff][0-9A-Z()\u4e00-\u9fff]*")
_SPACE_IN_HAN = re.compile(f"(?<=[{HAN}]) (?=[{HAN}])")
# Between the parts of a name stand a dot, a typed full stop, or in Latin names a space.
_SEPARATOR = re.compile(f"[ .。{DOT}]+")
_LETTER = f"(?:[^\\W\\d_]|[{HAN}])"
_PART = f"{_LETTER}+(?:['-]{_LETTER}+)*"
_NAME = re.compile(f"{_PART}(?:{DOT}{_PART})*")
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2012\u2013\u2014\u2015\u2212"), "-")
_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u02bc"), "'")
_NAME_TABLE = REPAIRS | _HYPHENS | _APOSTROPHES

_BRACKETS = str.maketrans("〔【[{〖〈《〕】]}〗〉》", "(((((((" + ")))))))")
_QUOTES = dict.fromkeys(map(ord, "\u201c\u201d\u300c\u300d"), '"')
_PHRASE_TABLE = _NAME_TABLE | _BRACKETS | _QUOTES
_PHRASE_MARKS = f'{HAN}()"{DOT},:;、，。-'
# Marks alone would fold to nothing, and nothing equals nothing.
_SAYS_SOMETHING = re.compile(f"[^\\W_]|[{HAN}]")
_SPACE_BESIDE_MARK = re.compile(f"(?<=[{_PHRASE_MARKS}]) | (?=[{_PHRASE_MARKS}])")


def normalise_name(raw: object, field: str) -> str:
    """The name of a person: parts joined by U+00B7, Latin letters in capitals, 1 to 50 characters.

    >>> normalise_name("买买提 ． 艾力", "name")
    '买买提·艾力'
    """
    text = texts.clean(raw, field)
    if not _COMMON_NAME.fullmatch(text):
        text = _rewrite_name(text)
        if not _NAME.fullmatch(text):
            raise InvalidValueError(field, NAME_CHARACTERS)
    if len(text) > MAX_NAME:
        raise InvalidValueError(field, NAME_TOO_LONG)
    return text


def normalise_phrase(raw: object, field: str) -> str:
    """The name of an organ or a post, or a document number: one kind of brackets, quotes and dots, no idle spaces.

    >>> normalise_phrase("阿拉善盟 财政局（国资委）", "unit")
    '阿拉善盟财政局(国资委)'
    """
    text = texts.clean(raw, field)
    if _COMMON_PHRASE.fullmatch(text):
        return text
    text = _SPACE_BESIDE_MARK.sub("", _capitals(text.translate(_PHRASE_TABLE)))
    if not _SAYS_SOMETHING.search(text):
        raise InvalidValueError(field, texts.MISSING)
    if len(text) > texts.MAX_LENGTH:
        raise InvalidValueError(field, texts.TOO_LONG)
    return text


def fold(canonical: str) -> str:
    """The second form: simplified, variants joined, without dots, brackets, quotes, hyphens and spaces."""
    return canonical.translate(fold_table())


def _rewrite_name(text: str) -> str:
    return _SEPARATOR.sub(DOT, _SPACE_IN_HAN.sub("", _capitals(text.translate(_NAME_TABLE))))


def _capitals(text: str) -> str:
    # Capitals of composed letters may come apart.
    return text.upper() if text.isascii() else normalize("NFKC", text.upper())
