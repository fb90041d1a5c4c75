"""Signed requests (RFC 9421): the published signatures hold; ours in one form, once, for this body and no other."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey

from adapters.identity.bearer import BearerIdentity, Spending
from adapters.identity.certificate import EXTENSION, Edge
from adapters.identity.dpop import Proofs
from adapters.identity.jose import Cause, Key, PrivateKey, RejectedError, jose_key
from adapters.identity.replay import MemoryReplayStore
from adapters.identity.signatures import Signatures, proves, signature_base, verify
from bidui_client import Account
from bidui_client.proofs import signed as signed_by_client
from gateway.api.comparisons import Comparisons
from gateway.domain.caller import Caller
from gateway.domain.errors import UnprovenError
from gateway.domain.partner_file import parse_partner
from tests.adapters.make_identity import (
    ADDRESS,
    ADDRESSES,
    AT,
    ISSUER,
    JTI,
    NOW,
    SIGNED_PRINT,
    SIGNING_CLIENT,
    StandingClock,
    a_door,
    a_mint,
    a_registry,
    ec_key,
    ed_key,
    fresh_jti,
    rsa_key,
    signature_of,
    tax_data,
)
from tests.make import CATALOGUE, a_body, unpaced

# ------------------------------------------------------------------------------------------------ published examples

RSA_PEM = b"""-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----"""
EC_PEM = b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----"""
ED_PEM = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----"""
REQUEST = {
    "date": "Tue, 20 Apr 2021 02:07:55 GMT",
    "@method": "POST",
    "@path": "/foo",
    "@query": "?param=Value&Pet=dog",
    "@authority": "example.com",
    "content-type": "application/json",
    "content-digest": "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+Ab"
    "wAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    "content-length": "18",
}
RESPONSE = {
    "@status": "200",
    "content-type": "application/json",
    "content-digest": "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4G"
    "TsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
    "content-length": "23",
}
PUBLISHED: Mapping[str, tuple[Key, str, Mapping[str, str], list[str], str, str]] = {
    "B.2.3, all of a request, RSA-PSS": (
        RSAKey.import_key(load_pem_public_key(RSA_PEM)),  # type: ignore[arg-type]  # the key of the RFC is one of RSA
        "rsa-pss-sha512",
        REQUEST,
        ["date", "@method", "@path", "@query", "@authority", "content-type", "content-digest", "content-length"],
        'created=1618884473;keyid="test-key-rsa-pss"',
        "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fU"
        "xN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA"
        "1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKE"
        "gM4cUA==",
    ),
    "B.2.4, a response, ECDSA": (
        ECKey.import_key(load_pem_public_key(EC_PEM)),  # type: ignore[arg-type]  # of P-256
        "ecdsa-p256-sha256",
        RESPONSE,
        ["@status", "content-type", "content-digest", "content-length"],
        'created=1618884473;keyid="test-key-ecc-p256"',
        "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==",
    ),
    "B.2.6, a request, Ed25519": (
        OKPKey.import_key(load_pem_public_key(ED_PEM)),  # type: ignore[arg-type]  # of Ed25519
        "ed25519",
        REQUEST,
        ["date", "@method", "@path", "@authority", "content-type", "content-length"],
        'created=1618884473;keyid="test-key-ed25519"',
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
    ),
}


@pytest.mark.parametrize("case", PUBLISHED)
def test_the_published_signatures_hold_and_one_bit_less_does_not(case: str) -> None:
    key, alg, values, components, parameters, text = PUBLISHED[case]
    covered = " ".join(f'"{name}"' for name in components)
    base, signature = signature_base(components, f"({covered});{parameters}", values), b64decode(text)

    verify(key, alg, base, signature)
    for wrong in ((alg, base + b" ", signature), (alg, base, signature[:-1] + b"\0"), ("hmac-sha256", base, signature)):
        with pytest.raises(RejectedError):
            verify(key, *wrong)


# ------------------------------------------------------------------------------------------------ our form

BODY = a_body()
TOKEN = a_mint().mint(SIGNING_CLIENT, SIGNED_PRINT, JTI, AT)
HEADERS = {
    "host": "bidui.example",
    "authorization": f"Bearer {TOKEN}",
    "content-type": "application/json",
    "idempotency-key": "k-1",
}
COVERED = ["@method", "@target-uri", "authorization", "content-digest"]
REGISTRY = a_registry(tax_data())
SENDER = REGISTRY.client(SIGNING_CLIENT)
ALGS: Mapping[str, tuple[PrivateKey, str]] = {
    "ec": (ec_key("signing"), "ecdsa-p256-sha256"),
    "rsa": (rsa_key("signing"), "rsa-pss-sha512"),
    "ed": (ed_key("signing"), "ed25519"),
}


def digest_of(body: bytes) -> str:
    return f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"


def sign(base: bytes, key: PrivateKey, alg: str) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(base, padding.PSS(padding.MGF1(SHA512()), 64), SHA512())
    return signature_of(base, key, "ES256")


def a_signed(  # everything a test may want to be wrong
    *,
    kid: str = "ec",
    key: PrivateKey | None = None,
    covered: list[str] | None = None,
    parameters: Mapping[str, object] | None = None,
    values: Mapping[str, str] | None = None,
    sent: Mapping[str, str] | None = None,
    edit: Callable[[str], str] = lambda text: text,
) -> dict[str, str]:
    """The headers of a signed request. `values` are what is signed, `sent` what is sent instead of it."""
    mine, alg = ALGS[kid]
    names = COVERED if covered is None else covered
    told = {"created": NOW, "expires": NOW + 60, "nonce": fresh_jti(), "keyid": kid, "alg": alg, "tag": "bidui-request"}
    pairs = {name: value for name, value in (told | dict(parameters or {})).items() if value is not None}
    written = "".join(
        f";{name}={value}" if isinstance(value, int) else f';{name}="{value}"' for name, value in pairs.items()
    )
    text = edit(_listed(names) + written)
    base_values = HEADERS | {
        "content-digest": digest_of(BODY),
        "@method": "POST",
        "@target-uri": f"{ISSUER}/v1/comparisons",
    }
    base_values |= dict(values or {})
    base = "\n".join([*(f'"{name}": {base_values.get(name, "")}' for name in names), f'"@signature-params": {text}'])
    signature = b64encode(sign(base.encode(), key or mine, alg)).decode()
    shown = {name: value for name, value in base_values.items() if not name.startswith("@")}
    return shown | {"signature-input": f"sig={text}", "signature": f"sig=:{signature}:"} | dict(sent or {})


def _listed(names: list[str]) -> str:
    return "(" + " ".join(f'"{name}"' for name in names) + ")"


def a_scope(headers: Mapping[str, str], *more: tuple[str, str], query: bytes = b"") -> dict[str, object]:
    return {
        "type": "http",
        "method": "POST",
        "path": "/v1/comparisons",
        "query_string": query,
        "client": (ADDRESS, 1),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in (*headers.items(), *more)],
        "extensions": {EXTENSION: {"thumbprint": SIGNED_PRINT}},
    }


def check(headers: Mapping[str, str], at: datetime = AT, query: bytes = b"") -> bytes:
    assert SENDER is not None
    return Signatures(ADDRESSES).check(a_scope(headers, query=query), SENDER, at).kept


@pytest.mark.parametrize("kid", ALGS)
def test_a_signature_of_each_kind_is_taken_and_what_is_kept_of_it_is_proof(kid: str) -> None:
    kept = check(a_signed(kid=kid))

    assert SENDER is not None
    parameters, _, digest = kept.decode().split("\n")
    assert f'keyid="{kid}"' in parameters
    assert digest.startswith("sha-512" if kid == "rsa" else "sha-256")
    assert TOKEN not in kept.decode()
    assert proves(kept, jose_key(ALGS[kid][0])) is (kid != "ed")
    assert not proves(kept, jose_key(ec_key("other")))
    assert not proves(kept.replace(digest[-20:].encode(), b"A" * 19 + b":"), jose_key(ALGS[kid][0]))


RIGHT: Mapping[str, dict[str, str]] = {
    "components in another order": a_signed(covered=COVERED[::-1]),
    "parameters in another order": a_signed(
        edit=lambda text: text.replace(";created", ";x", 1).replace(f";x={NOW}", "") + f";created={NOW}"
    ),
    "more covered": a_signed(covered=[*COVERED, "idempotency-key", "content-type"]),
    "sent to another of our addresses": a_signed(
        values={"@target-uri": f"{ADDRESSES[1]}/v1/comparisons", "host": "other.bidui.example:8443"}
    ),
    "sent there, made out to the issuer": a_signed(values={"host": "other.bidui.example:8443"}),
    "of nobody's host": a_signed(values={"host": "10.0.0.1"}),
    "60 s long": a_signed(parameters={"created": NOW - 59, "expires": NOW + 1}),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_the_form_leaves_open_may_be_either(case: str) -> None:
    assert check(RIGHT[case])


WRONG: Mapping[str, tuple[dict[str, str], Cause]] = {
    "no input": (a_signed(sent={"signature-input": ""}), Cause.UNREADABLE),
    "no signature": (a_signed(sent={"signature": ""}), Cause.UNREADABLE),
    "input of 60 kB": (a_signed(parameters={"nonce": "n" * 60_000}), Cause.UNREADABLE),
    "signature of 60 kB": (a_signed(sent={"signature": f"sig=:{'A' * 60_000}:"}), Cause.UNREADABLE),
    "two signatures": (a_signed(sent={"signature": "sig=:AAAA:, sig2=:AAAA:"}), Cause.UNREADABLE),
    "a signature in other spelling": (a_signed(sent={"signature": "sig=:AAB=:"}), Cause.UNREADABLE),
    "another label": (a_signed(sent={"signature": f"two=:{'A' * 86}==:"}), Cause.HEADER),
    "another signature": (a_signed(sent={"signature": f"sig=:{'A' * 86}==:"}), Cause.SIGNATURE),
    "another key": (a_signed(key=ec_key("other")), Cause.SIGNATURE),
    "a key for assertions": (
        a_signed(key=ec_key(SIGNING_CLIENT), parameters={"keyid": jose_key(ec_key(SIGNING_CLIENT)).thumbprint()}),
        Cause.SIGNATURE,
    ),
    "an unknown key": (a_signed(parameters={"keyid": "unknown"}), Cause.SIGNATURE),
    "another algorithm": (a_signed(parameters={"alg": "ed25519"}), Cause.SIGNATURE),
    "hmac": (a_signed(parameters={"alg": "hmac-sha256"}), Cause.SIGNATURE),
    "method not covered": (a_signed(covered=COVERED[1:]), Cause.HEADER),
    "address not covered": (a_signed(covered=["@method", "authorization", "content-digest"]), Cause.HEADER),
    "token not covered": (a_signed(covered=["@method", "@target-uri", "content-digest"]), Cause.HEADER),
    "body not covered": (a_signed(covered=["@method", "@target-uri", "authorization"]), Cause.HEADER),
    "nothing covered": (a_signed(covered=[]), Cause.UNREADABLE),
    "something twice": (a_signed(covered=[*COVERED, "@method"]), Cause.HEADER),
    "something else covered": (a_signed(covered=[*COVERED, "host"]), Cause.HEADER),
    "a component with parameters": (
        a_signed(edit=lambda text: text.replace('"@method"', '"@method";req')),
        Cause.UNREADABLE,
    ),
    "another tag": (a_signed(parameters={"tag": "other"}), Cause.HEADER),
    "no tag": (a_signed(parameters={"tag": None}), Cause.HEADER),
    "no nonce": (a_signed(parameters={"nonce": None}), Cause.HEADER),
    "nonce as short as an id number": (a_signed(parameters={"nonce": "11010519491231002X"}), Cause.HEADER),
    "nonce with a space": (a_signed(parameters={"nonce": "n" * 20 + " x"}), Cause.UNREADABLE),
    "nonce a number": (a_signed(parameters={"nonce": 1234567890}), Cause.HEADER),
    "no key named": (a_signed(parameters={"keyid": None}), Cause.HEADER),
    "no algorithm": (a_signed(parameters={"alg": None}), Cause.HEADER),
    "no end": (a_signed(parameters={"expires": None}), Cause.HEADER),
    "no beginning": (a_signed(parameters={"created": None}), Cause.HEADER),
    "one parameter more": (a_signed(parameters={"context": "x"}), Cause.HEADER),
    "a parameter twice": (a_signed(edit=lambda text: f"{text};created={NOW}"), Cause.HEADER),
    "time as text": (a_signed(parameters={"created": str(NOW)}), Cause.TIME),
    "another method": (a_signed(values={"@method": "GET"}), Cause.SIGNATURE),
    "another address": (a_signed(values={"@target-uri": "https://evil.example/v1/comparisons"}), Cause.SIGNATURE),
    "another path": (a_signed(values={"@target-uri": f"{ISSUER}/v1/catalogue"}), Cause.SIGNATURE),
    "another token": (a_signed(sent={"authorization": "Bearer other"}), Cause.SIGNATURE),
    "another digest": (a_signed(sent={"content-digest": digest_of(b"{}")}), Cause.SIGNATURE),
    "a digest of another kind": (a_signed(values={"content-digest": "sha-512=:AAAA:"}), Cause.HEADER),
    "two digests": (a_signed(values={"content-digest": f"{digest_of(BODY)}, sha-512=:AAAA:"}), Cause.HEADER),
    "no digest": (a_signed(sent={"content-digest": ""}), Cause.SIGNATURE),
    "another key of the same question": (
        a_signed(covered=[*COVERED, "idempotency-key"], sent={"idempotency-key": "k-2"}),
        Cause.SIGNATURE,
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_signature_that_is_wrong_in_one_thing_proves_nothing(case: str) -> None:
    headers, cause = WRONG[case]

    with pytest.raises(RejectedError) as rejected:
        check(headers)
    assert rejected.value.cause is cause


def test_a_header_that_comes_twice_is_covered_by_nothing() -> None:
    assert SENDER is not None
    scope = a_scope(a_signed(), ("content-digest", digest_of(b"{}")))

    with pytest.raises(RejectedError):
        Signatures(ADDRESSES).check(scope, SENDER, AT)


def test_a_question_behind_the_path_is_covered() -> None:
    with pytest.raises(RejectedError):
        check(a_signed(), query=b"x=1")
    assert check(a_signed(values={"@target-uri": f"{ISSUER}/v1/comparisons?x=1"}), query=b"x=1")


# Seconds from now at which it says to be made, living as long as it may; and whether it is then good.
SKEWS = {-61: False, -60: False, -59: True, -11: True, -10: True, 0: True, 10: True, 11: False, 61: False}


@pytest.mark.parametrize("offset", SKEWS)
def test_a_signature_lives_a_minute_and_clocks_may_differ_by_ten_seconds(offset: int) -> None:
    headers = a_signed(parameters={"created": NOW + offset, "expires": NOW + offset + 60})

    if SKEWS[offset]:
        assert check(headers)
    else:
        with pytest.raises(RejectedError, match="time"):
            check(headers)


@pytest.mark.parametrize("life", [-1, 0, 61, 86_400])
def test_a_signature_that_wants_to_live_another_time_is_none(life: int) -> None:
    with pytest.raises(RejectedError, match="time"):
        check(a_signed(parameters={"expires": NOW + life}))


def test_a_key_that_has_ended_signs_nothing_and_its_successor_does() -> None:
    data = tax_data()
    systems = data["systems"]
    assert isinstance(systems, list)
    systems[1]["jwks"][1] |= {"not_after": "2026-06-30T01:00:00Z"}
    systems[1]["jwks"][3] |= {"not_before": "2026-06-30T00:00:00Z"}
    sender = a_registry(data).client(SIGNING_CLIENT)
    assert sender is not None
    assert parse_partner(data, "tax.toml").systems[1].jwks[1].validity.not_after == AT

    def known(kid: str, at: datetime) -> bool:
        created = int(at.timestamp())
        scope = a_scope(a_signed(kid=kid, parameters={"created": created, "expires": created + 60}))
        try:
            return bool(Signatures(ADDRESSES).check(scope, sender, at))
        except RejectedError:
            return False

    overlap, early = datetime(2026, 6, 30, 0, 59, 59, tzinfo=UTC), datetime(2026, 6, 29, tzinfo=UTC)
    assert [(known("ec", at), known("ed", at)) for at in (early, overlap, AT)] == [
        (True, False),
        (True, True),
        (False, True),
    ]


# ------------------------------------------------------------------------------------------------ requests


def an_identity(causes: list[Cause] | None = None) -> BearerIdentity:
    clock = StandingClock()
    notice = (causes if causes is not None else []).append
    door = a_door(causes, registry=REGISTRY)
    return BearerIdentity(
        door=door,
        edge=Edge(),
        clock=clock,
        proofs=Proofs(ADDRESSES),
        signatures=Signatures(ADDRESSES),
        replays=MemoryReplayStore(clock=clock),
        notice=notice,
    )


def known(identity: BearerIdentity, headers: Mapping[str, str]) -> object:
    found = identity(a_scope(headers))
    return asyncio.run(found.spend()) if isinstance(found, Spending) else found


def test_a_system_that_signs_is_nobody_without_a_signature_and_itself_with_one() -> None:
    causes: list[Cause] = []
    identity = an_identity(causes)

    assert known(identity, HEADERS) is None
    caller = known(identity, a_signed())
    assert known(identity, HEADERS) is None
    assert isinstance(caller, Caller)
    assert caller.signature is not None
    assert caller.body_sha256 == sha256(BODY).digest()
    assert causes == [Cause.UNSIGNED, Cause.UNSIGNED]


def test_who_only_reads_need_not_sign() -> None:
    scope = a_scope(HEADERS) | {"method": "GET", "path": "/v1/catalogue"}

    assert isinstance(an_identity()(scope), Caller)


def test_a_signed_request_works_once() -> None:
    identity, headers = an_identity(), a_signed()

    assert isinstance(known(identity, headers), Caller)
    assert known(identity, headers) is None


def test_a_body_other_than_the_signed_one_is_nobodys() -> None:
    async def never(_: object) -> object:
        raise AssertionError

    caller = known(an_identity(), a_signed())
    door = Comparisons(identify=lambda _: None, catalogue=CATALOGUE, submit=never, take=unpaced)  # type: ignore[arg-type]  # never called
    assert isinstance(caller, Caller)
    keyed = {"headers": [(b"idempotency-key", b"k")]}

    assert door.request(caller, keyed, BODY).body == BODY
    with pytest.raises(UnprovenError):
        door.request(caller, keyed, BODY + b" ")
    assert door.request(replace(caller, body_sha256=None), keyed, BODY + b" ").body == BODY + b" "


@pytest.mark.parametrize("kid", ["ec", "ed"])
def test_the_client_sdk_signs_as_the_gateway_reads(kid: str) -> None:
    account = Account(
        url=ISSUER,
        client_id=SIGNING_CLIENT,
        key=ec_key(SIGNING_CLIENT),
        request_key=ALGS[kid][0],  # type: ignore[arg-type]  # one of the two kinds it takes
        request_kid=kid,
        clock=lambda: NOW,
    )
    headers = signed_by_client(account, "POST", "/v1/comparisons", HEADERS, BODY)

    assert check({name.lower(): value for name, value in headers.items()})


PARTS = st.text(max_size=60) | st.sampled_from(
    ['sig=("@method");created=1', "sig=:AAAA:", "sha-256=:AAAA:", "sig=()", ";", '"']
)


@given(PARTS, PARTS, PARTS)
def test_no_headers_break_the_reading_of_signatures(told: str, signature: str, digest: str) -> None:
    shown = {"signature-input": told, "signature": signature, "content-digest": digest}
    headers = {name: value.encode("utf-8").decode("latin-1") for name, value in shown.items()}

    with pytest.raises(RejectedError):
        check(a_signed(sent=headers))


@given(st.binary(max_size=200))
def test_no_bytes_break_what_proves(kept: bytes) -> None:
    assert not proves(kept, jose_key(ec_key("signing")))
