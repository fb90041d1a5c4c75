"""Events about the ledger's own state, each as a `Draft`. `audit/state_kinds.py` tells what they say."""

from audit.entry import JsonValue
from audit.events import Draft, event
from audit.state_kinds import LOG_REBUILT


def log_rebuilt(
    *,
    origin: str,
    entries: int,
    signed: int,
    spent: tuple[str, str] | None,
    grants: int,
    differing: int,
) -> Draft:
    """Budgets were counted anew; `spent` are the first and the last day that count as spent."""
    told: dict[str, JsonValue] = {"origin": origin, "entries": entries, "signed": signed, "grants": grants}
    days: dict[str, JsonValue] = {"spent_from": spent[0] if spent else None, "spent_until": spent[1] if spent else None}
    return event(LOG_REBUILT, None, told | days | {"differing": differing})
