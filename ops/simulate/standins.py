"""What the pipeline stands on, played from the columns of a world: sealing, index, comparison, ledger, repeats.

Nothing is kept secret from anybody here, so nothing is sealed: a link is a hash of the number, a subject the number
itself, and a digest of a value its place among the values of its field. What is decided, and in which order, is the
pipeline's own.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

import msgspec
import numpy as np

from audit.events import Draft
from audit.ledger import LedgerStore
from gateway.domain.answer import Cause, Disclosed, FieldCode, Outcome
from gateway.domain.reply import Answered, Refused, Request
from gateway.hearing import Hearing
from gateway.idempotency import Slot
from gateway.ports import DataVersion, LookUp, Remembered, UnitFact, Withheld
from gateway.seal import Plain, Question
from ops.simulate.fields import FIELDS, GATE, UNIT, code_of
from ops.simulate.numbers import texts_of
from ops.simulate.world import World
from policies.decision import Refusal

ROOT = "league"
_ROOT, _REGION, _ORGANISATION = 1, 1_000, 10_000
_HEAD = 4
"""Root, region and organisation of a person, then the name; behind them the fields."""
_KEY = b"simulated-link"
_PLACES = {GATE: _HEAD - 1} | {key: _HEAD + place for place, key in enumerate(FIELDS)}
_SLOT = Slot(b"", b"")


Link = Callable[[str], bytes]


def link_of(number: str) -> bytes:
    """The long-lived name of a subject."""
    return blake2b(number.encode(), digest_size=16, key=_KEY).digest()


def unit_token(code: str) -> int:
    """The token of a unit: the league, `region-<n>`, or an organisation by its number."""
    if code == ROOT:
        return _ROOT
    kind, _, number = code.rpartition("-")
    return (_REGION if kind == "region" else _ORGANISATION) + int(number)


@dataclass(frozen=True)
class Sealed:
    """A batch that is sealed already."""

    items: list[Question | Withheld]

    def fileno(self) -> int:
        """Nobody need wait."""
        return -1

    def questions(self) -> list[Question | Withheld]:
        """See `gateway.ports.Sealing`."""
        return self.items


@dataclass
class Seal:
    """Stands for the sealing process; it has no meter of its own."""

    world: World
    scopes: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """The scope of each grant in force; whoever amends a grant puts the new one here."""
    link: Link = link_of
    _tokens: dict[tuple[str, ...], frozenset[int]] = field(default_factory=dict[tuple[str, ...], frozenset[int]])

    def ask(self, generation: str, plains: Sequence[Plain]) -> Sealed:
        """See `gateway.ports.Seal`."""
        return Sealed([self._question(plain) for plain in plains])

    def units(self, generation: str, grant: str) -> frozenset[int]:
        """See `gateway.ports.Seal`."""
        scope = self.scopes[grant]
        known = self._tokens.get(scope)
        if known is None:
            known = self._tokens[scope] = frozenset(unit_token(code) for code in scope)
        return known

    def close(self) -> None:
        """Has nothing open."""

    def _question(self, plain: Plain) -> Question:
        places, number = self.world.values.places, plain.id
        values = [code_of(name) for name in plain.gate] + [places[key, value] for key, _, value in plain.claims]
        subject = int(number[:17]).to_bytes(16, "little")
        asked = struct.pack(f">{len(values)}I", *values)
        return Question(self.link(number), subject, array("i", values).tobytes(), (), asked)


class Index:
    """The register: for each person the units, the name and the fields, as 32-bit integers."""

    def __init__(self, world: World, version: DataVersion, link: Link = link_of) -> None:
        self.version = version
        self._world = world
        units = world.codes[:, UNIT]
        head = [np.full(world.size, _ROOT), _REGION + world.regions[units], _ORGANISATION + units, world.names]
        self._facts = _facts(world)
        self._decoys = frozenset(link(number) for number in texts_of(world.decoys))
        self._rows = np.ascontiguousarray(np.concatenate([np.stack(head, axis=1), world.codes], axis=1), dtype=np.int32)

    def find(self, kind: str, look_ups: Sequence[LookUp]) -> list[bytes]:
        """See `gateway.ports.Index`."""
        keys = np.frombuffer(b"".join([each.subject for each in look_ups]), dtype="<i8")[::2]
        persons = self._world.persons_of(keys)
        rows, width = self._rows[persons].tobytes(), 4 * self._rows.shape[1]
        return [
            rows[width * place : width * (place + 1)] if person >= 0 else b""
            for place, person in enumerate(persons.tolist())
        ]

    def unit(self, token: int) -> UnitFact | None:
        """See `gateway.ports.Index`."""
        return self._facts[token - _ORGANISATION]

    def units(self) -> Iterable[UnitFact]:
        """See `gateway.ports.Index`."""
        return self._facts

    def is_decoy(self, link: bytes) -> bool:
        """See `gateway.ports.Index`."""
        return link in self._decoys

    def is_protected(self, link: bytes) -> bool:
        """See `gateway.ports.Index`."""
        return False

    def moves_since(self) -> int | None:
        """See `gateway.ports.Index`."""
        return None

    def moved_on(self, link: bytes) -> int:
        """See `gateway.ports.Index`."""
        return 0

    def close(self) -> None:
        """Has nothing open."""


def _facts(world: World) -> list[UnitFact]:
    """Of each organisation, in order."""
    sizes = world.staff_sizes()
    around = np.bincount(world.regions, weights=sizes)[world.regions].astype(np.int64)
    columns = (world.regions.tolist(), sizes.tolist(), around.tolist())
    return [
        UnitFact(struct.pack(">q", place), struct.pack(">q", region), staff, whole)
        for place, (region, staff, whole) in enumerate(zip(*columns, strict=True))
    ]


class Comparison:
    """Compares as `gateway.domain.comparison` does, in the order absent, scope, gate; a year knows few outcomes."""

    def __init__(self, gate: tuple[str, ...]) -> None:
        self._gate = gate
        self._outcomes: dict[object, Outcome] = {}

    def compare(self, question: Question, fields: Sequence[str], records: bytes, units: frozenset[int]) -> Outcome:
        """See `gateway.domain.comparison.Comparison`."""
        asked = (*self._gate, *fields)
        if not records:
            return self._outcome(Cause.ABSENT, asked, None)
        row, claimed = memoryview(records).cast("i"), memoryview(question.digests).cast("i")
        if units.isdisjoint(row[: _HEAD - 1]):
            return self._outcome(Cause.SCOPE, asked, None)
        met = tuple([row[_PLACES[key]] == value for key, value in zip(asked, claimed, strict=True)])
        if not all(met[: len(self._gate)]):
            return self._outcome(Cause.GATE, asked, None)
        return self._outcome(Cause.CONFIRMED, asked, met)

    def unit(self, records: bytes) -> int:
        """See `gateway.domain.comparison.Comparison`."""
        return memoryview(records).cast("i")[_HEAD - 2]

    def _outcome(self, cause: Cause, asked: tuple[str, ...], met: tuple[bool, ...] | None) -> Outcome:
        known = self._outcomes.get((cause, asked, met))
        if known is None:
            known = self._outcomes[cause, asked, met] = Outcome(cause, _codes(asked, met))
        return known


def _codes(asked: tuple[str, ...], met: tuple[bool, ...] | None) -> Mapping[str, FieldCode]:
    if met is None:
        return dict.fromkeys(asked, FieldCode.NOT_COMPARED)
    return {key: FieldCode.MATCH if each else FieldCode.MISMATCH for key, each in zip(asked, met, strict=True)}


@dataclass
class Recorder:
    """Gives each hearing its reply and writes no entry. Notes the cause of what was refused, as an entry would."""

    causes: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    """How often a grant was refused, by reason and inner cause, since somebody last looked."""
    locked: Counter[tuple[str, bytes]] = field(default_factory=Counter[tuple[str, bytes]])
    """How often a grant met somebody of whom too much had been asked, likewise."""
    _answers: dict[tuple[str, ...], Answered] = field(default_factory=dict[tuple[str, ...], Answered])

    def record(self, hearings: Sequence[Hearing], store: LedgerStore, version: DataVersion, at: datetime) -> None:
        """See `gateway.record.Recorder`."""
        for hearing in hearings:
            verdict = hearing.verdict
            if isinstance(verdict, Refusal):
                self.causes[hearing.request.query.grant, verdict.reason.value, verdict.cause] += 1
                hearing.reply = Refused(verdict.reason, hearing.incident, hearing.wants)
            elif hearing.told is not None:
                if hearing.outcome and hearing.outcome.cause is Cause.LOCKED and hearing.question:
                    self.locked[verdict.grant.number, hearing.question.link] += 1
                hearing.reply = self._answer(hearing.told)

    def note(self, drafts: Sequence[Draft], store: LedgerStore, at: datetime) -> list[int]:
        """See `gateway.record.Recorder`."""
        return list(range(len(drafts)))

    def _answer(self, told: Disclosed) -> Answered:
        key = (told.subject, *told.fields, *told.fields.values())
        known = self._answers.get(key)
        if known is None:
            body = {"subject": told.subject.value, "fields": {name: code.value for name, code in told.fields.items()}}
            known = self._answers[key] = Answered(msgspec.json.encode(body))
        return known


class Idempotency:
    """Nobody repeats a key in a simulated year, so none is kept."""

    def slot(self, request: Request) -> Slot:
        """See `gateway.idempotency.Idempotency`."""
        return _SLOT

    def remember(self, answered: Sequence[tuple[Slot, Request, bytes]], at: int) -> list[Remembered]:
        """Keeps nothing."""
        return []

    def is_repeat(self, slot: Slot, request: Request, kept: Remembered) -> bool:
        """Never."""
        return False

    def recall(self, slot: Slot, kept: Remembered) -> bytes:
        """Never asked."""
        return b""
