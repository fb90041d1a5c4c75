"""What the doors of statements answer, to systems and to people."""

from __future__ import annotations

from typing import Final

from gateway.api.describing import COUNT, DAY, FLAG, INSTANT, SHA256, TEXT, Json, closed, listed, maybe, named, one_of
from gateway.statements.desk import BY_HEAD, BY_SYSTEM
from policies.decision import Reason

_HEX: Final[Json] = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_SPOT: Final[Json] = closed({"index": COUNT, "pseq": COUNT})
_COUNTED: Final[Json] = closed({"count": COUNT, "root": SHA256})
_INDEXES: Final[Json] = listed(COUNT)


def of_statements() -> Json:
    """Every structure by its name."""
    dispute = named("OfficeDispute")
    return {
        "DayStatement": closed({"statement": _statement(), "operators": _operators()}),
        "StatementEntries": closed({"entries": listed(_entry()), "more": FLAG}),
        "StatementDispute": closed({"dispute": _HEX, "entry": COUNT}),
        "OfficeDayStatements": closed(
            {"month": TEXT, "made_until": maybe(DAY), "partners": listed(closed(_partner()))}
        ),
        "OfficeDispute": closed(_dispute()),
        "OfficeDisputes": closed({"disputes": listed(dispute)}),
    }


def _statement() -> Json:
    """As it was signed: nothing is written anew."""
    body = closed(
        {
            "answered": _COUNTED,
            "before": COUNT,
            "day": DAY,
            "first": maybe(_SPOT),
            "from": INSTANT,
            "last": maybe(_SPOT),
            "operators": SHA256,
            "origin": TEXT,
            "partner": TEXT,
            "refused": _COUNTED,
            "system": TEXT,
            "until": INSTANT,
            "v": {"const": 1},
        }
    )
    return closed({"body": body, "signature": TEXT, "type": {"const": "bidui-statement/1"}})


def _operators() -> Json:
    opened = closed({"operator": TEXT, "answered": COUNT, "refused": COUNT, "salt": _HEX})
    return closed({"opened": listed(opened), "digests": listed(SHA256)})


def _entry() -> Json:
    return closed(
        {
            "index": COUNT,
            "pseq": COUNT,
            "time": INSTANT,
            "leaf": SHA256,
            "incident": TEXT,
            "reason": one_of(["", *Reason]),
            "grant": maybe(TEXT),
            "network": TEXT,
        }
    )


def _partner() -> Json:
    statement = {"day": DAY, "system": TEXT, "answered": COUNT, "refused": COUNT, "sha256": SHA256, "entry": COUNT}
    return {
        "partner": TEXT,
        "days": COUNT,
        "answered": COUNT,
        "refused": COUNT,
        "root": SHA256,
        "whole": FLAG,
        "agrees": maybe(FLAG),
        "due": maybe(DAY),
        "stepped_up": FLAG,
        "draw": named("OfficeDraft"),
        "statements": listed(closed(statement)),
    }


def _dispute() -> Json:
    return {
        "id": _HEX,
        "partner": TEXT,
        "system": maybe(TEXT),
        "period": TEXT,
        "by": one_of([BY_SYSTEM, BY_HEAD]),
        "unknown": _INDEXES,
        "missing": _INDEXES,
        "text": TEXT,
        "raised": INSTANT,
        "entry": COUNT,
        "settled": maybe(INSTANT),
        "settled_by": TEXT,
        "finding": TEXT,
    }
