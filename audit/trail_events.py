"""Events about looks into the ledger, each as a `Draft`. `audit/trail_kinds.py` tells what they say.

They stand in nobody's chain: who of the office looked at what is not the partners' to know.
"""

from audit.entry import JsonValue
from audit.events import Draft, event
from audit.trail_kinds import TRAIL_READ


def trail_read(*, person: str, duty: str, use: str, first: int, last: int, draft: str | None = None) -> Draft:
    """Somebody looks at these entries."""
    body: dict[str, JsonValue] = {
        "person": person,
        "duty": duty,
        "use": use,
        "first": first,
        "last": last,
        "draft": draft,
    }
    return event(TRAIL_READ, None, body)
