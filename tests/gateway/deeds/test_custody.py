"""Deeds about the ledger: what they may say, in the one form that everybody who signs them reads."""

from __future__ import annotations

import pytest

from audit.entry import JsonValue
from gateway.deeds.custody import CUSTODY, MAX_CHAIN, MAX_ENTRIES, check_custody
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.standing import Standing
from gateway.deeds.steps import RELEASE, USUAL
from tests.people import FOUNDATION, a_document, a_roll

TOKEN, DIGEST = "0123456789abcdef" * 2, "0123456789abcdef" * 4
Content = dict[str, JsonValue]

GOOD: dict[Kind, Content] = {
    Kind.REVEAL: {"entries": [3, 9], "names": ["matter", "subject"], "until": "2026-12-31"},
    Kind.EXPORT: {"entries": [], "chain": {"of": "hr", "first": 0, "last": 9}, "names": [], "until": "2026-12-31"},
    Kind.ERASURE: {"subject": TOKEN, "basis": "《个人信息保护法》第四十七条"},
    Kind.HOLD: {"subject": TOKEN, "held": True},
    Kind.RETENTION: {"before": 256, "archive": DIGEST},
    Kind.ROLLOVER: {"origin": "bidui.example/audit/2027-1", "vkeys": ["name+00000000+AA=="]},
    Kind.LOG_KEY: {"purpose": "receipt", "vkey": "name+00000000+AA=="},
    Kind.UNSEALING: {"cause": "rolled_back"},
    Kind.ACKNOWLEDGEMENT: {"partner": "hr", "month": "2026-11", "statements": DIGEST, "agrees": True},
}


def check(kind: Kind, content: Content, *, reason: str = "某事由", path: str = USUAL) -> None:
    document = a_document(kind, "C-1", content, reason=reason, path=path, author="aud")
    check_custody(document, Standing(FOUNDATION))


@pytest.mark.parametrize("kind", sorted(CUSTODY))
def test_what_is_as_it_should_be_passes(kind: Kind) -> None:
    check(kind, GOOD[kind])


@pytest.mark.parametrize("kind", sorted(CUSTODY))
def test_a_member_less_or_more_is_refused(kind: Kind) -> None:
    for name in GOOD[kind]:
        with pytest.raises(DeedError, match="恰有"):
            check(kind, {key: value for key, value in GOOD[kind].items() if key != name})
    with pytest.raises(DeedError, match="恰有"):
        check(kind, GOOD[kind] | {"more": 1})


@pytest.mark.parametrize("kind", [Kind.REVEAL, Kind.EXPORT, Kind.ERASURE, Kind.HOLD])
def test_a_reason_is_given(kind: Kind) -> None:
    with pytest.raises(DeedError, match="事由"):
        check(kind, GOOD[kind], reason=" ")


WRONG: dict[str, tuple[Kind, Content]] = {
    "no entry": (Kind.REVEAL, {"entries": []}),
    "an entry twice": (Kind.REVEAL, {"entries": [3, 3]}),
    "entries out of order": (Kind.REVEAL, {"entries": [9, 3]}),
    "an entry before the first": (Kind.REVEAL, {"entries": [-1]}),
    "an entry that is no number": (Kind.REVEAL, {"entries": [True]}),
    "entries that are no list": (Kind.REVEAL, {"entries": "39"}),
    "too many entries": (Kind.REVEAL, {"entries": [*range(MAX_ENTRIES + 1)]}),
    "no name": (Kind.REVEAL, {"names": []}),
    "a name that hides nothing": (Kind.REVEAL, {"names": ["outcome"]}),
    "a name twice": (Kind.REVEAL, {"names": ["subject", "subject"]}),
    "a name that is a number": (Kind.REVEAL, {"names": [1]}),
    "a day that is none": (Kind.REVEAL, {"until": "2026-02-30"}),
    "a day in another spelling": (Kind.REVEAL, {"until": "20261231"}),
    "a day that is no text": (Kind.REVEAL, {"until": 20261231}),
    "nothing to export": (Kind.EXPORT, {"chain": None}),
    "a chain of nobody": (Kind.EXPORT, {"chain": {"first": 0, "last": 9}}),
    "a chain backwards": (Kind.EXPORT, {"chain": {"of": "hr", "first": 9, "last": 0}}),
    "a chain too long": (Kind.EXPORT, {"chain": {"of": "hr", "first": 0, "last": MAX_CHAIN}}),
    "a number in place of a token": (Kind.ERASURE, {"subject": "152921199001010018"}),
    "a token in capitals": (Kind.ERASURE, {"subject": TOKEN.upper()}),
    "no basis": (Kind.ERASURE, {"basis": ""}),
    "a hold that releases": (Kind.HOLD, {"held": False}),
    "nothing before": (Kind.RETENTION, {"before": 0}),
    "half an archive": (Kind.RETENTION, {"archive": DIGEST[:32]}),
    "no successor": (Kind.ROLLOVER, {"origin": ""}),
    "a successor that nobody signs": (Kind.ROLLOVER, {"vkeys": []}),
    "a key for something else": (Kind.LOG_KEY, {"purpose": "grant"}),
    "no key": (Kind.LOG_KEY, {"vkey": ""}),
    "a thirteenth month": (Kind.ACKNOWLEDGEMENT, {"month": "2026-13"}),
    "nobody's statements": (Kind.ACKNOWLEDGEMENT, {"partner": ""}),
    "neither yes nor no": (Kind.ACKNOWLEDGEMENT, {"agrees": 1}),
}


@pytest.mark.parametrize(("kind", "change"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused(kind: Kind, change: Content) -> None:
    with pytest.raises(DeedError):
        check(kind, GOOD[kind] | change)


def test_only_a_hold_that_stands_is_released() -> None:
    with pytest.raises(DeedError, match="没有此编号"):
        check(Kind.HOLD, GOOD[Kind.HOLD] | {"held": False}, path=RELEASE)


def test_there_is_a_roll_to_sign_them() -> None:
    assert {"aud", "leader", "sys"} <= {person.id for person in a_roll().people()}
