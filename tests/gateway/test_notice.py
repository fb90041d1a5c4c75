"""Notices: OCSF to the letter, explained in both languages, and nobody's number in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal, State
from gateway.watch.notice import notice, short, trial
from gateway.watch.notice_words import ACTIONS, BUDGETS, DETECTORS, GRADES, RELEASES, SEVERITIES, STATES
from gateway.watch.ocsf import Notice
from tests.incidents import AT, NUMBER, PRODUCT, a_finding, an_incident
from tests.make import an_id

Json = Mapping[str, Any]
OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"

REQUIRED: dict[str, set[str]] = {
    "": {"activity_id", "category_uid", "class_uid", "type_uid", "severity_id", "time", "metadata", "finding_info"},
    "metadata": {"product", "version"},
    "metadata.product": {"name", "vendor_name"},
    "finding_info": {"uid", "title"},
    "finding_info.analytic": {"type_id", "uid"},
    "evidences": {"data"},
    "anomaly_analyses": {"analysis_targets", "anomalies"},
    "anomaly_analyses.analysis_targets": {"name"},
    "anomaly_analyses.anomalies": {"observation_parameter", "observations"},
    "anomaly_analyses.baselines": {"observation_parameter", "observations"},
    "anomaly_analyses.anomalies.observations": {"value"},
    "anomaly_analyses.baselines.observations": {"value"},
    "resources": {"uid"},
    "remediation": {"desc"},
}
"""What OCSF 1.5 demands of each object that we send, or of which it demands one."""

KINDS: dict[str, type | tuple[type, ...]] = {
    "integer": int,
    "timestamp": int,
    "string": str,
    "boolean": bool,
    "json": dict,
    "object": dict,
}
MEMBERS: dict[str, str] = {
    "activity_id": "integer",
    "activity_name": "string",
    "category_uid": "integer",
    "category_name": "string",
    "class_uid": "integer",
    "class_name": "string",
    "type_uid": "integer",
    "type_name": "string",
    "severity_id": "integer",
    "severity": "string",
    "status_id": "integer",
    "status": "string",
    "is_alert": "boolean",
    "time": "timestamp",
    "start_time": "timestamp",
    "end_time": "timestamp",
    "count": "integer",
    "message": "string",
    "metadata": "object",
    "metadata.version": "string",
    "metadata.product": "object",
    "metadata.product.name": "string",
    "metadata.product.vendor_name": "string",
    "metadata.product.uid": "string",
    "metadata.product.version": "string",
    "metadata.uid": "string",
    "metadata.correlation_uid": "string",
    "metadata.log_name": "string",
    "metadata.labels": "string*",
    "finding_info": "object",
    "finding_info.uid": "string",
    "finding_info.title": "string",
    "finding_info.desc": "string",
    "finding_info.analytic": "object",
    "finding_info.analytic.uid": "string",
    "finding_info.analytic.name": "string",
    "finding_info.analytic.desc": "string",
    "finding_info.analytic.type_id": "integer",
    "finding_info.analytic.type": "string",
    "finding_info.created_time": "timestamp",
    "finding_info.first_seen_time": "timestamp",
    "finding_info.last_seen_time": "timestamp",
    "evidences": "object*",
    "evidences.name": "string",
    "evidences.data": "json",
    "anomaly_analyses": "object*",
    "anomaly_analyses.analysis_targets": "object*",
    "anomaly_analyses.analysis_targets.name": "string",
    "anomaly_analyses.analysis_targets.type": "string",
    **{
        f"anomaly_analyses.{each}{member}": kind
        for each in ("anomalies", "baselines")
        for member, kind in {
            "": "object*",
            ".observation_parameter": "string",
            ".observation_type": "string",
            ".observed_pattern": "string",
            ".observations": "object*",
            ".observations.value": "string",
            ".observations.timespan": "object",
            ".observations.timespan.duration_days": "integer",
        }.items()
    },
    "resources": "object*",
    "resources.uid": "string",
    "resources.type": "string",
    "resources.owner": "object",
    "resources.owner.name": "string",
    "resources.owner.type": "string",
    "remediation": "object",
    "remediation.desc": "string",
}
"""The members of OCSF 1.5 that we send, with its types; a star is an array."""


def sent(made: Notice) -> Json:
    """As receivers read it."""
    return cast("Json", msgspec.json.decode(msgspec.json.encode(made)))


def faults(document: Json, place: str = "") -> Iterator[str]:
    """What is not as OCSF has it."""
    yield from (f"{place} lacks {each}" for each in REQUIRED.get(place, set()) - document.keys())
    for name, value in document.items():
        member = f"{place}.{name}".lstrip(".")
        kind = MEMBERS.get(member)
        if kind is None:
            yield f"{member} is not in OCSF"
            continue
        for each in value if kind.endswith("*") else [value]:
            if type(each) is not KINDS[kind.rstrip("*")]:
                yield f"{member} is no {kind}"
            elif kind.startswith("object"):
                yield from faults(cast("Json", each), member)


# --------------------------------------------------------------------------------------------------- OCSF


@pytest.mark.parametrize("detector", Detector)
def test_every_notice_is_a_detection_finding(detector: Detector) -> None:
    for level, state, action in product(Level, State, Action):
        made = notice(an_incident(a_finding(detector, action, level, "x/y"), state=state), product=PRODUCT)

        assert list(faults(sent(made))) == []
        assert made["class_uid"] == 2004
        assert made["type_uid"] == 200400 + made["activity_id"]
        assert msgspec.json.decode(msgspec.json.encode(made), type=Notice) == made


def test_a_trial_is_a_detection_finding_that_alarms_nobody() -> None:
    made = trial(AT, product=PRODUCT)

    assert list(faults(sent(made))) == []
    assert (made["is_alert"], made["severity"], made["metadata"]["labels"]) == (False, "Informational", ["test"])
    assert (
        trial(AT, product=PRODUCT)["metadata"]["uid"] != trial(AT.replace(hour=3), product=PRODUCT)["metadata"]["uid"]
    )


def test_every_member_is_explained() -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    table = text[text.index("### 告警的内容") :].partition("\n### ")[0]

    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert {member for row in rows for member in re.findall(r"`([a-z_.]+)`", row)} == MEMBERS.keys()


STANDINGS = {
    "first finding": (State.OPEN, 1, (1, "Create", 1, "New", True)),
    "more findings": (State.OPEN, 2, (2, "Update", 1, "New", True)),
    "escalated": (State.ESCALATED, 1, (2, "Update", 99, "Escalated", True)),
    "released": (State.RELEASED, 4, (3, "Close", 4, "Resolved", False)),
}


@pytest.mark.parametrize("case", STANDINGS)
def test_how_an_incident_stands_is_told(case: str) -> None:
    state, count, expected = STANDINGS[case]
    made = notice(an_incident(state=state, count=count), product=PRODUCT)

    assert expected == (
        made["activity_id"],
        made["activity_name"],
        made["status_id"],
        made["status"],
        made["is_alert"],
    )


def test_the_harder_the_action_the_more_severe() -> None:
    severities = [
        notice(an_incident(a_finding(action=action)), product=PRODUCT)["severity_id"] for action in sorted(Action)
    ]

    assert severities == [1, 2, 3, 4, 5, 5]


def test_what_is_left_alone_becomes_critical() -> None:
    incident = an_incident(a_finding(action=Action.HOLD), state=State.ESCALATED)

    assert notice(incident, product=PRODUCT)["severity"] == "Critical"


def test_the_incident_is_explained() -> None:
    made = sent(notice(an_incident(), product=PRODUCT))
    info, [analysis] = made["finding_info"], made["anomaly_analyses"]

    assert info["uid"] == made["metadata"]["correlation_uid"] == NUMBER
    assert info["analytic"]["uid"] == "miss_rate"
    assert (info["first_seen_time"], info["last_seen_time"]) == (1_795_141_800_000, 1_795_145_400_000)
    assert analysis["analysis_targets"] == [{"name": "grant G-2026-1", "type": "grant"}]
    assert analysis["anomalies"][0]["observations"] == [{"value": "0.42", "timespan": {"duration_days": 1}}]
    assert analysis["baselines"][0]["observations"] == [{"value": "0.03", "timespan": {"duration_days": 1}}]
    assert made["evidences"][0]["data"] == {
        "parameter": "share of unknown numbers among new subjects",
        "observed": 0.42,
        "expected": 0.03,
        "window_days": 1,
        "action": "hold",
        "count": 3,
        "samples": ["0a1b2c3d", "deadbeef"],
        "others": ["G-2026-2"],
        "left": {"subjects_per_day": 7},
    }
    assert made["resources"][0]["owner"]["name"] == "caizheng"


def test_the_same_news_has_the_same_id_and_other_news_another() -> None:
    def uid(incident: Incident) -> str:
        return notice(incident, product=PRODUCT)["metadata"]["uid"]

    others = [an_incident(count=4), an_incident(state=State.RELEASED), an_incident(number="f" * 16)]

    assert uid(an_incident()) == uid(an_incident())
    assert len({uid(an_incident()), *map(uid, others)}) == 4


# -------------------------------------------------------------------------------------------------- words


def test_every_word_is_there_in_both_languages() -> None:
    assert DETECTORS.keys() == set(Detector)
    assert ACTIONS.keys() == SEVERITIES.keys() == RELEASES.keys() == set(Action)
    assert STATES.keys() == set(State)
    for said in [*ACTIONS.values(), *RELEASES.values(), *GRADES.values(), *BUDGETS.values()]:
        assert said.zh
        assert said.en.isascii()


def test_the_short_text_is_a_chinese_line_and_an_english_one() -> None:
    chinese, english = short(notice(an_incident(), product=PRODUCT)).splitlines()

    assert chinese == (
        f"【高】事件 {NUMBER}：签批单 G-2026-1（部门 caizheng）：新对象中查无此号的比例异常，观察到 0.42，预期 0.03"
        "（1 天内），至今 3 次；答复已扣留。"
    )
    assert english == (
        f"[High] Incident {NUMBER}: grant G-2026-1 (partner caizheng): unusual share of unknown "
        "numbers among new subjects; observed 0.42, expected 0.03 (within 1 day), 3 times so far; answers withheld."
    )


def test_the_description_tells_who_else_and_what_is_left_and_the_remediation_what_would_release_it() -> None:
    made = notice(an_incident(left={"subjects_per_day": 7, "unheard_of": 1}), product=PRODUCT)
    chinese, english = made["finding_info"]["desc"].splitlines()

    assert chinese.endswith("另涉签批单：G-2026-2。剩余额度：当日人数 7、unheard_of 1。")
    assert english.endswith("Grants that contributed: G-2026-2. Budget left: subjects today 7, unheard_of 1.")
    assert "领导" in made["remediation"]["desc"]
    assert "leader" in made["remediation"]["desc"]


# ------------------------------------------------------------------------------------- what is never told


def test_of_operators_and_subjects_no_name_is_told() -> None:
    for level in (Level.OPERATOR, Level.SUBJECT, Level.PATTERN):
        text = msgspec.json.encode(
            notice(an_incident(a_finding(level=level, name="caizheng/zhang.san")), product=PRODUCT)
        )

        assert b"zhang.san" not in text, level


def test_what_is_no_pseudonym_is_left_out() -> None:
    number = an_id(7)
    incident = an_incident(samples=(number, number[:8] + "x", "0A1B2C3D", "0a1b2c3d", "deadbeef\n", ""))

    data = notice(incident, product=PRODUCT)["evidences"][0]["data"]

    assert data["samples"] == ["0a1b2c3d"]
    assert number not in msgspec.json.encode(notice(incident, product=PRODUCT)).decode()


def test_nobody_learns_which_subjects_are_decoys() -> None:
    made = notice(an_incident(a_finding(Detector.DECOY)), product=PRODUCT)

    assert made["evidences"][0]["data"]["samples"] == []
    assert b"deadbeef" not in msgspec.json.encode(made)


FINDINGS = st.builds(
    Finding,
    detector=st.sampled_from(Detector),
    action=st.sampled_from(Action),
    principal=st.builds(Principal, st.sampled_from(Level), st.just("a/b")),
    partner=st.just("a"),
    grant=st.sampled_from(["", "G-1"]),
    observed=st.floats(),
    expected=st.floats(),
    days=st.integers(0, 365),
    at=st.just(AT),
)


@given(FINDINGS, st.sampled_from(State), st.lists(st.text(max_size=20), max_size=9))
def test_any_incident_can_be_told(finding: Finding, state: State, samples: list[str]) -> None:
    made = notice(an_incident(finding, state=state, samples=tuple(samples)), product=PRODUCT)

    assert len(short(made).splitlines()) == 2
    assert list(faults(sent(made))) == []
    assert len(made["evidences"][0]["data"]["samples"]) <= 5


def test_a_finding_beyond_grants_names_none() -> None:
    finding = replace(a_finding(level=Level.PARTNER, name="caizheng"), grant="")
    made = notice(an_incident(finding), product=PRODUCT)

    assert made["resources"] == []
    assert "部门 caizheng：" in made["message"]


def test_a_drift_asks_for_documents_and_for_no_sign_in() -> None:
    drifted = notice(an_incident(a_finding(Detector.DRIFT, Action.STEP_UP)), product=PRODUCT)
    other = notice(an_incident(a_finding(Detector.OFF_HOURS, Action.STEP_UP)), product=PRODUCT)

    assert "more documents are asked for" in drifted["message"]
    assert "sign" not in drifted["message"] + drifted["remediation"]["desc"]
    assert "must prove afresh" in other["message"]
