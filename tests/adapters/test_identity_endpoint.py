"""The token endpoint: what a client must prove, and that every failure to prove it looks alike."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.identity.assertion import LIFE_SECONDS, make_assertion
from adapters.identity.clients import ClientDesk
from adapters.identity.endpoint import ASSERTION_TYPE, Reply, TokenEndpoint
from adapters.identity.jose import Cause, PrivateKey, jose_key, public_jwk
from adapters.identity.registry import Registry
from adapters.identity.replay import MemoryReplayStore
from tests.adapters.make_identity import (
    ADDRESS,
    AT,
    AUDIENCE,
    EC_PRINT,
    ISSUER,
    JTI,
    NOW,
    OTHER_PRINT,
    RSA_PRINT,
    StandingClock,
    a_door,
    a_mint,
    a_registry,
    ec_key,
    ed_key,
    fresh_jti,
    kid_of,
    partner_data,
    rsa_key,
    signed,
)

KEY = ec_key("client")
HEADER: dict[str, object] = {"alg": "ES256", "kid": kid_of(KEY)}
CLAIMS: dict[str, object] = {
    "iss": "hr-payroll",
    "sub": "hr-payroll",
    "aud": ISSUER,
    "iat": NOW,
    "exp": NOW + LIFE_SECONDS,
    "jti": JTI,
}
GOOD = signed(HEADER, CLAIMS, KEY, "ES256")
REFUSED: Reply = (401, {"error": "invalid_client"})


class Desk:
    """A token endpoint whose clock, randomness and causes a test can see."""

    def __init__(self, *, per_client: int = 1000, registry: Registry | None = None) -> None:
        self.clock = StandingClock()
        self.causes: list[Cause] = []
        self.drawn = 0
        replays = MemoryReplayStore(clock=self.clock, per_client=per_client)
        self.endpoint = TokenEndpoint(
            clients=ClientDesk(issuer=ISSUER, registry=registry or a_registry(), replays=replays),
            mint=a_mint(),
            issuer=ISSUER,
            clock=self.clock,
            entropy=self._draw,
            notice=self.causes.append,
        )

    def ask(self, assertion: str = GOOD, thumbprint: str | None = EC_PRINT, address: str = ADDRESS) -> Reply:
        return self.endpoint.issue(a_form(assertion), thumbprint, address)

    def _draw(self, size: int) -> bytes:
        self.drawn += 1
        return sha256(str(self.drawn).encode()).digest()[:size]


def a_form(assertion: str = GOOD, **changes: str | None) -> list[tuple[str, str]]:
    fields: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    return [(name, value) for name, value in (fields | changes).items() if value is not None]


def header(**changes: object) -> str:
    return signed({k: v for k, v in (HEADER | changes).items() if v is not None}, CLAIMS, KEY, "ES256")


def claims(**changes: object) -> str:
    return signed(HEADER, {k: v for k, v in (CLAIMS | changes).items() if v is not None}, KEY, "ES256")


def test_a_sound_assertion_gets_a_token_that_opens_the_door() -> None:
    status, body = Desk().ask()

    assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 300)
    assert set(body) == {"access_token", "token_type", "expires_in"}
    caller = a_door().caller(str(body["access_token"]), EC_PRINT, ADDRESS, AT)
    assert caller is not None
    assert caller.client_id == "hr-payroll"


@pytest.mark.parametrize(
    ("key", "client_id", "thumbprint"),
    [(ec_key("client"), "hr-payroll", EC_PRINT), (rsa_key("client"), "hr-social", RSA_PRINT)],
    ids=["ES256", "PS256"],
)
def test_the_assertion_maker_makes_what_the_endpoint_takes(key: PrivateKey, client_id: str, thumbprint: str) -> None:
    status, _ = Desk().ask(make_assertion(key, client_id, ISSUER, AT, JTI), thumbprint)

    assert status == 200


@pytest.mark.parametrize("typ", [None, "JWT", "client-authentication+jwt"])
def test_three_types_of_header_are_usual(typ: str | None) -> None:
    assert Desk().ask(header(typ=typ))[0] == 200


def test_other_claims_are_the_clients_own_business() -> None:
    assert Desk().ask(claims(nbf=NOW, extra={"a": 1}))[0] == 200


JWK = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}
TEN_YEARS = 3650 * 86400

FORGED: Mapping[str, tuple[str, Cause]] = {
    "empty": ("", Cause.UNREADABLE),
    "1 MB": ("a" * 1_000_000, Cause.UNREADABLE),
    "5,000 characters, rightly signed": (claims(extra="x" * 5000), Cause.UNREADABLE),
    "another key": (signed(HEADER, CLAIMS, ec_key("another"), "ES256"), Cause.SIGNATURE),
    "the other system's key": (
        signed(HEADER | {"alg": "PS256"}, CLAIMS, rsa_key("client"), "PS256"),
        Cause.HEADER,
    ),
    "alg none": (signed(HEADER | {"alg": "none"}, CLAIMS, KEY, "none"), Cause.UNREADABLE),
    "alg none with a signature": (header(alg="none"), Cause.HEADER),
    "HS256 with the public key": (signed(HEADER | {"alg": "HS256"}, CLAIMS, KEY, "HS256"), Cause.HEADER),
    "RS256": (signed(HEADER | {"alg": "RS256"}, CLAIMS, rsa_key("client"), "RS256"), Cause.HEADER),
    "ES384 says the header": (header(alg="ES384"), Cause.HEADER),
    "kid missing": (header(kid=None), Cause.HEADER),
    "kid unknown": (header(kid="unknown"), Cause.SIGNATURE),
    "typ of an access token": (header(typ="at+jwt"), Cause.HEADER),
    "header jwk": (header(jwk=JWK), Cause.HEADER),
    "header jku": (header(jku="https://evil.example"), Cause.HEADER),
    "header x5u": (header(x5u="https://evil.example"), Cause.HEADER),
    "header crit": (header(crit=["exp"]), Cause.HEADER),
    "issuer another client": (claims(iss="hr-social"), Cause.CLIENT),
    "subject another client": (claims(sub="hr-social"), Cause.CLIENT),
    "both another client": (claims(iss="hr-social", sub="hr-social"), Cause.CLIENT),
    "both unknown": (claims(iss="nobody", sub="nobody"), Cause.CLIENT),
    "issuer a list": (claims(iss=["hr-payroll"]), Cause.CLAIMS),
    "subject missing": (claims(sub=None), Cause.CLAIMS),
    "audience the API": (claims(aud=AUDIENCE), Cause.CLAIMS),
    "audience the endpoint": (claims(aud=f"{ISSUER}/oauth/token"), Cause.CLAIMS),
    "audience a list of us alone": (claims(aud=[ISSUER]), Cause.CLAIMS),
    "audience a list with another": (claims(aud=[ISSUER, "https://other.example"]), Cause.CLAIMS),
    "audience missing": (claims(aud=None), Cause.CLAIMS),
    "jti missing": (claims(jti=None), Cause.CLAIMS),
    "jti of 15": (claims(jti="j" * 15), Cause.CLAIMS),
    "jti of 65": (claims(jti="j" * 65), Cause.CLAIMS),
    "jti with a space": (claims(jti="jti with some spaces"), Cause.CLAIMS),
    "jti a list": (claims(jti=[JTI]), Cause.CLAIMS),
    "iat missing": (claims(iat=None), Cause.TIME),
    "iat with a fraction": (claims(iat=NOW + 0.5), Cause.TIME),
    "nbf a text": (claims(nbf="now"), Cause.TIME),
    "exp missing": (claims(exp=None), Cause.TIME),
    "exp in ten years": (claims(exp=NOW + TEN_YEARS), Cause.TIME),
    "exp false": (claims(exp=False), Cause.TIME),
    "an access token of ours": (a_mint().mint("hr-payroll", EC_PRINT, JTI, AT), Cause.HEADER),
}


@pytest.mark.parametrize("case", FORGED)
def test_every_forged_assertion_gets_the_same_answer(case: str) -> None:
    desk = Desk()
    assertion, cause = FORGED[case]

    assert desk.ask(assertion) == REFUSED
    assert desk.causes == [cause]
    assert desk.ask() != REFUSED, "a forgery must not use up the jti it names"


@pytest.mark.parametrize("shown", [None, "", OTHER_PRINT, RSA_PRINT])
def test_an_assertion_counts_only_with_its_systems_certificate(shown: str | None) -> None:
    assert Desk().ask(thumbprint=shown) == REFUSED


@pytest.mark.parametrize("address", ["", "192.0.2.1", "unix", "10.21.0.1"])
def test_an_assertion_counts_only_from_the_systems_networks(address: str) -> None:
    assert Desk().ask(address=address) == REFUSED


# Seconds from now, and whether an assertion with that time is good.
SKEWS = {
    "iat": {-61: True, -11: True, -10: True, 0: True, 10: True, 11: False, 61: False},
    "nbf": {-61: True, -11: True, -10: True, 0: True, 10: True, 11: False, 61: False},
    "exp": {-61: False, -11: False, -10: False, 0: False, 1: True, 10: True, 61: True, 70: True, 71: False},
}


@pytest.mark.parametrize(("claim", "offset"), [(claim, offset) for claim in SKEWS for offset in SKEWS[claim]])
def test_clocks_may_differ_by_ten_seconds(claim: str, offset: int) -> None:
    assert (Desk().ask(claims(**{claim: NOW + offset}))[0] == 200) is SKEWS[claim][offset]


def test_an_assertion_works_once() -> None:
    desk = Desk()

    assert desk.ask()[0] == 200
    assert desk.ask() == REFUSED
    assert desk.causes == [Cause.REPLAY]
    desk.clock.pass_by(LIFE_SECONDS)
    assert desk.ask() == REFUSED


def test_a_full_store_refuses_instead_of_forgetting() -> None:
    desk = Desk(per_client=2)
    for number in range(2):
        assert desk.ask(claims(jti=f"jti-of-number-{number:06}"))[0] == 200

    assert desk.ask(claims(jti="jti-of-number-000002")) == REFUSED
    desk.clock.pass_by(LIFE_SECONDS + 2)
    late = AT + timedelta(seconds=LIFE_SECONDS + 2)
    assert desk.ask(make_assertion(KEY, "hr-payroll", ISSUER, late, JTI))[0] == 200


FORMS: Mapping[str, tuple[list[tuple[str, str]], int, str]] = {
    "nothing": ([], 400, "unsupported_grant_type"),
    "grant type missing": (a_form(grant_type=None), 400, "unsupported_grant_type"),
    "password grant": (a_form(grant_type="password"), 400, "unsupported_grant_type"),
    "refresh token": (a_form(grant_type="refresh_token"), 400, "unsupported_grant_type"),
    "assertion as a grant": (
        a_form(grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer"),
        400,
        "unsupported_grant_type",
    ),
    "twice the same": ([*a_form(), ("client_assertion", GOOD)], 400, "invalid_request"),
    "twice, both unknown": ([*a_form(), ("x", "1"), ("x", "2")], 400, "invalid_request"),
    "a scope": (a_form(scope="all"), 400, "invalid_scope"),
    "assertion missing": (a_form(client_assertion=None), 401, "invalid_client"),
    "assertion type missing": (a_form(client_assertion_type=None), 401, "invalid_client"),
    "assertion of SAML": (
        a_form(client_assertion_type="urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
        401,
        "invalid_client",
    ),
    "another client id beside it": (a_form(client_id="hr-social"), 401, "invalid_client"),
    "a secret beside it": (a_form(client_secret="secret"), 401, "invalid_client"),
    "only a client id": ([("grant_type", "client_credentials"), ("client_id", "hr-payroll")], 401, "invalid_client"),
}


@pytest.mark.parametrize("case", FORMS)
def test_an_unusual_form_gets_an_error_and_nothing_else(case: str) -> None:
    form, status, error = FORMS[case]

    assert Desk().endpoint.issue(form, EC_PRINT, ADDRESS) == (status, {"error": error})


@pytest.mark.parametrize("extra", [{"client_id": "hr-payroll"}, {"resource": AUDIENCE}])
def test_the_right_client_id_and_unknown_parameters_do_no_harm(extra: dict[str, str]) -> None:
    assert Desk().endpoint.issue(a_form(**extra), EC_PRINT, ADDRESS)[0] == 200


def test_a_system_that_left_the_registry_gets_no_token() -> None:
    desk, data = Desk(), partner_data()
    systems = data["systems"]
    assert isinstance(systems, list)

    desk.endpoint.swap(a_registry(data | {"systems": systems[1:]}))

    assert desk.ask() == REFUSED


def test_no_token_and_no_assertion_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk = Desk()
    _, body = desk.ask()
    desk.ask()
    desk.ask(claims(aud=AUDIENCE))

    assert str(body["access_token"]) not in caplog.text
    assert "eyJ" not in caplog.text


def test_no_two_tokens_are_alike() -> None:
    desk = Desk()
    tokens = {desk.ask(claims(jti=f"jti-of-number-{number:06}"))[1]["access_token"] for number in range(5)}

    assert len(tokens) == 5
    assert desk.drawn == 5


def test_an_assertion_is_made_with_a_key_that_can_be_registered() -> None:
    with pytest.raises(ValueError, match="P-256"):
        make_assertion(ec.generate_private_key(ec.SECP384R1()), "hr-payroll", ISSUER, AT, JTI)


# ------------------------------------------------------------------------------------------------ keys that come and go

# From when to when a key is good, in seconds from now; and when it signs.
KEYS_END: Mapping[str, tuple[dict[str, int], dict[int, bool]]] = {
    "for ever": ({}, {0: True, 86_400: True}),
    "ends": ({"not_after": 30}, {0: True, 29: True, 30: False}),
    "begins": ({"not_before": 30}, {0: False, 29: False, 30: True}),
    "was revoked before its end": ({"revoked_at": 30, "not_after": 600}, {29: True, 30: False, 600: False}),
    "was revoked": ({"revoked_at": -1}, {0: False}),
}


@pytest.mark.parametrize("case", KEYS_END)
def test_a_key_signs_only_while_it_is_good(case: str) -> None:
    times, works = KEYS_END[case]
    desk = Desk(registry=a_registry(keys_with(times)))

    for offset, is_good in works.items():
        assert (_ask_at(desk, offset, KEY)[0] == 200) is is_good


def test_two_keys_overlap_while_one_takes_the_others_place() -> None:
    desk = Desk(registry=a_registry(keys_with({"not_after": 60}, {"not_before": 30})))
    old, new = KEY, ec_key("client-next")

    told = {at: (_ask_at(desk, at, old)[0], _ask_at(desk, at, new)[0]) for at in (0, 30, 59, 60)}
    assert told == {0: (200, 401), 30: (200, 200), 59: (200, 200), 60: (401, 200)}


def test_a_key_that_was_taken_from_the_registry_is_refused_at_once() -> None:
    desk = Desk(registry=a_registry(keys_with({}, {})))
    assert _ask_at(desk, 0, KEY)[0] == 200
    data = keys_with({}, {})
    systems = data["systems"]
    assert isinstance(systems, list)
    del systems[0]["jwks"][0]

    desk.endpoint.swap(a_registry(data))

    assert _ask_at(desk, 0, KEY) == REFUSED
    assert _ask_at(desk, 0, ec_key("client-next"))[0] == 200


def test_a_key_for_requests_makes_no_assertion() -> None:
    data = keys_with({}, {})
    systems = data["systems"]
    assert isinstance(systems, list)
    systems[0]["jwks"][1]["use"] = ["request"]
    desk = Desk(registry=a_registry(data))

    assert _ask_at(desk, 0, ec_key("client-next")) == REFUSED
    assert desk.causes == [Cause.SIGNATURE]


def test_a_certificate_that_has_ended_gets_no_token() -> None:
    data = partner_data()
    systems = data["systems"]
    assert isinstance(systems, list)
    systems[0]["certificates"] = [{"thumbprint": EC_PRINT, "not_after": AT}]
    desk = Desk(registry=a_registry(data))

    assert _ask_at(desk, -1, KEY)[0] == 200
    assert _ask_at(desk, 0, KEY) == REFUSED
    assert desk.causes == [Cause.CERTIFICATE]


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
def test_an_assertion_may_be_of_ed25519_by_either_name(alg: str) -> None:
    key, data = ed_key("client"), partner_data()
    systems = data["systems"]
    assert isinstance(systems, list)
    systems[0] |= {"alg": "EdDSA", "jwks": [public_jwk(jose_key(key))]}

    assert Desk(registry=a_registry(data)).ask(signed({"alg": alg, "kid": kid_of(key)}, CLAIMS, key, alg))[0] == 200


def keys_with(*times: Mapping[str, int]) -> dict[str, object]:
    """The first system with a key for each of these times."""
    data = partner_data()
    systems = data["systems"]
    assert isinstance(systems, list)
    systems[0]["jwks"] = [
        {**public_jwk(jose_key(key)), **{name: AT + timedelta(seconds=offset) for name, offset in each.items()}}
        for key, each in zip((KEY, ec_key("client-next")), times, strict=False)
    ]
    return data


def _ask_at(desk: Desk, offset: int, key: PrivateKey) -> Reply:
    desk.clock.at = AT + timedelta(seconds=offset)
    return desk.ask(make_assertion(key, "hr-payroll", ISSUER, desk.clock.at, fresh_jti()))
