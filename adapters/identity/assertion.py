"""Client assertions (`private_key_jwt`, RFC 7523, narrowed to the FAPI 2.0 profile): making and checking them.

An assertion is a JWS with exactly the header members {alg, kid, typ?}; `iss` = `sub` = the client id, `aud` is the
issuer as one text, `iat` and `exp` are whole seconds, its end at most 60 s ahead with 10 s for clocks, and its `jti`
works once.
"""

from __future__ import annotations

from datetime import datetime

from adapters.identity.jose import Cause, PrivateKey, RejectedError, jose_key, read_compact, sign_compact
from adapters.identity.registry import Registered
from adapters.identity.replay import ReplayStore

LIFE_SECONDS = 60
LONGEST_ASSERTION = 4096
# RFC 7523bis names its own type, so that no other JWT of the client passes for an assertion; libraries still send JWT.
TYPES: frozenset[str | None] = frozenset({None, "JWT", "client-authentication+jwt"})


def make_assertion(
    private_key: PrivateKey, client_id: str, audience: str, at: datetime, jti: str, *, kid: str | None = None
) -> str:
    """An assertion good for 60 s from `at`. Without `kid` it names the key by its RFC 7638 thumbprint."""
    key, now = jose_key(private_key), int(at.timestamp())
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + LIFE_SECONDS, "jti": jti}
    return sign_compact(key, {"kid": kid or key.thumbprint(), "typ": "client-authentication+jwt"}, claims)


def check_assertion(text: str, sender: Registered, audience: str, at: datetime, replays: ReplayStore) -> None:
    """Return only if `sender`, known by its certificate, made this assertion for us, just now, and for the first time.

    Nobody reaches a signature check with another client's id, so the time it takes tells nothing about other clients.
    The id is kept last: only a sound assertion uses it up. Raises `RejectedError`.
    """
    compact, system = read_compact(text, LONGEST_ASSERTION), sender.system
    kid = compact.check_header(system.alg, TYPES)
    if compact.text_claim("iss") != system.client_id or compact.text_claim("sub") != system.client_id:
        raise RejectedError(Cause.CLIENT)
    compact.check_signature(sender.keys.get(kid), system.alg)
    if compact.text_claim("aud") != audience:
        raise RejectedError(Cause.CLAIMS)
    until, jti = compact.check_times(at, LIFE_SECONDS), compact.jti()
    if not replays.first_use(system.client_id, jti, until):
        raise RejectedError(Cause.REPLAY)
