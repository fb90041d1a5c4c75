"""What the doors of the officers' search answer."""

from __future__ import annotations

from typing import Final

from gateway.api.describing import COUNT, FLAG, INSTANT, SHA256, TEXT, Json, closed, listed, maybe, named, one_of
from gateway.domain.answer import FieldCode, SubjectCode
from gateway.trail.words import MEMBERS
from policies.decision import Reason

_TEXTS: Final[Json] = listed(TEXT)
_INDICES: Final[Json] = listed(COUNT)
_CODES: Final[Json] = {"type": "object", "additionalProperties": one_of(FieldCode)}
_TOLD: Final[Json] = one_of([*SubjectCode, *Reason])


def of_trail() -> Json:
    """Every structure by its name."""
    hour = {"hour": INSTANT, "partner": TEXT, "told": _TOLD, "entries": COUNT, "claims": COUNT}
    return {
        "OfficeTrail": closed(_answer()),
        "OfficeTrailHit": closed(_hit()),
        "OfficeTrailHours": closed({"hours": listed(closed(hour))}),
        "OfficeTrailView": closed({"name": TEXT, "filter": closed(_filter())}),
        "OfficeTrailViews": closed({"views": listed(named("OfficeTrailView"))}),
    }


def _answer() -> Json:
    return {
        "entry": COUNT,
        "hits": listed(named("OfficeTrailHit")),
        "differs": _INDICES,
        "archived": _INDICES,
        "next": maybe(COUNT),
        "is_cut": FLAG,
        "left": maybe(COUNT),
        "withholds_secret": FLAG,
        "zh": TEXT,
    }


def _hit() -> Json:
    """What an entry says in clear; a member that its kind does not have is null."""
    return {
        "entry": COUNT,
        "leaf": SHA256,
        "type": TEXT,
        "zh": TEXT,
        "time": INSTANT,
        "log_time": INSTANT,
        **{name: maybe(TEXT) for name in ("partner", "client", "grant", "purpose", "network", "incident")},
        "subject": maybe(one_of(SubjectCode)),
        "fields": _CODES,
        "refused": maybe(one_of(Reason)),
        "accounts": _TEXTS,
    }


def _filter() -> Json:
    return {**{f"{name}s": _TEXTS for name in MEMBERS}, "since": TEXT, "until": TEXT}
