"""Rights as they stood: the deeds in the order of their ledger entries, up to an entry or an instant.

Every deed is verified again on the way, and what comes out must have the digest that the ledger kept with the last of
them. So an old decision is explained by the very rights it was made under, or not at all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import Protocol, TypeVar, cast

from audit.entry import decode
from audit.errors import AuditError
from audit.reader import LedgerReader
from audit.stamps import microseconds, text
from gateway.deeds.deed import Deed
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import Foundation
from gateway.deeds.keeping import Kept
from gateway.deeds.lapse import End
from gateway.deeds.standing import Standing
from gateway.domain.caller import Partner, System
from gateway.domain.errors import UnavailableError
from gateway.domain.grant import Grant
from gateway.domain.standing import Stop
from gateway.in_force import ends_of, frozen_of, grants_of, rules_of
from gateway.partners import departments, partners
from gateway.ports import Clock
from gateway.proposals import RULEBOOKS_ID
from gateway.review.withheld import ResponseHistory, Responses
from policies.catalogue import Catalogue
from policies.rows import Rules

Key = TypeVar("Key")
Value = TypeVar("Value")
KEPT = 4
"""How many pasts are remembered: whoever asks about one decision mostly asks about its neighbours, too."""


class DeedHistory(Protocol):
    """The deeds that ever came into force, read outside every transaction."""

    def in_force(self, after: int) -> Sequence[Kept]:
        """Those that did so by an entry behind this index, in the order of the entries. Raises `UnavailableError`."""
        ...


class Then:
    """What a standing gave. `entry` is that of its last deed; -1 where there is none."""

    def __init__(self, standing: Standing, entry: int) -> None:
        self.standing, self.entry = standing, entry

    @cached_property
    def grants(self) -> Mapping[str, Grant]:
        return grants_of(self.standing)

    @cached_property
    def frozen(self) -> frozenset[str]:
        return frozen_of(self.standing)

    @cached_property
    def ends(self) -> Mapping[str, End]:
        """When grants lapse."""
        return ends_of(self.standing, self.grants)

    @cached_property
    def departments(self) -> Mapping[str, str]:
        return departments(self.standing)

    @property
    def rulebooks(self) -> Deed | None:
        """The version of the rulebooks that was in force."""
        return self.standing.deed(Kind.RULEBOOKS, RULEBOOKS_ID)

    def system(self, client: str) -> tuple[Partner, System] | None:
        """A registered system and its partner."""
        return self._systems.get(client)

    @cached_property
    def partners(self) -> tuple[Partner, ...]:
        """Those that could ask."""
        return tuple(partners(self.standing))

    @cached_property
    def _systems(self) -> Mapping[str, tuple[Partner, System]]:
        return {each.client_id: (partner, each) for partner in self.partners for each in partner.systems}


class Bygone:
    """Builds pasts. May be shared between threads."""

    def __init__(
        self,
        *,
        foundation: Foundation,
        deeds: DeedHistory,
        responses: ResponseHistory,
        ledger: LedgerReader,
        catalogue: Catalogue,
        clock: Clock,
    ) -> None:
        self._foundation, self._deeds, self._ledger = foundation, deeds, ledger
        self.responses = Responses(history=responses)
        self._catalogue, self._clock = catalogue, clock
        self._made: OrderedDict[int, Then] = OrderedDict()
        self._rules: OrderedDict[tuple[str, tuple[tuple[str, str], ...]], Rules] = OrderedDict()
        self._one = Lock()

    def present(self) -> Then:
        """Everything that is in force now. Raises `UnavailableError`, like all of these."""
        return self._then(self.history())

    def before(self, entry: int) -> Then:
        """What was in force when this entry was written."""
        history = self.history()
        return self._then(history[: bisect_left(history, entry, key=lambda kept: kept.entry)])

    def at(self, instant: datetime) -> Then:
        """What was in force at an instant, as the ledger tells the time."""
        history, when = self.history(), text(microseconds(instant))
        return self._then(history[: bisect_right(history, when, key=lambda kept: log_time(self._ledger, kept.entry))])

    def lying(self, before: int | None = None) -> Mapping[str, Stop]:
        """What the watch had stopped when an entry was written, by target; None: what it stops now."""
        return self.responses.before(self.history(), before)

    def version(self, number: int) -> Deed | None:
        """A version of the rulebooks that is or was in force."""
        history = self.history()
        self._then(history)
        return next((kept.opened() for kept in history if (kept.kind, kept.serial) == (Kind.RULEBOOKS, number)), None)

    def rules(self, deed: Deed | None, then: Then) -> Rules:
        """The rules of a version for the systems registered then. Raises `RulebookError`."""
        key = (deed.digest if deed else "", tuple(sorted(then.departments.items())))
        with self._one:
            made = self._rules.get(key) or rules_of(deed, then.departments, self._catalogue)
            return _remember(self._rules, key, made)

    def history(self) -> Sequence[Kept]:
        """All deeds that ever came into force; not verified yet."""
        return self._deeds.in_force(0)

    def build(self, history: Sequence[Kept]) -> Standing:
        """A standing of one's own. Raises `UnavailableError` when deeds, signatures and ledger do not agree."""
        standing = Standing(self._foundation)
        for kept in history:
            self.grow(standing, kept)
        if history and _body(self._ledger, history[-1].entry).get("rights") != standing.digest():
            raise UnavailableError("the deeds are not those that the ledger tells of; `bidui doctor` helps")
        return standing

    def grow(self, standing: Standing, kept: Kept) -> None:
        """Takes the next deed in. Raises `UnavailableError`."""
        try:
            deed = kept.opened()
            standing.add(deed, deed.seen_at(self._clock.now()))
        except DeedError as error:
            raise UnavailableError(f"the deeds in the database cannot be trusted: {error}") from error

    def _then(self, history: Sequence[Kept]) -> Then:
        entry = history[-1].entry if history else -1
        with self._one:
            return _remember(self._made, entry, self._made.get(entry) or Then(self.build(history), entry))


def log_time(ledger: LedgerReader, entry: int) -> str:
    """When an entry was recorded, as it spells it: later entries have greater texts."""
    return str(_opened(ledger, entry).get("log_time", ""))


def first_since(ledger: LedgerReader, instant: datetime) -> int:
    """The first entry that was recorded at an instant or later; the size of the ledger if there is none."""
    low, high, since = ledger.floor(), ledger.head().size, text(microseconds(instant))
    while low < high:
        middle = (low + high) // 2
        if log_time(ledger, middle) < since:
            low = middle + 1
        else:
            high = middle
    return low


def _body(ledger: LedgerReader, entry: int) -> Mapping[str, object]:
    body = _opened(ledger, entry).get("body")
    return cast("Mapping[str, object]", body) if isinstance(body, dict) else {}


def _opened(ledger: LedgerReader, entry: int) -> Mapping[str, object]:
    try:
        opened: object = decode(next(iter(ledger.entries(entry, entry + 1)), b""))
    except AuditError:
        opened = None
    if not isinstance(opened, dict):
        raise UnavailableError("an entry of the ledger is missing or cannot be read; `bidui doctor` helps")
    return cast("Mapping[str, object]", opened)


def _remember(made: OrderedDict[Key, Value], key: Key, value: Value) -> Value:
    made[key] = value
    made.move_to_end(key)
    while len(made) > KEPT:
        made.popitem(last=False)
    return value
