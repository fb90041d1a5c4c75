"""An office with two custodians, and what only tests may see of its decoys."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.index.directory import read_current
from adapters.index.parts import join
from adapters.index.sqlite import SqliteIndex, read_part
from adapters.keys.files import DECOY_PUBLIC, private_folder, write_public
from gateway.seal import Sealer, SealingKey
from ops.sync.decoys.keeping import DecoySet, lists, read_list, unlock_set
from ops.sync.decoys.wanted import CUSTODIANS
from ops.sync.state import State
from tests.adapters.make_sources import Cells, a_row
from tests.ops.make_sync import CATALOGUE, KEYS, Office

CUSTODIAN_KEYS = tuple(X25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2))
SERVE_KEY = X25519PrivateKey.from_private_bytes(b"v" * 32)
SHARE = 0.05


def guard(home: Path, keys: Sequence[X25519PrivateKey] = CUSTODIAN_KEYS) -> None:
    """Put the public keys of custodians and of serve where sync looks."""
    folder = private_folder(home / "keys" / CUSTODIANS)
    for name, key in zip(("wang", "li"), keys, strict=False):
        write_public(folder / f"{name}.pub", key)
    if not (home / "keys" / DECOY_PUBLIC).exists():
        write_public(home / "keys" / DECOY_PUBLIC, SERVE_KEY)


def guarded(path: Path, **settings: object) -> Office:
    """An office that sets decoys."""
    guard(path)
    return Office(path).told(**({"decoy_share": SHARE} | settings))


def people(count: int, first: int = 1) -> list[Cells]:
    """Rows of so many people."""
    units = ("L", "L01", "L0101", "L02")
    return [a_row(n, 单位=units[n % 4], 性别="MF"[n % 2]) for n in range(first, first + count)]


def folder(office: Office) -> Path:
    return office.path / "data" / "sync"


def numbers(office: Office, name: str | None = None) -> tuple[str, ...]:
    """The numbers on a list, the newest one's, as the two custodians read it."""
    return read_list(folder(office), name or lists(folder(office))[-1], CUSTODIAN_KEYS).numbers


def kept(office: Office) -> DecoySet | None:
    """What sync keeps of the set."""
    with closing(State(folder(office) / "subjects.sqlite")) as state:
        return unlock_set(state.decoys(), SealingKey(KEYS.sealing))


def an_index(office: Office) -> SqliteIndex:
    """The current generation, opened as serve opens it."""
    return SqliteIndex.open(office.home.index, KEYS.sync.public_key(), None, SERVE_KEY)


def link(number: str) -> bytes:
    return _sealer("any").link(number)


def is_decoy(office: Office, number: str) -> bool:
    """What serve finds for a number."""
    with closing(an_index(office)) as index:
        return index.is_decoy(link(number))


def sealed(office: Office) -> dict[bytes, bytes]:
    """Every subject of the current generation with its rows, the newest part first."""
    published = read_current(office.home.index, KEYS.sync.public_key())
    found: dict[bytes, bytes] = {}
    for part in published.manifest.stored_as(".sqlite"):
        found |= {join(each.head, each.tail): each.rows for each in read_part(published.directory / part.file)}
    return {subject: rows for subject, rows in found.items() if rows}


def subject(office: Office, number: str) -> bytes:
    generation = read_current(office.home.index, KEYS.sync.public_key()).manifest.generation
    return _sealer(generation).subject(link(number))


def _sealer(generation: str) -> Sealer:
    return Sealer(SealingKey(KEYS.sealing), CATALOGUE, "person", generation, bytes)
