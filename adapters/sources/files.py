"""Spreadsheets, CSV and Parquet files as sources: each a table with a header, read as a stream, twice if need be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from adapters.sources import marks
from adapters.sources.cells import as_key
from adapters.sources.csvs import open_csv
from adapters.sources.mapping import SourceMapping
from adapters.sources.parquets import open_parquet
from adapters.sources.source import BROKEN, MAX_COLUMNS, NumberedRow, SourceError, Table, Watermark
from adapters.sources.workbooks import open_workbook

Opener: TypeAlias = Callable[[Path, str | None, int], AbstractContextManager[Table]]

_OPENERS: Mapping[str, Opener] = {
    ".csv": open_csv,
    ".txt": open_csv,
    ".parquet": open_parquet,
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), open_workbook),
}


class FileSource:
    """One table of one file. Keeps `adapters.sources.source.Source`."""

    def __init__(self, path: Path, mapping: SourceMapping, data_time: datetime | None) -> None:
        self._path = path
        self._open = _opener(path)
        self._mapping = mapping
        self._newest = marks.Newest(mapping.watermark)
        self._seen = _fingerprint(path)
        self._note = ""
        self.data_time = data_time or datetime.fromtimestamp(path.stat().st_mtime, UTC)

    @property
    def watermark(self) -> Watermark | None:
        return self._newest.value()

    @property
    def note(self) -> str:
        return self._note

    def rows(self, since: Watermark | None = None) -> Iterator[NumberedRow]:
        """See `Source`. Numbers are the lines of the file, as a spreadsheet shows them."""
        changed = None if since is None else self._changed(since)
        for number, row in self._table(self._mapping.columns()):
            if row is not BROKEN:
                self._newest.see(row)
            if changed is None or row is BROKEN or self._key(row) in changed:
                yield number, row
        if _fingerprint(self._path) != self._seen:
            raise SourceError(f"{self._path.name} changed while it was read; close it elsewhere and sync again")

    def parents(self) -> Mapping[str, str]:
        part = self._mapping.unit.parents if self._mapping.unit else None
        if part is None:
            return {}
        path, table = (self._path, part.table)
        if self._open is not open_workbook:
            path, table = self._path.parent / Path(part.table).name, ""
        with _opener(path)(path, table or None, 1) as found:
            picked = _picker(found, [part.code, part.parent], path)
            pairs = (picked(row) for _, row in found.rows)
            return {as_key(code): "" if parent is None else as_key(parent) for code, parent in pairs if code}

    def _table(self, columns: list[str]) -> Iterator[NumberedRow]:
        source = self._mapping.source
        with self._open(self._path, source.table, source.header_row) as table:
            self._note = table.note
            pick = _picker(table, columns, self._path)
            width = len(table.header)
            for number, row in table.rows:
                if any(cell not in (None, "") for cell in row[width:]):
                    # A cell too many has moved all others: nothing in the row can be trusted.
                    yield number, BROKEN
                elif any(cell not in (None, "") for cell in row):
                    yield number, dict(zip(columns, pick(row), strict=True))

    def _changed(self, since: Watermark) -> set[tuple[str, ...]]:
        part = self._mapping.watermark
        if part is None:
            raise SourceError("the mapping names no watermark; run `bidui sync --full`")
        columns = list(dict.fromkeys([*self._mapping.source.key, *part.columns]))
        rows = (row for _, row in self._table(columns) if row is not BROKEN)
        return {self._key(row) for row in rows if marks.is_after(row, since, part)}

    def _key(self, row: Mapping[str, object]) -> tuple[str, ...]:
        return tuple(as_key(row[column]) for column in self._mapping.source.key)


@contextmanager
def open_file(path: Path, mapping: SourceMapping, data_time: datetime | None = None) -> Iterator[FileSource]:
    """A file as a source. Raises `SourceError` for a kind of file that is not read, and for one that is not there."""
    if mapping.source.query is not None or mapping.source.join:
        raise SourceError("a file has no query and no join; give the mapping one sheet with all columns")
    try:
        yield FileSource(path, mapping, data_time)
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read ({error.strerror}); sync.toml names it") from error


def _opener(path: Path) -> Opener:
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise SourceError(f"{path.name}: files of this kind are not read; use {', '.join(_OPENERS)}")
    return opener


def _picker(table: Table, columns: list[str], path: Path) -> Callable[[Sequence[object]], tuple[object, ...]]:
    """Takes the wanted columns out of a row; a row that is too short ends in empty cells."""
    if len(table.header) > MAX_COLUMNS:
        raise SourceError(f"{path.name} has more than {MAX_COLUMNS} columns; remove those that are not needed")
    header = [_squeezed(name) for name in table.header]
    for column in map(_squeezed, columns):
        if header.count(column) != 1:
            found = "no column" if column not in header else "several columns named"
            raise SourceError(f"{path.name} has {found} {column}; its header is {', '.join(filter(None, header))}")
    places = [header.index(_squeezed(column)) for column in columns]
    return lambda row: tuple(row[place] if place < len(row) else None for place in places)


def _squeezed(name: str) -> str:
    """A name in a header without the spaces and line breaks that people stretch it with (姓　名)."""
    return "".join(name.split())


def _fingerprint(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
