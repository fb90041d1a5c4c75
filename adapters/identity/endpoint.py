"""The token endpoint: client credentials with `private_key_jwt`, answered with a token bound to certificate or key.

Authlib's core decides the flow (grant, client authentication, scope, error codes). What a client must prove is decided
by `ClientDesk`; Authlib's own assertion and token classes accept more than we do and read their own clock, so they
are not used, and neither is the line that writes tokens to its log (docs/adr/0005-partner-identity.md).
"""

# pyright: basic
# Authlib ships no types, and its stubs (types-Authlib, for mypy) leave much unknown. Only this module touches its flow.

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, cast

from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from adapters.identity.clients import ASSERTION_TYPE, ClientDesk
from adapters.identity.dpop import NonceNeededError, Once, Proofs, read_proof
from adapters.identity.jose import Cause, RejectedError
from adapters.identity.registry import Registered, Registry
from adapters.identity.tokens import LIFE_SECONDS, TokenMint
from gateway.domain.caller import Binding
from gateway.ports import Clock

__all__ = ["ASSERTION_TYPE", "METHOD", "Reply", "TokenEndpoint"]

Reply: TypeAlias = tuple[int, Mapping[str, str | int]]

METHOD = "private_key_jwt"
PATH = "/oauth/token"
TOKEN_BYTES = 16
# These say something about form and proof alone. Every other error is `invalid_client`, and tells nothing apart.
TOLD = frozenset({"invalid_request", "unsupported_grant_type", "invalid_scope", "invalid_dpop_proof", "use_dpop_nonce"})


class TokenEndpoint:
    """Answers a parsed form with a status and a JSON object. Plain and synchronous, about half a millisecond."""

    def __init__(
        self,
        *,
        clients: ClientDesk,
        mint: TokenMint,
        issuer: str,
        clock: Clock,
        entropy: Callable[[int], bytes],
        proofs: Proofs | None = None,
        notice: Callable[[Cause], None] = lambda _: None,
    ) -> None:
        self._clients, self._issuer, self._clock, self._proofs, self._notice = clients, issuer, clock, proofs, notice
        self._server = _Server(self._authenticate, mint, entropy)

    def issue(
        self, form: Sequence[tuple[str, str]], thumbprint: str | None, address: str, proofs: Sequence[str] = ()
    ) -> Reply:
        """A token, or one of the errors that we use. A parameter or proof sent twice is never guessed at."""
        fields, at = dict(form), self._clock.now()
        if len(fields) != len(form):
            return _refusal("invalid_request")
        try:
            key = self._key(proofs, at)
        except RejectedError as rejected:
            self._notice(rejected.cause)
            return _refusal("use_dpop_nonce" if isinstance(rejected, NonceNeededError) else "invalid_dpop_proof")
        ask = _Ask(self._issuer, fields, _Shown(thumbprint, address, at, key))
        # The stubs say a triple; it is whatever `handle_response` returns.
        return cast("Reply", self._server.create_token_response(ask))

    def nonce(self) -> str | None:
        """What the next proof must hold, where proofs must hold something of ours."""
        nonces = self._proofs.nonces if self._proofs else None
        return nonces.fresh(self._clock.now()) if nonces else None

    def swap(self, registry: Registry) -> None:
        """From now on this registry says who may have a token."""
        self._clients.swap(registry)

    def _key(self, proofs: Sequence[str], at: datetime) -> _DpopKey | None:
        """The key that a proof shows to be its sender's, whoever that is."""
        if not proofs:
            return None
        if len(proofs) != 1 or self._proofs is None:
            raise RejectedError(Cause.PROOF)
        proof = read_proof(proofs[0])
        return _DpopKey(proof.mark, self._proofs.check(proof, "POST", PATH, at))

    def _authenticate(self, ask: _Ask) -> _Client:
        try:
            return _Client(self._prove(ask), ask)
        except RejectedError as rejected:
            self._notice(rejected.cause)
            raise InvalidClientError from None

    def _prove(self, ask: _Ask) -> Registered:
        """The sender, if it may have a token bound to what it showed, and never showed this proof before."""
        shown, key = ask.shown, ask.shown.key
        sender = self._clients.prove(ask.fields, shown.thumbprint, shown.address, shown.at, has_key=key is not None)
        if (Binding.DPOP if key else Binding.MTLS) not in sender.system.bindings:
            raise RejectedError(Cause.BINDING)
        if key and not self._clients.replays.first_use(f"dpop:{sender.system.client_id}", key.once.id, key.once.until):
            raise RejectedError(Cause.REPLAY)
        return sender


@dataclass(frozen=True, slots=True)
class _DpopKey:
    """A key whose holder sent this request, and the proof's id, which must still be used up."""

    mark: str
    once: Once


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a request shows beside its form, and when."""

    thumbprint: str | None
    address: str
    at: datetime
    key: _DpopKey | None

    @property
    def mark(self) -> str:
        """What its token will be bound to."""
        return self.key.mark if self.key else self.thumbprint or ""


class _Ask(OAuth2Request):
    """One request in Authlib's form, and what goes with it."""

    def __init__(self, uri: str, fields: dict[str, str], shown: _Shown) -> None:
        super().__init__("POST", uri)
        self.payload = BasicOAuth2Payload(fields)
        self.fields, self.shown = fields, shown


class _Client(ClientMixin):
    """A system that has proven itself in this request."""

    def __init__(self, registered: Registered, ask: _Ask) -> None:
        self.registered, self.ask = registered, ask

    def get_client_id(self) -> str:
        return self.registered.system.client_id

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == METHOD and endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == ClientCredentialsGrant.GRANT_TYPE


class _Grant(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [METHOD]  # noqa: RUF012  Authlib's name for it, and its type

    def create_token_response(self) -> object:  # type: ignore[override]  # the stub takes the body for a text
        """Authlib's own writes the token to its debug log."""
        return 200, self.generate_token(include_refresh_token=False), []


class _Server(AuthorizationServer):
    """The flow of RFC 6749 with the one grant and the one method of authentication we have."""

    def __init__(
        self, authenticate: Callable[[_Ask], _Client], mint: TokenMint, entropy: Callable[[int], bytes]
    ) -> None:
        super().__init__()
        self._mint, self._entropy = mint, entropy
        self.register_client_auth_method(METHOD, lambda _, ask: authenticate(ask))
        self.register_grant(_Grant)

    def generate_token(self, grant_type: str, client: ClientMixin, *_: object, **__: object) -> dict[str, str | int]:
        """Authlib's own generators take the time from the system."""
        assert isinstance(client, _Client)
        jti = urlsafe_b64encode(self._entropy(TOKEN_BYTES)).rstrip(b"=").decode()
        shown = client.ask.shown
        token = self._mint.mint(client.get_client_id(), shown.mark, jti, shown.at)
        return {"access_token": token, "token_type": "DPoP" if shown.key else "Bearer", "expires_in": LIFE_SECONDS}

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: _Ask) -> _Ask:
        return request

    def validate_requested_scope(self, scope: str) -> None:
        """There are no scopes: what a system may ask is in its grants."""
        if scope:
            raise InvalidScopeError

    def handle_response(self, status: int, body: Mapping[str, object], headers: object) -> object:
        return status, body

    def handle_error_response(self, request: OAuth2Request, error: OAuth2Error) -> object:
        return _refusal(str(error.error))


def _refusal(error: str) -> Reply:
    return (400, {"error": error}) if error in TOLD else (401, {"error": "invalid_client"})
