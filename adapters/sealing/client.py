"""The gateway's side of the sealing socket."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from adapters.sealing.wire import Admit, Admitted, Ask, Refused, Sealed, receive, replies, send
from gateway.domain.errors import DownError
from gateway.ports import Withheld
from gateway.seal import Plain, Question
from gateway.signed_grant import SignedGrant

TIMEOUT_SECONDS = 2.0


class SealClient:
    """Keeps the promise of `gateway.ports.Seal` over one connection, which it opens anew when it broke.

    `grants` are the signed documents; a connection is told each of them before it is first needed.
    """

    def __init__(self, path: Path, grants: Mapping[str, SignedGrant]) -> None:
        self._path = path
        self._grants = grants
        self._peer: socket.socket | None = None
        self._units: dict[tuple[str, str], frozenset[int]] = {}
        self._is_owed = False

    def know(self, grants: Mapping[str, SignedGrant]) -> None:
        """Replaces the signed grants; what was learnt under the old ones is forgotten."""
        self._grants = grants
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

    def is_alive(self) -> bool:
        """Whether the process answers. Raises `DownError` when it does not."""
        return bool(self._exchange(Ask("", [])))

    def close(self) -> None:
        peer, self._peer = self._peer, None
        # A new connection may lead to a new process, which knows no grant.
        self._units, self._is_owed = {}, False
        if peer:
            peer.close()

    def _admit(self, generation: str, grant: str) -> frozenset[int]:
        signed = self._grants.get(grant)
        reply = self._exchange(Admit(generation, signed)) if signed else Refused("no such grant")
        units = frozenset(reply.units) if isinstance(reply, Admitted) else frozenset[int]()
        self._units[generation, grant] = units
        return units

    def _exchange(self, message: Admit | Ask) -> Admitted | Sealed | Refused:
        self._send(message)
        return self._receive()

    def _send(self, message: Admit | Ask) -> None:
        if self._is_owed:
            # A turn ended between asking and fetching: its answer must not be taken for that of another.
            self.close()
        try:
            self._peer = self._peer or self._connect()
            self._is_owed = True
            send(self._peer, message)
        except OSError as error:
            self._break(error)

    def _receive(self) -> Admitted | Sealed | Refused:
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
