"""What the doors to incidents answer."""

from __future__ import annotations

from typing import Final

from gateway.api.describing import COUNT, DAY, INSTANT, TEXT, Json, closed, listed, maybe, named, one_of
from gateway.domain.incident import Action, Detector, State
from gateway.watch.stopped import FROZEN, HELD

_LEFT: Final[Json] = {"type": "object", "additionalProperties": {"type": "integer"}}


def of_incidents() -> Json:
    """Every structure by its name."""
    incident = {
        "state": one_of(State),
        "detector": one_of(Detector),
        "response": {"enum": [each.name.lower() for each in Action]},
        "days": COUNT,
        "count": COUNT,
        **dict.fromkeys(("opened", "last"), INSTANT),
        **dict.fromkeys(("incident", "partner", "grant", "observed", "expected"), TEXT),
        **dict.fromkeys(("detector_zh", "detector_en", "release_zh", "release_en"), TEXT),
        **dict.fromkeys(("client", "network", "seen_zh", "seen_en"), TEXT),
        **dict.fromkeys(("samples", "others"), listed(TEXT)),
        **dict.fromkeys(("state_zh", "state_en"), TEXT),
        "left": _LEFT,
        "left_zh": {"type": "object", "additionalProperties": TEXT},
        "exception": maybe(closed({"detector": one_of(Detector), "until": DAY, "most": maybe(COUNT)})),
    }
    found = closed(incident)
    return {
        "OfficeIncident": found,
        "OfficeIncidents": closed({"incidents": listed(found)}),
        "OfficeStopped": closed(_stopped()),
        "OfficeStops": closed({"stops": listed(named("OfficeStopped"))}),
    }


def _stopped() -> Json:
    """As `gateway.watch.stopped.Stopped` has it."""
    seen = {
        "detector": one_of(Detector),
        "days": COUNT,
        **dict.fromkeys(("detector_zh", "observed", "expected"), TEXT),
        "others": listed(TEXT),
        "left": _LEFT,
    }
    return {
        "response": one_of([HELD, FROZEN]),
        "entry": COUNT,
        "since": maybe(INSTANT),
        "freezes": maybe(DAY),
        "seen": maybe(closed(seen)),
        **dict.fromkeys(("target", "incident", "partner", "zh", "en", "next_zh", "next_en"), TEXT),
    }
