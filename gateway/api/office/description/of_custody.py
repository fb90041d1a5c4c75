"""What the doors of erasing and revealing answer."""

from __future__ import annotations

from gateway.api.describing import COUNT, TEXT, Json, closed, listed, maybe, one_of
from gateway.deeds.custody import SECRETS


def of_custody() -> Json:
    """Every structure by its name."""
    disclosure = {"name": one_of(sorted(SECRETS)), "value": maybe(TEXT), "erased_by": maybe(COUNT)}
    shown: Json = {"entry": COUNT, "disclosures": listed(closed(disclosure))}
    erased = {
        "deed": TEXT,
        "tombstones": listed(COUNT),
        "erased": COUNT,
        "names": listed(TEXT),
        "before": TEXT,
        "kept": COUNT,
        "kept_until": TEXT,
        "store": TEXT,
        "remains": TEXT,
        "zh": TEXT,
    }
    return {
        "OfficePoint": closed({"subject": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}),
        "OfficeErased": closed(erased),
        "OfficeRevealed": closed({"shown": listed(closed(shown))}),
    }
