"""Over HTTP: the token routes, and the caller of a request with its bearer token."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from adapters.identity.assertion import make_assertion
from adapters.identity.bearer import BearerIdentity
from adapters.identity.certificate import Edge, TrustedProxy, thumbprint_of
from adapters.identity.clients import ClientDesk
from adapters.identity.endpoint import ASSERTION_TYPE, TokenEndpoint
from adapters.identity.metadata import key_set, server_metadata
from adapters.identity.registry import Registry
from adapters.identity.replay import MemoryReplayStore
from adapters.identity.revocation import TokenKeeper
from gateway.api.token import LONGEST_FORM, token_routes
from gateway.domain.caller import Caller
from tests.adapters.make_identity import (
    ADDRESS,
    AT,
    ISSUER,
    JTI,
    Kept,
    StandingClock,
    a_door,
    a_mint,
    a_registry,
    ec_key,
    partner_data,
)

PEER, SECRET = "192.0.2.10", b"0123456789abcdef"
DER = b"any bytes stand for a certificate here"
PRINT = thumbprint_of(DER)
CERTIFIED = {
    "client-cert": ":YW55IGJ5dGVzIHN0YW5kIGZvciBhIGNlcnRpZmljYXRlIGhlcmU=:",
    "bidui-proxy-secret": SECRET.decode(),
    "x-real-ip": ADDRESS,
}
EDGE = Edge(TrustedProxy(frozenset({PEER}), SECRET))


def the_registry() -> Registry:
    data = partner_data()
    systems = data["systems"]
    assert isinstance(systems, list)
    systems[0]["certificates"] = [PRINT]
    return a_registry(data)


def a_client() -> TestClient:
    clock = StandingClock()
    clients = ClientDesk(issuer=ISSUER, registry=the_registry(), replays=MemoryReplayStore(clock=clock))
    endpoint = TokenEndpoint(
        clients=clients,
        mint=a_mint(),
        issuer=ISSUER,
        clock=clock,
        entropy=lambda size: b"\x07" * size,
    )
    keeper = TokenKeeper(clients=clients, door=a_door(), revoked=Kept(), clock=clock)
    routes = token_routes(
        issuer=endpoint,
        keeper=keeper,
        edge=EDGE,
        metadata=server_metadata(ISSUER),
        keys=key_set([a_mint().public_jwk()]),
    )
    return TestClient(Starlette(routes=routes), base_url="https://testserver", client=(PEER, 40000))


def a_form(**changes: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": make_assertion(ec_key("client"), "hr-payroll", ISSUER, AT, JTI),
    } | changes


def test_a_token_is_given_once_and_never_cached() -> None:
    with a_client() as client:
        first = client.post("/oauth/token", data=a_form(), headers=CERTIFIED)
        again = client.post("/oauth/token", data=a_form(), headers=CERTIFIED)

    assert (first.status_code, first.headers["cache-control"]) == (200, "no-store")
    assert first.json()["token_type"] == "Bearer"
    assert (again.status_code, again.json()) == (401, {"error": "invalid_client"})


BODIES: Mapping[str, tuple[bytes, str]] = {
    "JSON": (b'{"grant_type":"client_credentials"}', "application/json"),
    "no type": (b"grant_type=client_credentials", ""),
    "multipart": (b"grant_type=client_credentials", "multipart/form-data"),
    "5 MB": (b"grant_type=" + b"a" * 5_000_000, "application/x-www-form-urlencoded"),
    "one byte too long": (b"a=" + b"a" * (LONGEST_FORM - 1), "application/x-www-form-urlencoded"),
    "a field twice": (b"grant_type=a&grant_type=a", "application/x-www-form-urlencoded"),
    "too many fields": (b"&".join(b"f%d=1" % number for number in range(17)), "application/x-www-form-urlencoded"),
    "no equals sign": (b"grant_type", "application/x-www-form-urlencoded"),
    "not ASCII": ("grant_type=令牌".encode(), "application/x-www-form-urlencoded"),
    "escaped bytes that are no UTF-8": (b"grant_type=%ff", "application/x-www-form-urlencoded"),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_no_small_form_is_an_invalid_request(case: str) -> None:
    content, kind = BODIES[case]
    with a_client() as client:
        reply = client.post("/oauth/token", content=content, headers=CERTIFIED | {"content-type": kind})

    assert (reply.status_code, reply.json()) == (400, {"error": "invalid_request"})


def test_the_documents_say_what_a_client_library_needs() -> None:
    with a_client() as client:
        document = client.get("/.well-known/oauth-authorization-server").json()
        keys = client.get("/oauth/jwks").json()["keys"]

    assert (document["issuer"], document["token_endpoint"]) == (ISSUER, f"{ISSUER}/oauth/token")
    assert document["tls_client_certificate_bound_access_tokens"] is True
    for name, path in {"token": "token", "revocation": "revoke", "introspection": "introspect"}.items():
        assert document[f"{name}_endpoint"] == f"{ISSUER}/oauth/{path}"
        assert document["mtls_endpoint_aliases"][f"{name}_endpoint"] == f"{ISSUER}/oauth/{path}"
        assert document[f"{name}_endpoint_auth_methods_supported"] == ["private_key_jwt"]
        assert document[f"{name}_endpoint_auth_signing_alg_values_supported"] == ["ES256", "PS256", "EdDSA", "Ed25519"]
    assert document["dpop_signing_alg_values_supported"] == ["ES256", "PS256", "EdDSA", "Ed25519"]
    assert keys == [{"use": "sig", "alg": "ES256", **a_mint().public_jwk()}]
    assert set(keys[0]) == {"use", "alg", "kty", "crv", "x", "y", "kid"}


@pytest.mark.parametrize("issuer", ["http://bidui.example", "", "https://bidui.example?x=1", "https://bidui.example#x"])
def test_an_issuer_is_an_https_address(issuer: str) -> None:
    with pytest.raises(ValueError, match="issuer"):
        server_metadata(issuer)


TOKEN = a_mint().mint("hr-payroll", PRINT, JTI, AT)
RIGHT = (b"authorization", b"Bearer " + TOKEN.encode())
REQUESTS: Mapping[str, tuple[list[tuple[bytes, bytes]], bool]] = {
    "token and certificate": ([RIGHT], True),
    "scheme in small letters": ([(b"authorization", b"bearer " + TOKEN.encode())], True),
    "no token": ([], False),
    "token twice": ([RIGHT, RIGHT], False),
    "another scheme": ([(b"authorization", b"DPoP " + TOKEN.encode())], False),
    "two spaces": ([(b"authorization", b"Bearer  " + TOKEN.encode())], False),
    "scheme alone": ([(b"authorization", b"Bearer")], False),
    "bytes beyond ASCII": ([(b"authorization", b"Bearer \xff\xfe")], False),
    "certificate twice": ([RIGHT, (b"client-cert", b":AAAA:")], False),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_has_a_caller_or_has_none(case: str) -> None:
    headers, known = REQUESTS[case]
    door = a_door()
    door.swap(the_registry())
    identity = BearerIdentity(door=door, edge=EDGE, clock=StandingClock())
    proof = [(name.encode(), value.encode()) for name, value in CERTIFIED.items()]

    caller = identity({"type": "http", "client": (PEER, 1), "headers": [*headers, *proof]})

    assert isinstance(caller, Caller) is known
    assert not isinstance(caller, Caller) or caller.address == ADDRESS
