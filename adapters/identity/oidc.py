"""An identity provider of the office, asked by OpenID Connect through Authlib: code flow, PKCE (S256), nonce.

What Authlib leaves open is closed here: the algorithms of an ID token are a list, its issuer and audience are ours, its
age is bounded, and the provider's own description must be of the issuer that was configured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Generic, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from gateway.domain.errors import UnavailableError

ALGORITHMS = ["ES256", "PS256", "RS256"]
TIMEOUT_SECONDS = 5.0
LEEWAY_SECONDS, OLDEST_SECONDS = 60, 600
DESCRIPTION_SECONDS, KEYS_SECONDS = 3600, 60
_LONGEST_SUBJECT, _LONGEST_TOKEN = 255, 16 * 1024
_DESCRIPTION = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_TELLS_ISSUER = "authorization_response_iss_parameter_supported"
_WRONG = (OAuthError, JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError)
"""What is raised for a code or an ID token that is not good."""
Value = TypeVar("Value")


class _Kept(NamedTuple, Generic[Value]):
    """What the provider said, and when by our ticks."""

    at: float
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """The provider, and who we are to it. `redirect_uri` is our callback door."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str

    def __post_init__(self) -> None:
        for url in (self.issuer, self.redirect_uri):
            if not _is_safe(url):
                raise ValueError(f"{url} must begin with https://; only this machine itself may be asked without TLS")


class OidcProvider:
    """Keeps the promise of `gateway.accounts.ports.Provider`. Any number of threads may ask it."""

    def __init__(self, settings: OidcSettings, ticks: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._ticks = ticks
        self._described: _Kept[Mapping[str, str]] | None = None
        self._keys: _Kept[KeySet] | None = None

    @property
    def issuer(self) -> str:
        return self._settings.issuer

    def address(self, state: str, nonce: str, verifier: str) -> str:
        with self._client() as client:
            endpoint = self._description()["authorization_endpoint"]
            made = client.create_authorization_url(endpoint, state=state, code_verifier=verifier, nonce=nonce)
        return made[0]

    def is_from(self, issuer: str | None) -> bool:
        """A provider that says it always names itself must have; any other may leave it out."""
        must_tell = bool(self._description()[_TELLS_ISSUER])
        return issuer == self.issuer or (issuer is None and not must_tell)

    def subject(self, code: str, nonce: str, verifier: str, at: datetime) -> str:
        with self._client() as client:
            endpoint = self._description()["token_endpoint"]
            try:
                answer = client.fetch_token(
                    endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
                )
                return self._subject(cast("Mapping[str, object]", answer), nonce, at)
            except _WRONG:
                return ""
            except httpx2.HTTPError as error:
                raise _unavailable(error) from error

    def _client(self) -> OAuth2Client:
        """A client for one visit: what belongs to one person never meets another."""
        told = self._settings
        return OAuth2Client(
            client_id=told.client_id,
            client_secret=told.client_secret,
            token_endpoint_auth_method="client_secret_basic",  # noqa: S106 - the name of a method
            scope="openid",
            redirect_uri=told.redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
            follow_redirects=False,
        )

    def _subject(self, answer: Mapping[str, object], nonce: str, at: datetime) -> str:
        """Raises one of `_WRONG`."""
        id_token, now = str(answer["id_token"]), int(at.timestamp())
        if len(id_token) > _LONGEST_TOKEN:
            return ""
        token = self._decode(id_token)
        claims = CodeIDToken(
            dict(token.claims),
            token.header,
            options={
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._settings.client_id},
                "sub": {"essential": True},
                "nonce": {"essential": True, "value": nonce},
            },
            params={
                "nonce": nonce,
                "client_id": self._settings.client_id,
                "access_token": answer.get("access_token"),
            },
        )
        claims.validate(now, LEEWAY_SECONDS)
        subject, issued = claims["sub"], claims["iat"]
        is_good = isinstance(subject, str) and 0 < len(subject) <= _LONGEST_SUBJECT
        is_new = -LEEWAY_SECONDS <= now - int(issued) <= OLDEST_SECONDS
        return subject if is_good and is_new else ""

    def _decode(self, id_token: str) -> jwt.Token:
        """With the keys that we have; with those that the provider has now, if they do not fit and ours are not new."""
        kept = self._keys
        if kept is not None:
            try:
                return jwt.decode(id_token, kept.value, algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                if self._ticks() - kept.at < KEYS_SECONDS:
                    raise
        told = self._json(self._description()["jwks_uri"])
        keys = KeySet.import_key_set(cast("KeySetSerialization", told))
        self._keys = _Kept(self._ticks(), keys)
        return jwt.decode(id_token, keys, algorithms=ALGORITHMS)

    def _description(self) -> Mapping[str, str]:
        """Raises `UnavailableError`."""
        kept = self._described
        if kept is not None and self._ticks() - kept.at < DESCRIPTION_SECONDS:
            return kept.value
        try:
            told = self._json(self.issuer.rstrip("/") + _DESCRIPTION)
        except (httpx2.HTTPError, msgspec.MsgspecError) as error:
            raise _unavailable(error) from error
        endpoints = {name: str(told.get(name, "")) for name in _ENDPOINTS}
        tells = {_TELLS_ISSUER: "yes" if told.get(_TELLS_ISSUER) is True else ""}
        if told.get("issuer") != self.issuer or not all(map(_is_safe, endpoints.values())):
            raise UnavailableError("the identity provider describes another issuer, or endpoints without TLS")
        self._described = _Kept(self._ticks(), endpoints | tells)
        return self._described.value

    def _json(self, url: str) -> Mapping[str, object]:
        """Raises `HTTPError`, `MsgspecError`."""
        response = httpx2.get(url, timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=dict[str, object])


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname)))


def _is_here(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _unavailable(error: Exception) -> UnavailableError:
    return UnavailableError(f"the identity provider does not answer ({type(error).__name__})")
