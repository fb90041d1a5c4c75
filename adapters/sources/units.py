"""Units and the units above them, as the source's own table gives them."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.seal import UNIT_SLOTS


class Chains:
    """For each unit itself and all units above it, looked up once."""

    def __init__(self, parents: Mapping[str, str]) -> None:
        self._parents = parents
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, unit: str) -> tuple[str, ...]:
        """Empty for a unit that is unknown, lies too deep, or above itself."""
        chain = self._known.get(unit)
        if chain is None:
            chain = self._known[unit] = self._climb(unit)
        return chain

    def _climb(self, unit: str) -> tuple[str, ...]:
        if not self._parents:
            return (unit,)
        chain: list[str] = []
        while unit:
            if unit not in self._parents or len(chain) == UNIT_SLOTS:
                return ()
            chain.append(unit)
            unit = self._parents[unit]
        return tuple(chain)
