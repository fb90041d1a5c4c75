"""A sync seals what it can read, refuses the rest by name, and whatever stops it leaves the old index serving."""

from __future__ import annotations

import csv
import resource
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.index.directory import read_current
from adapters.index.postgres import PostgresIndex
from adapters.index.sqlite import SqliteIndex
from adapters.keys.ring import SyncKeys
from adapters.sources.mapping import MappingError, load_mapping
from adapters.sources.source import NumberedRow, Source, SourceError
from gateway.generation import GenerationError
from gateway.seal import Layout, SealingKey
from ops.settings import SettingsError, load
from ops.sync import SourceSettings, SyncError, SyncSettings, running, workers
from ops.sync.sealing import Recipe
from tests.adapters.make_sources import a_row, number_of
from tests.ops.make_sync import CATALOGUE, CSV_MAPPING, KEYS, NOT_CONFIRMED, Office, answer

MATCH, MISMATCH, NOT_COMPARED = "match", "mismatch", "not_compared"
NAME = "巴雅尔乙"
"""Of person 1, 11, 21 and so on."""


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office with five people who have not been synced yet."""
    office = Office(tmp_path)
    office.write([a_row(n) for n in range(1, 6)])
    return office


def test_what_was_read_is_found_and_compared(office: Office) -> None:
    report = office.sync()

    assert office.answer(number_of(1), NAME, sex="男", quota_type="行政编制") == {"sex": MATCH, "quota_type": MATCH}
    assert office.answer(number_of(1), NAME, sex="女", unit="财政局") == {"sex": MISMATCH, "unit": NOT_COMPARED}
    assert office.answer(number_of(1), "别人", sex="男") == NOT_CONFIRMED
    assert office.answer(number_of(99), NAME, sex="男") == NOT_CONFIRMED
    assert (report.mode, report.subjects, report.records) == ("full", {"person": 5}, {"person": 5})


def test_a_report_tells_completeness_and_timeliness(office: Office) -> None:
    report = office.sync([a_row(1), a_row(2, 性别=""), a_row(3, 姓名="张\ue863\ue000"), a_row(4, 身份证号="1")])

    kind = report.kinds["person"]
    assert (kind.rows_read, kind.records, dict(kind.refused)) == (4, 3, {"identifier": 1})
    assert kind.completeness == {"name": 1.0, "sex": 0.6667, "quota_type": 1.0}
    assert "unit" in kind.unmapped
    assert kind.private_use_characters == 1
    assert kind.newest_change == datetime(2026, 10, 5, 0, 0, tzinfo=UTC)
    assert kind.age_seconds == pytest.approx(29 * 86_400 + 4 * 3_600, abs=60)
    assert kind.note == "编码 encoding UTF-8"
    assert "拒收 identifier: 1" in report.text()
    assert msgspec.json.decode(report.json())["subjects"] == {"person": 3}
    assert len(list((office.path / "data" / "reports").glob("*-report.json"))) == 1


def test_effective_dates_and_units_are_sealed_with_each_record(office: Office) -> None:
    office.sync([a_row(1, 单位="L0101", 免职="2020-01-01"), a_row(1, 单位="L02", 任职="2020-01-01", 性别="F")])

    def on(day: date, unit: str) -> object:
        with closing(SqliteIndex.open(office.home.index, KEYS.sync.public_key())) as index:
            return answer(index, number_of(1), NAME, {"sex": "男"}, day=day, units=[unit])

    assert on(date(2019, 12, 31), "L01") == {"sex": MATCH}
    assert on(date(2019, 12, 31), "L02") == NOT_CONFIRMED
    assert on(date(2020, 1, 1), "L02") == {"sex": MISMATCH}
    assert on(date(2020, 1, 1), "L0101") == NOT_CONFIRMED
    assert on(date(2010, 6, 30), "L") == NOT_CONFIRMED


def test_the_main_post_comes_first_and_others_stand_beside_it(office: Office) -> None:
    office.sync([a_row(1, 主职="0", 单位="L02", 任职="2024-01-01"), a_row(1)])

    published = read_current(office.home.index, KEYS.sync.public_key())
    width = Layout(CATALOGUE, "person").bytes
    assert published.manifest.kinds["person"].records == 2
    with closing(SqliteIndex.open(office.home.index, KEYS.sync.public_key())) as index:
        assert answer(index, number_of(1), NAME, {"sex": "男"}, units=["L02"]) == {"sex": MATCH}
        assert answer(index, number_of(1), NAME, {"quota_type": "行政编制"}, units=["L01"]) == {"quota_type": MATCH}
        rows = index._connection.execute("SELECT rows FROM main.records").fetchall()
    assert [len(row[0]) for row in rows] == [2 * width]


DUPLICATES = {
    "one number under two keys": [a_row(1), a_row(2, 身份证号=number_of(1), 姓名=NAME)],
    "one number under two keys, one after the other": [
        a_row(1, 免职="2020-01-01"),
        a_row(2, 身份证号=number_of(1), 姓名=NAME, 任职="2020-01-01"),
    ],
    "the old and the new writing of one number": [
        a_row(1),
        a_row(2, 身份证号=number_of(1)[:6] + number_of(1)[8:17], 姓名=NAME),
    ],
    "one row twice": [a_row(1), a_row(1)],
    "two main posts at one time": [a_row(1, 免职="2020-01-02"), a_row(1, 任职="2020-01-01", 单位="L02")],
}


@pytest.mark.parametrize("case", DUPLICATES)
def test_a_source_that_contradicts_itself_is_refused(case: str, office: Office) -> None:
    report = office.sync([*DUPLICATES[case], a_row(9)])

    assert report.kinds["person"].refused == {"duplicate": 2}
    assert report.subjects == {"person": 1}
    assert office.answer(number_of(1), NAME, sex="男") == NOT_CONFIRMED


def test_one_main_post_after_another_is_no_contradiction(office: Office) -> None:
    report = office.sync([a_row(1, 免职="2020-01-01"), a_row(1, 任职="2020-01-01")])

    assert (report.records, report.refused_rows) == ({"person": 2}, 0)


def test_refused_rows_are_listed_without_a_value(office: Office) -> None:
    rows = [
        a_row(1),
        a_row(2, 人员编号="职工-0002", 姓名="张\ufffd三"),
        a_row(3, 身份证号=1.5e17),
        a_row(4),
        a_row(5, 身份证号=number_of(4)),
    ]

    report = office.sync(rows)

    content = (office.path / "data" / "reports" / report.refused_file).read_text(encoding="utf-8-sig")
    listed = list(csv.reader(content.splitlines()))
    assert [(row[1], row[2]) for row in listed[1:]] == [
        ("3", "field:name"),
        ("4", "identifier_as_number"),
        ("5", "duplicate"),
        ("6", "duplicate"),
    ]
    assert len({row[4] for row in listed[1:]}) == 4
    assert "被存成数字" in content
    for secret in (number_of(4), "张", "150000000000000000", "1.5e", "职工-0002", "职工".encode().hex()):
        assert secret not in content


def _forms(text: str) -> Iterator[bytes]:
    yield from (text.encode(encoding) for encoding in ("utf-8", "gb18030", "utf-16-le"))


def test_no_plaintext_is_left_anywhere(office: Office) -> None:
    office.sync()
    office.sync([a_row(n, 性别="F", 更新时间="2026-11-01 00:00:00") for n in range(2, 7)])
    office.sync([a_row(2, 身份证号="", 更新时间="2026-11-02 00:00:00")])

    for path in office.files():
        content = path.read_bytes()
        for n in range(1, 7):
            assert not any(form in content for form in _forms(number_of(n))), path
            assert not any(form in content for form in _forms(str(a_row(n)["姓名"]))), path


def _later(n: int, **cells: object) -> dict[str, object]:
    return a_row(n, 更新时间="2026-11-02 09:00:00") | cells


def test_a_sync_by_watermark_adds_what_changed(office: Office) -> None:
    first = office.sync()
    rows = [a_row(1), _later(2, 性别="F"), a_row(3), a_row(4), a_row(5), _later(6)]

    second = office.sync(rows)

    assert (second.mode, second.changed, second.removed, second.deltas) == ("delta", 2, 0, 1)
    assert second.kinds["person"].rows_read == 2
    assert second.generation == first.generation
    assert second.data_version != first.data_version
    assert second.subjects == {"person": 6}
    assert office.answer(number_of(2), str(rows[1]["姓名"]), sex="女") == {"sex": MATCH}
    assert office.answer(number_of(6), str(rows[5]["姓名"]), sex="男") == {"sex": MATCH}


def test_all_records_of_a_changed_subject_are_sealed_again(office: Office) -> None:
    office.sync([a_row(1), a_row(1, 主职="0", 单位="L02")])

    report = office.sync([_later(1, 性别="F"), a_row(1, 主职="0", 单位="L02", 性别="F")])

    assert (report.mode, report.records) == ("delta", {"person": 2})
    assert office.answer(number_of(1), NAME, sex="男") == {"sex": MISMATCH}


def test_a_corrected_number_does_not_leave_the_old_one_answering(office: Office) -> None:
    office.sync()

    report = office.sync([_later(1, 身份证号=number_of(50)), *(a_row(n) for n in range(2, 6))])

    assert (report.mode, report.changed, report.removed) == ("delta", 1, 1)
    assert office.answer(number_of(1), NAME, sex="男") == NOT_CONFIRMED
    assert office.answer(number_of(50), NAME, sex="男") == {"sex": MATCH}


GONE: dict[str, dict[str, object]] = {
    "deleted": {"删除": "1"},
    "a number that cannot be read any more": {"身份证号": "1"},
    "a value that cannot be read any more": {"性别": "X"},
}


@pytest.mark.parametrize("case", GONE)
def test_what_is_no_longer_true_does_not_answer_any_more(case: str, office: Office) -> None:
    office.sync()

    report = office.sync([_later(1, **GONE[case]), *(a_row(n) for n in range(2, 6))])

    assert (report.mode, report.removed, report.subjects) == ("delta", 1, {"person": 4})
    assert office.answer(number_of(1), NAME, sex="男") == NOT_CONFIRMED


def test_a_newcomer_with_a_number_of_somebody_else_is_refused(office: Office) -> None:
    office.sync()

    report = office.sync([*(a_row(n) for n in range(1, 6)), _later(7, 身份证号=number_of(1), 姓名="冒名者")])

    assert report.kinds["person"].refused == {"duplicate": 1}
    assert office.answer(number_of(1), NAME, sex="男") == {"sex": MATCH}
    assert office.answer(number_of(1), "冒名者", sex="男") == NOT_CONFIRMED


def test_two_people_may_exchange_their_numbers(office: Office) -> None:
    office.sync()

    office.sync([_later(1, 身份证号=number_of(2)), _later(2, 身份证号=number_of(1))])

    assert office.answer(number_of(2), NAME, sex="男") == {"sex": MATCH}
    assert office.answer(number_of(1), NAME, sex="男") == NOT_CONFIRMED


def test_a_sync_without_changes_says_only_that_the_data_is_fresh(office: Office) -> None:
    first = office.sync()

    second = office.sync([a_row(n) for n in range(1, 6)])

    published = read_current(office.home.index, KEYS.sync.public_key())
    assert (second.mode, second.changed, second.deltas, second.kinds["person"].rows_read) == ("delta", 0, 0, 0)
    assert second.data_time > first.data_time
    assert {part.n for part in published.manifest.parts} == {0}


FOLDS = {"small deltas stay apart from a large base": 40, "large deltas make a new base": 5}


@pytest.mark.parametrize("case", FOLDS)
def test_many_deltas_are_folded(case: str, office: Office) -> None:
    rest = [a_row(n) for n in range(3, FOLDS[case] + 1)]
    office.sync([a_row(1), a_row(2), *rest])
    for turn in range(9):
        day = f"2026-11-02 {turn:02}:00:00"
        office.sync([a_row(1, 更新时间=day, 性别="MF"[turn % 2]), a_row(2, 更新时间=day, 删除="1"), *rest])

    published = read_current(office.home.index, KEYS.sync.public_key())
    parts = {(part.n, part.kind) for part in published.manifest.parts}
    assert parts == ({(10, "base")} if FOLDS[case] == 5 else {(0, "base"), (10, "delta")})
    assert published.manifest.kinds["person"].subjects == FOLDS[case] - 1
    assert office.answer(number_of(1), NAME, sex="男") == {"sex": MATCH}
    assert office.answer(number_of(2), str(a_row(2)["姓名"]), sex="男") == NOT_CONFIRMED
    assert office.answer(number_of(5), str(a_row(5)["姓名"]), sex="男") == {"sex": MATCH}
    assert office.sync([a_row(1, 更新时间="2026-11-02 12:00:00"), *rest]).deltas == len(parts)


def _with_another_key(office: Office) -> Office:
    return Office(office.path, office.settings, SyncKeys(sealing=b"t" * 32, sync=KEYS.sync))


def _with_another_mapping(office: Office) -> Office:
    office.map(CSV_MAPPING.replace('M = "男"', 'M = "女"'))
    return office


def _without_memory(office: Office) -> Office:
    (office.path / "data" / "sync" / "subjects.sqlite").unlink()
    return office


def _with_a_memory_that_lags(office: Office) -> Office:
    state = office.path / "data" / "sync" / "subjects.sqlite"
    old = state.read_bytes()
    office.sync()
    state.write_bytes(old)
    return office


def _with_another_standard(office: Office) -> Office:
    return Office(office.path, office.settings, catalogue=replace(CATALOGUE, digest="d" * 64))


REBUILDS: dict[str, Callable[[Office], Office]] = {
    "another sealing key": _with_another_key,
    "another mapping": _with_another_mapping,
    "another standard": _with_another_standard,
    "no memory of the last sync": _without_memory,
    "a last sync that died before it remembered": _with_a_memory_that_lags,
}


@pytest.mark.parametrize("case", REBUILDS)
def test_what_a_delta_would_not_fit_on_is_built_anew(case: str, office: Office) -> None:
    first = office.sync()

    second = REBUILDS[case](office).sync()

    assert (second.mode, second.deltas) == ("full", 0)
    assert second.generation != first.generation


def test_a_source_without_watermarks_is_read_whole_each_time(office: Office) -> None:
    office.sync([a_row(n, 更新时间="") for n in range(1, 6)])

    assert office.sync().mode == "full"


def test_a_full_sync_can_be_asked_for(office: Office) -> None:
    first = office.sync()

    assert office.sync(full=True).generation != first.generation


def test_changes_that_committed_late_are_read_by_the_next_sync(office: Office) -> None:
    recent = office.clock.at.astimezone().strftime("%Y-%m-%d")
    just_now = f"{recent} 11:59:00"
    office.sync([a_row(1, 更新时间=just_now), a_row(2)])

    report = office.sync([a_row(1, 更新时间=just_now), a_row(2, 更新时间=f"{recent} 11:58:00", 性别="F")])

    assert (report.mode, report.kinds["person"].rows_read) == ("delta", 2)


class DyingSource:
    """A source that breaks off after some rows."""

    note = ""
    watermark = None
    data_time = None

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def rows(self, since: object = None) -> Iterator[NumberedRow]:
        for n in range(1, self._rows + 1):
            yield n, a_row(n, 性别="F")
        raise SourceError("the source stopped answering; nothing was changed")

    def parents(self) -> dict[str, str]:
        return {"L": "", "L01": "L", "L0101": "L01"}


@pytest.mark.parametrize("rows", [0, 3, 1_200])
@pytest.mark.parametrize("full", [True, False])
def test_a_source_that_dies_half_way_leaves_the_old_index(
    rows: int,
    full: bool,
    office: Office,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = office.sync()
    before = {path: path.read_bytes() for path in office.files() if "reports" not in path.parts}

    def dying(*_: object) -> nullcontext[Source]:
        return nullcontext(DyingSource(rows))

    monkeypatch.setattr(running, "open_source", dying)
    with pytest.raises(SourceError, match="stopped answering"):
        office.sync(full=full)
    monkeypatch.undo()

    leftover = "subjects.new.sqlite"
    after = {
        path: path.read_bytes() for path in office.files() if "reports" not in path.parts and path.name != leftover
    }
    assert after == before
    assert office.answer(number_of(1), NAME, sex="男") == {"sex": MATCH}
    assert office.sync().generation == first.generation


@pytest.mark.parametrize("limit", [100, 9_000, 30_000])
def test_a_full_disk_leaves_the_old_index(limit: int, office: Office) -> None:
    office.sync()
    office.write([_later(n) for n in range(1, 40)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(SyncError, match="disk full"):
            office.sync(full=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert office.answer(number_of(1), NAME, sex="男") == {"sex": MATCH}
    assert office.answer(number_of(30), "巴雅尔甲", sex="男") == NOT_CONFIRMED
    office.sync()
    assert office.answer(number_of(30), "巴雅尔甲", sex="男") == {"sex": MATCH}


def test_an_empty_index_is_never_published(office: Office) -> None:
    office.sync()

    with pytest.raises(SyncError, match="no person is left of 2 rows"):
        office.sync([a_row(1, 姓名=""), a_row(2, 身份证号="")], full=True)

    assert office.answer(number_of(1), NAME, sex="男") == {"sex": MATCH}


def test_a_column_that_is_missing_leaves_the_old_index(office: Office) -> None:
    office.sync()
    office.map(CSV_MAPPING.replace('name = "姓名"', 'name = "名字"'))

    with pytest.raises(SourceError, match="名字"):
        office.sync()

    assert office.answer(number_of(1), NAME, sex="男") == {"sex": MATCH}


def test_a_mapping_that_is_wrong_stops_before_anything_is_read(office: Office) -> None:
    office.map("kind = 7")

    with pytest.raises(MappingError, match=r"person\.toml"):
        office.sync()


def test_two_syncs_never_run_at_once(office: Office) -> None:
    with running._alone(office.path / "data" / "sync"), pytest.raises(SyncError, match="another sync"):
        office.sync()


def test_an_index_that_was_altered_is_not_built_upon(office: Office) -> None:
    office.sync()
    (file,) = office.home.index.glob("g*/manifest-0000.json")
    file.write_bytes(file.read_bytes() + b" ")

    with pytest.raises(GenerationError, match="sync --full"):
        office.sync()
    assert office.sync(full=True).mode == "full"


def test_a_manifest_of_another_sync_is_not_built_upon(office: Office) -> None:
    office.sync()
    stranger = SyncKeys(sealing=KEYS.sealing, sync=Ed25519PrivateKey.from_private_bytes(b"x" * 32))

    with pytest.raises(GenerationError, match="not signed"):
        Office(office.path, office.settings, stranger).sync()


def test_several_workers_seal_what_one_would(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CHUNKS_ALONE", 1)
    monkeypatch.setattr(workers, "_CHUNK_ROWS", 4)
    rows = [a_row(n, 性别="X" if n == 7 else "M") for n in range(1, 30)]
    alone = office.sync(rows)

    together = office.told(workers=2).sync(rows, full=True)

    found, wanted = together.kinds["person"], alone.kinds["person"]
    assert (found.rows_read, found.refused, found.completeness) == (29, wanted.refused, wanted.completeness)
    assert together.subjects == alone.subjects == {"person": 28}
    assert office.answer(number_of(11), NAME, sex="男") == {"sex": MATCH}


def test_a_worker_with_another_standard_seals_nothing(office: Office) -> None:
    recipe = Recipe(
        mapping=load_mapping(office.path / "mappings" / "person.toml", CATALOGUE),
        parents={},
        key=SealingKey(KEYS.sealing),
        generation="g1",
        entropy=bytes,
    )

    with pytest.raises(SyncError, match="data standard changed"):
        workers._begin(recipe, "d" * 64)


def _line(row: dict[str, object]) -> bytes:
    return msgspec.json.encode(row)


def test_pushed_changes_are_taken_at_once(office: Office) -> None:
    first = office.sync()

    report = office.push([_line(a_row(1, 性别="F")), _line(a_row(8)), _line(a_row(3, 删除="1"))])

    assert (report.mode, report.changed, report.removed, report.deltas) == ("push", 2, 1, 1)
    assert report.data_time == first.data_time
    assert office.answer(number_of(1), NAME, sex="女") == {"sex": MATCH}
    assert office.answer(number_of(8), str(a_row(8)["姓名"]), sex="男") == {"sex": MATCH}
    assert office.answer(number_of(3), str(a_row(3)["姓名"]), sex="男") == NOT_CONFIRMED


def test_a_push_does_not_make_the_next_sync_miss_anything(office: Office) -> None:
    office.sync()
    office.push([_line(_later(1, 更新时间="2026-11-02 23:00:00", 性别="F"))])

    report = office.sync([_later(2, 性别="F"), a_row(3)])

    assert (report.mode, report.changed) == ("delta", 1)


BAD_PUSHES = {
    "before the first sync": ("person", [_line(a_row(1))], "run `bidui sync` first"),
    "a kind without a mapping": ("organisation", [], "no mapping"),
}


@pytest.mark.parametrize("case", BAD_PUSHES)
def test_a_push_that_fits_on_nothing_is_refused(case: str, office: Office) -> None:
    kind, lines, says = BAD_PUSHES[case]

    with pytest.raises(SyncError, match=says):
        office.push(lines, kind)


def test_a_push_with_a_bad_line_changes_nothing(office: Office) -> None:
    office.sync()

    with pytest.raises(SourceError, match="line 2"):
        office.push([_line(a_row(1, 性别="F")), b"{"])

    assert office.answer(number_of(1), NAME, sex="男") == {"sex": MATCH}


def test_postgresql_answers_as_the_files_do(office: Office, postgres_url: str) -> None:
    office = office.told(index_database=postgres_url)
    office.sync()
    office.sync([_later(1, 性别="F"), _later(2, 删除="1"), a_row(3)])

    with (
        closing(PostgresIndex.open(postgres_url, KEYS.sync.public_key())) as tables,
        closing(SqliteIndex.open(office.home.index, KEYS.sync.public_key())) as files,
    ):
        assert tables.version == files.version
        for n in range(1, 7):
            asked = (number_of(n), str(a_row(n)["姓名"]), {"sex": "男", "quota_type": "事业编制"})
            assert answer(tables, *asked) == answer(files, *asked)
        assert answer(tables, number_of(1), NAME, {"sex": "女"}) == {"sex": MATCH}


def test_a_lost_postgresql_is_caught_up_by_the_next_sync(office: Office, postgres_url: str) -> None:
    with pytest.raises(GenerationError, match="sync again"):
        office.told(index_database="postgresql+psycopg://127.0.0.1:1/nobody").sync()
    assert office.answer(number_of(1), NAME, sex="男") == {"sex": MATCH}

    office.told(index_database=postgres_url).sync()

    with closing(PostgresIndex.open(postgres_url, KEYS.sync.public_key())) as tables:
        assert answer(tables, number_of(1), NAME, {"sex": "男"}) == {"sex": MATCH}


SETTINGS = {
    "a gateway's word": 'issuer = "https://x"\nsources = []',
    "a source without a mapping": '[[sources]]\nurl = "sqlite:///x"',
    "an unknown key": '[[sources]]\nmapping = "person.toml"\ntable = "x"',
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_are_read_strictly(case: str, office: Office) -> None:
    (office.path / "sync.toml").write_text(SETTINGS[case], encoding="utf-8")

    with pytest.raises(SettingsError, match=r"sync\.toml"):
        load(office.home, "sync.toml", SyncSettings)


WRONG_SOURCES = {
    "neither url nor file": (SourceSettings(mapping="person.toml"),),
    "both": (SourceSettings(mapping="person.toml", url="sqlite:///x", file="x.csv"),),
    "no URL": (SourceSettings(mapping="person.toml", url="x"),),
    "one kind twice": (SourceSettings(mapping="person.toml", file="人员.csv"),) * 2,
    "none": (),
}


@pytest.mark.parametrize("case", WRONG_SOURCES)
def test_a_setting_that_names_no_source_is_refused(case: str, office: Office) -> None:
    with pytest.raises(SyncError, match=r"sync\.toml"):
        office.told(sources=WRONG_SOURCES[case]).sync()
