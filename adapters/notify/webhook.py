"""Webhook: one POST of the notice as JSON over HTTPS to the one address that was configured, signed under a shared key.

    Bidui-Signature: sha256=<HMAC-SHA256 of the body, in hex>

No redirect is followed and no proxy asked. The same news may come twice; receivers drop doubles by `metadata.uid`.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import msgspec

from adapters.notify.failure import undelivered
from gateway.domain.errors import UnavailableError
from gateway.watch.ocsf import Notice

SIGNATURE = "bidui-signature"
SHORTEST_KEY = 32
PATIENCE = 2.0
"""How many times longer than one step of it the whole request may take."""


class Webhook:
    """Keeps the promise of `gateway.watch.notice.Notifier`. Raises `ValueError` for a bad address or key."""

    def __init__(self, url: str, key: bytes, *, authority: Path | None = None, seconds: float = 5.0) -> None:
        """Trusts the system's authorities, or those of this file alone."""
        place = urlsplit(url)
        if place.scheme != "https" or not place.hostname or place.username is not None or place.fragment:
            raise ValueError("url must be an https address without a user name")
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"the key must have at least {SHORTEST_KEY} characters")
        self._url, self._key, self._seconds = url, key, seconds
        self._trust = ssl.create_default_context(cafile=authority)

    def __repr__(self) -> str:
        return "Webhook(***)"

    def send(self, notice: Notice) -> None:
        """One request, bounded in time altogether."""
        status = asyncio.run(self._post(msgspec.json.encode(notice)))
        if not 200 <= status < 300:
            raise UnavailableError(f"webhook: it answers {status}")

    async def _post(self, body: bytes) -> int:
        headers = {"content-type": "application/json", SIGNATURE: f"sha256={self._sign(body)}"}
        # httpx's limits are for each step: a receiver that drips would hold the line for ever.
        try:
            async with (
                asyncio.timeout(PATIENCE * self._seconds),
                self._client() as client,
                client.stream("POST", self._url, content=body, headers=headers) as answer,
            ):
                return answer.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise undelivered("webhook", error) from None

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(verify=self._trust, trust_env=False, follow_redirects=False, timeout=self._seconds)

    def _sign(self, body: bytes) -> str:
        return hmac.new(self._key, body, sha256).hexdigest()
