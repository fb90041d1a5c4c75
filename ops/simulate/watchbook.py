"""What the watch knows, in memory: the promises of `gateway.ports.WatchStore`, taken back by an undo list."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from gateway.domain.budget import DAYS
from gateway.domain.incident import Incident
from gateway.domain.standing import Kept, Scores, Standing, Stop

Counts = tuple[int, int]
Undo = list[Callable[[], object]]


@dataclass
class _Account:
    """What is known of one account."""

    scores: Scores = field(default_factory=Scores)
    stopped: int = 0
    days: dict[int, Counts] = field(default_factory=dict[int, Counts])
    """Unknown and outside, by day."""
    cells: defaultdict[bytes, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """Unknown numbers of each cell, by day."""


@dataclass
class WatchBook:
    """Keeps accounts, questions, responses and incidents. `advance` begins a new control epoch and returns it."""

    advance: Callable[[], int]
    undo: Undo = field(default_factory=list[Callable[[], object]])
    accounts: dict[str, _Account] = field(default_factory=dict[str, _Account])
    asked: defaultdict[str, dict[bytes, bytes]] = field(default_factory=lambda: defaultdict(dict))
    stops: dict[str, Stop] = field(default_factory=dict[str, Stop])
    """By what they lie on."""
    incidents: list[Incident] = field(default_factory=list[Incident])
    touched: dict[int, set[tuple[str, bytes]]] = field(default_factory=dict[int, set[tuple[str, bytes]]])
    """Whose cells grew on a day; the last one is kept."""

    def standings(self, accounts: Sequence[str], day: int) -> Mapping[str, Standing]:
        """See `gateway.ports.WatchStore`."""
        return {name: _standing(self.accounts[name], day) for name in accounts if name in self.accounts}

    def questions(self, wanted: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        """See `gateway.ports.WatchStore`."""
        asked = {name: self.asked[name] for name in {name for name, _ in wanted}}
        return {pair: asked[pair[0]][pair[1]] for pair in wanted if pair[1] in asked[pair[0]]}

    def cells(self, wanted: Sequence[tuple[str, bytes]], since: int) -> Mapping[tuple[str, bytes], int]:
        """See `gateway.ports.WatchStore`."""
        found = {pair: self._in_cell(*pair, since) for pair in wanted}
        return {pair: count for pair, count in found.items() if count}

    def shares(self, accounts: Sequence[str], day: int, since: int) -> Mapping[bytes, Mapping[str, int]]:
        """See `gateway.ports.WatchStore`."""
        touched = {cell: None for name, cell in self.touched.get(day, ()) if name in accounts}
        counts = {cell: {name: self._in_cell(name, cell, since) for name in accounts} for cell in touched}
        return {cell: {name: count for name, count in parts.items() if count} for cell, parts in counts.items()}

    def keep(self, kept: Kept) -> None:
        """See `gateway.ports.WatchStore`."""
        for name in kept.cleared:
            self._clear(name)
        for name, scores in kept.scores.items():
            self._score(name, scores)
        for name, counts in kept.counts.items():
            self._count(name, kept.day, counts)
        for (name, cell), count in kept.cells.items():
            self._fill(name, cell, kept.day, count)
        for (name, link), questions in kept.questions.items():
            self._ask(name, link, questions)
        if kept.stopped:
            self._mark(kept.stopped)
        for incident in kept.incidents:
            self.incidents.append(incident)
            self.undo.append(self.incidents.pop)

    def recent(self, partner: str, grant: str, detector: str, since: int) -> Incident | None:
        """See `gateway.ports.WatchStore`."""
        wanted = partner, grant, detector
        for each in reversed(self.incidents):
            found = each.finding
            if found.at.timestamp() <= since:
                return None
            if (found.partner, found.grant, found.detector.value) == wanted:
                return each
        return None

    def lay(self, stops: Sequence[Stop]) -> None:
        """See `gateway.ports.WatchStore`."""
        before = self.stops
        self.stops = before | {stop.target: stop for stop in stops}
        self.undo.append(lambda: setattr(self, "stops", before))

    def release(self, target: str) -> None:
        """Two officers let it go on."""
        del self.stops[target]
        self.advance()

    def _clear(self, name: str) -> None:
        before = self.accounts.get(name)
        self.accounts[name] = _Account()
        self.undo.append(lambda: self._put_back(name, before))

    def _account(self, name: str) -> _Account:
        known = self.accounts.get(name)
        if known is None:
            known = self.accounts[name] = _Account()
            self.undo.append(lambda: self._put_back(name, None))
        return known

    def _score(self, name: str, scores: Scores) -> None:
        account = self._account(name)
        before, account.scores = account.scores, scores
        self.undo.append(lambda: setattr(account, "scores", before))

    def _count(self, name: str, day: int, counts: Counts) -> None:
        account = self._account(name)
        before = account.days
        account.days = {on: kept for on, kept in before.items() if on > day - DAYS}
        account.days[day] = _sum(account.days.get(day, (0, 0)), counts)
        self.undo.append(lambda: setattr(account, "days", before))

    def _fill(self, name: str, cell: bytes, day: int, count: int) -> None:
        if day not in self.touched:
            self.touched = {day: set()}
        self.touched[day].add((name, cell))
        days = self._account(name).cells[cell]
        days[day] += count
        self.undo.append(lambda: days.subtract({day: count}))

    def _ask(self, name: str, link: bytes, questions: bytes) -> None:
        asked, before = self.asked[name], self.asked[name].get(link)
        asked[link] = questions
        self.undo.append(lambda: asked.pop(link) if before is None else asked.update({link: before}))

    def _put_back(self, name: str, before: _Account | None) -> None:
        if before is None:
            del self.accounts[name]
        else:
            self.accounts[name] = before

    def _mark(self, names: Sequence[str]) -> None:
        epoch = self.advance()
        for name in names:
            account = self._account(name)
            before, account.stopped = account.stopped, epoch
            self.undo.append(partial(setattr, account, "stopped", before))

    def _in_cell(self, name: str, cell: bytes, since: int) -> int:
        account = self.accounts.get(name)
        if account is None or cell not in account.cells:
            return 0
        return sum(count for day, count in account.cells[cell].items() if day >= since)


def _standing(account: _Account, day: int) -> Standing:
    window = [counts for on, counts in account.days.items() if on > day - DAYS]
    return Standing(account.scores, sum(each[0] for each in window), sum(each[1] for each in window), account.stopped)


def _sum(first: Counts, second: Counts) -> Counts:
    return first[0] + second[0], first[1] + second[1]
