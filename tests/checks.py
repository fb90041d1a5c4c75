"""Spot checks in the home of a life: put there as a turn would, with the desk that its doors have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlWork
from audit.entry import JsonValue, decode
from gateway.domain.caller import Caller, Operator, OperatorKind
from gateway.domain.grant import local_day
from gateway.domain.spot_check import SpotCheck
from gateway.domain.standing import Stop
from gateway.spot_checks.desk import SpotCheckDesk
from gateway.spot_checks.filing import filing_sha256
from gateway.spot_checks.keeping import Filing, Ruling
from ops.checks import spot_check_desk
from ops.settings import ServeSettings, load
from tests.lives import CLERK, NUMBER, PARTNER, REVIEWER, Life, content

FORM = "调档函 2026-117 号"
FILING = Filing(document=FORM, sha256="", operator=CLERK)


def a_check(number: str = "ab" * 8, day: int = 1, **changes: object) -> SpotCheck:
    """One that was opened on a day, due on the next and late a week later."""
    members: dict[str, object] = {"grant": NUMBER, "partner": PARTNER, "purpose": "payroll-check"}
    members |= {"link": number.encode(), "opened": day, "due": day + 1, "late": day + 7} | changes
    return SpotCheck(number=number, **members)  # type: ignore[arg-type]  # a table of changes


def a_system(partner: str = PARTNER, client: str = "cz-pay-01") -> Caller:
    """A system of a partner with a clerk and a job."""
    operators = {
        CLERK: Operator(CLERK, "某人", OperatorKind.PERSON, None),
        "nightly": Operator("nightly", "夜间任务", OperatorKind.JOB, CLERK),
    }
    return Caller(partner, client, "caizheng", operators, "10.0.0.7", "office")


@dataclass
class Checks:
    """The desk of a life, and short ways to use it."""

    life: Life
    desk: SpotCheckDesk = field(init=False)

    def __post_init__(self) -> None:
        self.life.grant(told=content(**{"class": "open"}))
        self.desk = spot_check_desk(self.life.home, self.life.office, None)
        url = self.life.home.database_url(load(self.life.home, "serve.toml", ServeSettings))
        self.reader = SqlLedgerReader.open(url)

    def close(self) -> None:
        self.reader.close()

    @property
    def day(self) -> int:
        return local_day(self.life.clock.now()).toordinal()

    def open(self, number: str = "ab" * 8, **changes: object) -> SpotCheck:
        """A turn opened one today."""
        check = a_check(number, self.day, **changes)
        with self.life.office.store.begin() as work:
            cast("SqlWork", work).checks.put([check])
            work.commit()
        return check

    def find(self, number: str) -> SpotCheck:
        found = self.desk.reader.check(number)
        assert found is not None
        return found

    def file(self, number: str, filing: Filing = FILING, caller: Caller | None = None) -> SpotCheck | None:
        return self.desk.file(caller or a_system(), number, filing)

    def judge(
        self, number: str, *, is_accepted: bool, reason: str = "已核对原件", by: str = REVIEWER, seen: str = ""
    ) -> SpotCheck | None:
        """What somebody makes of what lies there now, unless they looked earlier."""
        filing = seen or filing_sha256(self.find(number))
        return self.desk.judge(
            self.life.person(by), number, Ruling(is_accepted=is_accepted, reason=reason, filing=filing)
        )

    def stop(self) -> Stop | None:
        """The last response that was laid on the grant."""
        with self.life.office.store.begin() as work:
            return cast("SqlWork", work).watch.stop(f"grant.{NUMBER}")

    def epoch(self) -> int:
        with self.life.office.store.begin() as work:
            return cast("SqlWork", work).epoch()

    def told(self, *kinds: str) -> list[Mapping[str, JsonValue]]:
        """What entries of these kinds say in clear."""
        size = self.reader.head().size
        opened = [cast("Mapping[str, JsonValue]", decode(each)) for each in self.reader.entries(0, size)]
        return [cast("Mapping[str, JsonValue]", each["body"]) for each in opened if each["type"] in kinds]
