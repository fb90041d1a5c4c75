"""All keys of an installation, made at once under `BIDUI_HOME/keys`, each in the folder of the process that holds it.

    keys/serve/      receipts.pem checkpoints.pem checkpoints-mldsa44.pem token.pem tls.pem
                     (suite gm: receipts-sm2.secret checkpoints-sm2.secret in place of the first three)
                     idempotency.secret proxy.secret natural.secret accounts.secret
                     decoys.pem (opens the tokens of decoys that sync seals)
    keys/seal/       sealing.secret
    keys/sync/       sync.pem (signs manifests) sealing.secret
    keys/authority/  authority.pem
    keys/custodians/<name>.pub        of the two people who open the list of decoys together (`bidui decoys key`)
    keys/people/<account>.pem         what a person would keep; here in demonstrations and tests alone
    keys/clients/<client id>/  assertion.pem tls.pem tls.crt: what a partner would keep on its own side
    keys/*.pub keys/*.crt      the public halves and certificates

In production the folders of seal and sync belong to other users or hosts; the only thing both hold is the sealing key.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.identity.certificate import thumbprint_of
from adapters.identity.jose import jose_key, public_jwk
from adapters.keys.certificates import Authority, make_authority, make_p256, pem
from adapters.keys.files import (
    DECOY_KEY,
    DECOY_PUBLIC,
    Entropy,
    KeyFileError,
    Passphrase,
    PrivateKey,
    SigningKey,
    private_folder,
    read_p256,
    sync_folder,
    write_key,
    write_new,
    write_public,
    write_secret,
)
from audit.sm2 import make_key
from audit.suite import GM, suite_of
from gateway.ports import Clock

SECRET_BYTES = 32
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def make_all(
    home: Path,
    clock: Clock,
    entropy: Entropy = secrets.token_bytes,
    *,
    names: Sequence[str] = LOCAL_NAMES,
    passphrase: Passphrase | None = None,
    suite: str = "intl",
) -> None:
    """Make every key of a new installation, or nothing: a folder `keys` that is there is never touched.

    Under the suite `gm` the log's keys are SM2 keys, which GmSSL draws. Raises `SuiteError` where it is not there.
    """
    keys, draft = home / "keys", home / f".keys-{os.getpid()}"
    if keys.exists():
        raise KeyFileError(f"{keys} exists; keys are made once, and what they sealed or signed needs them")
    try:
        _fill(draft, clock, entropy, names, passphrase)
        _make_log_keys(draft, entropy, passphrase, suite)
        # The name appears with everything in it: a crash before this line has made no keys.
        draft.rename(keys)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    sync_folder(home)


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a partner's system proves itself with, and what of it is registered here."""

    client_id: str
    folder: Path
    assertion: EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate

    def jwk(self) -> dict[str, str]:
        """The public key for the partner file."""
        return public_jwk(jose_key(self.assertion))

    def thumbprint(self) -> str:
        """`x5t#S256` of the client certificate, for the partner file."""
        return thumbprint_of(self.certificate.public_bytes(Encoding.DER))


def make_client(
    home: Path,
    client_id: str,
    clock: Clock,
    entropy: Entropy = secrets.token_bytes,
    *,
    passphrase: Passphrase | None = None,
) -> ClientKeys:
    """Keys and certificate of one system, under `keys/clients`, plain; `passphrase` is that of the authority."""
    authority = _read_authority(home / "keys", passphrase)
    folder = private_folder(home / "keys" / "clients" / client_id)
    assertion, tls = make_p256(entropy), make_p256(entropy)
    certificate = authority.client(tls, client_id, clock.now(), entropy)
    write_key(folder / "assertion.pem", assertion, None)
    write_key(folder / "tls.pem", tls, None)
    write_new(folder / "tls.crt", pem(certificate), 0o644)
    return ClientKeys(client_id, folder, assertion, certificate)


def read_client(home: Path, client_id: str) -> ClientKeys:
    """The keys of a system made by `make_client`."""
    folder = home / "keys" / "clients" / client_id
    key = read_p256(folder / "assertion.pem", None)
    return ClientKeys(client_id, folder, key, x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes()))


def make_decoy_key(home: Path, entropy: Entropy = secrets.token_bytes, *, passphrase: Passphrase | None = None) -> None:
    """The key by which serve knows decoys, for an installation older than they are. Raises `KeyFileError`."""
    key = X25519PrivateKey.from_private_bytes(entropy(32))
    write_key(home / "keys" / "serve" / DECOY_KEY, key, passphrase)
    write_public(home / "keys" / DECOY_PUBLIC, key)


def _fill(keys: Path, clock: Clock, entropy: Entropy, names: Sequence[str], passphrase: Passphrase | None) -> None:
    keys.mkdir(mode=0o755, parents=True)
    for place, key in _own_keys(entropy).items():
        path = private_folder(keys / place.split("/")[0]) / f"{place.split('/')[1]}.pem"
        write_key(path, key, passphrase)
        write_public(keys / f"{path.stem}.pub", key)
    sealing = entropy(SECRET_BYTES)
    for place, secret in (
        ("seal/sealing", sealing),
        ("sync/sealing", sealing),
        ("serve/idempotency", entropy(SECRET_BYTES)),
        ("serve/proxy", entropy(SECRET_BYTES).hex().encode()),
        ("serve/natural", entropy(SECRET_BYTES)),
        ("serve/accounts", entropy(SECRET_BYTES)),
    ):
        write_secret(
            private_folder(keys / place.split("/")[0]) / f"{place.split('/')[1]}.secret", secret, passphrase, entropy
        )
    _certify(keys, clock, entropy, names, passphrase)


def _make_log_keys(keys: Path, entropy: Entropy, passphrase: Passphrase | None, suite: str) -> None:
    if suite_of(suite) is GM:
        for name in ("receipts", "checkpoints"):
            key = make_key()
            write_secret(keys / "serve" / f"{name}-sm2.secret", key.content, passphrase, entropy)
            write_new(keys / f"{name}-sm2.pub", key.public.hex().encode() + b"\n", 0o644)
        return
    for name, signing in _log_keys(entropy).items():
        write_key(keys / "serve" / f"{name}.pem", signing, passphrase)
        write_public(keys / f"{name}.pub", signing)


def _log_keys(entropy: Entropy) -> dict[str, SigningKey]:
    return {
        "receipts": Ed25519PrivateKey.from_private_bytes(entropy(32)),
        "checkpoints": Ed25519PrivateKey.from_private_bytes(entropy(32)),
        "checkpoints-mldsa44": MLDSA44PrivateKey.from_seed_bytes(entropy(32)),
    }


def _own_keys(entropy: Entropy) -> dict[str, PrivateKey]:
    return {
        "serve/decoys": X25519PrivateKey.from_private_bytes(entropy(32)),
        "serve/token": make_p256(entropy),
        "sync/sync": Ed25519PrivateKey.from_private_bytes(entropy(32)),
    }


def _certify(keys: Path, clock: Clock, entropy: Entropy, names: Sequence[str], passphrase: Passphrase | None) -> None:
    authority, tls = make_authority("Bidui local authority", clock.now(), entropy), make_p256(entropy)
    write_key(private_folder(keys / "authority") / "authority.pem", authority.key, passphrase)
    write_key(keys / "serve" / "tls.pem", tls, passphrase)
    write_new(keys / "authority.crt", pem(authority.certificate), 0o644)
    write_new(keys / "tls.crt", pem(authority.server(tls, names, clock.now(), entropy)), 0o644)


def _read_authority(keys: Path, passphrase: Passphrase | None) -> Authority:
    key = read_p256(keys / "authority" / "authority.pem", passphrase)
    return Authority(key, x509.load_pem_x509_certificate((keys / "authority.crt").read_bytes()))
