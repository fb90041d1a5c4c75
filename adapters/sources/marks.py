"""Watermarks: the newest change a source has shown, whatever type its columns have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from adapters.sources.cells import as_key
from adapters.sources.mapping import WatermarkPart
from adapters.sources.source import SourceError, Watermark

DEFAULT_OVERLAP = {"timestamp": 300, "integer": 0}


class Newest:
    """Keeps the newest value of each watermark column while rows stream by; parses only the last."""

    def __init__(self, part: WatermarkPart | None) -> None:
        self._part = part
        self._columns = part.columns if part else []
        self._newest: dict[str, object] = {}

    def see(self, row: Mapping[str, object]) -> None:
        for column in self._columns:
            value = row[column]
            if value is None or value == "":
                continue
            if self._part is not None and self._part.type == "integer":
                # Numbers that are kept as text would come in the order of a dictionary.
                value = as_watermark(value, self._part)
            newest = self._newest.get(column)
            # Any type with an order will do; the casts name one of them.
            try:
                if newest is None or cast("datetime", value) > cast("datetime", newest):
                    self._newest[column] = value
            except TypeError:
                raise SourceError(f"watermark column {column} mixes types; convert it in a view or query") from None

    def value(self) -> Watermark | None:
        """The newest over all columns; None when nothing was seen."""
        if self._part is None:
            return None
        part = self._part
        return max((as_watermark(value, part) for value in self._newest.values()), key=_order, default=None)


def as_watermark(value: object, part: WatermarkPart) -> Watermark:
    """An aware time, or an integer, as the mapping says. Raises `SourceError`."""
    try:
        if part.type == "integer":
            return int(as_key(value))
        return _aware(value, ZoneInfo(part.timezone))
    except ValueError:
        raise SourceError(f"watermark columns {', '.join(part.columns)} do not hold {part.type}s") from None


def is_after(row: Mapping[str, object], since: Watermark, part: WatermarkPart) -> bool:
    """Whether a row of a file changed after `since`, by any of its columns."""
    found = (row[column] for column in part.columns)
    return any(_order(as_watermark(value, part)) > _order(since) for value in found if value not in (None, ""))


def resume_from(newest: Watermark, part: WatermarkPart, now: datetime) -> Watermark:
    """Where the next sync begins: late enough to read little, early enough for changes that committed late."""
    overlap = DEFAULT_OVERLAP[part.type] if part.overlap is None else part.overlap
    if isinstance(newest, int):
        return newest - overlap
    # Midnight says that only days are kept: more may still happen on that one.
    local = newest.astimezone(ZoneInfo(part.timezone))
    settled = newest - timedelta(seconds=1) if local.time() == time() else newest
    return min(settled, now - timedelta(seconds=overlap))


def like(since: Watermark, sample: object, part: WatermarkPart) -> object:
    """The bound in the form in which a column holds its values, so that the database compares like with like."""
    if isinstance(since, int):
        return since
    local = since.astimezone(ZoneInfo(part.timezone)).replace(tzinfo=None)
    match sample:
        case str():
            return _as_text(local, sample)
        case datetime():
            return local if sample.tzinfo is None else since
        case date():
            return local.date()
        case _:
            raise SourceError(f"watermark columns {', '.join(part.columns)} do not hold timestamps")


def _as_text(local: datetime, sample: str) -> str:
    """Texts compare as times only when they are written alike, to the last digit."""
    if len(sample) <= 10:
        return local.date().isoformat()
    return local.isoformat(sample[10], "microseconds" if "." in sample else "seconds")


def _order(mark: Watermark) -> float:
    return mark if isinstance(mark, int) else mark.timestamp()


def _aware(value: object, zone: ZoneInfo) -> datetime:
    match value:
        case datetime():
            found = value
        case date():
            found = datetime.combine(value, time())
        case _:
            found = datetime.fromisoformat(str(value).strip())
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
