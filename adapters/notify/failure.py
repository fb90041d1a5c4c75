"""What is said of a channel that did not deliver: a cause to act upon, and nothing of address, key or content."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Final

from gateway.domain.errors import UnavailableError

_CAUSES: Final[Mapping[type[BaseException], str]] = {
    ssl.SSLCertVerificationError: "its certificate is not trusted, or of another name; look at authority_file",
    ConnectionRefusedError: "nobody listens there",
    socket.gaierror: "its name is not known",
    TimeoutError: "no answer in time",
    smtplib.SMTPServerDisconnected: "the conversation ended early",
    smtplib.SMTPRecipientsRefused: "every recipient is refused",
}


def undelivered(channel: str, error: BaseException) -> UnavailableError:
    """The error to raise `from None`."""
    return UnavailableError(f"{channel}: {_cause(list(_chain(error)))}")


def _cause(errors: list[BaseException]) -> str:
    for kind, told in _CAUSES.items():
        if any(isinstance(each, kind) for each in errors):
            return told
    if isinstance(errors[0], smtplib.SMTPResponseException):
        return f"it answers {errors[0].smtp_code}"
    return f"not delivered ({type(errors[0]).__name__})"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """From what was raised to what it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
