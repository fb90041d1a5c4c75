"""What the watch saw of a comparison, as its ledger entry keeps it: enough to let the watch see it once more.

It lies in the disclosure `inner`, encrypted with the operator: nothing in it says whom the comparison was about. The
rest stands in the entry anyway: when, under which grant, with which codes; the number lies in a frame of its own. Who
the subject is in the samples of an incident follows from that number, so nothing else is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from audit.entry import JsonValue
from gateway.domain.answer import Cause
from gateway.ports import UnitFact

_KNOWN, _DECOY, _FIRST, _MISMATCHED = "k", "d", "f", "m"


class Watched(msgspec.Struct, frozen=True, gc=False):
    """The watch looked at a comparison: under which control epoch, and what it made of the unit."""

    epoch: int
    unit: UnitFact | None


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What an entry keeps. `place` counts within the turn, so that two turns of one instant stay two."""

    epoch: int
    place: int
    cause: Cause
    is_known: bool
    is_decoy: bool
    is_first: bool
    is_mismatched: bool
    unit: UnitFact | None = None

    def content(self) -> dict[str, JsonValue]:
        """As it stands in the entry; what is usual takes no room."""
        found = ((_KNOWN, self.is_known), (_DECOY, self.is_decoy), (_FIRST, self.is_first))
        letters = "".join(letter for letter, is_so in (*found, (_MISMATCHED, self.is_mismatched)) if is_so)
        whole: dict[str, JsonValue] = {
            "cause": self.cause.value,
            "epoch": self.epoch,
            "place": self.place,
            "was": letters,
        }
        if self.unit is not None:
            unit = self.unit
            whole["unit"] = [unit.name.hex(), unit.region.hex(), unit.staff, unit.around]
        return whole


def read_seen(inner: JsonValue) -> Seen | None:
    """What an opened `inner` says; None where the watch did not look, or the entry is older than this is kept.

    Raises `ValueError` for what nobody here has written.
    """
    content = inner.get("seen") if isinstance(inner, Mapping) else None
    if content is None:
        return None
    told = msgspec.convert(content, _Told)
    return Seen(
        epoch=told.epoch,
        place=told.place,
        cause=told.cause,
        is_known=_KNOWN in told.was,
        is_decoy=_DECOY in told.was,
        is_first=_FIRST in told.was,
        is_mismatched=_MISMATCHED in told.was,
        unit=_unit(told.unit) if told.unit else None,
    )


class _Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cause: Cause
    epoch: int
    place: int
    was: str
    unit: tuple[str, str, int, int] | None = None


def _unit(told: tuple[str, str, int, int]) -> UnitFact:
    name, region, staff, around = told
    return UnitFact(bytes.fromhex(name), bytes.fromhex(region), staff, around)
