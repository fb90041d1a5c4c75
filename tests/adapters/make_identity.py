"""Builders for the tests of partner identity: two systems of one partner, and tokens that are wrong in one thing."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from itertools import count

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.identity.jose import Cause, PrivateKey, algorithm_of, jose_key, public_jwk
from adapters.identity.registry import Registry
from adapters.identity.tokens import TokenDoor, TokenMint
from gateway.domain.partner_file import parse_partner

AT = datetime(2026, 6, 30, 1, 0, tzinfo=UTC)
NOW = int(AT.timestamp())
ISSUER, AUDIENCE = "https://bidui.example", "https://bidui.example/v1"
ADDRESS = "10.20.0.7"
OPERATOR_NAME = "额尔敦巴雅尔"
EC_PRINT, RSA_PRINT, OTHER_PRINT = "A" * 43, "B" * 42 + "A", "C" * 42 + "A"
JTI = "jti-of-sixteen-or-more"


class StandingClock:
    """A clock that moves only when told."""

    def __init__(self, at: datetime = AT) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    """A P-256 key, the same for the same name within a run."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A 2048-bit key, the same for the same name within a run."""
    return rsa.generate_private_key(65537, 2048)


def kid_of(key: PrivateKey) -> str:
    return jose_key(key).thumbprint()


def partner_data(**changes: object) -> dict[str, object]:
    """A partner file as TOML gives it: two systems, a person and her job. Fresh, so that a test may break it."""
    networks = {"gov_extranet": ["10.20.0.0/16", "fd00:20::/32"]}
    systems: list[dict[str, object]] = [
        {
            "client_id": "hr-payroll",
            "alg": "ES256",
            "certificates": [EC_PRINT],
            "networks": dict(networks),
            "jwks": [public_jwk(jose_key(ec_key("client")))],
        },
        {
            "client_id": "hr-social",
            "alg": "PS256",
            "certificates": [RSA_PRINT],
            "networks": dict(networks),
            "jwks": [public_jwk(jose_key(rsa_key("client")))],
        },
    ]
    operators = [
        {"id": "wang-01", "name": OPERATOR_NAME, "kind": "person"},
        {"id": "nightly", "name": "夜间核对", "kind": "job", "owner": "wang-01"},
    ]
    base: dict[str, object] = {"code": "hr", "zh": "盟人社局", "en": "League HR Bureau", "department": "hr"}
    return base | {"systems": systems, "operators": operators} | changes


def a_registry(*files: Mapping[str, object]) -> Registry:
    return Registry([parse_partner(data, "hr.toml") for data in files or (partner_data(),)])


def a_mint(key: PrivateKey | None = None) -> TokenMint:
    return TokenMint(key=key or ec_key("token"), issuer=ISSUER, audience=AUDIENCE)


def a_door(
    causes: list[Cause] | None = None,
    capacity: int = 100,
    key: PrivateKey | None = None,
    registry: Registry | None = None,
) -> TokenDoor:
    token_key = jose_key(key or ec_key("token"))
    return TokenDoor(
        issuer=ISSUER,
        audience=AUDIENCE,
        keys={token_key.thumbprint(): token_key},
        registry=registry or a_registry(),
        capacity=capacity,
        notice=(causes if causes is not None else []).append,
    )


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def as_bytes(part: Mapping[str, object] | str) -> bytes:
    """JSON of a mapping, or a text as it is, so that a case can hold what no JSON library would write."""
    return part.encode() if isinstance(part, str) else json.dumps(part).encode()


def signed(header: Mapping[str, object] | str, claims: Mapping[str, object] | str, key: PrivateKey, alg: str) -> str:
    """A JWS with exactly these bytes, rightly signed whatever the header says."""
    text = f"{b64(as_bytes(header))}.{b64(as_bytes(claims))}"
    return f"{text}.{b64(signature_of(text.encode(), key, alg))}"


def signature_of(text: bytes, key: PrivateKey, alg: str) -> bytes:
    digest = SHA384() if alg.endswith("384") else SHA256()
    if alg == "none":
        return b""
    if alg == "HS256":
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return hmac.digest(pem, text, "sha256")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(text)
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return key.sign(text, padding.PKCS1v15() if alg.startswith("RS") else pss, digest)
    size = (key.key_size + 7) // 8
    return b"".join(each.to_bytes(size, "big") for each in decode_dss_signature(key.sign(text, ec.ECDSA(digest))))


# ------------------------------------------------------------------------------------------------ proofs

DPOP_CLIENT, SIGNING_CLIENT, BOTH_CLIENT = "tax-dpop", "tax-signed", "tax-both"
SIGNED_PRINT, BOTH_PRINT = "D" * 42 + "A", "E" * 42 + "A"
ADDRESSES = (ISSUER, "https://other.bidui.example:8443/base")


@cache
def ed_key(name: str) -> ed25519.Ed25519PrivateKey:
    """An Ed25519 key, the same for the same name within a run."""
    return ed25519.Ed25519PrivateKey.generate()


def tax_data(**changes: object) -> dict[str, object]:
    """A second partner: a system with DPoP alone, one that signs its requests, and one bound either way."""
    networks = {"gov_extranet": ["10.20.0.0/16"]}
    signing: list[dict[str, object]] = [
        {**public_jwk(jose_key(key)), "kid": kid, "use": ["request"]}
        for kid, key in (("ec", ec_key("signing")), ("rsa", rsa_key("signing")), ("ed", ed_key("signing")))
    ]
    systems: list[dict[str, object]] = [
        {"client_id": DPOP_CLIENT, "bindings": ["dpop"], "jwks": [public_jwk(jose_key(ec_key(DPOP_CLIENT)))]},
        {
            "client_id": SIGNING_CLIENT,
            "certificates": [SIGNED_PRINT],
            "signed_requests": True,
            "jwks": [public_jwk(jose_key(ec_key(SIGNING_CLIENT))), *signing],
        },
        {
            "client_id": BOTH_CLIENT,
            "bindings": ["mtls", "dpop"],
            "certificates": [BOTH_PRINT],
            "jwks": [public_jwk(jose_key(ec_key(BOTH_CLIENT)))],
        },
    ]
    base: dict[str, object] = {"code": "tax", "zh": "盟税务局", "en": "League Tax Bureau", "department": "tax"}
    operators = [{"id": "li-01", "name": "李", "kind": "person"}]
    made = [{"alg": "ES256", "networks": networks} | system for system in systems]
    return base | {"systems": made, "operators": operators} | changes


def a_proof(
    method: str = "POST",
    url: str = f"{ISSUER}/v1/comparisons",
    token: str | None = None,
    *,
    key: PrivateKey | None = None,
    header: Mapping[str, object] | None = None,
    claims: Mapping[str, object] | None = None,
) -> str:
    """A DPoP proof, right but for the members that are changed; None takes one away."""
    mine = key or ec_key("dpop")
    jwk = {name: value for name, value in public_jwk(jose_key(mine)).items() if name != "kid"}
    alg = algorithm_of(jose_key(mine))
    head: dict[str, object] = {"typ": "dpop+jwt", "alg": alg, "jwk": jwk}
    body: dict[str, object] = {"jti": fresh_jti(), "htm": method, "htu": url, "iat": NOW}
    if token is not None:
        body["ath"] = b64(sha256(token.encode()).digest())
    return signed(_without_none(head | dict(header or {})), _without_none(body | dict(claims or {})), mine, alg)


def jkt_of(key: PrivateKey | None = None) -> str:
    return jose_key(key or ec_key("dpop")).thumbprint()


def fresh_jti() -> str:
    return f"jti-of-number-{next(_NUMBERS):012}"


def _without_none(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


_NUMBERS = count()


class Kept:
    """Revocations in memory."""

    def __init__(self) -> None:
        self.revoked: dict[str, int] = {}

    def revoke(self, jti: str, since: int, expires: int) -> None:
        self.revoked[jti] = since

    def all(self) -> Sequence[tuple[str, int]]:
        return list(self.revoked.items())
