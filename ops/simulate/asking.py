"""Turns records into the requests that the pipeline takes, and what it replies into what an asker knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import numpy as np

from gateway.domain.query import Claim, Query, Subject
from gateway.domain.reply import Answered, Refused, Reply, Request, Wants
from ops.simulate.fields import FIELDS, GATE, NAMES, name_of
from ops.simulate.numbers import texts_of
from ops.simulate.partners import FIELDS_OF, START, Kind, Member
from ops.simulate.rows import Chunk
from ops.simulate.world import World

PERSON = "person"
EQUALS = "equals"


class Probe(NamedTuple):
    """One record that an attacker asks: a number, the name that it gives, and the fields it claims with values."""

    key: int
    name: int
    claims: tuple[tuple[int, int], ...]


class Heard(NamedTuple):
    """What an asker knows after one record: whether the person was confirmed, and which fields agreed."""

    confirmed: bool
    agreed: frozenset[str]
    refused: str
    """The class of the refusal; empty for an answer."""


class _Answer(msgspec.Struct):
    subject: str
    fields: dict[str, str]


@dataclass(frozen=True)
class _Form:
    """What all queries of a member have alike."""

    grant: str
    purpose: str
    asked: tuple[tuple[str, str], ...]


class Asking:
    """Writes the requests of a world's members."""

    def __init__(self, world: World, members: Sequence[Member], *, gate: bool) -> None:
        self._world, self._members = world, members
        self._gate: tuple[str, ...] = (GATE,) if gate else ()
        self._forms = [
            _Form(each.grant.number, each.grant.purpose, self._asked(FIELDS_OF[each.kind])) for each in members
        ]

    def honest(self, chunk: Chunk) -> list[Request]:
        """The requests of a chunk of the year."""
        rows = chunk.rows
        member = self._members[int(rows.members[0])]
        form = self._forms[member.place]
        caller = member.callers[int(rows.callers[0])]
        operator = member.operators[int(rows.operators[0])]
        matter = f"case-{rows.runs[0]}" if member.kind is Kind.INSPECTION else None
        claims = self._claims(chunk, FIELDS_OF[member.kind])
        names = (self._world.names[rows.donors] + rows.misnamed) % NAMES
        gates = [(name_of(name),) for name in names.tolist()] if self._gate else [()] * len(rows)
        return [
            Request(
                caller,
                Query(
                    form.grant,
                    form.purpose,
                    operator,
                    matter,
                    None,
                    Subject(PERSON, number, gate),
                    self._gate,
                    claimed,
                    form.asked,
                ),
                b"",
                "",
            )
            for number, gate, claimed in zip(texts_of(rows.keys), gates, claims, strict=True)
        ]

    def probing(self, member: Member, operator: str, probes: Sequence[Probe]) -> list[Request]:
        """The requests of an attacker."""
        numbers = texts_of(np.array([probe.key for probe in probes]))
        return [self._probe(member, operator, number, probe) for number, probe in zip(numbers, probes, strict=True)]

    def _probe(self, member: Member, operator: str, number: str, probe: Probe) -> Request:
        gate = (name_of(probe.name),) if self._gate else ()
        claims = tuple(self._world.values.claims[field][value] for field, value in probe.claims)
        query = Query(
            member.grant.number,
            member.grant.purpose,
            operator,
            None,
            None,
            Subject(PERSON, number, gate),
            self._gate,
            claims,
            self._asked([field for field, _ in probe.claims]),
        )
        return Request(member.callers[0], query, b"", "")

    def _claims(self, chunk: Chunk, fields: Sequence[int]) -> list[tuple[Claim, ...]]:
        rows = chunk.rows
        columns: list[list[Claim]] = []
        for field in fields:
            codes = np.where(rows.wrong == field, rows.other, self._world.codes[rows.donors, field])
            made = self._world.values.claims[field]
            columns.append([made[code] for code in codes.tolist()])
        return list(zip(*columns, strict=True))

    def _asked(self, fields: Sequence[int]) -> tuple[tuple[str, str], ...]:
        return tuple((key, EQUALS) for key in (*self._gate, *(FIELDS[field] for field in fields)))


def heard(reply: Reply) -> Heard:
    """What the asker of a record knows now."""
    match reply:
        case Answered(json):
            answer = msgspec.json.decode(json, type=_Answer)
            agreed = frozenset(key for key, code in answer.fields.items() if code == "match" and key != GATE)
            return Heard(answer.subject == "confirmed", agreed, "")
        case Refused(_, _, Wants.REVIEW):
            # Whoever waits for somebody to look at a document knows nothing, and goes on with others.
            return Heard(False, frozenset(), "")
        case Refused(reason, _):
            return Heard(False, frozenset(), reason.value)
        case _:
            return Heard(False, frozenset(), "failed")


def at(second: int) -> datetime:
    """The instant so many seconds after the beginning of the year."""
    return START + timedelta(seconds=second)


def day_at(moment: datetime) -> int:
    """The day of the year at an instant."""
    return (moment - START).days


def refusals(replies: Sequence[Reply]) -> Mapping[str, int]:
    """How many were refused, by the class of the refusal."""
    counts: dict[str, int] = {}
    for reply in replies:
        if not isinstance(reply, Answered):
            reason = reply.reason.value if isinstance(reply, Refused) else "failed"
            counts[reason] = counts.get(reason, 0) + 1
    return counts
