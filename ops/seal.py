"""`bidui seal`: the only holder of sealing keys beside the gateway. Its own process, its own user, one unix socket.

Whoever has taken over serve can ask here, and gets at most what the live grants allow: every grant is verified again,
every field, day and amount is checked against it by this process's own clock and meter, and nothing is ever opened.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import structlog

from adapters.sealing.marks import Mark, Marks
from adapters.sealing.meter import Meter
from adapters.sealing.wire import (
    Admit,
    Admitted,
    Ask,
    Enlist,
    Know,
    Known,
    Refused,
    Reply,
    Request,
    Sealed,
    receive,
    requests,
    send,
)
from gateway.deeds.deed import Deed, read_deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import Foundation
from gateway.deeds.granting import read_grant
from gateway.deeds.roll import Roll
from gateway.deeds.standing import is_live
from gateway.domain.errors import DownError
from gateway.domain.grant import Grant, local_day
from gateway.domain.query import MAX_CLAIMS
from gateway.ports import Clock
from gateway.seal import Entropy, Plain, Question, Sealer, SealingError, SealingKey, day_number
from ops.enlisting import EnlistingDesk
from ops.lapses import KINDS, Lapses
from policies.catalogue import Catalogue

GENERATIONS = 4
"""Generations whose keys are held at once: the one that answers, and those around a swap."""

log = structlog.get_logger()


@dataclass(kw_only=True)
class SealingDesk:
    """Answers the messages of the socket. Everything it is told is doubted; one message at a time."""

    key: SealingKey
    catalogue: Catalogue
    foundation: Foundation
    marks: Marks
    meter: Meter
    clock: Clock
    entropy: Entropy

    def __post_init__(self) -> None:
        self._roll = Roll(self.foundation)
        self._seen: set[bytes] = set()
        self._grants: dict[str, Grant] = {}
        self._lapses = Lapses(self.marks)
        self._sealers: dict[str, dict[str, Sealer]] = {}
        self._turn = threading.Lock()

    def answer(self, body: bytes) -> Reply:
        """The reply to one frame."""
        with self._turn:
            try:
                return self._answer(requests.decode(body))
            except (ValueError, msgspec.DecodeError, DeedError, SealingError) as error:
                return Refused(type(error).__name__)

    def close(self) -> None:
        """Lets go of its files."""
        self.meter.close()
        self.marks.close()

    def _answer(self, message: Request) -> Reply:
        match message:
            case Know():
                return self._know(message)
            case Admit():
                return self._admit(message)
            case Ask():
                return self._seal(message)
            case Enlist():
                return self._enlist(message)

    def _know(self, message: Know) -> Known:
        """Takes what is new of these deeds; one that is not good ends it there."""
        for encoded in message.deeds:
            named = sha256(encoded).digest()
            if named not in self._seen:
                self._learn(read_deed(encoded))
                self._seen.add(named)
        return Known(sum(1 for _ in self._roll.people()))

    def _learn(self, deed: Deed) -> None:
        now = deed.seen_at(self.clock.now())
        if deed.document.kind is Kind.PERSON:
            person = self._roll.examine(deed, now)
            if deed.document.serial >= self.marks.newest(Kind.PERSON, person.id):
                self._mark(deed.document, deed)
            self._roll.enrol(deed, now)
            return
        document = self._roll.open(deed, now)
        if document.serial < self.marks.newest(document.kind, document.id):
            # After a start all is told again; what came later has been seen, and will be told.
            return
        self._mark(document, deed)
        if document.kind in KINDS:
            self._lapses.learn(document, deed)
        if document.kind is Kind.GRANT and not is_live(document):
            self._grants.pop(document.id, None)

    def _admit(self, message: Admit) -> Admitted:
        deed = read_deed(message.deed)
        document = self._roll.open(deed, deed.seen_at(self.clock.now()))
        self._check_whole()
        grant = read_grant(document)
        self._mark(document, deed)
        self._lapses.admit(deed, grant)
        self._grants[grant.number] = grant
        now = self.clock.now()
        if local_day(now) > grant.valid_until or self._lapses.has_ended(grant.number, now):
            return Admitted([])
        sealer = next(iter(self._sealers_of(message.generation).values()))
        return Admitted([sealer.unit(code) for code in grant.scope])

    def _check_whole(self) -> None:
        """Nobody is shown here as they were before their last change: they could enrol others, who then sign."""
        for mark in self.marks.of(Kind.PERSON):
            if self._roll.serial(mark.id) != (mark.serial, mark.digest):
                raise DeedError("封存进程收到的人员名册缺少先前收到过的，请运行 bidui doctor")

    def _mark(self, document: Document, deed: Deed) -> None:
        self.marks.raise_to(Mark(document.kind.value, document.id, document.serial, deed.digest))

    def _seal(self, message: Ask) -> Sealed:
        now = self.clock.now()
        named = {plain.grant for plain in message.plains} & self._grants.keys()
        live = {number: self._grants[number] for number in named if not self._lapses.has_ended(number, now)}
        judgement = Judgement(live, self.catalogue, self._sealers_of(message.generation), now)
        items = [_question(plain, judgement.of(plain)) for plain in message.plains]
        good = [place for place, item in enumerate(items) if isinstance(item, Question)]
        asked = [
            (message.plains[place].grant, item.link) for place, item in enumerate(items) if isinstance(item, Question)
        ]
        limits = {grant: self._grants[grant].limits for grant, _ in asked}
        room = self.meter.take(limits, local_day(now).toordinal(), asked)
        for place, has_room in zip(good, room, strict=True):
            if not has_room:
                items[place] = "limit"
        return Sealed(items)

    def _enlist(self, message: Enlist) -> Reply:
        now = self.clock.now()
        live = {} if self._lapses.has_ended(message.grant, now) else self._grants
        return EnlistingDesk(live, self.catalogue, self._sealers_of(""), self.meter).enlist(message, local_day(now))

    def _sealers_of(self, generation: str) -> dict[str, Sealer]:
        known = self._sealers.get(generation)
        if known is None:
            known = {k: Sealer(self.key, self.catalogue, k, generation, self.entropy) for k in self.catalogue.kinds}
            self._sealers[generation] = known
            while len(self._sealers) > GENERATIONS:
                del self._sealers[next(iter(self._sealers))]
        return known


class Judgement:
    """What the grants allow in one batch. Queries that differ in subject and values alone are judged once."""

    def __init__(
        self, grants: Mapping[str, Grant], catalogue: Catalogue, sealers: Mapping[str, Sealer], now: datetime
    ) -> None:
        self._grants = grants
        self._catalogue = catalogue
        self._sealers = sealers
        self._now = now
        self._known: dict[Hashable, Sealer | str] = {}

    def of(self, plain: Plain) -> Sealer | str:
        """Who seals this query, or the cause why nobody does."""
        terms = (plain.grant, plain.kind, plain.day, len(plain.gate), *[(field, op) for field, op, _ in plain.claims])
        known = self._known.get(terms)
        if known is None:
            known = self._known[terms] = self._judge(plain)
        return known

    def _judge(self, plain: Plain) -> Sealer | str:
        grant = self._grants.get(plain.grant)
        if grant is None:
            return "unknown_grant"
        sealer = self._sealers.get(plain.kind)
        if sealer is None or not self._is_well_formed(plain, sealer.layout.gate):
            return "malformed"
        fields = {field for field, _, _ in plain.claims} | set(sealer.layout.gate)
        if not grant.covers(self._now) or not fields <= grant.fields or not self._day_is_granted(plain, grant):
            return "not_granted"
        return sealer

    def _is_well_formed(self, plain: Plain, gate: Sequence[str]) -> bool:
        """One value for a field, and by a comparator it has: a second value would be a second guess for nothing."""
        asked = [*gate, *(field for field, _, _ in plain.claims)]
        known = self._catalogue.fields
        return (
            0 < len(asked) <= MAX_CLAIMS + len(gate)
            and len(plain.gate) == len(gate)
            and len(set(asked)) == len(asked)
            and all(field in known and op in known[field].comparators for field, op, _ in plain.claims)
        )

    def _day_is_granted(self, plain: Plain, grant: Grant) -> bool:
        return plain.day in {day_number(day) for day in (local_day(self._now), *grant.reference_dates)}


def _question(plain: Plain, sealer: Sealer | str) -> Question | str:
    if isinstance(sealer, str):
        return sealer
    try:
        return sealer.question(plain)
    except (SealingError, ValueError, LookupError):
        return "malformed"


def listen(path: Path) -> socket.socket:
    """A listening socket that its owner alone, and its group, can reach. A left-over of a dead process is replaced."""
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o117)
    try:
        server.bind(str(path))
    finally:
        os.umask(mask)
    server.listen(64)
    return server


def serve_forever(server: socket.socket, desk: SealingDesk) -> None:
    """Answers every connection in a thread of its own until the socket is closed."""
    while True:
        try:
            peer, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_converse, args=(peer, desk), daemon=True).start()


def _converse(peer: socket.socket, desk: SealingDesk) -> None:
    with peer:
        try:
            while (body := receive(peer)) is not None:
                send(peer, desk.answer(body))
        except DownError:
            log.critical("meter_down")
        except OSError:
            return
