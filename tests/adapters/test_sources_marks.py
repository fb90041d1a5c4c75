"""Watermarks of every type are understood, and asked for in the form in which a column holds them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from adapters.sources import marks
from adapters.sources.mapping import WatermarkPart
from adapters.sources.source import SourceError
from adapters.sources.sql import open_sql
from tests.adapters.make_sources import MAPPING, a_mapping

TIMES = WatermarkPart(columns=["更新"], type="timestamp")
NUMBERS = WatermarkPart(columns=["序号"], type="integer")
AT = datetime(2026, 11, 2, 1, 30, tzinfo=UTC)
LOCAL = datetime(2026, 11, 2, 9, 30)  # noqa: DTZ001 - as a column without time zone holds it

VALUES: dict[str, tuple[object, WatermarkPart, object]] = {
    "local text": ("2026-11-02 09:30:00", TIMES, AT),
    "text with a zone": ("2026-11-02T01:30:00+00:00", TIMES, AT),
    "a local time": (LOCAL, TIMES, AT),
    "an aware time": (AT, TIMES, AT),
    "a day": (date(2026, 11, 2), TIMES, datetime(2026, 11, 1, 16, tzinfo=UTC)),
    "an integer": (7, NUMBERS, 7),
    "an integer from a spreadsheet": (7.0, NUMBERS, 7),
    "an integer as text": (" 7 ", NUMBERS, 7),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_watermark_is_understood(case: str) -> None:
    raw, part, wanted = VALUES[case]

    assert marks.as_watermark(raw, part) == wanted


FORMS: dict[str, tuple[object, object]] = {
    "text": ("2026-10-01 00:00:00", "2026-11-02 09:30:00"),
    "text with fractions": ("2026-10-01 00:00:00.5", "2026-11-02 09:30:00.000000"),
    "text with a T": ("2026-10-01T00:00:00", "2026-11-02T09:30:00"),
    "text of a day": ("2026-10-01", "2026-11-02"),
    "a local time": (datetime(2026, 10, 1), LOCAL),  # noqa: DTZ001 - the point
    "an aware time": (datetime(2026, 10, 1, tzinfo=UTC), AT),
    "a day": (date(2026, 10, 1), date(2026, 11, 2)),
}


@pytest.mark.parametrize("case", FORMS)
def test_a_bound_is_written_as_the_column_is(case: str) -> None:
    sample, bound = FORMS[case]

    assert marks.like(AT, sample, TIMES) == bound


def test_a_bound_for_something_else_is_an_error() -> None:
    with pytest.raises(SourceError, match="do not hold timestamps"):
        marks.like(AT, 3.5, TIMES)


def test_a_column_of_mixed_types_is_an_error() -> None:
    newest = marks.Newest(TIMES)
    newest.see({"更新": "2026-10-01"})

    with pytest.raises(SourceError, match="mixes types"):
        newest.see({"更新": date(2026, 10, 1)})


RESUMING: dict[str, tuple[WatermarkPart, datetime | int, datetime | int]] = {
    "long ago": (TIMES, AT - timedelta(days=1), AT - timedelta(days=1)),
    "some day, at no known time": (
        TIMES,
        datetime(2026, 11, 1, 16, tzinfo=UTC),
        datetime(2026, 11, 1, 15, 59, 59, tzinfo=UTC),
    ),
    "just now": (TIMES, AT, AT - timedelta(seconds=300)),
    "an overlap of their own": (
        WatermarkPart(columns=["更新"], type="timestamp", overlap=60),
        AT,
        AT - timedelta(seconds=60),
    ),
    "numbers": (NUMBERS, 90, 90),
    "numbers that may come late": (WatermarkPart(columns=["序号"], type="integer", overlap=10), 90, 80),
}


@pytest.mark.parametrize("case", RESUMING)
def test_the_next_sync_begins_a_little_before_the_newest_change(case: str) -> None:
    part, newest, since = RESUMING[case]

    assert marks.resume_from(newest, part, AT) == since


COLUMNS = {
    "text": ("text", "'2026-11-02 09:30:0' || n"),
    "timestamp": ("timestamp", "timestamp '2026-11-02 09:30:00' + n * interval '1 second'"),
    "timestamptz": ("timestamptz", "timestamptz '2026-11-02 01:30:00+00' + n * interval '1 second'"),
    "date": ("date", "date '2026-11-02' + n - 1"),
    "integer": ("bigint", "n - 1"),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_postgresql_compares_every_type_of_watermark(case: str, postgres_url: str, tmp_path: Path) -> None:
    kind, expression = COLUMNS[case]
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE t (n integer, id text, xm text, gx {kind})"))
        connection.execute(text(f"INSERT INTO t SELECT n, 'x', 'y', {expression} FROM generate_series(0, 3) AS n"))
    engine.dispose()
    mapping = a_mapping(tmp_path, _small("integer" if case == "integer" else "timestamp"))
    since = 0 if case == "integer" else datetime(2026, 11, 2, 1, 30, 1, tzinfo=UTC) if case != "date" else AT

    with open_sql(postgres_url, mapping) as source:
        assert [row["n"] for _, row in source.rows(since)] == [2, 3]
        assert source.watermark is not None


def _small(kind: str) -> str:
    head = MAPPING.split("[unit]", maxsplit=1)[0].replace("人员编号", "n").replace("身份证号", "id")
    return head.replace('"人员"', '"t"') + f'[watermark]\ncolumns = ["gx"]\ntype = "{kind}"\n[fields]\nname = "xm"\n'


def test_a_table_where_nothing_ever_changed_gives_nothing(sqlite_url: str, tmp_path: Path) -> None:
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (n integer, id text, xm text, gx text)"))
        connection.execute(text("INSERT INTO t VALUES (1, 'x', 'y', NULL)"))
    engine.dispose()

    with open_sql(sqlite_url, a_mapping(tmp_path, _small("timestamp"))) as source:
        assert list(source.rows(AT)) == []
        assert len(list(source.rows())) == 1
        assert source.watermark is None
