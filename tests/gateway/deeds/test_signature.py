"""A signature is good by the public key alone, for one step of certain deeds at one time, and for nothing else."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace as other_key
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.deeds.errors import DeedError
from gateway.deeds.signature import MAX_DEEDS, Signature, Statement, check, read_time, sign, write_time
from gateway.domain.people import KeyForm, PersonKey
from tests.authenticators import ORIGIN, RP_ID, SoftwareKey
from tests.people import LOG, SIGNED_AT, key_of, public_of

DEEDS = ("a" * 64, "b" * 64)
STATED = Statement(LOG, "review", "li.ming", "k1", write_time(SIGNED_AT), DEEDS)
FILE = PersonKey("k1", KeyForm.ED25519, public_of(key_of("li.ming")))
BY_FILE = sign(key_of("li.ming"), STATED)
DEVICE = SoftwareKey()
POINT = DEVICE.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
AUTHENTICATOR = PersonKey("k1", KeyForm.WEBAUTHN, POINT, RP_ID, ORIGIN)


def asserted(device: SoftwareKey = DEVICE, stated: Statement = STATED, **told: object) -> Signature:
    """What a browser brings home; `told` are members of the client data that are otherwise than they should be."""
    data = sha256(device.rp_id.encode()).digest() + bytes([device.flags]) + bytes(4)
    challenge = urlsafe_b64encode(stated.challenge()).rstrip(b"=").decode()
    members: dict[str, object] = {"type": "webauthn.get", "challenge": challenge, "origin": device.origin}
    client = json.dumps({k: v for k, v in (members | told).items() if v is not ...}).encode()
    return by_device(data, client, stated)


def by_device(data: bytes, client: bytes, stated: Statement = STATED) -> Signature:
    """Whatever it is, the authenticator has signed it."""
    proof = DEVICE.key.sign(data + sha256(client).digest(), ECDSA(SHA256()))
    return Signature(stated.step, stated.person, stated.kid, stated.at, tuple(stated.deeds), proof, data, client)


BY_DEVICE = asserted()
FORMS: dict[str, tuple[Signature, PersonKey]] = {
    "a key file": (BY_FILE, FILE),
    "an authenticator": (BY_DEVICE, AUTHENTICATOR),
}


@pytest.mark.parametrize(("signature", "key"), FORMS.values(), ids=FORMS)
def test_a_signature_is_good_by_its_key(signature: Signature, key: PersonKey) -> None:
    check(signature, LOG, key)


CHANGED: dict[str, Callable[[Signature], Signature]] = {
    "another step": lambda signature: replace(signature, step="sign_off"),
    "another person": lambda signature: replace(signature, person="li.min"),
    "another key's name": lambda signature: replace(signature, kid="k2"),
    "another time": lambda signature: replace(signature, at="2026-01-01T00:00:01Z"),
    "one deed less": lambda signature: replace(signature, deeds=DEEDS[:1]),
    "one deed more": lambda signature: replace(signature, deeds=(*DEEDS, "c" * 64)),
    "another deed": lambda signature: replace(signature, deeds=("a" * 64, "c" * 64)),
    "the deeds in another order": lambda signature: replace(signature, deeds=DEEDS[::-1]),
    "no deeds": lambda signature: replace(signature, deeds=()),
    "no proof": lambda signature: replace(signature, proof=b""),
    "a proof cut off": lambda signature: replace(signature, proof=signature.proof[:-1]),
    "a proof with more behind it": lambda signature: replace(signature, proof=signature.proof + b"\0"),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
@pytest.mark.parametrize("form", FORMS)
def test_it_is_good_for_nothing_else(form: str, change: Callable[[Signature], Signature]) -> None:
    signature, key = FORMS[form]

    with pytest.raises(DeedError):
        check(change(signature), LOG, key)
    with pytest.raises(DeedError):
        check(change(signature), LOG, other_key(key, kid=change(signature).kid))


@pytest.mark.parametrize("form", FORMS)
def test_it_is_good_in_no_other_installation(form: str) -> None:
    signature, key = FORMS[form]

    with pytest.raises(DeedError):
        check(signature, f"{LOG}2", key)


KEYS: dict[str, tuple[Signature, PersonKey]] = {
    "the file of somebody else": (BY_FILE, other_key(FILE, public=public_of(key_of("wang.wei")))),
    "an authenticator of somebody else": (
        BY_DEVICE,
        other_key(
            AUTHENTICATOR,
            public=SoftwareKey(8).key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        ),
    ),
    "a file for an authenticator": (BY_FILE, AUTHENTICATOR),
    "an authenticator for a file": (BY_DEVICE, FILE),
    "a key that is none": (BY_FILE, other_key(FILE, public=b"k")),
    "a point that is none": (BY_DEVICE, other_key(AUTHENTICATOR, public=b"\4" + bytes(64))),
}


@pytest.mark.parametrize(("signature", "key"), KEYS.values(), ids=KEYS)
def test_it_is_good_by_no_other_key(signature: Signature, key: PersonKey) -> None:
    with pytest.raises(DeedError):
        check(signature, LOG, key)


def test_what_no_key_file_signs_is_not_there() -> None:
    """Nobody would notice when it was altered: a deed is kept as it was signed, to the last bit."""
    for junk in (replace(BY_FILE, client_data=b"x"), replace(BY_FILE, authenticator_data=b"x")):
        with pytest.raises(DeedError):
            check(junk, LOG, FILE)


# ---------------------------------------------------------------------------------------- assertions

HEAD = sha256(RP_ID.encode()).digest()
CLIENT = BY_DEVICE.client_data
ASSERTIONS: dict[str, Signature] = {
    "a page of somebody else": asserted(SoftwareKey(origin="https://office.example.evil")),
    "a page without TLS": asserted(SoftwareKey(origin="http://office.example")),
    "another port": asserted(SoftwareKey(origin="https://office.example:8443")),
    "a subdomain": asserted(SoftwareKey(origin="https://www.office.example")),
    "another relying party": asserted(SoftwareKey(rp_id="example")),
    "nobody was there": asserted(SoftwareKey(flags=0x04)),
    "nobody was verified": asserted(SoftwareKey(flags=0x01)),
    "neither": asserted(SoftwareKey(flags=0)),
    "another challenge": asserted(challenge=urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()),
    "the challenge with padding": asserted(challenge=urlsafe_b64encode(STATED.challenge()).decode()),
    "no challenge": asserted(challenge=...),
    "a challenge that is a number": asserted(challenge=7),
    "a registration": asserted(type="webauthn.create"),
    "a payment": asserted(type="payment.get"),
    "no type": asserted(type=...),
    "no origin": asserted(origin=...),
    "from within another page": asserted(crossOrigin=True),
    "authenticator data cut off": by_device(HEAD + b"\5" + bytes(3), CLIENT),
    "no authenticator data": by_device(b"", CLIENT),
    "client data that are a list": by_device(HEAD + b"\5" + bytes(4), b"[]"),
    "client data that are no JSON": by_device(HEAD + b"\5" + bytes(4), b"{"),
    "client data that are no UTF-8": by_device(HEAD + b"\5" + bytes(4), b'{"\xff":1}'),
    "client data without end": by_device(HEAD + b"\5" + bytes(4), CLIENT[:-1] + b" " * 5_000 + b"}"),
    "client data nested without end": by_device(HEAD + b"\5" + bytes(4), b"[" * 4_000),
    "other client data than were signed": replace(BY_DEVICE, client_data=CLIENT.replace(b"{", b"{ ", 1)),
    "other flags than were signed": replace(BY_DEVICE, authenticator_data=HEAD + b"\x45" + bytes(4)),
}


@pytest.mark.parametrize("signature", ASSERTIONS.values(), ids=ASSERTIONS)
def test_an_assertion_is_made_on_our_page_by_somebody_verified_for_this_deed(signature: Signature) -> None:
    with pytest.raises(DeedError):
        check(signature, LOG, AUTHENTICATOR)


FINE: dict[str, Signature] = {
    "a browser that says it is no frame": asserted(crossOrigin=False),
    "a browser that says more": asserted(other="said", topOrigin="https://office.example"),
    "extensions": by_device(HEAD + b"\x85" + bytes(4) + b"\xa0", CLIENT),
    "a counter": by_device(HEAD + b"\5" + b"\0\0\1\0", CLIENT),
}


@pytest.mark.parametrize("signature", FINE.values(), ids=FINE)
def test_what_browsers_may_say_besides_is_let_be(signature: Signature) -> None:
    check(signature, LOG, AUTHENTICATOR)


def test_an_assertion_is_no_answer_to_another_statement() -> None:
    for other in (STATED._replace(step="sign_off"), STATED._replace(deeds=DEEDS[:1]), STATED._replace(log="another")):
        replayed = replace(BY_DEVICE, step=other.step, deeds=tuple(other.deeds))
        with pytest.raises(DeedError):
            check(replayed, other.log, AUTHENTICATOR)


# ---------------------------------------------------------------------------------------- every bit


@given(st.data())
def test_a_flipped_bit_of_any_part_makes_it_good_for_nothing(data: st.DataObject) -> None:
    signature, key = FORMS[data.draw(st.sampled_from(sorted(FORMS)))]
    parts = ["proof", "authenticator_data", "client_data"] if key is AUTHENTICATOR else ["proof"]
    part = data.draw(st.sampled_from(parts))
    content = bytearray(getattr(signature, part))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(DeedError):
        check(replace(signature, **{part: bytes(content)}), LOG, key)


# ---------------------------------------------------------------------------------------- statements and times

WRONG_STATEMENTS: dict[str, Statement] = {
    "no deed": STATED._replace(deeds=()),
    "a deed twice": STATED._replace(deeds=(DEEDS[0], DEEDS[0])),
    "out of order": STATED._replace(deeds=DEEDS[::-1]),
    "too many": STATED._replace(deeds=[f"{number:064x}" for number in range(MAX_DEEDS + 1)]),
}


@pytest.mark.parametrize("stated", WRONG_STATEMENTS.values(), ids=WRONG_STATEMENTS)
def test_a_statement_names_its_deeds_in_one_way(stated: Statement) -> None:
    with pytest.raises(DeedError):
        sign(key_of("li.ming"), stated)


def test_as_many_deeds_as_are_allowed_take_one_signature() -> None:
    stated = STATED._replace(deeds=[f"{number:064x}" for number in range(MAX_DEEDS)])

    check(sign(key_of("li.ming"), stated), LOG, FILE)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001 - a zone is added
def test_a_time_is_spelt_in_one_way(naive: datetime, minutes: int) -> None:
    at = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    assert read_time(write_time(at)) == at.astimezone(UTC).replace(microsecond=0)
    assert write_time(read_time(write_time(at))) == write_time(at)


NO_TIMES = [
    "",
    "now",
    "2026-01-01",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00+00:00",
    "2026-01-01T00:00:00.5Z",
    "2026-1-1T0:0:0Z",
    "2026-01-01t00:00:00z",
    "２０２６-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T23:59:60Z",
    "2026-01-01T00:00:00Z\n",
]


@pytest.mark.parametrize("text", NO_TIMES)
def test_nothing_else_is_a_time(text: str) -> None:
    with pytest.raises(DeedError):
        read_time(text)
