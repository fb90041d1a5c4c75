"""Writes the lists of the league as an office would send them, CSV and XLSX, and the truth about them beside.

    write_lists(League.of(), Path("lists"))    # personnel.csv, .xlsx, payroll.csv, .xlsx, truth.csv

truth.csv has one line for each difference: 名单, 序号 (of the row; 0 where the person is missing), 差异类别, 说明,
人员编号 (empty for somebody the register does not know) and 身份证号 as the register has it, in 18 places.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import xlsxwriter

from ops.demo.flaws import ID, MEANINGS
from ops.demo.league import League
from ops.demo.lists import PAYROLL, PERSONNEL, Entry, List
from policies.identifiers import parse_id_number

TRUTH_COLUMNS = ("名单", "序号", "差异类别", "说明", "人员编号", "身份证号")

Cells = Sequence[str | int]
Write = Callable[[Cells], None]


def write_lists(league: League, directory: Path, *, xlsx: bool = True) -> None:
    """Write all lists and the truth; what stands there under these names is replaced."""
    directory.mkdir(parents=True, exist_ok=True)
    with _csv(directory / "truth.csv") as tell:
        tell(TRUTH_COLUMNS)
        for wanted in (PERSONNEL, PAYROLL):
            with _csv(directory / f"{wanted.name}.csv") as write_csv:
                if not xlsx:
                    _write(wanted, league, (write_csv,), tell)
                    continue
                with _xlsx(directory / f"{wanted.name}.xlsx") as write_xlsx:
                    _write(wanted, league, (write_csv, write_xlsx), tell)


def _write(wanted: List, league: League, writers: Iterable[Write], tell: Write) -> None:
    for write in writers:
        write(("序号", *wanted.columns))
    number = 0
    for entry in wanted.entries(league):
        if entry.row is not None:
            number += 1
            for write in writers:
                write((number, *entry.row.values()))
        if entry.difference is not None:
            tell(_truth(wanted, number if entry.row is not None else 0, entry))


def _truth(wanted: List, number: int, entry: Entry) -> Cells:
    assert entry.difference is not None
    meaning = MEANINGS[entry.difference]
    if entry.person is None:
        assert entry.row is not None
        return (wanted.name, number, entry.difference.value, meaning, "", entry.row[ID])
    id_number = parse_id_number(entry.person.id_number)
    return (wanted.name, number, entry.difference.value, meaning, entry.person.number, id_number)


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    """With a byte order mark, so that spreadsheets open it in Chinese."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        yield csv.writer(file, lineterminator="\r\n").writerow


@contextmanager
def _xlsx(path: Path) -> Iterator[Write]:
    """Row by row, in constant memory; id numbers stay text."""
    options = {"constant_memory": True, "strings_to_numbers": False, "strings_to_formulas": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet("Sheet1")
        rows = iter(range(1_048_576))
        yield lambda cells: sheet.write_row(next(rows), 0, cells)
