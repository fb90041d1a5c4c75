"""How long grants last, in serve and in seal: each by its own clock, and never longer for what it is not told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from adapters.identity.registry import Registry
from adapters.sealing.client import Deeds
from adapters.sealing.wire import Admit, Admitted, Ask, Enlist, Enlisted, Know, Known, Refused, Reply, Sealed
from audit.entry import JsonValue
from gateway.deeds.deed import Deed
from gateway.deeds.document import Kind, digest
from gateway.deeds.granting import read_grant
from gateway.deeds.lapse import Cause, End
from gateway.deeds.parameters import DEFAULTS, parameters_content
from gateway.deeds.steps import EMERGENCY, WITHDRAWAL
from gateway.domain.grant import Grant
from gateway.grants import judge
from gateway.ports import Rights
from gateway.seal import Plain, day_number
from ops.foundation import read_home_foundation
from ops.rights import RightsDesk
from ops.seal import SealingDesk
from ops.settings import ServeSettings, load
from policies.decision import Reason, Refusal
from tests.fakes import DrivenClock, a_desk
from tests.lives import LONG, NUMBER, Life
from tests.make import CATALOGUE, GENERATION, NAME, NOW, a_caller, a_grant, a_query, a_snapshot, an_id, limits
from tests.people import a_document, granted, known, signed_by

HANDS = {"usual": ("hr-head", "reviewer", "leader"), EMERGENCY: ("hr-head", "leader")}
TWO_YEARS: dict[str, object] = {"valid_from": "2026-06-30", "valid_until": "2028-06-30"}
THREE_DAYS: dict[str, object] = {"valid_from": "2026-06-30", "valid_until": "2026-07-03", "limits": limits(day=20)}


def signed(path: str = "usual", /, **changes: object) -> Deed:
    """A grant that all signed when the story begins."""
    return signed_by(granted(a_grant(**changes), path=path, reason="急需").document, *HANDS[path], at=NOW)


LONG_DEED, URGENT = signed("usual", **TWO_YEARS), signed(EMERGENCY, **THREE_DAYS)


def attested(deed: Deed, days: float, **changes: object) -> Deed:
    told: dict[str, JsonValue] = {"partner": "hr", "grant": deed.digest}
    document = a_document(Kind.ATTESTATION, "G-1", told, **changes)
    return signed_by(document, "hr-head", "reviewer", at=NOW + timedelta(days=days))


def reviewed(deed: Deed, hours: float, finding: str = "justified") -> Deed:
    told: dict[str, JsonValue] = {"partner": "hr", "grant": deed.digest, "finding": finding, "text": "已核"}
    return signed_by(a_document(Kind.REVIEW, "G-1", told), "reviewer", at=NOW + timedelta(hours=hours))


def parameters(serial: int = 1, previous: str | None = None, **changes: JsonValue) -> Deed:
    told = {**parameters_content(DEFAULTS), **changes}
    document = a_document(Kind.PARAMETERS, "parameters", told, serial=serial, previous=previous)
    return signed_by(document, "sys", "sec", at=NOW)


SHORT: dict[str, JsonValue] = {"hours": 12, "subjects_per_day": 20}


class Told:
    """The sealing process, told what a test says when it says it."""

    def __init__(self, folder: Path) -> None:
        self.clock = DrivenClock()
        self.desk: SealingDesk = a_desk(folder, self.clock)
        self.know()

    def close(self) -> None:
        self.desk.close()

    def send(self, message: object) -> Reply:
        return self.desk.answer(msgspec.msgpack.encode(message))

    def know(self, *deeds: Deed) -> Reply:
        return self.send(Know([*known(), *(deed.encode() for deed in deeds)]))

    def admit(self, deed: Deed) -> Reply:
        return self.send(Admit(GENERATION, deed.encode()))

    def seals(self, hours: float) -> bool:
        """Whether it seals a question so many hours after the story began."""
        self.clock.at = NOW + timedelta(hours=hours)
        plain = Plain("G-1", "person", an_id(1), [NAME], self._day(), [("unit", "equals", "盟教育局")])
        reply = self.send(Ask(GENERATION, [plain]))
        assert isinstance(reply, Sealed)
        return not isinstance(reply.items[0], str)

    def _day(self) -> int:
        return day_number((self.clock.at + timedelta(hours=8)).date())


@pytest.fixture
def seal(tmp_path: Path) -> Iterator[Told]:
    with closing(Told(tmp_path)) as told:
        yield told


YEAR = 366 * 24.0
LASTS: dict[str, tuple[Deed, tuple[Deed, ...], float]] = {
    "two years, not attested": (LONG_DEED, (), YEAR),
    "two years, attested": (LONG_DEED, (attested(LONG_DEED, 300),), 300 * 24 + YEAR),
    "two years, another version attested": (LONG_DEED, (attested(URGENT, 300),), YEAR),
    "urgent, not reviewed": (URGENT, (), 62),
    "urgent, reviewed": (URGENT, (reviewed(URGENT, 24),), 72),
    "urgent, reviewed too late": (URGENT, (reviewed(URGENT, 63),), 62),
    "urgent, objected to": (URGENT, (reviewed(URGENT, 24, "objected"),), 24),
    "urgent, and the parameters give half a day": (URGENT, (parameters(emergency=SHORT),), 12),
}


@pytest.mark.parametrize(("deed", "after", "hours"), LASTS.values(), ids=LASTS)
def test_the_sealing_process_seals_until_the_grant_lapses(
    seal: Told, deed: Deed, after: tuple[Deed, ...], hours: float
) -> None:
    """Told beforehand here: what is signed later is good by the clock of then."""
    seal.clock.at = NOW + timedelta(days=1000)
    assert isinstance(seal.know(*after), Known)
    seal.clock.at = NOW
    assert isinstance(seal.admit(deed), Admitted)

    assert seal.seals(hours - 0.01)
    assert not seal.seals(hours)
    assert not seal.seals(hours + 1)


def test_what_arrives_later_counts_from_then_on(seal: Told) -> None:
    seal.admit(LONG_DEED)
    assert not seal.seals(YEAR)

    seal.know(attested(LONG_DEED, 365))

    assert seal.seals(YEAR)
    assert not seal.seals(365 * 24 + YEAR)


def test_an_emergency_that_is_objected_to_ends_at_once(seal: Told) -> None:
    seal.admit(URGENT)
    assert seal.seals(24)

    seal.know(reviewed(URGENT, 24, "objected"))

    assert not seal.seals(24)


def test_of_a_lapsed_grant_not_even_the_units_are_told(seal: Told) -> None:
    seal.clock.pass_by(days=366)

    assert seal.admit(LONG_DEED) == Admitted([])


def test_for_the_list_of_a_lapsed_grant_there_are_no_links(seal: Told) -> None:
    deed = signed("usual", **{"class": "closed", **TWO_YEARS})
    seal.admit(deed)
    message = Enlist("G-1", [("person", an_id(1))])
    assert isinstance(seal.send(message), Enlisted)

    seal.clock.pass_by(days=366)

    assert seal.send(message) == Refused("unknown_grant")


def test_an_attestation_that_one_person_signed_is_none(seal: Told) -> None:
    told: dict[str, JsonValue] = {"partner": "hr", "grant": LONG_DEED.digest}
    forged = signed_by(a_document(Kind.ATTESTATION, "G-1", told), "hr-head", at=NOW)

    assert isinstance(seal.know(forged), Refused)
    seal.admit(LONG_DEED)
    assert not seal.seals(YEAR)


def test_an_emergency_wider_than_the_ceilings_is_not_admitted_whoever_signed_it(seal: Told) -> None:
    wide = signed(EMERGENCY, valid_from="2026-06-30", valid_until="2026-12-31", limits=limits(day=20))
    many = signed(EMERGENCY, **(THREE_DAYS | {"limits": limits(day=1000)}))

    assert isinstance(seal.admit(wide), Refused)
    assert isinstance(seal.admit(many), Refused)


def test_after_a_start_what_was_shown_before_cannot_be_kept_back(tmp_path: Path) -> None:
    """Whoever has taken over serve tells the new process nothing of the parameters, or of the review that objected."""
    with closing(Told(tmp_path)) as first:
        first.know(parameters(emergency=SHORT), reviewed(URGENT, 0, "objected"))
    with closing(Told(tmp_path)) as second:
        assert isinstance(second.admit(URGENT), Refused)
        second.know(parameters(emergency=SHORT))
        assert isinstance(second.admit(URGENT), Refused)
        second.know(reviewed(URGENT, 0, "objected"))
        assert second.admit(URGENT) == Admitted([])


def test_after_a_start_all_versions_are_told_again_and_the_last_one_counts(tmp_path: Path) -> None:
    old = parameters(emergency=SHORT)
    new = parameters(2, old.digest)
    for _ in range(2):
        with closing(Told(tmp_path)) as told:
            assert isinstance(told.know(old, new), Known)
            told.admit(URGENT)
            assert told.seals(13)


def test_after_a_start_a_grant_that_was_withdrawn_and_given_again_is_good(tmp_path: Path) -> None:
    first = granted(a_grant())
    gone = a_document(
        Kind.GRANT, "G-1", {"partner": "hr"}, path=WITHDRAWAL, serial=2, previous=first.digest, reason="不再需要"
    )
    withdrawn = signed_by(gone, "hr-head")
    again = granted(a_grant(), serial=3, previous=digest(withdrawn.last.document))
    for _ in range(2):
        with closing(Told(tmp_path)) as told:
            assert isinstance(told.know(withdrawn), Known)
            assert isinstance(told.admit(again), Admitted)
            assert told.seals(0)
            assert isinstance(told.admit(first), Refused)


# ---------------------------------------------------------------------------------------- serve

ENDS: Mapping[str, End] = {"G-1": End(NOW + timedelta(days=1), Cause.NO_ATTESTATION)}


def rights(grant: Grant, ends: Mapping[str, End]) -> Rights:
    return Rights(1, a_snapshot(), {grant.number: grant}, ends=ends)


def test_serve_refuses_a_lapsed_grant_as_it_refuses_all_others_and_keeps_the_cause() -> None:
    grant, at = a_grant(), NOW + timedelta(days=1)

    before = judge(a_query(), a_caller(), rights(grant, ENDS), at - timedelta(seconds=1), NOW)
    after = judge(a_query(), a_caller(), rights(grant, ENDS), at, NOW)

    assert not isinstance(before, Refusal)
    assert isinstance(after, Refusal)
    assert (after.reason, after.cause) == (Reason.NOT_PERMITTED, "grant_lapsed:no_attestation")


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    with closing(Life(tmp_path)) as made:
        yield made


class Opened:
    """The rights desk of a story, and what it tells the sealing process."""

    def __init__(self, life: Life) -> None:
        self.told: list[Deeds] = []
        self.desk = RightsDesk(
            foundation=read_home_foundation(life.home),
            database=life.home.database_url(load(life.home, "serve.toml", ServeSettings)),
            catalogue=CATALOGUE,
            clock=life.clock,
            changed=self._changed,
        )

    def _changed(self, _: Registry, deeds: Deeds) -> None:
        self.told.append(deeds)


def test_the_rights_desk_says_when_grants_lapse_and_an_attestation_changes_it(life: Life) -> None:
    opened = Opened(life)
    life.grant(told=LONG)
    life.grant("2026-002")
    assert opened.desk.load().ends == {NUMBER: End(NOW + timedelta(days=366), Cause.NO_ATTESTATION)}

    life.clock.pass_by(days=360)
    life.attest()

    assert opened.desk.load().ends == {NUMBER: End(NOW + timedelta(days=726), Cause.NO_ATTESTATION)}


def test_the_rights_desk_ends_emergencies(life: Life) -> None:
    opened = Opened(life)
    life.grant(path=EMERGENCY)
    assert opened.desk.load().ends[NUMBER] == End(datetime(2026, 7, 2, 16, tzinfo=UTC), Cause.NO_REVIEW)

    life.review()
    assert opened.desk.load().ends[NUMBER] == End(NOW + timedelta(hours=72), Cause.EMERGENCY_OVER)


def test_what_changes_how_long_grants_last_is_told_to_the_sealing_process_in_order(life: Life) -> None:
    opened = Opened(life)
    life.grant(path=EMERGENCY)
    life.set_parameters(reminder_days=7)
    life.review("objected")
    opened.desk.load()

    kinds = [msgspec.msgpack.decode(each, type=Deed).document.kind for each in opened.told[-1].known]

    assert kinds[-2:] == [Kind.PARAMETERS, Kind.REVIEW]
    assert set(kinds) == {Kind.PERSON, Kind.PARAMETERS, Kind.REVIEW}


def test_the_two_reckon_alike(life: Life, tmp_path: Path) -> None:
    """One office, its deeds told to a sealing process that trusts its foundation: the same end for both."""
    opened = Opened(life)
    life.grant(path=EMERGENCY)
    end = opened.desk.load().ends[NUMBER]
    (tmp_path / "seal").mkdir()
    desk = a_desk(tmp_path / "seal", life.clock, foundation=read_home_foundation(life.home))
    with closing(desk):
        desk.answer(msgspec.msgpack.encode(Know([*opened.told[-1].known])))
        admitted = []
        for at in (end.at - timedelta(seconds=1), end.at):
            life.clock.at = at
            reply = desk.answer(msgspec.msgpack.encode(Admit(GENERATION, opened.told[-1].grants[NUMBER])))
            assert isinstance(reply, Admitted)
            admitted.append(bool(reply.units))

    assert admitted == [True, False]
    deed = life.standing.deed(Kind.GRANT, NUMBER)
    assert deed is not None
    assert read_grant(deed.document).number == NUMBER
