"""What a system proves itself with: an assertion for each token, and, where the gateway wants them, a DPoP proof and a
signature for each request.

All of them name the moment and work once, so each is made anew whenever something is sent, also when it is sent again.
"""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bidui_client.receipt import canonical
from bidui_client.values import Account

ASSERTION_SECONDS = 50
SIGNATURE_SECONDS = 50
COVERED = ("@method", "@target-uri", "authorization", "content-digest", "content-type", "idempotency-key")


def base64url(content: bytes) -> str:
    """Without padding."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def assertion(account: Account) -> str:
    """A JWT (RFC 7523) that says: I am this client, now, this once."""
    now = int(account.clock())
    header = {"alg": "ES256", "kid": account.kid or _thumbprint(account.key), "typ": "client-authentication+jwt"}
    whom = {"iss": account.client_id, "sub": account.client_id, "aud": address(account)}
    once = {"iat": now, "exp": now + ASSERTION_SECONDS, "jti": base64url(account.entropy(24))}
    return _jws(account.key, header, {**whom, **once})


def dpop_proof(account: Account, method: str, path: str, *, token: str = "", nonce: str = "") -> str:
    """A proof (RFC 9449) that who sends this request with this token holds the key the token is bound to."""
    if account.dpop_key is None:
        raise ValueError("the account has no DPoP key")
    claims: dict[str, object] = {
        "jti": base64url(account.entropy(24)),
        "htm": method,
        "htu": address(account) + path,
        "iat": int(account.clock()),
    }
    if token:
        claims["ath"] = base64url(sha256(token.encode()).digest())
    if nonce:
        claims["nonce"] = nonce
    return _jws(account.dpop_key, {"typ": "dpop+jwt", "alg": "ES256", "jwk": _public(account.dpop_key)}, claims)


def signed(account: Account, method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The headers of a request together with its signature (RFC 9421)."""
    key = account.request_key
    if key is None:
        return dict(headers)
    digest = f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"
    values = {name.lower(): value for name, value in headers.items()} | {"content-digest": digest}
    values |= {"@method": method, "@target-uri": address(account) + path}
    covered = [name for name in COVERED if name in values]
    parameters = _parameters(account, key, covered)
    base = "\n".join([*(f'"{name}": {values[name]}' for name in covered), f'"@signature-params": {parameters}'])
    signature = b64encode(_raw(key, base.encode())).decode()
    return {
        **headers,
        "Content-Digest": digest,
        "Signature-Input": f"sig={parameters}",
        "Signature": f"sig=:{signature}:",
    }


def address(account: Account) -> str:
    """How the gateway calls itself: what every proof is made out to."""
    return account.audience or account.url.rstrip("/")


def _parameters(account: Account, key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey, covered: list[str]) -> str:
    names, now = " ".join(f'"{name}"' for name in covered), int(account.clock())
    alg = "ed25519" if isinstance(key, Ed25519PrivateKey) else "ecdsa-p256-sha256"
    nonce, kid = base64url(account.entropy(24)), account.request_kid or _thumbprint(key)
    return (
        f'({names});created={now};expires={now + SIGNATURE_SECONDS};nonce="{nonce}";alg="{alg}";keyid="{kid}"'
        ';tag="bidui-request"'
    )


def _jws(key: ec.EllipticCurvePrivateKey, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    text = f"{base64url(canonical(header))}.{base64url(canonical(claims))}"
    return f"{text}.{base64url(_raw(key, text.encode()))}"


def _raw(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey, content: bytes) -> bytes:
    """A signature of ES256 or Ed25519 as these formats want it: two numbers of 32 bytes."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(content)
    r, s = decode_dss_signature(key.sign(content, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _thumbprint(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> str:
    """RFC 7638."""
    return base64url(sha256(canonical(_public(key))).digest())


def _public(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> dict[str, str]:
    if isinstance(key, Ed25519PrivateKey):
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw)}
    numbers = key.public_key().public_numbers()
    x, y = (base64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
