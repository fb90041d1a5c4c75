"""A mapping file that is nearly right is refused, and told where."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.sources.mapping import MappingError, load_mapping
from adapters.sources.reading import RowReader
from tests.adapters.make_sources import CATALOGUE, MAPPING, a_mapping

SHIPPED = Path(__file__).parents[2] / "ops" / "demo" / "mappings"


def test_a_mapping_names_each_column_once(tmp_path: Path) -> None:
    columns = a_mapping(tmp_path).columns()

    assert columns == ["人员编号", "身份证号", "姓名", "性别", "单位", "主职", "删除", "任职", "免职", "更新时间"]


@pytest.mark.parametrize("name", ["person.toml", "organisation.toml"])
def test_the_shipped_mappings_fit_the_standard(name: str) -> None:
    mapping = load_mapping(SHIPPED / name, CATALOGUE)

    RowReader(mapping, CATALOGUE, {})
    assert len(mapping.fields) == len(CATALOGUE.fields_of(mapping.kind))


WRONG = {
    "an unknown key": ({"[main]": "[principal]"}, "principal"),
    "a key too few": ({"identifier": ""}, "identifier"),
    "an unknown kind": ({"kind": 'kind = "vehicle"'}, "kind"),
    "a field of another kind": ({"sex": 'org_name = "姓名"'}, "org_name"),
    "a field that is not in the standard": ({"sex": 'shoe_size = "鞋码"'}, "shoe_size"),
    "no name, so nobody could be confirmed": ({"name": ""}, "fields.name"),
    "codes that are not there": ({"sex": 'sex = { column = "性别", codes = "gender" }'}, "codes.gender"),
    "codes that nobody uses": ({"sex": 'sex = "性别"'}, "codes.sex"),
    "a column and a value": ({"quota_type": 'quota_type = { column = "编制", value = "行政编制" }'}, "quota_type"),
    "neither column nor value": ({"quota_type": "quota_type = { codes = 'sex' }"}, "quota_type"),
    "a table and a query": ({"table": 'table = "人员"\nquery = "select 1"'}, "table or query"),
    "a query that is joined": ({"table": 'query = "select 1"\njoin = [{ table = "b", on = { a = "b" } }]'}, "join"),
    "a join on nothing": ({"table": 'table = "a"\njoin = [{ table = "b", on = {} }]'}, "join"),
    "a header above the first line": ({"table": "header_row = 0"}, "header_row"),
    "no key": ({"key": "key = []"}, "key"),
    "no watermark column": ({"columns": "columns = []"}, "watermark"),
    "another type of watermark": ({"type": 'type = "hash"'}, "type"),
    "no TOML": ({"kind": "kind = "}, "mapping.toml"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_mapping_is_refused_and_told_where(case: str, tmp_path: Path) -> None:
    changes, says = WRONG[case]

    with pytest.raises(MappingError, match=says):
        a_mapping(tmp_path, MAPPING, **changes)


def test_a_mapping_that_is_missing_says_who_names_it(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"sync\.toml"):
        load_mapping(tmp_path / "absent.toml", CATALOGUE)


VALUES = {"a fixed value": {"quota_type": 'quota_type = { value = "终身编制" }'}, "a code": {"M =": 'M = "男人"'}}


@pytest.mark.parametrize("case", VALUES)
def test_a_value_of_the_mapping_itself_must_be_in_the_standard(case: str, tmp_path: Path) -> None:
    mapping = a_mapping(tmp_path, MAPPING, **VALUES[case])

    with pytest.raises(MappingError, match="fields"):
        RowReader(mapping, CATALOGUE, {})


def test_the_digest_changes_with_what_is_sealed(tmp_path: Path) -> None:
    whole = a_mapping(tmp_path).digest()

    assert a_mapping(tmp_path, MAPPING + "\n# a remark\n").digest() == whole
    assert a_mapping(tmp_path, MAPPING, M='M = "女"').digest() != whole
