"""Decisions of the ledger going by, each as it was put, with the rights growing as their deeds go by.

The ledger is read in portions outside every transaction, and the thread rests between two of them, so that turns go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from audit.reader import LedgerReader
from gateway.deeds.keeping import Kept
from gateway.review.bygone import Bygone, Then
from gateway.review.decisions import Decision, addresses, decisions
from policies.decision import Permit, Reason
from policies.replay import Decided
from policies.snapshot import Ask, Snapshot

_STOPPED = frozenset({Reason.HELD.value, Reason.FROZEN.value})


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast and how far one pass goes. `rest` is called between portions, `seconds` tells how long it took."""

    seconds: Callable[[], float]
    rest: Callable[[], None]
    max_entries: int = 200_000
    max_seconds: float = 45.0
    portion: int = 256


@dataclass(frozen=True, kw_only=True)
class Span:
    """Entries: the first, and the one behind the last. `is_cut` when there were more than may be looked through."""

    first: int
    end: int
    is_cut: bool = False


@dataclass(kw_only=True)
class Passed:
    """What was met on the way. `until` is the first entry that was not looked at; what could not be replayed is counted
    by what is wanting."""

    until: int
    out_of_time: bool = False
    without_purpose: int = 0
    without_grant: int = 0
    unregistered: int = 0
    withheld: int = 0
    stopped: set[str] = field(default_factory=set[str])
    """Grants of which something was withheld because they, or what stands behind them, were held or frozen."""


class Passing:
    """One pass over a span. The addresses that decisions came from are not recorded, so one of the same class of
    network stands for each, under which `in_force` decides it as it was decided, if there is one."""

    def __init__(
        self,
        *,
        bygone: Bygone,
        ledger: LedgerReader,
        span: Span,
        clients: Mapping[str, str],
        judges: tuple[Snapshot, ...],
    ) -> None:
        self._bygone, self._ledger, self._span = bygone, ledger, span
        self._clients, self._in_force = clients, judges[0]
        self._blocks = [block for each in judges for blocks in each.rules.networks.values() for block in blocks]
        self.passed = Passed(until=span.first)
        history = bygone.history()
        begun = [kept for kept in history if kept.entry < span.first]
        self._standing = bygone.build(begun)
        self._ahead: list[Kept] = list(reversed(history[len(begun) :]))
        self._then = Then(self._standing, span.first)
        self._asks: dict[tuple[object, ...], Ask | None] = {}

    def decided(self, pace: Pace) -> Iterator[Decided]:
        """The decisions that can be replayed, in order, until the time is up."""
        until = pace.seconds() + pace.max_seconds
        for start in range(self._span.first, self._span.end, pace.portion):
            if pace.seconds() >= until:
                self.passed.out_of_time = True
                return
            end = min(start + pace.portion, self._span.end)
            for decision in decisions(self._ledger.entries(start, end)):
                yield from self._replayable(decision)
            self.passed.until = end
            pace.rest()

    def _replayable(self, decision: Decision) -> Iterator[Decided]:
        self._catch_up(decision.entry)
        if decision.refused in _STOPPED and decision.grant is not None:
            self.passed.withheld += 1
            self.passed.stopped.add(decision.grant)
        if f"client:{decision.client}" not in self._clients:
            self.passed.unregistered += 1
        elif decision.grant is None or (ask := self._ask(decision, decision.grant)) is None:
            self.passed.without_grant += 1
        elif decision.purpose is None:
            self.passed.without_purpose += 1
        else:
            yield Decided(decision.entry, ask, decision.at, decision.permitted, decision.grant)

    def _catch_up(self, entry: int) -> None:
        if self._ahead and self._ahead[-1].entry < entry:
            while self._ahead and self._ahead[-1].entry < entry:
                self._bygone.grow(self._standing, self._ahead.pop())
            self._then = Then(self._standing, entry)
            self._asks.clear()

    def _ask(self, decision: Decision, grant: str) -> Ask | None:
        """The question as it was put, of fields that the grant had: whatever a draft says, it gives no others.

        Many are alike but for their time, which an address hardly depends on.
        """
        key = (decision.client, grant, decision.purpose, decision.claims, decision.network, decision.permitted)
        if key not in self._asks:
            self._asks[key] = self._question(decision, grant)
        return self._asks[key]

    def _question(self, decision: Decision, number: str) -> Ask | None:
        grant, known = self._then.grants.get(number), self._then.system(decision.client)
        claims = tuple(claim for claim in decision.claims if grant and claim[0] in grant.fields)
        if grant is None or known is None or not claims:
            return None
        units = tuple(f"org:{code}" for code in grant.scope)
        ask = Ask(f"client:{decision.client}", claims, f"purpose:{decision.purpose}", units, "", matter=True)
        near = addresses(known[1], decision.network, [*grant.networks, *self._blocks])
        asks = [ask._replace(address=each) for each in near]
        return next((each for each in asks if self._is_as_decided(each, decision)), asks[0] if asks else ask)

    def _is_as_decided(self, ask: Ask, decision: Decision) -> bool:
        found = self._in_force.judge(ask, decision.at)
        return decision.permitted <= (found.fields if isinstance(found, Permit) else frozenset())
