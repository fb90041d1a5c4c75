"""Direct TLS for a single machine: uvicorn's HTTP protocol, which also tells the certificate it was shown.

    uvicorn.Config(app, http=CertificateProtocol, ssl_context_factory=..., proxy_headers=False)

No ASGI server passes the certificate on. The handshake has ended when a connection is made, so it is read once there.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import cast

from uvicorn.config import Config

from adapters.identity.certificate import EXTENSION, thumbprint_of
from adapters.lane import LaneProtocol


class CertificateProtocol(LaneProtocol):
    """Adds the thumbprint of the peer's certificate to the scope of each request; without certificate, nothing."""

    _extensions: dict[str, dict[str, str]] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Read the certificate of this connection."""
        super().connection_made(transport)
        socket = cast("ssl.SSLObject | None", transport.get_extra_info("ssl_object"))
        der = socket.getpeercert(binary_form=True) if socket is not None else None
        self._extensions = {EXTENSION: {"thumbprint": thumbprint_of(der)}} if der else None

    def on_message_begin(self) -> None:
        """Start the scope of a request, with the certificate."""
        super().on_message_begin()
        if self._extensions is not None:
            cast("dict[str, object]", self.scope)["extensions"] = self._extensions


def tls_context(
    *,
    certificate: Path,
    key: Path,
    client_authorities: Path,
    password: Callable[[], bytes] | None = None,
    is_required: bool = True,
) -> Callable[[Config, Callable[[], ssl.SSLContext]], ssl.SSLContext]:
    """For uvicorn's `ssl_context_factory`: TLS 1.3, and nobody gets in without a certificate of these authorities.

    Not required, a certificate is still asked for, and a wrong one still ends the handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key, password)
    context.load_verify_locations(client_authorities)
    context.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
    return lambda _config, _default: context
