"""What the gateway needs from outside, as small promises. Adapters keep them; `ops.wiring` joins the two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from audit.entry import JsonValue
from audit.ledger import LedgerStore
from gateway.deeds.calendar import WEEKDAYS, Calendar
from gateway.deeds.lapse import End
from gateway.domain.budget import Reservation, Spending, Used
from gateway.domain.cohort import NOBODY, Members
from gateway.domain.exemption import Exemption
from gateway.domain.grant import Grant, GrantClass
from gateway.domain.habit import Habit
from gateway.domain.incident import Incident
from gateway.domain.outcome import Outcome
from gateway.domain.people import Person
from gateway.domain.spot_check import SpotCheck
from gateway.domain.standing import Kept, Standing, Stop
from gateway.domain.tally import Tally
from gateway.seal import Plain, Question
from policies.snapshot import Snapshot


class Clock(Protocol):
    """Tells the time. Outside production it can be driven, so that a year is replayed in minutes."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC. May step backwards; callers that need order make their own."""
        ...


@dataclass(frozen=True, slots=True)
class DataVersion:
    """Which state of the register an answer speaks of: the digest of a generation's manifest, and its time (UTC)."""

    digest: str
    generation: str
    time: datetime


class LookUp(msgspec.Struct, frozen=True, gc=False):
    """One look-up that was paid for. Without a reservation there is no way to ask the index."""

    subject: bytes
    reservation: Reservation


class UnitFact(msgspec.Struct, frozen=True, gc=False):
    """What the watch may know of a unit: names that stay the same in every generation and are nobody's code."""

    name: bytes
    region: bytes
    """The name of what it lies in with the units beside it: the unit right above, or the top of the register."""
    staff: int
    """How many subjects have their main record there."""
    around: int
    """How many have it in it or in a unit beside it."""


class Index(Protocol):
    """One adopted generation of the sealed index, read-only. Its content never changes under a reader."""

    @property
    def version(self) -> DataVersion: ...

    def find(self, kind: str, look_ups: Sequence[LookUp]) -> list[bytes]:
        """For each look-up the subject's sealed records, one behind the other; empty bytes when there is none.

        Every part of the generation is read for every look-up, found or not. Raises `UnavailableError`.
        """
        ...

    def unit(self, token: int) -> UnitFact | None:
        """What is known of the unit behind the first token of a record; None where sync told nothing of it."""
        ...

    def units(self) -> Iterable[UnitFact]:
        """What is known of every unit."""
        ...

    def is_decoy(self, link: bytes) -> bool:
        """Whether the subject is a decoy (诱饵): nobody's number, sealed to be found only by somebody who guesses."""
        ...

    def is_protected(self, link: bytes) -> bool:
        """Whether the source names the subject as one whose record draws curiosity (重点人员).

        As much work for every link.
        """
        ...

    def moves_since(self) -> int | None:
        """From which local day (as an ordinal) on every move is known; None where sync told of none."""
        ...

    def moved_on(self, link: bytes) -> int:
        """The last such day on which the subject's main record began or came to lie in another unit; 0: none known."""
        ...

    def close(self) -> None:
        """Gives back what it holds open. Nobody asks it any more."""
        ...


class Withheld(msgspec.Struct, frozen=True, gc=False):
    """The sealing process would not seal: its own reading of the signed grant says no."""

    cause: str


class Sealing(Protocol):
    """A batch on its way through the sealing process. Whoever has a loop waits until `fileno` can be read."""

    def fileno(self) -> int: ...

    def questions(self) -> list[Question | Withheld]:
        """The sealed form of each query, in order; blocks until it is there. Raises `UnavailableError`."""
        ...


class Enlisting(Protocol):
    """The sealing process, asked for the links of a list that is filed under a closed grant. One list at a time."""

    def links(self, grant: str, numbers: Sequence[tuple[str, str]]) -> list[bytes] | Withheld:
        """The link of each (kind, number), in order, or why there are none. Raises `UnavailableError`."""
        ...

    def close(self) -> None: ...


class Seal(Protocol):
    """The sealing process, the only holder of sealing keys beside the gateway. It judges grants for itself."""

    def ask(self, generation: str, plains: Sequence[Plain]) -> Sealing:
        """Sends queries to be sealed; one batch at a time. Raises `UnavailableError`."""
        ...

    def units(self, generation: str, grant: str) -> frozenset[int]:
        """The tokens of the units in a signed grant's scope. Raises `UnavailableError`."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Rights:
    """The rules and grants in force at one control epoch; replaced whole, never changed."""

    epoch: int
    snapshot: Snapshot
    grants: Mapping[str, Grant]
    frozen: frozenset[str] = frozenset()
    """What is frozen, as `kind.id`: grants, partners, systems, people."""
    held: frozenset[str] = frozenset()
    """What the watch has put on hold, likewise, until somebody has looked at it."""
    ends: Mapping[str, End] = field(default_factory=dict[str, End])
    """When a grant lapses, although its last day has not come, by number; most never do."""
    cohorts: Mapping[str, Members] = field(default_factory=dict[str, Members])
    """Of closed grants, by number, whom each answers about."""
    signed_from: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    """From when on each comparison of a partner must be a signed request, because a month of its statements waits for
    its head; partners that owe nothing are left out."""
    exempt: Mapping[str, Exemption] = field(default_factory=dict[str, Exemption])
    """Exceptions from a detector, by grant, over or not: each ends by itself."""
    thresholds: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """What the watch decides by, as it was signed; empty while what is delivered counts."""
    working: Calendar = WEEKDAYS
    """Which days are worked."""

    def members(self, grant: Grant) -> Members | None:
        """Whom a grant answers about; None where that is not bounded by a list. A closed grant without one: nobody."""
        return self.cohorts.get(grant.number, NOBODY) if grant.grant_class is GrantClass.CLOSED else None


class BudgetStore(Protocol):
    """Counters of the budgets, exact under many workers."""

    def lock(self, accounts: Sequence[str], day: int) -> Mapping[str, Used]:
        """What each account has used; those of grants and partners are locked until the work ends.

        `accounts` (see `gateway.watch.accounts`) come sorted, so nobody waits in a ring.
        """
        ...

    def seen(self, wanted: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], int]:
        """The last day on which each (account, link) was compared; pairs never compared are left out."""
        ...

    def spend(self, spending: Spending) -> None:
        """Writes down what was used."""
        ...


class WatchStore(Protocol):
    """What the watch knows of accounts. A turn holds their grants, so nobody else writes meanwhile."""

    def standings(self, accounts: Sequence[str], day: int) -> Mapping[str, Standing]:
        """How accounts stand on that day; those of which nothing is known are left out."""
        ...

    def questions(self, wanted: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        """What was asked, by account and link, as it was kept; pairs never asked are left out."""
        ...

    def cells(self, wanted: Sequence[tuple[str, bytes]], since: int) -> Mapping[tuple[str, bytes], int]:
        """How many unknown numbers lie in each cell, by account and cell, from that day on; empty ones are left out."""
        ...

    def shares(self, accounts: Sequence[str], day: int, since: int) -> Mapping[bytes, Mapping[str, int]]:
        """Of each cell to which one of these added something on that day what each of them has from `since` on."""
        ...

    def keep(self, kept: Kept) -> None:
        """Writes down what a turn changes. Responses begin a new control epoch; incidents are told to officers anew."""
        ...

    def recent(self, partner: str, grant: str, detector: str, since: int) -> Incident | None:
        """The newest incident of a grant and detector that was opened behind this Unix time."""
        ...

    def lay(self, stops: Sequence[Stop]) -> None:
        """Lays responses, once the ledger tells of them."""
        ...


class HabitStore(Protocol):
    """From where and when systems use grants, by account (`gateway.watch.accounts.habit_account`).

    A turn holds their grants, so nobody else writes meanwhile. Networks stand under marks.
    """

    def habits(self, accounts: Sequence[str]) -> Mapping[str, Habit]:
        """What is known of each; those never used are left out."""
        ...

    def networks(self, wanted: Sequence[tuple[str, bytes]]) -> Set[tuple[str, bytes]]:
        """Which of these an account was used from."""
        ...

    def learn(self, habits: Mapping[str, Habit], networks: Sequence[tuple[str, bytes]], day: int) -> None:
        """Puts habits in place of what was known, and adds networks that were met on that day."""
        ...


class CheckStore(Protocol):
    """Spot checks. A turn holds their grants, so nobody else opens any meanwhile."""

    def checks(self, grants: Sequence[str], chosen: Sequence[tuple[str, bytes]]) -> Sequence[SpotCheck]:
        """Every one of these grants whose answer waits, and that of each (grant, link), whatever has become of it.

        What waits is due, or filed and needs acceptance.
        """
        ...

    def failed(self, since: int) -> Set[str]:
        """Purposes for which one failed on that day or later."""
        ...

    def raised(self, since: int) -> Set[str]:
        """Accounts of purposes (`gateway.watch.accounts`) of which more is checked since that day or later."""
        ...

    def check(self, number: str) -> SpotCheck | None:
        """The one of this number."""
        ...

    def put(self, checks: Sequence[SpotCheck]) -> None:
        """Writes them, in place of those of the same number."""
        ...


class Seen(NamedTuple):
    """Whom a grant compared, and on which day last."""

    account: str
    link: bytes
    day: int


class Asked(NamedTuple):
    """What was asked about a person under an account, as the watch keeps it."""

    account: str
    link: bytes
    asked: bytes


class LinkSpan(Protocol):
    """Links from `first` on and before `end`."""

    @property
    def first(self) -> bytes: ...

    @property
    def end(self) -> bytes: ...


class SubjectStore(Protocol):
    """Who asked about whom, for sweeps that go round all subjects slice by slice."""

    def seen_by(self, accounts: Sequence[str], since: int, span: LinkSpan) -> Sequence[Seen]:
        """Whom these compared on that day or later, in a span of links."""
        ...

    def asked_together(self, accounts: Sequence[str], span: LinkSpan) -> Sequence[Asked]:
        """What was asked about those, in a span of links, of whom more than one of these accounts asked."""
        ...

    def noted(self, names: Sequence[bytes], since: int) -> Set[bytes]:
        """Which of these names of 16 bytes were noted on that day or later."""
        ...

    def note(self, names: Sequence[bytes], day: int) -> None:
        """Notes them."""
        ...


class SweepStore(Protocol):
    """What sweeps look at and keep, beside the turns."""

    def claim(self) -> None:
        """Returns when no other sweep is at work; none begins before this work ends. What it wrote can be read then."""
        ...

    def days(self, accounts: Sequence[str], since: int) -> Mapping[str, Mapping[int, tuple[int, int]]]:
        """Of each account, by day from that one on, its subjects (see `Used`) and its unknown new ones."""
        ...

    def tallies(self, accounts: Sequence[str]) -> Mapping[str, Tally]:
        """As the last sweep left them; accounts that none has looked at are left out."""
        ...

    def put(self, tallies: Mapping[str, Tally]) -> None:
        """Writes them, in place of what was kept."""
        ...

    def raise_checks(self, purposes: Sequence[str], day: int) -> None:
        """More is checked of these accounts of purposes from that day on. Begins a new control epoch."""
        ...


class OutcomeStore(Protocol):
    """Whom grants first asked about whose holders said what becomes of them, and what did."""

    def ask(self, asked: Sequence[tuple[str, bytes]], day: int) -> None:
        """Keeps for each (grant, link) that it was asked on that day; of those that are kept the first day stays."""
        ...

    def ripe(self, grant: str, until: int) -> Sequence[tuple[int, bytes]]:
        """Day and link of those that were first asked about up to that day, in this order."""
        ...

    def forget(self, grant: str, until: int) -> None:
        """Forgets them: who is asked about later is asked about for the first time."""
        ...

    def outcomes(self, grants: Sequence[str]) -> Mapping[str, Outcome]:
        """What was made of each grant; those that nobody has judged are left out."""
        ...

    def put(self, outcomes: Mapping[str, Outcome]) -> None:
        """Writes them, in place of what was kept."""
        ...


class Remembered(msgspec.Struct, frozen=True, gc=False):
    """An answer given before: the keyed digest of its request and the answer, encrypted."""

    key: bytes
    body: bytes
    answer: bytes
    expires: int


class AnswerStore(Protocol):
    """Answers that are given again when a caller repeats a request."""

    def remembered(self, keys: Sequence[bytes], at: int) -> Mapping[bytes, Remembered]:
        """Those that have not expired at the Unix time `at`."""
        ...

    def remember(self, answers: Sequence[Remembered], at: int) -> None:
        """Keeps them; one of the same key that has expired at the Unix time `at` gives way."""
        ...


class Committing(Protocol):
    """A commit on its way. Whoever has a loop waits until `fileno` can be read; below 0 it need not wait."""

    def fileno(self) -> int: ...

    def finish(self) -> None:
        """Returns when the work is durable, or raises what `Work.commit` raises; waits for some seconds at most."""
        ...


class Work(Protocol):
    """One transaction. Everything in it becomes durable together at `commit`, or nothing does."""

    @property
    def budgets(self) -> BudgetStore: ...

    @property
    def watch(self) -> WatchStore: ...

    @property
    def checks(self) -> CheckStore: ...

    @property
    def sweeps(self) -> SweepStore: ...

    @property
    def outcomes(self) -> OutcomeStore: ...

    @property
    def habits(self) -> HabitStore: ...

    @property
    def subjects(self) -> SubjectStore: ...

    @property
    def answers(self) -> AnswerStore: ...

    @property
    def ledger(self) -> LedgerStore: ...

    def epoch(self) -> int:
        """The control epoch: it grows with every change of rights."""
        ...

    def prefetch(self, epoch: int, accounts: Sequence[str], day: int, keys: Sequence[bytes], at: int) -> None:
        """Says what will be asked first, so that a distant database answers all of it at once.

        Those are `epoch`, `budgets.lock(accounts, day)` and `answers.remembered(keys, at)`; whoever then asks another
        thing is answered too, by a way of its own. At another epoch than this nothing is locked before it is asked.
        """
        ...

    def prefetch_seen(self, wanted: Sequence[tuple[str, bytes]]) -> None:
        """Says that `budgets.seen` will be asked about these, so that the answer comes while others are waited for."""
        ...

    def commit(self) -> None:
        """Returns when the work is durable. Raises `UnavailableError`; then nothing may be told."""
        ...

    def committing(self) -> Committing:
        """The same without waiting; nothing else may be done with this work before it is finished."""
        ...


class Store(Protocol):
    """The control database."""

    def close(self) -> None: ...

    def begin(self) -> AbstractContextManager[Work]:
        """Begins a work, and rolls it back unless it was committed. Raises `UnavailableError`."""
        ...


class RightsSource(Protocol):
    """Where the rules and grants in force come from."""

    def load(self) -> Rights:
        """All of them, signatures verified, at the present epoch. Raises `UnavailableError` when one is unreadable."""
        ...


class People(Protocol):
    """Who is enrolled, by deeds that administrators signed."""

    def person(self, account: str) -> Person | None:
        """The person of that account, if they are in force now."""
        ...
