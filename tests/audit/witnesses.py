"""Witnesses for tests: their keys, a store in memory, and requests over a log in memory."""

import threading
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.cosignature import Ed25519Cosigner
from audit.tree import StoredTree
from audit.witness import AddCheckpoint
from tests.audit.make import a_checkpoint_of
from tests.fakes_audit import MemoryLedger


def a_cosigner(name: str, seed: str | None = None) -> Ed25519Cosigner:
    return Ed25519Cosigner(name, Ed25519PrivateKey.from_private_bytes(sha256((seed or name).encode()).digest()))


@dataclass
class MemoryWitness:
    """Keeps the promise of `WitnessStore`, in a dict."""

    kept: dict[str, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def latest(self, origin: str) -> bytes | None:
        return self.kept.get(origin)

    def swap(self, origin: str, expected: bytes | None, new: bytes) -> bool:
        with self.lock:
            if self.kept.get(origin) != expected:
                return False
            self.kept[origin] = new
            return True


def a_request(log: MemoryLedger, old: int, new: int) -> AddCheckpoint:
    """What a log asks that grew from `old` to `new` entries."""
    return AddCheckpoint(old, tuple(StoredTree(new, log.hashes).consistency(old)), a_checkpoint_of(log, new))
