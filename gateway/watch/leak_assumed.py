"""What the two adversaries of the leak by contract are held to be: everything that is assumed, and not read from a
grant or from thresholds, stands here. Reasons: docs/leak.md.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.domain.grant import Grant
from gateway.watch.sampling import share_of
from gateway.watch.thresholds import Thresholds


class Assumed(NamedTuple):
    """Shares are shares of one."""

    wrong_on_list: float = 0.06
    """People on a thief's list with a value that is wrong: two of a hundred values, three values a person."""
    inside_unknown: float = 0.5
    """How many of a thief's list a scope or a committed list covers, where nobody knows how large the register is."""
    hidden_part: int = 3
    """One in so many of what a grant allows lies above its declared use: there a clerk's own questions are not seen."""
    review_days: int = 1
    """Working days until a reviewer has seen that a document is made up. A reviewer is taken to see every one."""


ASSUMED = Assumed()


def checked_share(grant: Grant, limits: Thresholds) -> float:
    """Of new subjects, how many are spot-checked, as long as none has failed."""
    return share_of(grant, frozenset(), frozenset(), limits)


def days_without_document(limits: Thresholds) -> int:
    """On how many days somebody new is still answered about who names no document for the first that is checked."""
    return limits.check_due_days + 1
