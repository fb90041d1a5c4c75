"""What lies beside the parts of a generation: small files that sync signed, read when it is adopted and held whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.index.movers import MoverTokens, read_movers
from adapters.index.tokens import LinkTokens, Marked, read_tokens
from adapters.index.units import UnitFacts, read_units
from gateway.generation import GenerationError, Manifest, Stored
from gateway.ports import UnitFact

Fetch = Callable[[Stored], bytes]
"""Gives the content of a file as sync signed it, or raises `GenerationError`."""
NOBODY = LinkTokens(b"", ())


@dataclass(frozen=True)
class Beside:
    """What lies beside the parts of one generation. An older reader's table of units is not read again."""

    manifest: Manifest
    units: UnitFacts = field(repr=False)
    decoys: LinkTokens
    protected: LinkTokens
    movers: MoverTokens | None

    @classmethod
    def read(
        cls, manifest: Manifest, fetch: Fetch, key: X25519PrivateKey | None, previous: Beside | None = None
    ) -> Beside:
        """Without a key nobody is known as a decoy, protected or moved: for those who only look.

        Raises `GenerationError`.
        """

        def marked(stored: Stored | None, what: Marked) -> LinkTokens:
            return read_tokens(fetch(stored), what, key) if stored and key else NOBODY

        return cls(
            manifest=manifest,
            units=_units(manifest, fetch, previous),
            decoys=marked(manifest.decoys, Marked.DECOYS),
            protected=marked(manifest.protected, Marked.PROTECTED),
            movers=read_movers(fetch(manifest.movers), key) if manifest.movers and key else None,
        )

    def unit(self, token: int) -> UnitFact | None:
        """See `gateway.ports.Index`."""
        return self.units.get(token)

    def all_units(self) -> Iterable[UnitFact]:
        """See `gateway.ports.Index`."""
        return self.units.values()

    def is_decoy(self, link: bytes) -> bool:
        """See `gateway.ports.Index`."""
        return self.decoys.holds(link)

    def is_protected(self, link: bytes) -> bool:
        """See `gateway.ports.Index`."""
        return self.protected.holds(link)

    def moves_since(self) -> int | None:
        """See `gateway.ports.Index`."""
        return self.movers.since if self.movers else None

    def moved_on(self, link: bytes) -> int:
        """See `gateway.ports.Index`."""
        return self.movers.day(link) if self.movers else 0


def require_key(manifest: Manifest, key: X25519PrivateKey | None) -> None:
    """Whoever answers must know decoys and protected persons where there are some. Raises `GenerationError`."""
    if key is None and (manifest.decoys is not None or manifest.protected is not None):
        told = "decoys" if manifest.decoys is not None else "protected persons"
        raise GenerationError(
            f"the index has {told} and keys/serve/decoys.pem is not there to know them by: put it back from the backup,"
            " or run `bidui decoys serve-key`, copy keys/decoys.pub to sync's host and run `bidui sync --full`"
        )


def _units(manifest: Manifest, fetch: Fetch, previous: Beside | None) -> UnitFacts:
    if manifest.units is None:
        return {}
    if previous is not None and previous.manifest.units == manifest.units:
        return previous.units
    return read_units(fetch(manifest.units))
