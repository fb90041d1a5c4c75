"""Client assertions (`private_key_jwt`, RFC 7523, narrowed to the FAPI 2.0 profile): making and checking them.

An assertion is a JWS with exactly the header members {alg, kid, typ?}; `iss` = `sub` = the client id, `aud` is the
issuer as one text, `iat` and `exp` are whole seconds, its end at most 60 s ahead with 10 s for clocks, and its `jti`
works once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from adapters.identity.jose import (
    ED25519,
    Cause,
    Compact,
    Key,
    PrivateKey,
    RejectedError,
    import_public,
    is_spelling,
    jose_key,
    read_compact,
    sign_compact,
)
from adapters.identity.registry import Registered
from adapters.identity.replay import ReplayStore
from gateway.domain.caller import KeyUse

LIFE_SECONDS = 60
LONGEST_ASSERTION = 4096
# RFC 7523bis names its own type, so that no other JWT of the client passes for an assertion; libraries still send JWT.
TYPES: frozenset[str | None] = frozenset({None, "JWT", "client-authentication+jwt"})
# Keys that nobody holds: the base points of the two curves, and a number that is as long as a modulus.
NOBODY: Mapping[str, Key] = {
    "ES256": import_public(
        "EC",
        {
            "crv": "P-256",
            "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
            "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
        },
    ),
    "PS256": import_public("RSA", {"n": "_" * 340 + "_w", "e": "AQAB"}),
    ED25519: import_public("OKP", {"crv": "Ed25519", "x": "WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY"}),
}


def make_assertion(
    private_key: PrivateKey, client_id: str, audience: str, at: datetime, jti: str, *, kid: str | None = None
) -> str:
    """An assertion good for 60 s from `at`. Without `kid` it names the key by its RFC 7638 thumbprint."""
    key, now = jose_key(private_key), int(at.timestamp())
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + LIFE_SECONDS, "jti": jti}
    return sign_compact(key, {"kid": kid or key.thumbprint(), "typ": "client-authentication+jwt"}, claims)


def read_assertion(text: str) -> Compact:
    """Its parts, of which nothing is proven yet. Raises `RejectedError`."""
    return read_compact(text, LONGEST_ASSERTION)


def check_assertion(
    compact: Compact, sender: Registered | None, audience: str, at: datetime, replays: ReplayStore
) -> Registered:
    """Return `sender` only if it made this assertion for us, just now, and for the first time.

    The id is kept last: only a sound assertion uses it up. Raises `RejectedError`.
    """
    try:
        known, key = _key_of(compact, sender, at)
    except RejectedError:
        _waste(compact)
        raise
    compact.check_signature(key, known.system.alg)
    if compact.text_claim("aud") != audience:
        raise RejectedError(Cause.CLAIMS)
    until, jti = compact.check_times(at, LIFE_SECONDS), compact.jti()
    if not replays.first_use(known.system.client_id, jti, until):
        raise RejectedError(Cause.REPLAY)
    return known


def _key_of(compact: Compact, sender: Registered | None, at: datetime) -> tuple[Registered, Key]:
    """The one key that this sender's assertion must be signed with."""
    if sender is None:
        raise RejectedError(Cause.CLIENT)
    system = sender.system
    kid = compact.check_header(system.alg, TYPES)
    if compact.text_claim("iss") != system.client_id or compact.text_claim("sub") != system.client_id:
        raise RejectedError(Cause.CLIENT)
    key = sender.key(kid, KeyUse.ASSERTION, at)
    if key is None:
        raise RejectedError(Cause.SIGNATURE)
    return sender, key


def _waste(compact: Compact) -> None:
    """As much work as a signature that is checked in earnest: time does not tell which clients and keys exist."""
    for alg, key in NOBODY.items():
        if is_spelling(compact.header.get("alg"), alg):
            with suppress(RejectedError):
                compact.check_signature(key, alg)
