"""The keys each process reads at its start, and only those: one ring per process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.keys.files import (
    DECOY_KEY,
    Passphrase,
    read_ed25519,
    read_ed25519_public,
    read_mldsa44,
    read_p256,
    read_secret,
    read_x25519,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeKeys:
    """What `bidui serve` signs and proves with. No sealing key: it cannot make one digest of the index."""

    receipts: Ed25519PrivateKey = field(repr=False)
    checkpoints: Ed25519PrivateKey = field(repr=False)
    checkpoints_mldsa44: MLDSA44PrivateKey = field(repr=False)
    token: EllipticCurvePrivateKey = field(repr=False)
    idempotency: bytes = field(repr=False)
    proxy: bytes = field(repr=False)
    sync: Ed25519PublicKey = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealKeys:
    """What `bidui seal` holds: the sealing key. Whom it believes follows from its own copy of the foundation."""

    sealing: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncKeys:
    """What `bidui sync` holds: the sealing key, and the key that signs manifests."""

    sealing: bytes = field(repr=False)
    sync: Ed25519PrivateKey = field(repr=False)


def serve_keys(home: Path, passphrase: Passphrase | None = None) -> ServeKeys:
    """Read the ring of serve. Raises `KeyFileError`."""
    keys, own = home / "keys", home / "keys" / "serve"
    return ServeKeys(
        receipts=read_ed25519(own / "receipts.pem", passphrase),
        checkpoints=read_ed25519(own / "checkpoints.pem", passphrase),
        checkpoints_mldsa44=read_mldsa44(own / "checkpoints-mldsa44.pem", passphrase),
        token=read_p256(own / "token.pem", passphrase),
        idempotency=read_secret(own / "idempotency.secret", passphrase),
        proxy=read_secret(own / "proxy.secret", passphrase),
        sync=read_ed25519_public(keys / "sync.pub"),
    )


def decoy_key(home: Path, passphrase: Passphrase | None = None) -> X25519PrivateKey | None:
    """The key by which serve knows decoys; None in an installation older than they are. Raises `KeyFileError`."""
    path = home / "keys" / "serve" / DECOY_KEY
    return read_x25519(path, passphrase) if path.exists() else None


def seal_keys(home: Path, passphrase: Passphrase | None = None) -> SealKeys:
    """Read the ring of seal. Raises `KeyFileError`."""
    return SealKeys(sealing=read_secret(home / "keys" / "seal" / "sealing.secret", passphrase))


def sync_keys(home: Path, passphrase: Passphrase | None = None) -> SyncKeys:
    """Read the ring of sync. Raises `KeyFileError`."""
    own = home / "keys" / "sync"
    return SyncKeys(
        sealing=read_secret(own / "sealing.secret", passphrase), sync=read_ed25519(own / "sync.pem", passphrase)
    )
