"""The desk of spot checks: who may file and judge what, what a verdict does, and who comes second."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sql.check_reader import SqlCheckReader
from adapters.sql.store import SqlStore, SqlWork
from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.reading import DeedsReader
from gateway.deeds.steps import RELEASE
from gateway.domain.document_names import names_somebody
from gateway.domain.errors import ConflictError, GatewayError, InvalidQueryError
from gateway.domain.reply import Reply
from gateway.domain.spot_check import NEXT, CheckState, SpotCheck
from gateway.drafting import ForbiddenError
from gateway.spot_checks.desk import SpotCheckDesk
from gateway.spot_checks.filing import MOST_FILINGS, filing_sha256
from gateway.spot_checks.keeping import CheckWorkStore, Filing
from gateway.watch.accounts import partner_lock
from ops.checks import spot_check_desk
from ops.office import open_office
from tests.checks import FORM, Checks, a_system
from tests.fakes import DrivenClock
from tests.gateway.evidence import AUDITOR
from tests.gateways import LENIENT, WATCH_KEY, a_gateway, a_ledger, code_of
from tests.lives import CLERK, HEAD, LEADER, NUMBER, PARTNER, REVIEWER, SECURITY, Life
from tests.make import a_grant, a_request, an_id
from tests.people import FOUNDATION

NOBODY = "0" * 16


@pytest.fixture(params=["sqlite", "postgresql"])
def checks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Checks]:
    database = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with closing(Life(tmp_path, database=database)) as life, closing(Checks(life)) as made:
        yield made


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Checks]:
    with closing(Life(tmp_path)) as life, closing(Checks(life)) as made:
        yield made


# ---------------------------------------------------------------------------------------- filing


def test_a_document_is_named_and_the_ledger_says_so_without_it(checks: Checks) -> None:
    check = checks.open()

    filed = checks.file(check.number)

    assert filed == checks.find(check.number)
    assert (filed.state, filed.document, filed.operator, filed.filings) == (CheckState.FILED, FORM, CLERK, 1)
    (told,) = checks.told("spot_check.filed")
    assert told == {
        "check": check.number,
        "grant": NUMBER,
        "client": "cz-pay-01",
        "filing_sha256": filing_sha256(filed),
    }


def test_the_same_again_changes_nothing_and_another_is_a_correction(lite: Checks) -> None:
    check = lite.open()
    first = lite.file(check.number)

    assert lite.file(check.number) == first
    corrected = lite.file(check.number, Filing(document=f"{FORM}（补）", sha256="0a" * 32, operator=CLERK))

    assert corrected is not None
    assert (corrected.document, corrected.digest, corrected.filings) == (f"{FORM}（补）", "0a" * 32, 2)
    assert len(lite.told("spot_check.filed")) == 2


def test_corrections_come_to_an_end(lite: Checks) -> None:
    check = lite.open()
    for number in range(MOST_FILINGS):
        lite.file(check.number, Filing(document=f"调档函 {number:03}", sha256="", operator=CLERK))

    with pytest.raises(InvalidQueryError, match="不能再更正"):
        lite.file(check.number)
    assert len(lite.told("spot_check.filed")) == MOST_FILINGS


def test_whose_check_it_is_not_cannot_be_told_from_one_that_is_none(lite: Checks) -> None:
    check = lite.open()

    assert lite.file(check.number, caller=a_system("rs", "rs-1")) is None
    assert lite.file(NOBODY) is None
    assert lite.find(check.number) == check
    assert lite.desk.reader.open_of("rs", 10) == []
    assert lite.told("spot_check.filed") == []


def named(text: str) -> Filing:
    return Filing(document=text, sha256="", operator=CLERK)


BAD: dict[str, Filing] = {
    "nothing": named(""),
    "three characters": named("函 1"),
    "blanks around too little": named("  函1  "),
    "too long": named("函" * 101),
    "two lines": named("调档函\n2026-117"),
    "a terminal's command": named("调档函 \x1b[31m2026"),
    "a zero byte": named("调档函\x002026"),
    "turned round": named("调档函 \u202e711-6202"),
    "half a character": named("调档函 \ud800 2026"),
    "somebody's number": named(f"调档函 {an_id(7)}"),
    "the same with blanks": named(f"函 {an_id(7)[:6]} {an_id(7)[6:14]}-{an_id(7)[14:]}"),
    "the same in full width": named("函" + "".join(chr(ord(each) + 0xFEE0) for each in an_id(7))),
    "the same behind other digits": named(f"函2026{an_id(7)}"),
    "an old number": named("函 152921501201001"),
    "a digest that is none": Filing(document=FORM, sha256="xyz", operator=CLERK),
    "a digest in capitals": Filing(document=FORM, sha256="0A" * 32, operator=CLERK),
    "nobody names it": Filing(document=FORM, sha256="", operator=""),
    "a stranger names it": Filing(document=FORM, sha256="", operator="mallory"),
    "a job names it": Filing(document=FORM, sha256="", operator="nightly"),
}


def test_what_is_no_document_is_not_taken_and_not_repeated(lite: Checks) -> None:
    check = lite.open()
    for case, filing in BAD.items():
        with pytest.raises(InvalidQueryError) as caught:
            lite.file(check.number, filing)
        assert not re.search(r"\d{6}", str(caught.value)), case
        assert filing.document.strip() == "" or filing.document.strip() not in str(caught.value), case

    assert lite.find(check.number) == check


@pytest.mark.parametrize(
    "text", ["人社调〔2026〕117号，2026年6月30日", "第 123456789012345678 号", "编号20260630-000117-000042"]
)
def test_a_number_of_a_form_is_nobodys(text: str) -> None:
    assert not names_somebody(text)


FILLINGS = ("", " ", "-", "．", "·", "/", "\u3000", "_")


@given(
    st.integers(0, 20_000),
    st.lists(st.sampled_from(FILLINGS), min_size=17, max_size=17),
    st.text("函号年〔〕A", max_size=9),
)
def test_somebodys_number_is_found_however_it_is_spaced(number: int, fillings: list[str], around: str) -> None:
    spaced = "".join(each for pair in zip(an_id(number), [*fillings, ""], strict=True) for each in pair)

    assert names_somebody(f"{around}{spaced}{around}")
    assert names_somebody(f"{around} {spaced.lower()}")


# ---------------------------------------------------------------------------------------- judging


def test_what_is_accepted_stays_and_stops_nobody(checks: Checks) -> None:
    check = checks.open()
    checks.file(check.number)
    epoch = checks.epoch()

    judged = checks.judge(check.number, is_accepted=True)

    assert judged == checks.find(check.number)
    assert (judged.state, judged.judge, judged.reason) == (CheckState.ACCEPTED, REVIEWER, "已核对原件")
    assert (checks.stop(), checks.epoch()) == (None, epoch)
    (told,) = checks.told("spot_check.judged")
    assert told == {
        "check": check.number,
        "grant": NUMBER,
        "verdict": "accepted",
        "person": REVIEWER,
        "duty": "reviewer",
        "reason_sha256": sha256("已核对原件".encode()).hexdigest(),
    }


def test_what_fails_freezes_its_grant_with_the_same_word_of_the_ledger(checks: Checks) -> None:
    check = checks.open()
    checks.file(check.number)
    epoch = checks.epoch()

    judged = checks.judge(check.number, is_accepted=False, reason="查无此函")

    assert judged is not None
    assert (judged.state, checks.epoch()) == (CheckState.FAILED, epoch + 1)
    stop = checks.stop()
    assert stop is not None
    assert stop.is_frozen
    verdict, stopped = checks.told("spot_check.judged", "watch.stopped")
    assert verdict["verdict"] == "failed"
    assert stopped == {"incident": stop.incident, "target": f"grant.{NUMBER}", "response": "frozen"}


def test_a_second_failure_stops_nothing_twice_and_still_is_learned_of(checks: Checks) -> None:
    first, second = checks.open(), checks.open("cd" * 8)
    for each in (first, second):
        checks.file(each.number)
    checks.judge(first.number, is_accepted=False)
    stop, epoch = checks.stop(), checks.epoch()

    checks.judge(second.number, is_accepted=False)

    assert (checks.stop(), checks.epoch()) == (stop, epoch + 1)
    assert len(checks.told("watch.stopped")) == 1


def test_after_a_release_the_next_failure_freezes_again(lite: Checks) -> None:
    first, second = lite.open(), lite.open("cd" * 8)
    for each in (first, second):
        lite.file(each.number)
    lite.judge(first.number, is_accepted=False)
    stop = lite.stop()
    assert stop is not None
    release(lite, stop.incident)

    lite.judge(second.number, is_accepted=False)

    again = lite.stop()
    assert again is not None
    assert again.is_frozen
    assert again.entry > stop.entry, "behind the release, so it lies there"


def release(checks: Checks, incident: str) -> None:
    """Two people let the grant go on."""
    told: dict[str, JsonValue] = {"frozen": False, "incident": incident}
    kept = checks.life.draw(Kind.FREEZE, f"grant.{NUMBER}", told, SECURITY, path=RELEASE, reason="核实")
    checks.life.sign(kept, SECURITY, LEADER)


def test_states_follow_each_other_as_the_table_says(lite: Checks) -> None:
    due, accepted, failed = lite.open(), lite.open("cd" * 8), lite.open("ef" * 8)
    for each in (accepted, failed):
        lite.file(each.number)
    lite.judge(accepted.number, is_accepted=True)
    lite.judge(failed.number, is_accepted=False)

    with pytest.raises(ConflictError, match="尚未提交"):
        lite.judge(due.number, is_accepted=True)
    for each in (accepted, failed):
        assert not NEXT[lite.find(each.number).state]
        for is_accepted in (True, False):
            with pytest.raises(ConflictError, match="已"):
                lite.judge(each.number, is_accepted=is_accepted)
        with pytest.raises(InvalidQueryError):
            lite.file(each.number, Filing(document="另一份函 9 号", sha256="", operator=CLERK))
    assert len(lite.told("spot_check.judged")) == 2


def test_who_looked_at_another_document_judges_nothing(lite: Checks) -> None:
    check = lite.open()
    lite.file(check.number)
    seen = filing_sha256(lite.find(check.number))
    lite.file(check.number, Filing(document="另一份函 9 号", sha256="", operator=CLERK))

    with pytest.raises(ConflictError, match="重新查看"):
        lite.judge(check.number, is_accepted=True, seen=seen)
    assert lite.find(check.number).state is CheckState.FILED


NO_REASON = {"none": "  ", "far too long": "理" * 1001, "a command": "\x1b[2J", "somebody": f"查无 {an_id(3)}"}


def test_a_verdict_needs_a_reason_that_names_nobody(lite: Checks) -> None:
    check = lite.open()
    lite.file(check.number)
    for reason in NO_REASON.values():
        with pytest.raises(InvalidQueryError):
            lite.judge(check.number, is_accepted=False, reason=reason)

    assert lite.find(check.number).state is CheckState.FILED
    assert lite.judge(NOBODY, is_accepted=True, seen="0" * 64) is None


def test_nobody_but_a_reviewer_judges(lite: Checks) -> None:
    check = lite.open()
    lite.file(check.number)
    for account in (LEADER, SECURITY):
        with pytest.raises(ForbiddenError):
            lite.judge(check.number, is_accepted=True, by=account)
    assert lite.judge(check.number, is_accepted=True, by=CLERK) is None

    assert lite.find(check.number).state is CheckState.FILED


def test_of_a_secret_purpose_nobody_knows_but_who_reads_its_decisions(lite: Checks) -> None:
    check, plain = lite.open(), lite.open("cd" * 8, purpose="benefit-check")
    for each in (check, plain):
        lite.file(each.number)
    lite.desk = replace(lite.desk, secret=lambda: frozenset({"payroll-check"}))
    people = {account: lite.life.person(account) for account in (REVIEWER, LEADER, SECURITY, AUDITOR, HEAD)}

    def listed(account: str) -> list[str]:
        return [each.number for each in lite.desk.listed(people[account], None, 9)]

    both, one = [check.number, plain.number], [plain.number]
    assert {each: listed(each) for each in (REVIEWER, LEADER, SECURITY, AUDITOR)} == {
        **dict.fromkeys((LEADER, AUDITOR), both),
        **dict.fromkeys((REVIEWER, SECURITY), one),
    }
    assert lite.desk.find(people[REVIEWER], check.number) is None
    assert lite.judge(check.number, is_accepted=True) is None, "as one that never was"
    with pytest.raises(ForbiddenError):
        lite.judge(plain.number, is_accepted=True, by=LEADER)
    waiting = {each: [found.number for found in lite.desk.waiting(people[each])] for each in people}
    assert waiting == {REVIEWER: one, LEADER: [check.number], SECURITY: [], AUDITOR: [], HEAD: []}

    assert lite.judge(check.number, is_accepted=True, by=LEADER) is not None


def test_a_head_is_told_of_what_the_department_owes(lite: Checks) -> None:
    own, _, filed = lite.open(), lite.open("cd" * 8, partner="rs"), lite.open("ef" * 8)
    lite.file(filed.number)
    head = lite.life.person(HEAD)
    assert lite.desk.waiting(head) == []

    lite.life.clock.pass_by(days=2)

    assert lite.desk.waiting(head) == [own]


def test_whoever_is_frozen_judges_nothing(lite: Checks) -> None:
    check = lite.open()
    lite.file(check.number)
    kept = lite.life.draw(Kind.FREEZE, f"person.{REVIEWER}", {"frozen": True}, SECURITY, reason="核查")
    lite.life.sign(kept, SECURITY)

    with pytest.raises(ForbiddenError):
        lite.judge(check.number, is_accepted=True)


def test_a_verdict_that_was_not_committed_has_done_nothing(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    check = checks.open()
    filed, epoch, size = checks.file(check.number), checks.epoch(), checks.reader.head().size

    def dies(_: SqlWork) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(SqlWork, "commit", dies)
        acts: list[Callable[[], object]] = [
            lambda: checks.judge(check.number, is_accepted=False),
            lambda: checks.file(check.number, named("另一份函 9 号")),
        ]
        for act in acts:
            with pytest.raises(RuntimeError):
                act()

    assert (checks.find(check.number), checks.stop(), checks.epoch()) == (filed, None, epoch)
    assert checks.reader.head().size == size
    assert checks.judge(check.number, is_accepted=False) is not None


# ---------------------------------------------------------------------------------------- too late


def test_what_never_comes_fails_on_its_day_and_by_nobody(checks: Checks) -> None:
    check, filed = checks.open(), checks.open("cd" * 8)
    checks.file(filed.number)
    checks.life.clock.pass_by(days=6)
    assert checks.desk.fail_late() == []
    checks.life.clock.pass_by(days=1)

    (failed,) = checks.desk.fail_late()

    assert (failed.number, failed.state, failed.judge) == (check.number, CheckState.FAILED, "")
    assert checks.find(filed.number).state is CheckState.FILED
    assert checks.desk.fail_late() == []
    (told,) = checks.told("spot_check.judged")
    assert (told["person"], told["duty"], told["verdict"]) == ("", "", "failed")
    stop = checks.stop()
    assert stop is not None
    assert stop.is_frozen


def test_what_is_too_late_is_not_taken_before_anybody_swept(lite: Checks) -> None:
    check = lite.open()
    lite.life.clock.pass_by(days=7)

    with pytest.raises(InvalidQueryError, match="逾期"):
        lite.file(check.number)
    assert lite.find(check.number) == check


def test_a_clock_that_is_put_back_takes_nothing_back(lite: Checks) -> None:
    check = lite.open()
    lite.file(check.number)
    lite.life.clock.at -= timedelta(days=400)

    assert lite.desk.fail_late() == []
    judged = lite.judge(check.number, is_accepted=False)

    assert judged is not None
    assert judged.judged == check.opened, "so its purpose is checked more often as long as it should be"


# ---------------------------------------------------------------------------------------- at once


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What came of acts that began together; an error of ours for those that were refused."""

    def tried(act: Callable[[], object]) -> object:
        try:
            return act()
        except GatewayError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return [each.result() for each in [pool.submit(tried, act) for act in acts]]


def test_of_two_who_judge_one_does(checks: Checks) -> None:
    check = checks.open()
    checks.file(check.number)
    with closing(Other(checks)) as first, closing(Other(checks)) as second, Turn(checks) as turn:
        came = at_once(
            lambda: first.checks.judge(check.number, is_accepted=False),
            lambda: second.checks.judge(check.number, is_accepted=False),
            turn.end,
        )[:2]

    assert sorted(isinstance(each, ConflictError) for each in came) == [False, True]
    assert len(checks.told("spot_check.judged")) == len(checks.told("watch.stopped")) == 1


def test_of_two_nodes_that_sweep_one_fails_each(checks: Checks) -> None:
    numbers = [f"{each:016x}" for each in range(6)]
    for number in numbers:
        checks.open(number)
    checks.life.clock.pass_by(days=8)
    with closing(Other(checks)) as other:
        came = at_once(checks.desk.fail_late, other.checks.desk.fail_late)

    assert sorted(each.number for done in came for each in done) == numbers  # type: ignore[attr-defined]  # lists of checks
    assert len(checks.told("spot_check.judged")) == 6
    assert len(checks.told("watch.stopped")) == 1


def test_of_the_sweep_and_a_filing_one_comes_first(checks: Checks) -> None:
    for number in (f"{each:016x}" for each in range(8)):
        check = checks.open(number, late=checks.day + 1)
        with closing(Other(checks)) as other:
            filed, swept = at_once(partial(checks.file, number), other.tomorrow)
        assert isinstance(filed, InvalidQueryError) == bool(swept)
        assert checks.find(check.number).state is (CheckState.FAILED if swept else CheckState.FILED)


OPEN = [a_grant(**{"number": f"G-{each}", "class": "open", "hit_rate": 99}) for each in (1, 2)]


def test_turns_and_verdicts_never_wait_for_each_other_in_a_ring(engine_url: str, tmp_path: Path) -> None:
    # Nobody is in the register: what else would hold a grant must not come first.
    limits = replace(LENIENT, check_share=0.5, check_late_days=0, check_due_days=99)
    gateway = a_gateway(tmp_path, *OPEN, url=engine_url, limits=limits)
    with closing(gateway), closing(SqlStore(engine_url)) as store:
        desk = SpotCheckDesk(
            store=cast("CheckWorkStore", store),
            reader=SqlCheckReader.open(engine_url),
            deeds=DeedsReader(FOUNDATION),
            ledger=a_ledger(gateway.keys, "the desk"),
            clock=gateway.clock,
            key=WATCH_KEY,
        )

        def ask() -> list[Reply]:
            turns = ([a_request(2 * at, grant="G-1"), a_request(2 * at + 1, grant="G-2")] for at in range(40))
            return [reply for turn in turns for reply in gateway.ask(*turn)]

        def sweep() -> list[SpotCheck]:
            return [failed for _ in range(40) for failed in desk.fail_late()]

        replies, met = at_once(ask, sweep)
        assert isinstance(met, list)
        # Sweeps that were all over before the first turn have met nothing.
        failed = [*met, *desk.fail_late()]
        later = gateway.ask(a_request(90, grant="G-1"), a_request(91, grant="G-2"))

    assert isinstance(replies, list)
    assert {code_of(each) for each in replies} <= {"not_confirmed", "held", "frozen"}
    assert failed
    assert {each.grant for each in failed} == {
        f"G-{at}" for at, each in enumerate(later, 1) if code_of(each) == "frozen"
    }


class Turn:
    """A turn of the partner that takes its time; whoever else changes anything of the partner waits for its end."""

    def __init__(self, checks: Checks) -> None:
        self._store = open_office(checks.life.home).store

    def __enter__(self) -> Turn:
        self._begun = self._store.begin()
        work = cast("SqlWork", self._begun.__enter__())
        work.budgets.lock(sorted([NUMBER, partner_lock(PARTNER)]), 1)
        return self

    def end(self) -> None:
        """Long enough for everybody to have looked and to stand before the lock."""
        time.sleep(0.5)
        self._begun.__exit__(None, None, None)

    def __exit__(self, *_: object) -> None:
        self._store.close()


class Other:
    """Another node over the same database, whose clock may be ahead."""

    def __init__(self, checks: Checks) -> None:
        self.clock = DrivenClock(checks.life.clock.now())
        home = replace(checks.life.home, clock=self.clock)
        self.office = open_office(home)
        self.checks = Checks.__new__(Checks)
        self.checks.life, self.checks.reader = checks.life, checks.reader
        self.checks.desk = spot_check_desk(home, self.office, None)

    def tomorrow(self) -> object:
        self.clock.pass_by(days=1)
        return self.checks.desk.fail_late()

    def close(self) -> None:
        self.office.store.close()
