"""The roll: from three founding keys to everybody who signs, and nobody on it twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.deeds.deed import Deed, drawn
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.persons import person_content
from gateway.deeds.roll import Roll
from gateway.deeds.signature import Statement, sign, write_time
from gateway.deeds.steps import ACTIVATION, BREAK_GLASS, FOUNDING
from gateway.domain.people import THREE, Duty, KeyForm, Person, PersonKey
from tests.make import a_grant
from tests.people import (
    FOUNDATION,
    FOUNDERS,
    LOG,
    SIGNED_AT,
    STAFF,
    a_document,
    a_person,
    a_roll,
    activation_of,
    enrolled,
    founded,
    granted,
    key_of,
    people,
    public_of,
    signed_by,
)

LATER, MUCH_LATER = SIGNED_AT + timedelta(days=1), SIGNED_AT + timedelta(days=9)


def founded_roll() -> Roll:
    """The three founders, and nobody else."""
    return Roll(FOUNDATION, [founded(each) for each in FOUNDERS])


def changed(roll: Roll, person: Person, *by: str, at: datetime = LATER, **changes: object) -> Deed:
    """The next version of a person, over the one on the roll."""
    serial, before = roll.serial(person.id)
    members: dict[str, object] = {"serial": serial + 1, "previous": before or None} | changes
    document = a_document(Kind.PERSON, person.id, person_content(person), **members)
    return signed_by(document, *(by or ("sys", "sec")), at=at)


def ended(roll: Roll, account: str, *by: str, at: datetime = LATER, **changes: object) -> Deed:
    """Takes somebody off."""
    person = roll.person(account)
    assert person is not None
    return changed(roll, replace(person, active=False), *by, at=at, **changes)


# ---------------------------------------------------------------------------------------- founding


def test_before_all_three_are_in_nobody_else_is_enrolled_and_no_deed_is_good() -> None:
    roll = Roll(FOUNDATION)
    for founder in FOUNDERS:
        assert not roll.is_founded
        for deed in (enrolled(a_person("reviewer", Duty.REVIEWER)), granted(a_grant())):
            with pytest.raises(DeedError):
                roll.open(deed, MUCH_LATER)
            with pytest.raises(DeedError):
                roll.check(drawn(deed.document), MUCH_LATER)
        roll.enrol(founded(founder), MUCH_LATER)

    assert roll.is_founded
    assert {person.duty for person in roll.people()} == THREE
    roll.enrol(enrolled(a_person("reviewer", Duty.REVIEWER)), MUCH_LATER)


def founding(account: str, person: Person | None = None, key: str = "", **changes: object) -> Deed:
    """A founder's deed, otherwise than it should be."""
    person = person or a_person(account, STAFF.get(account, Duty.LEADER))
    members: dict[str, object] = {"path": FOUNDING, "author": account} | changes
    document = a_document(Kind.PERSON, account, person_content(person), **members)
    deed = drawn(document)
    stated = Statement(document.log, "activate", account, ACTIVATION, write_time(SIGNED_AT), (deed.digest,))
    return deed.signed(sign(activation_of(key or account), stated))


NO_FOUNDERS: dict[str, Callable[[], Deed]] = {
    "nobody of entry 0": lambda: founding("mallory", key="sys"),
    "another founder's code": lambda: founding("sys", key="sec"),
    "a key of one's own": lambda: signed_by(
        a_document(Kind.PERSON, "sys", person_content(a_person("sys", Duty.SYSTEM_ADMIN)), path=FOUNDING), "sys"
    ),
    "another duty than entry 0 says": lambda: founding("sys", a_person("sys", Duty.SECURITY_ADMIN)),
    "a duty beside the three": lambda: founding("sys", a_person("sys", Duty.LEADER)),
    "a second version": lambda: founding("sys", serial=2, previous="0" * 64),
    "another installation": lambda: founding("sys", log="gateway.example/audit/2026-2"),
    "ended at once": lambda: founding("sys", a_person("sys", Duty.SYSTEM_ADMIN, active=False)),
    "without a signature": lambda: drawn(founding("sys").document),
    "with two signatures": lambda: founding("sys").signed(founding("sys").signatures[0]),
    "the path of founders for a grant": lambda: granted(a_grant(), path=FOUNDING),
}


@pytest.mark.parametrize("make", NO_FOUNDERS.values(), ids=NO_FOUNDERS)
def test_only_a_founder_comes_in_by_an_activation_key(make: Callable[[], Deed]) -> None:
    roll = Roll(FOUNDATION)

    with pytest.raises(DeedError):
        roll.enrol(make(), MUCH_LATER)
    assert list(roll.people()) == []


def test_an_activation_key_lets_in_once() -> None:
    roll = founded_roll()

    for deed in (founded("sys"), founding("sys", a_person("sys", Duty.SYSTEM_ADMIN, name="another"))):
        with pytest.raises(DeedError):
            roll.enrol(deed, MUCH_LATER)


def test_an_activation_key_signs_nothing_but_ones_own_first_deed() -> None:
    roll = founded_roll()
    document = a_document(Kind.PERSON, "mallory", person_content(a_person("mallory", Duty.LEADER)))
    deed = drawn(document)
    for account, step in (("sys", "propose"), ("sec", "approve")):
        stated = Statement(LOG, step, account, ACTIVATION, write_time(LATER), (deed.digest,))
        deed = deed.signed(sign(activation_of(account), stated))

    with pytest.raises(DeedError):
        roll.enrol(deed, MUCH_LATER)


def test_two_founders_are_two_people_with_two_keys() -> None:
    for person in (
        a_person("sec", Duty.SECURITY_ADMIN, natural=a_person("sys", Duty.SYSTEM_ADMIN).natural),
        a_person("sec", Duty.SECURITY_ADMIN, keys=a_person("sys", Duty.SYSTEM_ADMIN).keys),
    ):
        roll = Roll(FOUNDATION, [founded("sys")])
        with pytest.raises(DeedError):
            roll.enrol(founding("sec", person), MUCH_LATER)
        assert not roll.is_founded


# ---------------------------------------------------------------------------------------- who may enrol

SOMEBODY = a_person("wang", Duty.REVIEWER)
ENROLLING: dict[str, tuple[tuple[str, ...], bool]] = {
    "both administrators": (("sys", "sec"), True),
    "in another order": (("sec", "sys"), False),
    "one of them": (("sys",), False),
    "one of them twice": (("sys", "sys"), False),
    "the auditor for one of them": (("sys", "aud"), False),
    "a leader for one of them": (("sys", "leader"), False),
    "nobody": ((), False),
    "a third signature": (("sys", "sec", "leader"), True),  # there is no third step to sign
}


@pytest.mark.parametrize(("by", "good"), ENROLLING.values(), ids=ENROLLING)
def test_two_administrators_enrol(by: tuple[str, ...], good: bool) -> None:
    roll, deed = a_roll(), signed_by(a_document(Kind.PERSON, "wang", person_content(SOMEBODY)), *by)

    if good:
        assert roll.enrol(deed, MUCH_LATER) == SOMEBODY == roll.person("wang")
    else:
        with pytest.raises(DeedError):
            roll.enrol(deed, MUCH_LATER)
        assert roll.person("wang") is None


def test_the_roll_is_as_it_was_when_it_refuses() -> None:
    roll = a_roll()
    before = (list(roll.people()), [roll.serial(each.id) for each in roll.people()])
    refused = [
        enrolled(a_person("wang", Duty.REVIEWER, natural=a_person("sys", Duty.SYSTEM_ADMIN).natural)),
        changed(roll, a_person("leader", Duty.REVIEWER)),
        ended(roll, "sys"),
        ended(roll, "leader", "sys"),
    ]

    for deed in refused:
        with pytest.raises(DeedError):
            roll.enrol(deed, MUCH_LATER)

    assert (list(roll.people()), [roll.serial(each.id) for each in roll.people()]) == before


# ---------------------------------------------------------------------------------------- nobody twice

PAIRS = [(one, other) for one in sorted(THREE) for other in sorted(THREE) if one is not other]


@pytest.mark.parametrize(("held", "wanted"), PAIRS, ids=[f"{one} and {other}" for one, other in PAIRS])
def test_nobody_holds_two_of_the_three_duties(held: Duty, wanted: Duty) -> None:
    roll = founded_roll()
    holder = next(person for person in roll.people() if person.duty is held)

    second_account = a_person("second", wanted, natural=holder.natural)
    with pytest.raises(DeedError):
        roll.enrol(enrolled(second_account), MUCH_LATER)
    with pytest.raises(DeedError):
        roll.enrol(changed(roll, replace(holder, duty=wanted)), MUCH_LATER)
    assert roll.person("second") is None


@pytest.mark.parametrize("duty", Duty)
def test_nobody_has_two_accounts_whatever_they_are_for(duty: Duty) -> None:
    roll, partner = a_roll(), "hr" if duty in {Duty.CLERK, Duty.HEAD} else None
    reviewer = roll.person("reviewer")
    assert reviewer is not None

    with pytest.raises(DeedError):
        roll.enrol(enrolled(a_person("second", duty, partner, natural=reviewer.natural)), MUCH_LATER)


def test_nobody_signs_with_another_persons_key() -> None:
    roll = a_roll()
    keys = (PersonKey("mine", KeyForm.ED25519, public_of(key_of("leader"))),)

    with pytest.raises(DeedError):
        roll.enrol(enrolled(a_person("wang", Duty.REVIEWER, keys=keys)), MUCH_LATER)


LASTING: dict[str, dict[str, object]] = {
    "duty": {"duty": Duty.HEAD},
    "partner": {"partner": "tax"},
    "person": {"natural": "f" * 32},
}


@pytest.mark.parametrize("change", LASTING.values(), ids=LASTING)
def test_an_account_keeps_its_duty_its_partner_and_its_person(change: dict[str, object]) -> None:
    roll = a_roll()
    roll.enrol(enrolled(a_person("wang", Duty.CLERK, "hr")), MUCH_LATER)

    with pytest.raises(DeedError):
        roll.enrol(changed(roll, a_person("wang", **{"duty": Duty.CLERK, "partner": "hr"} | change)), MUCH_LATER)  # type: ignore[arg-type]  # a table


def test_whoever_left_may_come_back_under_another_duty() -> None:
    roll = a_roll()
    natural = a_person("reviewer", Duty.REVIEWER).natural
    roll.enrol(ended(roll, "reviewer"), MUCH_LATER)

    roll.enrol(changed(roll, a_person("promoted", Duty.LEADER, natural=natural)), MUCH_LATER)

    assert roll.person("reviewer") is None
    with pytest.raises(DeedError):
        roll.enrol(changed(roll, a_person("reviewer", Duty.REVIEWER)), MUCH_LATER)


def test_whoever_lost_their_keys_comes_back_with_others() -> None:
    roll = a_roll()
    leader = roll.person("leader")
    assert leader is not None
    keys = (PersonKey("leader", KeyForm.ED25519, public_of(key_of("leader's second"))),)
    roll.enrol(ended(roll, "leader"), MUCH_LATER)

    roll.enrol(changed(roll, replace(leader, keys=keys), at=MUCH_LATER), MUCH_LATER)

    assert roll.person("leader") == replace(leader, keys=keys)
    roll.open(granted(a_grant()), MUCH_LATER)
    with pytest.raises(DeedError):
        roll.open(signed_by(granted(a_grant()).document, "hr-head", "reviewer", "leader", at=MUCH_LATER), MUCH_LATER)


# ---------------------------------------------------------------------------------------- never the last


@pytest.mark.parametrize("last", FOUNDERS)
def test_the_last_administrator_of_a_duty_stays(last: str) -> None:
    roll = a_roll()
    by = ("leader", "aud") if last in {"sys", "sec"} else ("sys", "sec")
    with pytest.raises(DeedError):
        roll.enrol(ended(roll, last, *by, path=BREAK_GLASS if last in {"sys", "sec"} else "usual"), MUCH_LATER)

    roll.enrol(changed(roll, a_person(f"{last}-2", STAFF[last])), MUCH_LATER)
    roll.enrol(_taken_off(roll, last), MUCH_LATER)

    assert roll.person(last) is None
    assert {person.duty for person in roll.people()} >= THREE


def _taken_off(roll: Roll, last: str) -> Deed:
    """By the two administrators, the successor in the place of whoever leaves: nobody signs about themselves."""
    hands = {"sys": ("sys-2", "sec"), "sec": ("sys", "sec-2"), "aud": ("sys", "sec")}
    return ended(roll, last, *hands[last])


@given(st.permutations(FOUNDERS), st.data())
def test_there_is_always_one_of_each_of_the_three(order: Iterable[str], data: st.DataObject) -> None:
    """Whoever comes and goes, as long as the roll lets them."""
    roll, at = founded_roll(), LATER
    for number, name in enumerate([*order, *order]):
        duty = STAFF[name]
        if data.draw(st.booleans()):
            _try(roll, changed(roll, a_person(f"{name}-{number}", duty), at=at))
        leaving = data.draw(st.sampled_from(sorted(person.id for person in roll.people())))
        for by in (("sys", "sec"), ("sys", "sec-1")):
            _try(roll, ended(roll, leaving, *by, at=at)) if roll.person(leaving) else None
        at += timedelta(hours=1)

        assert {person.duty for person in roll.people()} == THREE


def _try(roll: Roll, deed: Deed) -> None:
    try:
        roll.enrol(deed, MUCH_LATER)
    except DeedError:
        return


# ---------------------------------------------------------------------------------------- break-glass

HANDS: dict[str, tuple[tuple[str, ...], bool]] = {
    "two administrators": (("aud", "sec"), True),
    "an administrator and a leader": (("sys", "leader"), True),
    "one alone": (("aud",), False),
    "one twice": (("aud", "aud"), False),
    "two of one duty": (("sec", "sec-2"), False),
    "a leader first": (("leader", "sys"), False),
    "a reviewer": (("sys", "reviewer"), False),
    "a head": (("sys", "hr-head"), False),
}


@pytest.mark.parametrize(("by", "good"), HANDS.values(), ids=HANDS)
def test_the_glass_is_broken_by_two_people_of_different_duties(by: tuple[str, ...], good: bool) -> None:
    roll = a_roll()
    roll.enrol(changed(roll, a_person("sec-2", Duty.SECURITY_ADMIN)), MUCH_LATER)

    deed = changed(roll, a_person("sys-2", Duty.SYSTEM_ADMIN), *by, path=BREAK_GLASS, at=MUCH_LATER)

    if good:
        assert roll.enrol(deed, MUCH_LATER).id == "sys-2"
    else:
        with pytest.raises(DeedError):
            roll.enrol(deed, MUCH_LATER)


def test_nobody_breaks_the_glass_for_themselves() -> None:
    roll = a_roll()
    leader = roll.person("leader")
    assert leader is not None

    with pytest.raises(DeedError):
        roll.enrol(changed(roll, replace(leader, name="x"), "sys", "leader", path=BREAK_GLASS), MUCH_LATER)


# ---------------------------------------------------------------------------------------- time


def test_everybody_is_who_they_were_then() -> None:
    roll = a_roll()
    reviewer = roll.person("reviewer")
    assert reviewer is not None
    renamed = replace(reviewer, name="李明明")
    roll.enrol(changed(roll, renamed, at=LATER), MUCH_LATER)
    roll.enrol(ended(roll, "reviewer", at=MUCH_LATER), MUCH_LATER)

    assert roll.person_at("reviewer", SIGNED_AT - timedelta(seconds=1)) is None
    assert roll.person_at("reviewer", SIGNED_AT) == reviewer
    assert roll.person_at("reviewer", LATER - timedelta(seconds=1)) == reviewer
    assert roll.person_at("reviewer", LATER) == renamed
    assert roll.person_at("reviewer", MUCH_LATER) is None
    assert roll.person("reviewer") is None
    assert roll.person_at("nobody", MUCH_LATER) is None


def test_what_somebody_signed_stays_good_when_they_leave_and_nothing_more_does() -> None:
    roll = a_roll()
    before = granted(a_grant())
    roll.enrol(ended(roll, "leader"), MUCH_LATER)
    after = signed_by(before.document, "hr-head", "reviewer", "leader", at=LATER)

    roll.open(before, MUCH_LATER)
    with pytest.raises(DeedError):
        roll.open(after, MUCH_LATER)


def test_a_key_that_was_replaced_signs_no_more() -> None:
    roll = a_roll()
    leader = roll.person("leader")
    assert leader is not None
    keys = (PersonKey("new", KeyForm.ED25519, public_of(key_of("new"))),)
    roll.enrol(changed(roll, replace(leader, keys=keys)), MUCH_LATER)

    with pytest.raises(DeedError):
        roll.open(signed_by(granted(a_grant()).document, "hr-head", "reviewer", "leader", at=LATER), MUCH_LATER)


VERSIONS: dict[str, dict[str, object]] = {
    "the first again": {"serial": 1, "previous": None},
    "one left out": {"serial": 3, "previous": "0" * 64},
    "over another one": {"serial": 2, "previous": "0" * 64},
}


@pytest.mark.parametrize("place", VERSIONS.values(), ids=VERSIONS)
def test_a_version_follows_the_one_on_the_roll(place: dict[str, object]) -> None:
    roll = a_roll()

    with pytest.raises(DeedError):
        roll.enrol(changed(roll, a_person("reviewer", Duty.REVIEWER, name="x"), **place), MUCH_LATER)  # type: ignore[arg-type]  # a table


def test_nobody_comes_in_by_signatures_older_than_the_last_change() -> None:
    """Told in another order, the two who were taken off could have let in whom they liked, in time."""
    roll = a_roll()
    roll.enrol(changed(roll, a_person("sys-2", Duty.SYSTEM_ADMIN), at=LATER), MUCH_LATER)
    stale = changed(roll, a_person("mallory", Duty.LEADER), at=LATER - timedelta(seconds=1))
    same_second = changed(roll, a_person("wang", Duty.LEADER), at=LATER)

    with pytest.raises(DeedError):
        roll.enrol(stale, MUCH_LATER)
    roll.enrol(same_second, MUCH_LATER)


def test_the_order_in_which_people_came_is_the_only_one() -> None:
    """A roll that is told otherwise lacks somebody, and whoever keeps the marks notices."""
    straight = [*people()]
    roll = a_roll()
    off = ended(roll, "leader", at=LATER)
    after = changed(roll, a_person("after", Duty.LEADER), at=MUCH_LATER)

    other = Roll(FOUNDATION, [*straight, after])
    with pytest.raises(DeedError):
        other.enrol(off, MUCH_LATER)


def test_the_future_enrols_nobody() -> None:
    deed = signed_by(a_document(Kind.PERSON, "wang", person_content(SOMEBODY)), "sys", "sec", at=MUCH_LATER)

    with pytest.raises(DeedError):
        a_roll().enrol(deed, LATER)


def test_another_installations_deeds_are_nothing_here() -> None:
    for deed in (
        enrolled(SOMEBODY, log="gateway.example/audit/2026-2"),
        granted(a_grant(), log="gateway.example/audit/2026-2"),
    ):
        with pytest.raises(DeedError):
            a_roll().open(deed, MUCH_LATER)


def test_a_deed_about_something_else_enrols_nobody() -> None:
    with pytest.raises(DeedError):
        a_roll().enrol(granted(a_grant()), MUCH_LATER)
