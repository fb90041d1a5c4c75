"""The client SDK with a key of its own for tokens, and one for requests: proofs are made anew whenever it sends."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

import httpx2
import pytest

from adapters.identity.dpop import Proofs, read_proof
from bidui_client import Account, Claim, Client, Question, Subject, UnauthorisedError, tls_context
from tests.adapters.make_identity import ADDRESSES, ec_key, jkt_of
from tests.fakes_gateway import AT, ISSUER, FakeGateway, Move, a_problem

PROOFS = Proofs(ADDRESSES)
QUESTION = Question(
    grant="G-1",
    purpose="benefit-check",
    operator="li-01",
    subject=Subject("person", "11010519491231002X", "张三"),
    claims=[Claim("unit", "盟水利局"), Claim("rank", 3)],
)


def an_account(**changes: Any) -> Account:
    settings: dict[str, Any] = {"url": ISSUER, "client_id": "tax-dpop", "key": ec_key("tax-dpop")}
    return Account(**(settings | {"clock": AT.timestamp, "dpop_key": ec_key("dpop")} | changes))


def ask(gateway: FakeGateway, account: Account | None = None, times: int = 1) -> None:
    with Client(account or an_account(), transport=httpx2.MockTransport(gateway)) as client:
        for _ in range(times):
            client.compare(**QUESTION)


def nonce_wanted(status: int, nonce: str) -> httpx2.Response:
    body = {"error": "use_dpop_nonce"} if status == 400 else {"status": 401}
    return httpx2.Response(status, json=body, headers={"DPoP-Nonce": nonce})


def claims_of(request: httpx2.Request) -> dict[str, object]:
    claims: dict[str, object] = json.loads(urlsafe_b64decode(request.headers["DPoP"].split(".")[1] + "=="))
    return claims


def noted(gateway: FakeGateway) -> list[httpx2.Request]:
    """The token requests that a gateway is sent, from now on."""
    requests: list[httpx2.Request] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(200, json={"access_token": "token-1", "token_type": "DPoP", "expires_in": 300})

    gateway.token_moves.append(note)
    return requests


def test_token_and_question_come_with_proofs_that_the_gateway_takes() -> None:
    gateway = FakeGateway()
    requests = noted(gateway)
    ask(gateway)
    (requested,), (asked,) = requests, gateway.asked

    assert asked.headers["Authorization"] == "DPoP token-1"
    assert PROOFS.check(read_proof(requested.headers["DPoP"]), "POST", "/oauth/token", AT)
    proof = read_proof(asked.headers["DPoP"])
    assert PROOFS.check(proof, "POST", "/v1/comparisons", AT, token="token-1")
    assert proof.thumbprint == jkt_of()


def test_every_attempt_has_a_proof_of_its_own() -> None:
    gateway = FakeGateway(moves=[a_problem(429, {"Retry-After": "0"}), a_problem(503, {"Retry-After": "0"})])
    ask(gateway)

    assert len({claims_of(each)["jti"] for each in gateway.asked}) == 3
    assert len({each.headers["Idempotency-Key"] for each in gateway.asked}) == 1


def test_a_nonce_is_put_into_the_proof_and_kept_for_the_next() -> None:
    gateway = FakeGateway(moves=[nonce_wanted(401, "nonce-2")], token_moves=[nonce_wanted(400, "nonce-1")])
    ask(gateway, times=2)

    assert len(gateway.assertions) == 2
    assert [claims_of(each).get("nonce") for each in gateway.asked] == ["nonce-1", "nonce-2", "nonce-2"]


NEVER: dict[str, list[Move]] = {
    "another nonce each time": [nonce_wanted(401, f"nonce-{number}") for number in range(10)],
    "always the same": [nonce_wanted(401, "nonce") for _ in range(10)],
    "a nonce that is none": [nonce_wanted(401, "\x01") for _ in range(10)],
    "no nonce": [a_problem(401) for _ in range(10)],
}


@pytest.mark.parametrize("case", NEVER)
def test_a_gateway_that_is_never_content_is_not_asked_for_ever(case: str) -> None:
    gateway = FakeGateway(moves=list(NEVER[case]))

    with pytest.raises(UnauthorisedError):
        ask(gateway)
    assert len(gateway.asked) <= 4


def test_without_a_key_nothing_of_it_is_sent_whatever_the_gateway_says() -> None:
    gateway = FakeGateway(moves=[nonce_wanted(401, "nonce")])

    with pytest.raises(UnauthorisedError):
        ask(gateway, an_account(dpop_key=None))
    assert all("DPoP" not in each.headers and "Signature" not in each.headers for each in gateway.asked)


def test_a_signature_is_made_anew_for_each_attempt_and_reading_has_none() -> None:
    gateway = FakeGateway(moves=[a_problem(503, {"Retry-After": "0"})])
    account = an_account(dpop_key=None, request_key=ec_key("signing"), request_kid="ec")
    with Client(account, transport=httpx2.MockTransport(gateway)) as client:
        client.compare(**QUESTION)
        client.catalogue()

    first, second, read = (each.headers for each in gateway.asked)
    assert first["Content-Digest"] == second["Content-Digest"]
    assert first["Signature-Input"] != second["Signature-Input"]
    assert "Signature" not in read


def test_a_key_for_requests_is_named_by_its_thumbprint_if_nothing_else_is_said() -> None:
    gateway = FakeGateway()
    ask(gateway, an_account(request_key=ec_key("signing")))

    assert f'keyid="{jkt_of(ec_key("signing"))}"' in gateway.asked[0].headers["Signature-Input"]


def test_keys_stay_out_of_the_accounts_repr() -> None:
    assert "PrivateKey" not in repr(an_account(request_key=ec_key("signing")))


def test_tls_needs_no_certificate_of_ours() -> None:
    assert tls_context().check_hostname
