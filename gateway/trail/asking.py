"""What an officer asks of the ledger: words of clear parts, times, and terms that are told to nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from audit.tokens import Tokens
from gateway.trail.opening import Found
from gateway.trail.ports import Choice
from gateway.trail.words import MATTER, OPERATOR, SUBJECT, number_of

MAX_LIMIT: Final = 200
MAX_ALTERNATIVES: Final = 16
LONGEST_WORD: Final = 64


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Words by member, one of each member is enough; and between which instants something was recorded.

    All of it stands in clear in entries, so that it may be kept as a view and told to anyone in charge.
    """

    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    since: datetime | None = None
    until: datetime | None = None

    def told(self) -> dict[str, list[str]]:
        """For the ledger."""
        times = {"since": self.since, "until": self.until}
        named = {member: sorted(words) for member, words in self.words.items() if words}
        return named | {name: [at.isoformat()] for name, at in times.items() if at}


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """Terms that stand nowhere in clear. `because` is the matter for which a subject is searched."""

    kind: str = ""
    subject: str = field(default="", repr=False)
    operator: str = field(default="", repr=False)
    matter: str = field(default="", repr=False)
    because: str = field(default="", repr=False)

    def named(self) -> Iterator[str]:
        """Which of them are given."""
        named = {SUBJECT: self.subject, OPERATOR: self.operator, MATTER: self.matter}
        return (name for name, value in named.items() if value)

    def terms(self, tokens: Tokens) -> Iterator[Found]:
        """As the index knows them."""
        if self.subject:
            yield Found(SUBJECT, tokens.point(self.kind, self.subject).text)
        if self.operator:
            yield Found(OPERATOR, tokens.point(OPERATOR, self.operator).text)
        if self.matter:
            yield Found(MATTER, self.matter)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One page of a search: the latest entries that fit, before `before` if it is given."""

    filter: Filter = field(default_factory=Filter)
    hidden: Hidden = field(default_factory=Hidden)
    before: int | None = None
    limit: int = 50


def choices_of(words: Mapping[str, tuple[str, ...]]) -> list[Choice]:
    """The conditions that words come to."""
    return [Choice(words=tuple(number_of(name, each) for each in named)) for name, named in words.items() if named]
