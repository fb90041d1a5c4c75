"""A rulebook draft over the real decisions of the last days: what would flip, and which granted fields nobody used.

How much is looked at is bounded in entries and in time; what was left out is told. One at a time: it computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from audit.reader import LedgerReader
from gateway.in_force import Compiler
from gateway.review.bygone import Bygone, Then, first_since
from gateway.review.passing import Pace, Passed, Passing, Span
from policies.catalogue import Catalogue
from policies.publication import Texts, load_texts
from policies.replay import Held, Replay, replay
from policies.snapshot import compile_rules

MAX_DAYS: Final = 366


@dataclass(frozen=True, kw_only=True)
class RulebookDraft:
    """What is rehearsed: texts, and the number and digest they have or would have."""

    texts: Texts
    number: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class Unneeded:
    """Fields of a grant in force that nobody used: proposed to be taken back."""

    grant: str
    partner: str
    purpose: str
    valid_from: str
    fields: tuple[tuple[str, str, str], ...]
    """Each with its name for people and the reason for which it was granted."""
    kept: int

    def as_document(self) -> dict[str, object]:
        """For JSON."""
        return {
            "grant": self.grant,
            "partner": self.partner,
            "purpose": self.purpose,
            "valid_from": self.valid_from,
            "fields": [{"field": key, "name": name, "reason": reason} for key, name, reason in self.fields],
            "kept": self.kept,
            "zh": f"签批单 {self.grant}（{self.valid_from} 起有效）期间无人使用 {len(self.fields)} 个字段，可考虑收回："
            + "、".join(name for _, name, _ in self.fields),
        }


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What a rehearsal found. `secret` are the purposes of which nobody outside the duty may know who asked."""

    span: Span
    passed: Passed
    replay: Replay
    proposals: tuple[Unneeded, ...]
    secret: frozenset[str] = field(default_factory=frozenset[str])

    def as_document(self, *, shows_secret: bool) -> dict[str, object]:
        """For JSON. Single decisions for a secret purpose are listed for those of the duty alone; all are counted."""
        shown = tuple(flip for flip in self.replay.flips if shows_secret or flip.purpose not in self.secret)
        passed = self.passed
        left_out = {
            "unregistered": passed.unregistered,
            "without_grant": passed.without_grant,
            "without_purpose": passed.without_purpose,
        }
        return {
            **replace(self.replay, flips=shown).as_document(),
            "flips_not_listed": len(self.replay.flips) - len(shown),
            "entries": {"first": self.span.first, "until": passed.until},
            "left_out": left_out,
            "withheld": passed.withheld,
            "cut_short": self._cut(),
            "proposals": [each.as_document() for each in self.proposals],
        }

    def _cut(self) -> str:
        if self.passed.out_of_time:
            return f"已到时限，只看了第 {self.span.first} 条起、第 {self.passed.until} 条之前，请减少天数"
        if self.span.is_cut:
            return f"条目过多，只看了自第 {self.span.first} 条起最近的 {self.span.end - self.span.first} 条，请减少天数"
        return ""


@dataclass(kw_only=True)
class Rehearsal:
    """Rehearses drafts, in a thread."""

    bygone: Bygone
    ledger: LedgerReader
    catalogue: Catalogue
    pace: Pace

    def __post_init__(self) -> None:
        self._compiler = Compiler(self.catalogue)

    def span(self, days: int, now: datetime) -> Span:
        """The entries of the last days, the latest of them if there are too many."""
        end = self.ledger.head().size
        first = first_since(self.ledger, now - timedelta(days=days))
        least = end - self.pace.max_entries
        return Span(first=max(first, least), end=end, is_cut=first < least)

    def run(self, draft: RulebookDraft, span: Span) -> Rehearsed:
        """Everything at once. Raises `RulebookError` for a draft that cannot be read, and `UnavailableError`."""
        present = self.bygone.present()
        clients = present.departments
        rules = load_texts(draft.texts, self.catalogue, clients, number=draft.number, digest=draft.digest)
        in_force, drafted = self._compiler.compile(present.standing), compile_rules(rules)
        passing = Passing(
            bygone=self.bygone, ledger=self.ledger, span=span, clients=clients, judges=(in_force, drafted)
        )
        found = replay(passing.decided(self.pace), drafted, in_force, _held(present))
        books = (*rules.books, *in_force.rules.books)
        return Rehearsed(
            span=span,
            passed=passing.passed,
            replay=found,
            proposals=tuple(self._proposals(found, present, passing.passed.stopped)),
            secret=frozenset(f"purpose:{each.id}" for book in books for each in book.purposes if each.secret),
        )

    def _proposals(self, found: Replay, present: Then, stopped: Set[str]) -> Iterator[Unneeded]:
        """Of a grant that was held or frozen meanwhile nobody can tell what it would have been used for."""
        titles = {key: each.zh for key, each in self.catalogue.fields.items()}
        for unused in found.unused:
            grant = present.grants.get(unused.grant)
            if grant is not None and grant.number not in stopped:
                yield Unneeded(
                    grant=grant.number,
                    partner=grant.partner,
                    purpose=grant.purpose,
                    valid_from=grant.valid_from.isoformat(),
                    fields=tuple((key, titles.get(key, key), grant.reasons[key]) for key in unused.fields),
                    kept=len(grant.fields) - len(unused.fields),
                )


def _held(present: Then) -> Mapping[str, Held]:
    """What the grants in force hold."""
    home = {partner.code: f"dept:{partner.department}" for partner in present.partners}
    return {
        number: Held(home.get(grant.partner, ""), f"purpose:{grant.purpose}", frozenset(grant.fields))
        for number, grant in present.grants.items()
    }
