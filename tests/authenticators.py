"""A software authenticator: what a browser and a security key do together, as far as a server sees it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

RP_ID, ORIGIN = "office.example", "https://office.example"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(value: object) -> bytes:
    text = cast("str", value)
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftwareKey:
    """One security key with one credential. Every part can be turned wrong by a test."""

    seed: int = 7
    origin: str = ORIGIN
    rp_id: str = RP_ID
    flags: int = PRESENT | VERIFIED
    count: int = 0
    cross_origin: bool = False
    key: EllipticCurvePrivateKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = derive_private_key(self.seed, SECP256R1())

    @property
    def credential(self) -> bytes:
        """What it calls its key."""
        return sha256(b"credential %d" % self.seed).digest()

    def create(self, options: Mapping[str, object], algorithm: int = -7) -> dict[str, object]:
        """Answers `navigator.credentials.create`, attestation `none`."""
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        cose = encode_cbor({1: 2, 3: algorithm, -1: 1, -2: x, -3: y})
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + cose
        data = self._data(ATTESTED) + attested
        client = self._client("webauthn.create", _bytes(options["challenge"]))
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._credential({"clientDataJSON": _text(client), "attestationObject": _text(attestation)})

    def get(self, options: Mapping[str, object]) -> dict[str, object]:
        """Answers `navigator.credentials.get`."""
        self.count += 1
        client, data = self._client("webauthn.get", _bytes(options["challenge"])), self._data(0)
        signature = self.key.sign(data + sha256(client).digest(), ECDSA(SHA256()))
        return self._credential(
            {"clientDataJSON": _text(client), "authenticatorData": _text(data), "signature": _text(signature)}
        )

    def _data(self, flags: int) -> bytes:
        return sha256(self.rp_id.encode()).digest() + bytes([self.flags | flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: bytes) -> bytes:
        told = {"type": kind, "challenge": _text(challenge), "origin": self.origin, "crossOrigin": self.cross_origin}
        return json.dumps(told).encode()

    def _credential(self, response: dict[str, object]) -> dict[str, object]:
        name = _text(self.credential)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "cross-platform",
        }
