"""How systems prove who they are, over TLS against the real processes: by certificate, by DPoP, by signed requests.

The systems are registered as two administrators do it. Whoever asks is httpx2, through the client SDK or by hand.
"""

from __future__ import annotations

import asyncio
import signal
import ssl
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import MappingProxyType

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.clock import SystemClock
from adapters.identity.clients import ASSERTION_TYPE
from adapters.identity.jose import jose_key, public_jwk
from adapters.identity.signatures import proves
from adapters.keys.making import ClientKeys, make_client, read_client
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.entry import decode
from bidui_client import Account, Answer, AsyncClient, Claim, Client, Question, Subject, UnauthorisedError, tls_context
from bidui_client.proofs import assertion, dpop_proof, signed
from gateway.deeds.document import Kind
from gateway.domain.people import Duty
from ops.demo.league import League
from ops.demo.office import SyntheticOffice
from ops.demo.person import Person
from ops.demo.staging import DEPARTMENTS, grant_number, stage
from ops.settings import Home, Mode, ServeSettings, load
from tests.homes import edit, environment, free_ports, started, until

pytestmark = pytest.mark.slow

FINANCE = DEPARTMENTS[0]
BY_KEY, SIGNING = "caizheng-behind-proxy", "caizheng-highest"
PATH = "/v1/comparisons"
REQUEST_KEY = ec.generate_private_key(ec.SECP256R1())
DPOP_KEY = ec.generate_private_key(ec.SECP256R1())
DEMO = environment(BIDUI_MODE="demo")


@dataclass
class Served:
    """A gateway that listens, and partners' systems that may ask it."""

    home: Home
    league: League
    url: str
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    process: ExitStack = field(default_factory=ExitStack)

    def account(self, client: str = FINANCE.client, **keys: ec.EllipticCurvePrivateKey) -> Account:
        own = read_client(self.home.path, client)
        issuer = load(self.home, "serve.toml", ServeSettings).issuer
        return Account(url=self.url, client_id=client, key=own.assertion, audience=issuer, **keys)  # type: ignore[arg-type]  # keys alone

    def question(self) -> Question:
        person = self._person()
        return Question(
            grant=grant_number(self.home, FINANCE),
            purpose=FINANCE.purpose,
            operator=FINANCE.operator,
            subject=Subject("person", person.id_number, person.name),
            claims=[Claim("person_status", "在职")],
        )

    def ask(self, account: Account, tls: ssl.SSLContext) -> Answer:
        with Client(account, tls=tls) as client:
            return client.compare(**self.question())

    def certified(self, client: str = FINANCE.client) -> ssl.SSLContext:
        folder = self.home.keys / "clients" / client
        return tls_context(certificate=folder / "tls.crt", key=folder / "tls.pem", ca=self.authority)

    def bare(self) -> ssl.SSLContext:
        """TLS as it comes out of a network that ends it on the way: without our certificate."""
        return ssl.create_default_context(cafile=str(self.authority))

    def entry(self, answer: Answer) -> dict[str, object]:
        reader = SqlLedgerReader.open(self.home.database_url(load(self.home, "serve.toml", ServeSettings)))
        index = answer.receipt["body"]["index"]
        (entry,) = reader.entries(index, index + 1)
        reader.close()
        decoded = decode(entry)
        assert isinstance(decoded, dict)
        body = decoded["body"]
        assert isinstance(body, dict)
        return dict(body)

    def restart(self) -> None:
        """Ends the gateway's process and starts another one."""
        self.process.close()
        self.process.enter_context(_serving(self))

    @property
    def authority(self) -> Path:
        return self.home.keys / "authority.crt"

    def _person(self) -> Person:
        people = [each for each in self.league.people() if not each.cases and each.status == "在职"]
        return people[next(self.numbers) % len(people)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """An installation with three systems of one partner: by certificate, by key, and one that signs."""
    home = Home(path=tmp_path_factory.mktemp("proofs") / "home", mode=Mode.DEMO, clock=SystemClock())
    port, metrics_port = free_ports(2)
    league, _ = stage(home, persons=150, port=port, metrics_port=metrics_port)
    office = SyntheticOffice(home)
    for client, content in (
        (BY_KEY, {"bindings": ["dpop"], "jwks": [_jwk(_keys(home, BY_KEY))]}),
        (SIGNING, _signing(_keys(home, SIGNING))),
    ):
        common = {"partner": FINANCE.code, "alg": "ES256", "networks": {"loopback": ["127.0.0.0/8"]}}
        office.put_in_force(Kind.SYSTEM, client, common | content, Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN)  # type: ignore[arg-type]  # JSON
    office.close()
    url = f"https://127.0.0.1:{port}"
    edit(home.path / "serve.toml", "certificate_optional = false", "certificate_optional = true")
    with (home.path / "serve.toml").open("a", encoding="utf-8") as file:
        file.write(f'dpop_nonces = true\naddresses = ["{url}"]\n')
    return Served(home, league, url)


@pytest.fixture(scope="module")
def served(made: Served) -> Iterator[Served]:
    with made.process:
        made.process.enter_context(_serving(made))
        yield made


@contextmanager
def _serving(made: Served) -> Iterator[None]:
    with started("serve", "--home", made.home.path, log=made.home.path / "serve.log", env=DEMO) as process:
        until(lambda: _is_ready(made))
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def _is_ready(made: Served) -> bool:
    try:
        with httpx2.Client(verify=made.bare(), trust_env=False) as http:
            return http.get(made.url + "/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def _keys(home: Home, client: str) -> ClientKeys:
    return make_client(home.path, client, home.clock)


def _jwk(keys: ClientKeys) -> dict[str, object]:
    return dict(keys.jwk())


def _signing(keys: ClientKeys) -> dict[str, object]:
    key = {**public_jwk(jose_key(REQUEST_KEY)), "use": ["request"]}
    return {"certificates": [keys.thumbprint()], "signed_requests": True, "jwks": [keys.jwk(), key]}


# ---------------------------------------------------------------------------------------- by certificate


def test_a_certificate_answers(served: Served) -> None:
    assert served.ask(served.account(), served.certified()).subject == "confirmed"


def test_a_system_with_a_certificate_is_nobody_without_it_whatever_key_it_shows(served: Served) -> None:
    for account in (served.account(), served.account(dpop_key=DPOP_KEY)):
        with pytest.raises(UnauthorisedError):
            served.ask(account, served.bare())


# ---------------------------------------------------------------------------------------- by DPoP


def test_a_key_answers_where_there_is_no_certificate(served: Served) -> None:
    answer = served.ask(served.account(BY_KEY, dpop_key=DPOP_KEY), served.bare())

    assert answer.subject == "confirmed"
    assert served.entry(answer)["client"] == BY_KEY


async def _ask_twice(served: Served) -> list[Answer]:
    async with AsyncClient(served.account(BY_KEY, dpop_key=DPOP_KEY), tls=served.bare()) as client:
        assert (await client.catalogue())["grants"]
        return [await client.compare(**served.question()) for _ in range(2)]


def test_a_key_answers_many_times_also_without_waiting(served: Served) -> None:
    assert [answer.subject for answer in asyncio.run(_ask_twice(served))] == ["confirmed"] * 2


@dataclass
class Hand:
    """A client written by hand, as a partner in another language writes one; it keeps what it sent."""

    served: Served
    account: Account
    nonce: str = ""

    def token(self, http: httpx2.Client) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
        }
        for _ in range(2):
            proof = dpop_proof(self.account, "POST", "/oauth/token", nonce=self.nonce)
            reply = http.post(
                "/oauth/token", data=form | {"client_assertion": assertion(self.account)}, headers={"DPoP": proof}
            )
            self.nonce = reply.headers["DPoP-Nonce"]
            if reply.json().get("error") != "use_dpop_nonce":
                break
        assert reply.json()["token_type"] == "DPoP", reply.text
        return str(reply.json()["access_token"])

    def proven(self, token: str, method: str = "GET", path: str = "/v1/catalogue") -> dict[str, str]:
        proof = dpop_proof(self.account, method, path, token=token, nonce=self.nonce)
        return {"Authorization": f"DPoP {token}", "DPoP": proof}


def _http(served: Served, tls: ssl.SSLContext | None = None) -> httpx2.Client:
    return httpx2.Client(base_url=served.url, verify=tls or served.bare(), trust_env=False)


def test_a_proof_works_once_and_a_token_for_a_key_is_no_bearer_token(served: Served) -> None:
    hand = Hand(served, served.account(BY_KEY, dpop_key=DPOP_KEY))
    with _http(served) as http, _http(served, served.certified()) as certified:
        token = hand.token(http)
        headers = hand.proven(token)

        told = [http.get("/v1/catalogue", headers=headers) for _ in range(2)]
        assert [each.status_code for each in told] == [200, 401]
        for wrong in (
            {"Authorization": f"Bearer {token}"},
            {"Authorization": f"DPoP {token}"},
            headers | {"Authorization": f"Bearer {token}"},
            {"DPoP": headers["DPoP"]},
            hand.proven(token, path="/v1/log/checkpoint"),
            hand.proven(token, "POST"),
        ):
            assert http.get("/v1/catalogue", headers=wrong).status_code == 401
            assert certified.get("/v1/catalogue", headers=wrong).status_code == 401
        another = Hand(served, served.account(BY_KEY, dpop_key=REQUEST_KEY), hand.nonce)
        assert http.get("/v1/catalogue", headers=another.proven(token)).status_code == 401
        assert http.get("/v1/catalogue", headers=hand.proven(token)).status_code == 200


def test_a_proof_without_our_nonce_is_asked_for_again(served: Served) -> None:
    hand = Hand(served, served.account(BY_KEY, dpop_key=DPOP_KEY))
    with _http(served) as http:
        token = hand.token(http)
        fresh, hand.nonce = hand.nonce, "an-old-one"

        told = http.get("/v1/catalogue", headers=hand.proven(token))
        assert (told.status_code, told.headers["DPoP-Nonce"]) == (401, fresh)
        assert 'error="use_dpop_nonce"' in told.headers["WWW-Authenticate"]


def test_every_other_refusal_looks_alike(served: Served) -> None:
    hand = Hand(served, served.account(BY_KEY, dpop_key=DPOP_KEY))
    with _http(served) as http:
        token = hand.token(http)
        used = hand.proven(token)
        assert http.get("/v1/catalogue", headers=used).status_code == 200
        refused = [
            http.get("/v1/catalogue", headers=headers)
            for headers in ({}, used, {"Authorization": "Bearer x"}, used | {"DPoP": "x"}, hand.proven(token, "PUT"))
        ]

    assert {(each.status_code, each.content, each.headers["WWW-Authenticate"]) for each in refused} == {
        (401, refused[0].content, refused[0].headers["WWW-Authenticate"])
    }


# ---------------------------------------------------------------------------------------- signed


def test_a_signed_request_answers_and_its_signature_stands_in_the_ledger(served: Served) -> None:
    answer = served.ask(served.account(SIGNING, request_key=REQUEST_KEY), served.certified(SIGNING))

    kept = b64decode(str(served.entry(answer)["signature"]))
    assert answer.subject == "confirmed"
    assert proves(kept, jose_key(REQUEST_KEY))
    assert not proves(kept, jose_key(DPOP_KEY))


def test_a_request_that_should_be_signed_and_is_not_is_nobodys(served: Served) -> None:
    with pytest.raises(UnauthorisedError):
        served.ask(served.account(SIGNING), served.certified(SIGNING))
    with pytest.raises(UnauthorisedError):
        served.ask(served.account(SIGNING, request_key=DPOP_KEY), served.certified(SIGNING))


def test_who_need_not_sign_leaves_no_signature(served: Served) -> None:
    assert "signature" not in served.entry(served.ask(served.account(), served.certified()))


def test_a_signed_request_works_once_and_for_its_body_alone(served: Served) -> None:
    account = served.account(SIGNING, request_key=REQUEST_KEY)
    with _http(served, served.certified(SIGNING)) as http:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion(account),
        }
        token = http.post("/oauth/token", data=form).json()["access_token"]

        def send(body: bytes, instead: bytes | None = None, changes: Mapping[str, str] = MappingProxyType({})) -> int:
            plain = {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "Idempotency-Key": "by-hand",
            }
            headers = {**signed(account, "POST", PATH, plain, body), **changes}
            codes = [http.post(PATH, content=instead or body, headers=headers).status_code for _ in range(2)]
            assert codes[1] == 401
            return codes[0]

        assert send(b'{"grant":"x"}') == 422
        assert send(b'{"grant":"x"}', b'{"grant":"y"}') == 401
        assert send(b'{"grant":"x"}', changes={"Idempotency-Key": "another"}) == 401
        assert send(b'{"grant":"x"}', changes={"Content-Digest": f"sha-256=:{b64encode(bytes(32)).decode()}:"}) == 401


# ---------------------------------------------------------------------------------------- ended


def test_a_token_that_its_system_ends_works_no_more(served: Served) -> None:
    hand = Hand(served, served.account(BY_KEY, dpop_key=DPOP_KEY))
    with _http(served) as http:
        token, other = hand.token(http), hand.token(http)

        def form() -> dict[str, str]:
            return {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": assertion(hand.account),
                "token": token,
            }

        assert http.post("/oauth/introspect", data=form()).json()["active"] is True
        assert http.post("/oauth/revoke", data=form()).status_code == 200
        assert http.post("/oauth/introspect", data=form()).json() == {"active": False}
        assert http.get("/v1/catalogue", headers=hand.proven(token)).status_code == 401
        assert http.get("/v1/catalogue", headers=hand.proven(other)).status_code == 200


# ---------------------------------------------------------------------------------------- again


def test_what_was_used_up_is_used_up_after_a_restart(served: Served) -> None:
    hand = Hand(served, served.account(BY_KEY, dpop_key=DPOP_KEY))
    with _http(served) as http:
        token = hand.token(http)
        used, fresh = hand.proven(token), hand.proven(token)
        assert http.get("/v1/catalogue", headers=used).status_code == 200

    served.restart()

    with _http(served) as http:
        assert http.get("/v1/catalogue", headers=used).status_code == 401
        assert http.get("/v1/catalogue", headers=fresh).status_code == 200
