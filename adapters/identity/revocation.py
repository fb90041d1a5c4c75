"""What a client may do with its tokens after it has them: end one (RFC 7009), and ask what one is (RFC 7662).

Both only for tokens of its own. Of every other token it learns as much as of a text that is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

from adapters.identity.clients import ClientDesk
from adapters.identity.jose import SECONDS_AHEAD, Cause, RejectedError
from adapters.identity.tokens import LIFE_SECONDS, TokenDoor
from gateway.ports import Clock

Form: TypeAlias = Sequence[tuple[str, str]]
Reply: TypeAlias = tuple[int, Mapping[str, object]]

LONGEST_SECONDS = LIFE_SECONDS + 2 * SECONDS_AHEAD
"""From its revocation until a token would have ended anyway, at the latest."""


class RevocationStore(Protocol):
    """Revoked tokens, for all nodes and across restarts."""

    def revoke(self, jti: str, since: int, expires: int) -> None:
        """Durable when it returns. Raises `GatewayError`."""
        ...

    def all(self) -> Sequence[tuple[str, int]]:
        """Every revoked token that could still be good, and since when (Unix seconds). Raises `GatewayError`."""
        ...


class TokenKeeper:
    """Ends tokens and tells what they are. Keeps the promise of `gateway.api.token.KeepsTokens`."""

    def __init__(
        self,
        *,
        clients: ClientDesk,
        door: TokenDoor,
        revoked: RevocationStore,
        clock: Clock,
        notice: Callable[[Cause], None] = lambda _: None,
    ) -> None:
        self._clients, self._door, self._revoked, self._clock, self._notice = clients, door, revoked, clock, notice
        self._known: frozenset[tuple[str, int]] = frozenset()

    def revoke(self, form: Form, thumbprint: str | None, address: str) -> Reply:
        """Nothing is left of a token of the client's own. What is no token at all is no error (RFC 7009)."""
        return self._act(self._end, form, thumbprint, address)

    def introspect(self, form: Form, thumbprint: str | None, address: str) -> Reply:
        """What a token of the client's own says while it works; of every other that it is not active."""
        return self._act(self._tell, form, thumbprint, address)

    def refresh(self) -> None:
        """Learns what was revoked at other nodes. Called every second or so. Raises `GatewayError`."""
        found = frozenset(self._revoked.all())
        for jti, since in found - self._known:
            self._door.forget_token(jti, datetime.fromtimestamp(since, UTC))
        self._known = found

    def _act(
        self, act: Callable[[str, str, datetime], Reply], form: Form, thumbprint: str | None, address: str
    ) -> Reply:
        fields, at = dict(form), self._clock.now()
        if len(fields) != len(form) or not fields.get("token"):
            return 400, {"error": "invalid_request"}
        try:
            # These answers are worth nothing to a thief of the assertion, so no key has to be shown.
            sender = self._clients.prove(fields, thumbprint, address, at, has_key=True)
        except RejectedError as rejected:
            self._notice(rejected.cause)
            return 401, {"error": "invalid_client"}
        return act(fields["token"], sender.system.client_id, at)

    def _end(self, token: str, client_id: str, at: datetime) -> Reply:
        claims, now = self._own(token, client_id, at), int(at.timestamp())
        if claims is not None:
            jti = str(claims["jti"])
            # First for all nodes, then here: a crash in between has ended it, and nobody was told yet.
            self._revoked.revoke(jti, now, now + LONGEST_SECONDS)
            self._door.forget_token(jti, at)
        return 200, {}

    def _tell(self, token: str, client_id: str, at: datetime) -> Reply:
        claims = self._own(token, client_id, at)
        if claims is None:
            return 200, {"active": False}
        bound = claims["cnf"]
        kind = "DPoP" if isinstance(bound, Mapping) and "jkt" in bound else "Bearer"
        return 200, {"active": True, "token_type": kind, **claims}

    def _own(self, token: str, client_id: str, at: datetime) -> Mapping[str, object] | None:
        claims = self._door.claims(token, at)
        return claims if claims is not None and claims["client_id"] == client_id else None
