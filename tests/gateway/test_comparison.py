"""Where a verdict is decided: truth tables over records, bounds and dates against plain arithmetic, no false match."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice, permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.answer import Cause, FieldCode, Outcome
from gateway.domain.comparison import ROWS, Comparison
from gateway.seal import END_OF_DAYS, Facts, Layout, Plain, Sealer, SealingKey, day_number
from policies.catalogue import Catalogue, Comparator, Field, SealKind, Sensitivity, Sharing, SubjectKind
from policies.fields import Records
from tests.fakes_audit import CountingEntropy
from tests.gateways import some_facts
from tests.make import CATALOGUE, KEY, NAME, TODAY, an_id

MATCH, VARIANT, MISMATCH, NOT_COMPARED = (
    FieldCode.MATCH,
    FieldCode.VARIANT,
    FieldCode.MISMATCH,
    FieldCode.NOT_COMPARED,
)
TODAY_NUMBER = day_number(TODAY)


@dataclass(frozen=True)
class Bench:
    """A sealer and a comparison of one kind, and a subject between them."""

    catalogue: Catalogue = CATALOGUE
    kind: str = "person"
    key: SealingKey = KEY
    generation: str = "g1"
    number: str = an_id(1)
    sealer: Sealer = field(init=False)
    comparison: Comparison = field(init=False)

    def __post_init__(self) -> None:
        sealer = Sealer(self.key, self.catalogue, self.kind, self.generation, CountingEntropy(self.generation))
        object.__setattr__(self, "sealer", sealer)
        object.__setattr__(self, "comparison", Comparison(Layout(self.catalogue, self.kind), CountingEntropy("filler")))

    def records(self, *facts: Facts) -> bytes:
        """What the index holds of the subject."""
        subject = self.sealer.subject(self.sealer.link(self.number))
        return b"".join(self.sealer.record(subject, each) for each in facts)

    def ask(
        self,
        records: bytes,
        *claims: tuple[str, str, str],
        gate: Sequence[str] = (NAME,),
        day: int = TODAY_NUMBER,
        units: Sequence[str] = ("root",),
    ) -> Outcome:
        """The outcome of claims of canonical values about the subject."""
        question = self.sealer.question(Plain("G-1", self.kind, self.number, [*gate], day, [*claims]))
        tokens = frozenset(self.sealer.unit(code) for code in units)
        return self.comparison.compare(question, [key for key, _, _ in claims], records, tokens)


def canonical(key: str, value: str) -> str:
    return CATALOGUE.fields[key].normalise(value)


def equals(key: str, value: str) -> tuple[str, str, str]:
    return key, "equals", canonical(key, value)


BENCH = Bench()

# ---------------------------------------------------------------------------------------- one record

ONE_RECORD: dict[str, tuple[dict[str, str | None], tuple[str, str, str], FieldCode]] = {
    "the same text": ({"unit": "盟教育局"}, equals("unit", "盟教育局"), MATCH),
    "the same text, typed otherwise": ({"unit": "盟教育局（本级）"}, equals("unit", "盟教育局(本级)"), MATCH),
    "another script of the same text": ({"unit": "盟教育局"}, equals("unit", "盟敎育局"), VARIANT),
    "another text": ({"unit": "盟教育局"}, equals("unit", "盟财政局"), MISMATCH),
    "a value the register does not hold": ({"unit": None}, equals("unit", "盟教育局"), NOT_COMPARED),
    "the same code": ({"sex": "男"}, equals("sex", "1"), MATCH),
    "another code": ({"sex": "男"}, equals("sex", "女"), MISMATCH),
    "a code the register does not hold": ({"sex": None}, equals("sex", "女"), NOT_COMPARED),
    "a month, equal": ({"birth_month": "1980-01"}, equals("birth_month", "1980-01"), MATCH),
    "a month, not equal": ({"birth_month": "1980-01"}, equals("birth_month", "1980-02"), MISMATCH),
    "a month not held": ({"birth_month": None}, equals("birth_month", "1980-01"), NOT_COMPARED),
    "at least, below": ({"birth_month": "1980-01"}, ("birth_month", "at_least", "1980-02"), MISMATCH),
    "at least, at the bound": ({"birth_month": "1980-01"}, ("birth_month", "at_least", "1980-01"), MATCH),
    "at least, above": ({"birth_month": "1980-01"}, ("birth_month", "at_least", "1979-12"), MATCH),
    "at most, below": ({"birth_month": "1980-01"}, ("birth_month", "at_most", "1980-02"), MATCH),
    "at most, at the bound": ({"birth_month": "1980-01"}, ("birth_month", "at_most", "1980-01"), MATCH),
    "at most, above": ({"birth_month": "1980-01"}, ("birth_month", "at_most", "1979-12"), MISMATCH),
    "at least, not held": ({"birth_month": None}, ("birth_month", "at_least", "1860-01"), NOT_COMPARED),
    "at most, not held": ({"birth_month": None}, ("birth_month", "at_most", "2200-12"), NOT_COMPARED),
    "at least the lowest of all": ({"birth_month": "1980-01"}, ("birth_month", "at_least", "1860-01"), MATCH),
    "a rank by its order": (
        {"leader_rank": "正处级"},
        ("leader_rank", "at_least", canonical("leader_rank", "副处级")),
        MATCH,
    ),
    "a sum within its step": ({"pay_amount": "5230"}, equals("pay_amount", "5290"), MATCH),
    "a sum in the next step": ({"pay_amount": "5230"}, equals("pay_amount", "5300"), MISMATCH),
}


@pytest.mark.parametrize(("held", "claim", "code"), ONE_RECORD.values(), ids=ONE_RECORD)
def test_one_record_against_one_claim(
    held: dict[str, str | None], claim: tuple[str, str, str], code: FieldCode
) -> None:
    outcome = BENCH.ask(BENCH.records(some_facts(held)), claim)

    assert outcome == Outcome(Cause.CONFIRMED, {"name": MATCH, claim[0]: code})


def test_ranks_go_up_or_down_as_the_catalogue_says() -> None:
    ranks = list(CATALOGUE.fields["leader_rank"].codes)
    records = {rank: BENCH.records(some_facts({"leader_rank": rank})) for rank in ranks}

    for held, asked in product(ranks, ranks):
        outcome = BENCH.ask(records[held], ("leader_rank", "at_least", asked))
        assert (outcome.codes["leader_rank"] is MATCH) == (ranks.index(held) >= ranks.index(asked))


def test_many_claims_keep_their_places() -> None:
    records = BENCH.records(some_facts({"birth_month": "1980-01", "leader_rank": None, "sex": "女"}))
    claims = [
        equals("sex", "男"),
        ("birth_month", "at_most", "1980-01"),
        equals("unit", "盟敎育局"),
        equals("leader_rank", "正处级"),
        equals("person_status", "在职"),
    ]

    outcome = BENCH.ask(records, *claims)

    expected = {"name": MATCH, "sex": MISMATCH, "birth_month": MATCH, "unit": VARIANT, "leader_rank": NOT_COMPARED}
    assert list(outcome.codes.items()) == [*expected.items(), ("person_status", MATCH)]


# ---------------------------------------------------------------------------------------- who is confirmed

YESTERDAY, TOMORROW = (TODAY_NUMBER - 1, TODAY_NUMBER), (TODAY_NUMBER + 1, END_OF_DAYS)
SUBJECTS: dict[str, tuple[list[Facts], str, tuple[str, ...], Cause]] = {
    "there, by name, in scope": ([some_facts()], NAME, ("root",), Cause.CONFIRMED),
    "a name in another script": ([some_facts()], "張偉", ("root",), Cause.CONFIRMED),
    "nobody": ([], NAME, ("root",), Cause.ABSENT),
    "another name": ([some_facts()], "李四", ("root",), Cause.GATE),
    "no name in the register": ([some_facts({"name": None})], NAME, ("root",), Cause.GATE),
    "a unit of its own": ([some_facts()], NAME, ("u-1",), Cause.CONFIRMED),
    "another unit": ([some_facts()], NAME, ("u-2",), Cause.SCOPE),
    "no unit in the scope": ([some_facts()], NAME, (), Cause.SCOPE),
    "no unit in the register": ([some_facts(units=())], NAME, ("root",), Cause.SCOPE),
    "another name and another unit": ([some_facts()], "李四", ("u-2",), Cause.SCOPE),
    "one of several units": ([some_facts()], NAME, ("u-2", "u-1"), Cause.CONFIRMED),
    "gone since yesterday": ([some_facts(effective=YESTERDAY)], NAME, ("root",), Cause.ABSENT),
    "not there before tomorrow": ([some_facts(effective=TOMORROW)], NAME, ("root",), Cause.ABSENT),
    "moved out of scope today": (
        [some_facts(effective=YESTERDAY), some_facts(units=("other",), effective=(TODAY_NUMBER, END_OF_DAYS))],
        NAME,
        ("root",),
        Cause.SCOPE,
    ),
    "renamed today, old name": (
        [some_facts(effective=YESTERDAY), some_facts({"name": "李四"}, effective=(TODAY_NUMBER, END_OF_DAYS))],
        NAME,
        ("root",),
        Cause.GATE,
    ),
    "the name in scope is another, the one out of scope is right": (
        [some_facts({"name": "李四"}), some_facts(units=("other",))],
        NAME,
        ("root",),
        Cause.GATE,
    ),
    "one of two names is right": ([some_facts({"name": "李四"}), some_facts()], NAME, ("root",), Cause.CONFIRMED),
}


@pytest.mark.parametrize(("facts", "name", "units", "cause"), SUBJECTS.values(), ids=SUBJECTS)
def test_who_is_confirmed(facts: list[Facts], name: str, units: tuple[str, ...], cause: Cause) -> None:
    claims = [equals("unit", "盟教育局"), ("birth_month", "at_least", "1860-01")]

    outcome = BENCH.ask(BENCH.records(*facts), *claims, gate=[name], units=units)

    assert outcome.cause is cause
    assert list(outcome.codes) == ["name", "unit", "birth_month"]
    if cause is not Cause.CONFIRMED:
        assert set(outcome.codes.values()) == {NOT_COMPARED}


def test_a_name_in_another_script_is_told() -> None:
    outcome = BENCH.ask(BENCH.records(some_facts()), gate=["張偉"])

    assert outcome == Outcome(Cause.CONFIRMED, {"name": VARIANT})


def test_organisations_have_no_gate() -> None:
    bench = Bench(kind="organisation", number="150100000001")
    facts = Facts(values={"org_name": "盟教育局", "org_quota_approved": "40"}, units=["root"])

    outcome = bench.ask(bench.records(facts), ("org_quota_approved", "at_least", "40"), gate=())

    assert outcome == Outcome(Cause.CONFIRMED, {"org_quota_approved": MATCH})
    assert bench.ask(b"", ("org_quota_approved", "at_least", "40"), gate=()).cause is Cause.ABSENT


# ---------------------------------------------------------------------------------------- several records

HOME, LENT = {"unit": "盟教育局", "quota_type": "行政编制"}, {"unit": "盟财政局", "quota_type": "事业编制"}
SEVERAL: dict[str, tuple[list[Facts], tuple[str, str, str], FieldCode]] = {
    "any record: the main one": (
        [some_facts(HOME), some_facts(LENT, main=False)],
        equals("unit", "盟教育局"),
        MATCH,
    ),
    "any record: the other": ([some_facts(HOME), some_facts(LENT, main=False)], equals("unit", "盟财政局"), MATCH),
    "any record: neither": ([some_facts(HOME), some_facts(LENT, main=False)], equals("unit", "盟公安局"), MISMATCH),
    "any record: a variant beats a mismatch": (
        [some_facts(HOME), some_facts(LENT, main=False)],
        equals("unit", "盟財政局"),
        VARIANT,
    ),
    "any record: a match beats a variant": (
        [some_facts({"unit": "盟敎育局"}), some_facts(HOME, main=False)],
        equals("unit", "盟教育局"),
        MATCH,
    ),
    "any record: a mismatch beats none held": (
        [some_facts({"unit": None}), some_facts(LENT, main=False)],
        equals("unit", "盟教育局"),
        MISMATCH,
    ),
    "main only: the main one": (
        [some_facts(HOME), some_facts(LENT, main=False)],
        equals("quota_type", "行政编制"),
        MATCH,
    ),
    "main only: not the other": (
        [some_facts(HOME), some_facts(LENT, main=False)],
        equals("quota_type", "事业编制"),
        MISMATCH,
    ),
    "main only: whatever the order": (
        [some_facts(LENT, main=False), some_facts(HOME)],
        equals("quota_type", "事业编制"),
        MISMATCH,
    ),
    "main only: none is main": (
        [some_facts(LENT, main=False)],
        equals("quota_type", "事业编制"),
        NOT_COMPARED,
    ),
    "main only: the main one is out of scope": (
        [some_facts(HOME, units=("other",)), some_facts(LENT, main=False)],
        equals("quota_type", "行政编制"),
        NOT_COMPARED,
    ),
    "main only: the main one holds none": (
        [some_facts({"quota_type": None}), some_facts(LENT, main=False)],
        equals("quota_type", "事业编制"),
        NOT_COMPARED,
    ),
    "a record out of scope does not count": (
        [some_facts(HOME), some_facts(LENT, main=False, units=("other",))],
        equals("unit", "盟财政局"),
        MISMATCH,
    ),
    "a record of yesterday does not count": (
        [some_facts(HOME), some_facts(LENT, main=False, effective=YESTERDAY)],
        equals("unit", "盟财政局"),
        MISMATCH,
    ),
    "a record under another name does not count": (
        [some_facts(HOME), some_facts({**LENT, "name": "李四"}, main=False)],
        equals("unit", "盟财政局"),
        MISMATCH,
    ),
    "more records than every comparison reads": (
        [*(some_facts({"unit": f"第{n}局"}, main=False) for n in range(ROWS)), some_facts(HOME)],
        equals("unit", "盟教育局"),
        MATCH,
    ),
}


@pytest.mark.parametrize(("facts", "claim", "code"), SEVERAL.values(), ids=SEVERAL)
def test_several_records(facts: list[Facts], claim: tuple[str, str, str], code: FieldCode) -> None:
    outcome = BENCH.ask(BENCH.records(*facts), claim)

    assert outcome.cause is Cause.CONFIRMED
    assert outcome.codes[claim[0]] is code


@given(st.permutations(range(4)))
def test_the_order_of_records_says_nothing(order: Sequence[int]) -> None:
    facts = [
        some_facts(HOME),
        some_facts(LENT, main=False),
        some_facts({"name": "李四"}),
        some_facts(effective=YESTERDAY),
    ]
    claims = [equals("unit", "盟财政局"), equals("quota_type", "行政编制")]

    outcome = BENCH.ask(BENCH.records(*(facts[place] for place in order)), *claims)

    assert outcome.codes == {"name": MATCH, "unit": MATCH, "quota_type": MATCH}


def test_a_machine_of_the_other_byte_order_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    records = BENCH.records(some_facts())
    other = "big" if sys.byteorder == "little" else "little"
    swapped = array("q", records)
    swapped.byteswap()
    monkeypatch.setattr(sys, "byteorder", other)

    assert (
        BENCH.ask(swapped.tobytes() if other == "big" else records, equals("unit", "盟教育局")).codes["unit"] is MATCH
    )


def test_however_many_sets_of_fields_are_asked_each_is_read_right() -> None:
    records = BENCH.records(some_facts({"sex": "男"}))
    codes = ("sex", "unit", "person_status", "quota_type", "education", "degree", "title")
    wanted = {"sex": MATCH, "unit": MATCH, "person_status": MATCH, "quota_type": MATCH}
    values = {"sex": "男", "unit": "盟教育局", "person_status": "在职", "quota_type": "行政编制"}
    values |= {"education": "大学本科", "degree": "学士", "title": "正高级"}

    for order in islice(permutations(codes, 5), 1_200):
        outcome = BENCH.ask(records, *(equals(key, values[key]) for key in order))
        assert outcome.codes == {"name": MATCH} | {key: wanted.get(key, NOT_COMPARED) for key in order}


# ---------------------------------------------------------------------------------------- order is arithmetic


def numbers(*bits: int) -> Catalogue:
    """A standard with a kind that has no gate and an ordered number of each of these widths."""
    fields = {
        f"n{each}": Field(
            key=f"n{each}",
            kind="thing",
            zh="数",
            en="Number",
            sensitivity=Sensitivity.INTERNAL,
            sharing=Sharing.FREE,
            normaliser="integer",
            seal=SealKind.ORDERED,
            comparators=frozenset(Comparator),
            domain_size=2,
            records=Records.ANY,
            bits=each,
        )
        for each in bits
    }
    kind = SubjectKind("thing", "物", "Thing", (), ("org_code",))
    return Catalogue(version="1", digest="0" * 64, kinds={"thing": kind}, fields=fields)


NUMBERS = Bench(catalogue=numbers(1, 2, 3, 4, 5, 6, 12), kind="thing")


def is_told(records: bytes, key: str, comparator: str, bound: int) -> bool:
    code = NUMBERS.ask(records, (key, comparator, str(bound)), gate=()).codes[key]
    assert code in {MATCH, MISMATCH}
    return code is MATCH


def number(key: str, value: int) -> bytes:
    return NUMBERS.records(Facts(values={key: str(value)}, units=["root"]))


@pytest.mark.parametrize("bits", range(1, 7))
def test_a_bound_is_the_comparison_of_integers(bits: int) -> None:
    key = f"n{bits}"
    for value in range(1 << bits):
        records = number(key, value)
        for bound in range(1 << bits):
            assert is_told(records, key, "at_least", bound) == (value >= bound)
            assert is_told(records, key, "at_most", bound) == (value <= bound)
            assert is_told(records, key, "equals", bound) == (value == bound)


@given(st.integers(0, 4095), st.integers(0, 4095) | st.just(None))
def test_a_bound_of_twelve_bits_is_the_comparison_of_integers(value: int, other: int | None) -> None:
    bounds = [value if other is None else other, max(0, value - 1), min(4095, value + 1)]
    records = number("n12", value)

    for bound in bounds:
        assert is_told(records, "n12", "at_least", bound) == (value >= bound)
        assert is_told(records, "n12", "at_most", bound) == (value <= bound)


# ---------------------------------------------------------------------------------------- dates are arithmetic

EDGES = {0, 1, 2, TODAY_NUMBER - 1, TODAY_NUMBER, TODAY_NUMBER + 1, END_OF_DAYS - 2, END_OF_DAYS - 1}


def counts_on(first: int, after: int, day: int) -> bool:
    outcome = BENCH.ask(BENCH.records(some_facts(effective=(first, after))), day=day)
    return outcome.cause is Cause.CONFIRMED


@pytest.mark.parametrize("first", sorted(EDGES))
def test_a_period_counts_from_its_first_day_to_the_day_before_its_end(first: int) -> None:
    for after in sorted(edge for edge in EDGES | {END_OF_DAYS} if edge > first):
        records = BENCH.records(some_facts(effective=(first, after)))
        for day in sorted(EDGES):
            outcome = BENCH.ask(records, day=day)
            assert (outcome.cause is Cause.CONFIRMED) == (first <= day < after), (first, after, day)


@given(st.integers(0, END_OF_DAYS - 1), st.integers(1, END_OF_DAYS), st.data())
def test_a_period_is_the_comparison_of_dates(first: int, length: int, data: st.DataObject) -> None:
    after = min(first + length, END_OF_DAYS)
    day = data.draw(
        st.sampled_from([max(0, first - 1), first, after - 1, min(after, END_OF_DAYS - 1)])
        | st.integers(0, END_OF_DAYS - 1)
    )

    assert counts_on(first, after, day) == (first <= day < after)


def test_a_year_of_days() -> None:
    first, after = day_number(date(2026, 2, 28)), day_number(date(2026, 10, 1))
    records = BENCH.records(some_facts(effective=(first, after)))
    days = [date(2026, 1, 1) + timedelta(days=each) for each in range(365)]

    live = [day for day in days if BENCH.ask(records, day=day_number(day)).cause is Cause.CONFIRMED]

    assert live == [day for day in days if date(2026, 2, 28) <= day < date(2026, 10, 1)]


# ---------------------------------------------------------------------------------------- no false match

STRANGERS: Mapping[str, Bench] = {
    "another subject": Bench(number=an_id(2)),
    "another key": Bench(key=SealingKey(b"o" * 32)),
    "another suite": Bench(key=SealingKey(b"k" * 32, "gm")),
    "another generation": Bench(generation="g2"),
}


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
@given(
    st.sampled_from(["男", "女"]),
    st.sampled_from(["1860-01", "1980-01", "2200-12"]),
    st.sampled_from(["equals", "at_least", "at_most"]),
)
def test_a_record_of_a_stranger_never_matches(stranger: Bench, sex: str, month: str, comparator: str) -> None:
    values = {"sex": sex, "birth_month": month, "leader_rank": "正处级"}
    records = stranger.records(some_facts(values), some_facts(dict.fromkeys(values)))
    claims = [equals("sex", sex), ("birth_month", comparator, month), equals("leader_rank", "正处级")]

    mine = BENCH.ask(records, *claims)
    theirs = stranger.ask(records, *claims)

    assert mine == Outcome(Cause.ABSENT, dict.fromkeys(["name", "sex", "birth_month", "leader_rank"], NOT_COMPARED))
    assert theirs.cause is Cause.CONFIRMED


def test_a_scope_of_another_generation_holds_nobody() -> None:
    tokens = frozenset({STRANGERS["another generation"].sealer.unit("root")})
    question = BENCH.sealer.question(Plain("G-1", "person", an_id(1), [NAME], TODAY_NUMBER, []))

    outcome = BENCH.comparison.compare(question, [], BENCH.records(some_facts()), tokens)

    assert outcome.cause is Cause.SCOPE


@given(st.binary(min_size=0, max_size=3 * 16))
def test_random_bytes_confirm_nobody(noise: bytes) -> None:
    layout = Layout(CATALOGUE, "person")
    records = (noise * layout.bytes)[: layout.bytes] if noise else b""

    assert BENCH.ask(records, equals("sex", "男")).cause is Cause.ABSENT


def test_the_filling_behind_short_records_confirms_nobody() -> None:
    zeros = Comparison(Layout(CATALOGUE, "person"), lambda size: b"\0" * size)
    question = BENCH.sealer.question(Plain("G-1", "person", an_id(1), [NAME], TODAY_NUMBER, [equals("sex", "男")]))

    assert zeros.compare(question, ["sex"], b"", frozenset({BENCH.sealer.unit("root")})).cause is Cause.ABSENT
