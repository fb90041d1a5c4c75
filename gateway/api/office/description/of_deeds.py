"""What the doors of deeds, tasks, grants and lists answer."""

from __future__ import annotations

from typing import Final, cast

import msgspec

from gateway.api.describing import (
    BYTES,
    COUNT,
    DAY,
    FLAG,
    INSTANT,
    SHA256,
    TEXT,
    Json,
    closed,
    listed,
    maybe,
    named,
    one_of,
)
from gateway.cohorts import Filed
from gateway.deeds.document import Kind
from gateway.deeds.keeping import State
from gateway.deeds.lapse import Cause
from gateway.deeds.states import STATE_ZH, GrantState
from gateway.domain.people import THREE, Duty
from gateway.domain.spot_check import CheckState

_ABOUT: Final[Json] = {"kind": one_of(Kind), "id": TEXT, "serial": {"type": "integer", "minimum": 1}, "digest": SHA256}
_CONTENT: Final[Json] = {"type": "object", "description": "文书内容，成员随 kind 而定", "additionalProperties": True}
_VALUE: Final[Json] = {"type": ["string", "integer", "boolean", "array", "object", "null"]}


def of_deeds() -> Json:
    """Every structure by its name."""
    summary = _summary()
    told = {"content": _CONTENT, "document": BYTES, "deed": BYTES, "changes": listed(_change())}
    whole = {**told, "leak": maybe(named("OfficeLeak"))}
    return {
        "OfficeDeed": closed(summary),
        "OfficeDeeds": closed({"deeds": listed(named("OfficeDeed"))}),
        "OfficeWholeDeed": closed({**summary, **whole}),
        "OfficeHistory": closed({"versions": listed(named("OfficeWholeDeed"))}),
        "OfficeExport": _export(),
        "OfficeStatement": closed(
            {"step": TEXT, "kid": TEXT, "at": INSTANT, "deeds": listed(SHA256), "statement": BYTES, "challenge": BYTES}
        ),
        "OfficeDraft": closed({"kind": one_of(Kind), "id": TEXT, "content": _CONTENT}),
        "OfficeGrant": closed(
            {"number": TEXT, "versions": listed(_version()), "stopped": listed(named("OfficeStopped"))}
        ),
        "OfficeTasks": _tasks(),
        **_filed(),
        **_leak(),
    }


def _leak() -> Json:
    """As `gateway.domain.leak` has it, and the lines that people read."""
    spread = closed({"median": COUNT, "worst": COUNT})
    counts = dict.fromkeys(("persons", "answers", "days"), spread)
    case = closed({**counts, "stopped": {"type": "integer", "minimum": 0, "maximum": 100}})
    cases = {"stolen": case, "dishonest": case}
    return {
        "OfficeLeak": closed(
            {
                **cases,
                "basis": closed({"thresholds": TEXT, **dict.fromkeys(("register", "scope", "plays"), COUNT)}),
                "most": closed(dict.fromkeys(("persons", "answers", "days"), COUNT)),
                "closed": maybe(closed(cases)),
                "without": maybe(closed({**cases, "field": TEXT})),
                "zh": listed(TEXT),
            }
        )
    }


def _summary() -> Json:
    return {
        **_ABOUT,
        "state": one_of(State),
        "path": TEXT,
        "author": TEXT,
        "partner": maybe(TEXT),
        "reason": TEXT,
        "steps": listed(TEXT),
        "signed": listed(closed({"step": TEXT, "person": TEXT, "at": INSTANT})),
        "next": maybe(TEXT),
        "due": maybe(DAY),
        "overdue": FLAG,
        "waits_for_me": FLAG,
        "changed": COUNT,
        "entry": maybe(COUNT),
        "note": TEXT,
    }


def _change() -> Json:
    """Where it is (a JSON pointer), and what was and what will be there."""
    return closed({"at": TEXT, "old": _VALUE, "new": _VALUE})


def _export() -> Json:
    founder = closed({"person": TEXT, "duty": one_of(sorted(THREE)), "public": BYTES})
    foundation = closed({"log": TEXT, "founders": listed(founder)})
    return closed({"foundation": foundation, "people": listed(BYTES), "deed": BYTES})


def _version() -> Json:
    return closed(
        {
            "serial": {"type": "integer", "minimum": 1},
            "attempt": {"type": "integer", "minimum": 1},
            "digest": SHA256,
            "state": one_of(GrantState),
            "state_zh": one_of(STATE_ZH.values()),
            "owners": listed(one_of(Duty)),
            "ends": maybe(closed({"at": INSTANT, "cause": one_of(Cause)})),
        }
    )


def _tasks() -> Json:
    """As `gateway.tasks.Tasks` has them."""
    grant = {"grant": TEXT, "partner": TEXT}
    to_sign = {**_ABOUT, "path": TEXT, "step": TEXT, "author": TEXT, "partner": maybe(TEXT)}
    draft = named("OfficeDraft")
    return closed(
        {
            "sign": listed(closed({**to_sign, "due": maybe(DAY), "overdue": FLAG})),
            "undertaking": listed(draft),
            "agreements": listed(TEXT),
            "ending": listed(closed({**grant, "until": DAY, "is_drawn": FLAG})),
            "attest": listed(closed({**grant, "until": INSTANT, "is_drawn": FLAG, "draw": draft})),
            "review": listed(closed({**grant, "digest": SHA256, "due": DAY, "overdue": FLAG})),
            "credentials": listed(
                closed({"system": TEXT, "partner": TEXT, "is_certificate": FLAG, "name": TEXT, "until": INSTANT})
            ),
            "people": listed(draft),
            "acknowledge": listed(
                closed({"partner": TEXT, "month": TEXT, "count": COUNT, "due": DAY, "overdue": FLAG, "is_drawn": FLAG})
            ),
            "checks": listed(
                closed(
                    {
                        **dict.fromkeys(("number", "partner", "grant"), TEXT),
                        "state": one_of(CheckState),
                        "due": DAY,
                        "overdue": FLAG,
                    }
                )
            ),
            "disputes": listed(
                closed(
                    {
                        **dict.fromkeys(("id", "partner", "period", "by"), TEXT),
                        "system": maybe(TEXT),
                        **dict.fromkeys(("unknown", "missing"), COUNT),
                    }
                )
            ),
            "stopped": listed(named("OfficeStopped")),
        }
    )


def _filed() -> Json:
    template = "#/components/schemas/Office{name}"
    _, found = msgspec.json.schema_components([Filed], ref_template=template)
    for component in cast("dict[str, Json]", found).values():
        component["additionalProperties"] = False
        del component["description"], component["title"]
    return {f"Office{name}": component for name, component in found.items()}
