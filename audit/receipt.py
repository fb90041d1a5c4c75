"""Receipts (`bidui-receipt/1`): what a caller holds against us.

A receipt names the entry, its leaf hash, and salted digests of request and answer. The salt stays with the
caller alone, so only the caller can open what it claimed. Receipts of one turn share one Ed25519 signature:

    signed text = bidui-receipt/1 LF origin LF first index LF number of receipts LF root, base64 LF
    root        = RFC 6962 root over the canonical bytes of the bodies, in order
    path        = this body's place among them, and its inclusion proof

The signature line is that of a C2SP note by the receipt key. It signs the manifests of evidence too, and statements of
days; each of them begins with a first line of its own.
"""

import json
from base64 import b64encode
from binascii import b2a_base64, hexlify
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

from audit.disclosure import base64url
from audit.entry import MAX_INTEGER, encode, leaf_hash
from audit.errors import EntryError, NoteError, ProofError, ReceiptError
from audit.events import DataRef, PolicyRef
from audit.note import NoteVerifier, from_base64, suite_of_key
from audit.proof import root_from_inclusion
from audit.suite import INTL, Digest
from audit.tree import parents

FORMAT = "bidui-receipt/1"
SALT_BYTES = 16
_STANDARD = str.maketrans("-_", "+/")


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
        return _BODY % (
            _data(self.data),
            self.index,
            hexlify(self.leaf),
            _origin_and_policy(origin, self.policy),
            self.request_sha256.encode(),
            self.response_sha256.encode(),
            self.time.encode(),
        )


_BODY = b'{"data":%b,"index":%d,"leaf":"%b",%b,"request_sha256":"%b","response_sha256":"%b","time":"%b","v":1}'


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
            b'{"body":%b,"path":{"at":%d,"first":%d,"hashes":[%b],"size":%d},"salt":"%b","signature":"%b","type":"'
            b'bidui-receipt/1"}'
        ) % (self.body, self.at, self.first, path, self.size, base64url(self.salt), self.signature)


def salted_digest(salt: bytes, part: str, content: bytes, digest: Digest = INTL.digest) -> str:
    """Digest a request or an answer (`part`) so that nobody without the salt can guess its content."""
    return digest(b"bidui-digest/1\0%b\0%b%b" % (part.encode(), salt, content)).hex()


def sign_turn(
    bodies: Sequence[ReceiptBody], first_index: int, origin: str, signer: ReceiptSigner, digest: Digest = INTL.digest
) -> list[Receipt]:
    """Sign the receipts of one turn with one signature. Bodies stand in the order of their entries."""
    if not bodies:
        return []
    contents = [body.canonical(origin) for body in bodies]
    rows = _rows([leaf_hash(content, digest) for content in contents], digest)
    size = len(bodies)
    signature = b64encode(signer.sign(signed_text(origin, first_index, size, rows[-1][0])))
    return [
        Receipt(content, at, first_index, size, path, body.salt, signature)
        for at, (body, content, path) in enumerate(zip(bodies, contents, _paths(rows), strict=True))
    ]


def signed_text(origin: str, first: int, size: int, root: bytes) -> str:
    """Return the text under the signature."""
    return f"{FORMAT}\n{origin}\n{first}\n{size}\n{b64encode(root).decode()}\n"


def _rows(row: list[bytes], digest: Digest) -> list[list[bytes]]:
    """Return every row of the tree, leaves first. The odd one out rises unchanged, which is RFC 6962's shape."""
    rows = [row]
    while len(row) > 1:
        row = parents(row, digest) + row[len(row) & ~1 :]
        rows.append(row)
    return rows


def _paths(rows: Sequence[Sequence[bytes]]) -> list[tuple[bytes, ...]]:
    """Return the path of every leaf, as base64: its sibling, if it has one, and then the path of its parent."""
    paths: list[tuple[bytes, ...]] = [()]
    for row in reversed(rows[:-1]):
        written = [b2a_base64(node, newline=False) for node in row]
        paths = [(*written[at ^ 1 : (at ^ 1) + 1], *paths[at >> 1]) for at in range(len(row))]
    return paths


@lru_cache(maxsize=256)
def _origin_and_policy(origin: str, policy: PolicyRef) -> bytes:
    members = encode({"origin": origin, "policy": {"number": policy.number, "sha256": policy.sha256}})
    return members[1:-1]


@lru_cache(maxsize=256)
def _data(data: DataRef | None) -> bytes:
    return encode({"time": data.time, "version": data.version} if data else None)


class Held(Struct, frozen=True):
    """What a verified receipt proves: the log's name and the body."""

    origin: str
    body: ReceiptBody
    digest: Digest = INTL.digest

    def opens(self, part: str, content: bytes) -> bool:
        """Tell whether this is the request or the answer (`part`) that the receipt speaks of."""
        spoken_of = {"request": self.body.request_sha256, "response": self.body.response_sha256}
        return spoken_of.get(part) == salted_digest(self.body.salt, part, content, self.digest)


def read(content: bytes) -> Receipt:
    """Read a receipt from JSON in any spelling. Raise `ReceiptError` for anything but its exact members."""
    try:
        top = _read(content)
        json.loads(content, object_pairs_hook=_once)
        body = encode(msgspec.to_builtins(top.body))
        for encoded in (*top.path.hashes, top.signature):
            from_base64(encoded)
        salt = from_base64(top.salt.translate(_STANDARD) + "=" * (-len(top.salt) % 4))
    except (ValueError, EntryError, NoteError) as error:
        raise ReceiptError(f"not a receipt of the form {FORMAT}") from error
    if base64url(salt).decode() != top.salt:
        raise ReceiptError("the salt of a receipt is base64url without padding")
    path = tuple(node.encode() for node in top.path.hashes)
    return Receipt(body, top.path.at, top.path.first, top.path.size, path, salt, top.signature.encode())


def _once(pairs: list[tuple[str, object]]) -> None:
    """Refuse a member that stands there twice: two readers could take two of them for the one that counts."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a member twice")


def claimed_index(receipt: Receipt) -> int:
    """Return the index a receipt claims, to find the key that must have signed it."""
    return _read_body(receipt.body).index


def is_signed_by(receipt: Receipt, verifier: NoteVerifier) -> bool:
    """Tell whether the signature bears this key's id; whether it holds is for `verify` to say."""
    return from_base64(receipt.signature.decode())[:4] == verifier.key_id


def verify(receipt: Receipt, verifier: NoteVerifier) -> Held:
    """Return what the receipt proves. Raise `ReceiptError` unless it is signed by this receipt key.

    The caller still checks that this key signs receipts of this log at this index, and that the entry is in it.
    """
    body = _read_body(receipt.body)
    path, digest = [from_base64(node.decode()) for node in receipt.hashes], suite_of_key(verifier.vkey).digest
    try:
        root = root_from_inclusion(leaf_hash(receipt.body, digest), receipt.at, receipt.size, path, digest)
    except ProofError as error:
        raise ReceiptError("the path of the receipt does not fit its place") from error
    signature = from_base64(receipt.signature.decode())
    text = signed_text(body.origin, receipt.first, receipt.size, root)
    if signature[:4] != verifier.key_id or not verifier.verify(text, signature[4:]):
        raise ReceiptError("the receipt was changed, or another key signed it")
    if body.index < receipt.first:
        raise ReceiptError("the receipt names an entry before the first of its turn")
    return Held(body.origin, _facts(body, receipt.salt), digest)


_Hex = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Count = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]


class _Policy(Struct, forbid_unknown_fields=True):
    number: _Count
    sha256: str


class _Data(Struct, forbid_unknown_fields=True):
    version: str
    time: str


class _Body(Struct, forbid_unknown_fields=True):
    data: _Data | None
    index: _Count
    leaf: _Hex
    origin: str
    policy: _Policy
    request_sha256: _Hex
    response_sha256: _Hex
    time: str
    v: Literal[1]


class _Path(Struct, forbid_unknown_fields=True):
    at: _Count
    first: _Count
    hashes: Annotated[list[str], Meta(max_length=63)]
    size: _Count


class _Top(Struct, forbid_unknown_fields=True):
    body: _Body
    path: _Path
    salt: str
    signature: str
    type: Literal["bidui-receipt/1"]


_read = msgspec.json.Decoder(_Top).decode
_read_body = msgspec.json.Decoder(_Body).decode


def _facts(body: _Body, salt: bytes) -> ReceiptBody:
    return ReceiptBody(
        index=body.index,
        leaf=bytes.fromhex(body.leaf),
        request_sha256=body.request_sha256,
        response_sha256=body.response_sha256,
        policy=PolicyRef(body.policy.number, body.policy.sha256),
        data=DataRef(body.data.version, body.data.time) if body.data else None,
        time=body.time,
        salt=salt,
    )
