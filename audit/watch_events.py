"""Events of the watch, each as a `Draft`. `audit/watch_kinds.py` tells what they say."""

from collections.abc import Sequence

from msgspec import Struct

from audit.disclosure import secret
from audit.entry import JsonValue
from audit.events import Draft, event
from audit.watch_kinds import WATCH_STOPPED


class Found(Struct, frozen=True):
    """What officers judge by: the detector, and what it saw. Numbers stand as text: the form has no fractions."""

    detector: str
    observed: str
    expected: str
    days: int
    samples: Sequence[str]


def watch_stopped(*, incident: str, target: str, response: str, found: Found) -> Draft:
    """Something was put on hold or frozen."""
    body: dict[str, JsonValue] = {"incident": incident, "target": target, "response": response}
    finding: dict[str, JsonValue] = {
        "detector": found.detector,
        "observed": found.observed,
        "expected": found.expected,
        "days": found.days,
        "samples": list(found.samples),
    }
    return event(WATCH_STOPPED, None, body, (secret("finding", finding),))
