"""The mapping file: all that a foreign schema needs to be read by our data standard.

    kind = "person"
    blank = ["-", "无"]              # words that say nothing
    [source]                        # a table, view or sheet, or a query = "select …"
    table = "人员"
    key = ["人员编号"]               # rows with the same key are one subject
    identifier = ["身份证号"]
    join = [{ table = "任职", on = { "人员编号" = "人员" } }]
    [unit]                          # who may ask depends on it; parents are the units above
    column = "任职.机构编码"
    parents = { table = "机构", code = "机构编码", parent = "上级编码" }
    [period]                        # from when until when the row is true
    start = "任职.生效日期"
    until = "任职.失效日期"          # the first day without, or until_included = true
    [main]
    column = "任职.主职"
    values = ["1"]
    [deleted]
    column = "删除标志"
    values = ["1"]
    [watermark]                     # grows with every change
    columns = ["更新时间", "任职.更新时间"]
    type = "timestamp"
    [protected]                     # who has one of these values is a protected person (重点人员)
    leader_rank = ["厅局级正职"]
    [fields]
    name = "姓名"                                        # field of the standard = column
    sex = { column = "性别", codes = "sex" }
    birth_date = { column = "出生日期", format = "%d/%m/%Y" }
    quota_type = { value = "行政编制" }
    [codes.sex]
    M = "男"
    F = "女"

Columns of joined tables are written `表.列`. Files are read strictly: what is unknown, missing or contradictory is an
error that names its place, because a mapping that is nearly right would seal wrong values for everybody.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec

from adapters.sources.source import SourceError
from policies.catalogue import Catalogue, Field, InvalidValueError


class MappingError(SourceError):
    """A mapping file cannot be used; names the file and the place, and says what is the matter."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown members are errors."""


class Join(_Strict, frozen=True, kw_only=True):
    """Another table of the same database, joined by equal columns: ours = theirs."""

    table: str
    on: dict[str, str]
    schema: str | None = None
    outer: bool = True


class SourcePart(_Strict, frozen=True, kw_only=True):
    """Where the rows are. `header_row` counts from 1 and is for files."""

    key: list[str]
    identifier: list[str]
    table: str | None = None
    schema: str | None = None
    query: str | None = None
    join: list[Join] = []
    header_row: int = 1


class Parents(_Strict, frozen=True, kw_only=True):
    """Which unit lies under which: a table, a sheet, or a file beside the source file."""

    table: str
    code: str
    parent: str
    schema: str | None = None


class UnitPart(_Strict, frozen=True, kw_only=True):
    """The unit that a record belongs to; with `parents` also all units above it."""

    column: str
    parents: Parents | None = None


class PeriodPart(_Strict, frozen=True, kw_only=True):
    """From which day and until which day a record holds. Without `until_included` the last day is the first without."""

    start: str | None = None
    until: str | None = None
    until_included: bool = False
    format: str | None = None


class MarkPart(_Strict, frozen=True, kw_only=True):
    """A column that says yes by one of these values."""

    column: str
    values: list[str]


class WatermarkPart(_Strict, frozen=True, kw_only=True):
    """Columns that grow with every change. `overlap` (seconds, or counts) covers changes that commit late."""

    columns: list[str]
    type: Literal["timestamp", "integer"]
    overlap: int | None = None
    timezone: str = "Asia/Shanghai"


class FieldPart(_Strict, frozen=True, kw_only=True):
    """How one field is read: from a column, perhaps through a code table and a date format, or a fixed value."""

    column: str | None = None
    value: str | None = None
    codes: str | None = None
    format: str | None = None


class SourceMapping(_Strict, frozen=True, kw_only=True):
    """One mapping file, read and checked."""

    kind: str
    source: SourcePart
    fields: dict[str, str | FieldPart]
    codes: dict[str, dict[str, str]] = {}
    unit: UnitPart | None = None
    period: PeriodPart | None = None
    main: MarkPart | None = None
    deleted: MarkPart | None = None
    watermark: WatermarkPart | None = None
    protected: dict[str, list[str]] = {}
    blank: list[str] = []

    def field_parts(self) -> Mapping[str, FieldPart]:
        """The fields, each in its long form."""
        return {key: FieldPart(column=part) if isinstance(part, str) else part for key, part in self.fields.items()}

    def protected_values(self, catalogue: Catalogue) -> Mapping[str, frozenset[str]]:
        """By field the values, as the standard writes them, that make a subject a protected one."""
        return {key: frozenset(map(catalogue.fields[key].normalise, values)) for key, values in self.protected.items()}

    def columns(self) -> list[str]:
        """Every column that is read, once, in a fixed order."""
        return list(dict.fromkeys(self._columns()))

    def digest(self) -> str:
        """Changes with anything that changes what is sealed."""
        return sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def _columns(self) -> Iterator[str]:
        yield from self.source.key
        yield from self.source.identifier
        yield from (part.column for part in self.field_parts().values() if part.column is not None)
        for mark in (self.unit, self.main, self.deleted):
            if mark is not None:
                yield mark.column
        if self.period is not None:
            yield from (column for column in (self.period.start, self.period.until) if column is not None)
        if self.watermark is not None:
            yield from self.watermark.columns


def load_mapping(path: Path, catalogue: Catalogue) -> SourceMapping:
    """Read a mapping file and hold it against the data standard. Raises `MappingError`."""
    try:
        mapping = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), SourceMapping)
    except OSError as error:
        raise MappingError(f"{path.name}: cannot be read ({error.strerror}); sync.toml names it") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise MappingError(f"{path.name}: {error}") from error
    for problem in _problems(mapping, catalogue):
        raise MappingError(f"{path.name}: {problem}")
    return mapping


def _problems(mapping: SourceMapping, catalogue: Catalogue) -> Iterator[str]:
    kind = catalogue.kinds.get(mapping.kind)
    if kind is None:
        yield f"kind: the standard knows {', '.join(catalogue.kinds)}"
        return
    known = {field.key for field in catalogue.fields_of(mapping.kind)}
    for key in mapping.fields.keys() - known:
        yield f"fields.{key}: the standard has no such field of a {mapping.kind}"
    for key in set(kind.gate) - mapping.fields.keys():
        yield f"fields.{key}: must be mapped, or no subject could ever be confirmed"
    yield from _source_problems(mapping.source)
    yield from _field_problems(mapping)
    yield from _protected_problems(mapping, catalogue)
    if mapping.watermark is not None and not mapping.watermark.columns:
        yield "watermark.columns: must name at least one column"


def _protected_problems(mapping: SourceMapping, catalogue: Catalogue) -> Iterator[str]:
    for key, values in mapping.protected.items():
        if key not in mapping.fields:
            yield f"protected.{key}: [fields] maps no such field, so nobody would be protected by it"
        elif not values:
            yield f"protected.{key}: must name at least one value"
        else:
            yield from _value_problems(f"protected.{key}", catalogue.fields[key], values)


def _value_problems(place: str, field: Field, values: list[str]) -> Iterator[str]:
    for value in values:
        try:
            field.normalise(value)
        except InvalidValueError as error:
            yield f"{place}, {value!r}: {error.hint}"


def _source_problems(source: SourcePart) -> Iterator[str]:
    if not source.key or not source.identifier:
        yield "source: key and identifier must each name at least one column"
    if source.table is not None and source.query is not None:
        yield "source: either table or query, not both"
    if source.join and source.table is None:
        yield "source.join: only a table can be joined; write the joins of a query into the query"
    if source.header_row < 1:
        yield "source.header_row: counts from 1"
    for place, join in enumerate(source.join):
        if not join.on:
            yield f"source.join[{place}].on: must name at least one pair of columns"


def _field_problems(mapping: SourceMapping) -> Iterator[str]:
    used: set[str] = set()
    for key, part in mapping.field_parts().items():
        if (part.column is None) == (part.value is None):
            yield f"fields.{key}: either column or value"
        if part.codes is not None and part.codes not in mapping.codes:
            yield f"fields.{key}.codes: there is no [codes.{part.codes}]"
        used.update([part.codes] if part.codes is not None else [])
    for table in mapping.codes.keys() - used:
        yield f"codes.{table}: no field uses it"
