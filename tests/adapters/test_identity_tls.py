"""Direct TLS, tried over a real connection: the thumbprint seen is that of the certificate shown."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_bytes

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adapters.clock import SystemClock
from adapters.identity.certificate import Edge
from adapters.identity.tls import CertificateProtocol, tls_context
from adapters.keys.certificates import make_authority, make_p256, pem
from adapters.keys.files import write_key, write_new
from adapters.keys.making import ClientKeys, make_all, make_client

EDGE = Edge()


async def whose(request: Request) -> Response:
    return PlainTextResponse(EDGE.thumbprint(request.scope) or "nobody")


class Place:
    """A server on this machine, and the keys of those who come."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port

    def connect(self, client: ClientKeys | None, trust: Path | None = None) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=trust or self.home / "keys" / "authority.crt")
        if client is not None:
            context.load_cert_chain(client.folder / "tls.crt", client.folder / "tls.pem")
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=5)


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("home")
    make_all(home, SystemClock())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(config(home, str(request.param)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield Place(home, listening.getsockname()[1])
        server.should_exit = True
        thread.join()


def config(home: Path, loop: str) -> uvicorn.Config:
    factory = tls_context(
        certificate=home / "keys" / "tls.crt",
        key=home / "keys" / "serve" / "tls.pem",
        client_authorities=home / "keys" / "authority.crt",
    )
    return uvicorn.Config(
        Starlette(routes=[Route("/", whose)]),
        http=CertificateProtocol,
        loop=loop,
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        ssl_context_factory=factory,
    )


def test_each_connection_is_known_by_its_certificate(place: Place) -> None:
    clients = [make_client(place.home, name, SystemClock()) for name in ("hr-payroll", "tax-01")]

    for client in clients:
        connection = place.connect(client)
        for _ in range(2):
            connection.request("GET", "/")
            assert connection.getresponse().read().decode() == client.thumbprint()
        connection.close()


def test_a_header_beside_the_certificate_makes_it_nobodys(place: Place) -> None:
    connection = place.connect(make_client(place.home, "hr-header", SystemClock()))

    connection.request("GET", "/", headers={"Client-Cert": ":AAAA:"})
    assert connection.getresponse().read() == b"nobody"
    connection.close()


def test_without_a_certificate_nobody_gets_in(place: Place) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(place.connect(None))


def test_a_certificate_of_another_authority_does_not_get_in(place: Place, tmp_path: Path) -> None:
    at = SystemClock().now()
    key, other = make_p256(token_bytes), make_authority("Bidui local authority", at, token_bytes)
    certificate = other.client(key, "hr-payroll", at, token_bytes)
    write_key(tmp_path / "tls.pem", key, None)
    write_new(tmp_path / "tls.crt", pem(certificate))

    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(place.connect(ClientKeys("hr-payroll", tmp_path, key, certificate)))


def ask(connection: http.client.HTTPSConnection) -> None:
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    finally:
        connection.close()
