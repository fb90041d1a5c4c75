"""Leak by contract: what a grant gives away at worst, played against the line before anybody signs it.

Two adversaries, each in many plays:

- **stolen**: somebody outside has the credential and a list of real people with plausible values, knows nobody's
  threshold, and asks as fast as the budgets let;
- **dishonest**: a clerk who knows every threshold asks about real people with right values, no more of them than the
  grant allows beyond its declared use, and makes up documents.

Beside it stand what nothing can exceed, the same with a committed list, and the same with one field less. The same
grant and thresholds give the same figure to the last digit: whoever signs can have it worked out again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from hashlib import sha256
from math import ceil

from gateway.deeds.parameters import MOST_VALIDITY_DAYS
from gateway.domain.budget import Limits
from gateway.domain.cohort import MAX_MEMBERS
from gateway.domain.grant import Grant, GrantClass
from gateway.domain.leak import Basis, Case, Cases, Leak, Most, Spread, Without
from gateway.watch.leak_assumed import ASSUMED, Assumed, checked_share, days_without_document
from gateway.watch.leak_ground import WHOLE
from gateway.watch.leak_pace import Pace, pace
from gateway.watch.leak_play import PLAYS, Luck, Play, checked, outsiders_noticed, wrong_noticed
from gateway.watch.profile import profile_of
from gateway.watch.questions import allowed
from gateway.watch.thresholds import DEFAULTS, Thresholds
from policies.catalogue import Catalogue, Comparator, Field
from policies.fields import Sensitivity

_VERSION = 1
"""Of the way in which figures are made."""
_WORST = 0.95
_DAYS_A_WEEK, _WORKDAYS = 7, 5
_WEEKEND = _DAYS_A_WEEK - _WORKDAYS
_RANKS = {each: rank for rank, each in enumerate(Sensitivity)}


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """Works figures out, by the thresholds in force."""

    catalogue: Catalogue
    limits: Thresholds = DEFAULTS
    assumed: Assumed = ASSUMED

    def of(self, grant: Grant, register: int = 0, scope: int = 0) -> Leak:
        """The figure of a grant over a register of so many subjects, so many of a thousand units in its scope.

        0 where nobody knows.
        """
        scope = scope if grant.grant_class is GrantClass.SCOPED else 0
        fields = _largest_kind(grant, self.catalogue)
        own, lost = self._played(grant, register, scope), self._dropped(grant, fields)
        is_closed = grant.grant_class is GrantClass.CLOSED
        closed = None if is_closed else self._played(_closed(grant), register, 0).cases(self._answers(fields))
        cases = own.cases(self._answers(fields))
        return Leak(
            basis=Basis(thresholds=self.digest, register=register, scope=scope, plays=PLAYS),
            stolen=cases.stolen,
            dishonest=cases.dishonest,
            most=Most(persons=own.most, answers=own.most * len(fields), days=own.days),
            closed=closed,
            without=self._without(own, lost, grant) if lost else None,
        )

    @cached_property
    def digest(self) -> str:
        """Of everything a figure depends on besides the grant and the size of the register."""
        limits, assumed = asdict(self.limits), self.assumed._asdict()
        told = [_VERSION, PLAYS, self.catalogue.digest, sorted(limits.items()), sorted(assumed.items())]
        return sha256(repr(told).encode()).hexdigest()[:16]

    def _played(self, grant: Grant, register: int, scope: int) -> _Played:
        return _Played(grant, (register, scope), self.limits, self.assumed)

    def _dropped(self, grant: Grant, fields: Sequence[Field]) -> Field | None:
        """All cost an answer a person, so it is the most sensitive one; then the one with most values."""
        if len(grant.fields) < 2:
            return None
        return max(fields, key=lambda each: (_RANKS[each.sensitivity], each.domain_size, each.key), default=None)

    def _without(self, played: _Played, lost: Field, grant: Grant) -> Without:
        reasons = {name: reason for name, reason in grant.reasons.items() if name != lost.key}
        fields = _largest_kind(replace(grant, reasons=reasons), self.catalogue)
        cases = played.cases(self._answers(fields))
        return Without(field=lost.key, stolen=cases.stolen, dishonest=cases.dishonest)

    def _answers(self, fields: Sequence[Field]) -> _Answers:
        """A wrong value is corrected by a second question, where the field has more than one."""
        final = sum(allowed(each, Comparator.EQUALS, self.limits) < 2 for each in fields)
        return _Answers(len(fields), self.assumed.wrong_on_list * final / max(1, len(fields)))


@dataclass(frozen=True)
class _Answers:
    """How many attributes agree."""

    fields: int
    wrong: float
    """A person, for somebody whose list has errors."""

    def stolen(self, persons: int) -> int:
        return max(0, persons * self.fields - ceil(persons * self.wrong)) if self.fields else 0

    def dishonest(self, persons: int) -> int:
        return persons * self.fields


class _Played:
    """Both adversaries at one grant."""

    def __init__(self, grant: Grant, around: tuple[int, int], limits: Thresholds, assumed: Assumed) -> None:
        self._grant, self._limits, self._assumed = grant, limits, assumed
        self.days = min((grant.valid_until - grant.valid_from).days + 1, MOST_VALIDITY_DAYS)
        self._people = _people(grant)
        self._profile = profile_of(grant, self._people, limits)
        self._full = pace(grant.limits, [True] * self.days)
        self._inside = self._covered(*around)
        self._checked = checked_share(grant, limits)
        self._luck = [Luck(grant.number, nth) for nth in range(PLAYS)]

    @property
    def most(self) -> int:
        """How many persons all budgets together allow; a list, no more than can ever stand on it."""
        if self._grant.grant_class is not GrantClass.CLOSED:
            return self._full.total
        return min(self._full.total, self._people + self._added)

    def cases(self, answers: _Answers) -> Cases:
        """What both take, with so many fields."""
        stolen, dishonest = self._plays
        return Cases(stolen=_case(stolen, answers.stolen), dishonest=_case(dishonest, answers.dishonest))

    @cached_property
    def _plays(self) -> tuple[list[Play], list[Play]]:
        outsiders = outsiders_noticed(self._profile, self._limits, self._full.window) if self._inside < 1 else None
        stolen = [self._stolen(luck, outsiders) for luck in self._luck]
        slow = pace(self._hidden(), self._workdays())
        burst = pace(self._hidden(), [True] * (self._assumed.review_days + 1)).total
        return stolen, [self._dishonest(luck, slow, burst) for luck in self._luck]

    def _stolen(self, luck: Luck, outsiders: int | None) -> Play:
        """What ends first: too many outsiders, a document that is missing, wrong values, or the grant itself."""
        ends = [Play(self._share(self._full.total), self.days, is_stopped=False)]
        if outsiders is not None:
            insiders = luck.insiders(self._inside, outsiders)
            if insiders + outsiders <= self._full.window:
                ends.append(Play(insiders, self._full.day_of(insiders + outsiders), is_stopped=True))
        first = luck.first_checked(self._checked)
        if first is not None and first <= self._full.total:
            days = days_without_document(self._limits)
            ends.append(checked(first, self._full, self._full.by(days), days - 1))
        soonest = min(ends)
        wrong = self._assumed.wrong_on_list
        if noticed := wrong_noticed(luck, wrong, self._profile, self._limits, soonest.persons):
            return Play(noticed - 1, self._full.day_of(ceil(noticed / self._inside)), is_stopped=True)
        return soonest

    def _dishonest(self, luck: Luck, slow: Pace, burst: int) -> Play:
        if self._grant.grant_class is GrantClass.CLOSED:
            return Play(min(slow.total, self._added), self.days, is_stopped=False)
        first = luck.first_checked(self._checked)
        if first is None or first > slow.total:
            return Play(slow.total, self.days, is_stopped=False)
        return checked(first, slow, burst, self._assumed.review_days + _WEEKEND)

    @property
    def _added(self) -> int:
        """Whom a list can gain beyond those that two people signed for."""
        first, last = self._grant.valid_from, self._grant.valid_until
        months = 12 * (last.year - first.year) + last.month - first.month + 1
        return min(months * self._grant.additions_per_month, self._hidden().subjects_per_30_days)

    def _covered(self, register: int, scope: int) -> float:
        """How many of a list that is drawn from the whole register the grant is about: by people, or by units."""
        if self._grant.grant_class in {GrantClass.OPEN, GrantClass.MATTER}:
            return 1.0
        people = self._people * self._grant.hit_rate / 100 / register if register else self._assumed.inside_unknown
        return min(1.0, max(people, scope / WHOLE))

    def _share(self, asked: int) -> int:
        return min(ceil(asked * self._inside), self.most)

    def _hidden(self) -> Limits:
        part, own = self._assumed.hidden_part, self._grant.limits
        whole = (own.subjects_per_day, own.subjects_per_30_days, own.subjects_per_year, own.comparisons_per_day)
        return Limits(*(-(-each // part) for each in whole))

    def _workdays(self) -> list[bool]:
        first = self._grant.valid_from.weekday()
        return [(first + day) % _DAYS_A_WEEK < _WORKDAYS for day in range(self.days)]


def _case(plays: Sequence[Play], answers: Callable[[int], int]) -> Case:
    persons, days = _spread([play.persons for play in plays]), _spread([play.days for play in plays])
    return Case(
        persons=persons,
        answers=Spread(median=answers(persons.median), worst=answers(persons.worst)),
        days=days,
        stopped=100 * sum(play.is_stopped for play in plays) // len(plays),
    )


def _spread(values: Sequence[int]) -> Spread:
    ranked = sorted(values)
    return Spread(median=ranked[(len(ranked) - 1) // 2], worst=ranked[ceil(_WORST * len(ranked)) - 1])


def _people(grant: Grant) -> int:
    """How many a grant is about, as the watch takes it; of a closed one, how many its list may have."""
    window = grant.limits.subjects_per_30_days
    return min(window, MAX_MEMBERS) if grant.grant_class is GrantClass.CLOSED else window


def _closed(grant: Grant) -> Grant:
    return replace(grant, grant_class=GrantClass.CLOSED, additions_per_month=0)


def _largest_kind(grant: Grant, catalogue: Catalogue) -> list[Field]:
    """The fields that can be claimed of one subject: of the kind of which there are most."""
    kinds = [[each for name, each in fields.items() if name in grant.fields] for fields in catalogue.claimable.values()]
    return max(kinds, key=len)
