"""Key files: one key a file, mode 0600 in a folder of mode 0700, never overwritten, never read when others could.

A private key is PKCS #8 in PEM, so that openssl reads it; a secret of plain bytes is two lines of our own. With a
passphrase both are encrypted. The passphrase comes from a file like these, never from an argument or the environment.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from threading import get_ident
from typing import NoReturn, TypeAlias

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

Entropy: TypeAlias = Callable[[int], bytes]
SigningKey: TypeAlias = Ed25519PrivateKey | MLDSA44PrivateKey | EllipticCurvePrivateKey
PrivateKey: TypeAlias = SigningKey | X25519PrivateKey

DECOY_KEY, DECOY_PUBLIC = "decoys.pem", "decoys.pub"
"""By these serve knows decoys, and sync tells it of them."""
OTHERS = 0o077
LARGEST_FILE = 65_536
PLAIN, ENCRYPTED = b"bidui-secret/1 plain", b"bidui-secret/1 scrypt-aes256gcm"
SALT_BYTES, NONCE_BYTES = 16, 12


class KeyFileError(Exception):
    """A key file that cannot be used. Says which and what to do, and holds nothing of its content."""


class Passphrase:
    """What the key files are encrypted with. Shows itself to `reveal` alone."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        if not value:
            raise KeyFileError("the passphrase file is empty; write the passphrase into its first line")
        self._value = value

    def __repr__(self) -> str:
        return "Passphrase(***)"

    def reveal(self) -> bytes:
        """The passphrase itself."""
        return self._value


def read_passphrase(path: Path) -> Passphrase:
    """The first line of a file that is private like a key file."""
    return Passphrase(read_private(path).split(b"\n", 1)[0].rstrip(b"\r"))


def private_folder(path: Path) -> Path:
    """Make the folder, and those above it, for its owner alone; or refuse one that others can enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & OTHERS:
        raise KeyFileError(f"{path} can be entered by others; run `chmod 700 {path}`")
    return path


def write_new(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that was not there, durably. A file that is there stays as it is and is an error.

    The name appears only once the content is on disk: a crash leaves no half key, at most a hidden left-over.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.new")
    draft.unlink(missing_ok=True)
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        raise KeyFileError(f"{path} exists and is never overwritten; move it away first") from None
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def read_private(path: Path, largest: int = LARGEST_FILE) -> bytes:
    """The content of a file that belongs to this user and that nobody else can read. Raises `KeyFileError`."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_mode & OTHERS:
                raise KeyFileError(f"{path} can be read by others; run `chmod 600 {path}`, and think of a new key")
            if status.st_uid != os.geteuid():
                raise KeyFileError(f"{path} belongs to another user; each process reads its own keys only")
            return file.read(largest)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror}); `bidui init` makes the keys") from None


def write_key(path: Path, key: PrivateKey, passphrase: Passphrase | None) -> None:
    """Keep a private key."""
    lock = BestAvailableEncryption(passphrase.reveal()) if passphrase else NoEncryption()
    write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))


def read_ed25519(path: Path, passphrase: Passphrase | None) -> Ed25519PrivateKey:
    """An Ed25519 private key."""
    key = _read_key(path, passphrase)
    return key if isinstance(key, Ed25519PrivateKey) else _refuse_kind(path, "Ed25519")


def read_mldsa44(path: Path, passphrase: Passphrase | None) -> MLDSA44PrivateKey:
    """An ML-DSA-44 private key."""
    key = _read_key(path, passphrase)
    return key if isinstance(key, MLDSA44PrivateKey) else _refuse_kind(path, "ML-DSA-44")


def read_p256(path: Path, passphrase: Passphrase | None) -> EllipticCurvePrivateKey:
    """A private key on P-256."""
    key = _read_key(path, passphrase)
    is_p256 = isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)
    return key if isinstance(key, EllipticCurvePrivateKey) and is_p256 else _refuse_kind(path, "P-256")


def read_x25519(path: Path, passphrase: Passphrase | None) -> X25519PrivateKey:
    """An X25519 private key: it opens what was encrypted to its holder."""
    key = _read_key(path, passphrase)
    return key if isinstance(key, X25519PrivateKey) else _refuse_kind(path, "X25519")


def write_public(path: Path, key: PrivateKey) -> None:
    """Keep the public half of a key where everybody may read it."""
    write_new(path, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644)


def read_ed25519_public(path: Path) -> Ed25519PublicKey:
    """An Ed25519 public key in PEM."""
    key = _read_public(path)
    return key if isinstance(key, Ed25519PublicKey) else _refuse_kind(path, "Ed25519")


def read_x25519_public(path: Path) -> X25519PublicKey:
    """An X25519 public key in PEM."""
    key = _read_public(path)
    return key if isinstance(key, X25519PublicKey) else _refuse_kind(path, "X25519")


def write_secret(path: Path, secret: bytes, passphrase: Passphrase | None, entropy: Entropy) -> None:
    """Keep a secret of plain bytes."""
    write_new(path, lock_secret(secret, passphrase, entropy))


def lock_secret(secret: bytes, passphrase: Passphrase | None, entropy: Entropy) -> bytes:
    """What a file of a secret holds."""
    if passphrase is None:
        return PLAIN + b"\n" + b64encode(secret) + b"\n"
    salt, nonce = entropy(SALT_BYTES), entropy(NONCE_BYTES)
    locked = AESGCM(_stretched(passphrase, salt)).encrypt(nonce, secret, ENCRYPTED)
    return ENCRYPTED + b"\n" + b64encode(salt + nonce + locked) + b"\n"


def read_secret(path: Path, passphrase: Passphrase | None, largest: int = LARGEST_FILE) -> bytes:
    """A secret kept by `write_secret`. A passphrase that is not needed is an error too: somebody swapped the file."""
    head, _, body = read_private(path, largest).partition(b"\n")
    try:
        raw = b64decode(body.rstrip(b"\n"), validate=True)
        if head == PLAIN and passphrase is None:
            return raw
        if head == ENCRYPTED and passphrase is not None:
            salt, nonce = raw[:SALT_BYTES], raw[SALT_BYTES : SALT_BYTES + NONCE_BYTES]
            return AESGCM(_stretched(passphrase, salt)).decrypt(nonce, raw[SALT_BYTES + NONCE_BYTES :], ENCRYPTED)
    except (ValueError, InvalidTag):
        pass
    raise KeyFileError(f"{path} is no secret, or its passphrase is missing, wrong or not needed")


def sync_folder(folder: Path) -> None:
    """Make names that appeared in or left a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stretched(passphrase: Passphrase, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase.reveal())


def _read_key(path: Path, passphrase: Passphrase | None) -> object:
    try:
        return load_pem_private_key(read_private(path), passphrase.reveal() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path} is no private key, or its passphrase is missing, wrong or not needed") from None


def _read_public(path: Path) -> object:
    try:
        return load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path} is no public key in PEM") from None


def _refuse_kind(path: Path, needed: str) -> NoReturn:
    raise KeyFileError(f"{path} holds a key of another kind; {needed} is needed")
