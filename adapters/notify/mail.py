"""Mail: the short text, what would release it, and the notice as an attachment; over TLS from the start or STARTTLS."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from threading import Timer
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
import structlog

from adapters.notify.failure import undelivered
from gateway.watch.notice import short
from gateway.watch.notice_words import GRADES
from gateway.watch.ocsf import Notice

Security: TypeAlias = Literal["starttls", "tls"]
PATIENCE = 3.0
"""How many times longer than one answer the whole conversation may take."""

log = structlog.get_logger()


class Account(NamedTuple):
    """How we sign in at the mail server."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Account(***)"


class Mail:
    """Keeps the promise of `gateway.watch.notice.Notifier`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        sender: str,
        recipients: Sequence[str],
        security: Security = "starttls",
        account: Account | None = None,
        authority: Path | None = None,
        seconds: float = 10.0,
    ) -> None:
        """Trusts the system's authorities, or those of this file alone."""
        self._host, self._port, self._seconds = host, port, seconds
        self._sender, self._recipients, self._account = sender, tuple(recipients), account
        self._security: Security = security
        self._trust = ssl.create_default_context(cafile=authority)

    def send(self, notice: Notice) -> None:
        """Delivered once the server takes it for at least one recipient; those it refuses are told in the log."""
        try:
            with self._line() as line:
                refused = line.send_message(letter(notice, sender=self._sender, recipients=self._recipients))
        except (smtplib.SMTPException, OSError) as error:
            raise undelivered("mail", error) from None
        if refused:
            log.warning("notice_refused", size=len(refused))

    @contextmanager
    def _line(self) -> Iterator[smtplib.SMTP]:
        """Signed in. Raises `smtplib.SMTPException` and `OSError`."""
        with self._begun() as line:
            if self._security == "starttls":
                line.starttls(context=self._trust)
            if self._account:
                line.login(*self._account)
            yield line

    def _begun(self) -> smtplib.SMTP:
        name = domain_of(self._sender)
        if self._security == "tls":
            return _TlsLine(self._host, self._port, name, timeout=self._seconds, context=self._trust)
        return _Line(self._host, self._port, name, timeout=self._seconds)


class _Line(smtplib.SMTP):
    """A conversation that is cut when it lasts too long: smtplib's limit is for each read, and a server may drip."""

    _timer: Timer | None = None

    # Any, because 3.11 has no name for all that smtplib would take there.
    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        """Dials, and has the time run."""
        self._timer = Timer(PATIENCE * self.timeout, self._cut)
        self._timer.daemon = True
        self._timer.start()
        try:
            return super().connect(host, port, source_address)
        except OSError:
            self._timer.cancel()
            raise

    def close(self) -> None:
        """Hangs up."""
        if self._timer:
            self._timer.cancel()
        super().close()

    def _cut(self) -> None:
        """From another thread: whoever reads from this line reads its end."""
        if self.sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _TlsLine(_Line, smtplib.SMTP_SSL):
    """The same, with TLS from the start."""


def letter(notice: Notice, *, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """The message. Its id is alike whenever the same news is sent again, so that mail programs fold doubles."""
    info, number = notice["finding_info"], notice["finding_info"]["uid"]
    made = EmailMessage()
    made["Subject"] = f"[比对 Bidui] {GRADES[notice['severity_id']].zh} {number} {info['title']}"
    made["From"], made["To"] = sender, ", ".join(recipients)
    made["Date"] = format_datetime(datetime.fromtimestamp(notice["end_time"] / 1000, UTC))
    made["Message-ID"] = f"<{notice['metadata']['uid']}@{domain_of(sender)}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content("\n\n".join([short(notice), info["desc"], notice["remediation"]["desc"], ""]))
    made.add_attachment(
        msgspec.json.format(msgspec.json.encode(notice)),
        maintype="application",
        subtype="json",
        filename=f"incident-{number}.json",
    )
    return made


def domain_of(address: str) -> str:
    """What stands behind the @."""
    return address.rpartition("@")[2]
