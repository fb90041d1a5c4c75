"""The two ways to carry out what `Core` says: `Client` in the calling thread, `AsyncClient` with asyncio.

Neither reads the environment: no proxy, certificate bundle or .netrc slips in between. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import date
from pathlib import Path
from typing import Self, Unpack, cast

import httpx2

from bidui_client.core import Core, Heard, Steps, T
from bidui_client.spot_checks import SpotCheck
from bidui_client.statement import StatementCheck
from bidui_client.values import Account, Answer, Question, Told

TIMEOUT_SECONDS = 10.0


class Client:
    """Asks one gateway; threads may share it. Without `tls` the connection shows no certificate of ours."""

    def __init__(
        self, account: Account, *, tls: ssl.SSLContext | None = None, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self._core = Core(account)
        self._http = httpx2.Client(verify=tls or True, trust_env=False, transport=transport, timeout=TIMEOUT_SECONDS)

    def compare(self, **question: Unpack[Question]) -> Answer:
        """Ask whether the claims match. Raises `BiduiError`."""
        return self._core.prove(self._carry_out(self._core.compare(question)))

    def catalogue(self) -> Told:
        """What this system may compare: kinds, fields, comparators. Raises `BiduiError`."""
        return self._carry_out(self._core.catalogue())

    def check_statement(self, day: date) -> StatementCheck:
        """Hold the gateway's statement of a day against the folder of receipts. Raises `BiduiError`, `OSError`."""
        return self._carry_out(self._core.check_statement(day))

    def dispute(self, check: StatementCheck) -> str:
        """Tell the register's office of a check that does not agree; the number of the dispute. Raises `BiduiError`."""
        return self._carry_out(self._core.dispute(check))

    def spot_checks(self) -> list[SpotCheck]:
        """Which answers wait for a document, or for the office to look at one. Raises `BiduiError`."""
        return self._carry_out(self._core.spot_checks())

    def file_document(self, number: str, document: str, *, operator: str, scan: bytes | None = None) -> SpotCheck:
        """Name the document that a refused question waits for; then ask again. Raises `BiduiError`.

        `number` is `RefusedError.incident`; `document` its kind, number and date, never a person's number. Of `scan`
        the gateway is told the digest alone.
        """
        return self._carry_out(self._core.file_document(number, document, operator, scan))

    def _carry_out(self, steps: Steps[T]) -> T:
        heard: Heard = None
        try:
            while True:
                heard = self._do(steps.send(heard))
        except StopIteration as end:
            return cast("T", end.value)

    def _do(self, step: httpx2.Request | float) -> Heard:
        if not isinstance(step, httpx2.Request):
            time.sleep(step)
            return None
        try:
            return self._http.send(step)
        except httpx2.RequestError as error:
            return error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()


class AsyncClient:
    """The same with `await`."""

    def __init__(
        self, account: Account, *, tls: ssl.SSLContext | None = None, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._core = Core(account)
        self._http = httpx2.AsyncClient(
            verify=tls or True, trust_env=False, transport=transport, timeout=TIMEOUT_SECONDS
        )

    async def compare(self, **question: Unpack[Question]) -> Answer:
        """Ask whether the claims match. Raises `BiduiError`."""
        answer = await self._carry_out(self._core.compare(question))
        return await asyncio.to_thread(self._core.prove, answer)

    async def catalogue(self) -> Told:
        """What this system may compare: kinds, fields, comparators. Raises `BiduiError`."""
        return await self._carry_out(self._core.catalogue())

    async def check_statement(self, day: date) -> StatementCheck:
        """Hold the gateway's statement of a day against the folder of receipts. Raises `BiduiError`, `OSError`."""
        return await self._carry_out(self._core.check_statement(day))

    async def dispute(self, check: StatementCheck) -> str:
        """Tell the register's office of a check that does not agree; the number of the dispute. Raises `BiduiError`."""
        return await self._carry_out(self._core.dispute(check))

    async def spot_checks(self) -> list[SpotCheck]:
        """Which answers wait for a document, or for the office to look at one. Raises `BiduiError`."""
        return await self._carry_out(self._core.spot_checks())

    async def file_document(self, number: str, document: str, *, operator: str, scan: bytes | None = None) -> SpotCheck:
        """Name the document that a refused question waits for; then ask again. Raises `BiduiError`."""
        return await self._carry_out(self._core.file_document(number, document, operator, scan))

    async def _carry_out(self, steps: Steps[T]) -> T:
        heard: Heard = None
        try:
            while True:
                heard = await self._do(steps.send(heard))
        except StopIteration as end:
            return cast("T", end.value)

    async def _do(self, step: httpx2.Request | float) -> Heard:
        if not isinstance(step, httpx2.Request):
            await asyncio.sleep(step)
            return None
        try:
            return await self._http.send(step)
        except httpx2.RequestError as error:
            return error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()


def tls_context(*, certificate: Path | None = None, key: Path | None = None, ca: Path | None = None) -> ssl.SSLContext:
    """Mutual TLS: our certificate, its key if that is in another file, and whom we trust if not the system's list.

    Without a certificate it is plain TLS, for systems that prove themselves by `Account.dpop_key`.
    """
    context = ssl.create_default_context(cafile=ca)
    if certificate is not None:
        context.load_cert_chain(
            certificate, key, password=""
        )  # an encrypted key is an error, never a prompt in a service
    return context
