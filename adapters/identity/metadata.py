"""What partners' OAuth libraries read about the token endpoint (RFC 8414), and the keys that sign its tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from adapters.identity.dpop import ALGORITHMS
from adapters.identity.endpoint import METHOD

ASSERTION_ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")
ENDPOINTS = {"token": "token", "revocation": "revoke", "introspection": "introspect"}


def server_metadata(issuer: str) -> Mapping[str, object]:
    """The document for `/.well-known/oauth-authorization-server`. Raises `ValueError` if the issuer is not https."""
    base = issuer.rstrip("/")
    endpoints = {f"{name}_endpoint": f"{base}/oauth/{path}" for name, path in ENDPOINTS.items()}
    document: dict[str, object] = {
        "issuer": issuer,
        **endpoints,
        "jwks_uri": f"{base}/oauth/jwks",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        **{f"{name}_auth_methods_supported": [METHOD] for name in endpoints},
        **{f"{name}_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS) for name in endpoints},
        "tls_client_certificate_bound_access_tokens": True,
        # One door for both: whoever has a certificate shows it there, and libraries that look for aliases find them.
        "mtls_endpoint_aliases": endpoints,
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
    }
    # Authlib wants at least one response type. RFC 8414 only wants the member, and nobody is redirected here.
    AuthorizationServerMetadata(document | {"response_types_supported": ["none"]}).validate()
    return document


def key_set(keys: Sequence[Mapping[str, str]]) -> Mapping[str, object]:
    """The public token keys as a JWK set: the one that signs and those that are about to or have just stopped."""
    return {"keys": [{"use": "sig", "alg": "ES256" if key["kty"] == "EC" else "PS256", **key} for key in keys]}
