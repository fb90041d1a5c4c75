"""Spot checks within a turn: answers about chosen subjects wait until a document is named.

Of protected persons (重点人员), and of a share of the others, they wait until it is accepted. While a document is
overdue, nobody new is answered about under its grant; what was asked before goes on.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from audit.events import Draft
from audit.watch_events import check_asked
from gateway.domain.budget import DAYS
from gateway.domain.grant import Grant, local_day
from gateway.domain.reply import Wants
from gateway.domain.spot_check import CheckState, SpotCheck
from gateway.hearing import Hearing
from gateway.ports import CheckStore, Rights, SubjectStore
from gateway.watch.sampling import is_chosen, is_unbounded, share_of, waits_for_acceptance
from gateway.watch.threshold_deeds import in_force
from gateway.watch.thresholds import DEFAULTS, Thresholds
from policies.decision import Reason

WAITS, OVERDUE = "watch:spot_check", "watch:spot_check_overdue"
"""Inner causes: the subject itself waits for its document, or for that of somebody else."""
Pair = tuple[str, bytes]


class Opened(NamedTuple):
    """A new spot check, and the request that it withheld; or one that is there, and now needs acceptance."""

    check: SpotCheck
    hearing: Hearing | None


@dataclass
class SpotChecks:
    """Chooses and withholds. `key` chooses; nobody who reads the database has it."""

    key: bytes = field(repr=False)
    limits: Thresholds = DEFAULTS
    _shares: dict[str, float] = field(default_factory=dict[str, float])
    _epoch: int = -1
    _day: int = 0

    def look(
        self, hearings: Sequence[Hearing], store: CheckStore, rights: Rights, at: datetime, subjects: SubjectStore
    ) -> list[Opened]:
        """Withholds what waits for a document. What is new is kept with its entry, once that is written."""
        heard = [(each, each.granted.grant) for each in hearings if each.granted and each.outcome and each.spent]
        day = local_day(at).toordinal()
        self._learn([grant for _, grant in heard], store, rights, day)
        watched = [(hearing, grant) for hearing, grant in heard if is_unbounded(grant)]
        if not watched:
            return []
        chosen = {place: is_due for hearing, grant in watched for place, is_due in self._chosen(hearing, grant)}
        turn = _Turn(store.checks(sorted({grant.number for _, grant in watched}), list(chosen)), chosen, day)
        withheld = self._withheld_before(watched, turn, subjects, day)
        turn.untold |= withheld
        for hearing, grant in watched:
            turn.take(hearing, grant, self)
        if new := sorted(turn.untold - withheld):
            subjects.note(new, day)
        return turn.opened

    def name_of(self, grant: Grant, link: bytes) -> bytes:
        """Under what is noted whose answer was withheld for somebody else's document: asked again, they are as new."""
        name = f"{grant.number}\n".encode() + link
        return hashlib.blake2b(name, key=self.key, person=b"overdue", digest_size=16).digest()

    def _withheld_before(
        self, watched: Sequence[tuple[Hearing, Grant]], turn: _Turn, subjects: SubjectStore, day: int
    ) -> Set[bytes]:
        late = [
            self.name_of(grant, hearing.question.link)
            for hearing, grant in watched
            if hearing.question and grant.number in turn.overdue
        ]
        return frozenset(subjects.noted(late, day - DAYS + 1)) if late else frozenset()

    def open(self, grant: Grant, link: bytes, day: int, *, is_protected: bool) -> SpotCheck:
        """A new spot check."""
        is_drawn = waits_for_acceptance(self.key, link, self.limits.check_accept_share)
        name = f"{grant.number}\n{day}\n".encode() + link
        return SpotCheck(
            number=hashlib.blake2b(name, key=self.key, digest_size=8).hexdigest(),
            grant=grant.number,
            partner=grant.partner,
            purpose=grant.purpose,
            link=link,
            opened=day,
            due=day + self.limits.check_due_days,
            late=day + self.limits.check_late_days,
            needs_acceptance=is_protected or is_drawn,
        )

    def _learn(self, grants: Sequence[Grant], store: CheckStore, rights: Rights, day: int) -> None:
        """What raises a share begins a control epoch, a check that fails and a drift alike; it ends with a day."""
        if (rights.epoch, day) != (self._epoch, self._day):
            self._shares, self._epoch, self._day = {}, rights.epoch, day
            self.limits = in_force(rights.thresholds, self.limits)
        if new := [each for each in grants if each.number not in self._shares]:
            since = day - self.limits.check_raised_days
            failed, raised = store.failed(since), store.raised(since)
            self._shares |= {each.number: share_of(each, failed, raised, self.limits) for each in new}

    def _chosen(self, hearing: Hearing, grant: Grant) -> Iterator[tuple[Pair, bool]]:
        """Whether a subject is chosen, and by the usual share: then also one that was asked about before, because its
        answer was withheld for something else. Who is chosen by a raised share alone must be new.
        """
        question = hearing.question
        if question is None:
            return
        # Drawn first: of protected persons as of all others.
        if is_chosen(self.key, question.link, self._shares[grant.number]) or hearing.is_protected:
            usual = share_of(grant, frozenset(), frozenset(), self.limits)
            is_due = is_chosen(self.key, question.link, usual) or hearing.is_protected
            yield (grant.number, question.link), is_due


def keep(opened: Sequence[Opened], store: CheckStore) -> list[Draft]:
    """Keeps new spot checks, each with the entry that the turn has written of its comparison; what the ledger is told.

    Whoever may have that entry's subject shown then knows whom a check is about, and nobody else does.
    """
    store.put([replace(each.check, entry=each.hearing.entry) if each.hearing else each.check for each in opened])
    return [check_asked(number=each.check.number, grant=each.check.grant) for each in opened if each.hearing]


class _Turn:
    """What is known of spot checks in a turn, and what it adds."""

    def __init__(self, known: Sequence[SpotCheck], chosen: Mapping[Pair, bool], day: int) -> None:
        self._chosen, self._day = chosen, day
        self._known: dict[Pair, SpotCheck] = {(each.grant, each.link): each for each in known}
        self.overdue = defaultdict[str, list[str]](list)
        for each in known:
            if each.state is CheckState.DUE and each.due < day:
                self.overdue[each.grant].append(each.number)
        self.opened: list[Opened] = []
        self.untold: set[bytes] = set()

    def take(self, hearing: Hearing, grant: Grant, checks: SpotChecks) -> None:
        """Withholds the answer if it waits for something."""
        question, spent = hearing.question, hearing.spent
        if question is None or spent is None:
            return
        place = grant.number, question.link
        known = self._known.get(place)
        if known is None and place in self._chosen and (spent.is_first or self._chosen[place]):
            known = checks.open(grant, question.link, self._day, is_protected=hearing.is_protected)
            self._keep(place, Opened(known, hearing))
        elif known and hearing.is_protected and not known.needs_acceptance:
            known = replace(known, needs_acceptance=True)
            self._keep(place, Opened(known, None))
        if known and not known.is_answered:
            hearing.withhold(Reason.HELD, WAITS, known.number, _wanted(known))
        elif known is None and (numbers := self.overdue.get(grant.number)):
            name = checks.name_of(grant, question.link)
            if spent.is_first or name in self.untold:
                self.untold.add(name)
                hearing.withhold(Reason.HELD, OVERDUE, min(numbers), Wants.OVERDUE_DOCUMENT)

    def _keep(self, place: Pair, opened: Opened) -> None:
        self._known[place] = opened.check
        self.opened.append(opened)


_WANTED = {CheckState.DUE: Wants.DOCUMENT, CheckState.FILED: Wants.REVIEW}


def _wanted(check: SpotCheck) -> Wants:
    """For one that failed there is nothing more to name."""
    return _WANTED.get(check.state, Wants.NOTHING)
