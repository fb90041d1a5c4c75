"""An identity provider on loopback: real HTTP, real keys, and every part can be turned wrong by a test."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import cast
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from tests.make import NOW

CLIENT, CLIENT_SECRET = "bidui", "a client's secret"
CALLBACK = "https://office.example/v1/office/oidc/callback"


@dataclass
class LoopbackProvider:
    """Says who came; `claims` and `description` are what a test changes about it, None leaves a member out."""

    issuer: str = ""
    subject: str = "subject-7"
    now: datetime = NOW
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one"}))
    algorithm: str = "ES256"
    claims: dict[str, object] = field(default_factory=dict)
    description: dict[str, object] = field(default_factory=dict)
    status: int = 200
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def authorize(self, address: str) -> dict[str, str]:
        """What the browser brings back, after the person signed in there."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["response_type"] == "code"
        assert asked["redirect_uri"] == CALLBACK
        assert asked["code_challenge_method"] == "S256"
        assert (asked["client_id"], asked["scope"]) == (CLIENT, "openid")
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def answer(self, path: str, form: Mapping[str, str], authorization: str) -> tuple[int, object]:
        """What it answers over HTTP."""
        self.asked.append(path)
        if self.status != 200:
            return self.status, {}
        if path == "/.well-known/openid-configuration":
            return 200, self._described()
        if path == "/keys":
            return 200, KeySet([self.key]).as_dict(private=False)
        return self._token(form, authorization)

    def _described(self) -> dict[str, object]:
        usual: dict[str, object] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "authorization_response_iss_parameter_supported": True,
        }
        return {name: value for name, value in (usual | self.description).items() if value is not None}

    def _token(self, form: Mapping[str, str], authorization: str) -> tuple[int, object]:
        name, _, secret = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        asked = self.codes.pop(form.get("code", ""), None)
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (unquote(name), unquote(secret)) != (CLIENT, CLIENT_SECRET) or asked is None:
            return 400, {"error": "invalid_grant"}
        if asked["code_challenge"] != challenge or form.get("redirect_uri") != CALLBACK:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "at", "token_type": "Bearer", "id_token": self._id_token(asked["nonce"])}

    def _id_token(self, nonce: str) -> str:
        now = int(self.now.timestamp())
        usual = {"iss": self.issuer, "aud": CLIENT, "sub": self.subject, "iat": now, "exp": now + 300, "nonce": nonce}
        claims = {name: value for name, value in (usual | self.claims).items() if value is not None}
        header: dict[str, object] = {"alg": self.algorithm, "kid": "one"}
        if self.algorithm == "none":
            return f"{_part(header)}.{_part(claims)}."
        key = OctKey.import_key(CLIENT_SECRET) if self.algorithm == "HS256" else self.key
        return jwt.encode(header, claims, key, algorithms=[self.algorithm])


def _part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@contextmanager
def loopback_provider() -> Iterator[LoopbackProvider]:
    """One that listens until the test is over."""
    provider = LoopbackProvider()

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._reply(dict(parse_qsl(body)))

        def _reply(self, form: Mapping[str, str]) -> None:
            status, told = provider.answer(self.path, form, self.headers.get("authorization", ""))
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the name that the base class gives it
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    host, port = cast("tuple[str, int]", server.server_address)
    provider.issuer = f"http://{host}:{port}"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def back_to(brought: Mapping[str, str]) -> str:
    """The path and query with which the browser comes back."""
    return f"/v1/office/oidc/callback?{urlencode(brought)}"
