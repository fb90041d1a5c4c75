"""The token door: one way in, and everything else looks the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from timeit import timeit
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from adapters.identity.jose import Cause, jose_key, public_jwk
from adapters.identity.registry import Registry
from adapters.identity.tokens import LIFE_SECONDS, Revocations, TokenDoor
from tests.adapters.make_identity import (
    ADDRESS,
    AT,
    AUDIENCE,
    EC_PRINT,
    ISSUER,
    JTI,
    NOW,
    OPERATOR_NAME,
    OTHER_PRINT,
    RSA_PRINT,
    a_door,
    a_mint,
    a_registry,
    b64,
    ec_key,
    kid_of,
    partner_data,
    rsa_key,
    signed,
)

KEY = ec_key("token")
HEADER: dict[str, object] = {"alg": "ES256", "typ": "at+jwt", "kid": kid_of(KEY)}
CLAIMS: dict[str, object] = {
    "iss": ISSUER,
    "sub": "hr-payroll",
    "aud": AUDIENCE,
    "client_id": "hr-payroll",
    "iat": NOW,
    "exp": NOW + LIFE_SECONDS,
    "jti": JTI,
    "cnf": {"x5t#S256": EC_PRINT},
}
GOOD = signed(HEADER, CLAIMS, KEY, "ES256")
FUZZED = a_door()


def header(**changes: object) -> str:
    return signed({k: v for k, v in (HEADER | changes).items() if v is not None}, CLAIMS, KEY, "ES256")


def claims(**changes: object) -> str:
    return signed(HEADER, {k: v for k, v in (CLAIMS | changes).items() if v is not None}, KEY, "ES256")


def raw(
    head: Mapping[str, object] | str = HEADER, body: Mapping[str, object] | str = CLAIMS, alg: str = "ES256"
) -> str:
    return signed(head, body, KEY, alg)


def another_spelling(token: str) -> str:
    """The same signature bytes with other unused bits in the last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


JWK = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}
P384 = ec.generate_private_key(ec.SECP384R1())

FOREIGN: Mapping[str, tuple[str, Cause]] = {
    "empty": ("", Cause.UNREADABLE),
    "one part": ("abc", Cause.UNREADABLE),
    "five parts, as an encrypted token": ("a.b.c.d.e", Cause.UNREADABLE),
    "JSON serialisation": ('{"payload":"e30","signatures":[]}', Cause.UNREADABLE),
    "1 MB": ("a" * 500_000 + "." + "b" * 250_000 + "." + "c" * 250_000, Cause.UNREADABLE),
    "1 MB behind a right token": (GOOD + "A" * 1_000_000, Cause.UNREADABLE),
    "line end behind it": (GOOD + "\n", Cause.UNREADABLE),
    "padding behind it": (GOOD + "=", Cause.UNREADABLE),
    "other trailing bits": (another_spelling(GOOD), Cause.UNREADABLE),
    "not ASCII": (GOOD[:-1] + "Ａ", Cause.UNREADABLE),
    "lone surrogate": (GOOD[:-1] + "\udc80", Cause.UNREADABLE),
    "no signature": (GOOD.rpartition(".")[0] + ".", Cause.UNREADABLE),
    "one bit of the signature": (GOOD[:-10] + ("A" if GOOD[-10] != "A" else "B") + GOOD[-9:], Cause.SIGNATURE),
    "alg none": (raw(HEADER | {"alg": "none"}, alg="none"), Cause.UNREADABLE),
    "alg none with a signature": (raw(HEADER | {"alg": "none"}), Cause.HEADER),
    "alg missing": (header(alg=None), Cause.HEADER),
    "alg a list": (header(alg=["ES256"]), Cause.HEADER),
    "alg in small letters": (header(alg="es256"), Cause.HEADER),
    "HS256 with the public key": (raw(HEADER | {"alg": "HS256"}, alg="HS256"), Cause.HEADER),
    "HS256 that says ES256": (raw(alg="HS256"), Cause.SIGNATURE),
    "RS256": (signed(HEADER | {"alg": "RS256"}, CLAIMS, rsa_key("token"), "RS256"), Cause.HEADER),
    "PS256 of an RSA key": (signed(HEADER | {"alg": "PS256"}, CLAIMS, rsa_key("token"), "PS256"), Cause.HEADER),
    "ES384": (signed(HEADER | {"alg": "ES384"}, CLAIMS, P384, "ES384"), Cause.HEADER),
    "another key": (signed(HEADER, CLAIMS, ec_key("another"), "ES256"), Cause.SIGNATURE),
    "a partner's key": (signed(HEADER, CLAIMS, ec_key("client"), "ES256"), Cause.SIGNATURE),
    "kid unknown": (header(kid="unknown"), Cause.HEADER),
    "kid missing": (header(kid=None), Cause.HEADER),
    "kid a number": (header(kid=7), Cause.HEADER),
    "typ missing": (header(typ=None), Cause.HEADER),
    "typ JWT": (header(typ="JWT"), Cause.HEADER),
    "typ of an assertion": (header(typ="client-authentication+jwt"), Cause.HEADER),
    "typ of a DPoP proof": (header(typ="dpop+jwt"), Cause.HEADER),
    "typ with application/": (header(typ="application/at+jwt"), Cause.HEADER),
    "header jwk": (header(jwk=JWK), Cause.HEADER),
    "header jku": (header(jku="https://evil.example/jwks"), Cause.HEADER),
    "header x5u": (header(x5u="https://evil.example/x5u"), Cause.HEADER),
    "header x5c": (header(x5c=["AAAA"]), Cause.HEADER),
    "header crit": (header(crit=["exp"]), Cause.HEADER),
    "header b64": (header(b64=False, crit=["b64"]), Cause.HEADER),
    "header twice alg": (raw('{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"x"}'), Cause.UNREADABLE),
    "header a list": (raw("[]"), Cause.UNREADABLE),
    "header not UTF-8": (b64(b'{"alg":"\xff"}') + GOOD[GOOD.index(".") :], Cause.UNREADABLE),
    "deep nesting": (raw("[" * 2500), Cause.UNREADABLE),
    "claims a list": (raw(body="[]"), Cause.UNREADABLE),
    "claims a text": (raw(body='"hr-payroll"'), Cause.UNREADABLE),
    "claims not JSON": (raw(body="{"), Cause.UNREADABLE),
    "claims twice iss": (raw(body='{"iss":"a","iss":"b"}'), Cause.UNREADABLE),
    "claims twice inside": (raw(body='{"cnf":{"x5t#S256":"a","x5t#S256":"b"}}'), Cause.UNREADABLE),
    "claim NaN": (raw(body='{"exp":NaN}'), Cause.UNREADABLE),
    "claim Infinity": (raw(body='{"exp":Infinity}'), Cause.UNREADABLE),
    "claim 1e400": (raw(body='{"exp":1e400}'), Cause.UNREADABLE),
    "other issuer": (claims(iss="https://other.example"), Cause.CLAIMS),
    "issuer a list": (claims(iss=[ISSUER]), Cause.CLAIMS),
    "other audience": (claims(aud="https://other.example"), Cause.CLAIMS),
    "audience the issuer": (claims(aud=ISSUER), Cause.CLAIMS),
    "audience a list with ours": (claims(aud=[AUDIENCE]), Cause.CLAIMS),
    "subject somebody else": (claims(sub="hr-social"), Cause.CLAIMS),
    "client unknown": (claims(sub="nobody", client_id="nobody"), Cause.CLIENT),
    "client an object": (claims(client_id={}), Cause.CLAIMS),
    "client of another certificate": (claims(sub="hr-social", client_id="hr-social"), Cause.CLIENT),
    "another claim more": (claims(scope="all"), Cause.CLAIMS),
    "jti missing": (claims(jti=None), Cause.CLAIMS),
    "jti short": (claims(jti="short"), Cause.CLAIMS),
    "jti long": (claims(jti="j" * 65), Cause.CLAIMS),
    "jti a number": (claims(jti=1234567890123456), Cause.CLAIMS),
    "jti of 60 kB": (claims(jti="j" * 60_000), Cause.UNREADABLE),
    "an ID token": (
        signed(HEADER | {"typ": "JWT"}, CLAIMS | {"nonce": "n", "auth_time": NOW}, KEY, "ES256"),
        Cause.HEADER,
    ),
    "an ID token that says at+jwt": (claims(nonce="n", auth_time=NOW, amr=["pwd"]), Cause.CLAIMS),
    "a start in the future": (claims(nbf=NOW + 60), Cause.CLAIMS),
    "claim a list": (claims(sub=["hr-payroll"]), Cause.CLAIMS),
    "claim an object": (claims(iss={"iss": ISSUER}), Cause.CLAIMS),
    "cnf a list": (claims(cnf=[EC_PRINT]), Cause.CLAIMS),
    "cnf of a list": (claims(cnf={"x5t#S256": [EC_PRINT]}), Cause.CLAIMS),
    "cnf missing": (claims(cnf=None), Cause.CLAIMS),
    "cnf empty": (claims(cnf={}), Cause.CLAIMS),
    "cnf of a DPoP key, of a system with certificates": (claims(cnf={"jkt": EC_PRINT}), Cause.BINDING),
    "cnf of two things": (claims(cnf={"jkt": EC_PRINT, "x5t#S256": EC_PRINT}), Cause.CLAIMS),
    "cnf not registered": (claims(cnf={"x5t#S256": OTHER_PRINT}), Cause.CLIENT),
    "iat missing": (claims(iat=None), Cause.CLAIMS),
    "iat a text": (claims(iat=str(NOW)), Cause.TIME),
    "iat true": (claims(iat=True), Cause.TIME),
    "exp missing": (claims(exp=None), Cause.CLAIMS),
    "exp with a fraction": (claims(exp=NOW + 1.5), Cause.TIME),
    "exp below zero": (claims(exp=-1), Cause.TIME),
    "exp in the year 30,000": (claims(exp=10**12), Cause.TIME),
    "exp beyond every clock": (claims(exp=10**300), Cause.TIME),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_foreign_token_is_answered_with_none_whatever_is_wrong(case: str) -> None:
    causes: list[Cause] = []
    token, cause = FOREIGN[case]

    assert a_door(causes).caller(token, EC_PRINT, ADDRESS, AT) is None
    assert causes == [cause]


def test_the_right_token_opens_with_its_certificate() -> None:
    caller = a_door().caller(GOOD, EC_PRINT, ADDRESS, AT)

    assert caller is not None
    assert (caller.partner, caller.client_id, caller.department) == ("hr", "hr-payroll", "hr")
    assert (caller.address, caller.network) == (ADDRESS, "gov_extranet")
    assert caller.operator("wang-01") is not None
    assert caller.operator("stranger") is None
    assert OPERATOR_NAME not in repr(caller)


def test_a_minted_token_is_the_one_the_door_knows() -> None:
    token = a_mint().mint("hr-payroll", EC_PRINT, JTI, AT)

    assert a_door().caller(token, EC_PRINT, ADDRESS, AT) is not None


def test_a_token_key_may_be_rsa() -> None:
    token = a_mint(rsa_key("token")).mint("hr-social", RSA_PRINT, JTI, AT)

    assert a_door(key=rsa_key("token")).caller(token, RSA_PRINT, ADDRESS, AT) is not None
    assert a_door().caller(token, RSA_PRINT, ADDRESS, AT) is None


CERTIFICATES = {
    "none": None,
    "empty": "",
    "of another system": RSA_PRINT,
    "of nobody": OTHER_PRINT,
    "cut": EC_PRINT[:-1],
}


@pytest.mark.parametrize("warm", [False, True], ids=["first sight", "known token"])
@pytest.mark.parametrize("shown", CERTIFICATES)
def test_a_token_replayed_with_another_certificate_is_nobody(shown: str, warm: bool) -> None:
    causes: list[Cause] = []
    door = a_door(causes)
    if warm:
        assert door.caller(GOOD, EC_PRINT, ADDRESS, AT) is not None

    assert door.caller(GOOD, CERTIFICATES[shown], ADDRESS, AT) is None
    assert causes == [Cause.CERTIFICATE]
    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT) is not None


# Seconds from now, and whether a token with that time is good. Skew is ours alone to forgive: 10 s.
SKEWS = {
    "iat": {-300: True, -61: True, -11: True, -10: True, 0: True, 10: True, 11: False, 61: False},
    "exp": {
        -61: False,
        -11: False,
        -10: False,
        -1: False,
        0: False,
        1: True,
        10: True,
        61: True,
        310: True,
        311: False,
    },
}


@pytest.mark.parametrize(("claim", "offset"), [(claim, offset) for claim in SKEWS for offset in SKEWS[claim]])
def test_clocks_may_differ_by_ten_seconds(claim: str, offset: int) -> None:
    token = claims(**{claim: NOW + offset})

    assert (a_door().caller(token, EC_PRINT, ADDRESS, AT) is not None) is SKEWS[claim][offset]


def test_a_known_token_ends_at_its_second() -> None:
    door = a_door()
    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT) is not None

    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT + timedelta(seconds=LIFE_SECONDS, microseconds=-1)) is not None
    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT + timedelta(seconds=LIFE_SECONDS)) is None
    assert door.remembered == 0


ADDRESSES = {
    "10.20.0.7": "gov_extranet",
    "10.20.255.255": "gov_extranet",
    "::ffff:10.20.0.7": "gov_extranet",
    "fd00:20::1": "gov_extranet",
    "10.21.0.1": None,
    "::ffff:10.21.0.1": None,
    "": None,
    "unix": None,
    "10.20.0.7:443": None,
    "10.20.0.7, 10.20.0.8": None,
    "testclient": None,
}


@pytest.mark.parametrize("warm", [False, True], ids=["first sight", "known token"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_system_calls_from_its_networks_alone(address: str, warm: bool) -> None:
    door = a_door()
    if warm:
        assert door.caller(GOOD, EC_PRINT, ADDRESS, AT) is not None

    caller = door.caller(GOOD, EC_PRINT, address, AT)

    assert (caller.network if caller else None) == ADDRESSES[address]
    assert caller is None or caller.address == address


def test_a_forgotten_token_is_nobody_and_others_stay() -> None:
    door, mint = a_door(), a_mint()
    other = mint.mint("hr-payroll", EC_PRINT, "another-jti-of-length", AT)
    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT) is not None

    door.forget_token(JTI, AT)

    assert [door.caller(GOOD, EC_PRINT, ADDRESS, AT) for _ in range(3)] == [None] * 3
    assert door.caller(other, EC_PRINT, ADDRESS, AT) is not None


def with_a_revoked_key(revoked_at: datetime) -> Registry:
    """The usual system with a second assertion key, revoked at that time."""
    data = partner_data()
    system = cast("list[dict[str, object]]", data["systems"])[0]
    lost = public_jwk(jose_key(ec_key("lost"))) | {"revoked_at": revoked_at}
    system["jwks"] = [*cast("list[object]", system["jwks"]), lost]
    return a_registry(data)


REVOKED_KEYS: dict[str, tuple[int, int, bool]] = {
    "issued before, asked before the revocation": (10, 5, True),
    "issued before, asked after it": (10, 10, False),
    "issued in the same second": (0, 5, False),
    "issued after it": (-1, 5, True),
}


@pytest.mark.parametrize(("revoked", "asked", "works"), REVOKED_KEYS.values(), ids=REVOKED_KEYS)
def test_tokens_end_with_an_assertion_key_that_is_revoked(revoked: int, asked: int, works: bool) -> None:
    """Whoever had the key may hold tokens that it fetched."""
    door = a_door()
    door.swap(with_a_revoked_key(AT + timedelta(seconds=revoked)))

    caller = door.caller(GOOD, EC_PRINT, ADDRESS, AT + timedelta(seconds=asked))

    assert (caller is not None) is works


def test_a_token_that_was_proven_ends_when_the_key_is_revoked() -> None:
    door = a_door()
    door.swap(with_a_revoked_key(AT + timedelta(seconds=10)))
    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT + timedelta(seconds=9)) is not None

    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT + timedelta(seconds=10)) is None


def test_a_forgotten_client_needs_a_newer_token() -> None:
    causes: list[Cause] = []
    door, mint, later = a_door(causes), a_mint(), AT + timedelta(seconds=5)
    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT) is not None

    door.forget_client("hr-payroll", later)

    assert door.caller(GOOD, EC_PRINT, ADDRESS, later) is None
    assert door.caller(mint.mint("hr-payroll", EC_PRINT, JTI, later), EC_PRINT, ADDRESS, later) is None
    assert causes == [Cause.REVOKED, Cause.REVOKED]
    newer = later + timedelta(seconds=1)
    assert door.caller(mint.mint("hr-payroll", EC_PRINT, JTI, newer), EC_PRINT, ADDRESS, newer) is not None
    assert door.caller(mint.mint("hr-social", RSA_PRINT, JTI, AT), RSA_PRINT, ADDRESS, AT) is not None


def test_revocations_that_find_no_room_revoke_everybody_up_to_now() -> None:
    revoked = Revocations(capacity=2)
    for number in range(3):
        revoked.token(f"jti-{number}", AT)

    assert revoked.covers("any", "unheard-of", NOW)
    assert not revoked.covers("any", "unheard-of", NOW + 1)


def test_revocations_end_when_no_token_can_be_left() -> None:
    revoked = Revocations(capacity=1)
    revoked.token("old", AT)
    revoked.token("new", AT + timedelta(seconds=LIFE_SECONDS + 21))

    assert not revoked.covers("any", "old", NOW)
    assert revoked.covers("any", "new", NOW)


def test_a_swapped_registry_decides_about_known_tokens_too() -> None:
    door, empty = a_door(), partner_data()
    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT) is not None
    systems = empty["systems"]
    assert isinstance(systems, list)

    door.swap(a_registry(empty | {"systems": systems[1:]}))
    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT) is None

    door.swap(a_registry())
    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT) is not None


def test_a_rotated_token_key_is_known_only_while_enrolled() -> None:
    old, new = jose_key(ec_key("old")), jose_key(KEY)
    keys = {each.thumbprint(): each for each in (old, new)}
    door = TokenDoor(issuer=ISSUER, audience=AUDIENCE, keys=keys, registry=a_registry())
    token = a_mint(ec_key("old")).mint("hr-payroll", EC_PRINT, JTI, AT)

    assert door.caller(token, EC_PRINT, ADDRESS, AT) is not None
    assert a_door().caller(token, EC_PRINT, ADDRESS, AT) is None


def test_a_hundred_thousand_unknown_tokens_leave_no_trace() -> None:
    door = a_door()
    assert door.caller(GOOD, EC_PRINT, ADDRESS, AT) is not None

    for number in range(100_000):
        assert door.caller(f"{number}.e30.AAAA", EC_PRINT, ADDRESS, AT) is None

    assert door.remembered == 1


def test_known_tokens_are_bounded_and_the_oldest_go_first() -> None:
    door, mint = a_door(capacity=20), a_mint()
    tokens = [mint.mint("hr-payroll", EC_PRINT, f"jti-of-number-{number:06}", AT) for number in range(30)]

    assert all(door.caller(token, EC_PRINT, ADDRESS, AT) for token in tokens)
    assert door.remembered <= 20
    assert all(door.caller(token, EC_PRINT, ADDRESS, AT) for token in tokens)


def test_ended_tokens_leave_when_new_ones_come() -> None:
    door, mint = a_door(), a_mint()
    for number in range(10):
        door.caller(mint.mint("hr-payroll", EC_PRINT, f"jti-of-number-{number:06}", AT), EC_PRINT, ADDRESS, AT)
    later = AT + timedelta(seconds=LIFE_SECONDS)

    for number in range(10, 20):
        door.caller(mint.mint("hr-payroll", EC_PRINT, f"jti-of-number-{number:06}", later), EC_PRINT, ADDRESS, later)

    assert door.remembered == 10


@given(st.text(max_size=200), st.text(max_size=60) | st.none(), st.text(max_size=60))
def test_no_text_breaks_the_door(token: str, thumbprint: str | None, address: str) -> None:
    assert FUZZED.caller(token, thumbprint, address, AT) is None


@given(st.integers(0, len(GOOD) - 1), st.characters(codec="ascii"))
def test_no_changed_character_keeps_a_token_good(place: int, character: str) -> None:
    token = GOOD[:place] + character + GOOD[place + 1 :]

    assert (FUZZED.caller(token, EC_PRINT, ADDRESS, AT) is None) or token == GOOD


def test_a_known_token_costs_microseconds() -> None:
    door = a_door()

    best = min(timeit(lambda: door.caller(GOOD, EC_PRINT, ADDRESS, AT), number=2_000) for _ in range(10)) / 2_000

    # About 1 us on an idle core; the bound leaves room for a busy one.
    assert best < 10e-6


# From when to when the certificate is good, in seconds from now; and when a token bound to it works.
CERTIFICATES_END: Mapping[str, tuple[dict[str, int], dict[int, bool]]] = {
    "ends soon": ({"not_after": 30}, {0: True, 29: True, 30: False, 299: False}),
    "was revoked for later": ({"revoked_at": 30, "not_after": 600}, {29: True, 30: False}),
    "ends later than the token": ({"not_after": 600}, {299: True, 300: False}),
    "has ended": ({"not_after": 0}, {0: False}),
    "was revoked": ({"revoked_at": -1}, {0: False}),
    "is not good yet": ({"not_before": 1}, {0: False, 1: True}),
}


@pytest.mark.parametrize("warm", [False, True], ids=["first sight", "known token"])
@pytest.mark.parametrize("case", CERTIFICATES_END)
def test_a_token_ends_with_its_certificate(case: str, warm: bool) -> None:
    times, works = CERTIFICATES_END[case]
    door = a_door(registry=a_registry(certificate_with(times)))
    for offset, is_good in works.items():
        at = AT + timedelta(seconds=offset)

        assert (door.caller(GOOD, EC_PRINT, ADDRESS, at) is not None) is is_good
        if not warm:
            door.swap(a_registry(certificate_with(times)))


def certificate_with(times: Mapping[str, int]) -> dict[str, object]:
    data = partner_data()
    systems = data["systems"]
    assert isinstance(systems, list)
    moments = {name: AT + timedelta(seconds=offset) for name, offset in times.items()}
    systems[0]["certificates"] = [{"thumbprint": EC_PRINT, **moments}]
    return data
