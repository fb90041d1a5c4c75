"""Receipts (`bidui-receipt/1`): what a caller holds against us.

A receipt names the entry, its leaf hash, and salted digests of request and answer. The salt stays with the
caller alone, so only the caller can open what it claimed. Receipts of one turn share one Ed25519 signature:

    signed text = bidui-receipt/1 LF origin LF first index LF number of receipts LF root, base64 LF
    root        = RFC 6962 root over the canonical bytes of the bodies, in order
    path        = this body's place among them, and its inclusion proof

The signature line is that of a C2SP note (type 0x01) by the receipt key, which signs nothing else.
"""

from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Protocol

from msgspec import Struct

from audit.disclosure import base64url
from audit.entry import encode, leaf_hash
from audit.events import DataRef, PolicyRef
from audit.tree import node_hash

FORMAT = "bidui-receipt/1"
SALT_BYTES = 16


class ReceiptSigner(Protocol):
    """The receipt key: an `Ed25519Signer` kept for receipts alone."""

    def sign(self, text: str) -> bytes:
        """Return key id and signature over the text."""
        ...


class ReceiptBody(Struct, frozen=True, gc=False):
    """What one receipt says. `time` is the entry's log time; `salt` opens both digests."""

    index: int
    leaf: bytes
    request_sha256: str
    response_sha256: str
    policy: PolicyRef
    data: DataRef | None
    time: str
    salt: bytes

    def canonical(self, origin: str) -> bytes:
        """Write it as the canonical JSON that is hashed; the salt is no part of it."""
        return (
            b'{"data":%b,"index":%d,"leaf":"%b","origin":%b,"policy":%b,'
            b'"request_sha256":"%b","response_sha256":"%b","time":"%b","v":1}'
        ) % (
            _data(self.data),
            self.index,
            self.leaf.hex().encode(),
            _text(origin),
            _policy(self.policy),
            self.request_sha256.encode(),
            self.response_sha256.encode(),
            self.time.encode(),
        )


class Receipt(Struct, frozen=True, gc=False):
    """A signed receipt, in parts that are JSON already."""

    body: bytes
    at: int
    first: int
    size: int
    hashes: tuple[bytes, ...]
    salt: bytes
    signature: bytes

    def json_bytes(self) -> bytes:
        """Write the receipt as canonical JSON."""
        path = b'"%b"' % b'","'.join(self.hashes) if self.hashes else b""
        return (
            b'{"body":%b,"path":{"at":%d,"first":%d,"hashes":[%b],"size":%d},"salt":"%b","signature":"%b","type":"%b"}'
        ) % (self.body, self.at, self.first, path, self.size, base64url(self.salt), self.signature, FORMAT.encode())


def salted_digest(salt: bytes, part: str, content: bytes) -> str:
    """Digest a request or an answer (`part`) so that nobody without the salt can guess its content."""
    return sha256(b"bidui-digest/1\0%b\0%b%b" % (part.encode(), salt, content)).hexdigest()


def sign_turn(bodies: Sequence[ReceiptBody], first_index: int, origin: str, signer: ReceiptSigner) -> list[Receipt]:
    """Sign the receipts of one turn with one signature. Bodies stand in the order of their entries."""
    if not bodies:
        return []
    contents = [body.canonical(origin) for body in bodies]
    rows = _rows([leaf_hash(content) for content in contents])
    signature = b64encode(signer.sign(signed_text(origin, first_index, len(bodies), rows[-1][0])))
    written = [[b64encode(node) for node in row] for row in rows[:-1]]
    return [
        Receipt(content, at, first_index, len(bodies), _path(written, at), body.salt, signature)
        for at, (body, content) in enumerate(zip(bodies, contents, strict=True))
    ]


def signed_text(origin: str, first: int, size: int, root: bytes) -> str:
    """Return the text under the signature."""
    return f"{FORMAT}\n{origin}\n{first}\n{size}\n{b64encode(root).decode()}\n"


def _rows(row: list[bytes]) -> list[list[bytes]]:
    """Return every row of the tree, leaves first. The odd one out rises unchanged, which is RFC 6962's shape."""
    rows = [row]
    while len(row) > 1:
        paired = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
        row = paired + row[len(row) & ~1 :]
        rows.append(row)
    return rows


def _path(rows: Sequence[Sequence[bytes]], at: int) -> tuple[bytes, ...]:
    path: list[bytes] = []
    for row in rows:
        if at ^ 1 < len(row):
            path.append(row[at ^ 1])
        at >>= 1
    return tuple(path)


@lru_cache(maxsize=256)
def _text(text: str) -> bytes:
    return encode(text)


@lru_cache(maxsize=256)
def _policy(policy: PolicyRef) -> bytes:
    return encode({"number": policy.number, "sha256": policy.sha256})


@lru_cache(maxsize=256)
def _data(data: DataRef | None) -> bytes:
    return encode({"time": data.time, "version": data.version} if data else None)
