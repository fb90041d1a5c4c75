"""What the door to the state of the ledger answers."""

from __future__ import annotations

from audit.causes import Cause, Recovery, State
from gateway.api.describing import COUNT, FLAG, TEXT, Json, closed, listed, maybe, one_of


def of_state() -> Json:
    """Every structure by its name."""
    cause = {
        "cause": one_of(Cause),
        "state": one_of(State),
        "recovery": one_of(Recovery),
        "detail": TEXT,
        "index": maybe(COUNT),
        **dict.fromkeys(("zh", "todo_zh", "en", "todo_en"), TEXT),
    }
    told = {
        "state": one_of(State),
        "answers": FLAG,
        "may_write": FLAG,
        "undecided": maybe(TEXT),
        "causes": listed(closed(cause)),
    }
    return {"OfficeLogState": closed(told)}
