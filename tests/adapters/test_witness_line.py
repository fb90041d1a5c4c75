"""The line to a witness over TLS: the authority that is named, and no other."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.clock import SystemClock
from adapters.keys.certificates import make_authority, make_p256, pem
from adapters.keys.files import write_key
from adapters.witness_line import Heard, WitnessLine
from gateway.domain.errors import UnavailableError
from tests.homes import free_ports, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An address behind TLS, and the certificate of the authority that issued its own."""
    folder, now = tmp_path_factory.mktemp("tls"), SystemClock().now()
    authority, key = make_authority("Test authority", now, secrets.token_bytes), make_p256(secrets.token_bytes)
    write_key(folder / "tls.pem", key, None)
    (folder / "tls.crt").write_bytes(pem(authority.server(key, ["127.0.0.1"], now, secrets.token_bytes)))
    (folder / "authority.crt").write_bytes(pem(authority.certificate))

    async def answer(request: Request) -> Response:
        return Response(await request.body(), 409)

    (port,) = free_ports(1)
    config = uvicorn.Config(
        Starlette(routes=[Route("/w/add-checkpoint", answer, methods=["POST"])]),
        port=port,
        log_config=None,
        lifespan="off",
        ssl_certfile=folder / "tls.crt",
        ssl_keyfile=folder / "tls.pem",
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started)
    yield f"https://127.0.0.1:{port}/w", folder / "authority.crt"
    running.should_exit = True
    thread.join(10)


def asked(url: str, authority: Path | None) -> Heard:
    async def ask() -> Heard:
        line = WitnessLine(authority)
        try:
            return await line.add_checkpoint(url, b"old 0\n")
        finally:
            await line.close()

    return asyncio.run(ask())


def test_a_witness_of_the_named_authority_is_heard(server: tuple[str, Path]) -> None:
    url, authority = server

    assert asked(url, authority) == asked(f"{url}/", authority) == Heard(409, b"old 0\n")


def test_a_witness_that_nobody_vouches_for_is_not(server: tuple[str, Path]) -> None:
    with pytest.raises(UnavailableError, match="does not answer"):
        asked(server[0], None)


def test_nobody_listening_is_no_answer() -> None:
    (port,) = free_ports(1)

    with pytest.raises(UnavailableError):
        asked(f"http://127.0.0.1:{port}", None)
