"""Queries from bodies: strict JSON in, normalised values out, and errors that say where but never what."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.api.body import parse
from gateway.domain.errors import GatewayError, InvalidQueryError, UnreadableError
from gateway.domain.grant import GrantError
from gateway.domain.partner_file import PartnerFileError, parse_partner
from gateway.domain.query import MAX_CLAIMS, Query, parse_query
from gateway.seal import Facts, Plain, Sealer
from tests.adapters.make_identity import partner_data
from tests.fakes_audit import CountingEntropy
from tests.make import CATALOGUE, KEY, NAME, a_body, a_claim, a_grant, a_query, a_request, an_id

SECRET_ID, SECRET_NAME, SECRET_VALUE = an_id(77), "额尔敦巴雅尔", "盟水利局灌区管理中心"


def read(body: bytes) -> Query:
    return parse_query(parse(body), CATALOGUE)


def test_a_query_is_what_the_body_says_normalised() -> None:
    claims = [a_claim("unit", "阿拉善盟 财政局（国资委）"), a_claim("birth_month", "1980年1月", "at_least")]

    query = a_query(1, "买买提 ． 艾力", claims, matter="办件 7", as_of="2025-12-31")

    assert query.subject.number == an_id(1)
    assert query.subject.gate == ("买买提·艾力",)
    assert [claim.value for claim in query.claims] == ["阿拉善盟财政局(国资委)", "1980-01"]
    assert query.asked == (("name", "equals"), ("unit", "equals"), ("birth_month", "at_least"))
    assert (query.matter, query.as_of) == ("办件 7", date(2025, 12, 31))


def test_a_query_shows_nothing_of_whom_it_is_about() -> None:
    request = a_request(1, NAME, [a_claim("unit", "盟教育局")], key="key of the caller")

    shown = f"{request!r} {request.query!r} {request.query.subject!r} {request.query.claims!r}"

    assert [word for word in (an_id(1), NAME, "盟教育局", "key of the caller", "王某") if word in shown] == []


SUBJECTS: dict[str, dict[str, object]] = {
    "a number in lower case": {"id": "11010519491231002x"},
    "a number in full width": {"id": "１１０１０５１９４９１２３１００２Ｘ"},
    "a number with spaces": {"id": " 110105 19491231 002X "},
    "fifteen digits": {"id": "110105491231002"},
}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_a_number_is_read_however_it_is_typed(subject: dict[str, object]) -> None:
    query = read(a_body(subject={"kind": "person", "name": NAME} | subject))

    assert query.subject.number == "11010519491231002X"


def test_an_organisation_is_asked_without_a_name() -> None:
    body = a_body(
        subject={"kind": "organisation", "id": "150100000001"}, claims=[a_claim("org_quota_approved", 40, "at_least")]
    )

    query = read(body)

    assert (query.subject.gate, query.gate_fields) == ((), ())
    assert query.claims[0].value == "40"


GRANT_NUMBERS = {
    "a code": "G-1",
    "a paper": "盟签〔2026〕7号",
    "the demonstration's": "2026-caizheng-001",
    "without a digit": "G",
    "a long sequence": "2026063000001",
    "one long word": "caizhengpayrollcheck2026",
}


@pytest.mark.parametrize("number", GRANT_NUMBERS.values(), ids=GRANT_NUMBERS)
def test_a_grant_that_can_be_loaded_can_be_asked_under(number: str) -> None:
    try:
        a_grant(number=number)
    except GrantError:
        return

    assert a_query(grant=number).grant == number


OPERATORS = {"a name": "wang-01", "one long word": "administratorofpayroll", "a long number": "w00000000001"}


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
def test_an_operator_who_can_be_enrolled_can_ask(operator: str) -> None:
    operators = [{"id": operator, "name": "王某", "kind": "person"}]
    try:
        parse_partner(partner_data(operators=operators), "hr.toml")
    except PartnerFileError:
        return

    assert a_query(operator=operator).operator == operator


# ---------------------------------------------------------------------------------------- what is refused, and how


def person(**changes: object) -> dict[str, object]:
    subject = {"kind": "person", "id": SECRET_ID, "name": SECRET_NAME} | changes
    return {key: value for key, value in subject.items() if value is not None}


def claims(*given_claims: object) -> bytes:
    return a_body(subject=person(), claims=given_claims)


WRONG: dict[str, tuple[bytes, str]] = {
    "no grant": (a_body(grant=None), ""),
    "an empty grant": (a_body(grant=""), "grant"),
    "a grant of 65 characters": (a_body(grant="G" * 65), "grant"),
    "a grant with a line break": (a_body(grant="G\n1"), "grant"),
    "an empty purpose": (a_body(purpose=""), "purpose"),
    "an empty operator": (a_body(operator=""), "operator"),
    "an operator with a NUL": (a_body(operator="wang\0"), "operator"),
    "an empty matter": (a_body(matter=""), "matter"),
    "a matter that is a number": (a_body(matter=7), "matter"),
    "an unknown member": (a_body(unlimited=True), ""),
    "no kind": (a_body(subject=person(kind=None)), "subject"),
    "an unknown kind": (a_body(subject=person(kind=SECRET_VALUE)), "subject.kind"),
    "no id": (a_body(subject=person(id=None)), "subject"),
    "an id that is a number": (a_body(subject=person(id=110105194912310021)), "subject.id"),
    "an empty id": (a_body(subject=person(id="")), "subject.id"),
    "a wrong check digit": (a_body(subject=person(id=SECRET_ID[:17] + "Q")), "subject.id"),
    "a short id": (a_body(subject=person(id=SECRET_ID[:14])), "subject.id"),
    "an id of 10,000 characters": (a_body(subject=person(id=SECRET_ID * 556)), "subject.id"),
    "no name": (a_body(subject=person(name=None)), "subject.name"),
    "an empty name": (a_body(subject=person(name="")), "subject.name"),
    "a name of digits": (a_body(subject=person(name=SECRET_ID)), "subject.name"),
    "a name of 10,000 characters": (a_body(subject=person(name=SECRET_NAME * 1_667)), "subject.name"),
    "a name for an organisation": (
        a_body(subject={"kind": "organisation", "id": "150100000001", "name": SECRET_VALUE}),
        "subject.name",
    ),
    "another member of the subject": (a_body(subject=person(phone=SECRET_ID)), "subject"),
    "no claims": (a_body(claims=[]), "claims"),
    "claims that are no list": (a_body(claims={"unit": SECRET_VALUE}), "claims"),  # type: ignore[arg-type]  # wrong
    "65 claims": (claims(*[a_claim("unit", SECRET_VALUE)] * (MAX_CLAIMS + 1)), "claims"),
    "500 claims": (claims(*[a_claim("unit", SECRET_VALUE)] * 500), "claims"),
    "the same field twice": (claims(a_claim("unit", SECRET_VALUE), a_claim("unit", "盟教育局")), "claims"),
    "a claim that is a text": (claims(SECRET_VALUE), "claims[0]"),
    "a claim without a value": (claims({"field": "unit"}), "claims[0]"),
    "a claim with more": (claims(a_claim("unit", SECRET_VALUE) | {"note": SECRET_VALUE}), "claims[0]"),
    "a value that is null": (claims(a_claim("unit", None)), "claims[0].value"),
    "a value that is a list": (claims(a_claim("unit", [SECRET_VALUE])), "claims[0].value"),
    "an unknown field": (claims(a_claim(SECRET_VALUE, "1")), "claims[0].field"),
    "a field of another kind": (claims(a_claim("sex", "1"), a_claim("org_name", SECRET_VALUE)), "claims[1].field"),
    "the gate as a claim": (claims(a_claim("name", SECRET_NAME)), "claims[0].field"),
    "an unknown comparator": (claims(a_claim("unit", SECRET_VALUE, SECRET_VALUE)), "claims[0].comparator"),
    "a bound on a name": (claims(a_claim("unit", SECRET_VALUE, "at_least")), "claims[0].comparator"),
    "a code of no table": (claims(a_claim("sex", SECRET_VALUE)), "claims[0].value"),
    "a month of no year": (claims(a_claim("birth_month", SECRET_VALUE, "at_least")), "claims[0].value"),
    "a month out of range": (claims(a_claim("birth_month", "1859-12", "at_most")), "claims[0].value"),
    "a value of 10,000 characters": (claims(a_claim("unit", SECRET_VALUE * 1_000)), "claims[0].value"),
    "an empty value": (claims(a_claim("unit", "")), "claims[0].value"),
    "a sum beyond all pay": (claims(a_claim("pay_amount", 1e300)), "claims[0].value"),
    "a date that is none": (a_body(as_of="2026-02-30"), "as_of"),
    "a date with a time": (a_body(as_of="2026-06-30T00:00:00"), "as_of"),
    "a date in words": (a_body(as_of="yesterday"), "as_of"),
    "a date without hyphens": (a_body(as_of="20260630"), "as_of"),
    "a week date": (a_body(as_of="2026-W27-2"), "as_of"),
    "a date in full width": (a_body(as_of="２０２６-06-30"), "as_of"),
}


@pytest.mark.parametrize(("body", "where"), WRONG.values(), ids=WRONG)
def test_a_wrong_query_is_told_where_and_never_what(body: bytes, where: str) -> None:
    with pytest.raises(InvalidQueryError) as caught:
        read(body)

    assert caught.value.field == where
    assert_silent(caught.value)


def assert_silent(error: GatewayError) -> None:
    shown = f"{error} {error!r} {getattr(error, 'field', '')}"
    assert [part for part in (SECRET_ID[:14], SECRET_NAME, SECRET_VALUE) if part in shown] == []


UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": SECRET_NAME.encode(),
    "cut off": a_body(subject=person())[:-2],
    "two documents": a_body() + a_body(),
    "NaN": a_body(claims=[a_claim("pay_amount", float("nan"))]),
    "Infinity": a_body(claims=[a_claim("pay_amount", float("inf"))]),
    "minus Infinity": a_body(claims=[a_claim("pay_amount", float("-inf"))]),
    "a member twice": a_body().replace(b'"grant": "G-1"', b'"grant": "G-1", "grant": "G-1"'),
    "a member of the subject twice": a_body().replace(b'"kind": "person"', b'"kind": "person", "kind": "person"'),
    "a member twice, once escaped": a_body().replace(b'"grant": "G-1"', b'"grant": "G-1", "gr\\u0061nt": "G-2"'),
    "GB 18030": a_body().decode().encode("gb18030"),
    "UTF-16": a_body().decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + a_body(),
    "half a surrogate pair": a_body(matter="x").replace(b'"x"', b'"\\ud800"'),
    "half a surrogate pair in a member's name": a_body().replace(b'"grant"', b'"\\udc00"'),
    "a thousand brackets": b"[" * 100_000,
    "a number of 5,000 digits": a_body(matter="x").replace(b'"x"', b"7" * 5_000),
    "a comment": b"/* */" + a_body(),
    "a trailing comma": a_body()[:-1] + b",}",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_strict_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableError) as caught:
        read(body)

    assert_silent(caught.value)


@pytest.mark.parametrize("short", ["1e5", "1e9", "1e15", "1E300", "0.5"])
def test_a_member_twice_is_found_where_a_number_was_written_short(short: str) -> None:
    """A number may have a shorter spelling than ours: what is saved there must not make room for another member."""
    for digits in range(1, 20):
        claim = f'{{"field":"pay_amount","value":{"7" * digits},"value":{short}}}'
        document = json.loads(a_body()) | {"claims": "here"}
        written = json.dumps(document, separators=(",", ":"), ensure_ascii=False).replace('"here"', f"[{claim}]")
        with pytest.raises(UnreadableError):
            read(written.encode())


NOT_OBJECTS: dict[str, bytes] = {"a list": b"[]", "a text": b'"x"', "a number": b"1", "null": b"null", "true": b"true"}


@pytest.mark.parametrize("body", NOT_OBJECTS.values(), ids=NOT_OBJECTS)
def test_json_that_is_no_object_is_wrong(body: bytes) -> None:
    with pytest.raises(InvalidQueryError):
        read(body)


# A member's name is the caller's word like any value: somebody will paste a number there one day.
NAMES_THAT_LOOK_LIKE_PLACES: dict[str, Callable[[], bytes]] = {
    "at the top": lambda: json.dumps(json.loads(a_body()) | {f" - at `$.{SECRET_ID}": 1}).encode(),
    "in the subject": lambda: a_body(subject=person(**{f" - at `$.{SECRET_ID}": 1})),
    "in a claim": lambda: claims(a_claim("unit", SECRET_VALUE) | {f" - at `$.{SECRET_ID}": 1}),
    "in place of a list": lambda: a_body(claims={f" - at `$.{SECRET_ID}": SECRET_VALUE}),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("body", NAMES_THAT_LOOK_LIKE_PLACES.values(), ids=NAMES_THAT_LOOK_LIKE_PLACES)
def test_a_members_name_is_never_echoed(body: Callable[[], bytes]) -> None:
    with pytest.raises(InvalidQueryError) as caught:
        read(body())

    assert_silent(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
VALUES = JSON | st.sampled_from([SECRET_ID, SECRET_NAME, "2026-06-30", "equals", "person", "unit", 10**30, -1, 1e308])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read(body)
    except GatewayError as error:
        assert_silent(error)


@given(
    st.sampled_from(["grant", "purpose", "operator", "matter", "as_of", "subject", "claims", "more"]),
    VALUES,
    st.sampled_from(list(CATALOGUE.fields)),
    VALUES,
    st.sampled_from(["equals", "at_least", "at_most"]),
)
def test_any_json_is_read_or_refused(member: str, value: object, field: str, claimed: object, comparator: str) -> None:
    document = json.loads(a_body(claims=[a_claim("unit", "盟教育局")]))
    document["claims"] = [a_claim(field, claimed, comparator)]
    for changed in (document, document | {member: value}):
        try:
            read(json.dumps(changed).encode())
        except GatewayError as error:
            assert_silent(error)


NEEDED = ['"grant":"G-1"', '"purpose":"p"', '"operator":"w"']
MORE = st.lists(st.sampled_from([*NEEDED, '"matter":null', '"matter":"m"', '"as_of":"2026-06-30"']), max_size=2)
VALUES_AS_WRITTEN = st.sampled_from(
    ['"x"', '"\\u0078"', '"\\/"', "1", "-0", "1.0", "1e0", "1E400", "true", "18446744073709551616", '"\\ud83d"', "NaN"]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bodies as a machine writes them, without a blank, some with a member twice or a value spelled oddly."""
    value, more = draw(VALUES_AS_WRITTEN), draw(st.sampled_from(["", ',"comparator":"equals"', ',"value":"y"']))
    subject = draw(
        st.sampled_from(['"kind":"person","id":"1","name":"n"', '"kind":"person","id":"1","id":"2","name":"n"'])
    )
    claim = f'{{"field":"unit","value":{value}{more}}}'
    members = [*NEEDED, *draw(MORE), f'"subject":{{{subject}}}', f'"claims":[{claim}]']
    return ("{" + ",".join(draw(st.permutations(members))) + "}").encode()


@settings(max_examples=200)
@given(bodies())
def test_a_blank_more_changes_nothing(body: bytes) -> None:
    """What is quick to read is read as strictly as everything else."""

    def outcome(content: bytes) -> object:
        try:
            return parse(content)
        except GatewayError as error:
            return type(error), str(error), getattr(error, "field", "")

    assert outcome(body) == outcome(body + b" ") == outcome(b" " + body)


SEALER = Sealer(KEY, CATALOGUE, "person", "g", CountingEntropy())


@given(st.sampled_from([field.key for field in CATALOGUE.fields_of("person") if field.key != "name"]), VALUES)
def test_a_value_that_was_read_can_always_be_sealed(field: str, value: object) -> None:
    for comparator in CATALOGUE.fields[field].comparators:
        body = json.loads(a_body()) | {"claims": [a_claim(field, value, comparator)]}
        try:
            (claim,) = read(json.dumps(body).encode()).claims
        except GatewayError:
            continue
        SEALER.record(b"s" * 16, Facts(values={field: claim.value}))
        SEALER.question(Plain("G-1", "person", an_id(1), [NAME], 0, [(field, comparator, claim.value)]))
