"""What sweeps read and keep, in memory: `gateway.ports.SweepStore` and `SubjectStore`, taken back by an undo list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from gateway.domain.tally import Tally
from gateway.ports import Asked, LinkSpan, Seen
from ops.simulate.watchbook import Undo

Days = Mapping[str, Mapping[int, tuple[int, int]]]


@dataclass
class SweepBook:
    """Keeps tallies; asks the others of its store for what turns have counted."""

    counted: Callable[[Sequence[str], int], Days]
    raised: Callable[[Sequence[str], int], None]
    undo: Undo = field(default_factory=list[Callable[[], object]])
    kept: dict[str, Tally] = field(default_factory=dict[str, Tally])

    def claim(self) -> None:
        """Nobody else is there."""

    def days(self, accounts: Sequence[str], since: int) -> Days:
        """See `gateway.ports.SweepStore`."""
        return self.counted(accounts, since)

    def tallies(self, accounts: Sequence[str]) -> Mapping[str, Tally]:
        """See `gateway.ports.SweepStore`."""
        return {name: self.kept[name] for name in accounts if name in self.kept}

    def put(self, tallies: Mapping[str, Tally]) -> None:
        """See `gateway.ports.SweepStore`."""
        before = self.kept
        self.kept = {**before, **tallies}
        self.undo.append(lambda: setattr(self, "kept", before))

    def raise_checks(self, purposes: Sequence[str], day: int) -> None:
        """See `gateway.ports.SweepStore`."""
        self.raised(purposes, day)


@dataclass
class SubjectBook:
    """Asks the others of its store whom an account has seen, and what it asked about whom."""

    seen: Callable[[str], Mapping[bytes, int]]
    asked: Callable[[str], Mapping[bytes, bytes]]
    undo: Undo = field(default_factory=list[Callable[[], object]])
    told: dict[bytes, int] = field(default_factory=dict[bytes, int])

    def seen_by(self, accounts: Sequence[str], since: int, span: LinkSpan) -> Sequence[Seen]:
        """See `gateway.ports.SubjectStore`."""
        found = ((name, self.seen(name)) for name in accounts)
        return [
            Seen(name, link, day)
            for name, days in found
            for link, day in days.items()
            if day >= since and span.first <= link < span.end
        ]

    def asked_together(self, accounts: Sequence[str], span: LinkSpan) -> Sequence[Asked]:
        """See `gateway.ports.SubjectStore`."""
        kept = {name: self.asked(name) for name in accounts}
        several = _several(link for asked in kept.values() for link in asked if span.first <= link < span.end)
        return [Asked(name, link, asked[link]) for name, asked in kept.items() for link in asked.keys() & several]

    def noted(self, names: Sequence[bytes], since: int) -> Set[bytes]:
        """See `gateway.ports.SubjectStore`."""
        return frozenset(each for each in names if self.told.get(each, since - 1) >= since)

    def note(self, names: Sequence[bytes], day: int) -> None:
        """See `gateway.ports.SubjectStore`."""
        before = self.told
        self.told = before | dict.fromkeys(names, day)
        self.undo.append(lambda: setattr(self, "told", before))


def _several(links: Iterable[bytes]) -> set[bytes]:
    once, more = set[bytes](), set[bytes]()
    for link in links:
        (more if link in once else once).add(link)
    return more
