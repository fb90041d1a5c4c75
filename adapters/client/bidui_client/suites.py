"""What signs receipts: Ed25519 over SHA-256, or SM2 over SM3 where the register's office chose the suite `gm`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module
from typing import Protocol, TypeAlias, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bidui_client.errors import MissingExtraError

Digest: TypeAlias = Callable[[bytes], bytes]
Holds: TypeAlias = Callable[[bytes, bytes], bool]
"""Whether a signature holds over a message."""
_ED25519, _SM2 = b"\1", b"\xffbidui-sm2/1\n\4"


class _GmSsl(Protocol):
    def sm2_verify(self, public: bytes, message: bytes, signature: bytes, /) -> bool: ...


def suite(key: bytes) -> tuple[Digest, Holds]:
    """What goes with a verifier key, whose type comes first. Raises `ValueError` for types that are not known here."""
    if key.startswith(_ED25519):
        return _sha256, _ed25519(key.removeprefix(_ED25519))
    if key.startswith(_SM2):
        return _sm3, _sm2(key.removeprefix(_SM2))
    raise ValueError("a key of another type")


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _sm3(content: bytes) -> bytes:
    return hashlib.new("sm3", content).digest()


def _ed25519(public: bytes) -> Holds:
    key = Ed25519PublicKey.from_public_bytes(public)

    def holds(signature: bytes, message: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return holds


def _sm2(point: bytes) -> Holds:
    library = _library()

    def holds(signature: bytes, message: bytes) -> bool:
        r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
        return len(signature) == 64 and library.sm2_verify(point, message, encode_dss_signature(r, s))

    return holds


def _library() -> _GmSsl:
    try:
        return cast("_GmSsl", import_module("gmssl_pyx"))
    except ImportError as error:
        raise MissingExtraError("these receipts are signed with SM2: pip install 'bidui-client[gm]'") from error
