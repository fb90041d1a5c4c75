"""People and signatures: the single file takes and refuses what the gateway takes and refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from msgspec.structs import astuple

from audit.entry import JsonValue, encode
from audit.standalone.canonical import Json
from audit.standalone.people import Key, Signature, read_person
from audit.standalone.verdicts import MissingError, WrongError
from gateway.deeds.errors import DeedError
from gateway.deeds.persons import person_content
from gateway.deeds.persons import read_person as read_ours
from gateway.deeds.signature import Signature as Ours
from gateway.deeds.signature import read_time
from gateway.domain.people import Duty, PersonKey
from tests.gateway.deeds.test_persons import DEVICE, FILE, POINTS, SMALL, WRONG, a_key, changed, told
from tests.gateway.deeds.test_signature import ASSERTIONS, AUTHENTICATOR, BY_DEVICE, BY_FILE, CHANGED, FINE, FORMS, KEYS
from tests.people import LOG, a_person

MORE_WRONG: dict[str, Mapping[str, JsonValue]] = {
    **WRONG,
    "a duty that is an object": changed(duty={}),
    "a leader of an empty partner": changed(duty="leader", partner=""),
    "a leader of a number": changed(duty="leader", partner=7),
    "a key of another form": changed(keys=[a_key(form="rsa")]),
    "a file on a page": changed(keys=[a_key(rp_id="a", origin="b")]),
    **{f"a point of small order: {case}": changed(keys=[a_key(public=told(each))]) for case, each in SMALL.items()},
    **{
        f"a point that is {case}": changed(
            keys=[a_key(form="webauthn", public=told(each), rp_id="a.example", origin="https://a.example")]
        )
        for case, each in POINTS.items()
    },
    "no point of the curve": changed(keys=[a_key(public=told(b"\2" + bytes(31)))]),
}


def json_of(content: Mapping[str, JsonValue]) -> Mapping[str, Json]:
    """The same, as whoever has the file alone reads it."""
    told: Mapping[str, Json] = json.loads(encode(content))
    return told


def test_both_read_a_person_with_a_file_and_an_authenticator() -> None:
    content = person_content(a_person("li.ming", Duty.CLERK, "hr", keys=(FILE, DEVICE)))

    ours, alone = read_ours("li.ming", content), read_person("li.ming", json_of(content))

    assert alone.keys == tuple(map(_key, ours.keys))
    assert (alone.duty, alone.partner, alone.natural, alone.active) == ("clerk", "hr", ours.natural, True)
    assert alone.key("device") == alone.keys[1]
    assert alone.key("other") is None


@pytest.mark.parametrize("case", MORE_WRONG)
def test_both_refuse_whoever_is_no_person(case: str) -> None:
    with pytest.raises(DeedError):
        read_ours("li.ming", MORE_WRONG[case])
    with pytest.raises(WrongError):
        read_person("li.ming", json_of(MORE_WRONG[case]))


def test_both_refuse_an_account_of_another_form() -> None:
    for account in ("", "l", "Li.ming", "li ming", "li_ming", "7li", "l" * 41):
        with pytest.raises(DeedError):
            read_ours(account, changed())
        with pytest.raises(WrongError):
            read_person(account, json_of(changed()))


def _alone(signature: Ours) -> Signature:
    return Signature(*astuple(signature))


def _key(key: PersonKey) -> Key:
    return Key(key.kid, key.form.value, key.public, key.rp_id, key.origin)


GOOD = {**FORMS, **{case: (signature, AUTHENTICATOR) for case, signature in FINE.items()}}
BAD = {
    **KEYS,
    **{case: (signature, AUTHENTICATOR) for case, signature in ASSERTIONS.items()},
    **{
        f"{case}, {form}": (change(FORMS[form][0]), FORMS[form][1])
        for case, change in CHANGED.items()
        for form in FORMS
    },
}


@pytest.mark.parametrize("case", GOOD)
def test_what_the_gateway_takes_for_a_signature_is_one(case: str) -> None:
    signature, key = GOOD[case]

    _alone(signature).check(LOG, _key(key))


@pytest.mark.parametrize("case", BAD)
def test_what_it_does_not_take_is_none(case: str) -> None:
    signature, key = BAD[case]

    with pytest.raises(WrongError):
        _alone(signature).check(LOG, _key(key))


def test_what_no_key_file_signs_is_not_there() -> None:
    for part in ("authenticator", "client"):
        junk = Signature(**{**vars(_alone(BY_FILE)), part: b"x"})
        with pytest.raises(WrongError):
            junk.check(LOG, _key(FILE))


def test_client_data_nested_without_end_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four thousand brackets are too many for some versions of Python, and no error of JSON for them."""

    def too_deep(_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("audit.standalone.people.json.loads", too_deep)
    with pytest.raises(WrongError):
        _alone(BY_DEVICE).check(LOG, _key(AUTHENTICATOR))


TIMES = {
    "a second": "2026-01-01T00:00:01Z",
    "a leap second": "2026-12-31T23:59:60Z",
    "a day that is none": "2026-02-30T00:00:00Z",
    "the year nought": "0000-01-01T00:00:00Z",
    "without a zone": "2026-01-01T00:00:00",
    "another zone": "2026-01-01T00:00:00+08:00",
    "fractions": "2026-01-01T00:00:00.5Z",
    "other digits": "２０２６-01-01T00:00:00Z",
    "nothing": "",
}


@pytest.mark.parametrize("case", TIMES)
def test_both_read_the_same_times(case: str) -> None:
    signature = Signature(**{**vars(_alone(BY_FILE)), "at": TIMES[case]})
    if case == "a second":
        assert signature.time() == read_time(TIMES[case]) == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
        return

    with pytest.raises(DeedError):
        read_time(TIMES[case])
    with pytest.raises(WrongError):
        signature.time()


@pytest.mark.usefixtures("without_ed25519")
def test_a_key_that_this_machine_cannot_use_is_missing_evidence_and_not_wrong() -> None:
    with pytest.raises(MissingError):
        read_person("li.ming", json_of(changed()))
    with pytest.raises(MissingError):
        _alone(BY_FILE).check(LOG, _key(FORMS["a key file"][1]))
    _alone(BY_DEVICE).check(LOG, _key(AUTHENTICATOR))
