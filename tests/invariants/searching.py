"""Searches bytes for people: their numbers and names, in clear and in every spelling that software gives texts."""

from __future__ import annotations

import re
from binascii import a2b_base64, unhexlify
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from ops.demo.organisations import Organisation
from ops.demo.person import Person

PART = 10
"""So many characters of a number in a row are a part of it."""
SHORTEST_NAME = 3
"""Of names in UTF-16: two characters are four bytes, and those are found in any random file."""
ASKED = 60
"""People who are asked about most; the names of the others are not looked for in UTF-16, which takes long."""
_DIGITS = re.compile(rb"[0-9]{%d,}[0-9xX]?" % (PART - 1))
_NUMBER = re.compile(rb"[0-9A-Z]{18,}")
_HAN = re.compile(rb"(?:[\xe3-\xe9][\x80-\xbf]{2}|\xc2\xb7|\xef\xbc[\x80-\xbf]|\xf0[\x80-\xbf]{3}){2,}")
_HEX = re.compile(rb"[0-9a-fA-F]{18,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
_ESCAPED = re.compile(rb"[0-9A-Za-z.]*%[0-9a-fA-F]{2}(?:%[0-9a-fA-F]{2}|[0-9A-Za-z.]){5,}")
_PLAIN = bytes.maketrans(b"-_", b"+/")
_WIDE = [re.compile(rb"(?:%b){%d,}" % (one, PART)) for one in (rb"[0-9X]\x00", rb"\x00[0-9X]")]


@dataclass(frozen=True)
class Searcher:
    """Knows a register by heart."""

    parts: frozenset[str]
    credit_codes: frozenset[str]
    names: frozenset[str]
    wide_names: tuple[bytes, ...]

    @classmethod
    def of(cls, people: Iterable[Person], organisations: Iterable[Organisation] = ()) -> Searcher:
        """Parts of people's numbers of 18 characters and of 15, their names, and whole numbers of organisations."""
        known = list(people)
        numbers = {each.id_number.upper() for each in known}
        numbers |= {number[:6] + number[8:17] for number in numbers if len(number) == 18}
        names = {each.name for each in known}
        return cls(
            parts=frozenset(part for number in numbers for part in _windows(number, PART)),
            credit_codes=frozenset(each.uscc for each in organisations),
            names=frozenset(names),
            wide_names=tuple(
                name.encode(form)
                for name in sorted({each.name for each in known[:ASKED]})
                if len(name) >= SHORTEST_NAME
                for form in ("utf-16-le", "utf-16-be")
            ),
        )

    def find(self, content: bytes) -> set[str]:
        """What of the register is in there; how it is spelt makes no difference."""
        found = {name.hex() for name in self.wide_names if name in content}
        for spelt in _spellings(content):
            found |= self._numbers_in(spelt) | self._names_in(spelt)
        return found

    def _numbers_in(self, content: bytes) -> set[str]:
        runs = (run[0].upper().decode() for run in _DIGITS.finditer(content))
        found = {part for run in runs for part in _windows(run, PART) if part in self.parts}
        wholes = (run[0].decode() for run in _NUMBER.finditer(content))
        return found | {whole for run in wholes for whole in _windows(run, 18) if whole in self.credit_codes}

    def _names_in(self, content: bytes) -> set[str]:
        runs = (run[0].decode("utf-8", "ignore") for run in _HAN.finditer(content))
        sizes = {len(name) for name in self.names}
        return {part for run in runs for size in sizes for part in _windows(run, size) if part in self.names}


def files_of(folder: Path, *, but: Iterable[str] = ()) -> Iterator[tuple[str, bytes]]:
    """Every file under a folder but those that begin with one of these paths."""
    left_out = tuple(but)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(left_out):
            yield name, path.read_bytes()


def _spellings(content: bytes) -> Iterator[bytes]:
    """The content itself, and what its hex, base64, URL-escaped and UTF-16 runs stand for, each kind in one piece."""
    yield content
    yield b"\n".join(part for run in _HEX.finditer(content) for part in _from_hex(run[0]))
    yield b"\n".join(part for run in _BASE64.finditer(content) for part in _from_base64(run[0]))
    yield b"\n".join(unquote_to_bytes(run[0]) for run in _ESCAPED.finditer(content))
    for wide in _WIDE:
        yield b"\n".join(run[0].replace(b"\0", b"") for run in wide.finditer(content))


def _from_hex(run: bytes) -> Iterator[bytes]:
    """A run of hex may begin at either half of an octet."""
    for part in (run, run[1:]):
        yield unhexlify(part[: len(part) // 2 * 2])


def _from_base64(run: bytes) -> Iterator[bytes]:
    """A run of base64 may begin at any of four places of its quartets."""
    text = run.translate(_PLAIN)
    for part in (text, text[1:], text[2:], text[3:]):
        whole = part[:-1] if len(part) % 4 == 1 else part
        yield a2b_base64(whole + b"=" * (-len(whole) % 4))


def _windows(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(len(text) - size + 1))
