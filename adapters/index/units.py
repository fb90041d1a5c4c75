"""What a generation tells of its units: a file beside the parts, small enough to be held whole.

    token  int64   the unit's token in this generation, as it stands first in a record
    name   8 bytes the same in every generation, keyed: nobody makes it of a unit's code without the sealing key
    region 8 bytes the name of the unit right above it; one name for all that have none above them
    staff  uint32  persons whose main record lies there
    around uint32  persons whose main record lies in any unit of that region

One such row a unit, in the order of tokens. Sizes are those of the last full sync: deltas do not move them, and a
unit that first appears in a delta is not in the table.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from gateway.generation import GenerationError
from gateway.ports import UnitFact

UNITS = "units"
"""The name of the file."""
_row = struct.Struct("<q8s8sII")


class UnitRow(NamedTuple):
    """One unit as it is written."""

    token: int
    name: bytes
    region: bytes
    staff: int
    around: int


UnitFacts: TypeAlias = dict[int, UnitFact]


def write_units(rows: Iterable[UnitRow]) -> bytes:
    """The content of the file."""
    return b"".join(_row.pack(*row) for row in sorted(rows))


def read_units(content: bytes) -> UnitFacts:
    """What is known of each unit, by its token. Raises `GenerationError` for what is no table."""
    if len(content) % _row.size:
        raise GenerationError("the table of units is cut off; run `bidui sync --full`")
    return {token: UnitFact(*facts) for token, *facts in _row.iter_unpack(content)}
