"""What sweeps count of a grant from day to day, beside the turns. All of it are columns."""

from __future__ import annotations

import msgspec


class Pace(msgspec.Struct, frozen=True, gc=False):
    """The pace of a grant as its own past shows it, and what speaks for a faster one."""

    workdays: int = 0
    """How many there were since it was first used."""
    subjects: float = 0.0
    """New subjects on them; what lies far back fades. Divided by `seasons`: the mean of a usual workday."""
    seasons: float = 0.0
    """How busy these days were for others, added up and faded likewise."""
    recent: float = 0.0
    """The mean of the last workdays."""
    noise: float = 0.0
    """By how much days differ from what was expected, more than chance makes them, in squares of that; added up."""
    score: float = 0.0


class Tally(msgspec.Struct, frozen=True, gc=False):
    """A grant as the last sweep left it."""

    day: int = 0
    """The local day of that sweep; 0 before the first."""
    window: int = 0
    """Its subjects of 30 days, as that day counted them."""
    misses: int = 0
    """Its unknown subjects of that day."""
    waiting: int = 0
    """New subjects since the last workday that was judged."""
    firsts: int = 0
    """New subjects since all grants together began to look like somebody who guesses numbers,"""
    missed: int = 0
    """and how many of these were unknown."""
    pace: Pace = Pace()


UNCOUNTED = Tally()
