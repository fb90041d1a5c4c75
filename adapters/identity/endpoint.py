"""The token endpoint: client credentials with `private_key_jwt`, answered with a certificate-bound token.

Authlib's core decides the flow (grant, client authentication, scope, error codes). What a client must prove is decided
by `check_assertion`; Authlib's own assertion and token classes accept more than we do and read their own clock, so they
are not used, and neither is the line that writes tokens to its log (docs/adr/0005-partner-identity.md).
"""

# pyright: basic
# Authlib ships no types, and its stubs (types-Authlib, for mypy) leave much unknown. Only this module touches its flow.

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, cast

from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from adapters.identity.assertion import check_assertion
from adapters.identity.jose import Cause, RejectedError
from adapters.identity.registry import Registered, Registry
from adapters.identity.replay import ReplayStore
from adapters.identity.tokens import LIFE_SECONDS, TokenMint
from gateway.ports import Clock

Reply: TypeAlias = tuple[int, Mapping[str, str | int]]

METHOD = "private_key_jwt"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_BYTES = 16
# These say something about the form alone. Every other error is `invalid_client`, and tells nothing apart.
TOLD = frozenset({"invalid_request", "unsupported_grant_type", "invalid_scope"})


class TokenEndpoint:
    """Answers a parsed form with a status and a JSON object. Plain and synchronous, about half a millisecond."""

    def __init__(
        self,
        *,
        issuer: str,
        registry: Registry,
        mint: TokenMint,
        replays: ReplayStore,
        clock: Clock,
        entropy: Callable[[int], bytes],
        notice: Callable[[Cause], None] = lambda _: None,
    ) -> None:
        self._registry, self._clock = registry, clock
        self._issuer, self._replays, self._notice = issuer, replays, notice
        self._server = _Server(self._authenticate, mint, entropy)

    def issue(self, form: Sequence[tuple[str, str]], thumbprint: str | None, address: str) -> Reply:
        """A token, or one of the four errors of RFC 6749 that we use. A parameter sent twice is never guessed at."""
        fields = dict(form)
        if len(fields) != len(form):
            return _refusal("invalid_request")
        ask = _Ask(self._issuer, fields, thumbprint, address, self._clock.now())
        # The stubs say a triple; it is whatever `handle_response` returns.
        return cast("Reply", self._server.create_token_response(ask))

    def swap(self, registry: Registry) -> None:
        """From now on this registry says who may have a token."""
        self._registry = registry

    def _authenticate(self, ask: _Ask) -> _Client:
        try:
            return _Client(self._prove(ask), ask)
        except RejectedError as rejected:
            self._notice(rejected.cause)
            raise InvalidClientError from None

    def _prove(self, ask: _Ask) -> Registered:
        """The sender: first whose certificate this is, then from where, then the assertion."""
        sender = self._registry.holder(ask.thumbprint or "")
        if sender is None:
            raise RejectedError(Cause.CERTIFICATE)
        if sender.system.network_of(ask.address) is None:
            raise RejectedError(Cause.NETWORK)
        if ask.fields.get("client_id", sender.system.client_id) != sender.system.client_id:
            raise RejectedError(Cause.CLIENT)
        if ask.fields.get("client_assertion_type") != ASSERTION_TYPE or "client_secret" in ask.fields:
            raise RejectedError(Cause.UNREADABLE)
        check_assertion(ask.fields.get("client_assertion", ""), sender, self._issuer, ask.at, self._replays)
        return sender


class _Ask(OAuth2Request):
    """One request in Authlib's form, with the certificate, address and time that go with it."""

    def __init__(self, uri: str, fields: dict[str, str], thumbprint: str | None, address: str, at: datetime) -> None:
        super().__init__("POST", uri)
        self.payload = BasicOAuth2Payload(fields)
        self.fields, self.thumbprint, self.address, self.at = fields, thumbprint, address, at


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
        token = self._mint.mint(client.get_client_id(), client.ask.thumbprint or "", jti, client.ask.at)
        return {"access_token": token, "token_type": "Bearer", "expires_in": LIFE_SECONDS}

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
