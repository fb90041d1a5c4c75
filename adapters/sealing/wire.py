"""Messages on the socket: a length of four bytes, then MessagePack. A frame that is too long ends the connection."""

from __future__ import annotations

import socket
from typing import TypeAlias

import msgspec

from gateway.seal import Plain, Question

MAX_FRAME = 16 * 1024 * 1024
_LENGTH = 4


class Know(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Here are deeds in force, in their order: people who may sign, and grants that were withdrawn."""

    deeds: list[bytes]


class Known(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """They were good; so many people are on the roll."""

    people: int


class Admit(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Here is the deed of a grant; which tokens do the units of its scope have in this generation?"""

    generation: str
    deed: bytes


class Ask(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Seal these queries for this generation."""

    generation: str
    plains: list[Plain]


class Enlist(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """What are the links of these (kind, number), which are on a list filed under this closed grant?"""

    grant: str
    numbers: list[tuple[str, str]]

    def __repr__(self) -> str:
        return f"Enlist({self.grant!r}, {len(self.numbers)} numbers)"


class Enlisted(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Their links, in order."""

    links: list[bytes]


class Admitted(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The grant is good for these units."""

    units: list[int]


class Sealed(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A question for each query, or the cause why not."""

    items: list[Question | str]


class Refused(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The message itself was refused."""

    cause: str


_encoder = msgspec.msgpack.Encoder()
Request: TypeAlias = Know | Admit | Ask | Enlist
Reply: TypeAlias = Known | Admitted | Sealed | Enlisted | Refused
requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def send(peer: socket.socket, message: Request | Reply) -> None:
    """Sends one frame."""
    body = _encoder.encode(message)
    peer.sendall(len(body).to_bytes(_LENGTH, "big") + body)


def receive(peer: socket.socket) -> bytes | None:
    """The body of the next frame; None when the peer has closed. Raises `ConnectionError` on a broken frame."""
    head = _exactly(peer, _LENGTH)
    if not head:
        return None
    if len(head) < _LENGTH:
        raise ConnectionError("a frame on the sealing socket broke off")
    length = int.from_bytes(head, "big")
    if length > MAX_FRAME:
        raise ConnectionError("a frame on the sealing socket is too long")
    body = _exactly(peer, length)
    if len(body) != length:
        raise ConnectionError("a frame on the sealing socket broke off")
    return body


def _exactly(peer: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = peer.recv(length - len(parts))
        if not part:
            break
        parts += part
    return bytes(parts)
