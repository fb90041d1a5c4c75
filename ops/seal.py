"""`bidui seal`: the only holder of sealing keys beside the gateway. Its own process, its own user, one unix socket.

Whoever has taken over serve can ask here, and gets at most what the live grants allow: every grant is verified again,
every field, day and amount is checked against it by this process's own clock and meter, and nothing is ever opened.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.sealing.meter import Meter
from adapters.sealing.wire import Admit, Admitted, Ask, Refused, Sealed, receive, requests, send
from gateway.domain.grant import Grant, GrantError, local_day
from gateway.domain.query import MAX_CLAIMS
from gateway.ports import Clock
from gateway.seal import Entropy, Plain, Question, Sealer, SealingError, SealingKey, day_number
from gateway.signed_grant import open_grant
from policies.catalogue import Catalogue

GENERATIONS = 4
"""Generations whose keys are held at once: the one that answers, and those around a swap."""


@dataclass(kw_only=True)
class SealingDesk:
    """Answers the messages of the socket. Everything it is told is doubted; one message at a time."""

    key: SealingKey
    catalogue: Catalogue
    trusted: Mapping[str, Ed25519PublicKey]
    meter: Meter
    clock: Clock
    entropy: Entropy

    def __post_init__(self) -> None:
        self._grants: dict[str, Grant] = {}
        self._sealers: dict[str, dict[str, Sealer]] = {}
        self._turn = threading.Lock()

    def answer(self, body: bytes) -> Admitted | Sealed | Refused:
        """The reply to one frame."""
        with self._turn:
            try:
                message = requests.decode(body)
                return self._admit(message) if isinstance(message, Admit) else self._seal(message)
            except (ValueError, msgspec.DecodeError, GrantError, SealingError) as error:
                return Refused(type(error).__name__)

    def _admit(self, message: Admit) -> Admitted:
        grant = open_grant(message.grant, self.trusted)
        self._grants[grant.number] = grant
        if local_day(self.clock.now()) > grant.valid_until:
            return Admitted([])
        sealer = next(iter(self._sealers_of(message.generation).values()))
        return Admitted([sealer.unit(code) for code in grant.scope])

    def _seal(self, message: Ask) -> Sealed:
        sealers = self._sealers_of(message.generation)
        items = [self._question(plain, sealers) for plain in message.plains]
        good = [place for place, item in enumerate(items) if isinstance(item, Question)]
        asked = [
            (message.plains[place].grant, item.link) for place, item in enumerate(items) if isinstance(item, Question)
        ]
        limits = {grant: self._grants[grant].limits for grant, _ in asked}
        room = self.meter.take(limits, local_day(self.clock.now()).toordinal(), asked)
        for place, has_room in zip(good, room, strict=True):
            if not has_room:
                items[place] = "limit"
        return Sealed(items)

    def _question(self, plain: Plain, sealers: Mapping[str, Sealer]) -> Question | str:
        grant = self._grants.get(plain.grant)
        if grant is None:
            return "unknown_grant"
        sealer = sealers.get(plain.kind)
        if sealer is None or not self._is_well_formed(plain, sealer):
            return "malformed"
        fields = {field for field, _, _ in plain.claims} | set(sealer.layout.gate)
        if not grant.covers(self.clock.now()) or not fields <= grant.fields or not self._day_is_granted(plain, grant):
            return "not_granted"
        try:
            return sealer.question(plain)
        except (SealingError, ValueError, LookupError):
            return "malformed"

    def _is_well_formed(self, plain: Plain, sealer: Sealer) -> bool:
        """One value for a field, and by a comparator it has: a second value would be a second guess for nothing."""
        asked = [*sealer.layout.gate, *(field for field, _, _ in plain.claims)]
        known = self.catalogue.fields
        return (
            0 < len(asked) <= MAX_CLAIMS + len(sealer.layout.gate)
            and len(plain.gate) == len(sealer.layout.gate)
            and len(set(asked)) == len(asked)
            and all(field in known and op in known[field].comparators for field, op, _ in plain.claims)
        )

    def _day_is_granted(self, plain: Plain, grant: Grant) -> bool:
        today = local_day(self.clock.now())
        return plain.day in {day_number(day) for day in (today, *grant.reference_dates)}

    def _sealers_of(self, generation: str) -> dict[str, Sealer]:
        known = self._sealers.get(generation)
        if known is None:
            known = {k: Sealer(self.key, self.catalogue, k, generation, self.entropy) for k in self.catalogue.kinds}
            self._sealers[generation] = known
            while len(self._sealers) > GENERATIONS:
                del self._sealers[next(iter(self._sealers))]
        return known


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
        except OSError:
            return
