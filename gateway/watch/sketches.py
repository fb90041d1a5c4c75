"""Theta sketches of Apache DataSketches: sets of which only sizes are asked, exact as long as they are small."""

from __future__ import annotations

from importlib import import_module
from typing import Final, Protocol, cast

LOG_SIZE: Final = 12
"""Exact up to some 3,800 members, then within three in a hundred; 45 kB at most."""
_SURE: Final = 2
"""Standard deviations that an estimate may be off."""


class _Bounded(Protocol):
    def get_estimate(self) -> float: ...
    def get_lower_bound(self, deviations: int) -> float: ...


class _Updated(_Bounded, Protocol):
    def update(self, datum: int) -> None: ...


class _Intersecting(Protocol):
    def update(self, sketch: _Bounded) -> None: ...
    def get_result(self) -> _Bounded: ...


class _Library(Protocol):
    def update_theta_sketch(self, log_size: int) -> _Updated: ...
    def theta_intersection(self) -> _Intersecting: ...


_LIBRARY: Final = cast("_Library", import_module("datasketches"))
"""A compiled module without types; what is used of it has some here."""


class Sketch:
    """A set of links. They are keyed digests already, so eight bytes of one name it."""

    def __init__(self) -> None:
        self._sketch = _LIBRARY.update_theta_sketch(LOG_SIZE)

    def add(self, link: bytes) -> None:
        """One more, or the same again."""
        self._sketch.update(int.from_bytes(link[:8], "big", signed=True))

    @property
    def size(self) -> float:
        """About how many there are."""
        return self._sketch.get_estimate()

    def common(self, other: Sketch) -> float:
        """How many are in both, at least, as far as can be told."""
        both = _LIBRARY.theta_intersection()
        both.update(self._sketch)
        both.update(other._sketch)
        return both.get_result().get_lower_bound(_SURE)
