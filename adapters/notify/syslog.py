"""Syslog: RFC 5424 messages over TLS (RFC 5425), TCP with octet counting (RFC 6587) or UDP (RFC 5426).

Syslog has no receipt. Over TCP and TLS we end our side and wait for the receiver to end its own, which it does once it
has read everything; over UDP nobody can know.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

from adapters.notify.failure import undelivered
from gateway.watch.notice import short
from gateway.watch.ocsf import Notice

Transport: TypeAlias = Literal["tls", "tcp", "udp"]
LOG_AUDIT: Final = 13
"""The facility of RFC 5424 for log audits."""
LONGEST: Final = 2048
"""What every receiver should take (RFC 5424, 6.1)."""
_NAME, _BOM = "bidui", b"\xef\xbb\xbf"
_LEVELS: Final[Mapping[int, int]] = {1: 6, 2: 5, 3: 4, 4: 3, 5: 2}
"""Severities of OCSF, from informational to critical, as those of syslog."""
_NOT_PRINTABLE = re.compile(r"[^!-~]+")


class Syslog:
    """Keeps the promise of `gateway.watch.notice.Notifier`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        transport: Transport = "tls",
        node: str = "-",
        facility: int = LOG_AUDIT,
        authority: Path | None = None,
        seconds: float = 5.0,
    ) -> None:
        """`node` says which machine speaks. Over TLS it trusts the system's authorities, or this file's alone."""
        self._place, self._seconds = (host, port), seconds
        self._node, self._facility = node, facility
        self._trust = ssl.create_default_context(cafile=authority) if transport == "tls" else None
        self._hand_over = self._datagram if transport == "udp" else self._stream

    def send(self, notice: Notice) -> None:
        """One connection, or datagram, a notice."""
        content = message(notice, node=self._node, facility=self._facility)
        try:
            self._hand_over(content)
        except OSError as error:
            raise undelivered("syslog", error) from None

    def _datagram(self, content: bytes) -> None:
        family, kind, protocol, _, place = socket.getaddrinfo(*self._place, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as line:
            line.settimeout(self._seconds)
            line.connect(place)
            line.send(content)

    def _stream(self, content: bytes) -> None:
        with socket.create_connection(self._place, self._seconds) as line:
            if self._trust is None:
                line.sendall(counted(content))
                line.shutdown(socket.SHUT_WR)
                _await_end(line)
                return
            with self._trust.wrap_socket(line, server_hostname=self._place[0]) as secret:
                secret.sendall(counted(content))
                # A receiver may end TCP without ending TLS first: then, too, it has read what there was.
                with suppress(ssl.SSLEOFError):
                    secret.unwrap()


def message(notice: Notice, *, node: str = "-", facility: int = LOG_AUDIT) -> bytes:
    """One RFC 5424 message: the short text in one line, the detector as its kind."""
    priority = facility * 8 + _LEVELS[notice["severity_id"]]
    at = datetime.fromtimestamp(notice["end_time"] / 1000, UTC)
    kind = notice["finding_info"]["analytic"]["uid"]
    head = f"<{priority}>1 {at:%Y-%m-%dT%H:%M:%S.%fZ} {_word(node, 255)} {_NAME} - {_word(kind, 32)} - "
    text = " / ".join(short(notice).splitlines()).encode()
    return _cut(head.encode() + _BOM + text, LONGEST)


def counted(content: bytes) -> bytes:
    """The message with its length before it, so that what stands in it cannot end it (RFC 6587, 3.4.1)."""
    return b"%d %b" % (len(content), content)


def _word(text: str, longest: int) -> str:
    return _NOT_PRINTABLE.sub("", text)[:longest] or "-"


def _cut(content: bytes, longest: int) -> bytes:
    """No longer than that, and no half character at the end."""
    return content if len(content) <= longest else content[:longest].decode(errors="ignore").encode()


def _await_end(line: socket.socket) -> None:
    """Until the other side has read everything and ended. Raises `OSError` where it does nothing, or talks instead."""
    if line.recv(1):
        raise ConnectionAbortedError
