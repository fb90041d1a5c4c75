"""Sealing by its promises: HMAC as written down, covers that are exactly their interval, nothing alike by accident."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from gateway.seal import (
    DAY_BITS,
    DAY_ZERO,
    END_OF_DAYS,
    UNIT_SLOTS,
    Facts,
    Layout,
    Plain,
    Sealer,
    SealingError,
    SealingKey,
    cover,
    day_number,
)
from tests.fakes_audit import CountingEntropy
from tests.gateways import some_facts
from tests.make import CATALOGUE, GENERATION, KEY, an_id

OTHER_KEY = SealingKey(b"K" * 32)
PERSON = Layout(CATALOGUE, "person")


def a_sealer(
    kind: str = "person", generation: str = GENERATION, key: SealingKey = KEY, seed: str = "entropy"
) -> Sealer:
    return Sealer(key, CATALOGUE, kind, generation, CountingEntropy(seed))


def a_record(number: int = 1, sealer: Sealer | None = None, facts: Facts | None = None) -> bytes:
    sealer = sealer or a_sealer()
    return sealer.record(sealer.subject(sealer.link(an_id(number))), facts or some_facts())


def a_plain(day: int = 46_000, *claims: tuple[str, str, str]) -> Plain:
    return Plain("G-1", "person", an_id(1), ["张伟"], day, list(claims))


def integers(record: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(record) // 8}q", record)


def parts(*texts: bytes) -> bytes:
    return b"".join(len(text).to_bytes(2, "big") + text for text in texts)


def derived(label: str, context: str = "", suite: str = "intl") -> bytes:
    info = parts(b"bidui-seal/1", suite.encode(), label.encode(), context.encode())
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(b"k" * 32)


# ---------------------------------------------------------------------------------------- digests as written down


SUITES: dict[str, tuple[str, Callable[[bytes], CipherAlgorithm], int]] = {
    "intl": ("sha256", algorithms.AES256, 32),
    "gm": ("sm3", algorithms.SM4, 16),
}


def written_down(suite: str, subject: bytes, *texts: bytes, behind: bytes = b"") -> int:
    """A digest as the papers say: 64 bits of one block under the subject's own key."""
    algorithm, cipher, length = SUITES[suite]
    tag = parts(suite.encode())
    own_key = hmac.digest(derived("field", suite=suite), tag + subject, algorithm)[:length]
    *form, text = texts
    block = hashlib.new(algorithm, tag + parts(*form) + text).digest()[: 16 - len(behind)] + behind
    image = Cipher(cipher(own_key), modes.ECB()).encryptor().update(block)  # noqa: S305 - one block, as a function
    return int.from_bytes(image[:8], "little", signed=True)


@pytest.mark.parametrize("suite", SUITES)
def test_names_are_the_ones_of_the_design(suite: str) -> None:
    sealer = a_sealer(key=SealingKey(b"k" * 32, suite))
    algorithm, tag, number = SUITES[suite][0], parts(suite.encode()), an_id(1).encode()
    link = hmac.digest(derived("link", suite=suite), tag + parts(b"person", number), algorithm)[:16]
    subject = hmac.digest(derived("generation", GENERATION, suite), tag + link, algorithm)[:16]
    unit = hmac.digest(derived("unit", GENERATION, suite), tag + b"150100", algorithm)[:8]

    assert sealer.link(an_id(1)) == link
    assert sealer.subject(link) == subject
    assert sealer.unit("150100") == int.from_bytes(unit, "little", signed=True)


@pytest.mark.parametrize("suite", SUITES)
def test_digests_are_the_ones_of_the_design(suite: str) -> None:
    sealer, subject = a_sealer(key=SealingKey(b"k" * 32, suite)), b"s" * 16
    values = {"sex": "1", "unit": "盟敎育局", "birth_month": "1980-01"}

    row = integers(sealer.record(subject, Facts(values=values)))

    month = CATALOGUE.fields["birth_month"].ordinal("1980-01")
    assert row[Layout.MAIN] == written_down(suite, subject, b"main", b"")
    assert row[Layout.DAYS.start] == written_down(suite, subject, b"day", b"", behind=b"\1\0\0")
    assert row[PERSON.offsets["sex"]] == written_down(suite, subject, b"exact", b"sex", b"1")
    assert row[PERSON.offsets["unit"]] == written_down(suite, subject, b"exact", b"unit", "盟敎育局".encode())
    assert row[PERSON.offsets["unit"] + 1] == written_down(suite, subject, b"folded", b"unit", "盟教育局".encode())
    assert row[PERSON.offsets["post"]] == written_down(suite, subject, b"absent", b"post", b"")
    assert row[PERSON.offsets["birth_month"] + 1 + 12] == written_down(
        suite, subject, b"node", b"birth_month", b"", behind=bytes([12, month >> 8, month & 0xFF])
    )


def test_a_persons_number_and_an_organisations_are_never_one_link() -> None:
    assert a_sealer("person").link(an_id(1)) != a_sealer("organisation").link(an_id(1))


def test_links_outlive_generations_and_subjects_do_not() -> None:
    one, two = a_sealer(generation="g1"), a_sealer(generation="g2")
    link = one.link(an_id(1))

    assert two.link(an_id(1)) == link
    assert one.subject(link) != two.subject(link)
    assert one.unit("root") != two.unit("root")
    assert one.unit_name("root") == two.unit_name("root") != one.unit_name("u-1")


@pytest.mark.parametrize(("secret", "suite"), [(b"", "intl"), (b"k" * 31, "intl"), (b"k" * 33, "gm"), (b"k" * 32, "x")])
def test_a_key_that_is_not_one_is_refused(secret: bytes, suite: str) -> None:
    with pytest.raises(SealingError):
        SealingKey(secret, suite)


def test_nothing_secret_shows_itself() -> None:
    plain = a_plain(46_000, ("unit", "equals", "盟教育局"))
    shown = f"{KEY!r} {plain!r} {some_facts()!r}"

    assert not [each for each in (an_id(1), "张伟", "盟教育局", "kkkk") if each in shown]


# ---------------------------------------------------------------------------------------- covers


def leaves(level: int, prefix: int, bits: int) -> set[int]:
    width = 1 << (bits - level)
    return set(range(prefix * width, (prefix + 1) * width))


def check_cover(first: int, after: int, bits: int) -> None:
    nodes = list(cover(first, after, bits))
    covered = [leaf for level, prefix in nodes for leaf in leaves(level, prefix, bits)]
    levels = [level for level, _ in nodes]

    assert sorted(covered) == list(range(first, after))
    most = 1 if first == 0 or after == 1 << bits else 2
    assert all(0 <= level <= bits and levels.count(level) <= most for level in levels)


@pytest.mark.parametrize("bits", range(1, 7))
def test_a_cover_is_exactly_its_interval(bits: int) -> None:
    for first in range(1 << bits):
        for after in range(first, (1 << bits) + 1):
            check_cover(first, after, bits)


@given(st.integers(0, 4095), st.integers(0, 4096))
def test_a_cover_of_twelve_bits_is_exactly_its_interval(one: int, two: int) -> None:
    check_cover(min(one, two), max(one, two), 12)


# ---------------------------------------------------------------------------------------- records


def test_a_record_has_its_place_for_everything() -> None:
    names = PERSON.columns()

    assert len(a_record()) == PERSON.bytes == 8 * PERSON.width
    assert len(set(names)) == len(names) == PERSON.width
    assert set(PERSON.offsets) == {field.key for field in CATALOGUE.fields_of("person")}


def test_records_of_two_people_share_their_units_and_nothing_else() -> None:
    sealer, facts = a_sealer(), some_facts({"leader_rank": "正处级", "birth_month": "1980-01"})

    one, two = (set(integers(a_record(number, sealer, facts))) for number in (1, 2))

    assert one & two == {sealer.unit("root"), sealer.unit("u-1")}


def test_what_a_record_does_not_hold_is_random() -> None:
    facts = some_facts({"leader_rank": "正处级"}, main=False, units=("root",))
    one, two = (integers(a_record(sealer=a_sealer(seed=seed), facts=facts)) for seed in ("one", "two"))
    differ = {place for place, (a, b) in enumerate(zip(one, two, strict=True)) if a != b}
    free_units = set(range(Layout.UNITS.start + 1, Layout.UNITS.stop))
    absent_second_forms = {PERSON.offsets["post"] + 1, PERSON.offsets["birth_month"] + 1}

    assert free_units | absent_second_forms | {Layout.MAIN} <= differ
    assert PERSON.offsets["leader_rank"] not in differ
    assert PERSON.offsets["post"] not in differ  # that a value is absent is sealed like a value


def test_a_full_register_row_and_an_empty_one_are_equally_long() -> None:
    assert len(a_record(facts=Facts(values={}))) == len(a_record(facts=some_facts({"post": "局长", "title": "正高级"})))


BAD_FACTS: dict[str, Facts] = {
    "a period that ends when it begins": Facts(values={}, effective=(7, 7)),
    "a period that ends before it begins": Facts(values={}, effective=(8, 7)),
    "a period before 1900": Facts(values={}, effective=(-1, 7)),
    "a period beyond 2079": Facts(values={}, effective=(7, END_OF_DAYS + 1)),
    "a unit that lies too deep": Facts(values={}, units=[str(n) for n in range(UNIT_SLOTS + 1)]),
}


@pytest.mark.parametrize("facts", BAD_FACTS.values(), ids=BAD_FACTS)
def test_facts_that_cannot_be_sealed_are_an_error(facts: Facts) -> None:
    with pytest.raises(SealingError):
        a_record(facts=facts)


def test_a_unit_of_the_deepest_level_is_sealed() -> None:
    sealer = a_sealer()
    units = [str(n) for n in range(UNIT_SLOTS)]

    row = integers(a_record(sealer=sealer, facts=Facts(values={}, units=units)))

    assert row[Layout.UNITS] == tuple(sealer.unit(unit) for unit in units)


# ---------------------------------------------------------------------------------------- questions

BAD_PLAINS: dict[str, Plain] = {
    "a day before 1900": a_plain(-1),
    "a day after 2079": a_plain(END_OF_DAYS),
    "a field of nobody": a_plain(46_000, ("no_such_field", "equals", "1")),
    "a field of another kind": a_plain(46_000, ("org_name", "equals", "盟教育局")),
    "a bound without an order": a_plain(46_000, ("sex", "at_least", "1")),
    "a bound on a name": a_plain(46_000, ("unit", "at_most", "盟教育局")),
}


@pytest.mark.parametrize("plain", BAD_PLAINS.values(), ids=BAD_PLAINS)
def test_a_question_that_cannot_be_sealed_is_an_error_without_the_value(plain: Plain) -> None:
    with pytest.raises(SealingError) as caught:
        a_sealer().question(plain)

    assert "盟教育局" not in str(caught.value)
    assert an_id(1) not in str(caught.value)


def test_a_question_is_the_same_each_time_but_for_its_filling() -> None:
    plain = a_plain(46_000, ("unit", "equals", "盟教育局"), ("birth_month", "at_least", "1980-01"))
    one, two = (a_sealer(seed=seed).question(plain) for seed in ("one", "two"))
    nodes = {digests[-13:] for digests in (integers(one.digests), integers(two.digests))}

    assert (one.link, one.subject, one.bounds) == (two.link, two.subject, (2,))
    assert integers(one.digests)[:-13] == integers(two.digests)[:-13]
    alike = {a for a, b in zip(*nodes, strict=True) if a == b}
    assert len(alike) == len(list(cover(CATALOGUE.fields["birth_month"].ordinal("1980-01"), 4096, 12)))


def test_the_digests_of_a_question_are_those_of_the_record_and_some_that_no_record_holds() -> None:
    sealer = a_sealer()
    plain = a_plain(46_000, ("sex", "equals", "1"), ("birth_month", "equals", "1980-01"))
    question = sealer.question(plain)
    record = sealer.record(question.subject, some_facts({"sex": "1", "birth_month": "1980-01"}))

    days, probes = integers(question.digests)[:DAY_BITS], integers(question.digests)[DAY_BITS:]

    assert len(set(days) & set(integers(record))) == 1
    held = [digest in integers(record) for digest in probes]
    assert held == [True, True, True, True, False, False, False, True, False, False]


@pytest.mark.parametrize("comparator", ["at_least", "at_most"])
def test_every_bound_of_a_field_is_equally_long(comparator: str) -> None:
    months = [f"{year}-{month:02}" for year in (1860, 1990, 2026, 2201) for month in (1, 6, 12) if year < 2201]
    questions = [a_sealer().question(a_plain(46_000, ("birth_month", comparator, month))) for month in months]

    assert {len(question.digests) for question in questions} == {8 * (DAY_BITS + 1 + 3 * 2 + 13)}


LAST_DAY = DAY_ZERO + timedelta(days=END_OF_DAYS - 1)


@pytest.mark.parametrize("day", [DAY_ZERO, date(2026, 6, 30), LAST_DAY])
def test_days_are_counted_from_1900(day: date) -> None:
    assert DAY_ZERO + timedelta(days=day_number(day)) == day


@pytest.mark.parametrize("day", [DAY_ZERO - timedelta(days=1), LAST_DAY + timedelta(days=1), date.max])
def test_a_day_out_of_range_is_told_the_range(day: date) -> None:
    with pytest.raises(SealingError, match=f"{DAY_ZERO} to {LAST_DAY}|{DAY_ZERO} and {LAST_DAY}"):
        day_number(day)
