"""What the two custodians do: make a key each, and open a list together, which is recorded before anything is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.keys.boxes import fingerprint
from adapters.keys.files import (
    Entropy,
    KeyFileError,
    Passphrase,
    private_folder,
    read_x25519_public,
    write_key,
    write_new,
    write_public,
)
from ops.sync.decoys.keeping import DecoyList, read_list
from ops.sync.decoys.wanted import CUSTODIANS, NAME, custodian_files

LONGEST_REASON = 500
_OPENED = "-decoys-opened.json"


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That a list was opened: which, when, by whose keys, why. No number, and not how many there are."""

    list: str
    at: datetime
    custodians: tuple[str, str]
    reason: str


def make_custodian(
    keys: Path, name: str, private: Path, passphrase: Passphrase | None, entropy: Entropy
) -> X25519PrivateKey:
    """A key for one custodian: the private half where they say, the public half where sync looks for it.

    Raises `KeyFileError` for a third custodian, a name that is taken, and a private half within the home's keys.
    """
    if not NAME.fullmatch(name):
        raise KeyFileError("a custodian's name has 2 to 40 small letters, digits and hyphens, as an account has")
    public = keys / CUSTODIANS / f"{name}.pub"
    others = [path for path in custodian_files(keys) if path != public]
    if len(others) >= 2:
        named = " and ".join(path.stem for path in others)
        raise KeyFileError(f"{named} are custodians already; remove the file of one in {public.parent} first")
    if public.exists():
        raise KeyFileError(f"{public} exists and is never overwritten; move it away first")
    key = X25519PrivateKey.from_private_bytes(entropy(32))
    write_key(private, key, passphrase)
    public.parent.mkdir(mode=0o755, exist_ok=True)
    write_public(public, key)
    return key


def open_together(
    folder: Path, reports: Path, name: str, keys: Sequence[X25519PrivateKey], *, reason: str, at: datetime
) -> DecoyList:
    """The list of that name, once it is on record who opened it and why. Raises `KeyFileError`, `BoxError`."""
    told = read_list(folder, name, keys)
    first, second = (fingerprint(key.public_key()) for key in keys)
    opening = Opening(list=name, at=at, custodians=(first, second), reason=reason.strip()[:LONGEST_REASON])
    write_new(private_folder(reports) / f"{at:%Y%m%dT%H%M%S.%fZ}{_OPENED}", msgspec.json.encode(opening))
    return told


def openings(reports: Path) -> Iterator[Opening]:
    """Every time a list was opened, oldest first."""
    for path in sorted(reports.glob(f"*{_OPENED}")):
        yield msgspec.json.decode(path.read_bytes(), type=Opening)


def names_of(keys: Path) -> dict[str, str]:
    """The custodians by the fingerprints of their keys."""
    return {fingerprint(read_x25519_public(path)): path.stem for path in custodian_files(keys)}
