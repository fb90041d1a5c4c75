"""Saved views: filters that an officer gave a name. They hold words of clear parts, never whom one searched for."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from gateway.trail.asking import Filter

MAX_VIEWS: Final = 50


class _View(msgspec.Struct, forbid_unknown_fields=True):
    words: dict[str, tuple[str, ...]]
    since: datetime | None
    until: datetime | None


def write_view(kept: Filter) -> bytes:
    """A filter as it is kept."""
    return msgspec.json.encode(_View(dict(kept.words), kept.since, kept.until))


def read_view(content: bytes) -> Filter:
    """A filter that was kept."""
    view = msgspec.json.decode(content, type=_View)
    return Filter(words=view.words, since=view.since, until=view.until)
