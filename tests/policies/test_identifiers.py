"""The numbers of persons and organisations are read in any writing, and never repaired."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from policies.identifiers import (
    IDENTIFIERS,
    WRONG_BIRTH_DATE,
    WRONG_ID_CHECK,
    WRONG_ID_FORM,
    WRONG_ORG_FORM,
    WRONG_USCC_CHECK,
    WRONG_USCC_FORM,
    id_check_character,
    parse_id_number,
    parse_identifier,
    parse_org_code,
    parse_uscc,
    place_known,
    uscc_check_character,
)
from policies.invalid import InvalidValueError

STORED_AS_NUMBER = "身份证号被存成数字，末几位已丢失，请将该列设为文本后重填"
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@st.composite
def id_numbers(draw: st.DrawFn) -> str:
    """Valid numbers of any place, born 1800 to 2100."""
    born = draw(st.dates(date(1800, 1, 1), date(2100, 12, 31)))
    place = draw(st.integers(110000, 839999))
    first17 = f"{place}{born:%Y%m%d}{draw(st.integers(0, 999)):03}"
    return first17 + id_check_character(first17)


@st.composite
def credit_codes(draw: st.DrawFn) -> str:
    head = draw(st.text("123459ANY", min_size=2, max_size=2))
    first17 = f"{head}{draw(st.integers(100000, 659999))}{draw(st.text(ALPHABET, min_size=9, max_size=9))}"
    return first17 + uscc_check_character(first17)


WRITINGS_OF_ONE_NUMBER = {
    "plain": "11010519491231002X",
    "lower-case x": "11010519491231002x",
    "full width": "１１０１０５１９４９１２３１００２Ｘ",
    "spaces around": " 11010519491231002X\t",
    "spaces inside": "110105 19491231 002X",
    "ideographic and zero-width spaces": "110105\u300019491231\u200b002X",
    "15 digits": "110105491231002",
    "15 full-width digits": "１１０１０５４９１２３１００２",
    "15 digits as an exact integer": 110105491231002,
}


@pytest.mark.parametrize("given_", WRITINGS_OF_ONE_NUMBER.values(), ids=WRITINGS_OF_ONE_NUMBER.keys())
def test_an_id_number_is_read_in_every_writing(given_: object) -> None:
    assert parse_id_number(given_) == "11010519491231002X"


@pytest.mark.parametrize("series", ["81", "82", "83"])
def test_permits_of_residents_from_hong_kong_macau_and_taiwan_are_numbers_like_others(series: str) -> None:
    first17 = f"{series}000019900307231"
    number = first17 + id_check_character(first17)

    assert parse_id_number(number) == number
    assert place_known(number)


def test_an_exact_number_of_a_database_is_as_good_as_its_text() -> None:
    number = "11010519900307231" + id_check_character("11010519900307231")

    assert parse_id_number(int(number)) == number
    assert parse_id_number(Decimal(number)) == number


BAD_ID_NUMBERS: dict[str, tuple[object, str]] = {
    "wrong check character": ("110105194912310021", WRONG_ID_CHECK),
    "30 February": ("110105199002300021", WRONG_BIRTH_DATE),
    "month 13": ("110105199013010021", WRONG_BIRTH_DATE),
    "29 February of no leap year": ("110105199102290021", WRONG_BIRTH_DATE),
    "born 1799": ("110105179912310021", WRONG_BIRTH_DATE),
    "born 2101": ("110105210101010021", WRONG_BIRTH_DATE),
    "15 digits with month 13": ("110105491331002", WRONG_BIRTH_DATE),
    "17 digits": ("11010519491231002", WRONG_ID_FORM),
    "19 digits": ("110105194912310021X", WRONG_ID_FORM),
    "letter inside": ("11010519491231O02X", WRONG_ID_FORM),
    "multiplication sign for X": ("11010519491231002×", WRONG_ID_FORM),
    "Cyrillic X": ("11010519491231002Х", WRONG_ID_FORM),
    "Arabic digits": ("١١٠١٠٥١٩٤٩١٢٣١٠٠٢٤", WRONG_ID_FORM),
    "15 digits and X": ("11010549123100X", WRONG_ID_FORM),
    "text": ("张三", WRONG_ID_FORM),
    "as float": (3.301061990030723e17, STORED_AS_NUMBER),
    "short float": (110105491231002.0, STORED_AS_NUMBER),
    "not a number": (float("nan"), STORED_AS_NUMBER),
    "as written by a spreadsheet": ("3.30106199003072E+17", STORED_AS_NUMBER),
    "as written by a spreadsheet, small": (" 3.30106199003072e+17 ", STORED_AS_NUMBER),
    "float printed in full": ("330106199003072320.0", STORED_AS_NUMBER),
    "decimal of such": (Decimal("3.30106199003072E+17"), STORED_AS_NUMBER),
}


@pytest.mark.parametrize(("given_", "hint"), BAD_ID_NUMBERS.values(), ids=BAD_ID_NUMBERS.keys())
def test_a_wrong_id_number_is_refused_with_what_to_do(given_: object, hint: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_id_number(given_)

    assert (refused.value.field, refused.value.hint) == ("id", hint)
    assert str(given_).strip() not in str(refused.value)


@given(id_numbers(), st.integers(0, 17), st.sampled_from("0123456789X"))
def test_any_single_substitution_is_refused(number: str, place: int, character: str) -> None:
    changed = number[:place] + character + number[place + 1 :]
    if changed == number:
        assert parse_id_number(changed) == number
        return

    with pytest.raises(InvalidValueError):
        parse_id_number(changed)


@given(id_numbers(), st.integers(0, 16))
def test_any_swap_of_neighbours_is_refused(number: str, place: int) -> None:
    changed = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    if changed == number:
        return

    with pytest.raises(InvalidValueError):
        parse_id_number(changed)


@given(id_numbers().filter(lambda number: number[6:8] == "19"))
def test_the_old_number_gives_the_new_one(number: str) -> None:
    assert parse_id_number(number[:6] + number[8:17]) == number


@given(id_numbers())
def test_reading_an_id_number_again_changes_nothing(number: str) -> None:
    assert parse_id_number(number) == number


@given(id_numbers())
def test_stdnum_agrees_on_check_characters(number: str) -> None:
    assert ric.calc_check_digit(number) == number[17]


@pytest.mark.parametrize("number", ["11010519491231002X", "360426199101010071"])
def test_stdnum_agrees_on_known_numbers(number: str) -> None:
    assert ric.is_valid(number) == (parse_id_number(number) == number)


def test_the_place_never_refuses_and_can_be_told() -> None:
    number = "99010519491231002"
    number += id_check_character(number)

    assert parse_id_number(number) == number
    assert not place_known(number)
    assert place_known("11010519491231002X")


@pytest.mark.parametrize("given_", ["91110000600037341L", "91110000600037341l", " 9111 0000 6000 3734 1Ｌ"])
def test_a_credit_code_is_read_in_every_writing(given_: str) -> None:
    assert parse_uscc(given_) == "91110000600037341L"


def test_check_character_0_is_right_when_the_sum_leaves_no_remainder() -> None:
    # By hand: the first four weights are 1, 3, 9, 27, so "1101" and zeros sum to 1 + 3 + 27 = 31.
    assert uscc_check_character("11010000000000000") == "0"
    assert parse_uscc("110100000000000000") == "110100000000000000"
    assert uscc.is_valid("110100000000000000")


def test_every_check_value_occurs_and_is_accepted() -> None:
    codes = [f"1115000000000{n:04}" for n in range(200)]
    checks = {uscc_check_character(code) for code in codes}

    assert checks == set(ALPHABET)
    assert all(parse_uscc(code + uscc_check_character(code)) for code in codes)


@pytest.mark.parametrize("head", ["N1", "A1", "Y1", "11", "12", "13"])
def test_the_registering_body_may_be_a_letter(head: str) -> None:
    code = f"{head}150000123456789"
    code += uscc_check_character(code)

    assert parse_uscc(code) == code


BAD_CREDIT_CODES: dict[str, tuple[object, str]] = {
    "wrong check character": ("91110000600037341M", WRONG_USCC_CHECK),
    "letter I": ("9111000060003734IL", WRONG_USCC_FORM),
    "letter O": ("9111000060003734OL", WRONG_USCC_FORM),
    "letter Z": ("9111000060003734ZL", WRONG_USCC_FORM),
    "letter S": ("9111000060003734SL", WRONG_USCC_FORM),
    "letter V": ("9111000060003734VL", WRONG_USCC_FORM),
    "letters in the place": ("9111A000600037341L", WRONG_USCC_FORM),
    "17 characters": ("91110000600037341", WRONG_USCC_FORM),
    "as float": (9.1110000600037e17, "统一社会信用代码被存成数字，末几位已丢失，请将该列设为文本后重填"),
}


@pytest.mark.parametrize(("given_", "hint"), BAD_CREDIT_CODES.values(), ids=BAD_CREDIT_CODES.keys())
def test_a_wrong_credit_code_is_refused_with_what_to_do(given_: object, hint: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_uscc(given_)

    assert refused.value.hint == hint


@given(credit_codes(), st.integers(0, 17), st.sampled_from(ALPHABET))
def test_stdnum_agrees_on_credit_codes(code: str, place: int, character: str) -> None:
    changed = code[:place] + character + code[place + 1 :]
    if not changed[:2].isdigit():  # stdnum knows no letters there
        return
    ours = outcome("uscc", changed)

    assert (ours == changed) == uscc.is_valid(changed)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [("152921000123", "152921000123"), (" 152921 000abc", "152921000ABC"), (152921000123, "152921000123")],
)
def test_an_organisation_code_is_12_to_15_digits_or_letters(given_: object, expected: str) -> None:
    assert parse_org_code(given_) == expected


@pytest.mark.parametrize("given_", ["15292100012", "1529210001234567", "152921-00012", "机构152921000123"])
def test_a_wrong_organisation_code_is_refused(given_: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_org_code(given_)

    assert refused.value.hint == WRONG_ORG_FORM


def test_the_length_tells_which_number_of_an_organisation_it_is() -> None:
    kinds = ("uscc", "org_code")

    assert parse_identifier(kinds, "91110000600037341L") == "91110000600037341L"
    assert parse_identifier(kinds, "152921000123") == "152921000123"
    with pytest.raises(InvalidValueError) as refused:
        parse_identifier(kinds, "12345")
    assert refused.value.hint == f"{WRONG_USCC_FORM}；或{WRONG_ORG_FORM}"


ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.text("0123456789Xx. E+１２Ｘ\u200b\ud800")
    | st.binary()
    | st.lists(st.text())
    | st.dates()
)


def outcome(kind: str, raw: object) -> str | InvalidValueError:
    try:
        return parse_identifier((kind,), raw)
    except InvalidValueError as refused:
        return refused


@given(st.sampled_from(sorted(IDENTIFIERS)), ANYTHING)
def test_whatever_is_given_only_an_invalid_value_is_raised(kind: str, given_: object) -> None:
    result = outcome(kind, given_)

    if isinstance(result, str):
        assert outcome(kind, result) == result
    else:
        assert result.field == "id"
        assert result.__context__ is None


HUGE: dict[str, object] = {
    "text": "1" * 10_000,
    "integer": 10**5000,
    "negative integer": -(10**5000),
    "decimal": Decimal("1E+999999"),
    "not a number": Decimal("NaN"),
    "fraction": "1." + "0" * 199,
}


@pytest.mark.parametrize("case", HUGE)
def test_huge_values_are_refused_before_any_work(case: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_id_number(HUGE[case])


@given(st.sampled_from(sorted(IDENTIFIERS)), st.text("0123456789ABCXYZ张三·", min_size=4))
def test_the_error_never_contains_the_value(kind: str, given_: str) -> None:
    result = outcome(kind, given_)

    assert result == given_ or given_ not in str(result)
