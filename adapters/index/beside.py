"""What lies beside the parts of a generation: small files that sync signed, read when it is adopted and held whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.index.units import UnitFacts, read_units
from gateway.generation import Manifest, Stored
from gateway.ports import UnitFact

Fetch = Callable[[Stored], bytes]
"""Gives the content of a file as sync signed it, or raises `GenerationError`."""


@dataclass(frozen=True)
class Beside:
    """The table of units of one generation. What an older reader had read of the same file is not read again."""

    manifest: Manifest
    units: UnitFacts = field(repr=False)

    @classmethod
    def read(cls, manifest: Manifest, fetch: Fetch, previous: Beside | None = None) -> Beside:
        """Raises `GenerationError`."""
        return cls(manifest, _units(manifest, fetch, previous))

    def unit(self, token: int) -> UnitFact | None:
        """See `gateway.ports.Index`."""
        return self.units.get(token)


def _units(manifest: Manifest, fetch: Fetch, previous: Beside | None) -> UnitFacts:
    if manifest.units is None:
        return {}
    if previous is not None and previous.manifest.units == manifest.units:
        return previous.units
    return read_units(fetch(manifest.units))
