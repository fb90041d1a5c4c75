"""What the watch stopped, in lines."""

from __future__ import annotations

from collections.abc import Iterator

from ops.cli.office.client import Told


def stop_lines(each: Told) -> Iterator[str]:
    """One response, and what to do about it."""
    yield str(each["zh"])
    yield f"  {each['next_zh']}"
