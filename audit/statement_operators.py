"""Who acted in a system's comparisons of a day, as its statement commits to them: erasable, and kept nowhere twice.

    salt  = SHA-256 over the operator's opened disclosures of that day, in the order of the ledger, cut to 16 bytes
    digest = SHA-256("bidui-digest/1", 0x00, "operator", 0x00, salt, [operator, answered, refused] as JSON)

The statement holds the root over the digests, sorted. Names and counts are opened from the ledger's disclosures when
somebody may see them; where an operator was erased there, nothing opens here either, and nobody can guess the digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from msgspec import Struct

from audit.disclosure import Disclosure, DisclosureKeys, unpack, unseal
from audit.entry import JsonValue, encode, leaf_hash
from audit.receipt import SALT_BYTES, salted_digest
from audit.suite import INTL, Digest
from audit.tree import extend, root

NAME = "operator"


class Acted(Struct, frozen=True, gc=False):
    """What one operator did in a day; hides from logs."""

    operator: str
    answered: int
    refused: int
    salt: bytes

    def __repr__(self) -> str:
        """Say how much, not who."""
        return f"Acted(***, {self.answered}, {self.refused})"

    def digest(self, digest: Digest = INTL.digest) -> bytes:
        """What the statement commits to."""
        content = encode([self.operator, self.answered, self.refused])
        return bytes.fromhex(salted_digest(self.salt, NAME, content, digest))

    def members(self) -> dict[str, JsonValue]:
        """For JSON, with the salt that opens the digest."""
        return {
            "operator": self.operator,
            "answered": self.answered,
            "refused": self.refused,
            "salt": self.salt.hex(),
        }


def acted(acts: Iterable[tuple[Disclosure | None, bool]]) -> list[Acted]:
    """Count who did what: an operator's disclosure, and whether it was answered. Those that are erased are left out."""
    opened: dict[str, list[bytes]] = {}
    answered: dict[str, int] = {}
    for disclosure, was_answered in acts:
        if disclosure is not None:
            name = str(disclosure.reveal())
            opened.setdefault(name, []).append(disclosure.content)
            answered[name] = answered.get(name, 0) + was_answered
    return [
        Acted(name, answered[name], len(each) - answered[name], sha256(b"\n".join(each)).digest()[:SALT_BYTES])
        for name, each in sorted(opened.items())
    ]


def digests_of(listed: Sequence[Acted], digest: Digest = INTL.digest) -> list[bytes]:
    """Their digests, in the order in which the root takes them."""
    return sorted(each.digest(digest) for each in listed)


def root_of(digests: Sequence[bytes], digest: Digest = INTL.digest) -> str:
    """What the statement says."""
    frontier: list[bytes] = []
    extend(frontier, 0, [leaf_hash(each, digest) for each in digests], digest)
    return root(frontier, digest).hex()


def operator_of(entry_id: str, packed: bytes, keys: DisclosureKeys) -> Disclosure | None:
    """The operator's disclosure of an entry; None where it was erased. Raise `DisclosureError` where it was changed."""
    for sealed in unpack(packed) if packed else ():
        if sealed.name == NAME:
            return unseal(entry_id, sealed, keys)
    return None


def told(listed: Sequence[Acted], digests: Sequence[bytes], digest: Digest = INTL.digest) -> Mapping[str, JsonValue]:
    """For JSON: those that still open to what was signed, and the digests of all."""
    rows = [each.members() for each in listed if each.digest(digest) in digests]
    return {"opened": rows, "digests": [each.hex() for each in digests]}
