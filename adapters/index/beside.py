"""What lies beside the parts of a generation: small files that sync signed, read when it is adopted and held whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.index.decoys import DecoyTokens, read_tokens
from adapters.index.units import UnitFacts, read_units
from gateway.generation import GenerationError, Manifest, Stored
from gateway.ports import UnitFact

Fetch = Callable[[Stored], bytes]
"""Gives the content of a file as sync signed it, or raises `GenerationError`."""
NO_DECOYS = DecoyTokens(b"", ())


@dataclass(frozen=True)
class Beside:
    """Units and decoys of one generation. What an older reader had read of the same file is not read again."""

    manifest: Manifest
    units: UnitFacts = field(repr=False)
    decoys: DecoyTokens

    @classmethod
    def read(
        cls, manifest: Manifest, fetch: Fetch, key: X25519PrivateKey | None, previous: Beside | None = None
    ) -> Beside:
        """Without a key, decoys are not read: for those who only look. Raises `GenerationError`."""
        return cls(manifest, _units(manifest, fetch, previous), _decoys(manifest, fetch, key))

    def unit(self, token: int) -> UnitFact | None:
        """See `gateway.ports.Index`."""
        return self.units.get(token)

    def all_units(self) -> Iterable[UnitFact]:
        """See `gateway.ports.Index`."""
        return self.units.values()

    def is_decoy(self, link: bytes) -> bool:
        """See `gateway.ports.Index`."""
        return self.decoys.holds(link)


def require_key(manifest: Manifest, key: X25519PrivateKey | None) -> None:
    """Whoever answers must know decoys where there are some. Raises `GenerationError`."""
    if manifest.decoys is not None and key is None:
        raise GenerationError(
            "the index has decoys and keys/serve/decoys.pem is not there to know them by: put it back from the backup,"
            " or run `bidui decoys serve-key`, copy keys/decoys.pub to sync's host and run `bidui sync --full`"
        )


def _units(manifest: Manifest, fetch: Fetch, previous: Beside | None) -> UnitFacts:
    if manifest.units is None:
        return {}
    if previous is not None and previous.manifest.units == manifest.units:
        return previous.units
    return read_units(fetch(manifest.units))


def _decoys(manifest: Manifest, fetch: Fetch, key: X25519PrivateKey | None) -> DecoyTokens:
    return read_tokens(fetch(manifest.decoys), key) if manifest.decoys and key else NO_DECOYS
