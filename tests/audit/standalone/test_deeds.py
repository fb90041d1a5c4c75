"""Deeds of every wrong form, and by the wrong people: the single file refuses what the gateway refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
import pytest

from audit.disclosure import base64url
from audit.entry import JsonValue, encode
from audit.standalone.canonical import Json
from audit.standalone.deeds import Roll, open_deed, read_deed, read_document
from audit.standalone.verdicts import MissingError, WrongError
from gateway.deeds.deed import Deed, Draft
from gateway.deeds.document import Document, Kind
from gateway.deeds.document import read_document as read_ours
from gateway.deeds.errors import DeedError
from gateway.deeds.persons import person_content
from gateway.deeds.signature import Signature, Statement, sign, write_time
from gateway.domain.people import Duty
from tests.gateway.deeds.test_standalone import EXPORT, GRANT, NOW, USUAL, ours
from tests.people import (
    FOUNDATION,
    LOG,
    SIGNED_AT,
    STAFF,
    a_document,
    a_person,
    enrolled,
    founded,
    granted,
    key_of,
    people,
    signed_by,
)

BO = a_person("bo", Duty.REVIEWER)
GOOD = signed_by(USUAL, "aud", "leader")
LATER = SIGNED_AT + timedelta(days=9)


def by(account: str, step: str, document: bytes, *also: bytes, at: datetime = SIGNED_AT, kid: str = "") -> Signature:
    """Somebody's signature under a step of a document, whatever that is."""
    deeds = sorted({sha256(each).hexdigest() for each in (document, *also)})
    return sign(key_of(account), Statement(LOG, step, account, kid or account, write_time(at), deeds))


def alone(deeds: Sequence[Deed], last: Deed) -> str:
    """Why the single file does not believe it; empty if it does."""
    told: dict[str, Json] = {
        "foundation": None,
        "people": [base64url(each.encode()).decode() for each in deeds],
        "deed": base64url(last.encode()).decode(),
    }
    try:
        open_deed(told, json.loads(FOUNDATION.encode()), NOW)
    except WrongError as error:
        return str(error)
    return ""


# ------------------------------------------------------------------------------------------- documents

DOCUMENT: dict[str, JsonValue] = json.loads(USUAL.encode())
DOCUMENTS: dict[str, dict[str, JsonValue]] = {
    "another version": DOCUMENT | {"v": 2},
    "a version that is a truth": DOCUMENT | {"v": True},
    "a member more": DOCUMENT | {"more": 1},
    "a kind nobody knows": DOCUMENT | {"kind": "coup"},
    "a kind that is a number": DOCUMENT | {"kind": 7},
    "an id with a slash": DOCUMENT | {"id": "a/b"},
    "no id": DOCUMENT | {"id": ""},
    "content that is a list": DOCUMENT | {"content": []},
    "the nought serial": DOCUMENT | {"serial": 0},
    "a serial without end": DOCUMENT | {"serial": 10**7, "previous": "ab" * 32},
    "a serial that is a text": DOCUMENT | {"serial": "1"},
    "a first serial that follows": DOCUMENT | {"previous": "ab" * 32},
    "a second serial that follows nothing": DOCUMENT | {"serial": 2},
    "a first serial that follows a number": DOCUMENT | {"previous": 0},
    "a first serial that follows an empty text": DOCUMENT | {"previous": ""},
    "a serial that follows no digest": DOCUMENT | {"serial": 2, "previous": "AB" * 32},
    "a reason that is none": DOCUMENT | {"reason": None},
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_both_refuse_what_is_no_document(case: str) -> None:
    content = encode(DOCUMENTS[case])

    with pytest.raises(DeedError):
        read_ours(content)
    with pytest.raises(WrongError):
        read_document(content)


# --------------------------------------------------------------------------------------------- packing

SIGNATURE: list[object] = ["propose", "aud", "aud", "2026-01-01T00:00:00Z", ["ab"], b"p", b"", b""]


def packed(*drafts: object) -> bytes:
    return msgspec.msgpack.encode([list(drafts)])


def signature(at: int, part: object) -> bytes:
    return packed([b"{}", [[*SIGNATURE[:at], part, *SIGNATURE[at + 1 :]]]])


PACKED: dict[str, tuple[bytes, str]] = {
    "a text": (msgspec.msgpack.encode("deed"), "not a deed"),
    "two deeds": (msgspec.msgpack.encode([[], []]), "not a deed"),
    "no drafts": (packed(), "too many drafts"),
    "nine drafts": (packed(*[[b"{}", []]] * 9), "too many drafts"),
    "a draft that is a text": (packed("draft"), "not a deed"),
    "a draft of three": (packed([b"{}", [], []]), "not a deed"),
    "a document that is a text": (packed(["{}", []]), "not a deed"),
    "signatures that are bytes": (packed([b"{}", b""]), "not a deed"),
    "a signature of seven": (packed([b"{}", [SIGNATURE[:7]]]), "signature of another form"),
    "a step that is bytes": (signature(0, b"propose"), "signature of another form"),
    "deeds that are a text": (signature(4, "ab"), "not a deed"),
    "a digest that is bytes": (signature(4, [b"ab"]), "signature of another form"),
    "a proof that is a text": (signature(5, "p"), "signature of another form"),
}


@pytest.mark.parametrize("case", PACKED)
def test_what_is_no_deed_is_refused(case: str) -> None:
    content, cause = PACKED[case]

    with pytest.raises(WrongError, match=cause):
        read_deed(content)


def test_a_deed_is_read_as_it_was_signed() -> None:
    deed = read_deed(GOOD.encode())

    assert deed.digest == GOOD.digest
    assert deed.document.kind == "export"
    assert [(each.step, each.person) for each in deed.signatures] == [("propose", "aud"), ("approve", "leader")]


# ------------------------------------------------------------------------------------------ foundation

FOUNDERS: list[dict[str, JsonValue]] = FOUNDATION.members()
FOUNDATIONS: dict[str, tuple[JsonValue, str]] = {
    "nothing": (None, "other members"),
    "no log": ({"founders": FOUNDERS}, "other members"),
    "a log that is a number": ({"log": 7, "founders": FOUNDERS}, "a text"),
    "founders that are an object": ({"log": LOG, "founders": {}}, "one founder for each"),
    "two founders": ({"log": LOG, "founders": FOUNDERS[:2]}, "one founder for each"),
    "a founder twice": ({"log": LOG, "founders": [*FOUNDERS[:2], FOUNDERS[0]]}, "one founder for each"),
    "four founders": (
        {"log": LOG, "founders": [*FOUNDERS, FOUNDERS[0] | {"person": "other"}]},
        "one founder for each",
    ),
    "one key for two": (
        {"log": LOG, "founders": [*FOUNDERS[:2], FOUNDERS[2] | {"public": FOUNDERS[0]["public"]}]},
        "one founder for each",
    ),
    "one duty for two": (
        {"log": LOG, "founders": [*FOUNDERS[:2], FOUNDERS[2] | {"duty": FOUNDERS[0]["duty"]}]},
        "one founder for each",
    ),
    "a leader among them": ({"log": LOG, "founders": [*FOUNDERS[:2], FOUNDERS[2] | {"duty": "leader"}]}, "one founder"),
    "a founder without a key": ({"log": LOG, "founders": [{"person": "sys", "duty": "system_admin"}]}, "other members"),
    "a key in padding": ({"log": LOG, "founders": [FOUNDERS[0] | {"public": "AA=="}]}, "base64"),
}


@pytest.mark.parametrize("case", FOUNDATIONS)
def test_a_foundation_has_three_founders_of_three_duties(case: str) -> None:
    told, cause = FOUNDATIONS[case]

    with pytest.raises(WrongError, match=cause):
        Roll(told, NOW)  # type: ignore[arg-type]  # the same JSON, spelt with read-only types


# -------------------------------------------------------------------------------------------- one deed


def drafted(*drafts: tuple[Document, Sequence[tuple[str, str]]]) -> Deed:
    """A deed of several drafts, each with who signed which step under it."""
    made: list[Draft] = []
    for document, signers in drafts:
        content = document.encode()
        made.append(Draft(content, tuple(by(account, step, content) for account, step in signers)))
    return Deed(tuple(made))


UNDERTAKING = a_document(Kind.UNDERTAKING, "reviewer", {"text": "t"}, author="reviewer")
FREEZE = a_document(Kind.FREEZE, "F-1", {"grant": "G"}, author="sec")
ONE, OTHER = replace(USUAL, author="aud"), replace(USUAL, author="aud", content=EXPORT | {"entries": [2]})
HR = granted(GRANT)
FIRST, SECOND = HR.document, replace(HR.document, content={**HR.document.content, "contact": "other"})
WITHDRAWN = replace(HR.document, path="withdrawal", serial=2, previous=HR.digest)
GRANTING = (("hr-head", "endorse"), ("reviewer", "review"), ("leader", "sign_off"))

DEEDS: dict[str, tuple[Deed, str]] = {
    "good": (GOOD, ""),
    "an undertaking of one's own": (signed_by(UNDERTAKING, "reviewer"), ""),
    "a grant in two drafts": (drafted((FIRST, GRANTING[:1]), (SECOND, GRANTING[1:])), ""),
    "an undertaking of somebody else": (signed_by(UNDERTAKING, "leader"), "could not sign this step"),
    "a draft that nobody signed": (drafted((FIRST, GRANTING), (SECOND, [])), "signatures are missing"),
    "a draft of another deed": (
        drafted((FIRST, GRANTING[:1]), (replace(SECOND, id="G-other"), GRANTING[1:])),
        "drafts of different things",
    ),
    "two drafts of an export": (
        drafted((ONE, [("aud", "propose")]), (OTHER, [("leader", "approve")])),
        "only a grant is narrowed",
    ),
    "two drafts of a withdrawal": (
        drafted((WITHDRAWN, []), (replace(WITHDRAWN, reason="other"), [("leader", "withdraw")])),
        "only a grant is narrowed",
    ),
    "a signature more": (
        drafted((ONE, [("aud", "propose"), ("leader", "approve"), ("leader", "approve")])),
        "more signatures than steps",
    ),
    "steps in another order": (drafted((ONE, [("leader", "approve"), ("aud", "propose")])), "another step or draft"),
    "a step by the author": (signed_by(replace(USUAL, author="leader"), "aud", "leader"), "author signed a later step"),
    "by two of one duty": (
        signed_by(
            a_document(Kind.PERSON, "bo", person_content(a_person("bo", Duty.LEADER)), path="break_glass"), "sys", "sys"
        ),
        "not different people",
    ),
    "by somebody nobody knows": (signed_by(USUAL, "aud", "stranger"), "could not sign this step"),
    "about another installation": (signed_by(replace(USUAL, log="other/log"), "aud", "leader"), "another installation"),
    "half signed": (signed_by(USUAL, "aud"), "signatures are missing"),
}


@pytest.mark.parametrize("case", DEEDS)
def test_both_believe_the_same_deeds(case: str) -> None:
    deed, cause = DEEDS[case]

    found = alone(people(), deed)

    assert cause in found
    assert ours([each.encode() for each in people()], deed.encode()) == (not found) == (not cause)


def test_a_key_that_the_signer_has_not_is_named() -> None:
    document = USUAL.encode()
    signed = Deed((Draft(document, (by("aud", "propose", document, kid="aud2"),)),))

    assert "had no such key" in alone(people(), signed)


def test_a_signature_out_of_order_is_refused() -> None:
    document = USUAL.encode()
    signers = (by("aud", "propose", document, at=LATER), by("leader", "approve", document))

    assert "out of order" in alone(people(), Deed((Draft(document, signers),)))


def test_one_signature_may_stand_under_many_deeds() -> None:
    document, more = USUAL.encode(), [b"%d" % n for n in range(5)]
    signers = (by("aud", "propose", document, *more), by("leader", "approve", document, *more))

    assert alone(people(), Deed((Draft(document, signers),))) == ""


# -------------------------------------------------------------------------------------------- the roll

REVIEWED = next(each for each in people() if each.document.id == "reviewer")


def again(serial: int = 2, previous: str | None = REVIEWED.digest, at: datetime = LATER, **changes: object) -> Deed:
    """The reviewer's next deed."""
    content = person_content(a_person("reviewer", **({"duty": Duty.REVIEWER} | changes)))  # type: ignore[arg-type]  # a table
    document = a_document(Kind.PERSON, "reviewer", content, serial=serial, previous=previous)
    return signed_by(document, "sys", "sec", at=at)


def an_administrator(account: str, active: bool) -> Deed:
    """An administrator, changed by the two who may."""
    first = next(each for each in people() if each.document.id == account)
    content = person_content(a_person(account, STAFF[account], active=active))
    return signed_by(a_document(Kind.PERSON, account, content, serial=2, previous=first.digest), "sys", "sec", at=LATER)


def founder(account: str, **changes: object) -> Deed:
    """A founder's deed, otherwise than it should be."""
    document = replace(founded(account).document, **changes)  # type: ignore[arg-type]  # a table of changes
    return signed_by(document, account)


ROLLS: dict[str, tuple[list[Deed], str]] = {
    "everybody": ([*people()], ""),
    "the reviewer taken off": ([*people(), again(active=False)], ""),
    "the reviewer's next key": ([*people(), again(keys=a_person("new", Duty.REVIEWER).keys)], ""),
    "an export among people": ([*people(), GOOD], "other members"),
    "an export of a person's content": (
        [*people(), signed_by(a_document(Kind.EXPORT, "bo", person_content(BO), author="aud"), "aud", "leader")],
        "not the deed of a person",
    ),
    "a version left out": ([*people(), again(serial=3)], "does not follow"),
    "a version of something else": ([*people(), again(previous="ab" * 32)], "does not follow"),
    "the same version twice": ([*people(), REVIEWED], "does not follow"),
    "another human being": ([*people(), again(natural="ab" * 16)], "changes hands or duty"),
    "another duty": ([*people(), again(duty=Duty.LEADER)], "changes hands or duty"),
    "signatures older than the roll": ([*people(), again(), enrolled(BO)], "older than the"),
    "the last administrator taken off": ([*people(), an_administrator("aud", active=False)], "last administrator"),
    "a founder who is none": ([founder("sys", id="bo")], "only founders"),
    "a founder's second version": ([founder("sys", serial=2, previous="ab" * 32)], "only founders"),
    "a founder of another duty": (
        [founder("sys", content=person_content(a_person("sys", Duty.LEADER)))],
        "only founders",
    ),
    "a founder without the activation key": ([founder("sys")], "could not sign|had no such key|does not hold"),
    "somebody before the founders": ([enrolled(BO)], "three founders"),
}


@pytest.mark.parametrize("case", ROLLS)
def test_both_enrol_the_same_people(case: str) -> None:
    deeds, cause = ROLLS[case]
    good = signed_by(USUAL, "aud", "leader", at=LATER)

    found = alone(deeds, good)

    assert any(each in found for each in cause.split("|"))
    assert ours([each.encode() for each in deeds], good.encode()) == (not found) == (not cause)


def test_whoever_was_taken_off_signs_nothing_later_and_everything_before() -> None:
    content = person_content(a_person("leader", Duty.LEADER, active=False))
    document = a_document(Kind.PERSON, "leader", content, serial=2, previous=_digest("leader"))
    gone = signed_by(document, "sys", "sec", at=LATER)

    assert alone([*people(), gone], GOOD) == ""
    assert "could not sign" in alone([*people(), gone], signed_by(USUAL, "aud", "leader", at=LATER))


def _digest(account: str) -> str:
    return next(each.digest for each in people() if each.document.id == account)


EXPORTS: dict[str, Callable[[dict[str, JsonValue]], JsonValue]] = {
    "a list": lambda told: [told],
    "a member more": lambda told: told | {"more": 1},
    "people that are texts": lambda told: told | {"people": ["!"]},
    "a deed that is no text": lambda told: told | {"deed": None},
}


@pytest.mark.parametrize("case", EXPORTS)
def test_what_is_no_export_of_a_deed_is_refused(case: str) -> None:
    good: dict[str, JsonValue] = {"foundation": None, "people": [], "deed": ""}

    with pytest.raises(WrongError):
        open_deed(EXPORTS[case](good), json.loads(FOUNDATION.encode()), NOW)  # type: ignore[arg-type]  # the same JSON


@pytest.mark.usefixtures("without_ed25519")
def test_on_a_machine_without_the_algorithm_a_deed_is_not_called_false() -> None:
    with pytest.raises(MissingError):
        alone(people(), GOOD)
