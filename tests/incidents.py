"""Incidents as tests need them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal
from gateway.watch.notice import product_of

AT = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
NUMBER = "0123456789abcdef"
PRODUCT = product_of("smz.example.gov.cn/audit/2026-1", "0.1.0")


def a_finding(
    detector: Detector = Detector.MISS_RATE,
    action: Action = Action.HOLD,
    level: Level = Level.GRANT,
    name: str = "G-2026-1",
) -> Finding:
    """Somebody enumerates under a grant of the finance department."""
    return Finding(detector, action, Principal(level, name), "caizheng", "G-2026-1", 0.42, 0.03, 1, AT)


def an_incident(finding: Finding | None = None, **changed: object) -> Incident:
    """Of three findings within an hour."""
    made = Incident(
        number=NUMBER,
        finding=finding or a_finding(),
        last=AT + timedelta(hours=1),
        count=3,
        samples=("0a1b2c3d", "deadbeef"),
        others=("G-2026-2",),
        left={"subjects_per_day": 7},
    )
    return replace(made, **changed)
