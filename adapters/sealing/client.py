"""The gateway's side of the sealing socket."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, NoReturn

import msgspec

from adapters.sealing.wire import (
    Admit,
    Admitted,
    Ask,
    Enlist,
    Enlisted,
    Know,
    Known,
    Refused,
    Reply,
    Request,
    Sealed,
    receive,
    replies,
    send,
)
from gateway.domain.errors import DownError, UnavailableError
from gateway.ports import Withheld
from gateway.seal import Plain, Question

TIMEOUT_SECONDS = 2.0
PORTION = 500
"""Deeds told in one message."""


class Deeds(NamedTuple):
    """What the sealing process is told: who may sign, in order, with withdrawals; and each grant in force by number."""

    known: Sequence[bytes] = ()
    grants: Mapping[str, bytes] = MappingProxyType({})


class SealClient:
    """Keeps the promise of `gateway.ports.Seal` over one connection, which it opens anew when it broke.

    A connection is told who may sign before anything else, and each grant before it is first needed.
    """

    def __init__(self, path: Path, deeds: Deeds | None = None) -> None:
        self._path = path
        self._deeds = deeds or Deeds()
        self._peer: socket.socket | None = None
        self._units: dict[tuple[str, str], frozenset[int]] = {}
        self._is_owed = False
        self._told = 0

    def know(self, deeds: Deeds) -> None:
        """Replaces the deeds; what was learnt under the old ones is forgotten."""
        is_longer = deeds.known[: self._told] == self._deeds.known[: self._told]
        self._deeds, self._told = deeds, self._told if is_longer else 0
        self._units = {}

    def ask(self, generation: str, plains: Sequence[Plain]) -> Batch:
        for grant in {plain.grant for plain in plains}:
            self.units(generation, grant)
        self._send(Ask(generation, list(plains)))
        return Batch(self, len(plains))

    def fileno(self) -> int:
        """The descriptor of the connection; -1 while there is none."""
        return self._peer.fileno() if self._peer else -1

    def take(self, count: int) -> list[Question | Withheld]:
        """The answer to what was sent last. Raises `DownError`."""
        reply = self._receive()
        if not isinstance(reply, Sealed) or len(reply.items) != count:
            raise DownError("the sealing process gave no questions")
        return [Withheld(item) if isinstance(item, str) else item for item in reply.items]

    def units(self, generation: str, grant: str) -> frozenset[int]:
        known = self._units.get((generation, grant))
        return self._admit(generation, grant) if known is None else known

    def links(self, grant: str, numbers: Sequence[tuple[str, str]]) -> list[bytes] | Withheld:
        """The links of a portion of a list, or why there are none. Raises `DownError`."""
        self.units("", grant)
        reply = self._exchange(Enlist(grant, list(numbers)))
        if isinstance(reply, Enlisted) and len(reply.links) == len(numbers):
            return reply.links
        return Withheld(reply.cause if isinstance(reply, Refused) else "protocol")

    def is_alive(self) -> bool:
        """Whether the process answers. Raises `DownError` when it does not."""
        return bool(self._exchange(Ask("", [])))

    def close(self) -> None:
        peer, self._peer = self._peer, None
        # A new connection may lead to a new process, which knows no grant.
        self._units, self._is_owed, self._told = {}, False, 0
        if peer:
            peer.close()

    def _admit(self, generation: str, grant: str) -> frozenset[int]:
        self._tell()
        deed = self._deeds.grants.get(grant)
        reply = self._exchange(Admit(generation, deed)) if deed else Refused("no such grant")
        units = frozenset(reply.units) if isinstance(reply, Admitted) else frozenset[int]()
        self._units[generation, grant] = units
        return units

    def _tell(self) -> None:
        """Tells what it was not told yet on this connection, a portion at a time."""
        while self._told < len(self._deeds.known):
            portion = list(self._deeds.known[self._told : self._told + PORTION])
            reply = self._exchange(Know(portion))
            if not isinstance(reply, Known):
                raise UnavailableError("the sealing process does not trust the people on the roll; see bidui doctor")
            self._told += len(portion)

    def _exchange(self, message: Request) -> Reply:
        self._send(message)
        return self._receive()

    def _send(self, message: Request) -> None:
        if self._is_owed:
            # A turn ended between asking and fetching: its answer must not be taken for that of another.
            self.close()
        try:
            self._peer = self._peer or self._connect()
            self._is_owed = True
            send(self._peer, message)
        except OSError as error:
            self._break(error)

    def _receive(self) -> Reply:
        try:
            body = receive(self._peer) if self._peer else None
            if body is None:
                raise ConnectionError("the sealing process hung up")
            self._is_owed = False
            return replies.decode(body)
        except (OSError, ValueError, msgspec.DecodeError) as error:
            self._break(error)

    def _break(self, error: Exception) -> NoReturn:
        """A connection with an answer left in it must never be used again."""
        self.close()
        raise DownError("the sealing process does not answer; `bidui doctor` says why") from error

    def _connect(self) -> socket.socket:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.settimeout(TIMEOUT_SECONDS)
        try:
            peer.connect(str(self._path))
        except OSError:
            peer.close()
            raise
        return peer


class Batch:
    """Keeps the promise of `gateway.ports.Sealing`."""

    def __init__(self, client: SealClient, count: int) -> None:
        self._client = client
        self._count = count

    def fileno(self) -> int:
        return self._client.fileno()

    def questions(self) -> list[Question | Withheld]:
        return self._client.take(self._count)
