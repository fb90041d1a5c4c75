"""Old decisions explained by the version that made them: the same verdict, or what differs is said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import text

from adapters.sql.engine import open_engine
from audit.data_keys import OPERATOR
from audit.entry import JsonValue
from audit.events import Asked, DataRef, Inner, PolicyRef, answered, outcome, terms
from audit.reader import DifferenceError
from gateway.deeds.document import Kind
from gateway.domain.people import Duty
from gateway.drafting import Proposal
from gateway.review.hindsight import Agrees, Recalled
from ops.demo.office import IDS
from ops.erasing import open_custody
from ops.settings import ServeSettings, load
from tests.bygones import CLERKS, DISCIPLINE, FINANCE, GRANT, Bygones, bygones, without
from tests.make import a_grant, an_id, limits

SAME, OPEN, DIFFERS = Agrees.SAME, Agrees.OPEN, Agrees.DIFFERS


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bygones]:
    made = bygones(tmp_path_factory.mktemp("hindsight") / "home")
    made.office.grant(a_grant(**(GRANT | {"number": "G-few", "limits": limits(1, 1, 1)})))
    made.register.put(an_id(2), *[])
    yield made
    made.close()


def recalled(world: Bygones, entry: int) -> Recalled:
    found = world.hindsight.recall(entry)
    assert found is not None
    return found


@dataclass(frozen=True)
class Case:
    """What was asked, what the ledger says of it, and what hindsight does."""

    recorded: str
    agrees: Agrees
    cause: str = ""
    fields: tuple[str, ...] = ("unit",)
    asked: Mapping[str, str] = field(default_factory=dict)


CASES: dict[str, Case] = {
    "answered": Case("", SAME, fields=("unit", "quota_type")),
    "answered in part": Case("", SAME, fields=("unit", "post", "person_status")),
    "answered for a matter": Case("", SAME, asked={"client": DISCIPLINE, "matter": "M-1"}),
    "answered for another day": Case("", SAME, asked={"as_of": "2025-12-31"}),
    "refused: no such grant": Case("not_permitted", SAME, "no_such_grant", asked={"grant": "G-9"}),
    "refused: another's grant": Case("not_permitted", SAME, "no_such_grant", asked={"grant": "J-1"}),
    "refused: another purpose": Case("not_permitted", SAME, "grant_purpose", asked={"purpose": "budget-check"}),
    "refused: another network": Case("not_permitted", SAME, "net", asked={"address": "192.168.0.9"}),
    "refused: nobody's operator": Case("not_permitted", OPEN, asked={"operator": "nobody"}),
    "refused: another day": Case("not_permitted", OPEN, asked={"as_of": "2024-12-31"}),
    "refused: without a matter": Case("not_permitted", OPEN, asked={"client": DISCIPLINE}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_decision_follows_from_the_rights_of_its_time(world: Bygones, case: Case) -> None:
    entry = world.ask(*case.fields, **case.asked)

    found = recalled(world, entry)

    assert (found.decision.refused, found.agrees, found.differences) == (case.recorded, case.agrees, ())
    assert found.explained.verdict.cause == case.cause


def test_a_spent_quota_is_not_a_question_of_rights(world: Bygones) -> None:
    first, second = world.ask(grant="G-few"), world.ask(grant="G-few")

    assert (recalled(world, first).agrees, recalled(world, second).agrees) == (SAME, OPEN)
    assert recalled(world, second).decision.refused == "quota"


def test_old_data_and_freezes_are_explained(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = bygones(tmp_path_factory.mktemp("old") / "home")
    world.clock.pass_by(days=40)
    stale = recalled(world, world.ask())
    world.freeze("partner.caizheng")
    frozen = recalled(world, world.ask())

    assert (stale.decision.refused, stale.agrees, stale.explained.verdict.cause) == (
        "stale_data",
        SAME,
        "grant_data_age",
    )
    assert (frozen.decision.refused, frozen.agrees, frozen.explained.verdict.cause) == (
        "frozen",
        SAME,
        "frozen:partner",
    )
    world.close()


def test_what_changed_since_changes_no_explanation(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = bygones(tmp_path_factory.mktemp("since") / "home")
    before = world.ask("quota_type")
    world.publish(without(world.rulebooks(), "quota_type"))
    after = world.ask("quota_type")
    withdrawal = {"partner": "caizheng"}
    world.put_in_force(Kind.GRANT, "G-1", withdrawal, Duty.LEADER, path="withdrawal", reason="不再需要")
    withdrawn = world.ask("quota_type")

    told = [recalled(world, entry) for entry in (before, after, withdrawn)]

    assert [found.agrees for found in told] == [SAME, SAME, SAME]
    assert [found.explained.policy.number for found in told] == [2, 3, 3]
    assert [found.explained.verdict.permitted for found in told] == [("name", "quota_type"), ("name",), ()]
    assert told[2].explained.verdict.cause == "no_such_grant"
    world.close()


# ---------------------------------------------------------------------------------------- what differs


def forged(world: Bygones, **changes: object) -> int:
    """An answer in the ledger that no judge gave, such as a taken-over gateway might write."""
    deed = world.bygone.present().rulebooks
    assert deed is not None
    usual: dict[str, object] = {
        "grant": "G-1",
        "fields": (("name", "equals"), ("unit", "equals")),
        "rules": ("CZ-001",),
        "policy": PolicyRef(deed.document.serial, deed.digest),
        "codes": {"name": "match", "unit": "match"},
    }
    said = usual | changes
    asked = Asked(
        partner="caizheng",
        client=FINANCE,
        grant=cast("str", said["grant"]),
        purpose="payroll-check",
        kind="person",
        fields=cast("tuple[tuple[str, str], ...]", said["fields"]),
        as_of="2026-06-30",
        network=cast("str", said.get("network", "gov_extranet")),
        subject=an_id(1),
        operator=CLERKS[FINANCE],
        matter=None,
        request_sha256="",
    )
    made = terms(
        asked,
        rules=cast("tuple[str, ...]", said["rules"]),
        policy=cast("PolicyRef", said["policy"]),
        data=DataRef("a" * 64, "2026-06-30T02:00:00Z"),
        counts={"claims": 1},
    )
    draft = answered(
        made,
        Inner(cause="confirmed"),
        subject=an_id(1),
        operator=CLERKS[FINANCE],
        matter=None,
        told="confirmed",
        outcome=outcome("confirmed", cast("Mapping[str, str]", said["codes"])),
        request_sha256="",
        response_sha256="",
    )
    with world.pipeline.store.begin() as work:
        (recorded,) = world.pipeline.recorder.ledger.append(work.ledger, [draft], world.clock.now())
        work.commit()
    return recorded.index


FORGED: dict[str, tuple[dict[str, object], str]] = {
    "a version that never was": ({"policy": PolicyRef(99, "c" * 64)}, "从未生效"),
    "a version under another digest": ({"policy": PolicyRef(2, "c" * 64)}, "从未生效"),
    "rules that do not allow it": ({"rules": ("CZ-002",)}, "记录的规则"),
    "a grant that there is not": ({"grant": "G-9"}, "应拒绝"),
    "a network that it may not use": ({"network": "far"}, "应拒绝"),
    "a network that nobody registered": ({"network": "moon"}, "应拒绝"),
    "a field too many": (
        {
            "fields": (("name", "equals"), ("unit", "equals"), ("post", "equals")),
            "codes": {"name": "match", "unit": "match", "post": "match"},
        },
        "post",
    ),
    "a field too few": ({"codes": {"name": "match", "unit": "not_authorised"}}, "没有比对 unit"),
}


@pytest.mark.parametrize(("changes", "told"), FORGED.values(), ids=FORGED)
def test_what_does_not_follow_is_said(world: Bygones, changes: dict[str, object], told: str) -> None:
    found = recalled(world, forged(world, **changes))

    assert found.agrees is DIFFERS
    assert told in "".join(found.differences)


def test_an_honest_entry_of_the_same_make_agrees(world: Bygones) -> None:
    assert recalled(world, forged(world)).agrees is SAME


@pytest.mark.parametrize(("hours", "agrees"), [(0, SAME), (1, DIFFERS)], ids=["at once", "an hour later"])
def test_a_turn_may_judge_by_what_it_found_when_it_began(
    tmp_path_factory: pytest.TempPathFactory, hours: int, agrees: Agrees
) -> None:
    """Its entry may then stand behind a deed that it did not know of; but no longer than a turn takes."""
    world = bygones(tmp_path_factory.mktemp("race") / "home")
    deed = world.bygone.present().rulebooks
    assert deed is not None
    world.publish(without(world.rulebooks(), "quota_type"))
    world.clock.pass_by(hours=hours)
    fields, codes = (("name", "equals"), ("quota_type", "equals")), {"name": "match", "quota_type": "match"}

    found = recalled(world, forged(world, policy=PolicyRef(2, deed.digest), fields=fields, codes=codes))

    assert (found.agrees, found.explained.policy.number) == (agrees, 2)
    assert found.explained.verdict.permitted == ("name", "quota_type")
    assert all("第 2 版" in told and "第 3 版" in told for told in found.differences)
    world.close()


# ---------------------------------------------------------------------------------------- what is not told


def test_neither_subject_nor_operator_nor_match_is_told(world: Bygones) -> None:
    told = json.dumps(recalled(world, world.ask("unit", "quota_type")).as_document(), ensure_ascii=False)

    for hidden in (an_id(1), CLERKS[FINANCE], "张伟", "教育局", '"match"', "confirmed"):
        assert hidden not in told


def test_secret_purposes_are_known_as_such(world: Bygones) -> None:
    assert recalled(world, world.ask(client=DISCIPLINE, matter="M-1")).is_secret
    assert recalled(world, world.ask(client=DISCIPLINE, purpose="payroll-check")).is_secret
    assert not recalled(world, world.ask()).is_secret


def test_an_entry_that_is_no_decision_is_none(world: Bygones) -> None:
    for entry in (0, 7, world.ledger.head().size, -1):
        assert world.hindsight.recall(entry) is None


def test_a_changed_entry_is_not_explained(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = bygones(tmp_path_factory.mktemp("changed") / "home")
    entry = world.ask()
    engine = open_engine(world.home.database_url(load(world.home, "serve.toml", ServeSettings)))
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER ledger_entry_no_update"))
        changed = "UPDATE ledger_entry SET entry = CAST(replace(entry, 'G-1', 'G-2') AS BLOB) WHERE \"index\" = :entry"
        assert connection.execute(text(changed), {"entry": entry}).rowcount == 1
    engine.dispose()

    with pytest.raises(DifferenceError):
        world.hindsight.recall(entry)
    world.close()


def test_a_cause_that_was_erased_is_told_as_not_replayable(tmp_path: Path) -> None:
    with closing(bygones(tmp_path / "home")) as world, closing(open_custody(world.home)) as desks:
        entry = world.ask("unit", operator="nobody")
        assert recalled(world, entry).agrees is OPEN
        world.clock.pass_by(days=4 * 366)
        named = desks.tokens.point(OPERATOR, "nobody").text
        content: dict[str, JsonValue] = {"subject": named, "basis": "《个人信息保护法》第四十七条"}
        auditor = IDS[Duty.AUDIT_ADMIN]
        kept = world.office.draw(auditor, Proposal(kind=Kind.ERASURE, id="E-1", content=content, reason="申请"))
        for account in (auditor, IDS[Duty.LEADER]):
            kept = world.office.sign(kept, account)
        erased = desks.erasing.erase("E-1")

        hindsight = replace(world.hindsight, tombstones=desks.reader.tombstones)
        found = hindsight.recall(entry)

        assert found is not None
        assert (found.agrees, found.erased["inner"]) == (Agrees.ERASED, erased.tombstones[0])
        assert "不可重放" in str(found.as_document()["zh"])
        assert f"第 {erased.tombstones[0]} 条" in str(found.as_document()["zh"])
