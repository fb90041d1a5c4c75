"""Conversations with the sealing process about lists of closed grants, beside those of the turns."""

from __future__ import annotations

from pathlib import Path

from adapters.sealing.client import Deeds, SealClient


class Enlisters:
    """Opens a conversation for each list, on a connection of its own: a turn's is never shared."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._deeds = Deeds()

    def know(self, deeds: Deeds) -> None:
        """Replaces what the next conversations begin with."""
        self._deeds = deeds

    def open(self) -> SealClient:
        """One that keeps the promise of `gateway.ports.Enlisting`."""
        return SealClient(self._path, self._deeds)
