"""What became of those whom a grant asked about, held against what its holder said would become of them."""

from __future__ import annotations

import msgspec


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """One grant's sequential test. All of it are columns."""

    day: int = 0
    """The last local day (as an ordinal) of first questions that was judged; 0 before the first."""
    score: float = 0.0
    asked: int = 0
    """Of how many it was judged since the score left zero,"""
    moved: int = 0
    """and of how many of these the record began or moved."""


UNJUDGED = Outcome()
