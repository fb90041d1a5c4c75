"""What is kept of a set of decoys: links for sync, numbers for two custodians together.

Sync must seal the same decoys again in the next generation. It keeps their links, birthdays and sexes, under a key
that comes of the sealing key; the numbers are in the list alone, which is written once and needs both custodians.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.keys.boxes import close_for_two, open_by_two
from adapters.keys.files import KeyFileError, private_folder, write_new
from gateway.seal import Entropy, SealingKey
from ops.sync.decoys.wanted import Custodians

LISTS = "decoys"
"""The folder of lists, within sync's own."""
_SUFFIX = ".list"
_PURPOSE = b"bidui-decoys/1 list\n"
_NONCE_BYTES = 12


class Decoy(msgspec.Struct, frozen=True, array_like=True):
    """One decoy without its number."""

    link: bytes
    born: date
    male: bool


class DecoySet(msgspec.Struct, frozen=True, kw_only=True):
    """Decoys that were drawn together, without those whose numbers came into the register since."""

    name: str
    drawn: datetime
    share: float
    custodians: tuple[str, ...]
    """Fingerprints of the keys that open the list."""
    decoys: tuple[Decoy, ...]

    def __repr__(self) -> str:
        return f"DecoySet({self.name})"


class DecoyList(msgspec.Struct, frozen=True, kw_only=True):
    """What the two custodians read."""

    name: str
    drawn: datetime
    numbers: tuple[str, ...]

    def __repr__(self) -> str:
        return f"DecoyList({self.name})"


def lock_set(kept: DecoySet, key: SealingKey, entropy: Entropy) -> bytes:
    """What sync's state holds of a set."""
    nonce = entropy(_NONCE_BYTES)
    return nonce + AESGCM(_key(key)).encrypt(nonce, msgspec.json.encode(kept), _PURPOSE)


def unlock_set(content: bytes | None, key: SealingKey) -> DecoySet | None:
    """The set; None where there is none, and where it belongs to another sealing key, whose links are other links."""
    if content is None:
        return None
    try:
        inside = AESGCM(_key(key)).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], _PURPOSE)
        return msgspec.json.decode(inside, type=DecoySet)
    except (InvalidTag, ValueError):
        return None


def write_list(folder: Path, told: DecoyList, custodians: Custodians, entropy: Entropy) -> None:
    """Write the numbers of a new set for both custodians, durably, before anybody can meet one of them."""
    content = close_for_two(msgspec.json.encode(told), custodians.keys, _PURPOSE, entropy)
    write_new(private_folder(folder / LISTS) / f"{told.name}{_SUFFIX}", content)


def lists(folder: Path) -> list[str]:
    """The names of all lists, oldest first. They are kept: an alarm of last year must still be explained."""
    return sorted(path.stem for path in (folder / LISTS).glob(f"*{_SUFFIX}"))


def read_list(folder: Path, name: str, keys: Sequence[X25519PrivateKey]) -> DecoyList:
    """Open a list by two keys. Raises `BoxError`, or `KeyFileError` where there is no such list."""
    first, second = keys
    if name not in lists(folder):
        raise KeyFileError("there is no such list; `bidui decoys status` names them")
    content = (folder / LISTS / f"{name}{_SUFFIX}").read_bytes()
    return msgspec.json.decode(open_by_two(content, (first, second), _PURPOSE), type=DecoyList)


def _key(key: SealingKey) -> bytes:
    return key.prf("decoys")(b"set")[:32]
