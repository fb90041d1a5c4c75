"""The shipped data standard holds together, and a file that does not is refused by name of file and key."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.catalogue import SHIPPED as SHIPPED_PATH
from policies.catalogue import (
    Catalogue,
    CatalogueError,
    Comparator,
    Field,
    InvalidValueError,
    Records,
    SealKind,
    Sensitivity,
    Sharing,
    load_catalogue,
)
from policies.fields import ALLOWED_COMPARATORS

SHIPPED = load_catalogue()
FIELDS = tuple(SHIPPED.fields.values())

STANDARD = """
version = "1"

[kinds.person]
zh = "人员"
en = "Person"
gate = ["name"]
identifiers = ["id_number"]

[codes.sex]
norm = "GB/T 2261.1"
values = [["1", "男"], ["2", "女"]]

[fields.name]
kind = "person"
zh = "姓名"
en = "Name"
sensitivity = "personal"
sharing = "conditional"
normaliser = "name"
seal = "folded"
comparators = ["equals"]
domain_size = 1000
records = "any"

[fields.sex]
kind = "person"
zh = "性别"
en = "Sex"
sensitivity = "personal"
sharing = "conditional"
normaliser = "code"
codes = "sex"
seal = "exact"
comparators = ["equals"]
domain_size = 2
records = "any"

[fields.pay]
kind = "person"
zh = "工资"
en = "Pay"
sensitivity = "sensitive"
sharing = "none"
normaliser = "yuan"
seal = "ordered"
comparators = ["at_least"]
domain_size = 100
records = "main"
bits = 8
scale = 100
origin = 0

[fields.since]
kind = "person"
zh = "任职时间"
en = "Since"
sensitivity = "personal"
sharing = "conditional"
normaliser = "month"
seal = "ordered"
comparators = ["equals"]
domain_size = 100
records = "main"
bits = 12
origin = "1900-01"
"""


def load(tmp_path: Path, text: str) -> Catalogue:
    path = tmp_path / "standard.toml"
    path.write_text(text, encoding="utf-8")
    return load_catalogue(path)


# ------------------------------------------------------------------------------------------- what is shipped


def test_the_shipped_standard_has_both_kinds() -> None:
    person, organisation = SHIPPED.kinds["person"], SHIPPED.kinds["organisation"]

    assert (person.gate, person.identifiers) == (("name",), ("id_number",))
    assert (organisation.gate, organisation.identifiers) == ((), ("uscc", "org_code"))
    assert len(SHIPPED.fields_of("person")) >= 24
    assert len(SHIPPED.fields_of("organisation")) >= 14
    assert SHIPPED.fields_of("nobody") == ()


@pytest.mark.parametrize("field", FIELDS, ids=[field.key for field in FIELDS])
def test_every_shipped_field_says_what_an_officer_must_know(field: Field) -> None:
    assert re.search("[\u4e00-\u9fff]", field.zh)
    assert field.en.isascii()
    assert re.fullmatch("[a-z]+(_[a-z]+)*", field.key)
    assert field.comparators <= ALLOWED_COMPARATORS[field.seal]
    assert isinstance(field.sensitivity, Sensitivity)
    assert isinstance(field.sharing, Sharing)
    assert isinstance(field.records, Records)
    assert (field.seal is SealKind.ORDERED) == (0 < field.bits <= 12)


@pytest.mark.parametrize("key", ["unit", "pay_unit", "org_parent", "org_name"])
def test_units_are_read_like_the_names_of_organs(key: str) -> None:
    field = SHIPPED.fields[key]

    assert (field.normaliser, field.seal) == ("organisation", SealKind.FOLDED)
    assert field.fold(field.normalise("阿拉善盟財政局（國資委）")) == "阿拉善盟财政局国资委"


SHIPPED_VALUES: dict[str, tuple[str, object, str]] = {
    "sex by label": ("sex", "男", "1"),
    "sex by code": ("sex", 2, "2"),
    "ethnicity in full": ("ethnicity", "蒙古族", "02"),
    "ethnicity in short": ("ethnicity", "汉", "01"),
    "ethnicity by number": ("ethnicity", 1.0, "01"),
    "ethnicity by letters": ("ethnicity", "mg", "02"),
    "political status": ("political_status", "中国共产党党员", "01"),
    "education": ("education", "本科", "21"),
    "leader rank": ("leader_rank", "正处级", "131"),
    "leader rank, one below": ("leader_rank", "副处级", "132"),
    "rank": ("rank", "四级调研员", "06"),
    "level": ("org_level", "正科", "31"),
    "level 00": ("org_level", 0, "00"),
    "pay in steps": ("pay_amount", "5,299.99", "5200"),
    "pay to the cent": ("pay_base", "5299.99", "5299.99"),
    "over quota": ("org_vacancies", "－3", "-3"),
    "month of a date": ("work_start", "1990年3月7日", "1990-03"),
}


@pytest.mark.parametrize(("key", "given_", "expected"), SHIPPED_VALUES.values(), ids=SHIPPED_VALUES.keys())
def test_a_value_of_a_shipped_field_has_one_form(key: str, given_: object, expected: str) -> None:
    assert SHIPPED.fields[key].normalise(given_) == expected


@pytest.mark.parametrize("table", ["ethnicity", "education", "political_status", "leader_rank"])
def test_every_code_label_and_alias_leads_to_the_code(table: str) -> None:
    field = SHIPPED.fields[table]

    for code, labels in field.codes.items():
        assert {field.normalise(word) for word in (code, *labels)} == {code}


def test_all_56_ethnic_groups_are_there() -> None:
    assert [code for code in SHIPPED.fields["ethnicity"].codes if int(code) <= 56] == [f"{n:02}" for n in range(1, 57)]


ORDER = {
    "levels of leaders": ("leader_rank", ["科员级", "副科", "正科", "副处", "正处", "副厅", "正厅"]),
    "ranks": ("rank", ["二级科员", "一级科员", "四级主任科员", "一级主任科员", "四级调研员", "一级巡视员"]),
    "levels of organs": ("org_level", ["未定级", "副股", "正股", "副科", "正科", "副处", "正处"]),
    "months": ("work_start", ["1985-12", "1986-01", "2024-11"]),
    "vacancies": ("org_vacancies", ["-2048", "-3", "0", "5", "2047"]),
    "pay": ("pay_amount", ["0", "99.99", "100", "5230", "409599"]),
}


@pytest.mark.parametrize(("key", "values"), ORDER.values(), ids=ORDER.keys())
def test_ordinals_keep_the_order(key: str, values: list[str]) -> None:
    field = SHIPPED.fields[key]
    ordinals = [field.ordinal(field.normalise(value)) for value in values]

    assert ordinals == sorted(ordinals)
    assert 0 <= ordinals[0] <= ordinals[-1] < 2**field.bits


OUT_OF_RANGE = {
    "more over quota than can be": ("org_vacancies", "-2049"),
    "more vacant than can be": ("org_vacancies", 2048),
    "negative strength": ("org_strength", -1),
    "pay beyond the scale": ("pay_amount", 409_600),
    "negative pay": ("pay_amount", "-0.01"),
    "month before the origin": ("work_start", "1859-12"),
    "month after the last": ("work_start", "2201-05"),
}


@pytest.mark.parametrize(("key", "given_"), OUT_OF_RANGE.values(), ids=OUT_OF_RANGE.keys())
def test_what_has_no_place_in_the_order_is_refused_and_never_clamped(key: str, given_: object) -> None:
    with pytest.raises(InvalidValueError) as refused:
        SHIPPED.fields[key].normalise(given_)

    assert refused.value.field == key


@given(st.sampled_from([field for field in FIELDS if field.normaliser in {"integer", "yuan"}]), st.data())
def test_canonical_texts_are_equal_exactly_when_ordinals_are(field: Field, data: st.DataObject) -> None:
    numbers = st.integers(field.origin, field.origin + (field.scale << field.bits) - 1)
    one, other = (field.normalise(data.draw(numbers)) for _ in range(2))

    assert (one == other) == (field.ordinal(one) == field.ordinal(other))
    assert field.normalise(one) == one


@given(st.sampled_from(FIELDS), st.text() | st.integers() | st.floats() | st.none() | st.dates())
def test_whatever_is_claimed_only_an_invalid_value_of_that_field_is_raised(field: Field, given_: object) -> None:
    try:
        once = field.normalise(given_)
    except InvalidValueError as refused:
        named = refused.field
    else:
        named = field.key
        assert field.normalise(once) == once

    assert named == field.key


def test_steps_count_from_the_origin() -> None:
    field = Field(
        key="temperature",
        kind="person",
        zh="温度",
        en="Temperature",
        sensitivity=Sensitivity.PUBLIC,
        sharing=Sharing.FREE,
        normaliser="integer",
        seal=SealKind.ORDERED,
        comparators=frozenset(Comparator),
        domain_size=16,
        bits=4,
        scale=10,
        origin=-55,
    )

    assert [field.normalise(n) for n in (-55, -46, -45, 104)] == ["-55", "-55", "-45", "95"]
    assert [field.ordinal(text) for text in ("-55", "-45", "95")] == [0, 1, 15]


def test_a_number_is_read_as_its_kind_says() -> None:
    assert SHIPPED.identifier("person", "110105491231002") == "11010519491231002X"
    assert SHIPPED.identifier("organisation", "91110000600037341l") == "91110000600037341L"
    assert SHIPPED.identifier("organisation", "152921000123") == "152921000123"
    for kind, number in (("person", "91110000600037341L"), ("organisation", "1"), ("nobody", "1")):
        with pytest.raises(InvalidValueError, match="id: "):
            SHIPPED.identifier(kind, number)


def test_a_form_that_a_field_does_not_have_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError):
        SHIPPED.fields["sex"].fold("1")
    with pytest.raises(TypeError):
        SHIPPED.fields["name"].ordinal("张伟")


def test_fields_can_stand_in_sets_and_do_not_print_their_tables() -> None:
    assert len(set(FIELDS)) == len(FIELDS)
    assert "蒙古族" not in repr(SHIPPED.fields["ethnicity"])


# ------------------------------------------------------------------------------------------- strictness


WRONG: dict[str, tuple[str, str, str]] = {
    "unknown key at the top": ('version = "1"', 'version = "1"\nauthor = "x"', "author"),
    "no version": ('version = "1"', "", "version"),
    "version a number": ('version = "1"', "version = 1", "version"),
    "unknown key of a kind": ('gate = ["name"]', 'gate = ["name"]\nextra = 1', "kinds.person.extra"),
    "unknown identifier": ('["id_number"]', '["passport"]', "kinds.person.identifiers"),
    "no identifier": ('["id_number"]', "[]", "kinds.person.identifiers"),
    "gate without such a field": ('gate = ["name"]', 'gate = ["face"]', "kinds.person.gate"),
    "gate with an ordered field": ('gate = ["name"]', 'gate = ["pay"]', "kinds.person.gate"),
    "gate named twice": ('gate = ["name"]', 'gate = ["name", "name"]', "kinds.person.gate"),
    "gate no list": ('gate = ["name"]', 'gate = "name"', "kinds.person.gate"),
    "unknown key of a field": ('zh = "姓名"', 'zh = "姓名"\nhidden = true', "fields.name.hidden"),
    "no Chinese name": ('zh = "姓名"', "", "fields.name.zh"),
    "empty Chinese name": ('zh = "姓名"', 'zh = " "', "fields.name.zh"),
    "no English name": ('en = "Name"', "", "fields.name.en"),
    "unknown kind": ('kind = "person"\nzh = "姓名"', 'kind = "pet"\nzh = "姓名"', "fields.name.kind"),
    "unknown normaliser": ('normaliser = "name"', 'normaliser = "soundex"', "fields.name.normaliser"),
    "unknown seal": ('seal = "folded"', 'seal = "open"', "fields.name.seal"),
    "unknown sharing": ('sharing = "none"', 'sharing = "all"', "fields.pay.sharing"),
    "unknown sensitivity": ('sensitivity = "sensitive"', 'sensitivity = "secret"', "fields.pay.sensitivity"),
    "unknown records": (
        'domain_size = 100\nrecords = "main"\nbits = 8',
        'domain_size = 100\nrecords = "all"\nbits = 8',
        "fields.pay.records",
    ),
    "unknown comparator": ('["at_least"]', '["like"]', "fields.pay.comparators"),
    "no comparator": ('["at_least"]', "[]", "fields.pay.comparators"),
    "bound on a folded field": (
        'seal = "folded"\ncomparators = ["equals"]',
        'seal = "folded"\ncomparators = ["at_least"]',
        "fields.name.comparators",
    ),
    "bound on an exact field": (
        'seal = "exact"\ncomparators = ["equals"]',
        'seal = "exact"\ncomparators = ["equals", "at_most"]',
        "fields.sex.comparators",
    ),
    "13 bits": ("bits = 8", "bits = 13", "fields.pay.bits"),
    "no bits": ("bits = 8\n", "", "fields.pay.bits"),
    "bits a bool": ("bits = 8", "bits = true", "fields.pay.bits"),
    "bits on an exact field": ("domain_size = 2\n", "domain_size = 2\nbits = 4\n", "fields.sex.bits"),
    "too few bits": ("bits = 8", "bits = 6", "fields.pay.bits"),
    "scale 0": ("scale = 100", "scale = 0", "fields.pay.scale"),
    "no origin": ("scale = 100\norigin = 0", "scale = 100", "fields.pay.origin"),
    "origin of months a number": ('origin = "1900-01"', "origin = 1900", "fields.since.origin"),
    "name in capitals": ("[fields.pay]", "[fields.Pay]", "fields.Pay"),
    "thirteenth month": ('origin = "1900-01"', 'origin = "1900-13"', "fields.since.origin"),
    "origin of months no month": ('origin = "1900-01"', 'origin = "1900"', "fields.since.origin"),
    "scale of months": ('origin = "1900-01"', 'origin = "1900-01"\nscale = 12', "fields.since.scale"),
    "dates in order": ('normaliser = "yuan"', 'normaliser = "date"', "fields.pay.seal"),
    "numbers folded": ('normaliser = "name"', 'normaliser = "integer"', "fields.name.seal"),
    "domain of one": ("domain_size = 1000", "domain_size = 1", "fields.name.domain_size"),
    "domain not the number of codes": ("domain_size = 2\n", "domain_size = 3\n", "fields.sex.domain_size"),
    "unknown table of codes": ('codes = "sex"', 'codes = "gender"', "fields.sex.codes"),
    "codes without the normaliser": ('zh = "姓名"', 'zh = "姓名"\ncodes = "sex"', "fields.name.codes"),
    "no norm": ('norm = "GB/T 2261.1"\n', "", "codes.sex.norm"),
    "unknown key of a table of codes": ('norm = "GB/T 2261.1"', 'norm = "x"\nold = 1', "codes.sex.old"),
    "code without a label": ('["2", "女"]', '["2"]', "codes.sex.values"),
    "code twice": ('["2", "女"]', '["1", "女"]', "codes.sex.values"),
    "label twice": ('["2", "女"]', '["2", "男"]', "codes.sex.values"),
    "code a number": ('["2", "女"]', '[2, "女"]', "codes.sex.values"),
    "no codes": ('[["1", "男"], ["2", "女"]]', "[]", "codes.sex.values"),
    "key of an organisation on a person": ("[fields.pay]", "[fields.org_pay]", "fields.org_pay"),
    "a field that is no table": ("[fields.name]", "[fields]\nx = 1\n[fields.name]", "fields.x"),
    "fields that are no table": ("[kinds.person]", "fields = 1\n[kinds.person]", ""),
    "same key twice in one file": ("[fields.pay]", "[fields.sex]", ""),
    "no TOML": ("[kinds.person]", "[kinds.person", ""),
    "byte order mark": ('\nversion = "1"', '\ufeffversion = "1"', ""),
}


@pytest.mark.parametrize(("old", "new", "key"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert old in STANDARD

    with pytest.raises(CatalogueError) as refused:
        load(tmp_path, STANDARD.replace(old, new, 1))

    assert refused.value.file == "standard.toml"
    assert refused.value.key == key


def test_the_pattern_of_these_cases_is_right_itself(tmp_path: Path) -> None:
    catalogue = load(tmp_path, STANDARD)

    assert list(catalogue.fields) == ["name", "sex", "pay", "since"]
    assert catalogue.fields["pay"].comparators == {Comparator.AT_LEAST}
    assert catalogue.fields["since"].ordinal("1900-02") == 1


def test_nothing_is_no_standard(tmp_path: Path) -> None:
    for text in ("", 'version = "1"', 'version = "1"\nfields = 1'):
        with pytest.raises(CatalogueError):
            load(tmp_path, text)
    with pytest.raises(CatalogueError):
        load_catalogue(tmp_path / "absent.toml")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogueError):
        load_catalogue(tmp_path / "empty")


def test_a_key_in_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(STANDARD, encoding="utf-8")
    (tmp_path / "b.toml").write_text('[codes.sex]\nnorm = "x"\nvalues = [["1", "男"]]', encoding="utf-8")

    with pytest.raises(CatalogueError) as refused:
        load_catalogue(tmp_path)

    assert (refused.value.file, refused.value.key) == ("b.toml", "codes.sex")


# ------------------------------------------------------------------------------------------- version and digest


def test_the_digest_does_not_depend_on_files_or_their_order(tmp_path: Path) -> None:
    whole = load(tmp_path, STANDARD)
    folder = tmp_path / "split"
    folder.mkdir()
    head, *fields = STANDARD.split("[fields.")
    (folder / "z.toml").write_text(head, encoding="utf-8")
    for n, field in enumerate(reversed(fields)):
        (folder / f"{n}.toml").write_text(f"[fields.{field}", encoding="utf-8")

    split = load_catalogue(folder)

    assert split.digest == whole.digest
    assert list(split.fields) == ["since", "pay", "sex", "name"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "1"', 'version = "2"'),
        ("domain_size = 1000", "domain_size = 1001"),
        ('["2", "女"]', '["2", "女", "女性"]'),
    ],
)
def test_any_change_changes_the_digest(tmp_path: Path, old: str, new: str) -> None:
    assert load(tmp_path, STANDARD).digest != load(tmp_path, STANDARD.replace(old, new)).digest


def test_comments_and_layout_do_not_change_the_digest(tmp_path: Path) -> None:
    assert load(tmp_path, STANDARD).digest == load(tmp_path, "# 说明\n" + STANDARD.replace(" = ", "=")).digest


def test_another_way_of_reading_changes_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load(tmp_path, STANDARD).digest
    monkeypatch.setattr("policies.catalogue.READING_VERSION", 2)

    assert load(tmp_path, STANDARD).digest != before


def test_another_folding_changes_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load(tmp_path, STANDARD).digest
    monkeypatch.setattr("policies.catalogue.fold_digest", lambda: "of another OpenCC")

    assert load(tmp_path, STANDARD).digest != before


def test_the_shipped_standard_is_read_alike_every_time() -> None:
    again = load_catalogue(SHIPPED_PATH)

    assert (again.version, again.digest) == (SHIPPED.version, SHIPPED.digest)
    assert again.fields == SHIPPED.fields
    assert re.fullmatch("[0-9a-f]{64}", SHIPPED.digest)
