"""Sheets of XLSX, XLS, XLSB and ODS files, guarded against files that unpack to more than they seem."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, WorksheetNotFound

from adapters.sources.source import MAX_COLUMNS, SourceError, Table

MAX_BYTES = 512 << 20
MAX_UNPACKED = 2 << 30
MAX_ENTRIES = 10_000
MAX_ROWS = 1_100_000


@contextmanager
def open_workbook(path: Path, sheet: str | None, header_row: int) -> Iterator[Table]:
    """One sheet; without a name the only one. Raises `SourceError`."""
    _guard(path)
    try:
        workbook = CalamineWorkbook.from_path(str(path))
    except PasswordError:
        raise SourceError(f"{path.name} is protected by a password; save it without one") from None
    except CalamineError as error:
        raise SourceError(f"{path.name} cannot be read as a workbook ({type(error).__name__}); save it again") from None
    with workbook:
        found = _sheet(workbook, sheet, path)
        yield _table(found, header_row, path)


def _guard(path: Path) -> None:
    """Refuse before anything is unpacked in memory what would not fit there."""
    if path.stat().st_size > MAX_BYTES:
        raise SourceError(f"{path.name} is larger than {MAX_BYTES >> 20} MiB; export it as CSV")
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
                raise SourceError(f"{path.name} unpacks to more than {MAX_UNPACKED >> 20} MiB; export it as CSV")
            # Reads everything once, as a stream: sizes that were declared too small end in a wrong checksum.
            damaged = archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        damaged = path.name
    if damaged is not None:
        raise SourceError(f"{path.name} is damaged; open it in a spreadsheet and save it again")


def _sheet(workbook: CalamineWorkbook, name: str | None, path: Path) -> CalamineSheet:
    names = workbook.sheet_names
    if name is None and len(names) == 1:
        name = names[0]
    if name is None:
        raise SourceError(f"{path.name} has several sheets; name one as source.table: {', '.join(names)}")
    try:
        return workbook.get_sheet_by_name(name)
    except WorksheetNotFound:
        raise SourceError(f"{path.name} has no sheet {name}; it has {', '.join(names)}") from None


def _table(sheet: CalamineSheet, header_row: int, path: Path) -> Table:
    if sheet.height > MAX_ROWS or sheet.width > MAX_COLUMNS:
        raise SourceError(f"{path.name} has more than {MAX_ROWS} rows or {MAX_COLUMNS} columns; export it as CSV")
    # Empty rows above the first cell are left out by the reader; people count them.
    first = sheet.start[0] + 1 if sheet.start else 1
    numbered: Iterator[tuple[int, list[object]]] = ((n, list(row)) for n, row in enumerate(sheet.iter_rows(), first))
    for number, row in numbered:
        if number >= header_row:
            return Table([str(cell).strip() for cell in row], numbered, "")
    raise SourceError(f"{path.name}: there is no header in row {header_row}; set source.header_row")
