"""Outcomes (D15): whether those whom a grant asked about are employed 90 days later, as its holder said they would be.

Somebody who harvests asks about real people in the manner of an honest clerk, and nothing comes of it. Sync tells by
tokens whose record began or moved to another unit; nobody is looked up for this, and no answer is worked out anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from gateway.domain.grant import Grant, local_day
from gateway.domain.incident import Action, Detector, Incident, Level
from gateway.domain.outcome import UNJUDGED, Outcome
from gateway.ports import Index
from gateway.watch.detectors import Trip
from gateway.watch.rounds import Round
from gateway.watch.sequential import Steps, steps
from gateway.watch.thresholds import Thresholds

OUTCOME_DAYS: Final = 90
"""How long after the first question a record may begin or move."""
_SUREST: Final = 0.99
"""Nobody is held to every single one."""


@dataclass
class Outcomes:
    """Judges, once a day for each grant, whom it first asked about 90 days before."""

    index: Index | None = None

    def look(self, now: Round) -> list[Incident]:
        """See `gateway.watch.rounds.Look`."""
        declared = {each.number: each for each in now.rights.grants.values() if each.outcome_rate is not None}
        if not declared or self.index is None:
            return []
        # A day of the register too: a clock that runs ahead ripens nothing.
        until = min(now.day, local_day(self.index.version.time).toordinal()) - OUTCOME_DAYS
        known = now.work.outcomes.outcomes(sorted(declared))
        due = [number for number in sorted(declared) if known.get(number, UNJUDGED).day < until]
        trips = [
            (declared[number], trip)
            for number in due
            for trip in _judge(declared[number], known.get(number, UNJUDGED), until, now, self.index)
        ]
        return [
            now.incident(grant, trip, Level.GRANT, days=OUTCOME_DAYS)
            for grant, trip in trips
            if not now.is_spared(grant.number, trip)
        ]


def outcome_steps(rate: int, limits: Thresholds) -> Steps:
    """The test of what was declared against so much of it: bad is who was not employed."""
    usual = min(_SUREST, rate / 100)
    return steps(1 - usual, 1 - limits.outcome_kept * usual)


def judged(before: Outcome, moved: Iterable[bool], test: Steps, limits: Thresholds) -> Iterator[Outcome]:
    """What each outcome makes of the test, in order; behind an alarm it begins anew."""
    now = before
    for is_moved in moved:
        score, _ = test.through(0.0 if now.score >= limits.alarm else now.score, (not is_moved,))
        run = now if 0 < now.score < limits.alarm else replace(now, asked=0, moved=0)
        now = replace(now, score=score, asked=run.asked + 1, moved=run.moved + is_moved)
        yield now


def _judge(grant: Grant, before: Outcome, until: int, now: Round, index: Index) -> list[Trip]:
    """Keeps what became of those asked about up to a day; the last alarm that came of it.

    Of whom it is not known whether they moved since, because sync has begun anew, nothing is judged.
    """
    store, rate, since = now.work.outcomes, grant.outcome_rate or 0, index.moves_since()
    ripe = [(day, link) for day, link in store.ripe(grant.number, until) if since is not None and since <= day]
    moved = [index.moved_on(link) >= day for day, link in ripe]
    steps_taken = list(judged(before, moved, outcome_steps(rate, now.limits), now.limits))
    last = steps_taken[-1] if steps_taken else before
    store.put({grant.number: replace(last, day=until)})
    store.forget(grant.number, until)
    alarms = [each for each in steps_taken if each.score >= now.limits.alarm]
    return [Trip(Detector.RECONCILIATION, Action.STEP_UP, each.moved / each.asked, rate / 100) for each in alarms[-1:]]
