"""Whether decoys are wanted and can be: two custodians, the key of serve, and a share of the persons."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from adapters.keys.boxes import fingerprint
from adapters.keys.files import DECOY_PUBLIC, KeyFileError, read_x25519_public
from ops.sync.errors import SyncError
from ops.sync.settings import SyncSettings

CUSTODIANS = "custodians"
"""The folder of the custodians' public keys, within `keys`."""
LARGEST_SHARE = 0.05
NAME = re.compile(r"[a-z][a-z0-9-]{1,39}")

SWITCHED_OFF = "未启用 off: decoy_share = 0 in sync.toml"
NO_CUSTODIANS = "未启用 none: 缺保管人，请两位保管人各运行一次 `bidui decoys key`，再运行 `bidui sync --full`"
NO_SERVE_KEY = (
    "未启用 none: 缺 keys/decoys.pub，在网关主机运行 `bidui decoys serve-key` 并复制到此，再运行 `bidui sync --full`"
)


@dataclass(frozen=True)
class Custodians:
    """The two who open the list together."""

    names: tuple[str, str]
    keys: tuple[X25519PublicKey, X25519PublicKey] = field(repr=False)

    def fingerprints(self) -> tuple[str, ...]:
        return tuple(map(fingerprint, self.keys))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Everything that decoys need. `share` is of the persons of the register."""

    share: float
    longest: timedelta
    custodians: Custodians

    def is_due(self, drawn: datetime, at: datetime) -> bool:
        """Whether a set that was drawn then has grown too old."""
        return at - drawn >= self.longest


def wanted(settings: SyncSettings, keys: Path) -> Wanted | str:
    """What decoys need, or why there are none and what to do. Raises `SyncError` for a share that makes no sense."""
    if not (0 <= settings.decoy_share <= LARGEST_SHARE and settings.decoy_days >= 1):
        raise SyncError(f"sync.toml: decoy_share lies between 0 and {LARGEST_SHARE}, decoy_days is at least 1")
    if settings.decoy_share == 0:
        return SWITCHED_OFF
    try:
        custodians = read_custodians(keys)
    except KeyFileError as error:
        raise SyncError(f"the key of a custodian of decoys cannot be used: {error}") from error
    if custodians is None:
        return NO_CUSTODIANS
    if not (keys / DECOY_PUBLIC).exists():
        return NO_SERVE_KEY
    return Wanted(share=settings.decoy_share, longest=timedelta(days=settings.decoy_days), custodians=custodians)


def require_serve_key(keys: Path) -> X25519PublicKey:
    """The key that serve is told of decoys, protected persons and movers by.

    Raises `SyncError`: decoys that serve does not know would be people, protected persons would be anybody.
    """
    try:
        return read_x25519_public(keys / DECOY_PUBLIC)
    except KeyFileError as error:
        raise SyncError(
            f"serve is told of decoys and protected persons by it: put keys/{DECOY_PUBLIC} back, or run `bidui decoys"
            f" serve-key` on the gateway's host, copy it here and sync --full ({error})"
        ) from error


def read_custodians(keys: Path) -> Custodians | None:
    """The two custodians; None unless they are two with different keys. Raises `KeyFileError`."""
    found = custodian_files(keys)
    if len(found) != 2:
        return None
    first, second = map(read_x25519_public, found)
    if first.public_bytes_raw() == second.public_bytes_raw():
        return None
    return Custodians((found[0].stem, found[1].stem), (first, second))


def custodian_files(keys: Path) -> list[Path]:
    """The public keys that are there, in the order of names."""
    return sorted((keys / CUSTODIANS).glob("*.pub"))
