"""A grant, a chosen subject, a document that is none, a freeze, and two people who release it: over real deeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit.entry import JsonValue
from gateway.checking import SpotChecks
from gateway.deeds.document import Kind
from gateway.deeds.steps import RELEASE
from gateway.domain.people import Duty
from gateway.domain.reply import Refused, Reply, Wants
from gateway.domain.spot_check import CheckState
from gateway.review.hindsight import Agrees
from gateway.spot_checks.desk import SpotCheckDesk
from gateway.spot_checks.filing import filing_sha256
from gateway.spot_checks.keeping import Filing, Ruling
from gateway.watch.thresholds import Thresholds
from ops.checks import spot_check_desk
from ops.demo.office import IDS
from tests.bygones import CLERKS, FINANCE, GRANT, Bygones, bygones
from tests.gateways import WATCH_KEY, code_of, some_facts
from tests.make import a_claim, a_grant, a_request, an_id

OPEN = {**GRANT, "number": "G-9", "class": "open", "hit_rate": 99, "reference_dates": None}
FORM = Filing(document="调档函 2026-117 号", sha256="", operator=CLERKS[FINANCE])


class World:
    """A gateway over an office, in which everybody new is chosen."""

    def __init__(self, world: Bygones) -> None:
        self.world = world
        world.office.grant(a_grant(**OPEN))
        for number in range(1, 6):
            world.register.put(an_id(number), some_facts())
        limits = Thresholds(check_share=1.0, check_raised=1.0, check_accept_share=0.0)
        world.pipeline.spot_checks = SpotChecks(WATCH_KEY, limits)
        self.desk: SpotCheckDesk = spot_check_desk(world.home, world.office.office, None)

    def ask(self, number: int) -> Reply:
        told = {"grant": "G-9", "operator": CLERKS[FINANCE]}
        claims = [a_claim("unit", "盟教育局")]
        return self.world.put(a_request(number, claims=claims, caller=self.world.caller(), key=None, **told))

    def chosen(self, number: int) -> str:
        """The number of the check that withholds the answer."""
        reply = self.ask(number)
        assert isinstance(reply, Refused)
        assert reply.wants is Wants.DOCUMENT
        return reply.incident

    def judge(self, number: str, *, is_accepted: bool) -> None:
        check = self.desk.reader.check(number)
        assert check is not None
        reviewer = self.world.office.office.standing().roll.person(IDS[Duty.REVIEWER])
        assert reviewer is not None
        ruling = Ruling(is_accepted=is_accepted, reason="已向该部门调阅", filing=filing_sha256(check))
        assert self.desk.judge(reviewer, number, ruling) is not None

    def recalled(self, entry: int) -> Agrees:
        """Whether a decision follows from the rights and responses of then."""
        found = self.world.hindsight.recall(entry)
        assert found is not None
        return found.agrees

    def told(self, entry: int) -> tuple[str, str]:
        """Why, and the beginning of the words for it."""
        found = self.world.hindsight.recall(entry)
        assert found is not None
        return found.explained.verdict.cause, found.explained.checks[-1].zh.partition("：")[0]

    def release(self) -> None:
        """安全管理员 and a leader, who name the incident."""
        (stop,) = self.world.bygone.lying().values()
        content: dict[str, JsonValue] = {"frozen": False, "incident": stop.incident}
        duties = Duty.SECURITY_ADMIN, Duty.LEADER
        self.world.put_in_force(Kind.FREEZE, stop.target, content, *duties, path=RELEASE, reason="已核实")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(bygones(tmp_path / "home")) as made:
        yield World(made)


def test_a_forged_document_freezes_a_grant_until_two_release_it(world: World) -> None:
    good, bad = world.chosen(1), world.chosen(2)
    for number in (good, bad):
        world.desk.file(world.world.caller(), number, FORM)
    assert [code_of(world.ask(number)) for number in (1, 2)] == ["confirmed", "confirmed"]

    world.judge(good, is_accepted=True)
    assert code_of(world.ask(1)) == "confirmed"
    world.judge(bad, is_accepted=False)
    assert [code_of(world.ask(number)) for number in (1, 2, 3)] == ["frozen"] * 3
    assert world.recalled(world.world.ledger.head().size - 1) is Agrees.SAME

    world.release()
    assert code_of(world.ask(1)) == "confirmed"
    reply = world.ask(2)
    assert isinstance(reply, Refused)
    assert (reply.reason.value, reply.wants) == ("held", Wants.NOTHING), "of whom no document is known"
    third = world.chosen(3)
    check = world.desk.reader.check(third)
    assert check is not None
    assert world.world.entry(check.entry)["type"] == "comparison.refused"
    assert world.recalled(check.entry) is Agrees.SAME
    assert world.told(check.entry) == ("watch:waits", f"凭证抽查 {third}")


def test_what_never_came_freezes_a_grant_too_and_nobody_is_named(world: World) -> None:
    number = world.chosen(1)
    world.world.clock.pass_by(days=2)
    overdue = world.ask(2)
    assert isinstance(overdue, Refused)
    assert overdue.wants is Wants.DOCUMENT, "somebody who is chosen waits for a document of their own"
    world.world.clock.pass_by(days=5)

    (failed,) = world.desk.fail_late()

    assert (failed.number, failed.state, failed.judge) == (number, CheckState.FAILED, "")
    assert code_of(world.ask(3)) == "frozen"
    (stop,) = world.world.bygone.lying().values()
    assert stop.target == "grant.G-9"
