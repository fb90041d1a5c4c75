"""What makes signatures good, whoever signs: steps, order, times, and nobody for a colleague."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as resigned

from audit.entry import JsonValue
from gateway.deeds.checking import SKEW, check_signatures, is_complete, may_sign, next_step, partner_of, text_of
from gateway.deeds.deed import MAX_DRAFTS, Deed, Draft, drawn, read_deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.persons import person_content
from gateway.deeds.signature import Statement, sign, write_time
from gateway.deeds.steps import BREAK_GLASS, FOUNDING, PATHS, RELEASE, USUAL, WITHDRAWAL, path_of
from gateway.domain.grant import Grant, canonical_document
from gateway.domain.people import PARTNER_DUTIES, Duty, Person
from tests.make import a_grant, limits
from tests.people import LOG, SIGNED_AT, a_document, a_person, a_roll, granted, key_of, known, signed_by

NOW = SIGNED_AT + timedelta(hours=1)
GOOD = granted(a_grant())
WIDE, NARROW = a_grant(), a_grant(limits=limits(day=7))


class Signers:
    """People with one key file each, enrolled for ever."""

    def __init__(self, *people: Person) -> None:
        self._people = {person.id: person for person in people}

    def person_at(self, person: str, at: datetime) -> Person | None:
        return self._people.get(person)


@cache
def everybody() -> Signers:
    """One of each duty, two heads, and a colleague of the leader."""
    staff = [a_person(duty.value, duty, "hr" if duty in PARTNER_DUTIES else None) for duty in Duty]
    return Signers(*staff, a_person("tax", Duty.HEAD, "tax"), a_person("colleague", Duty.LEADER))


def content(grant: Grant) -> dict[str, JsonValue]:
    return cast("dict[str, JsonValue]", {k: v for k, v in canonical_document(grant).items() if k != "number"})


def signed(document: Document, *by: tuple[str, datetime]) -> Deed:
    """Each signs the next step at a time of their own."""
    deed = drawn(document)
    for account, at in by:
        deed = and_then(deed, account, at)
    return deed


def and_then(deed: Deed, account: str, at: datetime = SIGNED_AT) -> Deed:
    """One more signature under the last draft."""
    names = [*(step.name for step in path_of(deed.document.kind, deed.document.path)), *["no step"] * 3]
    stated = Statement(deed.document.log, names[len(deed.signatures)], account, account, write_time(at), (deed.digest,))
    return deed.signed(sign(key_of(account), stated))


def checked(deed: Deed, now: datetime = NOW) -> Document:
    return check_signatures(deed, everybody(), now)


# ---------------------------------------------------------------------------------------- every path

SUBJECT = {Kind.PARTNER: "hr"}
PATHS_OF = [(kind, name) for kind, paths in PATHS.items() for name in paths if name != FOUNDING]


def a_deed_on(kind: Kind, path: str) -> Document:
    """Something on this path that people of `hr` may sign, too."""
    told: Mapping[str, object] = {"partner": "hr"}
    if kind is Kind.GRANT and path != WITHDRAWAL:
        told = content(a_grant())
    if kind is Kind.PERSON:
        told = person_content(a_person("somebody", Duty.REVIEWER))
    return a_document(kind, SUBJECT.get(kind, "somebody"), told, path=path)


def signers_of(kind: Kind, path: str) -> list[str]:
    """An account for each step, no duty twice."""
    if kind is Kind.UNDERTAKING:
        return ["somebody"]
    taken: list[str] = []
    for step in path_of(kind, path):
        taken.append(next(duty.value for duty in sorted(step.duties) if duty.value not in taken))
    return taken


@pytest.mark.parametrize(("kind", "path"), PATHS_OF, ids=[f"{kind.value} {path}" for kind, path in PATHS_OF])
def test_each_path_is_walked_by_those_whose_steps_they_are(kind: Kind, path: str) -> None:
    signers = Signers(*everybody()._people.values(), a_person("somebody", Duty.CLERK, "hr"))
    deed = drawn(a_deed_on(kind, path))
    for account in signers_of(kind, path):
        assert not is_complete(deed)
        step = next_step(deed)
        assert step is not None
        deed = and_then(deed, account)
        check_signatures(deed, signers, NOW)

    assert is_complete(deed)
    assert next_step(deed) is None


@pytest.mark.parametrize(("kind", "path"), PATHS_OF, ids=[f"{kind.value} {path}" for kind, path in PATHS_OF])
@pytest.mark.parametrize("duty", Duty)
def test_no_step_is_taken_by_another_duty(kind: Kind, path: str, duty: Duty) -> None:
    """The matrix of duty and step: exactly the cells of the table are open."""
    document, signers = a_deed_on(kind, path), signers_of(kind, path)
    for place, step in enumerate(path_of(kind, path)):
        others = [*signers[:place], duty.value, *signers[place + 1 :]]
        if duty in step.duties and kind is not Kind.UNDERTAKING:
            continue
        with pytest.raises(DeedError):
            checked(signed(document, *((each, SIGNED_AT) for each in others)))


# ---------------------------------------------------------------------------------------- who

GRANTED = [("head", SIGNED_AT), ("reviewer", SIGNED_AT), ("leader", SIGNED_AT)]


def granting(*by: str, **changes: object) -> Deed:
    document = a_document(Kind.GRANT, "G-1", content(a_grant()), **changes)
    return signed(document, *((account, SIGNED_AT) for account in by or ("head", "reviewer", "leader")))


WHO: dict[str, Callable[[], Deed]] = {
    "the head of another partner": lambda: granting("tax", "reviewer", "leader"),
    "somebody who is not enrolled": lambda: granting("nobody", "reviewer", "leader"),
    "one person for two steps": lambda: granting("head", "leader", "leader"),
    "who drew it up reviews it": lambda: granting(author="reviewer"),
    "who drew it up signs it off": lambda: granting(author="leader"),
    "another path": lambda: granting("head", "reviewer", "leader", path="founding"),
    "a path nobody has": lambda: Deed((Draft(granting(path="quick").last.document, GOOD.signatures),)),
    "a signature too many": lambda: GOOD.signed(GOOD.signatures[-1]),
    "a signature twice": lambda: Deed((Draft(GOOD.last.document, (GOOD.signatures[0],) * 2),)),
    "the steps in another order": lambda: Deed((Draft(GOOD.last.document, GOOD.signatures[::-1]),)),
    "the first step left out": lambda: Deed((Draft(GOOD.last.document, GOOD.signatures[1:]),)),
}


@pytest.mark.parametrize("make", WHO.values(), ids=WHO)
def test_nobody_signs_what_is_not_theirs_to_sign(make: Callable[[], Deed]) -> None:
    with pytest.raises(DeedError):
        checked(make())


def test_whoever_drew_it_up_may_sign_first() -> None:
    checked(granting(author="head"))


def test_two_accounts_of_one_human_being_are_one() -> None:
    head = a_person("head", Duty.HEAD, "hr")
    signers = Signers(head, a_person("reviewer", Duty.REVIEWER), a_person("leader", Duty.LEADER, natural=head.natural))

    with pytest.raises(DeedError):
        check_signatures(granting(), signers, NOW)


def test_two_people_of_one_duty_are_one_opinion() -> None:
    person = person_content(a_person("somebody", Duty.REVIEWER))
    document = a_document(Kind.PERSON, "somebody", person, path=BREAK_GLASS)
    signers = Signers(a_person("sec", Duty.SECURITY_ADMIN), a_person("sec-2", Duty.SECURITY_ADMIN))

    with pytest.raises(DeedError):
        check_signatures(signed_by(document, "sec", "sec-2"), signers, NOW)


def test_whoever_was_taken_off_signs_no_more() -> None:
    signers = Signers(
        a_person("head", Duty.HEAD, "hr"),
        a_person("reviewer", Duty.REVIEWER, active=False),
        a_person("leader", Duty.LEADER),
    )

    with pytest.raises(DeedError):
        check_signatures(granting(), signers, NOW)


def test_nobody_signs_about_themselves_but_for_themselves() -> None:
    leader, clerk = a_person("leader", Duty.LEADER), a_person("wang", Duty.CLERK, "hr")
    own = a_document(Kind.PERSON, "leader", person_content(leader), path=BREAK_GLASS)
    undertaken = a_document(Kind.UNDERTAKING, "wang", {"partner": "hr", "text": "某"})

    assert not may_sign(leader, path_of(Kind.PERSON, BREAK_GLASS)[1], own)
    assert may_sign(clerk, path_of(Kind.UNDERTAKING, USUAL)[0], undertaken)
    assert not may_sign(replace(clerk, id="li"), path_of(Kind.UNDERTAKING, USUAL)[0], undertaken)


# ---------------------------------------------------------------------------------------- when

MINUTE = timedelta(minutes=1)
WHEN: dict[str, tuple[list[timedelta], timedelta, bool]] = {
    "one after the other": ([0 * MINUTE, MINUTE, 2 * MINUTE], 3 * MINUTE, True),
    "all in one second": ([0 * MINUTE] * 3, 0 * MINUTE, True),
    "a little ahead of us": ([0 * MINUTE, MINUTE, MINUTE + SKEW], MINUTE, True),
    "further ahead of us": ([0 * MINUTE, MINUTE, MINUTE + SKEW + timedelta(seconds=1)], MINUTE, False),
    "the second before the first": ([MINUTE, 0 * MINUTE, MINUTE], 2 * MINUTE, False),
    "the last before the second": ([0 * MINUTE, 2 * MINUTE, MINUTE], 3 * MINUTE, False),
    "long ago": ([-90 * 24 * 60 * MINUTE] * 3, 0 * MINUTE, True),
}


@pytest.mark.parametrize(("after", "now", "good"), WHEN.values(), ids=WHEN)
def test_signatures_follow_each_other_and_none_is_of_the_future(
    after: list[timedelta],
    now: timedelta,
    good: bool,
) -> None:
    accounts = ("head", "reviewer", "leader")
    deed = signed(GOOD.document, *((who, SIGNED_AT + when) for who, when in zip(accounts, after, strict=True)))

    if good:
        checked(deed, SIGNED_AT + now)
    else:
        with pytest.raises(DeedError):
            checked(deed, SIGNED_AT + now)


# ---------------------------------------------------------------------------------------- drafts


def narrowed(grant: Grant, author: str = "reviewer", **changes: object) -> bytes:
    return a_document(Kind.GRANT, "G-1", content(grant), author=author, **changes).encode()


def half(*by: str) -> Deed:
    """A wide grant that waits for the rest."""
    return granting(*by)


def test_a_reviewer_narrows_and_signs_what_they_narrowed() -> None:
    deed = half("head").redrawn(narrowed(NARROW))
    deed = and_then(and_then(deed, "reviewer"), "leader")

    assert checked(deed).content == content(NARROW)
    assert is_complete(deed)


DRAFTS: dict[str, Callable[[], Deed]] = {
    "wider": lambda: and_then(half("head").redrawn(narrowed(a_grant(limits=limits(day=1001)))), "reviewer"),
    "wider again": lambda: and_then(
        half("head").redrawn(narrowed(NARROW)).redrawn(narrowed(a_grant(limits=limits(day=8)))), "reviewer"
    ),
    "another number": lambda: and_then(
        half("head").redrawn(
            a_document(Kind.GRANT, "G-2", content(NARROW), author="reviewer").encode(),
        ),
        "reviewer",
    ),
    "another kind": lambda: and_then(
        half("head").redrawn(a_document(Kind.COHORT, "G-1", content(NARROW), author="reviewer").encode()), "reviewer"
    ),
    "another serial": lambda: half("head").redrawn(narrowed(NARROW, serial=2, previous="0" * 64)),
    "another installation": lambda: half("head").redrawn(narrowed(NARROW, log="other")),
    "a shorter path": lambda: half("head").redrawn(narrowed(NARROW, path="emergency")),
    "the first draft is of something else": lambda: Deed(
        (Draft(granting(serial=2, previous="0" * 64).last.document, ()), *GOOD.drafts)
    ),
    "narrowed by who signs last, before it was reviewed": lambda: and_then(
        and_then(half("head").redrawn(narrowed(NARROW, "leader")), "reviewer"), "leader"
    ),
    "the signature of the first draft under the second": lambda: Deed(
        (*half("head").drafts, Draft(narrowed(NARROW), GOOD.signatures[1:]))
    ),
    "a deed that nobody may narrow": lambda: drawn(a_deed_on(Kind.PARTNER, USUAL)).redrawn(
        replace(a_deed_on(Kind.PARTNER, USUAL), reason="otherwise").encode()
    ),
    "no draft at all": lambda: Deed(()),
    "too many": lambda: Deed(GOOD.drafts * (MAX_DRAFTS + 1)),
    "a draft that is none": lambda: Deed((Draft(b"{}", GOOD.signatures),)),
}


@pytest.mark.parametrize("make", DRAFTS.values(), ids=DRAFTS)
def test_a_draft_narrows_the_one_before_and_nothing_else(make: Callable[[], Deed]) -> None:
    with pytest.raises(DeedError):
        checked(make())


def test_a_draft_that_nobody_signed_completes_nothing() -> None:
    """Three people signed a grant, and somebody who writes to the database puts a narrower one behind it."""
    deed = granting().redrawn(narrowed(NARROW))

    assert not is_complete(deed)
    with pytest.raises(DeedError):
        a_roll().open(granted(WIDE).redrawn(narrowed(NARROW)), NOW)


def test_nothing_is_complete_on_a_path_that_is_none() -> None:
    for path in ("", "quick", FOUNDING, RELEASE):
        deed = Deed((Draft(granting(path=path).last.document, GOOD.signatures),))

        assert not is_complete(deed)
        assert next_step(deed) is None


# ---------------------------------------------------------------------------------------- every bit


@given(st.sampled_from([GOOD.encode(), known()[-1]]), st.data())
def test_a_flipped_bit_anywhere_makes_a_deed_good_for_nothing(encoded: bytes, data: st.DataObject) -> None:
    flipped = bytearray(encoded)
    flipped[data.draw(st.integers(0, len(flipped) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(DeedError):
        a_roll().open(read_deed(bytes(flipped)), NOW)


CUT = st.integers(0, len(GOOD.encode())).map(lambda end: GOOD.encode()[:end] + b"\0")


@given(st.binary(max_size=80) | CUT.filter(lambda cut: cut != GOOD.encode()))
def test_any_bytes_are_a_deed_or_refused(encoded: bytes) -> None:
    try:
        a_roll().check(read_deed(encoded), NOW)
    except DeedError:
        return
    raise AssertionError("somebody signed noise")


def test_a_deed_is_spelt_in_one_way() -> None:
    encoded = GOOD.encode()
    longer = b"\xdc\x00\x01" + encoded[1:]  # the same list, its length in two bytes

    assert read_deed(encoded) == GOOD
    assert encoded[0] == 0x91
    with pytest.raises(DeedError):
        read_deed(longer)


@given(st.integers(0, 2), st.sampled_from(["step", "person", "kid", "at"]), st.text(max_size=12))
def test_whatever_a_signature_says_otherwise_makes_it_bad(place: int, member: str, text: str) -> None:
    signatures = list(GOOD.signatures)
    changed = resigned(signatures[place], **{member: text})
    if changed == signatures[place]:
        return
    signatures[place] = changed

    with pytest.raises(DeedError):
        a_roll().open(Deed((Draft(GOOD.last.document, tuple(signatures)),)), NOW)


# ---------------------------------------------------------------------------------------- whose

WHOSE: dict[str, tuple[Document, str | None]] = {
    "a partner's own": (a_deed_on(Kind.PARTNER, USUAL), "hr"),
    "a grant": (GOOD.document, "hr"),
    "a person of ours": (a_deed_on(Kind.PERSON, USUAL), None),
    "rulebooks": (a_document(Kind.RULEBOOKS, "rulebooks", {}), None),
    "a partner that is a number": (a_document(Kind.GRANT, "G-1", {"partner": 7}), None),
}


@pytest.mark.parametrize(("document", "partner"), WHOSE.values(), ids=WHOSE)
def test_a_deed_tells_whose_it_is(document: Document, partner: str | None) -> None:
    assert partner_of(document) == partner


def test_a_deed_of_nobody_is_signed_by_nobody_of_a_partner() -> None:
    step = path_of(Kind.GRANT, USUAL)[0]

    for told in ({"partner": None}, {"partner": 7}, {"partner": ""}, {}):
        document = a_document(Kind.GRANT, "G-1", told)
        for partner in ("hr", ""):
            assert not may_sign(a_person("head", Duty.HEAD, partner or "x"), step, document)


@pytest.mark.parametrize("value", [None, 7, "", [], True])
def test_a_text_is_a_text(value: JsonValue) -> None:
    with pytest.raises(DeedError):
        text_of({"name": value}, "name")
    with pytest.raises(DeedError):
        text_of({}, "name")


def test_everything_belongs_to_one_log() -> None:
    assert checked(GOOD_OF_HERE).log == LOG


GOOD_OF_HERE = granting()
