"""Who is calling, as the doors ask it: known at once, known after one thing is used up, or nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.responses import Response
from starlette.types import Scope

from gateway.api.problems import unauthorised
from gateway.domain.caller import Caller


class Unspent(Protocol):
    """A proof that is right and works once: whose it is, is known when it has been used up on all nodes."""

    async def spend(self) -> Caller | None:
        """The caller, for whoever was the first to show this proof. Raises `GatewayError` when nobody can know."""
        ...


@dataclass(frozen=True, slots=True)
class Challenge:
    """Nobody, until the proof is made again with this nonce (RFC 9449)."""

    nonce: str


Identify = Callable[[Scope], Caller | Unspent | Challenge | None]
"""Who is calling, proven; None for everything that is wrong with the proof."""


async def admit(identify: Identify, scope: Scope) -> Caller | Response:
    """The caller of a request, or what whoever it is must be told."""
    known = identify(scope)
    if isinstance(known, Challenge):
        return unauthorised(known.nonce)
    if known is not None and not isinstance(known, Caller):
        known = await known.spend()
    return unauthorised() if known is None else known
