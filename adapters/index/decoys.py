"""What serve may know of decoys (诱饵): keyed tokens of their links, in a box that only its own key opens.

The file lies beside the parts. Inside are a key drawn for this file and, sorted, one token of 16 bytes a decoy: a
keyed digest of its link. Of a link that somebody asked about, serve can say whether it is a decoy's; it can make no
link, so it can name none. Who has the index without serve's key learns how many there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from adapters.keys.boxes import BoxError, Entropy, close_box, open_box
from gateway.generation import GenerationError

_PURPOSE = b"bidui-decoys/1 tokens"
_KEY_BYTES, _TOKEN_BYTES = 32, 16


class DecoyTokens:
    """The decoys of one generation."""

    __slots__ = ("_key", "_tokens")

    def __init__(self, key: bytes, tokens: Iterable[bytes]) -> None:
        self._key = key
        self._tokens = frozenset(tokens)

    def __repr__(self) -> str:
        return "DecoyTokens(***)"

    def holds(self, link: bytes) -> bool:
        """Whether the link is a decoy's; as much work for every link."""
        return _token(self._key, link) in self._tokens


def write_tokens(links: Iterable[bytes], to: X25519PublicKey, entropy: Entropy) -> bytes:
    """The content of the file, for the holder of one key."""
    key = entropy(_KEY_BYTES)
    return close_box(key + b"".join(sorted(_token(key, link) for link in links)), to, _PURPOSE, entropy)


def read_tokens(content: bytes, key: X25519PrivateKey) -> DecoyTokens:
    """Raises `GenerationError` for what was written for another key."""
    try:
        inside = open_box(content, key, _PURPOSE)
    except BoxError:
        raise GenerationError(
            "the decoys of the index were sealed for another key than keys/serve/decoys.pem; copy its decoys.pub to"
            " sync's keys and run `bidui sync --full`"
        ) from None
    tokens = inside[_KEY_BYTES:]
    return DecoyTokens(
        inside[:_KEY_BYTES], (tokens[start : start + _TOKEN_BYTES] for start in range(0, len(tokens), _TOKEN_BYTES))
    )


def _token(key: bytes, link: bytes) -> bytes:
    return blake2b(link, key=key, digest_size=_TOKEN_BYTES).digest()
