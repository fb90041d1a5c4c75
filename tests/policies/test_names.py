"""Names have one form however they are typed, and a second one in which variants meet."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import texts
from policies.characters import KNOWN_PRIVATE_USE, REPAIRS, private_use_count
from policies.folding import fold_digest, fold_table
from policies.invalid import InvalidValueError
from policies.names import NAME_CHARACTERS, NAME_TOO_LONG, fold, normalise_name, normalise_phrase
from policies.normalisers import Normaliser

NAMES = {
    "plain": ("张伟", "张伟"),
    "ideographic space inside": ("张　伟", "张伟"),
    "spaces around and inside": ("  张 伟 ", "张伟"),
    "zero-width space": ("张\u200b伟", "张伟"),
    "byte order mark": ("\ufeff张伟", "张伟"),
    "variation selector": ("葛\U000e0100洪", "葛洪"),
    "Hangul filler": ("张\u3164伟", "张伟"),
    "Kangxi radicals": ("⽂⽟", "文玉"),
    "radicals of the supplement": ("⻢⻓⻰", "马长龙"),
    "compatibility ideograph": ("\uf9d1明", "六明"),
    "zero as a character": ("张〇", "张〇"),
    "dot U+00B7": ("买买提·艾力", "买买提·艾力"),
    "full-width full stop": ("买买提．艾力", "买买提·艾力"),
    "full stop": ("买买提.艾力", "买买提·艾力"),
    "ideographic full stop": ("买买提。艾力", "买买提·艾力"),
    "half-width katakana dot": ("买买提･艾力", "买买提·艾力"),
    "spaces around the dot": ("买买提 · 艾力", "买买提·艾力"),
    "two dots": ("买买提··艾力", "买买提·艾力"),
    "three parts": ("巴特尔•苏和•格日勒", "巴特尔·苏和·格日勒"),
    "Latin": ("michael jordan", "MICHAEL·JORDAN"),
    "Latin with dots": ("J.R. Smith", "J·R·SMITH"),
    "Latin, full width": ("Ａｎｎａ　Ｌｅｅ", "ANNA·LEE"),
    "hyphen and apostrophe": ("Jean‐Luc O’Neill", "JEAN-LUC·O'NEILL"),
    "accents": ("rené", "RENÉ"),
    "supplementary plane": ("𠮷田\U00020bb7", "𠮷田𠮷"),
    "extension B and G": ("\U00020000\U00030000", "\U00020000\U00030000"),
    "old private-use 䶮": ("刘\ue863", "刘䶮"),
    "other private use stays": ("刘\ue000", "刘\ue000"),
    "fifty characters": ("张" * 50, "张" * 50),
}


@pytest.mark.parametrize(("given_", "expected"), NAMES.values(), ids=NAMES.keys())
def test_a_name_has_one_form_however_it_is_typed(given_: str, expected: str) -> None:
    assert normalise_name(given_, "name") == expected
    assert normalise_name(expected, "name") == expected


DOTS = "\u00b7\u0387\u2022\u2027\u30fb\uff65\u22c5\u2219\u25cf\u2e31\u2e33\u1427\u16eb\u318d\u25e6\u2218\u25aa.．﹒․。｡"


@pytest.mark.parametrize("dot", DOTS, ids=[f"U+{ord(dot):04X}" for dot in DOTS])
def test_every_dot_between_name_parts_is_the_same_dot(dot: str) -> None:
    assert normalise_name(f"阿依古丽{dot}买买提", "name") == "阿依古丽·买买提"


def test_a_name_from_a_four_byte_gb_18030_file_is_read() -> None:
    for name in ("\U00020bb7", "㐂\U0002a6d6", "䶮"):
        assert normalise_name(name.encode("gb18030").decode("gb18030"), "name") == name


BAD_NAMES: dict[str, tuple[object, str]] = {
    "empty": ("", texts.MISSING),
    "only spaces": (" \u3000\u200b", texts.MISSING),
    "nothing": (None, texts.MISSING),
    "51 characters": ("张" * 51, NAME_TOO_LONG),
    "201 characters": ("张" * 201, texts.TOO_LONG),
    "ten thousand characters": ("张" * 10_000, texts.TOO_LONG),
    "one character that spells a sentence, often": ("\ufdfa" * 30, texts.TOO_LONG),
    "digits": ("张伟2", NAME_CHARACTERS),
    "remark": ("张伟（大）", NAME_CHARACTERS),
    "cut off after the dot": ("买买提·", NAME_CHARACTERS),
    "dot in front": ("·艾力", NAME_CHARACTERS),
    "only a dot": ("·", NAME_CHARACTERS),
    "underscore": ("张_伟", NAME_CHARACTERS),
    "stars": ("张**", NAME_CHARACTERS),
    "replacement character": ("张\ufffd", texts.GARBLED),
    "lone surrogate": ("张\ud842", texts.GARBLED),
    "control character": ("张\x00伟", texts.GARBLED),
    "bytes": ("张伟".encode(), texts.NOT_TEXT),
    "a yes": (True, texts.NOT_TEXT),
}


@pytest.mark.parametrize(("given_", "hint"), BAD_NAMES.values(), ids=BAD_NAMES.keys())
def test_what_is_no_name_is_refused_with_what_to_do(given_: object, hint: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        normalise_name(given_, "name")

    assert (refused.value.field, refused.value.hint) == ("name", hint)


MEET = {
    "traditional": ("張偉", "张伟"),
    "old shape": ("靑山", "青山"),
    "simplified by hand": ("肖红", "萧红"),
    "and its traditional form": ("蕭紅", "肖红"),
    "surname 阎": ("閻明", "闫明"),
    "surname 傅": ("傅强", "付強"),
    "surname 戴": ("戴安", "代安"),
    "merged in 1955": ("李喆", "李哲"),
    "and admitted again": ("甯静", "宁静"),
    "two simplified forms": ("王昇", "王升"),
    "dragon": ("刘龑", "刘䶮"),
    "no dot": ("买买提·艾力", "买买提艾力"),
    "space or dot": ("ANNA·LEE", "ANNALEE"),
}


@pytest.mark.parametrize(("one", "other"), MEET.values(), ids=MEET.keys())
def test_variants_of_a_name_meet_in_the_folded_form_only(one: str, other: str) -> None:
    assert one != other
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("王淼", "王渺"),
        ("丘明", "邱明"),
        ("李曜", "李耀"),
        ("张伟", "章伟"),
        ("张祐", "张佑"),
        ("范明", "樊明"),
        ("于", "余"),
    ],
)
def test_names_that_only_sound_alike_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_folding_depends_on_no_neighbour() -> None:
    # OpenCC keeps 乾 in 乾隆; a folded name must not care what stands beside a character.
    assert fold("乾隆") == fold("乾") + fold("隆")


def test_folding_twice_changes_nothing() -> None:
    table = fold_table()

    assert all(form is None or fold(form) == form for form in table.values())


def test_the_folding_table_maps_character_to_character() -> None:
    assert all(form is None or len(form) == 1 for form in fold_table().values())
    assert len(fold_digest()) == 64


def test_folding_a_warm_name_takes_microseconds() -> None:
    fold("張偉")
    started = time.perf_counter()
    for _ in range(10_000):
        fold("買買提·艾力")

    assert (time.perf_counter() - started) / 10_000 < 20e-6  # ten times what we want: machines differ


def test_the_old_private_use_row_agrees_with_the_codec_where_it_maps() -> None:
    row = [bytes([0xFE, low]).decode("gb18030") for low in (*range(0x50, 0x7F), *range(0x80, 0xA1))]

    assert len(KNOWN_PRIVATE_USE) == len(row) == 80
    for code, theirs in zip(sorted(KNOWN_PRIVATE_USE), row, strict=True):
        assert ord(theirs) == code or theirs == KNOWN_PRIVATE_USE[code]


def test_repairs_lead_to_characters_that_need_none() -> None:
    assert not {ord(character) for character in REPAIRS.values()} & REPAIRS.keys()
    assert all(unicodedata.normalize("NFKC", character) == character for character in REPAIRS.values())


@pytest.mark.parametrize(
    ("text", "count"), [("张伟", 0), ("刘\ue863", 0), ("刘\ue000", 1), ("\uf8ff\U000f0000张\U0010fffd", 3), ("", 0)]
)
def test_private_use_characters_are_counted_unless_known(text: str, count: int) -> None:
    assert private_use_count(text) == count


PHRASES = {
    "plain": ("阿拉善盟财政局", "阿拉善盟财政局"),
    "spaces": (" 阿拉善盟　财政局 ", "阿拉善盟财政局"),
    "full-width brackets": ("财政局（国资委）", "财政局(国资委)"),
    "brackets with a space": ("财政局 (国资委)", "财政局(国资委)"),
    "document number": ("阿编办发〔2019〕12号", "阿编办发(2019)12号"),
    "document number, other brackets": ("阿编办发[2019] 12 号", "阿编办发(2019)12号"),
    "black brackets": ("【2019】12号", "(2019)12号"),
    "Latin in capitals": ("Abc 公司 x y", "ABC公司X Y"),
    "full-width Latin": ("ＡＢＣ公司", "ABC公司"),
    "dots": ("局长•书记", "局长·书记"),
    "quotes": ("“三北”工程站", '"三北"工程站'),
    "dashes": ("东—西 办公室", "东-西办公室"),
    "enumeration": ("局长、 党组书记", "局长、党组书记"),
    "private use": ("\ue863县", "䶮县"),
}


@pytest.mark.parametrize(("given_", "expected"), PHRASES.values(), ids=PHRASES.keys())
def test_an_organ_or_post_has_one_form(given_: str, expected: str) -> None:
    assert normalise_phrase(given_, "unit") == expected
    assert normalise_phrase(expected, "unit") == expected


@pytest.mark.parametrize("given_", ["", "（）", "—", "“ ”", "·", "_", "局\ufffd", "局" * 201, "ß" * 101])
def test_marks_alone_name_nothing(given_: str) -> None:
    with pytest.raises(InvalidValueError):
        normalise_phrase(given_, "unit")


def test_organs_meet_without_brackets_dots_and_traditional_characters() -> None:
    assert fold(normalise_phrase("阿拉善盟財政局（國資委）", "unit")) == fold("阿拉善盟财政局国资委")


NAME_LIKE = st.text(
    st.characters(codec="utf-8")
    | st.sampled_from(DOTS + "张伟买提萧蕭龑\ue863\ue000⻢⽂'’-‐ \u3000\u200bａéi̇ßŉǅ\U00020bb7\ufdfa㍻"),
    max_size=12,
)


def reading(normalise: Normaliser, raw: object) -> str | None:
    try:
        return normalise(raw, "name")
    except InvalidValueError:
        return None


@given(st.sampled_from([normalise_name, normalise_phrase]), NAME_LIKE)
def test_reading_again_changes_nothing(normalise: Normaliser, given_: str) -> None:
    once = reading(normalise, given_)

    if once is not None:
        assert reading(normalise, once) == once
        assert fold(fold(once)) == fold(once) != ""


@given(
    st.sampled_from([normalise_name, normalise_phrase]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text() | st.text("\ud800\udfff张"),
)
def test_whatever_is_given_only_an_invalid_value_is_raised(normalise: Normaliser, given_: object) -> None:
    reading(normalise, given_)


@given(st.text("张偉0123456789（）·", min_size=3, max_size=60))
def test_the_error_never_contains_the_value(given_: str) -> None:
    try:
        normalise_name(given_, "name")
    except InvalidValueError as refused:
        text = str(refused)
    else:
        text = ""

    assert given_ not in text


def test_every_single_character_is_read_the_same_again() -> None:
    planes = (0x0000, 0x10000, 0x20000, 0x30000, 0xE0000, 0xF0000)
    for code in (code for plane in planes for code in range(plane, plane + 0x10000, 17 if plane else 1)):
        for normalise in (normalise_name, normalise_phrase):
            once = reading(normalise, f"{chr(code)}a张")
            assert once is None or reading(normalise, once) == once, hex(code)


def test_no_invisible_character_survives() -> None:
    invisible = [code for code in range(0x20000) if unicodedata.category(chr(code)) == "Cf"]

    assert all(normalise_name(f"张{chr(code)}伟", "name") == "张伟" for code in invisible)
