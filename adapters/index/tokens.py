"""What serve may know of links that sync marked: keyed tokens of them, in a box that only serve's own key opens.

Such a file lies beside the parts, one for decoys (诱饵) and one for protected persons (重点人员). Inside are a key
drawn for this file and, sorted, one token of 16 bytes a link: a keyed digest of it. Of a link that somebody asked
about, serve can say whether it is among them; it can make no link, so it can name none. Who has the index without
serve's key learns how many there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from hashlib import blake2b

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from adapters.keys.boxes import BoxError, Entropy, close_box, open_box
from gateway.generation import GenerationError

KEY_BYTES, TOKEN_BYTES = 32, 16


class Marked(Enum):
    """What the links of a file are; a box is bound to it, so that no file passes for another."""

    DECOYS = b"bidui-decoys/1 tokens"
    PROTECTED = b"bidui-protected/1 tokens"
    MOVERS = b"bidui-movers/1 tokens"


class LinkTokens:
    """The links of one file."""

    __slots__ = ("_key", "_tokens")

    def __init__(self, key: bytes, tokens: Iterable[bytes]) -> None:
        self._key = key
        self._tokens = frozenset(tokens)

    def __repr__(self) -> str:
        return "LinkTokens(***)"

    def holds(self, link: bytes) -> bool:
        """Whether the link is among them; as much work for every link."""
        return token_of(self._key, link) in self._tokens


def write_tokens(links: Iterable[bytes], what: Marked, to: X25519PublicKey, entropy: Entropy) -> bytes:
    """The content of the file, for the holder of one key."""
    key = entropy(KEY_BYTES)
    return close_box(key + b"".join(sorted(token_of(key, link) for link in links)), to, what.value, entropy)


def read_tokens(content: bytes, what: Marked, key: X25519PrivateKey) -> LinkTokens:
    """Raises `GenerationError` for what was written for another key."""
    inside = open_marked(content, what, key)
    tokens = inside[KEY_BYTES:]
    return LinkTokens(
        inside[:KEY_BYTES], (tokens[start : start + TOKEN_BYTES] for start in range(0, len(tokens), TOKEN_BYTES))
    )


def open_marked(content: bytes, what: Marked, key: X25519PrivateKey) -> bytes:
    """What lies in the box. Raises `GenerationError` for what was written for another key."""
    try:
        return open_box(content, key, what.value)
    except BoxError:
        raise GenerationError(
            f"the {what.name.lower()} of the index were sealed for another key than keys/serve/decoys.pem; copy its"
            " decoys.pub to sync's keys and run `bidui sync --full`"
        ) from None


def token_of(key: bytes, link: bytes) -> bytes:
    """The token of a link in a file with this key."""
    return blake2b(link, key=key, digest_size=TOKEN_BYTES).digest()
