"""The errors of the client. None carries, in text or attribute, a value that was sent.

* BiduiError
  - RefusedError        403       the gateway says no; `reason` and `incident` are what to ask it about
  - InvalidError        4xx       the question is wrong; `place` says where, `hint` what to do
  - UnauthorisedError   401       the gateway does not know this system, its key or its certificate
  - UnavailableError    429, 5xx  or 409, or silence, after all retries; nothing was told
  - ProtocolError                 something answered that does not speak as a gateway does
  - ReceiptError                  the receipt does not prove the answer; `answer` holds both
    - NotKeptError                the receipt could not be written to its folder
  - StatementError                a statement, or a kept receipt, proves nothing
    - NotMadeError                there is no statement of that day yet
  - MissingExtraError             this program lacks a library; the message says how to install it
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from unicodedata import normalize

_REASONS = {"not_permitted", "quota", "held", "frozen", "stale_data"}
_DOCUMENTS = {
    "own": "name the document of this question by file_document({number}, …), then ask again",
    "other": "the document of an earlier question is overdue: name it by file_document({number}, …), then ask again",
    "review": "the document of this question is being looked at: ask again once it is accepted",
}
_WANTS = {
    "urn:bidui:problem:document-required": "own",
    "urn:bidui:problem:document-overdue": "other",
    "urn:bidui:problem:document-in-review": "review",
}
_SIGNATURE = "urn:bidui:problem:signature-required"
_SIGN = "sign it: Account(request_key=…) with an enrolled key; or ask the register's office about incident {number}"
_INCIDENT = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_LONG_NUMBER = re.compile(r"\d{6}")


class BiduiError(Exception):
    """Base of them all."""


class RefusedError(BiduiError):
    """`reason` is not_permitted, quota, held, frozen or stale_data; "unknown" from a gateway newer than this.

    `document` is "own" where `file_document(incident, …)` of what gave the right to this question lifts it, "other"
    where the document of an earlier question is overdue, whose number `incident` then is; "review" where the document
    of this question has come, and the answer waits until the office has accepted it; else empty.
    `wants_signature`: it came from another network or at another hour than usual; signed, the same is answered.
    """

    def __init__(self, reason: str, incident: str, document: str = "", *, wants_signature: bool = False) -> None:
        number = incident or "(no number)"
        usual = _SIGN if wants_signature else "ask the register's office about incident {number}"
        super().__init__(f"refused ({reason}); {_DOCUMENTS.get(document, usual).format(number=number)}")
        self.reason, self.incident, self.document = reason, incident, document
        self.wants_signature = wants_signature


class InvalidError(BiduiError):
    """Asking the same again does not help."""

    def __init__(self, place: str = "", hint: str = "") -> None:
        super().__init__(f"{place or 'the question'}: {hint or 'is wrong; compare it with GET /v1/catalogue'}")
        self.place, self.hint = place, hint


class UnauthorisedError(BiduiError):
    """The gateway gives every cause the same answer."""


class UnavailableError(BiduiError):
    """Ask again later, with the same `key`. `retry_after` are the seconds the gateway asked for, if it did."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProtocolError(BiduiError):
    """A wrong address, a proxy in between, or a newer gateway. `status` is that of its answer, if it gave one."""

    status = 0


class StatementError(BiduiError):
    """Keep the statement: it is the evidence."""


class NotMadeError(StatementError):
    """Statements are made soon after the midnight that ends their day (Asia/Shanghai)."""


class MissingExtraError(BiduiError):
    """The receipts of this gateway need what was not installed."""


class ReceiptError(BiduiError):
    """Do not lose `answer`: it is the evidence."""

    answer: object = None


class NotKeptError(ReceiptError):
    """The receipt has not been checked either."""


def from_problem(status: int, problem: Mapping[str, object], wait: float | None, sent: Sequence[str]) -> BiduiError:
    """The error of a problem document (RFC 9457). It passes on no text that might repeat a value of `sent`."""
    told = {name: value for name, value in problem.items() if isinstance(value, str)}
    match status:
        case 403:
            reason, incident = told.get("reason", ""), told.get("incident", "")
            long = [value for value in sent if len(value) > 5]  # "3" may well stand in an incident's number
            is_number = _INCIDENT.fullmatch(incident) and not _repeats(incident, long)
            document = _WANTS.get(told.get("type", ""), "") if is_number else ""
            known, number = reason if reason in _REASONS else "unknown", incident if is_number else ""
            return RefusedError(known, number, document, wants_signature=told.get("type") == _SIGNATURE)
        case 401:
            return UnauthorisedError("unauthorised: check client id, key and its name, certificate, audience, clock")
        case 400 | 413 | 422 | 431:
            return InvalidError(_safe(told.get("pointer", ""), sent), _safe(told.get("detail", ""), sent))
        case 409 | 429 | 500 | 502 | 503 | 504:
            return UnavailableError(f"nothing was told (HTTP {status}); ask again later", wait)
        case _:
            error = ProtocolError(f"no gateway answers like this (HTTP {status}); check the address")
            error.status = status
            return error


def _safe(text: str, sent: Sequence[str]) -> str:
    return "" if _LONG_NUMBER.search(_plain(text)) or _repeats(text, sent) else text[:200]


def _repeats(text: str, sent: Sequence[str]) -> bool:
    return any(_plain(value) in _plain(text) for value in sent if value)


def _plain(text: str) -> str:
    return "".join(normalize("NFKC", text).casefold().split())
