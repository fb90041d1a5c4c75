"""Events of the watch, each as a `Draft`. `audit/watch_kinds.py` tells what they say."""

from collections.abc import Sequence

from msgspec import Struct

from audit.disclosure import secret
from audit.entry import JsonValue
from audit.events import Draft, event
from audit.watch_kinds import CHECK_ASKED, CHECK_FILED, CHECK_JUDGED, WATCH_ESCALATED, WATCH_NOTICED, WATCH_STOPPED


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
    return event(WATCH_STOPPED, None, body, (secret("finding", _finding(found)),))


def watch_noticed(*, incident: str, target: str, found: Found) -> Draft:
    """Something was noticed, and nothing stopped."""
    return event(WATCH_NOTICED, None, {"incident": incident, "target": target}, (secret("finding", _finding(found)),))


def watch_escalated(*, incident: str, target: str, stopped: int, days: int) -> Draft:
    """A hold that nobody handled became a freeze."""
    body: dict[str, JsonValue] = {"incident": incident, "target": target, "response": "frozen"}
    return event(WATCH_ESCALATED, None, {**body, "stopped": stopped, "days": days})


def _finding(found: Found) -> dict[str, JsonValue]:
    return {
        "detector": found.detector,
        "observed": found.observed,
        "expected": found.expected,
        "days": found.days,
        "samples": list(found.samples),
    }


def check_asked(*, number: str, grant: str) -> Draft:
    """The document of a subject is asked for; the entry of the refused comparison names the same number."""
    return event(CHECK_ASKED, None, {"check": number, "grant": grant})


def check_filed(*, number: str, grant: str, client: str, filing_sha256: str) -> Draft:
    """A partner named a document."""
    return event(CHECK_FILED, None, {"check": number, "grant": grant, "client": client, "filing_sha256": filing_sha256})


def check_judged(*, number: str, grant: str, verdict: str, by: tuple[str, str], reason_sha256: str) -> Draft:
    """Somebody of the office looked at it, or it never came; `by` is account and duty, then both empty."""
    body: dict[str, JsonValue] = {"check": number, "grant": grant, "verdict": verdict}
    person, duty = by
    return event(CHECK_JUDGED, None, {**body, "person": person, "duty": duty, "reason_sha256": reason_sha256})
