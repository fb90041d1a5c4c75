"""The client of a Bidui gateway: ask whether claims match, get codes and a receipt."""

from bidui_client.client import AsyncClient, Client, tls_context
from bidui_client.errors import (
    BiduiError,
    InvalidError,
    MissingExtraError,
    NotKeptError,
    ProtocolError,
    ReceiptError,
    RefusedError,
    UnauthorisedError,
    UnavailableError,
)
from bidui_client.receipt import check_receipt
from bidui_client.values import Account, Answer, Claim, Question, Subject, load_key

__all__ = [
    "Account",
    "Answer",
    "AsyncClient",
    "BiduiError",
    "Claim",
    "Client",
    "InvalidError",
    "MissingExtraError",
    "NotKeptError",
    "ProtocolError",
    "Question",
    "ReceiptError",
    "RefusedError",
    "Subject",
    "UnauthorisedError",
    "UnavailableError",
    "check_receipt",
    "load_key",
    "tls_context",
]
