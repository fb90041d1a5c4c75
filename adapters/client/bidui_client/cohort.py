"""The list (名册) of a closed grant, on the side of the partner that commits to it. Needs nothing but Python.

    leaf = SHA-256(salt ‖ number)          16 random bytes, which the partner alone keeps; the number as it is compared
    root = root of the RFC 6962 tree over the leaves, sorted

The file of salts is as secret as the list itself: with it anybody can show who is on the list. Losing it loses the
proof and nothing else: the list is filed anew with new salts.
"""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from unicodedata import normalize

from bidui_client.errors import InvalidError

SALT_BYTES = 16
MAX_ROWS = 200_000
COLUMNS = ("kind", "id", "salt")
PERSON, ORGANISATION = "person", "organisation"
_ID = re.compile(r"[0-9]{17}[0-9X]")
_OLD_ID = re.compile(r"[0-9]{15}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ORG_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORG_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_CREDIT_CODE = re.compile(f"[{_ORG_ALPHABET}]{{2}}[0-9]{{6}}[{_ORG_ALPHABET}]{{10}}")
_ORG_CODE = re.compile(r"[0-9A-Z]{12,15}")
_SALT = re.compile(r"[0-9a-f]{32}")
_HEADS = ("id", "id_number", "身份证号", "公民身份号码", "统一社会信用代码", "机构编码")


@dataclass(frozen=True)
class Member:
    """Somebody on the list, and the salt that was drawn for them. Shows nothing of either."""

    kind: str
    number: str = field(repr=False)
    salt: bytes = field(repr=False)

    @property
    def leaf(self) -> bytes:
        """What the partner commits to."""
        return sha256(self.salt + self.number.encode()).digest()


def number_of(kind: str, raw: str) -> str:
    """A subject's number in its one form, as the gateway writes it. Raises `InvalidError`, without the number."""
    text = "".join(normalize("NFKC", raw.replace("\ufeff", "")).split()).upper()
    if kind == PERSON and (number := _person(text)):
        return number
    if kind == ORGANISATION and (_is_credit_code(text) or _ORG_CODE.fullmatch(text)):
        return text
    raise InvalidError("id", "is no right number of its kind: look at each digit and the check digit")


def draw(
    numbers: Iterable[str],
    kind: str = PERSON,
    *,
    keep: Sequence[Member] = (),
    entropy: Callable[[int], bytes] = secrets.token_bytes,
) -> list[Member]:
    """Members with a fresh salt each; whoever is in `keep` keeps theirs, and nobody is on the list twice.

    Raises `InvalidError` that names the row, counted from 1, and nothing of what is in it.
    """
    known = {(member.kind, member.number): member for member in keep}
    members: dict[str, Member] = {}
    for row, raw in enumerate(numbers, 1):
        try:
            number = number_of(kind, raw)
        except InvalidError as error:
            raise InvalidError(f"row {row}", error.hint) from None
        if number not in members:
            members[number] = known.get((kind, number)) or Member(kind, number, entropy(SALT_BYTES))
    if not 0 < len(members) <= MAX_ROWS:
        raise InvalidError("list", f"a list has 1 to {MAX_ROWS} members")
    return list(members.values())


def root_of(members: Iterable[Member]) -> str:
    """The root over the members, whatever their order, in hex."""
    return _root(sorted(member.leaf for member in members)).hex()


def matches(members: Iterable[Member], root: str) -> bool:
    """Whether this is the list with this root."""
    return compare_digest(root_of(members).encode(), root.lower().encode())


def read_numbers(path: Path) -> list[str]:
    """The numbers of a file: one on each line, or the column of a CSV that is called id. Raises `InvalidError`."""
    rows = [row for row in csv.reader(io.StringIO(_text(path))) if any(cell.strip() for cell in row)]
    if not rows:
        raise InvalidError("list", "is empty")
    head = [cell.strip().casefold() for cell in rows[0]]
    named = [place for place, cell in enumerate(head) if cell in _HEADS]
    if len(named) == 1:
        return [row[named[0]] if len(row) > named[0] else "" for row in rows[1:]]
    if named or any(len(row) != 1 for row in rows):
        raise InvalidError("list", "write one number on each line, or a CSV with one column called id")
    return [row[0] for row in rows]


def write_salts(path: Path, members: Iterable[Member]) -> None:
    """Writes the file of salts, for its owner's eyes alone. Never over another. Raises `InvalidError`, `OSError`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InvalidError("out", "is there already; salts are never written over") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows((member.kind, member.number, member.salt.hex()) for member in members)


def read_salts(path: Path) -> list[Member]:
    """The members of a file of salts. Raises `InvalidError` that names the row and nothing of what is in it."""
    rows = csv.reader(io.StringIO(_text(path)))
    if next(rows, None) != list(COLUMNS):
        raise InvalidError("salts", "the first line must be kind,id,salt, as `prepare` writes it")
    members = [_member(number, row) for number, row in enumerate(rows, 2) if row]
    if len({(member.kind, member.number) for member in members}) != len(members) or not members:
        raise InvalidError("salts", "nobody is on the list, or somebody twice")
    return members


def filed(members: Iterable[Member]) -> Iterator[bytes]:
    """The list as it is filed: `text/csv`, in pieces."""
    yield b"kind,id,salt\n"
    for member in members:
        yield f"{member.kind},{member.number},{member.salt.hex()}\n".encode()


def _member(place: int, row: Sequence[str]) -> Member:
    if len(row) != len(COLUMNS) or not _SALT.fullmatch(row[2]):
        raise InvalidError(f"line {place}", "must have a kind, a number and a salt of 32 hex digits")
    try:
        return Member(row[0], number_of(row[0], row[1]), bytes.fromhex(row[2]))
    except InvalidError as error:
        raise InvalidError(f"line {place}", error.hint) from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidError("file", "must be text in UTF-8") from None


def _person(text: str) -> str:
    if _OLD_ID.fullmatch(text):
        first17 = f"{text[:6]}19{text[6:]}"
        text = first17 + _check(first17)
    if not _ID.fullmatch(text) or text[17] != _check(text):
        return ""
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return ""
    return text if 1800 <= born.year <= 2100 else ""


def _check(number: str) -> str:
    """The check character of an id number (GB 11643)."""
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False)) % 11]


def _is_credit_code(text: str) -> bool:
    """Whether the check character is right (GB 32100)."""
    if not _CREDIT_CODE.fullmatch(text):
        return False
    values = [_ORG_ALPHABET.index(each) for each in text]
    return -sum(value * weight for value, weight in zip(values, _ORG_WEIGHTS, strict=False)) % 31 == values[17]


def _root(leaves: Sequence[bytes]) -> bytes:
    """The root of RFC 6962 over hashes of leaves."""
    if not leaves:
        return sha256(b"").digest()
    row = list(leaves)
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=False)
        last = row[-1:] if len(row) % 2 else []
        row = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + last
    return row[0]
