"""Thresholds as deeds: nothing is loosened before it ran beside what is in force, whoever signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from audit.entry import JsonValue
from gateway.deeds.deed import Deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import Kept, State
from gateway.deeds.standing import Standing
from gateway.deeds.steps import EMERGENCY, SHADOW, USUAL
from gateway.proposals import check_proposal
from gateway.watch.threshold_deeds import (
    SHADOW_ID,
    THRESHOLDS_ID,
    adoption,
    check_shadowed,
    in_force,
    shadow_in,
    thresholds_in,
    values_in,
)
from gateway.watch.threshold_file import content_of
from gateway.watch.thresholds import DEFAULTS, Thresholds
from tests.make import CATALOGUE
from tests.people import FOUNDATION, SIGNED_AT, a_document, people, signed_by

NOW = SIGNED_AT + timedelta(hours=1)
LOOSER, STRICTER = replace(DEFAULTS, alarm=20.0), replace(DEFAULTS, alarm=9.0)
REPORT = "ab" * 32
ENTRY = 7


def values(thresholds: Thresholds) -> dict[str, JsonValue]:
    return {"values": content_of(thresholds)}


def a_shadow(thresholds: Thresholds = LOOSER, **changes: object) -> Document:
    return a_document(Kind.THRESHOLDS, SHADOW_ID, values(thresholds), path=SHADOW, **changes)


def standing(*deeds: Deed) -> Standing:
    found = Standing(FOUNDATION)
    for deed in (*people(), *deeds):
        found.add(deed, NOW)
    return found


SHADOWED = standing(signed_by(a_shadow(), "sec"))


def adopted(changes: Mapping[str, object] | None = None) -> Document:
    shadow = shadow_in(SHADOWED)
    assert shadow is not None
    content = {**adoption(shadow, (ENTRY, 99), REPORT), **(changes or {})}
    return a_document(Kind.THRESHOLDS, THRESHOLDS_ID, content)


def urgent(thresholds: Thresholds, reason: str = "有人正在枚举") -> Document:
    return a_document(Kind.THRESHOLDS, THRESHOLDS_ID, values(thresholds), path=EMERGENCY, reason=reason)


def check(document: Document, found: Standing = SHADOWED) -> None:
    check_proposal(document, found, CATALOGUE, NOW)


def test_what_is_as_it_should_be_passes() -> None:
    check(a_shadow(), standing())
    check(adopted())
    check(urgent(STRICTER), standing())


WRONG: dict[str, tuple[Document, str]] = {
    "a shadow under another id": (a_document(Kind.THRESHOLDS, "other", values(LOOSER), path=SHADOW), "编号须为 shadow"),
    "thresholds under the shadow's id": (a_document(Kind.THRESHOLDS, SHADOW_ID, values(LOOSER)), "编号须为 thresholds"),
    "a shadow of what is in force": (a_shadow(DEFAULTS), "相同"),
    "a shadow that says more": (
        a_document(Kind.THRESHOLDS, SHADOW_ID, {**values(LOOSER), "report": REPORT}, path=SHADOW),
        "恰有",
    ),
    "values beyond their bounds": (
        a_document(Kind.THRESHOLDS, SHADOW_ID, {"values": {"alarm": "1000000000.0"}}, path=SHADOW),
        "5 至 40",
    ),
    "others than ran in the shadow": (adopted(values(replace(DEFAULTS, alarm=21.0))), "正在影子运行"),
    "another shadow": (adopted({"shadow": "cd" * 32}), "正在影子运行"),
    "no digest": (adopted({"report": "yes"}), "report"),
    "entries the wrong way round": (adopted({"first": 9, "until": 9}), "条目"),
    "a truth for an entry": (adopted({"first": False}), "条目"),
    "thresholds that end": (adopted({"active": False}), "active"),
    "loosening in a hurry": (urgent(LOOSER), "只能收严"),
    "loosening one among many": (urgent(replace(STRICTER, decoys=3)), "只能收严"),
    "what may go either way": (urgent(replace(DEFAULTS, usual_misses=0.02)), "只能收严"),
    "a hurry without a reason": (urgent(STRICTER, " "), "理由"),
    "a hurry for nothing": (urgent(DEFAULTS), "相同"),
    "a path that there is not": (a_document(Kind.THRESHOLDS, THRESHOLDS_ID, values(LOOSER), path="quick"), "没有路径"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_says_what_to_change(case: str) -> None:
    document, hint = WRONG[case]
    found = SHADOWED if document.id == THRESHOLDS_ID else standing()

    with pytest.raises(DeedError, match=hint):
        check(document, found)


def test_nothing_is_adopted_that_does_not_run_in_the_shadow() -> None:
    ended = a_shadow(serial=2, previous=str(SHADOWED.deed(Kind.THRESHOLDS, SHADOW_ID).digest))  # type: ignore[union-attr]  # it is there
    over = standing(
        signed_by(a_shadow(), "sec"), signed_by(replace(ended, content={**ended.content, "active": False}), "sec")
    )

    assert shadow_in(over) is None
    for found in (standing(), over):
        with pytest.raises(DeedError, match="正在影子运行"):
            check(adopted(), found)


class Deeds:
    """A store of which only the attempts at the shadow are asked."""

    def __init__(self, state: State = State.IN_FORCE, at: datetime = NOW) -> None:
        self._kept = Kept(
            kind=Kind.THRESHOLDS,
            id=SHADOW_ID,
            serial=1,
            attempt=1,
            state=state,
            deed=b"",
            author="sec",
            partner="",
            entry=ENTRY,
            changed=int(at.timestamp()),
        )

    def attempts(self, kind: str, deed_id: str) -> list[Kept]:
        return [self._kept] if (kind, deed_id) == (Kind.THRESHOLDS, SHADOW_ID) else []


AGES = {
    "the same day": (timedelta(0), False),
    "a second too early": (timedelta(days=30) - timedelta(seconds=1), False),
    "thirty days": (timedelta(days=30), True),
    "a clock that stepped back": (-timedelta(days=40), False),
}


@pytest.mark.parametrize("case", AGES)
def test_a_shadow_runs_for_thirty_days_before_it_is_adopted(case: str) -> None:
    age, is_enough = AGES[case]

    if is_enough:
        check_shadowed(adopted(), SHADOWED, Deeds(), NOW + age)  # type: ignore[arg-type]  # asked for attempts alone
        return
    with pytest.raises(DeedError, match="须满 30 天"):
        check_shadowed(adopted(), SHADOWED, Deeds(), NOW + age)  # type: ignore[arg-type]  # the same


@pytest.mark.parametrize("document", [adopted({"first": ENTRY - 1}), adopted({"first": ENTRY + 1})])
def test_a_report_begins_where_the_shadow_does(document: Document) -> None:
    with pytest.raises(DeedError, match="first"):
        check_shadowed(document, SHADOWED, Deeds(), NOW + timedelta(days=60))  # type: ignore[arg-type]  # the same


def test_a_shadow_that_only_waits_for_its_signature_runs_nowhere() -> None:
    with pytest.raises(DeedError, match="first"):
        check_shadowed(adopted(), SHADOWED, Deeds(State.PENDING), NOW + timedelta(days=60))  # type: ignore[arg-type]  # the same


def test_what_is_in_force_is_what_was_signed_last_and_what_is_delivered_before() -> None:
    signed = standing(signed_by(a_shadow(), "sec"), signed_by(adopted(), "sec", "leader"))

    assert (values_in(standing()), thresholds_in(standing())) == ({}, DEFAULTS)
    assert thresholds_in(signed) == in_force(values_in(signed), STRICTER) == LOOSER
    assert in_force({}, STRICTER) == STRICTER
    with pytest.raises(DeedError, match="相同"):
        check(a_document(Kind.THRESHOLDS, THRESHOLDS_ID, adopted().content, **_after(signed)), signed)


def _after(found: Standing) -> dict[str, object]:
    deed = found.deed(Kind.THRESHOLDS, THRESHOLDS_ID)
    return {"serial": 2, "previous": deed.digest if deed else None, "path": USUAL}
