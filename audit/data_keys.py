"""Data keys: under which key each frame of a disclosure lies, and what must be destroyed so that it never opens again.

* A frame about a person lies under a key of that person in that month: HKDF of the person's half, a leaf of
  `audit/puncture.py`, with the month's half. Either half gone, the frame is gone.
* Whose it is stands before it, as the person's point under a key of the month: whoever holds all keys can open it, and
  after the leaf was cut out can only tell whose it was.
* A frame about nobody lies under a key of the month alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hmac import new
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import ECB

from audit.errors import DisclosureError
from audit.puncture import Tree, month_number
from audit.suite import INTL, Cryptor, Suite
from audit.tokens import TOKEN_BYTES

PointOf: TypeAlias = Callable[[str, str], bytes]
"""Gives the point of a person: kind and number, or `OPERATOR` and their account."""
OPERATOR: Final = "operator"
HALF_BYTES = 32
_HELD = 16_384
"""People whose keys are remembered, some 300 bytes each: the same are asked about by several partners."""
_OPERATORS = 512
"""Operators whose ciphers are kept set up, 3 KB each: the same ask all day."""


class MonthKeys:
    """All data keys of a month."""

    def __init__(self, kid: str, half: bytes, tree: Tree, point: PointOf, suite: Suite = INTL) -> None:
        """`kid` is the month. `point` is asked when something is sealed, never when it is opened."""
        if len(half) != HALF_BYTES:
            raise DisclosureError(f"the half of a month has {HALF_BYTES} bytes")
        self.kid, self._half, self._tree, self._point = kid, half, tree, point
        self._month = month_number(kid)
        self._suite = suite
        self._wrap = suite.block(_expand(half, b"bidui-point/1"))
        self.own = suite.cipher(_expand(half, b"bidui-frame/1"))
        self._keys: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self._operators: dict[tuple[str, str], tuple[bytes, Cryptor]] = {}

    def __repr__(self) -> str:
        """Show the month alone."""
        return f"MonthKeys({self.kid!r}, ***)"

    def person(self, person: tuple[str, str]) -> tuple[bytes, Cryptor]:
        """The point of a person and the cipher of their frames. Raise `DisclosureError` when it was destroyed."""
        found = self._operators.get(person)
        if found is not None:
            return found
        point, key = self._keys.get(person) or self._derive(person)
        made = point, self._suite.cipher(key)
        if person[0] == OPERATOR and len(self._operators) < _OPERATORS:
            self._operators[person] = made
        return made

    def _derive(self, person: tuple[str, str]) -> tuple[bytes, bytes]:
        point = self._point(*person)
        key = self._key(point)
        if key is None:
            raise DisclosureError(f"the keys of {self.kid} were destroyed for somebody; the clock may be wrong")
        if len(self._keys) >= _HELD:
            self._keys.clear()
        found = self._keys[person] = (point, key)
        return found

    def is_left(self, point: bytes) -> bool:
        """Whether the half of whoever has this point is still there for this month."""
        return self._tree.leaf(point, self._month) is not None

    def cipher(self, point: bytes) -> Cryptor | None:
        """The cipher of the frames about whoever has this point, None when their half was destroyed."""
        key = self._key(point)
        return None if key is None else self._suite.cipher(key)

    def _key(self, point: bytes) -> bytes | None:
        leaf = self._tree.leaf(point, self._month)
        return None if leaf is None else _expand(leaf, self._half + point)

    def veil(self, points: Sequence[bytes], counters: Sequence[bytes]) -> list[bytes]:
        """Hide points, or show hidden ones. A counter is as long as a point: nonce and code of a frame, used once."""
        # A block cipher of counters is counter mode; by hand, because so all of a batch take one call.
        pad = Cipher(self._wrap, ECB()).encryptor().update(b"".join(counters))  # noqa: S305 - see above
        whole = int.from_bytes(b"".join(points), "big") ^ int.from_bytes(pad, "big")
        hidden = whole.to_bytes(len(pad), "big")
        return [hidden[at : at + TOKEN_BYTES] for at in range(0, len(hidden), TOKEN_BYTES)]


def _expand(key: bytes, about: bytes) -> bytes:
    """HKDF-Expand with SHA-256 (RFC 5869), one block: the keys are uniform, so there is nothing to extract."""
    return new(key, about + b"\x01", "sha256").digest()
