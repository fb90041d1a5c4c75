"""CSV as offices write it: UTF-8 with or without a mark, GB 18030, sometimes UTF-16; comma, tab or semicolon."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Protocol

from adapters.sources.source import SourceError, Table

_CHUNK = 1 << 20
_LABELS = {"utf-8-sig": "UTF-8", "gb18030": "GB 18030", "utf-16": "UTF-16"}


@contextmanager
def open_csv(path: Path, _: str | None, header_row: int) -> Iterator[Table]:
    """The table of a CSV file. Raises `SourceError`, also while it is read."""
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        first = next(islice(file, header_row - 1, None), "")
        file.seek(0)
        lines = csv.reader(file, delimiter=max(",\t;", key=first.count))
        header = next(islice(lines, header_row - 1, None), [])
        yield Table([name.strip() for name in header], _rows(lines, path), f"编码 encoding {_LABELS[encoding]}")


class _Lines(Protocol):
    """What `csv.reader` gives; the type has no public name."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...


def _rows(lines: _Lines, path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        for row in lines:
            yield lines.line_num, row
    except csv.Error as error:
        raise SourceError(f"{path.name} is no proper CSV ({error}); save it again from the spreadsheet") from None


def _encoding(path: Path) -> str:
    """The first encoding in which the whole file can be read."""
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
    for encoding in ("utf-8-sig", "gb18030"):
        if _decodes(path, encoding):
            return encoding
    raise SourceError(f"{path.name} is neither UTF-8 nor GB 18030; save it as CSV UTF-8")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
