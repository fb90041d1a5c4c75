"""Thresholds: every number the watch decides by. Where none are in force, what stands here counts.

What they come from is told in docs/watch.md; a change runs beside the old ones first (`gateway.watch.shadow`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Rates are shares of one; windows are of 30 days."""

    alarm: float = 13.8
    """How much evidence a sequential test gathers before it goes off: about one false alarm in a million steps."""
    usual_misses: float = 0.03
    """Share of first-seen subjects that may be unknown under an honest grant, at least."""
    harvest_misses: float = 0.30
    """The share of them that is unknown while somebody enumerates."""
    kept_hits: float = 0.7
    """An open grant may fall to this part of its rate of hits before that looks like a harvest."""
    harvest_hits: float = 0.005
    """The rate of hits of somebody who enumerates under an open grant."""
    usual_mismatches: float = 0.06
    harvest_mismatches: float = 0.45
    """Share of confirmed subjects, asked for the first time in a window, with a field that does not match."""
    misses_times: float = 2.0
    """How many times the declared share of unknown subjects a grant may have in a window."""
    least_misses: int = 20
    outside_share: float = 0.005
    """Of those a grant is about, how many others it may ask for in a window."""
    least_outside: int = 5
    cell_misses: int = 4
    """Unknown numbers of one region and birthday that are no accident, where `cell_odds` says so, too."""
    cell_odds: float = -18.0
    """Natural logarithm of how likely so many would be by chance."""
    cells_a_region: int = 20_000
    """Birthdays that people of working age and the retired have."""
    unit_odds: float = -16.0
    """Natural logarithm of how likely so many of one unit would be, if they were drawn from its whole region."""
    unit_part: float = 0.05
    """Of a unit's staff so many are asked about before it can look like a walk through the unit; but no more than"""
    unit_most: int = 60
    """this many, and no fewer than"""
    unit_least: int = 8
    run_outs: int = 1
    """Requests of a turn that a budget had no room for, under a grant that only need bounds."""
    locks: int = 10
    """Where only need bounds a grant: questions of a window about people of whom nothing is told any more."""
    part_odds: float = -3.0
    """Natural logarithm of how likely a grant's part in what many grants did together would be by chance."""
    drift_alarm: float = 6.0
    """How much evidence of a faster pace is gathered before it counts as drift."""
    drift_times: float = 1.45
    """So many times its own pace a grant goes that drifts."""
    drift_days: int = 20
    """Workdays from which a grant's own pace is learned, before it is held against it."""
    fan_in: int = 5
    """Partners that ask about one person within seven days."""
    overlap_odds: float = -16.0
    """Natural logarithm of how likely two grants would have so many subjects in common by chance."""
    overlap_part: float = 0.1
    """Of the smaller grant's subjects so many are in common, and no fewer than"""
    overlap_least: int = 20
    """this many, before anything is made of it."""
    decoys: int = 2
    """Different decoys met in a window that are no accident, where `decoy_odds` says so, too."""
    usual_decoys: float = 2e-5
    """Of numbers that people at large have, the share that is a decoy's: these are drawn like theirs."""
    decoy_odds: float = -9.0
    """Natural logarithm of how likely so many would be by chance."""
    few_values: int = 4
    some_values: int = 27
    questions: tuple[int, int, int] = (1, 2, 3)
    """Different questions to one field of one person in a window: for few values, for some, for many."""
    bounds: int = 2
    """Different bounds on one field of one person in a window."""
    other_questions: int = 2
    """Questions about one person in a window beyond the first to each field: who corrects a form needs few."""
    small_values: int = 100
    """A field of no more values can be guessed: a third or half of all people have the commonest."""
    contradictions: int = 2
    """From so many contradicted fields on that can be guessed none of them is told, where only need bounds a grant."""

    pace_seconds: int = 600
    """In so many seconds a grant's comparisons of a day may be used, and no faster"""
    pace_burst: int = 100
    """beyond this many at once, or a sixtieth of the day, whichever is more."""
    habit_days: int = 30
    """Days in which it is learned from where and when a system uses a grant"""
    habit_hours: int = 1
    """and by how many hours it may stray from that without a fresh proof."""

    outcome_kept: float = 0.6
    """Of what a grant's holder said comes of its questions, the part that looks like a harvest."""
    check_share: float = 0.02
    """Of the new subjects of a grant that only need bounds, the share whose document is asked for."""
    check_open_share: float = 0.002
    """The same for those who look for people at large, most of whom the register does not have."""
    check_raised: float = 0.10
    """The same for every grant of a purpose for which a document was none, for so many days:"""
    check_raised_days: int = 90
    check_accept_share: float = 0.25
    """Of those, the share whose answer waits until the document is accepted, as it does for every protected person."""
    check_due_days: int = 1
    """Days after which nobody new is answered about while a document is missing."""
    check_late_days: int = 7
    """Days after which a missing document is none."""


DEFAULTS = Thresholds()
