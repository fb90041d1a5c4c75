"""One row of a source, read by the data standard: whom it is about and what it says, or why it is refused.

A row is refused whole: a record with one field left out would answer 不一致 or nothing where the register knows better,
and nobody would look for the reason. The cause names the field; neither it nor the hint ever holds a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.sources import cells
from adapters.sources.mapping import FieldPart, MappingError, SourceMapping
from adapters.sources.source import MAX_CELL, Row
from adapters.sources.units import Chains
from gateway.seal import END_OF_DAYS, Facts
from policies.catalogue import Catalogue, Field, InvalidValueError, SealKind
from policies.identifiers import STORED_AS_NUMBER

WRONG_WIDTH = "该行的列与表头不符，内容可能已错位"
NO_KEY = "主键为空，无法确认是哪一个对象"
NO_IDENTIFIER = "没有填写身份证号或代码"
TOO_LONG = "单元格内容过长"
NOT_IN_CODES = "映射文件的代码表中没有这个代码"
NOT_A_DATE = "日期不符合映射文件写明的格式"
MISSING_GATE = "该字段用于核对身份，不能为空"
WRONG_PERIOD = "起止日期无法识别，或止期不晚于起期"
UNKNOWN_UNIT = "所在单位为空、不在单位表中，或上级单位超过七级"

_MEMO_SIZE = 4_096
_PRIVATE_USE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd]")


@dataclass(frozen=True, slots=True)
class Reading:
    """A row that could be read. `facts` is None where the source marks it as deleted."""

    key: str
    numbers: tuple[str, ...]
    facts: Facts | None
    private_use: int = 0


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that could not. `key` and `numbers` are empty if not even they could be read; they are for tokens alone."""

    cause: str
    hint: str
    key: str = ""
    numbers: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"RefusedRow({self.cause})"


class RowReader:
    """Reads the rows of one mapping. `parents` gives for each unit the one above it."""

    def __init__(self, mapping: SourceMapping, catalogue: Catalogue, parents: Mapping[str, str]) -> None:
        self._mapping = mapping
        self._identify = catalogue.identifier
        self._blanks = frozenset(mapping.blank)
        self._chains = Chains(parents)
        gate = catalogue.kinds[mapping.kind].gate
        self._fields = [
            _FieldReader(catalogue.fields[key], part, mapping, self._blanks, required=key in gate)
            for key, part in mapping.field_parts().items()
        ]
        self._deleted = _mark(mapping.deleted.values) if mapping.deleted else frozenset[str]()
        self._main = _mark(mapping.main.values) if mapping.main else frozenset[str]()

    def read(self, row: Row) -> Reading | RefusedRow:
        """Never raises for what a row holds. Raises `KeyError` for a column the source does not give."""
        if not row:
            return RefusedRow("row", WRONG_WIDTH)
        key, numbers = "", tuple[str, ...]()
        try:
            key = self._key(row)
            numbers = self._numbers(row)
            if self._mapping.deleted is not None and self._says(row, self._mapping.deleted.column, self._deleted):
                return Reading(key, numbers, None)
            values, private_use = self._values(row)
            facts = Facts(values=values, effective=self._period(row), units=self._units(row), main=self._is_main(row))
        except _RefusalError as refusal:
            return RefusedRow(refusal.cause, refusal.hint, key, numbers)
        return Reading(key, numbers, facts, private_use)

    def _key(self, row: Row) -> str:
        parts = [row[column] for column in self._mapping.source.key]
        if any(cells.is_ruined(part) for part in parts):
            raise _RefusalError("key", "主键" + STORED_AS_NUMBER)
        texts = [cells.as_key(part) for part in parts if part is not None]
        if len(texts) < len(parts) or not all(texts) or sum(map(len, texts)) > MAX_CELL:
            raise _RefusalError("key", NO_KEY)
        return "\x1f".join(texts)

    def _numbers(self, row: Row) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for column in self._mapping.source.identifier:
            raw = row[column]
            if not cells.is_blank(raw, self._blanks):
                found[self._number(raw)] = None
        if not found:
            raise _RefusalError("identifier", NO_IDENTIFIER)
        return tuple(found)

    def _number(self, raw: object) -> str:
        try:
            return self._identify(self._mapping.kind, raw)
        except InvalidValueError as error:
            # A sheet that was exported as text still shows what it had done to the number.
            cause = "identifier_as_number" if error.hint.endswith(STORED_AS_NUMBER) else "identifier"
            raise _RefusalError(cause, error.hint) from None

    def _values(self, row: Row) -> tuple[dict[str, str], int]:
        values: dict[str, str] = {}
        private_use = 0
        for field in self._fields:
            value = field.read(row)
            if value is not None:
                values[field.key] = value
                if field.may_hold_private_use and not value.isascii():
                    private_use += len(_PRIVATE_USE.findall(value))
        return values, private_use

    def _period(self, row: Row) -> tuple[int, int]:
        part = self._mapping.period
        if part is None:
            return 0, END_OF_DAYS
        start = row[part.start] if part.start else None
        until = row[part.until] if part.until else None
        try:
            first = 0 if cells.is_blank(start, self._blanks) else cells.first_day(start, part.format)
            if cells.is_blank(until, self._blanks):
                after = END_OF_DAYS
            else:
                after = cells.day_after(until, part.format, included=part.until_included)
        except (ValueError, OverflowError):
            raise _RefusalError("period", WRONG_PERIOD) from None
        if first >= after:
            raise _RefusalError("period", WRONG_PERIOD)
        return first, after

    def _units(self, row: Row) -> tuple[str, ...]:
        if self._mapping.unit is None:
            return ()
        raw = row[self._mapping.unit.column]
        chain = () if cells.is_blank(raw, self._blanks) else self._chains.of(cells.as_key(raw))
        if not chain:
            raise _RefusalError("unit", UNKNOWN_UNIT)
        return chain

    def _is_main(self, row: Row) -> bool:
        return self._mapping.main is None or self._says(row, self._mapping.main.column, self._main)

    def _says(self, row: Row, column: str, yes: frozenset[str]) -> bool:
        raw = row[column]
        return raw is not None and cells.as_key(raw) in yes


class _RefusalError(Exception):
    """The way out of a row that cannot be read; never leaves this module."""

    def __init__(self, cause: str, hint: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.hint = hint


class _FieldReader:
    """Reads one field. Words that come again and again are normalised once."""

    def __init__(
        self, field: Field, part: FieldPart, mapping: SourceMapping, blanks: frozenset[str], *, required: bool
    ) -> None:
        self.key = field.key
        self.may_hold_private_use = field.seal is SealKind.FOLDED
        self._column = part.column
        self._format = part.format
        self._normalise: Callable[[object], str] = field.normalise
        self._blanks = blanks
        self._required = required
        self._fixed = None if part.value is None else self._settle(part.value, "value")
        self._codes = None
        if part.codes is not None:
            table = mapping.codes[part.codes].items()
            self._codes = {cells.as_key(code): self._settle(value, f"codes.{part.codes}") for code, value in table}
        self._memo: dict[str, str] = {}

    def read(self, row: Row) -> str | None:
        if self._column is None:
            return self._fixed
        raw = row[self._column]
        if isinstance(raw, str):
            known = self._memo.get(raw)
            if known is not None:
                return known
        if cells.is_blank(raw, self._blanks):
            if self._required:
                raise _RefusalError(f"field:{self.key}", MISSING_GATE)
            return None
        value = self._canonical(raw)
        if isinstance(raw, str) and len(self._memo) < _MEMO_SIZE:
            self._memo[raw] = value
        return value

    def _canonical(self, raw: object) -> str:
        if isinstance(raw, str) and len(raw) > MAX_CELL:
            raise _RefusalError("too_long", TOO_LONG)
        if self._codes is not None:
            return self._decode(cells.as_key(raw))
        try:
            return self._normalise(raw if self._format is None else cells.as_date(raw, self._format))
        except InvalidValueError as error:
            raise _RefusalError(f"field:{self.key}", error.hint) from None
        except (ValueError, OverflowError):
            raise _RefusalError(f"field:{self.key}", NOT_A_DATE) from None

    def _decode(self, code: str) -> str:
        assert self._codes is not None
        try:
            return self._codes[code]
        except KeyError:
            raise _RefusalError(f"field:{self.key}", NOT_IN_CODES) from None

    def _settle(self, value: str, place: str) -> str:
        """A value written in the mapping itself; nothing secret."""
        try:
            return self._normalise(value)
        except InvalidValueError as error:
            raise MappingError(f"fields.{self.key}, {place} = {value!r}: {error.hint}") from None


def _mark(values: list[str]) -> frozenset[str]:
    return frozenset(map(cells.as_key, values))
