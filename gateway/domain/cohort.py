"""A cohort (名册): whom a closed grant answers about, and what its partner committed to.

For each subject the partner draws a salt that it alone keeps:

    leaf = SHA-256(salt ‖ number)          a salt has 16 bytes, the number its one normalised form
    root = root of the RFC 6962 tree over the leaves, sorted

so the partner can show for any one number that it was on the list, to whoever has the root, and nobody can try
numbers against the leaves. A leaf is made of 28 to 34 bytes and a node of 65, so that none can pass for the other.

The gateway keeps the leaves, and the link of each number. It tells members by their links.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from audit.tree import HASH_BYTES, extend, root, split

SALT_BYTES = 16
LINK_BYTES = 16
MAX_MEMBERS = 200_000


class Members:
    """Links, sorted and packed: 16 bytes a member. Whether one is among them takes as long for everybody."""

    __slots__ = ("_links", "_size", "digest")

    def __init__(self, links: bytes = b"") -> None:
        self._links = links
        self._size = len(links) // LINK_BYTES
        self.digest = sha256(links).hexdigest()
        """What the deed of a cohort names its members by."""

    def __len__(self) -> int:
        return self._size

    def __contains__(self, link: bytes) -> bool:
        links, low, high = self._links, 0, self._size
        while low < high:
            middle = (low + high) // 2
            if links[LINK_BYTES * middle : LINK_BYTES * (middle + 1)] < link:
                low = middle + 1
            else:
                high = middle
        return links[LINK_BYTES * low : LINK_BYTES * (low + 1)] == link

    def __repr__(self) -> str:
        return f"Members({self._size})"


NOBODY = Members()


def pack(links: Iterable[bytes]) -> bytes:
    """Links as they are kept. Each is there once."""
    return b"".join(sorted(links))


def is_packed(links: bytes) -> bool:
    """Whether these are sorted links, none twice, and nothing besides: else a member might not be found."""
    each = unpack(links)
    return len(links) % LINK_BYTES == 0 and all(map(bytes.__lt__, each, each[1:]))


def unpack(links: bytes) -> list[bytes]:
    """The links, one by one."""
    return [links[start : start + LINK_BYTES] for start in range(0, len(links), LINK_BYTES)]


def leaf_of(salt: bytes, number: str) -> bytes:
    """What a partner commits to for one subject."""
    return sha256(salt + number.encode()).digest()


def root_of(leaves: Iterable[bytes]) -> str:
    """The root over leaves, whatever their order, in hex."""
    frontier: list[bytes] = []
    extend(frontier, 0, sorted(leaves))
    return root(frontier).hex()


def pack_leaves(leaves: Iterable[bytes]) -> bytes:
    """Leaves as they are kept, sorted, so that their order tells nothing of whose they are."""
    return b"".join(sorted(leaves))


def root_of_packed(leaves: bytes) -> str:
    """The root over leaves as they are kept."""
    return root_of(split(leaves)) if len(leaves) % HASH_BYTES == 0 else ""
