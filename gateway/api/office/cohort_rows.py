"""The rows of a list as they stream in, one line each, as JSON or CSV. What cannot be read is None, no more is said.

{"kind": "person", "id": "…", "salt": "32 hex digits"}        application/jsonl
kind,id,salt                                                  text/csv, the first line names the columns
"""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF8
from collections.abc import Callable

import msgspec

from gateway.cohorts import Row
from gateway.domain.errors import InvalidQueryError

LONGEST_LINE = 512
_SALT = re.compile("[0-9a-f]{32}")
_COLUMNS = ("kind", "id", "salt")
Read = Callable[[bytes], Row | None]


class Lines:
    """Cuts bytes into lines. Of a line that is too long only that is kept, and it is empty bytes."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_first = True

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that are whole now."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        lines = [each if len(each) <= LONGEST_LINE else b"\0" for each in whole]
        if len(self._rest) > LONGEST_LINE:
            # Whatever comes, this line stays too long; its beginning is not needed for that.
            self._rest = b"\0" * (LONGEST_LINE + 1)
        return self._without_bom(lines)

    def end(self) -> list[bytes]:
        """The last line, which need not end."""
        return self.feed(b"\n") if self._rest else []

    def _without_bom(self, lines: list[bytes]) -> list[bytes]:
        if self._is_first and lines:
            self._is_first = False
            return [lines[0].removeprefix(BOM_UTF8), *lines[1:]]
        return lines


class Rows:
    """Reads rows as their bytes come in."""

    def __init__(self, read: Read) -> None:
        self._lines = Lines()
        self._read = read

    def feed(self, piece: bytes) -> list[Row | None]:
        """The rows that are whole now. Raises `InvalidQueryError`."""
        return self._rows(self._lines.feed(piece))

    def end(self) -> list[Row | None]:
        """What is left."""
        return self._rows(self._lines.end())

    def _rows(self, lines: list[bytes]) -> list[Row | None]:
        return [self._read(line) for each in lines if (line := each.strip(b" \t\r"))]


class CsvRows(Rows):
    """Rows of a CSV file: its first line says in which order the columns come."""

    def __init__(self) -> None:
        super().__init__(self._cells)
        self._order: tuple[int, ...] | None = None

    def _rows(self, lines: list[bytes]) -> list[Row | None]:
        if self._order is None and lines:
            self._order = _order(_split(lines[0]))
            lines = lines[1:]
        return super()._rows(lines)

    def _cells(self, line: bytes) -> Row | None:
        cells = _split(line)
        if self._order is None or len(cells) != len(_COLUMNS):
            return None
        kind, number, salt = (cells[place] for place in self._order)
        return _row(kind, number, salt)


class _JsonRow(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    id: str
    salt: str


def json_row(line: bytes) -> Row | None:
    """The row of a line of JSON."""
    try:
        row = _decoder.decode(line)
    except (msgspec.MsgspecError, ValueError):
        return None
    return _row(row.kind, row.id, row.salt)


def _row(kind: str, number: str, salt: str) -> Row | None:
    return Row(kind, number, bytes.fromhex(salt)) if _SALT.fullmatch(salt) else None


def _split(line: bytes) -> list[str]:
    try:
        return [cell.strip() for row in csv.reader([line.decode()], strict=True) for cell in row]
    except (UnicodeDecodeError, csv.Error):
        return []


def _order(names: list[str]) -> tuple[int, ...]:
    if sorted(names) != sorted(_COLUMNS):
        raise InvalidQueryError("CSV 应为 UTF-8 编码，首行为 kind,id,salt；可用 bidui cohort prepare 生成")
    return tuple(names.index(each) for each in _COLUMNS)


_decoder = msgspec.json.Decoder(_JsonRow, strict=True)
FORMS: dict[str, Callable[[], Rows]] = {
    "application/jsonl": lambda: Rows(json_row),
    "application/x-ndjson": lambda: Rows(json_row),
    "text/csv": CsvRows,
}
"""How rows are read, by the media type that is sent."""
