"""What the doors to entries answer."""

from __future__ import annotations

from gateway.api.describing import COUNT, SHA256, TEXT, Json, closed, listed, maybe, one_of
from gateway.entries import Missing


def of_entries() -> Json:
    """Every structure by its name."""
    entry = {"index": COUNT, "leaf": SHA256, "entry": maybe(TEXT), "missing": maybe(one_of(Missing))}
    return {"OfficeEntries": closed({"recorded": COUNT, "entries": listed(closed(entry))})}
