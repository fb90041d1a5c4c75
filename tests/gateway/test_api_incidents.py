"""What the watch stopped, at the doors: shown to whom it concerns, released by two and by no fewer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.people import Duty
from gateway.domain.standing import Kept, Stop
from ops.demo.office import IDS, head_of
from tests.bygones import CLERKS, FINANCE, Bygones, bygones
from tests.desks import Insider, Json, OpenOffice, a_desk_over
from tests.stops import harvest, incident_of, lying_now, release, watched

SECURITY, LEADER, AUDITOR = IDS[Duty.SECURITY_ADMIN], IDS[Duty.LEADER], IDS[Duty.AUDIT_ADMIN]
REVIEWER, SYSTEM, HEAD, OTHERS = IDS[Duty.REVIEWER], IDS[Duty.SYSTEM_ADMIN], head_of("caizheng"), head_of("jijian")


@dataclass
class Scene:
    """A world under the watch, and the doors of its office."""

    world: Bygones
    office: OpenOffice

    def somebody(self, account: str) -> Insider:
        return self.office.somebody(account)

    def draw(self, **content: object) -> str:
        """A release that 安全管理员 draws up; its digest."""
        told = {"frozen": False} | content
        target = "grant.G-1"
        drawn: Json = self.somebody(SECURITY).post(
            "deeds", kind="freeze", id=target, path="release", content=told, reason="已核实"
        )
        digest: str = drawn["digest"]
        return digest

    def refused(self, account: str, **content: object) -> str:
        """What somebody is told who may not draw this release up."""
        body = {"kind": "freeze", "id": "grant.G-1", "path": "release", "reason": "已核实"}
        sent = json.dumps(body | {"content": {"frozen": False} | content}).encode()
        response = self.office.send("POST", "deeds", self.somebody(account).headers, sent)
        assert response.status_code in {403, 422}, response.text
        return response.text

    def refused_to_sign(self, account: str, digest: str) -> str:
        """What somebody is told whose signature this is not."""
        with pytest.raises(AssertionError, match="https"):
            self.somebody(account).sign(digest)
        return self.office.heard[-1].text

    @property
    def incident(self) -> str:
        return lying_now(self.world).incident


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with closing(bygones(tmp_path / "home")) as world:
        harvest(watched(world))
        with a_desk_over(world.home) as desk, closing(OpenOffice(desk)) as office:
            yield Scene(world, office)


# ---------------------------------------------------------------------------------------- shown


@pytest.mark.parametrize("account", [SECURITY, LEADER, AUDITOR])
def test_officers_see_what_was_seen_wherever_they_look(scene: Scene, account: str) -> None:
    who = scene.somebody(account)

    (stop,), (task,) = who.get("stops")["stops"], who.get("tasks")["stopped"]
    grant = who.get("grants/G-1")

    found = incident_of(scene.world, lying_now(scene.world)).finding
    assert stop == task == grant["stopped"][0]
    assert (stop["response"], stop["seen"]["observed"]) == ("held", str(found.observed))
    assert "bidui release grant.G-1" in stop["next_zh"]
    assert (grant["versions"][-1]["state"], grant["versions"][-1]["state_zh"]) == ("frozen", "已冻结")


@pytest.mark.parametrize("account", [HEAD, REVIEWER, SYSTEM])
def test_nobody_else_sees_a_figure(scene: Scene, account: str) -> None:
    who = scene.somebody(account)
    found = incident_of(scene.world, lying_now(scene.world)).finding

    told = [who.get("stops")["stops"], who.get("grants/G-1")["stopped"]]

    for (stop,) in told:
        assert (stop["seen"], stop["freezes"], stop["incident"]) == (None, None, scene.incident)
    shown = json.dumps(told, ensure_ascii=False)
    for hidden in (str(found.observed), str(found.expected), found.detector.value, "查无此号"):
        assert hidden not in shown


ASKED: Json = {
    "client": FINANCE,
    "purpose": "payroll-check",
    "claims": [{"field": "unit"}],
    "address": "10.20.0.7",
    "operator": CLERKS[FINANCE],
    "grant": "G-1",
}


@pytest.mark.parametrize(("account", "sees"), [(LEADER, True), (REVIEWER, False)])
def test_a_request_that_nobody_made_is_explained_by_what_lies_there(scene: Scene, account: str, sees: bool) -> None:
    world, observed = scene.world, str(incident_of(scene.world, lying_now(scene.world)).finding.observed)
    before = world.clock.now() - timedelta(minutes=1)
    world.clock.pass_by(minutes=1)

    told = scene.somebody(account).post("explain", **ASKED)
    then = scene.somebody(account).post("explain", **ASKED, at=before.isoformat())

    assert (told["verdict"]["reason"], told["verdict"]["cause"]) == ("held", "held:grant")
    assert [each["incident"] for each in told["stopped"]] == [scene.incident]
    assert (observed in json.dumps(told)) is sees
    assert (then["verdict"]["cause"], then["stopped"]) != ("held:grant", told["stopped"])
    release(world, lying_now(world))
    assert scene.somebody(account).post("explain", **ASKED)["verdict"]["reason"] == ""


def test_another_partner_hears_nothing(scene: Scene) -> None:
    who = scene.somebody(OTHERS)

    assert (who.get("stops")["stops"], who.get("tasks")["stopped"]) == ([], [])
    assert scene.office.send("GET", "incidents", who.headers, b"").status_code == 403


def test_an_incident_stands_as_the_deeds_say(scene: Scene) -> None:
    who, named = scene.somebody(AUDITOR), scene.incident
    before = who.get(f"incidents/{named}")
    release(scene.world, lying_now(scene.world))
    after = who.get(f"incidents/{named}")

    assert (before["state"], before["state_zh"]) == ("open", "未处置")
    assert (after["state"], after["state_zh"], after["exception"]) == ("released", "已解除", None)
    assert who.get("stops")["stops"] == []


# ---------------------------------------------------------------------------------------- released


def test_two_people_release_and_the_exception_ends_by_itself(scene: Scene) -> None:
    until = (scene.world.clock.now() + timedelta(days=3)).date().isoformat()
    named, exception = scene.incident, {"detector": "miss_rate", "until": until, "most": None}

    digest = scene.draw(incident=named, exception=exception)
    scene.somebody(SECURITY).sign(digest)
    assert scene.world.rights.load().held == {"grant.G-1"}, "one is not enough"
    scene.somebody(LEADER).sign(digest)

    rights = scene.world.rights.load()
    assert (rights.held, rights.exempt["G-1"].until.isoformat()) == (frozenset(), until)
    assert scene.somebody(AUDITOR).get(f"incidents/{named}")["state"] == "exception"
    scene.world.clock.pass_by(days=4)
    assert scene.somebody(AUDITOR).get(f"incidents/{named}")["state"] == "released"


def test_nobody_releases_alone_and_nobody_twice(scene: Scene) -> None:
    digest = scene.draw(incident=scene.incident)
    scene.somebody(SECURITY).sign(digest)

    for account in (SECURITY, AUDITOR, REVIEWER, HEAD):
        scene.refused_to_sign(account, digest)

    assert scene.world.rights.load().held == {"grant.G-1"}


REFUSED: dict[str, tuple[str, Callable[[Scene], dict[str, object]], str]] = {
    "the leader draws it up": (LEADER, lambda scene: {"incident": scene.incident}, "职责"),
    "no incident": (SECURITY, lambda _: {}, "须写明 incident"),
    "another incident": (SECURITY, lambda _: {"incident": "0" * 16}, "须写明 incident"),
    "no number": (SECURITY, lambda _: {"incident": "x"}, "16 位"),
    "an exception for too long": (SECURITY, lambda scene: excepting(scene, days=31), "30 日之内"),
    "an exception that is over": (SECURITY, lambda scene: excepting(scene, days=-1), "30 日之内"),
    "an exception from another detector": (SECURITY, lambda scene: excepting(scene, detector="misses"), "检测"),
    "an exception from decoys": (SECURITY, lambda scene: excepting(scene, detector="decoy"), "不得例外"),
    "an exception from nothing known": (SECURITY, lambda scene: excepting(scene, detector="x"), "其中之一"),
    "a ceiling of nothing": (SECURITY, lambda scene: excepting(scene, most=0), "正整数"),
    "a ceiling that is true": (SECURITY, lambda scene: excepting(scene, most=True), "正整数"),
    "a day that is none": (SECURITY, lambda scene: excepting(scene, until="2026-13-01"), "日期"),
    "an exception with more": (SECURITY, lambda scene: excepting(scene, more=1), "须恰有"),
    "more than a release says": (SECURITY, lambda scene: {"incident": scene.incident, "more": 1}, "多余的成员：more"),
}


def excepting(scene: Scene, days: int = 1, **changes: object) -> dict[str, object]:
    """A release with an exception that is wrong somewhere."""
    until = (scene.world.clock.now() + timedelta(hours=8, days=days)).date().isoformat()
    return {
        "incident": scene.incident,
        "exception": {"detector": "miss_rate", "until": until, "most": None} | changes,
    }


@pytest.mark.parametrize(("account", "content", "told"), REFUSED.values(), ids=REFUSED)
def test_a_release_of_another_form_is_refused(
    scene: Scene, account: str, content: Callable[[Scene], dict[str, object]], told: str
) -> None:
    assert told in scene.refused(account, **content(scene))


def test_a_release_signed_for_one_incident_is_none_for_the_next(scene: Scene) -> None:
    """One signature waits; meanwhile something beside the line lays another response on the same grant."""
    world = scene.world
    old = scene.draw(incident=scene.incident)
    scene.somebody(SECURITY).sign(old)
    with world.pipeline.store.begin() as work:
        work.watch.keep(Kept(day=1, scores={}, counts={}, cells={}, questions={}, stopped=["G-1"]))
        work.watch.lay([Stop("grant.G-1", True, "cd" * 8, world.ledger.head().size)])
        work.commit()

    assert "cd" * 8 in scene.refused_to_sign(LEADER, old)
    assert world.rights.load().frozen == {"grant.G-1"}


def test_a_release_drawn_before_anything_lay_there_releases_nothing(scene: Scene) -> None:
    world = scene.world
    release(world, lying_now(world))
    digest = scene.draw()
    scene.somebody(SECURITY).sign(digest)
    harvest(world, start=900)

    assert "须写明 incident" in scene.refused_to_sign(LEADER, digest)
    assert world.rights.load().held == {"grant.G-1"}


def test_a_freeze_by_deed_takes_the_exception_back(scene: Scene) -> None:
    world = scene.world
    until = (world.clock.now() + timedelta(days=3)).date().isoformat()
    release(world, lying_now(world), exception={"detector": "miss_rate", "until": until, "most": None})
    assert "G-1" in world.rights.load().exempt

    world.freeze("grant.G-1")

    assert world.rights.load().exempt == {}


def test_a_release_where_nothing_lies_names_nothing(scene: Scene) -> None:
    world, named = scene.world, scene.incident
    release(world, lying_now(world))

    assert "不写 incident" in scene.refused(SECURITY, incident=named)
