"""Keys that people enrol: how a key is called, and how somebody shows that they hold it."""

from __future__ import annotations

from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.accounts.values import Ed25519Proof

_LABEL = b"bidui-possession/1\n"


def fingerprint(public: bytes) -> str:
    """A key's id: it follows from the key, so that people can compare it aloud with what they are about to sign."""
    return sha256(public).hexdigest()[:32]


def possession(account: str, challenge: bytes) -> bytes:
    """What a key file signs to show that its owner has it. By its label it is a signature of nothing else."""
    return _LABEL + account.encode() + b"\n" + challenge


def is_possession(proof: Ed25519Proof, account: str, challenge: bytes) -> bool:
    """Whether the key made the signature."""
    try:
        Ed25519PublicKey.from_public_bytes(proof.public).verify(proof.signature, possession(account, challenge))
    except (InvalidSignature, ValueError):
        return False
    return True
