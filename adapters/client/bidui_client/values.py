"""What goes into a question and what comes out of it. Everything about a person hides in `repr`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

import httpx2
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bidui_client.errors import InvalidError

Told: TypeAlias = Mapping[str, Any]  # JSON of the gateway; each use checks what it reads
SubjectCode: TypeAlias = Literal["confirmed", "not_confirmed", "not_found"]
FieldCode: TypeAlias = Literal["match", "variant", "mismatch", "not_compared", "not_authorised"]

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Subject:
    """Whom the question is about: a person with number and name, an organisation with its code alone."""

    kind: str
    id: str = field(repr=False)
    name: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Claim:
    """A value to compare. `comparator` is equals, at_least or at_most."""

    field: str
    value: str | int | float | bool
    comparator: str = "equals"

    def __repr__(self) -> str:
        return f"Claim({self.field!r}, ***, {self.comparator!r})"


class Question(TypedDict):
    """The keywords of `compare`. `key` is the Idempotency-Key of a question that is asked again after a crash."""

    grant: str
    purpose: str
    operator: str
    subject: Subject
    claims: Sequence[Claim]
    as_of: NotRequired[str | None]
    matter: NotRequired[str | None]
    key: NotRequired[str | None]


@dataclass(frozen=True)
class Answer:
    """The codes, the state of the register they speak of, and the receipt; `sent` and `told` are what it proves."""

    subject: SubjectCode
    fields: Mapping[str, FieldCode]
    as_of: str | None
    data: Mapping[str, str]
    receipt: Told = field(repr=False)
    sent: bytes = field(repr=False)
    told: Told = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Account:
    """One enrolled system at its gateway.

    `kid` names the key if not by its thumbprint (RFC 7638), `audience` the gateway if not by its address. `headers` go
    with every request. Receipts are kept in the folder `receipts`; with `receipt_key`, the gateway's verifier key, an
    answer without a good receipt is an error.

    With `dpop_key` tokens are bound to that key (RFC 9449) instead of the client certificate: any P-256 key will do, a
    fresh one each time the program starts. With `request_key` each question is signed (RFC 9421) with a key enrolled
    for that, under the name `request_kid` if not its thumbprint.
    """

    url: str
    client_id: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    kid: str | None = None
    audience: str | None = None
    dpop_key: ec.EllipticCurvePrivateKey | None = field(default=None, repr=False)
    request_key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey | None = field(default=None, repr=False)
    request_kid: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    receipts: Path | None = None
    receipt_key: str | None = None
    clock: Callable[[], float] = time.time
    entropy: Callable[[int], bytes] = secrets.token_bytes

    def __post_init__(self) -> None:
        """Raise `InvalidError` for an address that would show numbers and names to the network."""
        try:
            url = httpx2.URL(self.url)
        except httpx2.InvalidURL:
            url = httpx2.URL()
        if not url.host or url.scheme not in ({"http", "https"} if url.host in LOOPBACK else {"https"}):
            raise InvalidError("url", "must be https://…; plain http is for this machine alone")


def load_key(path: Path, password: bytes | None = None) -> ec.EllipticCurvePrivateKey:
    """The private key of a PEM file. Raises `InvalidError` when it is not one for ES256, and `OSError`."""
    try:
        key = load_pem_private_key(path.read_bytes(), password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise InvalidError("key", "must be a PEM file of an EC key on P-256, for ES256, with its password if it has one")
