"""People whom several partners meet at: many that ask about one person (D11), or that together ask too much of him.

Nobody is stopped for it, so nobody can lock a person's record for somebody else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from gateway.domain.grant import Grant
from gateway.domain.incident import Detector
from gateway.ports import Asked, Seen
from gateway.watch.accounts import purpose_account
from gateway.watch.questions import beyond_first
from gateway.watch.thresholds import Thresholds

FAN_DAYS = 7


class Met(NamedTuple):
    """A person, what was counted about him against what may be, and the grants that it was counted over."""

    detector: Detector
    link: bytes
    observed: int
    expected: int
    grants: tuple[str, ...]


def fanned_in(seen: Iterable[Seen], grants: Mapping[str, Grant], today: int, limits: Thresholds) -> Iterator[Met]:
    """People whom so many partners asked about within seven days."""
    about = defaultdict[bytes, list[str]](list)
    for each in seen:
        if each.day > today - FAN_DAYS:
            about[each.link].append(each.account)
    for link, numbers in about.items():
        partners = {grants[each].partner for each in numbers}
        if len(partners) >= limits.fan_in:
            yield Met(Detector.FAN_IN, link, len(partners), limits.fan_in - 1, tuple(sorted(numbers)))


def asked_too_much(
    asked: Iterable[Asked], grants: Mapping[str, Grant], today: int, limits: Thresholds
) -> Iterator[Met]:
    """People to whom several partners together put more different questions than one may, beyond the first to each
    field. The same question of two partners is one: whoever asks right does not add up."""
    by_purpose = defaultdict[str, list[Grant]](list)
    for grant in grants.values():
        by_purpose[purpose_account(grant.partner, grant.purpose)].append(grant)
    about = defaultdict[bytes, list[Asked]](list)
    for each in asked:
        about[each.link].append(each)
    for link, rows in about.items():
        involved = [grant for each in rows for grant in by_purpose[each.account]]
        beyond = beyond_first([each.asked for each in rows], today)
        if len({each.partner for each in involved}) > 1 and beyond > limits.other_questions:
            numbers = tuple(sorted(each.number for each in involved))
            yield Met(Detector.QUESTIONS, link, beyond, limits.other_questions, numbers)
