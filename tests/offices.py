"""The doors of people's accounts on a real store, and visitors at them: browsers and programs."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.identity.certificate import Edge
from adapters.identity.webauthn import WebAuthn
from adapters.sql.store import SqlStore
from gateway.accounts.asking import Asking
from gateway.accounts.errors import AccountError
from gateway.accounts.federation import Federation
from gateway.accounts.ports import Provider
from gateway.api.office.enrolment import enrolment_routes
from gateway.api.office.guard import Guard
from gateway.api.office.oidc import oidc_routes
from gateway.api.office.problems import account_problem
from gateway.api.office.sign_in import sign_in_routes
from gateway.api.office.webauthn import webauthn_routes
from gateway.api.office.workers import Workers
from gateway.api.problems import of_error
from gateway.domain.errors import GatewayError
from gateway.domain.people import Duty
from tests.authenticators import ORIGIN, RP_ID
from tests.fakes_accounts import PASSWORD, Accounts, an_invited, key_of, proof_by
from tests.gateways import open_store


@dataclass
class Visitor:
    """A browser or a program at the doors; keeps cookies, names an origin, shows the session's token."""

    office: OfficeInTests
    address: str = "10.0.0.7"
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""
    headers: dict[str, str] = field(default_factory=lambda: {"origin": ORIGIN})

    def post(self, path: str, body: object = None, **headers: str) -> httpx2.Response:
        """One change; a header given as empty is left out."""
        given = {"x-bidui-token": self.token, **self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self._send("POST", path, {k: v for k, v in given.items() if v}, json.dumps(body or {}).encode())

    def delete(self, path: str) -> httpx2.Response:
        """Something ends."""
        return self._send("DELETE", path, {"x-bidui-token": self.token, **self.headers}, b"")

    def get(self, path: str) -> httpx2.Response:
        """One look."""
        return self._send("GET", path, {}, b"")

    def sign_in(self, person: str = "li.ming", second: Mapping[str, object] | None = None) -> httpx2.Response:
        """With password and one-time code, unless the test says otherwise."""
        shown = second or {"totp": self.office.accounts.fresh_totp(person).code}
        body = {"account": person, "password": PASSWORD, "second": shown}
        return self.post("/v1/office/sign-in", body)

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx2.Response:
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = self.office.send(httpx2.Request(method, f"{ORIGIN}{path}", headers=headers, content=body), self)
        for each in response.headers.get_list("set-cookie"):
            name, _, rest = each.partition("=")
            value = rest.partition(";")[0].strip('"')
            self.cookies = {**self.cookies, name: value}
            if not value:
                del self.cookies[name]
        if response.headers.get("content-type") == "application/json":
            self.token = response.json().get("token", self.token)
        return response


class OfficeInTests:
    """The doors over accounts on a store, with one door that wants an administrator who just stepped up."""

    def __init__(self, url: str, provider: Provider | None = None) -> None:
        self.store: SqlStore = open_store(url)
        self.provider = provider
        self.accounts = Accounts(self.store, WebAuthn(RP_ID, "比对", [ORIGIN]))
        accounts = self.accounts
        self.guard = Guard(sessions=accounts.sessions, clock=accounts.clock, origins=frozenset({ORIGIN}))
        self.asking = Asking(
            store=accounts.store,
            people=accounts.people,
            vault=accounts.vault,
            authenticators=accounts.second.authenticators,
        )

    def send(self, request: httpx2.Request, visitor: Visitor) -> httpx2.Response:
        """On a loop of its own."""

        async def send() -> httpx2.Response:
            workers = Workers()
            transport = httpx2.ASGITransport(app=self._app(workers), client=(visitor.address, 5))
            async with httpx2.AsyncClient(transport=transport) as client:
                response = await client.send(request)
            workers.close()
            return response

        return asyncio.run(send())

    def _app(self, workers: Workers) -> Starlette:
        async def approve(request: Request) -> Response:
            who = await self.guard.require(request, Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN, fresh=True)
            return JSONResponse({"by": who.person.id})

        async def gateway_problem(_: Request, error: Exception) -> Response:
            return of_error(cast("GatewayError", error))

        accounts, guard = self.accounts, self.guard
        return Starlette(
            routes=[
                *enrolment_routes(enrolment=accounts.enrolment, guard=guard, workers=workers),
                *sign_in_routes(
                    sign_in=accounts.sign_in, renewal=accounts.renewal, guard=guard, edge=Edge(), workers=workers
                ),
                *webauthn_routes(asking=self.asking, guard=guard),
                *self._oidc_routes(workers),
                Route("/v1/office/approve", approve, methods=["POST"]),
            ],
            exception_handlers={AccountError: account_problem, GatewayError: gateway_problem},
        )

    def _oidc_routes(self, workers: Workers) -> list[Route]:
        if self.provider is None:
            return []
        accounts = self.accounts
        federation = Federation(
            store=accounts.store,
            ledger=accounts.sign_in.ledger,
            people=accounts.people,
            vault=accounts.vault,
            sessions=accounts.sessions,
            attempts=accounts.attempts,
            provider=self.provider,
            entropy=accounts.sessions.entropy,
        )
        return oidc_routes(federation=federation, guard=self.guard, workers=workers)

    def enrol(self, person: str = "li.ming", number: int = 1, duty: Duty = Duty.SYSTEM_ADMIN) -> Visitor:
        """Over HTTP, with a key file; and signed."""
        visitor = Visitor(self)
        invited = an_invited(person, number, duty)
        code = self.accounts.enrolment.invite(invited, by="init", at=self.accounts.clock.now())
        begun = self.begin(visitor, code)
        proof = proof_by(key_of(person), person, from_text(begun["challenge"]))
        key = {"public": to_text(proof.public), "signature": to_text(proof.signature)}
        assert self.finish(visitor, code, begun, key).status_code == 201
        self.accounts.people.sign(*self.accounts.enrolment.waiting())
        return visitor

    def begin(self, visitor: Visitor, code: str) -> Mapping[str, object]:
        """What the invited person is shown."""
        begun: Mapping[str, object] = visitor.post("/v1/office/enrolment/begin", {"code": code}).json()
        person, totp = cast("Mapping[str, str]", begun["person"]), cast("Mapping[str, str]", begun["totp"])
        self.accounts.secrets[person["id"]] = totp["secret"]
        return begun

    def finish(
        self, visitor: Visitor, code: str, begun: Mapping[str, object], key: Mapping[str, object]
    ) -> httpx2.Response:
        """Takes the account, with this key."""
        person = cast("Mapping[str, str]", begun["person"])["id"]
        body = {
            "code": code,
            "challenge": begun["challenge"],
            "password": PASSWORD,
            "totp": self.accounts.totp(person),
            "key": key,
        }
        return visitor.post("/v1/office/enrolment/finish", body)


def to_text(value: bytes) -> str:
    """Bytes as the doors read them."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def from_text(text: object) -> bytes:
    """Bytes as the doors write them."""
    given = cast("str", text)
    return urlsafe_b64decode(given + "=" * (-len(given) % 4))


def kind_of(response: httpx2.Response) -> tuple[int, str]:
    """Status and type of a problem document, which the response must be."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == response.status_code
    return response.status_code, response.json()["type"].removeprefix("urn:bidui:problem:")
