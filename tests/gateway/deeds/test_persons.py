"""What the deed of a person says: one person, one duty, and keys by which nobody else can sign."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import JsonValue
from gateway.deeds.errors import DeedError
from gateway.deeds.persons import MAX_KEYS, MAX_NAME, person_content, read_person
from gateway.domain.people import PARTNER_DUTIES, Duty, KeyForm, PersonKey
from tests.authenticators import ORIGIN, RP_ID, SoftwareKey
from tests.people import a_person, key_of, public_of

POINT = SoftwareKey().key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
COMPRESSED = SoftwareKey().key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
DEVICE = PersonKey("device", KeyForm.WEBAUTHN, POINT, RP_ID, ORIGIN)
FILE = PersonKey("file", KeyForm.ED25519, public_of(key_of("li.ming")))


@pytest.mark.parametrize("duty", Duty)
def test_a_person_is_read_as_they_were_written(duty: Duty) -> None:
    person = a_person("li.ming", duty, "hr" if duty in PARTNER_DUTIES else None, keys=(FILE, DEVICE))

    assert read_person("li.ming", person_content(person)) == person


def changed(**changes: object) -> dict[str, JsonValue]:
    """A clerk's deed with some members otherwise; `...` leaves one out."""
    content = cast("dict[str, object]", person_content(a_person("li.ming", Duty.CLERK, "hr")))
    return cast("dict[str, JsonValue]", {k: v for k, v in (content | changes).items() if v is not ...})


def a_key(**changes: object) -> dict[str, JsonValue]:
    """A key file with some members otherwise."""
    content = cast("list[dict[str, object]]", person_content(a_person("li.ming", Duty.CLERK, "hr"))["keys"])[0]
    return cast("dict[str, JsonValue]", {k: v for k, v in (content | changes).items() if v is not ...})


def told(public: bytes) -> str:
    return urlsafe_b64encode(public).rstrip(b"=").decode()


OTHER = told(public_of(key_of("another")))
WRONG: dict[str, dict[str, JsonValue]] = {
    "a member more": changed(admin=True),
    "a member less": changed(natural=...),
    "a duty nobody knows": changed(duty="king"),
    "two duties": changed(duty=["clerk", "head"]),
    "a clerk of nobody": changed(partner=None),
    "a clerk of an empty partner": changed(partner=""),
    "a leader of a partner": changed(duty="leader"),
    "an administrator of a partner": changed(duty="system_admin"),
    "a partner that is a number": changed(partner=7),
    "an id number in place of its digest": changed(natural="152921199003077571"),
    "a digest in capitals": changed(natural="A" * 32),
    "a digest that is too long": changed(natural="a" * 33),
    "no name": changed(name=""),
    "a name of blanks": changed(name="   "),
    "a name that is too long": changed(name="某" * (MAX_NAME + 1)),
    "a name that is a number": changed(name=7),
    "active in words": changed(active="yes"),
    "active as a number": changed(active=1),
    "no keys": changed(keys=[]),
    "keys that are no list": changed(keys=a_key()),
    "too many keys": changed(keys=[a_key(kid=f"k{n}", public=told(bytes([n]) * 32)) for n in range(MAX_KEYS + 1)]),
    "the same key twice": changed(keys=[a_key(), a_key(kid="again")]),
    "two keys of one name": changed(keys=[a_key(), a_key(public=OTHER)]),
    "a key that is a text": changed(keys=["key"]),
    "a key with a member more": changed(keys=[a_key(secret="s")]),
    "a key with a member less": changed(keys=[a_key(origin=...)]),
    "a key of a number": changed(keys=[a_key(kid=7)]),
    "a kid with a blank": changed(keys=[a_key(kid="a b")]),
    "no kid": changed(keys=[a_key(kid="")]),
    "a form nobody knows": changed(keys=[a_key(form="rsa")]),
    "a file that names an origin": changed(keys=[a_key(origin=ORIGIN)]),
    "a file that names a relying party": changed(keys=[a_key(rp_id=RP_ID)]),
    "a file that names both": changed(keys=[a_key(rp_id=RP_ID, origin=ORIGIN)]),
    "an authenticator without an origin": changed(keys=[a_key(form="webauthn", public=told(POINT), rp_id=RP_ID)]),
    "an authenticator without a party": changed(keys=[a_key(form="webauthn", public=told(POINT), origin=ORIGIN)]),
    "no public key": changed(keys=[a_key(public="")]),
    "a public key with padding": changed(keys=[a_key(public=told(FILE.public) + "=")]),
    "a public key in another alphabet": changed(keys=[a_key(public="+" * 43)]),
    "a public key with dirt in it": changed(keys=[a_key(public=told(FILE.public)[:9] + "!\n" + OTHER[9:])]),
    "a public key with bits to spare": changed(keys=[a_key(public="A" * 42 + "B")]),
    "a public key that is too short": changed(keys=[a_key(public=told(FILE.public[:-1]))]),
    "a point for a file": changed(keys=[a_key(public=told(POINT))]),
    "a file for a point": changed(keys=[a_key(form="webauthn", rp_id=RP_ID, origin=ORIGIN)]),
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_deed_that_is_nearly_right_enrols_nobody(content: dict[str, JsonValue]) -> None:
    with pytest.raises(DeedError) as refused:
        read_person("li.ming", content)

    assert "152921199003077571" not in str(refused.value)


@pytest.mark.parametrize("account", ["", "l", "Li.Ming", "李明", "1li", "li ming", "li/ming", "l" * 41, "li\n"])
def test_an_account_has_a_plain_name(account: str) -> None:
    with pytest.raises(DeedError):
        read_person(account, changed())


# ---------------------------------------------------------------------------------------- keys of nobody

_P = 2**255 - 19


def _le(value: int, sign: int = 0) -> bytes:
    return (value | sign << 255).to_bytes(32, "little")


# The ordinates of all points of small order (RFC 8032, 5.1): by such a key, anybody has signed anything.
_EIGHT = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL = {
    f"order {order}, sign {sign}{', spelt otherwise' if y >= _P else ''}": _le(y, sign)
    for order, y in ((1, 1), (2, _P - 1), (4, 0), (8, _EIGHT), (8, _P - _EIGHT), (1, _P + 1), (4, _P))
    for sign in (0, 1)
}


@pytest.mark.parametrize("public", SMALL.values(), ids=SMALL)
def test_a_key_by_which_anybody_signs_is_nobodys(public: bytes) -> None:
    with pytest.raises(DeedError):
        read_person("li.ming", changed(keys=[a_key(public=told(public))]))


def test_by_such_a_key_anybody_has_signed_anything() -> None:
    """Why: this signature was made without any private key, and the library takes it for good."""
    Ed25519PublicKey.from_public_bytes(_le(1)).verify(_le(1) + bytes(32), b"whatever")


def test_an_ordinate_that_is_on_no_curve_is_no_key() -> None:
    with pytest.raises(DeedError):
        read_person("li.ming", changed(keys=[a_key(public=told(_le(2)))]))


@given(st.binary(min_size=32, max_size=32))
def test_every_key_that_somebody_made_is_a_key(seed: bytes) -> None:
    public = public_of(Ed25519PrivateKey.from_private_bytes(seed))

    assert read_person("li.ming", changed(keys=[a_key(public=told(public))])).keys[0].public == public


POINTS: dict[str, bytes] = {
    "compressed": COMPRESSED,
    "off the curve": POINT[:-1] + bytes([POINT[-1] ^ 1]),
    "infinity": b"\0",
    "hybrid": bytes([6 + (POINT[-1] & 1)]) + POINT[1:],
    "without its form": POINT[1:],
}


@pytest.mark.parametrize("public", POINTS.values(), ids=POINTS)
def test_a_point_is_written_in_one_way(public: bytes) -> None:
    """A key that can be written in two ways could belong to two people."""
    key = a_key(form="webauthn", public=told(public), rp_id=RP_ID, origin=ORIGIN)

    with pytest.raises(DeedError):
        read_person("li.ming", changed(keys=[key]))


def test_nobodys_name_shows() -> None:
    person = a_person("li.ming", Duty.CLERK, "hr")

    assert person.name not in repr(person)
    assert person.natural not in repr(person)


MAKERS: Mapping[str, Callable[[], object]] = {"name": lambda: changed(name=None), "keys": lambda: changed(keys=None)}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_nothing_is_nobody(make: Callable[[], dict[str, JsonValue]]) -> None:
    with pytest.raises(DeedError):
        read_person("li.ming", make())
