"""One point at which something broke: what was heard before and after, held against the log."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

from adapters.sql.ledger_reader import SqlLedgerReader
from audit.checkpoint import peek
from ops.prove.checking import Evidence, comparisons_counted
from ops.prove.errands import Ended
from ops.prove.load import Heard
from ops.settings import Home, ServeSettings, load


class Broke(NamedTuple):
    """What was broken where, in which way, and whether it ever came to that."""

    where: str
    what: str
    fired: bool


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where something broke, and what was found afterwards. All but the first four are promised to be zero."""

    broke: Broke
    killed: bool
    heard: int
    again: int
    unexpected: int
    unproven: int
    unrecorded: int
    changed: int
    miscounted: int
    forks: int
    sealed: int
    not_back: int
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        found = self.unexpected, self.unproven, self.unrecorded, self.changed, self.miscounted, self.forks
        return not any((*found, self.sealed, self.not_back, self.problems))


@dataclass
class Remembered:
    """What is known of a log over many points: every checkpoint published, and every question ever answered."""

    checkpoints: list[bytes] = field(default_factory=list[bytes], repr=False)
    judged: int = 0
    """How many of them were held against the log already: what it held then, its last checkpoint holds still."""
    answered: set[str] = field(default_factory=set[str], repr=False)

    def add(self, ended: Ended) -> None:
        self.checkpoints += ended.checkpoints
        self.answered |= {each.key for each in ended.heard if each.status == 200}

    @property
    def forks(self) -> int:
        """Sizes at which two checkpoints name two roots."""
        roots: dict[int, set[bytes]] = {}
        for checkpoint in map(peek, self.checkpoints):
            roots.setdefault(checkpoint.size, set()).add(checkpoint.root)
        return sum(len(each) > 1 for each in roots.values())


def _answers(entries: Iterable[bytes]) -> int:
    """How many entries say that a comparison was answered."""
    return sum(b'"type":"comparison.answered"' in each for each in entries)


def judge(home: Home, broke: Broke, ended: Ended, again: Ended, known: Remembered) -> Point:
    """Holds what was heard while something broke, and on asking again, against the log and everything known of it."""
    url = home.database_url(load(home, "serve.toml", ServeSettings))
    with closing(SqlLedgerReader.open(url)) as reader:
        evidence = Evidence.of(home, reader, known.checkpoints[known.judged :])
        known.judged = len(known.checkpoints)
        unproven = _unproven([*ended.heard, *again.heard], evidence)
    first, second = _by_key(ended.heard), _by_key(again.heard)
    answered = _answers(evidence.entries)
    return Point(
        broke=broke,
        killed=ended.was_killed,
        heard=len(first),
        again=len(second),
        unexpected=len(ended.unexpected) + len(again.unexpected),
        unproven=unproven,
        unrecorded=abs(answered - len(known.answered)),
        changed=sum(second[key].body != first[key].body for key in first.keys() & second.keys()),
        miscounted=abs(answered - comparisons_counted(home)),
        forks=known.forks,
        sealed=len(ended.sealed) + len(again.sealed),
        not_back=_missing(again.requests, second) + (again.status != 0) + ended.hung,
        problems=tuple(each.cause for each in evidence.whole.problems),
    )


def _unproven(heard: Iterable[Heard], evidence: Evidence) -> int:
    return sum(not evidence.proves(each) for each in heard if each.status == 200)


def _missing(wanted: Collection[str], heard: Collection[str]) -> int:
    return len(set(wanted) - set(heard))


def _by_key(heard: Iterable[Heard]) -> dict[str, Heard]:
    return {each.key: each for each in heard}
