"""A grant is good with the signature of a trusted key over exactly its bytes, and with nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.domain.grant import GrantError, canonical_document
from gateway.signed_grant import SignedGrant, open_grant, sign_grant
from tests.make import LOAD_KEY, TRUSTED, a_grant, limits, signed

STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
GOOD = signed(a_grant())
WIDER = signed(a_grant(limits=limits(day=999_999)))


def changed(document: bytes = GOOD.document, key_id: str = "load", signature: bytes = GOOD.signature) -> SignedGrant:
    return SignedGrant(document, key_id, signature)


def test_a_signed_grant_opens_as_itself() -> None:
    grant = a_grant(scope=["root", "other"], hours=["08:30-12:00", "13:00-18:00"])

    opened = open_grant(sign_grant(grant, "load", LOAD_KEY), TRUSTED)

    assert canonical_document(opened) == canonical_document(grant)


def test_signing_twice_gives_the_same_bytes() -> None:
    assert signed(a_grant()) == GOOD


FORGED: dict[str, SignedGrant] = {
    "one letter of the document": changed(GOOD.document.replace(b"payroll-check", b"payroll-chick")),
    "a blank in the document": changed(GOOD.document.replace(b":", b": ", 1)),
    "another document": changed(WIDER.document),
    "the signature of another grant": changed(signature=WIDER.signature),
    "no signature": changed(signature=b""),
    "a signature cut off": changed(signature=GOOD.signature[:-1]),
    "a signature with more behind it": changed(signature=GOOD.signature + b"\0"),
    "a name nobody trusts": changed(key_id="leader"),
    "no name": changed(key_id=""),
    "another key under a trusted name": signed(a_grant(), STRANGER),
    "a signature without the label": changed(signature=LOAD_KEY.sign(GOOD.document)),
    "a signature under another label": changed(signature=LOAD_KEY.sign(b"bidui-grant/2\n" + GOOD.document)),
    "no document": changed(document=b""),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_forged_grant_does_not_open(forged: SignedGrant) -> None:
    with pytest.raises(GrantError):
        open_grant(forged, TRUSTED)


@pytest.mark.parametrize("trusted", [{}, {"load": STRANGER.public_key()}, {"loads": LOAD_KEY.public_key()}])
def test_nobody_trusted_is_nothing_good(trusted: Mapping[str, Ed25519PublicKey]) -> None:
    with pytest.raises(GrantError):
        open_grant(GOOD, trusted)


# What a trusted key signs is still read strictly: a tool of tomorrow may sign what this version does not know.
SIGNED_NONSENSE: dict[str, bytes] = {
    "no JSON": b"grant",
    "a list": b"[]",
    "an empty object": b"{}",
    "an unknown key": GOOD.document[:-1] + b',"unlimited":true}',
    "a key twice": GOOD.document[:-1] + b',"number":"G-2"}',
    "not canonical": GOOD.document.replace(b",", b", ", 1),
}


@pytest.mark.parametrize("document", SIGNED_NONSENSE.values(), ids=SIGNED_NONSENSE)
def test_what_is_signed_is_still_read_strictly(document: bytes) -> None:
    nonsense = changed(document, signature=LOAD_KEY.sign(b"bidui-grant/1\n" + document))

    with pytest.raises(GrantError):
        open_grant(nonsense, TRUSTED)
