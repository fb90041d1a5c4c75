"""DPoP (RFC 9449): a proof is one for this request, this token and this minute, once; all else looks alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.identity.assertion import make_assertion
from adapters.identity.bearer import BearerIdentity, Spending
from adapters.identity.certificate import EXTENSION, Edge
from adapters.identity.clients import ASSERTION_TYPE, ClientDesk
from adapters.identity.dpop import NonceNeededError, Nonces, Proofs, hash_of, normal, read_proof
from adapters.identity.endpoint import Reply, TokenEndpoint
from adapters.identity.jose import Cause, PrivateKey, RejectedError, jose_key, public_jwk
from adapters.identity.replay import MemoryReplayStore
from gateway.api.identify import Challenge
from gateway.domain.caller import Caller
from tests.adapters.make_identity import (
    ADDRESS,
    ADDRESSES,
    AT,
    BOTH_CLIENT,
    BOTH_PRINT,
    DPOP_CLIENT,
    EC_PRINT,
    ISSUER,
    JTI,
    NOW,
    OTHER_PRINT,
    StandingClock,
    a_door,
    a_mint,
    a_proof,
    a_registry,
    ec_key,
    ed_key,
    fresh_jti,
    jkt_of,
    partner_data,
    rsa_key,
    signed,
    tax_data,
)

URL, PATH = f"{ISSUER}/v1/comparisons", "/v1/comparisons"
TOKEN = a_mint().mint(DPOP_CLIENT, f"jkt:{jkt_of()}", JTI, AT)
PROOFS = Proofs(ADDRESSES)

# ------------------------------------------------------------------------------------------------ published examples

PUBLISHED_JWK = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo"
    "RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
)
FIGURE_2 = (
    f"{PUBLISHED_JWK}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29t"
    "L3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfb"
    "V37xRZT3Lg"
)
FIGURE_13 = (
    f"{PUBLISHED_JWK}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9y"
    "Zy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtz"
    "bVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
PUBLISHED_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
PUBLISHED_JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def test_the_published_token_request_is_sound() -> None:
    proof = read_proof(FIGURE_2)

    used = Proofs(["https://server.example.com"]).check(proof, "POST", "/token", _then(1562262616))
    assert (proof.thumbprint, used.id) == (PUBLISHED_JKT, "-BwC3ESc6acc2lTc")


def test_the_published_resource_request_is_sound_with_its_token_alone() -> None:
    proofs, proof, at = Proofs(["https://resource.example.org"]), read_proof(FIGURE_13), _then(1562262618)

    used = proofs.check(proof, "GET", "/protectedresource", at, token=PUBLISHED_TOKEN)
    assert (proof.thumbprint, used.id) == (PUBLISHED_JKT, "e1j3V_bKic8-LAEB")
    assert hash_of(PUBLISHED_TOKEN) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    for token in (None, "", PUBLISHED_TOKEN + "x"):
        with pytest.raises(RejectedError):
            proofs.check(proof, "GET", "/protectedresource", at, token=token)


def _then(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# ------------------------------------------------------------------------------------------------ one proof

JWK = {name: value for name, value in public_jwk(jose_key(ec_key("dpop"))).items() if name != "kid"}
RSA_JWK = {name: value for name, value in public_jwk(jose_key(rsa_key("dpop"))).items() if name != "kid"}
OTHER_JWK = {name: value for name, value in public_jwk(jose_key(ec_key("other"))).items() if name != "kid"}
CLAIMS: Mapping[str, object] = {"jti": JTI, "htm": "POST", "htu": URL, "iat": NOW, "ath": hash_of(TOKEN)}


def changed(header: Mapping[str, object] | None = None, claims: Mapping[str, object] | None = None) -> str:
    return a_proof(token=TOKEN, header=header, claims=claims)


def raw(header: str, claims: str) -> str:
    return signed(header, claims, ec_key("dpop"), "ES256")


GOOD_HEADER = f'{{"typ":"dpop+jwt","alg":"ES256","jwk":{{"kty":"EC","crv":"P-256","x":"{JWK["x"]}","y":"{JWK["y"]}"}}}}'
WRONG: Mapping[str, tuple[str, Cause]] = {
    "empty": ("", Cause.UNREADABLE),
    "1 MB": (changed() + "A" * 1_000_000, Cause.UNREADABLE),
    "JSON serialisation": ('{"payload":"e30","signatures":[]}', Cause.UNREADABLE),
    "two proofs in one": (f"{changed()},{changed()}", Cause.UNREADABLE),
    "padding": (changed() + "=", Cause.UNREADABLE),
    "typ missing": (changed({"typ": None}), Cause.PROOF),
    "typ JWT": (changed({"typ": "JWT"}), Cause.PROOF),
    "typ at+jwt": (changed({"typ": "at+jwt"}), Cause.PROOF),
    "typ in capitals": (changed({"typ": "DPOP+JWT"}), Cause.PROOF),
    "alg none": (
        signed({"typ": "dpop+jwt", "alg": "none", "jwk": JWK}, CLAIMS, ec_key("dpop"), "none"),
        Cause.UNREADABLE,
    ),
    "alg none with a signature": (changed({"alg": "none"}), Cause.PROOF),
    "alg HS256 with the public key": (
        signed({"typ": "dpop+jwt", "alg": "HS256", "jwk": JWK}, CLAIMS, ec_key("dpop"), "HS256"),
        Cause.PROOF,
    ),
    "alg RS256": (
        signed({"typ": "dpop+jwt", "alg": "RS256", "jwk": RSA_JWK}, CLAIMS, rsa_key("dpop"), "RS256"),
        Cause.PROOF,
    ),
    "alg ES384": (changed({"alg": "ES384"}), Cause.PROOF),
    "alg of another key": (changed({"alg": "PS256"}), Cause.PROOF),
    "alg a list": (changed({"alg": ["ES256"]}), Cause.PROOF),
    "jwk missing": (changed({"jwk": None}), Cause.PROOF),
    "jwk a text": (changed({"jwk": "key"}), Cause.PROOF),
    "jwk empty": (changed({"jwk": {}}), Cause.PROOF),
    "jwk private": (changed({"jwk": JWK | {"d": "AAAA"}}), Cause.PROOF),
    "jwk with a name": (changed({"jwk": JWK | {"kid": "1"}}), Cause.PROOF),
    "jwk symmetric": (changed({"jwk": {"kty": "oct", "k": "AAAA"}}), Cause.PROOF),
    "jwk on another curve": (changed({"jwk": JWK | {"crv": "P-384"}}), Cause.PROOF),
    "jwk off its curve": (changed({"jwk": JWK | {"y": "A" * 43}}), Cause.PROOF),
    "jwk with a number": (changed({"jwk": JWK | {"x": 7}}), Cause.PROOF),
    "jwk with a list": (changed({"jwk": JWK | {"x": [JWK["x"]]}}), Cause.PROOF),
    "jwk of a small RSA key": (
        changed({"alg": "PS256", "jwk": {"kty": "RSA", "e": "AQAB", "n": "_" * 171}}),
        Cause.PROOF,
    ),
    "jwk of an RSA key with e=3": (changed({"alg": "PS256", "jwk": RSA_JWK | {"e": "Aw"}}), Cause.PROOF),
    "jwk of another key": (changed({"jwk": OTHER_JWK}), Cause.SIGNATURE),
    "header kid": (changed({"kid": "1"}), Cause.PROOF),
    "header jku": (changed({"jku": "https://evil.example/jwks"}), Cause.PROOF),
    "header x5u": (changed({"x5u": "https://evil.example/x5u"}), Cause.PROOF),
    "header crit": (changed({"crit": ["exp"]}), Cause.PROOF),
    "header b64": (changed({"b64": False, "crit": ["b64"]}), Cause.PROOF),
    "header twice alg": (raw(GOOD_HEADER.replace('"alg"', '"alg":"none","alg"', 1), "{}"), Cause.UNREADABLE),
    "jwk twice x": (raw(GOOD_HEADER.replace('"x":', '"x":"AA","x":', 1), "{}"), Cause.UNREADABLE),
    "claims twice htu": (raw(GOOD_HEADER, '{"htu":"a","htu":"b"}'), Cause.UNREADABLE),
    "claims a list": (raw(GOOD_HEADER, "[]"), Cause.UNREADABLE),
    "iat NaN": (raw(GOOD_HEADER, '{"iat":NaN}'), Cause.UNREADABLE),
    "iat 1e400": (raw(GOOD_HEADER, '{"iat":1e400}'), Cause.UNREADABLE),
    "htm missing": (changed(claims={"htm": None}), Cause.CLAIMS),
    "htm another": (changed(claims={"htm": "GET"}), Cause.PROOF),
    "htm in small letters": (changed(claims={"htm": "post"}), Cause.PROOF),
    "htm a list": (changed(claims={"htm": ["POST"]}), Cause.CLAIMS),
    "htu missing": (changed(claims={"htu": None}), Cause.CLAIMS),
    "htu another path": (changed(claims={"htu": f"{ISSUER}/v1/catalogue"}), Cause.PROOF),
    "htu another host": (changed(claims={"htu": "https://evil.example/v1/comparisons"}), Cause.PROOF),
    "htu plain http": (changed(claims={"htu": URL.replace("https", "http")}), Cause.PROOF),
    "htu another port": (changed(claims={"htu": "https://bidui.example:8443/v1/comparisons"}), Cause.PROOF),
    "htu with a user": (changed(claims={"htu": "https://bidui.example@evil.example/v1/comparisons"}), Cause.PROOF),
    "htu with our user": (changed(claims={"htu": "https://me@bidui.example/v1/comparisons"}), Cause.PROOF),
    "htu no address": (changed(claims={"htu": "https://[::1/v1/comparisons"}), Cause.PROOF),
    "htu of a port that is none": (changed(claims={"htu": "https://bidui.example:x/v1/comparisons"}), Cause.PROOF),
    "htu an object": (changed(claims={"htu": {}}), Cause.CLAIMS),
    "ath missing": (changed(claims={"ath": None}), Cause.PROOF),
    "ath of another token": (changed(claims={"ath": hash_of("another")}), Cause.PROOF),
    "ath a number": (changed(claims={"ath": 7}), Cause.PROOF),
    "iat missing": (changed(claims={"iat": None}), Cause.TIME),
    "iat a text": (changed(claims={"iat": str(NOW)}), Cause.TIME),
    "iat true": (changed(claims={"iat": True}), Cause.TIME),
    "iat with a fraction": (changed(claims={"iat": NOW + 0.5}), Cause.TIME),
    "jti missing": (changed(claims={"jti": None}), Cause.CLAIMS),
    "jti short": (changed(claims={"jti": "j" * 15}), Cause.CLAIMS),
    "jti long": (changed(claims={"jti": "j" * 65}), Cause.CLAIMS),
    "jti of 60 kB": (changed(claims={"jti": "j" * 60_000}), Cause.UNREADABLE),
    "jti a list": (changed(claims={"jti": [JTI]}), Cause.CLAIMS),
    "another claim more": (changed(claims={"scope": "all"}), Cause.PROOF),
    "signature of another": (
        signed({"typ": "dpop+jwt", "alg": "ES256", "jwk": JWK}, CLAIMS, ec_key("other"), "ES256"),
        Cause.SIGNATURE,
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_proof_that_is_wrong_in_one_thing_proves_nothing(case: str) -> None:
    text, cause = WRONG[case]

    with pytest.raises(RejectedError) as rejected:
        PROOFS.check(read_proof(text), "POST", PATH, AT, token=TOKEN)
    assert rejected.value.cause is cause


ADDRESSED = {
    URL: True,
    f"{URL}?x=1": True,
    f"{URL}#x": True,
    "HTTPS://BIDUI.Example/v1/comparisons": True,
    "https://bidui.example:443/v1/comparisons": True,
    "https://bidui.example:/v1/comparisons": True,
    "https://other.bidui.example:8443/base/v1/comparisons": True,
    "https://other.bidui.example/base/v1/comparisons": False,
    "https://bidui.example/V1/comparisons": False,
    "https://bidui.example/v1/comparisons/": False,
    "https://bidui.example//v1/comparisons": False,
    "https://bidui.example/x/../v1/comparisons": False,
    "https://bidui.example./v1/comparisons": False,
    "/v1/comparisons": False,
    "": False,
}


@pytest.mark.parametrize("url", ADDRESSED)
def test_an_address_is_compared_with_ours_whatever_its_spelling(url: str) -> None:
    proof = read_proof(a_proof(url=url, token=TOKEN))

    if ADDRESSED[url]:
        assert PROOFS.check(proof, "POST", PATH, AT, token=TOKEN)
    else:
        with pytest.raises(RejectedError):
            PROOFS.check(proof, "POST", PATH, AT, token=TOKEN)


@given(st.text(max_size=200))
def test_no_text_breaks_an_address(url: str) -> None:
    assert normal(url) is None or str(normal(url)).startswith("https://")


SKEWS = {-61: False, -60: True, -11: True, -10: True, 0: True, 10: True, 11: False, 61: False}


@pytest.mark.parametrize("offset", SKEWS)
def test_a_proof_lives_a_minute_and_clocks_may_differ_by_ten_seconds(offset: int) -> None:
    proof = read_proof(changed(claims={"iat": NOW + offset}))

    if SKEWS[offset]:
        # Remembered at least as long as it could be shown again.
        assert PROOFS.check(proof, "POST", PATH, AT, token=TOKEN).until > NOW + offset + 60
    else:
        with pytest.raises(RejectedError, match="time"):
            PROOFS.check(proof, "POST", PATH, AT, token=TOKEN)


KEYS: Mapping[str, tuple[PrivateKey, str]] = {
    "ES256": (ec_key("dpop"), "ES256"),
    "PS256": (rsa_key("dpop"), "PS256"),
    "Ed25519": (ed_key("dpop"), "Ed25519"),
    "EdDSA, its old name": (ed_key("dpop"), "EdDSA"),
}


@pytest.mark.parametrize("case", KEYS)
def test_keys_of_three_kinds_prove(case: str) -> None:
    key, alg = KEYS[case]
    proof = read_proof(a_proof(token=TOKEN, key=key, header={"alg": alg}))

    assert PROOFS.check(proof, "POST", PATH, AT, token=TOKEN)
    assert proof.thumbprint == jkt_of(key)


# ------------------------------------------------------------------------------------------------ requests


class Desk:
    """Token endpoint and door of one installation, with a clock that stands."""

    def __init__(self, *, nonces: bool = False, replays: MemoryReplayStore | None = None) -> None:
        self.clock, self.causes = StandingClock(), list[Cause]()
        self.nonces = Nonces(b"secret of this installation") if nonces else None
        replays = replays or MemoryReplayStore(clock=self.clock)
        registry, proofs = a_registry(partner_data(), tax_data()), Proofs(ADDRESSES, self.nonces)
        self.endpoint = TokenEndpoint(
            clients=ClientDesk(issuer=ISSUER, registry=registry, replays=replays),
            mint=a_mint(),
            issuer=ISSUER,
            clock=self.clock,
            entropy=lambda size: fresh_jti().encode()[-size:],
            proofs=proofs,
            notice=self.causes.append,
        )
        self.identity = BearerIdentity(
            door=a_door(self.causes, registry=registry),
            edge=Edge(),
            clock=self.clock,
            proofs=proofs,
            replays=replays,
            notice=self.causes.append,
        )

    def issue(self, *proofs: str, client: str = DPOP_CLIENT, shown: str | None = None, **changes: str) -> Reply:
        """A token request of this client. `shown`: the certificate it comes with."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": make_assertion(ec_key(client), client, ISSUER, self.clock.now(), fresh_jti()),
        }
        return self.endpoint.issue(list((form | changes).items()), shown, ADDRESS, proofs)

    def token(self, **named: str | None) -> str:
        status, body = self.issue(a_proof(url=f"{ISSUER}/oauth/token"), **named)  # type: ignore[arg-type]  # names of `issue`
        assert status == 200
        return str(body["access_token"])

    def look(self, *headers: tuple[bytes, bytes], shown: str | None = None, method: str = "POST") -> object:
        """Who sends a request with these headers, all proofs used up."""
        scope: dict[str, object] = {
            "type": "http",
            "method": method,
            "path": PATH,
            "query_string": b"",
            "client": (ADDRESS, 1),
            "headers": list(headers),
        }
        if shown:
            scope["extensions"] = {EXTENSION: {"thumbprint": shown}}
        known = self.identity(scope)
        return asyncio.run(known.spend()) if isinstance(known, Spending) else known


def authorised(token: str, proof: str | None = None, scheme: str = "DPoP") -> list[tuple[bytes, bytes]]:
    headers = [(b"authorization", f"{scheme} {token}".encode())]
    return headers if proof is None else [*headers, (b"dpop", proof.encode())]


def test_a_system_without_certificate_gets_a_token_bound_to_its_key_and_asks_with_it() -> None:
    desk = Desk()
    status, body = desk.issue(a_proof(url=f"{ISSUER}/oauth/token"))

    assert (status, body["token_type"], body["expires_in"]) == (200, "DPoP", 300)
    caller = desk.look(*authorised(str(body["access_token"]), a_proof(token=str(body["access_token"]))))
    assert isinstance(caller, Caller)
    assert (caller.client_id, caller.network) == (DPOP_CLIENT, "gov_extranet")


REFUSED: Mapping[str, tuple[dict[str, object], str]] = {
    "no proof, no certificate": ({"proofs": []}, "invalid_client"),
    "a proof for another address": ({"proofs": [a_proof(url=URL)]}, "invalid_dpop_proof"),
    "a proof with a token": ({"proofs": [a_proof(url=f"{ISSUER}/oauth/token", token="x")]}, "invalid_dpop_proof"),
    "two proofs": ({"proofs": [a_proof(url=f"{ISSUER}/oauth/token")] * 2}, "invalid_dpop_proof"),
    "not a proof": ({"proofs": ["x"]}, "invalid_dpop_proof"),
    "a system with certificates alone": ({"client": "hr-payroll"}, "invalid_client"),
    "the same with its certificate": ({"client": "hr-payroll", "shown": EC_PRINT}, "invalid_client"),
    "another's certificate": ({"shown": BOTH_PRINT}, "invalid_client"),
    "nobody we know": ({"client": "nobody"}, "invalid_client"),
    "another's name": ({"client_id": BOTH_CLIENT}, "invalid_client"),
    "a secret beside it": ({"client_secret": "x"}, "invalid_client"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_may_not_have_a_token_for_a_key_gets_none(case: str) -> None:
    asked, error = dict(REFUSED[case][0]), REFUSED[case][1]
    proofs = asked.pop("proofs", None)
    sent = [a_proof(url=f"{ISSUER}/oauth/token")] if proofs is None else proofs
    assert isinstance(sent, list)

    status, body = Desk().issue(*sent, **asked)  # type: ignore[arg-type]  # names of `issue`
    assert (status, body) == (401 if error == "invalid_client" else 400, {"error": error})


def test_a_certificate_that_is_nobodys_is_no_hindrance_to_a_key() -> None:
    assert Desk().issue(a_proof(url=f"{ISSUER}/oauth/token"), shown=OTHER_PRINT)[0] == 200


def test_a_proof_for_a_token_works_once_and_an_assertion_too() -> None:
    desk, proof = Desk(), a_proof(url=f"{ISSUER}/oauth/token")
    assertion = make_assertion(ec_key(DPOP_CLIENT), DPOP_CLIENT, ISSUER, AT, JTI)

    assert desk.issue(proof)[0] == 200
    assert desk.issue(proof) == (401, {"error": "invalid_client"})
    assert desk.issue(a_proof(url=f"{ISSUER}/oauth/token"), client_assertion=assertion)[0] == 200
    assert desk.issue(a_proof(url=f"{ISSUER}/oauth/token"), client_assertion=assertion)[0] == 401


def test_a_system_bound_either_way_gets_what_it_asks_with() -> None:
    desk = Desk()
    by_key = desk.token(client=BOTH_CLIENT)
    status, body = desk.issue(client=BOTH_CLIENT, shown=BOTH_PRINT)
    by_certificate = str(body["access_token"])

    assert (status, body["token_type"]) == (200, "Bearer")
    assert isinstance(desk.look(*authorised(by_certificate, scheme="Bearer"), shown=BOTH_PRINT), Caller)
    assert isinstance(desk.look(*authorised(by_key, a_proof(token=by_key))), Caller)
    assert desk.look(*authorised(by_key, scheme="Bearer"), shown=BOTH_PRINT) is None
    assert desk.look(*authorised(by_certificate, a_proof(token=by_certificate)), shown=BOTH_PRINT) is None


DESK = Desk()
ISSUED = DESK.token()
SHOWN: Mapping[str, tuple[list[tuple[bytes, bytes]], bool]] = {
    "token and proof": (authorised(ISSUED, a_proof(token=ISSUED)), True),
    "scheme in capitals": (authorised(ISSUED, a_proof(token=ISSUED), "DPOP"), True),
    "as bearer": (authorised(ISSUED, scheme="Bearer"), False),
    "as bearer with the proof": (authorised(ISSUED, a_proof(token=ISSUED), "Bearer"), False),
    "without the proof": (authorised(ISSUED), False),
    "proof without token": ([(b"dpop", a_proof(token=ISSUED).encode())], False),
    "proof twice": ([*authorised(ISSUED, a_proof(token=ISSUED)), (b"dpop", a_proof(token=ISSUED).encode())], False),
    "token twice": (authorised(ISSUED, a_proof(token=ISSUED)) + authorised(ISSUED), False),
    "proof of another key": (authorised(ISSUED, a_proof(token=ISSUED, key=ec_key("other"))), False),
    "proof for another token": (authorised(ISSUED, a_proof(token="another")), False),
    "proof for the token endpoint": (authorised(ISSUED, a_proof(url=f"{ISSUER}/oauth/token", token=ISSUED)), False),
    "proof for reading": (authorised(ISSUED, a_proof("GET", token=ISSUED)), False),
    "another scheme": (authorised(ISSUED, a_proof(token=ISSUED), "Basic"), False),
    "a token that is none": (authorised("e30.e30.e30", a_proof(token="e30.e30.e30")), False),
    "two spaces": (authorised(f" {ISSUED}", a_proof(token=ISSUED)), False),
    "bytes beyond ASCII": ([(b"authorization", b"DPoP \xff\xfe"), (b"dpop", b"\xff\xfe")], False),
}


@pytest.mark.parametrize("case", SHOWN)
def test_a_request_has_a_caller_or_has_none(case: str) -> None:
    headers, known = SHOWN[case]

    assert isinstance(DESK.look(*headers), Caller) is known


def test_a_proof_works_once_also_at_another_node_that_shares_the_store() -> None:
    shared = MemoryReplayStore(clock=StandingClock())
    one, other = Desk(replays=shared), Desk(replays=shared)
    token = one.token()
    headers = authorised(token, a_proof(token=token))

    assert isinstance(one.look(*headers), Caller)
    assert one.look(*headers) is None
    assert other.look(*headers) is None
    assert isinstance(other.look(*authorised(token, a_proof(token=token))), Caller)


def test_a_proof_that_is_refused_is_not_used_up() -> None:
    desk = Desk()
    token = desk.token()
    headers = authorised(token, a_proof(token=token, claims={"iat": NOW + 20}))

    assert desk.look(*headers) is None
    desk.clock.pass_by(15)
    assert isinstance(desk.look(*headers), Caller)


def test_a_token_dies_with_its_systems_right_to_such_tokens() -> None:
    desk = Desk()
    token = desk.token(client=BOTH_CLIENT)
    data = tax_data()
    systems = data["systems"]
    assert isinstance(systems, list)
    systems[2].pop("bindings")

    desk.identity.door.swap(a_registry(data))

    assert desk.look(*authorised(token, a_proof(token=token))) is None
    assert desk.causes == [Cause.BINDING]


# ------------------------------------------------------------------------------------------------ nonces


def test_where_a_nonce_is_wanted_a_proof_without_it_is_asked_for_again() -> None:
    desk, url = Desk(nonces=True), f"{ISSUER}/oauth/token"
    nonce = desk.endpoint.nonce()

    assert desk.issue(a_proof(url=url)) == (400, {"error": "use_dpop_nonce"})
    assert desk.issue(a_proof(url=url, claims={"nonce": "another"})) == (400, {"error": "use_dpop_nonce"})
    status, body = desk.issue(a_proof(url=url, claims={"nonce": nonce}))
    assert status == 200
    token = str(body["access_token"])
    assert desk.look(*authorised(token, a_proof(token=token))) == Challenge(str(nonce))
    assert isinstance(desk.look(*authorised(token, a_proof(token=token, claims={"nonce": nonce}))), Caller)


NONCES = {-61: False, 0: True, 59: True, 119: True, 120: False, 180: False}


@pytest.mark.parametrize("offset", NONCES)
def test_a_nonce_lives_one_to_two_minutes_at_every_node(offset: int) -> None:
    start = datetime.fromtimestamp(NOW // 60 * 60, UTC)
    told = Nonces(b"the secret").fresh(start)
    other = Nonces(b"the secret")

    if NONCES[offset]:
        other.check(told, start + timedelta(seconds=offset))
    else:
        with pytest.raises(NonceNeededError):
            other.check(told, start + timedelta(seconds=offset))
    with pytest.raises(NonceNeededError):
        Nonces(b"another secret").check(told, start)


@pytest.mark.parametrize("told", [None, "", 7, ["x"], "\udc80", "字"])
def test_a_nonce_of_any_other_kind_is_none(told: object) -> None:
    with pytest.raises(NonceNeededError):
        Nonces(b"the secret").check(told, AT)


@pytest.mark.parametrize("addresses", [[], ["http://bidui.example"], [ISSUER, "bidui.example"], [ISSUER, ""]])
def test_an_installation_has_https_addresses_alone(addresses: list[str]) -> None:
    with pytest.raises(ValueError, match="https"):
        Proofs(addresses)


TEXTS = st.text(max_size=300) | st.builds(
    lambda header, claims: signed(header, claims, ec_key("dpop"), "ES256"),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=9),
        lambda each: st.lists(each) | st.dictionaries(st.text(max_size=5), each),
    ).map(json.dumps),
    st.dictionaries(
        st.sampled_from(["jti", "htm", "htu", "iat", "ath", "nonce"]), st.text(max_size=9) | st.integers()
    ).map(json.dumps),
)


@given(TEXTS)
def test_no_text_breaks_the_reading_of_proofs(text: str) -> None:
    with pytest.raises(RejectedError):
        PROOFS.check(read_proof(text), "POST", PATH, AT, token=TOKEN)


@given(
    st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "n", "e", "d", "kid"]),
        st.text(max_size=9)
        | st.lists(st.text(max_size=2))
        | st.sampled_from(["EC", "RSA", "OKP", "P-256", "Ed25519", "AQAB"]),
    )
)
def test_no_key_breaks_the_reading_of_proofs(jwk: dict[str, object]) -> None:
    with pytest.raises(RejectedError):
        read_proof(changed({"jwk": jwk}))
