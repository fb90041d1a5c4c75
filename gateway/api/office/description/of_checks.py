"""What the doors of spot checks answer, to partners and to the office."""

from __future__ import annotations

from gateway.api.describing import COUNT, DAY, FLAG, SHA256, TEXT, Json, closed, listed, maybe, named, one_of
from gateway.domain.spot_check import CheckState

_SHOWN: Json = {
    "number": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
    "grant": TEXT,
    "opened": DAY,
    "due": DAY,
    "last": DAY,
    "state": one_of(CheckState),
}


def of_checks() -> Json:
    """Every structure by its name."""
    return {
        "SpotCheck": closed(_SHOWN),
        "SpotChecks": closed({"spot_checks": listed(named("SpotCheck")), "more": FLAG}),
        "OfficeSpotCheck": closed(_told()),
        "OfficeSpotChecks": closed({"spot_checks": listed(named("OfficeSpotCheck")), "more": FLAG}),
    }


def _told() -> Json:
    """As `gateway.api.office.spot_checks.told` has it."""
    return {
        **_SHOWN,
        **dict.fromkeys(("partner", "purpose", "document", "operator", "judge", "reason"), TEXT),
        "overdue": FLAG,
        "needs_acceptance": FLAG,
        "sha256": {"type": "string", "pattern": "^([0-9a-f]{64})?$"},
        "filed": maybe(DAY),
        "filings": COUNT,
        "filing_sha256": maybe(SHA256),
        "judged": maybe(DAY),
        "entry": maybe(COUNT),
    }
