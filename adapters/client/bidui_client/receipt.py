"""Receipts (`bidui-receipt/1`): check them, and keep them beside what they prove.

    leaf        = SHA-256(0x00, canonical JSON of body)
    root        = where `path` leads from there: place `at` among `size` (RFC 6962)
    signed text = bidui-receipt/1 LF origin LF first LF size LF root, base64 LF
    digests     = SHA-256("bidui-digest/1", 0x00, "request" or "response", 0x00, salt, content)

The content is the request as sent, and the answer without its receipt as canonical JSON: sorted keys, no spaces, UTF-8.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

from bidui_client.errors import NotKeptError, ReceiptError
from bidui_client.suites import Digest, suite
from bidui_client.values import Told

FORMAT = "bidui-receipt/1"


def canonical(value: object) -> bytes:
    """The one spelling of a JSON value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def check_receipt(vkey: str, *, request: bytes, answer: Told) -> None:
    """Raise `ReceiptError` unless the holder of `vkey` (name+id+key) signed for this request and this answer.

    `request` is what was sent, byte for byte; `answer` the JSON that came back, its receipt in it.
    """
    try:
        receipt = answer["receipt"]
        digest = _check_signature(vkey, receipt)
        salt = urlsafe_b64decode(receipt["salt"] + "==")
        told = canonical({name: value for name, value in answer.items() if name != "receipt"})
        digests = [_salted(digest, b"request", salt, request), _salted(digest, b"response", salt, told)]
        is_proof = [receipt["body"]["request_sha256"], receipt["body"]["response_sha256"]] == digests
    except (LookupError, TypeError, ValueError, AttributeError):
        is_proof = False
    if not is_proof:
        raise ReceiptError("the receipt does not prove this answer; keep both and tell the register's office")


def signer(vkey: str, signature: str) -> tuple[Digest, Callable[[bytes], bool]]:
    """What hashes in the log that this key signs for, and whether the signature holds for a text.

    Raises `ValueError` when another key made it.
    """
    name, key_id, key = vkey.split("+", 2)
    key_bytes, signed = b64decode(key, validate=True), b64decode(signature, validate=True)
    if not key_id == sha256(f"{name}\n".encode() + key_bytes).digest()[:4].hex() == signed[:4].hex():
        raise ValueError("another key")
    digest, holds = suite(key_bytes)
    return digest, lambda text: holds(signed[4:], text)


def _check_signature(vkey: str, receipt: Told) -> Digest:
    """What hashes in the log that this key signs for."""
    digest, holds = signer(vkey, receipt["signature"])
    if receipt["type"] != FORMAT:
        raise ValueError("another format")
    body, path = receipt["body"], receipt["path"]
    if body["index"] < path["first"]:
        raise ValueError("an entry before the first of its turn")
    leaf = digest(b"\0" + canonical(body))
    root = b64encode(_root(digest, leaf, path["at"], path["size"], map(b64decode, path["hashes"]))).decode()
    text = f"{FORMAT}\n{body['origin']}\n{path['first']}\n{path['size']}\n{root}\n"
    if not holds(text.encode()):
        raise ValueError("the signature does not hold")
    return digest


def _root(digest: Digest, node: bytes, at: int, size: int, hashes: Iterable[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2). Raises `ValueError` for a path of wrong length."""
    last = size - 1
    if not 0 <= at <= last:
        raise ValueError("no place in the tree")
    for sibling in hashes:
        if not last:
            raise ValueError("the path is too long")
        is_right = at & 1 or at == last
        node = digest(b"\1" + sibling + node if is_right else b"\1" + node + sibling)
        while is_right and at and not at & 1:  # the odd one out has risen without a sibling
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return node


def _salted(digest: Digest, part: bytes, salt: bytes, content: bytes) -> str:
    return digest(b"bidui-digest/1\0" + part + b"\0" + salt + content).hex()


def keep(folder: Path, *, request: bytes, answer: Told) -> None:
    """Write request and answer as one file that its owner alone can read, whole or not at all.

    The request stands in it as it was sent, number and name in clear: without those bytes nobody can open the receipt's
    request digest. Guard the folder like case files. Raises `NotKeptError`.
    """
    try:
        name = f"{int(answer['receipt']['body']['index']):012d}-{sha256(canonical(answer)).hexdigest()[:8]}.json"
        kept = {"request": request.decode(), "answer": answer}
    except (LookupError, TypeError, ValueError):
        raise NotKeptError("the receipt could not be kept: it names no index") from None
    _write(folder, name, kept)


def keep_refusal(folder: Path, *, incident: str, reason: str, at: float) -> None:
    """Write down that the gateway refused something, so that it is known when a statement counts it.

    Raises `NotKeptError`.
    """
    if incident:
        _write(folder, f"refused-{incident}.json", {"refused": {"incident": incident, "reason": reason}, "at": int(at)})


def _write(folder: Path, name: str, value: object) -> None:
    draft = ""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = mkstemp(dir=folder)  # mode 0600 from the start
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(folder / name)
    except (OSError, TypeError, ValueError) as error:
        if draft:
            Path(draft).unlink(missing_ok=True)
        cause = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise NotKeptError(f"the receipt could not be kept: {cause}") from None
