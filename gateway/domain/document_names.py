"""What people write about documents: one line that says which, and never whose.

A name of a document is shown to people of two offices and kept for years, so it must not bring a person's number in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import normalize

from gateway.domain.errors import InvalidQueryError
from gateway.domain.spot_check import LONGEST_DOCUMENT, SHORTEST_DOCUMENT
from policies.identifiers import parse_id_number
from policies.invalid import InvalidValueError

LONGEST_REASON = 1000
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FILLING = re.compile(r"[\W_]+")
"""What somebody may put between the digits of a number."""
_RUN = re.compile(r"[0-9]{15,}X?")
_NEW, _OLD = 18, 15


def read_document(text: str) -> str:
    """The name of a document: kind, number, date. Raises `InvalidQueryError`, which repeats nothing of it."""
    name = text.strip()
    if not SHORTEST_DOCUMENT <= len(name) <= LONGEST_DOCUMENT or not name.isprintable():
        raise InvalidQueryError(
            f"document 写明凭证的种类、编号和日期，{SHORTEST_DOCUMENT} 至 {LONGEST_DOCUMENT} 字，不换行", "document"
        )
    _check_nobody(name, "document")
    return name


def read_digest(text: str) -> str:
    """The SHA-256 of a scan, or nothing. Raises `InvalidQueryError`."""
    if text and not _DIGEST.fullmatch(text):
        raise InvalidQueryError("sha256 为扫描件的 SHA-256，64 位小写十六进制；没有扫描件则不写", "sha256")
    return text


def read_reason(text: str) -> str:
    """Why somebody judged as they did. Raises `InvalidQueryError`."""
    reason = text.strip()
    is_plain = all(each.isprintable() or each == "\n" for each in reason)
    if not reason or len(reason) > LONGEST_REASON or not is_plain:
        raise InvalidQueryError(f"请写明审核理由，最多 {LONGEST_REASON} 字", "reason")
    _check_nobody(reason, "reason")
    return reason


def names_somebody(text: str) -> bool:
    """Whether an id number stands in a text, however it is spaced or spelt."""
    plain = _FILLING.sub("", normalize("NFKC", text)).upper()
    spelt = _FILLING.sub(" ", normalize("NFKC", text)).upper()
    return any(_is_number(each) for each in (*_candidates(plain), *_candidates(spelt)))


def _candidates(text: str) -> Iterator[str]:
    """Every stretch of a run of digits that is as long as a new number, and a run that is as long as an old one."""
    for run in _RUN.findall(text):
        yield from (run[place : place + _NEW] for place in range(len(run) - _NEW + 1))
        if len(run) == _OLD:
            yield run


def _is_number(text: str) -> bool:
    try:
        parse_id_number(text)
    except InvalidValueError:
        return False
    return True


def _check_nobody(text: str, member: str) -> None:
    if names_somebody(text):
        raise InvalidQueryError(f"{member} 不得写入身份证号，请写凭证自己的编号", member)
