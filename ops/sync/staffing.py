"""Which units there are, in which region each lies, and how many persons: the table of units of a generation."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from adapters.index.parts import Sealed
from adapters.index.units import UnitRow
from gateway.seal import Layout, Sealer
from policies.catalogue import Catalogue

PERSON = "person"
_TOP = ""
_FIRST_UNIT = struct.Struct("<q")
_PLACE = 8 * Layout.UNITS.start


class UnitNames(NamedTuple):
    """The long-lived names of a unit and of its region."""

    name: bytes
    region: bytes


def names_of(sealer: Sealer, chain: Sequence[str]) -> UnitNames:
    """Of a unit given with those above it. Its region is the unit right above it; all without one share a region."""
    return UnitNames(sealer.unit_name(chain[0]), sealer.unit_name(chain[1] if len(chain) > 1 else _TOP))


@dataclass(slots=True)
class Staffing:
    """Counts persons by the unit of their first record, which is the main one where there is one.

    `met` are the units that rows named, by their tokens. A first record without a unit has a random number there, and
    counts nowhere.
    """

    catalogue: Catalogue
    met: dict[int, UnitNames] = field(default_factory=dict[int, UnitNames])
    _staff: Counter[int] = field(default_factory=Counter[int])

    def meet(self, units: Mapping[int, UnitNames]) -> None:
        """Take units that were met in rows."""
        self.met.update(units)

    def count(self, subjects: Iterable[Sealed]) -> None:
        """Count subjects, each once; organisations and those that are gone have no staff to add."""
        person = [kind == PERSON for kind in self.catalogue.kinds]
        self._staff.update(
            _FIRST_UNIT.unpack_from(each.rows, _PLACE)[0] for each in subjects if each.rows and person[each.kind]
        )

    def unit(self, sealed: Sealed) -> int | None:
        """The long-lived name of the unit of a person's first record, 0 where it has none; None: it is no person."""
        if list(self.catalogue.kinds)[sealed.kind] != PERSON:
            return None
        names = self.met.get(_FIRST_UNIT.unpack_from(sealed.rows, _PLACE)[0])
        return int.from_bytes(names.name, "little", signed=True) if names else 0

    def rows(self) -> Iterator[UnitRow]:
        """The table, in no order."""
        around = Counter[bytes]()
        for token, names in self.met.items():
            around[names.region] += self._staff[token]
        for token, names in self.met.items():
            yield UnitRow(token, names.name, names.region, self._staff[token], around[names.region])
