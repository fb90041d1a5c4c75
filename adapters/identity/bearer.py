"""From an HTTP request to its caller: certificate and address from the edge, the bearer token to the token door."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from adapters.identity.certificate import Edge
from adapters.identity.tokens import TokenDoor
from gateway.domain.caller import Caller
from gateway.ports import Clock

SCHEME = b"bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerIdentity:
    """Says who sends a request, or None: alike for a missing, doubled or wrong token, certificate and address."""

    door: TokenDoor
    edge: Edge
    clock: Clock

    def __call__(self, scope: Scope) -> Caller | None:
        """The proven caller. Reads the raw headers once; a second `Authorization` is never ignored."""
        shown = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(shown) != 1 or shown[0][: len(SCHEME)].lower() != SCHEME:
            return None
        token = shown[0][len(SCHEME) :].decode("latin-1")
        thumbprint, address = self.edge.read(scope)
        return self.door.caller(token, thumbprint, address, self.clock.now())
