"""Access tokens (RFC 9068, `at+jwt`) bound to a client certificate (RFC 8705) or a DPoP key (RFC 9449): mint and door.

What a token is bound to is its *mark*: the thumbprint of the certificate, or `jkt:` and that of the key.

Rules the door keeps:
- a token works only with the mark it was issued for, until its end, from the networks of its system, and only while
  the system is registered for tokens bound that way
- it ends with its certificate
- the signature is checked once per token; afterwards a look-up by its SHA-256 is enough
- nothing unproven is remembered, so strangers cannot fill the memory
- whatever is wrong, the answer is None
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from itertools import islice

from adapters.identity.dpop import MARK
from adapters.identity.jose import (
    SECONDS_AHEAD,
    Cause,
    Compact,
    Key,
    PrivateKey,
    RejectedError,
    algorithm_of,
    jose_key,
    public_jwk,
    read_compact,
    sign_compact,
)
from adapters.identity.registry import Registered, Registry
from gateway.domain.caller import LAST, Binding, Caller, KeyUse, System

LIFE_SECONDS = 300
LONGEST_TOKEN = 4096
REVOCATIONS = 100_000
SWEEP = 2  # ended tokens dropped for each new one: the memory shrinks faster than it grows
CLAIMS = frozenset({"iss", "sub", "aud", "client_id", "iat", "exp", "jti", "cnf"})
TYPES: frozenset[str | None] = frozenset({"at+jwt"})


class TokenMint:
    """Signs access tokens with the gateway's token key."""

    def __init__(self, *, key: PrivateKey, issuer: str, audience: str) -> None:
        self._key = jose_key(key)
        self._kid = self._key.thumbprint()
        self._issuer, self._audience = issuer, audience

    def mint(self, client_id: str, mark: str, jti: str, at: datetime) -> str:
        """A token for this client, bound to that mark, good for 300 s from `at`."""
        now = int(at.timestamp())
        claims = {
            "iss": self._issuer,
            "sub": client_id,
            "aud": self._audience,
            "client_id": client_id,
            "iat": now,
            "exp": now + LIFE_SECONDS,
            "jti": jti,
            "cnf": {"jkt": mark.removeprefix(MARK)} if mark.startswith(MARK) else {"x5t#S256": mark},
        }
        return sign_compact(self._key, {"typ": "at+jwt", "kid": self._kid}, claims)

    def public_jwk(self) -> dict[str, str]:
        """The key that verifies these tokens, for doors: a new key is enrolled there before it signs."""
        return public_jwk(self._key)


@dataclass(slots=True)
class _Proven:
    """A token whose signature was right. Its caller is made for an address, and made again when that changes."""

    registered: Registered
    mark: str = field(repr=False)
    jti: str
    issued: int
    until: datetime
    caller: Caller | None = None


@dataclass(frozen=True, slots=True)
class _Book:
    """A registry and what was proven under it; replaced together, so that nothing outlives its registry."""

    registry: Registry
    proven: dict[bytes, _Proven] = field(default_factory=dict[bytes, _Proven], repr=False)


class TokenDoor:
    """Turns a token and the mark it came with into the caller, or into None."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: Mapping[str, Key],
        registry: Registry,
        capacity: int = 10_000,
        notice: Callable[[Cause], None] = lambda _: None,
    ) -> None:
        self._issuer, self._audience, self._keys = issuer, audience, dict(keys)
        self._capacity, self._notice = capacity, notice
        self._book = _Book(registry)
        self._revoked = Revocations(REVOCATIONS)

    def caller(
        self, token: str, mark: str | None, address: str, at: datetime, *, must_sign: bool = True
    ) -> Caller | None:
        """Who sends this token, proven; or None, whatever the cause.

        `must_sign` says that the request has no signature, and that it matters to systems registered to sign theirs.
        """
        # surrogatepass: odd header bytes must look like any other wrong token, not like a breakdown.
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        book = self._book
        try:
            proven = book.proven.get(digest)
            if proven is None or at >= proven.until:
                proven = self._prove(book, digest, token, at)
            return _admit(proven, mark, address, must_sign)
        except RejectedError as rejected:
            self._notice(rejected.cause)
            return None

    def registered(self, client_id: str) -> Registered | None:
        """The registered system of a caller."""
        return self._book.registry.client(client_id)

    def claims(self, token: str, at: datetime) -> Mapping[str, object] | None:
        """What a token of ours says that still works, whoever shows it; None for every other."""
        book, digest = self._book, sha256(token.encode("utf-8", "surrogatepass")).digest()
        try:
            self._prove(book, digest, token, at)
        except RejectedError:
            return None
        return read_compact(token, LONGEST_TOKEN).claims

    @property
    def remembered(self) -> int:
        """How many proven tokens are kept, for the gauge."""
        return len(self._book.proven)

    def swap(self, registry: Registry) -> None:
        """From now on this registry decides. Every token is checked against it anew."""
        self._book = _Book(registry)

    def forget_client(self, client_id: str, at: datetime) -> None:
        """No token issued to this client up to `at` works any more."""
        self._revoked.client(client_id, at)
        self._drop(lambda each: each.registered.system.client_id == client_id)

    def forget_token(self, jti: str, at: datetime) -> None:
        """The token of that id works no more."""
        self._revoked.token(jti, at)
        self._drop(lambda each: each.jti == jti)

    def _prove(self, book: _Book, digest: bytes, token: str, at: datetime) -> _Proven:
        """Check everything that does not change while the registry stays: signature, claims, registration."""
        book.proven.pop(digest, None)
        compact = read_compact(token, LONGEST_TOKEN)
        key = self._keys.get(str(compact.header.get("kid")))
        alg = algorithm_of(key) if key is not None else ""
        compact.check_header(alg, TYPES)
        compact.check_signature(key, alg)
        proven = self._read_claims(compact, book.registry, at)
        self._remember(book.proven, digest, proven, at)
        # Only after it is kept: a revocation in between then finds it kept, or is found here.
        if self._revoked.covers(proven.registered.system.client_id, proven.jti, proven.issued):
            book.proven.pop(digest, None)
            raise RejectedError(Cause.REVOKED)
        return proven

    def _read_claims(self, compact: Compact, registry: Registry, at: datetime) -> _Proven:
        client_id = compact.text_claim("client_id")
        expected = {"iss": self._issuer, "aud": self._audience, "sub": client_id}
        if frozenset(compact.claims) != CLAIMS or any(
            compact.claims[name] != value for name, value in expected.items()
        ):
            raise RejectedError(Cause.CLAIMS)
        until = datetime.fromtimestamp(compact.check_times(at, LIFE_SECONDS), UTC)
        mark, binding = _bound_to(compact)
        registered = registry.holder(mark, at) if binding is Binding.MTLS else registry.client(client_id)
        if registered is None or registered.system.client_id != client_id:
            raise RejectedError(Cause.CLIENT)
        if binding not in registered.system.bindings:
            raise RejectedError(Cause.BINDING)
        if binding is Binding.MTLS:
            until = min(until, registered.system.certificates[mark].until)
        issued = compact.time_claim("iat")
        return _Proven(registered, mark, compact.jti(), issued, min(until, _cut(registered.system, issued, at)))

    def _remember(self, kept: dict[bytes, _Proven], digest: bytes, proven: _Proven, at: datetime) -> None:
        """Keep it, dropping ended and then oldest ones: all live alike long, so the first in is the first to end."""
        for oldest in list(islice(kept, SWEEP)):
            if len(kept) >= self._capacity or at >= kept[oldest].until:
                kept.pop(oldest, None)
        kept[digest] = proven

    def _drop(self, matches: Callable[[_Proven], bool]) -> None:
        proven = self._book.proven
        for digest in [key for key, each in proven.items() if matches(each)]:
            proven.pop(digest, None)


class Revocations:
    """Tokens that ended early. Kept only as long as any of them could still be good."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._tokens: dict[str, int] = {}
        self._clients: dict[str, int] = {}
        self._everybody = 0

    def token(self, jti: str, at: datetime) -> None:
        """Revoke one token. With no room left every token up to now is revoked: clients fetch a new one."""
        self._note(self._tokens, jti, int(at.timestamp()))

    def client(self, client_id: str, at: datetime) -> None:
        """Revoke what this client holds up to now."""
        self._note(self._clients, client_id, int(at.timestamp()))

    def covers(self, client_id: str, jti: str, issued: int) -> bool:
        """Whether a token with these claims was revoked."""
        return jti in self._tokens or issued <= max(self._clients.get(client_id, 0), self._everybody)

    def _note(self, kept: dict[str, int], key: str, now: int) -> None:
        # Revoked at t means: issued by t + 10 at the latest, so ended by t + 310 + 10.
        for old in [each for each, since in kept.items() if since + LIFE_SECONDS + 2 * SECONDS_AHEAD < now]:
            del kept[old]
        if len(kept) >= self._capacity:
            self._everybody = now
        else:
            kept[key] = now


def _cut(system: System, issued: int, at: datetime) -> datetime:
    """When a token of that time ends with a key: whoever stole an assertion key may hold tokens it fetched.

    Raises `RejectedError` for a token from before a revocation.
    """
    ends = [key.validity.revoked_at for key in system.jwks if KeyUse.ASSERTION in key.uses]
    revoked = [end for end in ends if end is not None]
    if any(end <= at and issued <= end.timestamp() for end in revoked):
        raise RejectedError(Cause.REVOKED)
    return min((end for end in revoked if end > at), default=LAST)


def _bound_to(compact: Compact) -> tuple[str, Binding]:
    """The mark of a token, and its kind. Bound to two things, or to none, it is no token of ours."""
    match compact.claims["cnf"]:
        case {"x5t#S256": str(thumbprint), **others} if not others:
            return thumbprint, Binding.MTLS
        case {"jkt": str(thumbprint), **others} if not others:
            return MARK + thumbprint, Binding.DPOP
        case _:
            raise RejectedError(Cause.CLAIMS)


def _admit(proven: _Proven, mark: str | None, address: str, must_sign: bool) -> Caller:  # noqa: FBT001 - the hot path
    if mark is None or not compare_digest(mark, proven.mark):
        raise RejectedError(Cause.BINDING if mark and mark.startswith(MARK) else Cause.CERTIFICATE)
    caller = proven.caller
    if caller is None or caller.address != address:
        caller = _caller_from(proven.registered, address)
        if not proven.registered.system.signed_requests:
            # Of a system that signs, none is kept: so each of its requests comes by here.
            proven.caller = caller
        elif must_sign:
            raise RejectedError(Cause.UNSIGNED)
    return caller


def _caller_from(registered: Registered, address: str) -> Caller:
    network = registered.system.network_of(address)
    if network is None:
        raise RejectedError(Cause.NETWORK)
    partner = registered.partner
    return Caller(partner.code, registered.system.client_id, partner.department, partner.operators, address, network)
