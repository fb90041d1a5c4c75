"""What the doors of reports about one subject answer."""

from __future__ import annotations

from gateway.api.describing import COUNT, FLAG, INSTANT, TEXT, Json, closed, listed, maybe


def of_access() -> Json:
    """Every structure by its name."""
    months = listed(closed({"month": TEXT, "entries": COUNT}))
    return {"OfficeAccessReport": closed(_report()), "OfficeSealed": closed({"months": months})}


def _report() -> Json:
    return {
        "kind": TEXT,
        "matter": TEXT,
        "drawn": INSTANT,
        "by": TEXT,
        "before": COUNT,
        "entry": COUNT,
        "lines": listed(closed(_line())),
        "unverified": listed(COUNT),
        "archived": listed(COUNT),
        "is_whole": FLAG,
        "left": maybe(COUNT),
        "text": TEXT,
    }


def _line() -> Json:
    field = closed(dict.fromkeys(("field", "zh", "comparator", "code", "code_zh"), TEXT))
    return {
        "entry": COUNT,
        "time": INSTANT,
        **dict.fromkeys(("partner", "partner_zh", "department", "system"), TEXT),
        "grant": maybe(TEXT),
        "purpose": maybe(TEXT),
        **dict.fromkeys(("purpose_zh", "legal_basis"), TEXT),
        "fields": listed(field),
        **dict.fromkeys(("result", "result_zh", "refused"), TEXT),
    }
