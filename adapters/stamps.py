"""RFC 3161 stamps of checkpoints, as an option beside witnesses: an authority says that the bytes were there by then.

A stamp shows age, not consistency: it takes the place of no witness. The authority's certificate is pinned, not merely
one that some root issued: `witness/tsa.pem` holds it first and the root last.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import httpx2
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from audit.errors import NoteError
from gateway.domain.errors import UnavailableError

SECONDS = 20.0
_LARGEST = 64 * 1024
_TYPES = ("application/timestamp-query", "application/timestamp-reply")


class Authority(NamedTuple):
    """A time-stamping authority: its own certificate, those between, and the root."""

    own: x509.Certificate
    between: tuple[x509.Certificate, ...]
    root: x509.Certificate


def read_authority(path: Path) -> Authority:
    """From a PEM file. Raises `NoteError` when it is none; `OSError` when it is not there."""
    try:
        own, *others = x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as error:
        raise NoteError(f"{path.name} holds no certificates in PEM") from error
    return Authority(own, tuple(others[:-1]), others[-1] if others else own)


def ask(url: str, content: bytes, authority: Authority, *, transport: httpx2.BaseTransport | None = None) -> bytes:
    """The authority's stamp of these bytes, checked. Raises `UnavailableError`, or `NoteError` for a wrong stamp."""
    request = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
    with httpx2.Client(trust_env=False, follow_redirects=False, timeout=SECONDS, transport=transport) as client:
        try:
            answer = client.post(url, content=request.as_bytes(), headers={"content-type": _TYPES[0]})
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise UnavailableError(f"the time-stamping authority does not answer ({type(error).__name__})") from None
    if answer.status_code != 200 or len(answer.content) > _LARGEST:
        raise UnavailableError(f"the time-stamping authority answers {answer.status_code}")
    check(answer.content, content, authority, nonce=request.nonce)
    return answer.content


def check(stamp: bytes, content: bytes, authority: Authority, *, nonce: int | None = None) -> datetime:
    """When the authority saw these bytes. Raises `NoteError` unless this is its stamp of exactly them."""
    builder = VerifierBuilder().tsa_certificate(authority.own).add_root_certificate(authority.root)
    for each in authority.between:
        builder = builder.add_intermediate_certificate(each)
    if nonce is not None:
        builder = builder.nonce(nonce)
    response = _read(stamp)
    try:
        builder.build().verify_message(response, content)
    except (VerificationError, ValueError) as error:
        raise NoteError(f"the stamp does not hold: {error}") from error
    return response.tst_info.gen_time


def _read(stamp: bytes) -> TimeStampResponse:
    try:
        return decode_timestamp_response(stamp[:_LARGEST])
    except ValueError as error:
        raise NoteError("not an RFC 3161 response") from error
