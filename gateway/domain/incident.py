"""What the watch found, and the case that officers make of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec


class Level(StrEnum):
    """What a budget or a score is kept for, and what a response lies on."""

    OPERATOR = "operator"
    GRANT = "grant"
    PURPOSE = "purpose"
    PARTNER = "partner"
    SUBJECT = "subject"
    PATTERN = "pattern"


class Detector(StrEnum):
    """What noticed something; numbers as in the reference of the field: D1 throttles, D2 counts subjects, and so on."""

    THROTTLE = "throttle"
    SUBJECTS = "subjects"
    MISS_RATE = "miss_rate"
    MISSES = "misses"
    CELL = "cell"
    RUN = "run"
    QUESTIONS = "questions"
    MISMATCH_RATE = "mismatch_rate"
    OUTSIDE = "outside"
    UNIT_SHARE = "unit_share"
    OFF_HOURS = "off_hours"
    NEW_NETWORK = "new_network"
    FAN_IN = "fan_in"
    VIP = "vip"
    DECOY = "decoy"
    UNION_UNIT = "union_unit"
    UNION_CELL = "union_cell"
    UNION_MISS = "union_miss"
    OVERLAP = "overlap"
    DRIFT = "drift"
    EVIDENCE = "evidence"
    RECONCILIATION = "reconciliation"
    DISPUTE = "dispute"


HABITS = frozenset({Detector.NEW_NETWORK, Detector.OFF_HOURS})
"""What is new about when or whence a request came: looked at before anybody is looked up."""


class Action(IntEnum):
    """The graded response, mildest first."""

    RECORD = 0
    THROTTLE = 1
    STEP_UP = 2
    HOLD = 3
    FREEZE_CREDENTIAL = 4
    FREEZE_GRANT = 5


class State(StrEnum):
    """How an incident stands."""

    OPEN = "open"
    ESCALATED = "escalated"
    RELEASED = "released"
    EXCEPTION = "exception"
    """Released, and for a time the detector does not count, or only beyond a ceiling."""


class Principal(msgspec.Struct, frozen=True, order=True):
    """Whom something is counted for: a grant by its number, an operator as `partner/operator`, a purpose as
    `partner/purpose`, a partner by its code."""

    level: Level
    name: str


class Finding(msgspec.Struct, frozen=True):
    """One detector went off: what it saw against what it expected, over how many days."""

    detector: Detector
    action: Action
    principal: Principal
    partner: str
    grant: str
    observed: float
    expected: float
    days: int
    at: datetime


def wants_proof(finding: Finding) -> bool:
    """Whether it laid nothing on anybody, and asked for a signature."""
    return finding.action is Action.STEP_UP and finding.detector in HABITS


class Incident(msgspec.Struct, frozen=True):
    """All findings of one detector about one principal within seven days."""

    number: str
    finding: Finding
    """The first one."""
    last: datetime
    count: int
    state: State = State.OPEN
    samples: tuple[str, ...] = ()
    """Pseudonyms of subjects, five at most: only the gateway's own key makes them of a number again."""
    others: tuple[str, ...] = ()
    """Grants that contributed, where more than one did."""
    left: Mapping[str, int] = {}
    """What was left of each budget of the grant."""
    client: str = ""
    """The system that it was met with, where that is what it is about,"""
    network: str = ""
    """and the class of the network that it came from; never an address."""
