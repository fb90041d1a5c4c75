"""Drafts over real decisions: what flips, what nobody used, and how much was looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import cast

import pytest

from gateway.deeds.document import Kind
from gateway.domain.people import Duty
from gateway.review.passing import Pace
from gateway.review.rehearsal import Rehearsal, Rehearsed, RulebookDraft
from policies.problems import RulebookError
from policies.publication import Texts
from tests.bygones import DISCIPLINE, GRANT, Bygones, bygones, without
from tests.make import CATALOGUE, a_grant
from tests.stops import harvest, watched

DAY = 10
Content = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bygones]:
    """Ten days of one comparison each, and on the last day one of every kind."""
    made = bygones(tmp_path_factory.mktemp("rehearsal") / "home")
    made.office.grant(a_grant(**(GRANT | {"number": "G-wide", "fields": ["name", "unit", "post", "quota_funding"]})))
    for _ in range(DAY):
        made.ask("unit")
        made.clock.pass_by(days=1)
    made.ask("quota_type", "post")
    made.ask("unit", grant="G-wide")
    made.ask("unit", client=DISCIPLINE, matter="M-1")
    made.ask("unit", grant="G-9")
    made.ask("unit", purpose="budget-check")
    made.ask("unit", operator="nobody")
    yield made
    made.close()


def a_draft(content: Content) -> RulebookDraft:
    return RulebookDraft(texts=Texts.of_content(content), number=3, digest="d" * 64)


def rehearsed(world: Bygones, content: Content, days: int = 30) -> Rehearsed:
    return world.rehearsal.run(a_draft(content), world.rehearsal.span(days, world.clock.now()))


def a_desk(world: Bygones, pace: Pace) -> Rehearsal:
    return Rehearsal(bygone=world.bygone, ledger=world.ledger, catalogue=CATALOGUE, pace=pace)


def changed(content: Content, file: str, old: str, new: str) -> Content:
    """The same with another text in one rulebook."""
    assert old in content["files"][file]
    return content | {"files": content["files"] | {file: content["files"][file].replace(old, new)}}


def test_the_rules_in_force_change_nothing(world: Bygones) -> None:
    found = rehearsed(world, world.rulebooks()).replay

    assert (found.decisions, found.changed, found.flips) == (DAY + 4, 0, ())
    assert (found.in_force.number, found.draft.number) == (2, 3)


def test_a_right_that_was_used_and_is_taken_flips(world: Bygones) -> None:
    found = rehearsed(world, without(world.rulebooks(), "quota_type")).replay

    (flip,) = found.flips
    assert (flip.field, flip.now_permitted, flip.client) == ("quota_type", False, "client:caizheng-pay-01")
    assert world.entry(flip.entry)["type"] == "comparison.answered"
    assert found.lost == {("dept:caizheng", "purpose:payroll-check"): 1}


def test_a_field_that_the_grant_lacks_is_not_gained(world: Bygones) -> None:
    """`post` was asked, and G-1 does not have it: rules alone give nothing."""
    content = changed(world.rulebooks(), "caizheng.toml", '"rank", "post", ', '"rank", ')
    content = changed(content, "caizheng.toml", '["name", "unit", ', '["name", "post", "unit", ')

    assert rehearsed(world, content).replay.flips == ()


def test_a_field_that_the_grant_has_is_gained(world: Bygones) -> None:
    """The same of a request under a grant that has the field, and whose rules did not allow it."""
    asked = world.ask("post", grant="G-wide")
    content = changed(world.rulebooks(), "caizheng.toml", '"rank", "post", ', '"rank", ')
    content = changed(content, "caizheng.toml", '["name", "unit", ', '["name", "post", "unit", ')

    (flip,) = rehearsed(world, content).replay.flips

    assert (flip.entry, flip.field, flip.now_permitted) == (asked, "post", True)


def test_a_narrower_network_loses_what_comes_from_elsewhere(world: Bygones) -> None:
    content = changed(world.rulebooks(), "common.toml", '"10.0.0.0/8", ', '"10.99.0.0/16", ')

    found = rehearsed(world, content).replay

    assert {flip.cause for flip in found.flips} == {"net"}
    assert found.changed == found.decisions - 1  # the one by nobody's operator was refused


def test_a_network_that_still_holds_the_systems_loses_nothing(world: Bygones) -> None:
    content = changed(world.rulebooks(), "common.toml", '"10.0.0.0/8", ', '"10.20.0.0/16", ')

    assert rehearsed(world, content).replay.flips == ()


def test_fields_that_nobody_used_are_proposed_with_their_reasons(world: Bygones) -> None:
    proposals = {each.grant: each for each in rehearsed(world, world.rulebooks()).proposals}

    assert [key for key, _, _ in proposals["G-1"].fields] == ["pay_status"]
    assert [key for key, _, _ in proposals["G-wide"].fields] == ["post", "quota_funding"]
    assert (proposals["G-1"].kept, proposals["G-1"].fields[0][2]) == (3, "核对")
    assert "G-1" in str(proposals["G-1"].as_document()["zh"])


def test_what_cannot_be_replayed_is_counted(world: Bygones) -> None:
    passed = rehearsed(world, world.rulebooks()).passed

    assert (passed.without_grant, passed.without_purpose, passed.unregistered) == (1, 1, 0)


def test_only_the_days_asked_for_are_looked_at(world: Bygones) -> None:
    days = {days: rehearsed(world, world.rulebooks(), days).replay.decisions for days in (1, 3, 30)}

    assert days[30] - days[3] == DAY - 3
    assert days[3] - days[1] == 2


def test_secret_decisions_are_counted_and_listed_for_those_of_the_duty(world: Bygones) -> None:
    content = changed(world.rulebooks(), "jijian.toml", '["name", "unit", "section", ', '["name", "section", ')
    content = {part: dict(texts) for part, texts in content.items()}

    found = rehearsed(world, content)
    hidden, shown = (found.as_document(shows_secret=shows) for shows in (False, True))

    assert (hidden["flips"], hidden["flips_not_listed"]) == ([], 1)
    assert hidden["changed"] == shown["changed"] == 1
    listed = cast("list[dict[str, object]]", shown["flips"])
    assert [flip["purpose"] for flip in listed] == ["purpose:discipline-review"]


def test_of_too_many_entries_the_latest_are_looked_at(world: Bygones) -> None:
    desk = a_desk(world, Pace(seconds=lambda: 0.0, rest=lambda: None, max_entries=8))
    span = desk.span(30, world.clock.now())

    found = desk.run(a_draft(world.rulebooks()), span)

    assert (span.end - span.first, span.is_cut) == (8, True)
    assert 0 < found.replay.decisions <= 8
    assert "最近的 8 条" in str(found.as_document(shows_secret=True)["cut_short"])


def test_when_the_time_is_up_it_says_how_far_it_came(world: Bygones) -> None:
    seconds, rests = count(), list[int]()
    pace = Pace(max_seconds=3, portion=40, seconds=lambda: next(seconds), rest=lambda: rests.append(1))
    desk = a_desk(world, pace)

    found = desk.run(a_draft(world.rulebooks()), desk.span(366, world.clock.now()))

    assert (found.span.first, found.passed.until, found.passed.out_of_time) == (0, 80, True)
    assert len(rests) == 2
    assert "第 80 条之前" in str(found.as_document(shows_secret=True)["cut_short"])


def test_a_draft_that_cannot_be_read_is_an_error(world: Bygones) -> None:
    content = changed(world.rulebooks(), "caizheng.toml", 'effect = "allow"', 'effect = "Allow"')

    with pytest.raises(RulebookError, match="allow"):
        rehearsed(world, content)


def test_rights_grow_as_their_deeds_go_by(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A grant that came later, and one that is gone: each decision is put as it was."""
    world = bygones(tmp_path_factory.mktemp("grow") / "home")
    world.clock.pass_by(days=1)
    world.ask("quota_type")
    world.put_in_force(Kind.GRANT, "G-1", {"partner": "caizheng"}, Duty.LEADER, path="withdrawal", reason="不再需要")
    world.office.grant(a_grant(**(GRANT | {"number": "G-new"})))
    world.ask("quota_type", grant="G-new")

    found = rehearsed(world, without(world.rulebooks(), "quota_type"), days=1)

    assert [flip.field for flip in found.replay.flips] == ["quota_type", "quota_type"]
    assert "G-1" not in {each.grant for each in found.proposals}
    world.close()


def test_of_a_grant_that_was_stopped_nothing_is_proposed_to_be_taken_back(tmp_path: Path) -> None:
    with closing(bygones(tmp_path / "home")) as world:
        draft = a_draft(world.rulebooks())
        harvest(watched(world))
        span = world.rehearsal.span(30, world.clock.now())

        found = world.rehearsal.run(draft, span)

        assert found.passed.withheld == 1, "the last straw"
        assert [each.grant for each in found.proposals] == ["J-1"]
        assert found.replay.flips == ()
        assert found.as_document(shows_secret=True)["withheld"] == 1
