"""Records as columns, and the chunks of up to 100 in which they are asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from ops.simulate.numbers import Ints

CHUNK = 100
PACE = 3
"""Seconds between two chunks of a list: 2,000 records a minute."""
NONE = -1


@dataclass(frozen=True, eq=False)
class Rows:
    """Records of one day. `keys` are asked about with the name and the values of `donors`: a hit if that is the same
    person. `wrong` is the field that is claimed otherwise, with the value `other`."""

    seconds: Ints
    members: Ints
    callers: Ints
    operators: Ints
    runs: Ints
    """What was asked together: a list, or a single record."""
    keys: Ints
    donors: Ints
    misnamed: Ints
    wrong: Ints
    other: Ints

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, places: Ints) -> Rows:
        """These records, in this order."""
        return Rows(*(getattr(self, each.name)[places] for each in fields(self)))


class Chunk(NamedTuple):
    """What is asked at once: records of one member, caller and operator."""

    second: int
    rows: Rows


def joined(parts: Sequence[Rows]) -> Rows:
    """All records of these, one behind the other."""
    return Rows(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Rows)))


def chunks_of(rows: Rows) -> Iterator[Chunk]:
    """Cuts what was asked together into chunks, and gives all chunks in time order."""
    starts = np.flatnonzero(np.diff(rows.runs, prepend=NONE))
    ends = np.append(starts[1:], len(rows))
    cuts = [
        (cut, min(cut + CHUNK, end))
        for first, end in zip(_listed(starts), _listed(ends), strict=True)
        for cut in range(first, end, CHUNK)
    ]
    seconds = rows.seconds[np.array([cut for cut, _ in cuts], dtype=np.int64)]
    for place in _listed(np.argsort(seconds, kind="stable")):
        yield Chunk(int(seconds[place]), rows.take(np.arange(*cuts[place])))


def _listed(numbers: Ints) -> list[int]:
    listed: list[int] = numbers.tolist()
    return listed
