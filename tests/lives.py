"""Lives of grants: a real office on SQLite with a driven clock, whose people sign what a story says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import cast

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.keeping import Kept
from gateway.deeds.parameters import DEFAULTS, PARAMETERS_ID, parameters_content
from gateway.deeds.standing import Standing
from gateway.deeds.states import GrantState, state_of
from gateway.deeds.steps import EMERGENCY, RELEASE, USUAL, WITHDRAWAL
from gateway.domain.people import Duty, Person
from gateway.drafting import Proposal
from ops.demo.office import IDS, SyntheticOffice, head_of
from ops.settings import Home
from tests.fakes import DrivenClock
from tests.homes import a_home, move_database
from tests.make import TODAY

PARTNER, CLERK, HEAD = "cz", "cz-liu", head_of("cz")
REVIEWER, LEADER = IDS[Duty.REVIEWER], IDS[Duty.LEADER]
SYSTEM, SECURITY = IDS[Duty.SYSTEM_ADMIN], IDS[Duty.SECURITY_ADMIN]
HANDS = {USUAL: (HEAD, REVIEWER, LEADER), EMERGENCY: (HEAD, LEADER), WITHDRAWAL: (HEAD,)}
NUMBER = "2026-001"


def content(**changes: object) -> dict[str, JsonValue]:
    """What a grant for a year says, but for its number."""
    members: dict[str, object] = {
        "partner": PARTNER,
        "purpose": "payroll-check",
        "legal_basis": "某办法",
        "class": "scoped",
        "scope": ["150100"],
        "fields": {"name": "核对", "unit": "核对"},
        "limits": {
            "subjects_per_day": 20,
            "subjects_per_30_days": 100,
            "subjects_per_year": 1000,
            "comparisons_per_day": 1000,
        },
        "hit_rate": 90,
        "networks": ["10.0.0.0/8"],
        "hours": ["00:00-24:00"],
        "valid_from": "2026-06-30",
        "valid_until": "2027-06-29",
        "max_data_age_days": 30,
        "tells_not_found": False,
        "contact": "某联系人",
        "signed_requests": False,
        "additions_per_month": 0,
        "reference_dates": [],
    }
    return cast("dict[str, JsonValue]", members | changes)


LONG = content(valid_until="2028-06-29")
SHORT = content(valid_until=(TODAY + timedelta(days=3)).isoformat())


class Life:
    """An office with one partner, its head and a clerk; an agreement is accepted unless the test says otherwise."""

    def __init__(self, folder: Path, *, agrees: bool = True, database: str = "") -> None:
        self.clock = DrivenClock()
        self.home: Home = a_home(folder / "home", clock=self.clock)
        if database:
            move_database(self.home, database)
        self.synthetic = SyntheticOffice(self.home)
        self.office = self.synthetic.office
        partner: Mapping[str, JsonValue] = {"zh": "财政局", "en": "Finance", "department": "caizheng"}
        self.synthetic.register(PARTNER, partner)
        self.synthetic.enrol(CLERK, "经办人", Duty.CLERK, PARTNER)
        if agrees:
            self.synthetic.agree(PARTNER)

    def close(self) -> None:
        self.synthetic.close()

    def draw(self, kind: Kind, deed_id: str, told: Mapping[str, JsonValue], by: str, **more: str) -> Kept:
        """Somebody draws a deed up."""
        return self.synthetic.draw(by, Proposal(kind=kind, id=deed_id, content=told, **more))

    def sign(self, kept: Kept, *accounts: str) -> Kept:
        """These people sign the next steps."""
        for account in accounts:
            kept = self.synthetic.sign(kept, account)
        return kept

    def apply(self, number: str = NUMBER, path: str = USUAL, told: Mapping[str, JsonValue] | None = None) -> Kept:
        """A clerk applies; in an emergency, for three days."""
        told = told or (SHORT if path == EMERGENCY else content())
        return self.draw(Kind.GRANT, number, told, CLERK, path=path, reason="急需" if path == EMERGENCY else "")

    def grant(self, number: str = NUMBER, path: str = USUAL, told: Mapping[str, JsonValue] | None = None) -> Kept:
        """A grant that everybody signed."""
        return self.sign(self.apply(number, path, told), *HANDS[path])

    def withdraw(self, number: str = NUMBER) -> Kept:
        """The head gives it back."""
        told: Mapping[str, JsonValue] = {"partner": PARTNER}
        return self.sign(self.draw(Kind.GRANT, number, told, HEAD, path=WITHDRAWAL, reason="不再需要"), HEAD)

    def attest(self, number: str = NUMBER) -> Kept:
        """The head says that it is still needed, a reviewer agrees."""
        told: Mapping[str, JsonValue] = {"partner": PARTNER, "grant": self.digest(number)}
        return self.sign(self.draw(Kind.ATTESTATION, number, told, HEAD), HEAD, REVIEWER)

    def review(self, finding: str = "justified", number: str = NUMBER) -> Kept:
        """A reviewer looks at an emergency grant."""
        digest = dict(self.standing.emergencies())[number].digest
        told: Mapping[str, JsonValue] = {"partner": PARTNER, "grant": digest, "finding": finding, "text": "已核"}
        return self.sign(self.draw(Kind.REVIEW, number, told, REVIEWER), REVIEWER)

    def freeze(self, number: str = NUMBER) -> Kept:
        """安全管理员 alone."""
        kept = self.draw(Kind.FREEZE, f"grant.{number}", {"frozen": True}, SECURITY, reason="核查")
        return self.sign(kept, SECURITY)

    def release(self, number: str = NUMBER) -> Kept:
        """安全管理员, with a leader."""
        kept = self.draw(Kind.FREEZE, f"grant.{number}", {"frozen": False}, SECURITY, path=RELEASE, reason="核查完毕")
        return self.sign(kept, SECURITY, LEADER)

    def set_parameters(self, **changes: JsonValue) -> Kept:
        """系统管理员 and 安全管理员 change the parameters."""
        told = {**parameters_content(DEFAULTS), **changes}
        return self.sign(self.draw(Kind.PARAMETERS, PARAMETERS_ID, told, SYSTEM), SYSTEM, SECURITY)

    @property
    def standing(self) -> Standing:
        return self.office.standing()

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def digest(self, number: str = NUMBER) -> str:
        """That of the grant in force."""
        deed = self.standing.deed(Kind.GRANT, number)
        return deed.digest if deed else ""

    def person(self, account: str) -> Person:
        """Somebody who is enrolled."""
        person = self.standing.roll.person(account)
        assert person is not None
        return person

    def state(self, serial: int = 1, number: str = NUMBER) -> GrantState:
        """Where the latest attempt at a serial stands."""
        kept = [each for each in self.office.history(Kind.GRANT, number) if each.serial == serial]
        return state_of(kept[-1], self.standing, self.now)


def day(after: int) -> date:
    """So many days after the story began."""
    return TODAY + timedelta(days=after)
