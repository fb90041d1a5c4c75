"""The client of a Bidui gateway: ask whether claims match, get codes and a receipt."""

from bidui_client.client import AsyncClient, Client, tls_context
from bidui_client.errors import (
    BiduiError,
    InvalidError,
    MissingExtraError,
    NotKeptError,
    NotMadeError,
    ProtocolError,
    ReceiptError,
    RefusedError,
    StatementError,
    UnauthorisedError,
    UnavailableError,
)
from bidui_client.receipt import check_receipt
from bidui_client.spot_checks import SpotCheck
from bidui_client.statement import Entry, Kept, StatementCheck, check_statement, read_kept
from bidui_client.values import Account, Answer, Claim, Question, Subject, load_key

__all__ = [
    "Account",
    "Answer",
    "AsyncClient",
    "BiduiError",
    "Claim",
    "Client",
    "Entry",
    "InvalidError",
    "Kept",
    "MissingExtraError",
    "NotKeptError",
    "NotMadeError",
    "ProtocolError",
    "Question",
    "ReceiptError",
    "RefusedError",
    "SpotCheck",
    "StatementCheck",
    "StatementError",
    "Subject",
    "UnauthorisedError",
    "UnavailableError",
    "check_receipt",
    "check_statement",
    "load_key",
    "read_kept",
    "tls_context",
]
