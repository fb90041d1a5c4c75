"""Dates, months, numbers, money, yes/no and codes have one form in whatever way they are written."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import normalisers as n
from policies import texts
from policies.invalid import InvalidValueError
from policies.normalisers import READINGS, Normaliser, code_normaliser, month_count, reading_of

POLITICAL = {"01": ("中共党员", "党员"), "13": ("群众",), "05": ("民盟盟员", "民盟")}
normalise_code = code_normaliser(POLITICAL)

READ: dict[str, tuple[Normaliser, object, str]] = {
    "date": (n.normalise_date, "1990-03-07", "1990-03-07"),
    "date without zeros": (n.normalise_date, "1990-3-7", "1990-03-07"),
    "date in one": (n.normalise_date, "19900307", "1990-03-07"),
    "date as integer": (n.normalise_date, 19900307, "1990-03-07"),
    "date as a sheet gives integers": (n.normalise_date, 19900307.0, "1990-03-07"),
    "date with slashes": (n.normalise_date, "1990/3/7", "1990-03-07"),
    "date with full stops": (n.normalise_date, "1990.03.07", "1990-03-07"),
    "date in Chinese": (n.normalise_date, "1990年3月7日", "1990-03-07"),
    "date in Chinese with spaces": (n.normalise_date, "1990 年 03 月 07 日", "1990-03-07"),
    "date in full width": (n.normalise_date, "１９９０－０３－０７", "1990-03-07"),
    "date with midnight": (n.normalise_date, "1990-03-07 00:00:00", "1990-03-07"),
    "date with midnight, ISO": (n.normalise_date, "1990-03-07T00:00:00.000", "1990-03-07"),
    "date with midnight, one digit": (n.normalise_date, "1990/3/7 0:00:00", "1990-03-07"),
    "date object": (n.normalise_date, date(1990, 3, 7), "1990-03-07"),
    "datetime object": (n.normalise_date, datetime(1990, 3, 7, 12, tzinfo=UTC), "1990-03-07"),
    "leap day": (n.normalise_date, "2000-2-29", "2000-02-29"),
    "month": (n.normalise_month, "1990-03", "1990-03"),
    "month without zero": (n.normalise_month, "1990-3", "1990-03"),
    "month in one": (n.normalise_month, "199003", "1990-03"),
    "month as integer": (n.normalise_month, 199003, "1990-03"),
    "month as a sheet gives integers": (n.normalise_month, 199003.0, "1990-03"),
    "month with full stop": (n.normalise_month, "1990.3", "1990-03"),
    "October with full stop": (n.normalise_month, "1990.10", "1990-10"),
    "month in Chinese": (n.normalise_month, "1990年3月", "1990-03"),
    "month of a date": (n.normalise_month, "1990-03-07", "1990-03"),
    "month of a Chinese date": (n.normalise_month, "1990年3月7日", "1990-03"),
    "month of a date object": (n.normalise_month, date(1990, 3, 7), "1990-03"),
    "integer": (n.normalise_integer, "12", "12"),
    "integer object": (n.normalise_integer, 12, "12"),
    "integer as a sheet gives it": (n.normalise_integer, 12.0, "12"),
    "leading zeros": (n.normalise_integer, "007", "7"),
    "thousands": (n.normalise_integer, "1,234,567", "1234567"),
    "full width": (n.normalise_integer, "１，２３４", "1234"),
    "negative": (n.normalise_integer, "-3", "-3"),
    "minus sign": (n.normalise_integer, "−3", "-3"),
    "full-width minus": (n.normalise_integer, "－３", "-3"),
    "plus": (n.normalise_integer, "+3", "3"),
    "no negative zero": (n.normalise_integer, "-0", "0"),
    "money": (n.normalise_money, "5230.10", "5230.10"),
    "money, one decimal": (n.normalise_money, "5230.1", "5230.10"),
    "money, whole": (n.normalise_money, "5230", "5230.00"),
    "money with thousands": (n.normalise_money, "5,230.10", "5230.10"),
    "money in full width": (n.normalise_money, "￥５，２３０．１０元", "5230.10"),
    "money with more zeros": (n.normalise_money, "5230.1000", "5230.10"),
    "money as float": (n.normalise_money, 5230.1, "5230.10"),
    "money with the noise of a sum": (n.normalise_money, 0.1 + 0.2, "0.30"),
    "money as decimal": (n.normalise_money, Decimal("5230.1000"), "5230.10"),
    "money of a database": (n.normalise_money, Decimal(5230), "5230.00"),
    "money back": (n.normalise_money, "-5.5", "-5.50"),
    "no money back": (n.normalise_money, "-0.00", "0.00"),
    "yuan": (n.normalise_yuan, "5,230.99", "5230"),
    "yuan, negative": (n.normalise_yuan, "-0.5", "-1"),
    "yes": (n.normalise_yes_or_no, "是", "是"),
    "yes as bool": (n.normalise_yes_or_no, True, "是"),
    "yes as digit": (n.normalise_yes_or_no, 1, "是"),
    "yes as a sheet gives digits": (n.normalise_yes_or_no, 1.0, "是"),
    "yes in English": (n.normalise_yes_or_no, "yes", "是"),
    "no": (n.normalise_yes_or_no, "否", "否"),
    "no as bool": (n.normalise_yes_or_no, False, "否"),
    "no in full width": (n.normalise_yes_or_no, "Ｎ", "否"),
    "code": (normalise_code, "01", "01"),
    "code without its zero": (normalise_code, "1", "01"),
    "code as integer": (normalise_code, 1, "01"),
    "code as a sheet gives integers": (normalise_code, 13.0, "13"),
    "code in full width": (normalise_code, "０１", "01"),
    "label": (normalise_code, "中共党员", "01"),
    "alias": (normalise_code, " 党 员 ", "01"),
}


@pytest.mark.parametrize(("normalise", "given_", "expected"), READ.values(), ids=READ.keys())
def test_a_value_has_one_form(normalise: Normaliser, given_: object, expected: str) -> None:
    assert normalise(given_, "f") == expected
    assert normalise(expected, "f") == expected


REFUSED: dict[str, tuple[Normaliser, object, str]] = {
    "30 February": (n.normalise_date, "1990-02-30", n.NO_SUCH_DATE),
    "month 13": (n.normalise_month, "1990-13", n.NO_SUCH_DATE),
    "year 1799": (n.normalise_date, "1799-12-31", n.NO_SUCH_DATE),
    "year 2201": (n.normalise_month, "2201-01", n.NO_SUCH_DATE),
    "day first": (n.normalise_date, "07-03-1990", n.NOT_A_DATE),
    "two-digit year": (n.normalise_date, "90-3-7", n.NOT_A_DATE),
    "mixed marks": (n.normalise_date, "1990-3/7", n.NOT_A_DATE),
    "a time of day": (n.normalise_date, "1990-03-07 12:30:00", n.NOT_A_DATE),
    "serial number of a sheet": (n.normalise_date, 32939.0, n.NOT_A_DATE),
    "only a month": (n.normalise_date, "1990-03", n.NOT_A_DATE),
    "words": (n.normalise_date, "至今", n.NOT_A_DATE),
    "October or January": (n.normalise_month, 1990.1, n.NOT_A_MONTH),
    "the same as decimal": (n.normalise_month, Decimal("1990.1"), n.NOT_A_MONTH),
    "only a year": (n.normalise_month, "1990", n.NOT_A_MONTH),
    "fraction": (n.normalise_integer, "12.5", n.NOT_AN_INTEGER),
    "fraction as float": (n.normalise_integer, 12.5, n.NOT_AN_INTEGER),
    "broken thousands": (n.normalise_integer, "1,23", n.NOT_AN_INTEGER),
    "a unit of count": (n.normalise_integer, "12人", n.NOT_AN_INTEGER),
    "Chinese numeral": (n.normalise_integer, "十二", n.NOT_AN_INTEGER),
    "exponent": (n.normalise_integer, "1e3", n.NOT_AN_INTEGER),
    "underscore": (n.normalise_integer, "1_000", n.NOT_AN_INTEGER),
    "16 digits": (n.normalise_integer, "1234567890123456", n.NOT_AN_INTEGER),
    "yes as number": (n.normalise_integer, True, texts.NOT_TEXT),
    "three decimals": (n.normalise_money, "5230.123", n.NOT_MONEY),
    "ten thousands": (n.normalise_money, "1.2万", n.NOT_MONEY),
    "not a number": (n.normalise_money, float("nan"), texts.TOO_LONG),
    "infinite": (n.normalise_money, float("inf"), texts.TOO_LONG),
    "not a decimal": (n.normalise_money, Decimal("sNaN"), texts.LOST_DIGITS),
    "a float beyond exactness": (n.normalise_integer, 1e15, texts.LOST_DIGITS),
    "a short decimal of a million digits": (n.normalise_integer, Decimal("1E+999999"), texts.TOO_LONG),
    "perhaps": (n.normalise_yes_or_no, "可能", n.NOT_YES_OR_NO),
    "two": (n.normalise_yes_or_no, 2, n.NOT_YES_OR_NO),
    "unknown code": (normalise_code, "99", n.NOT_IN_LIST),
    "unknown label": (normalise_code, "宇航员", n.NOT_IN_LIST),
    "code too long": (normalise_code, "001", n.NOT_IN_LIST),
    "nothing": (normalise_code, None, texts.MISSING),
    "empty": (n.normalise_date, " ", texts.MISSING),
    "a list": (normalise_code, ["01"], texts.NOT_TEXT),
    "201 characters": (normalise_code, "1" * 201, texts.TOO_LONG),
    "ten thousand characters": (n.normalise_integer, "1" * 10_000, texts.TOO_LONG),
}


@pytest.mark.parametrize(("normalise", "given_", "hint"), REFUSED.values(), ids=REFUSED.keys())
def test_a_value_of_another_form_is_refused_with_what_to_do(normalise: Normaliser, given_: object, hint: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        normalise(given_, "f")

    assert (refused.value.field, refused.value.hint) == ("f", hint)
    assert refused.value.__context__ is None


def test_a_text_longer_than_a_claim_may_be_is_refused_before_it_is_looked_at() -> None:
    assert texts.as_text("1" * 200, "f") == "1" * 200
    with pytest.raises(InvalidValueError, match=texts.TOO_LONG):
        texts.as_text("1" * 201, "f")


def test_two_codes_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match="党员"):
        code_normaliser({"01": ("党员",), "02": ("党员",)})


def test_a_code_wins_over_another_that_lost_its_zeros() -> None:
    normalise = code_normaliser({"01": ("甲",), "1": ("乙",), "00": ("丙",)})

    assert [normalise(given_, "f") for given_ in ("01", 1, 0)] == ["01", "1", "00"]


@given(st.dates(date(1800, 1, 1), date(2200, 12, 31)))
def test_every_day_is_read_from_every_way_of_writing(day: date) -> None:
    ways = [day, day.isoformat(), f"{day:%Y%m%d}", int(f"{day:%Y%m%d}"), f"{day.year}年{day.month}月{day.day}日"]
    ways += [mark.join(map(str, (day.year, day.month, day.day))) for mark in "-/."]

    assert {n.normalise_date(way, "f") for way in ways} == {day.isoformat()}
    assert {n.normalise_month(way, "f") for way in ways} == {day.isoformat()[:7]}


@given(st.dates(date(1800, 1, 1), date(2200, 11, 1)))
def test_months_count_up_by_one(day: date) -> None:
    month = day.replace(day=1)
    later = (month + timedelta(days=31)).replace(day=1)

    assert month_count(f"{later:%Y-%m}") == month_count(f"{month:%Y-%m}") + 1


@given(st.integers(-(10**11), 10**11))
def test_money_and_integers_keep_their_value(cents: int) -> None:
    amount = Decimal(cents) / 100

    assert Decimal(n.normalise_money(f"{amount:,.2f}", "f")) == amount
    assert int(n.normalise_yuan(amount, "f")) == cents // 100
    assert n.normalise_integer(f"{cents:,}", "f") == str(cents)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.dates()
    | st.datetimes()
    | st.binary()
    | st.text()
    | st.text("0123456789-/.,年月日 T:+−¥元是否党员", max_size=14)
    | st.from_regex(r"[0-9]{4}[-/.年][0-9]{1,2}([-/.月][0-9]{1,2}日?)?", fullmatch=True)
)


@given(st.sampled_from([*sorted(READINGS), "code"]), VALUES)
def test_reading_again_changes_nothing_and_only_an_invalid_value_is_raised(name: str, given_: object) -> None:
    normalise = reading_of(name, POLITICAL).normalise
    try:
        once = normalise(given_, "f")
    except InvalidValueError:
        return

    assert normalise(once, "f") == once
    assert len(once) <= texts.MAX_LENGTH


@given(st.sampled_from(sorted(READINGS)), st.text("0123456789年党", min_size=4, max_size=250))
def test_the_error_never_contains_the_value(name: str, given_: str) -> None:
    try:
        READINGS[name].normalise(given_, "f")
    except InvalidValueError as refused:
        text = f"{refused} {refused!r} {refused.__dict__}"
    else:
        text = ""

    assert given_ not in text
