"""Two sets of thresholds over one past: what each would have blocked, grant by grant and detector by detector.

The report has one canonical form, so that whoever looks at the same entries again comes to the same digest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from audit.entry import JsonValue, encode
from gateway.replaying.supposing import HOLD, ONE_INCIDENT, Blocked, World
from gateway.replaying.turns import Laid, Met, Turn
from gateway.watch.threshold_file import BOUNDS, LINE, changes, content_of, digest_of
from gateway.watch.thresholds import Thresholds

MOST_LISTED: Final = 500
"""Grants and detectors that a report lists; all are counted."""
_Place = tuple[str, str, str]


class Judged(NamedTuple):
    """An incident of the record: released or not."""

    grant: str
    detector: str
    at: datetime
    released: bool


class Weighed(msgspec.Struct, kw_only=True):
    """What came out of one grant and detector. Counts are incidents, but for what was withheld."""

    partner: str
    grant: str
    detector: str
    in_force: int = 0
    candidate: int = 0
    only_candidate: int = 0
    only_in_force: int = 0
    withheld_in_force: int = 0
    withheld_candidate: int = 0
    released: int = 0
    """Of what those in force blocked, how many officers released: they took it for a false alarm."""
    released_candidate: int = 0
    """Of what the candidate would have blocked as well, likewise; what it alone would have, nobody judged."""


class Weighing:
    """Goes through a record once, with both worlds beside each other. What comes before `since` only makes them."""

    def __init__(self, in_force: World, candidate: World, since: int) -> None:
        self._worlds, self._since = (in_force, candidate), since
        self._laid: list[Laid] = []
        self.comparisons = 0

    def run(self, records: Iterable[Turn | Laid]) -> None:
        """All of it."""
        for each in records:
            if isinstance(each, Turn):
                for world in self._worlds:
                    world.take(each)
                self.comparisons += len(each.rows) if each.end > self._since else 0
            elif each.is_stop and each.entry >= self._since:
                self._laid.append(each)

    def weigh(self, released: frozenset[str]) -> list[Weighed]:
        """By grant and detector, sorted; `released` are incidents that officers released."""
        judged = [_judged(each, released) for each in self._laid]
        old, new = ([each for each in world.blocked if each.entry >= self._since] for world in self._worlds)
        found = dict[_Place, Weighed]()
        for each in (*old, *new):
            place = each.partner, each.grant, each.detector.value
            found.setdefault(place, Weighed(partner=place[0], grant=place[1], detector=place[2]))
        for place, weighed in found.items():
            _weigh(weighed, _of(old, place), _of(new, place), [each for each in judged if each[:2] == place[1:]])
        return [found[place] for place in sorted(found)]


def report(
    *,
    sets: tuple[Thresholds, Thresholds],
    span: tuple[int, int],
    times: tuple[datetime, datetime],
    met: Met,
    comparisons: int,
    weighed: Sequence[Weighed],
) -> dict[str, JsonValue]:
    """The report in a form that can be made canonical: no fractions, nothing about anybody."""
    in_force, candidate = sets
    listed: list[JsonValue] = [msgspec.to_builtins(each) for each in weighed[:MOST_LISTED]]
    return {
        "v": 1,
        "in_force": digest_of(in_force),
        "candidate": digest_of(candidate),
        "changes": _changed(in_force, candidate),
        "not_replayed": not_replayed(in_force, candidate),
        "entries": {"first": span[0], "until": span[1]},
        "from": times[0].isoformat(),
        "until": times[1].isoformat(),
        "comparisons": comparisons,
        "gone": {"subjects": met.nameless, "operators": met.erased, "unseen": met.unseen, "altered": len(met.altered)},
        "held_hours": int(HOLD.total_seconds() // 3600),
        "totals": _totals(weighed),
        "by": listed,
        "not_listed": max(0, len(weighed) - MOST_LISTED),
    }


def report_digest(made: dict[str, JsonValue]) -> str:
    """What a deed names a report by."""
    return sha256(encode(made, MAX_REPORT_BYTES)).hexdigest()


MAX_REPORT_BYTES: Final = 1024 * 1024


def not_replayed(in_force: Thresholds, candidate: Thresholds) -> list[JsonValue]:
    """Changes of which a replay of the line cannot tell what they would do."""
    return [name for name in changes(in_force, candidate) if BOUNDS[name].of != LINE]


def _changed(in_force: Thresholds, candidate: Thresholds) -> dict[str, JsonValue]:
    before, after = content_of(in_force), content_of(candidate)
    return {name: [before[name], after[name]] for name in changes(in_force, candidate)}


def _totals(weighed: Sequence[Weighed]) -> dict[str, JsonValue]:
    totals = defaultdict[str, int](int)
    for each in weighed:
        for name, value in msgspec.structs.asdict(each).items():
            if isinstance(value, int):
                totals[name] += value
    return {name: totals[name] for name in Weighed.__struct_fields__[3:]}


def _judged(laid: Laid, released: frozenset[str]) -> Judged:
    told = laid.finding if isinstance(laid.finding, dict) else {}
    return Judged(laid.target.removeprefix("grant."), str(told.get("detector", "")), laid.at, laid.incident in released)


def _of(blocked: Sequence[Blocked], place: _Place) -> list[Blocked]:
    return [each for each in blocked if (each.partner, each.grant, each.detector.value) == place]


def _weigh(into: Weighed, old: Sequence[Blocked], new: Sequence[Blocked], judged: Sequence[Judged]) -> None:
    into.in_force, into.candidate = len(old), len(new)
    into.only_candidate = sum(not _meets(each, [other.opened for other in old]) for each in new)
    into.only_in_force = sum(not _meets(each, [other.opened for other in new]) for each in old)
    into.withheld_in_force, into.withheld_candidate = (sum(each.withheld for each in some) for some in (old, new))
    let_go = [each.at for each in judged if each.released]
    into.released, into.released_candidate = (sum(_meets(each, let_go) for each in some) for some in (old, new))


def _meets(blocked: Blocked, times: Sequence[datetime]) -> bool:
    """Whether one of these is of the same days."""
    return any(abs(each - blocked.opened) < ONE_INCIDENT for each in times)
