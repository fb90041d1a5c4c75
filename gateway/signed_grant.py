"""A grant with its signature: what the database keeps, and what serve and seal each verify for themselves.

The signature is Ed25519 over the RFC 8785 bytes of the grant's document, with a label in front of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.entry import JsonValue, decode, encode
from audit.errors import AuditError
from gateway.domain.grant import Grant, GrantError, canonical_document, parse_grant

_LABEL = b"bidui-grant/1\n"


class SignedGrant(msgspec.Struct, frozen=True, array_like=True):
    """A grant's canonical document, and who signed it."""

    document: bytes
    key_id: str
    signature: bytes


def sign_grant(grant: Grant, key_id: str, key: Ed25519PrivateKey) -> SignedGrant:
    """The grant, signed by a key that goes by this name."""
    document = encode(cast("JsonValue", canonical_document(grant)))
    return SignedGrant(document, key_id, key.sign(_LABEL + document))


def open_grant(signed: SignedGrant, trusted: Mapping[str, Ed25519PublicKey]) -> Grant:
    """The grant inside, if a trusted key signed exactly these bytes. Raises `GrantError` otherwise."""
    key = trusted.get(signed.key_id)
    if key is None:
        raise GrantError("no key that is trusted here has signed this grant")
    try:
        key.verify(signed.signature, _LABEL + signed.document)
        document = decode(signed.document)
    except (InvalidSignature, AuditError):
        raise GrantError("the grant's document does not bear its signature; load it again") from None
    if not isinstance(document, dict):
        raise GrantError("the grant's document is not an object")
    return parse_grant(cast("Mapping[str, object]", document))
