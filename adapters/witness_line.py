"""The line to a witness (C2SP tlog-witness): bounded in time and size, TLS, no redirect, no proxy nobody asked for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import httpx2

from audit.cosignature import MAX_LINES_BYTES
from gateway.domain.errors import UnavailableError

SECONDS = 5.0
"""How long one request may take altogether."""
_LARGEST = 2 * MAX_LINES_BYTES


class Heard(NamedTuple):
    """What a witness answered."""

    status: int
    body: bytes


class WitnessLine:
    """Asks witnesses. Keeps connections, so it belongs to one loop."""

    def __init__(
        self,
        authority: Path | None = None,
        *,
        seconds: float = SECONDS,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Trusts the system's authorities, or this one alone."""
        self._seconds = seconds
        self._http = httpx2.AsyncClient(
            verify=ssl.create_default_context(cafile=authority),
            trust_env=False,
            follow_redirects=False,
            timeout=seconds,
            headers={"accept-encoding": "identity"},
            transport=transport,
        )

    async def add_checkpoint(self, url: str, body: bytes) -> Heard:
        """Hands a checkpoint in. Raises `UnavailableError` when no answer comes, or too much of one."""
        return await self._ask(httpx2.Request("POST", f"{url.rstrip('/')}/add-checkpoint", content=body))

    async def latest(self, url: str, origin: str) -> bytes | None:
        """What the witness last cosigned for this log; None when it does not say. Raises `UnavailableError`."""
        place = sha256(origin.encode()).hexdigest()
        heard = await self._ask(httpx2.Request("GET", f"{url.rstrip('/')}/{place}/checkpoint"))
        return heard.body if heard.status == 200 else None

    async def close(self) -> None:
        """Hangs up."""
        await self._http.aclose()

    async def _ask(self, request: httpx2.Request) -> Heard:
        # httpx's limits are for each read: a witness that drips would hold the line for ever.
        try:
            async with asyncio.timeout(self._seconds), self._sent(request) as response:
                return Heard(response.status_code, await _body(response))
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ssl.SSLError, OSError) as error:
            raise UnavailableError(f"the witness does not answer ({type(error).__name__})") from None

    @asynccontextmanager
    async def _sent(self, request: httpx2.Request) -> AsyncIterator[httpx2.Response]:
        response = await self._http.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()


async def _body(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > _LARGEST:
            raise UnavailableError("the witness answers with more than any right answer holds")
    return bytes(body)
