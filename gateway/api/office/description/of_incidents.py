"""What the doors to incidents answer."""

from __future__ import annotations

from gateway.api.describing import COUNT, INSTANT, TEXT, Json, closed, listed, one_of
from gateway.domain.incident import Action, Detector, State


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
        **dict.fromkeys(("samples", "others"), listed(TEXT)),
    }
    found = closed(incident)
    return {"OfficeIncident": found, "OfficeIncidents": closed({"incidents": listed(found)})}
