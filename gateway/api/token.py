"""The routes of tokens. What is decided, and how, is behind `IssuesTokens` and `KeepsTokens`; here is only HTTP."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

LONGEST_FORM = 8192
MOST_FIELDS = 16
FORM = "application/x-www-form-urlencoded"
Keep = Callable[[Sequence[tuple[str, str]], str | None, str], tuple[int, Mapping[str, object]]]


class IssuesTokens(Protocol):
    """Answers a client's form with a token or an error of RFC 6749."""

    def issue(
        self, form: Sequence[tuple[str, str]], thumbprint: str | None, address: str, proofs: Sequence[str] = ()
    ) -> tuple[int, Mapping[str, str | int]]:
        """Status and JSON body. Every failed proof has the same body, whatever failed. `proofs`: of DPoP, at most one.

        May wait for a disk.
        """
        ...

    def nonce(self) -> str | None:
        """What the next DPoP proof must hold, or None where nothing is asked for."""
        ...


class KeepsTokens(Protocol):
    """Ends tokens before their time, and says what they are, to the client that holds them. May wait for a disk."""

    def revoke(
        self, form: Sequence[tuple[str, str]], thumbprint: str | None, address: str
    ) -> tuple[int, Mapping[str, object]]:
        """Status and JSON body (RFC 7009)."""
        ...

    def introspect(
        self, form: Sequence[tuple[str, str]], thumbprint: str | None, address: str
    ) -> tuple[int, Mapping[str, object]]:
        """Status and JSON body (RFC 7662)."""
        ...


class KnowsPeers(Protocol):
    """Reads from an ASGI scope what the connection proves."""

    def thumbprint(self, scope: Mapping[str, object]) -> str | None:
        """`x5t#S256` of the client certificate, or None."""
        ...

    def address(self, scope: Mapping[str, object]) -> str:
        """The client's address, empty when it is not known."""
        ...


def token_routes(
    *,
    issuer: IssuesTokens,
    keeper: KeepsTokens,
    edge: KnowsPeers,
    metadata: Mapping[str, object],
    keys: Mapping[str, object],
) -> list[Route]:
    """`POST /oauth/token`, what may be done with a token afterwards, and the two public documents about it."""

    async def token(request: Request) -> Response:
        form = await _read_form(request)
        if form is None:
            return _reply(400, {"error": "invalid_request"})
        scope, proofs = request.scope, request.headers.getlist("dpop")
        status, body = await to_thread(issuer.issue, form, edge.thumbprint(scope), edge.address(scope), proofs)
        return _reply(status, body, issuer.nonce() if proofs else None)

    async def revoke(request: Request) -> Response:
        return await _keep(keeper.revoke, request)

    async def introspect(request: Request) -> Response:
        return await _keep(keeper.introspect, request)

    async def _keep(act: Keep, request: Request) -> Response:
        form, scope = await _read_form(request), request.scope
        if form is None:
            return _reply(400, {"error": "invalid_request"})
        return _reply(*await to_thread(act, form, edge.thumbprint(scope), edge.address(scope)))

    async def describe(_: Request) -> Response:
        return JSONResponse(metadata)

    async def jwks(_: Request) -> Response:
        return JSONResponse(keys)

    return [
        Route("/oauth/token", token, methods=["POST"]),
        Route("/oauth/revoke", revoke, methods=["POST"]),
        Route("/oauth/introspect", introspect, methods=["POST"]),
        Route("/.well-known/oauth-authorization-server", describe, methods=["GET"]),
        Route("/oauth/jwks", jwks, methods=["GET"]),
    ]


def _reply(status: int, body: Mapping[str, object], nonce: str | None = None) -> Response:
    headers = {"Cache-Control": "no-store"}
    return JSONResponse(body, status, headers=headers | {"DPoP-Nonce": nonce} if nonce else headers)


async def _read_form(request: Request) -> list[tuple[str, str]] | None:
    """The fields of a small urlencoded form, or None. Reading stops at the limit, not after the body."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return None
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        return None
