"""What the watch saw of a comparison, as its ledger entry keeps it: enough to let the watch see it once more.

It lies in the disclosure `inner`, encrypted with the operator: nothing in it says whom the comparison was about. The
rest stands in the entry anyway: when, under which grant, with which codes; the number lies in a frame of its own. Who
the subject is in the samples of an incident follows from that number, so nothing else is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from audit.entry import JsonValue
from gateway.domain.answer import Cause
from gateway.ports import UnitFact

_KNOWN, _DECOY, _FIRST, _MISMATCHED, _PROTECTED, _NOTHING = "k", "d", "f", "m", "p", "-"
_LETTERS = frozenset({_KNOWN, _DECOY, _FIRST, _MISMATCHED, _PROTECTED, _NOTHING})
_WORDS = 4


class Watched(msgspec.Struct, frozen=True, gc=False):
    """The watch looked at a comparison: under which control epoch, and what it made of the unit."""

    epoch: int
    unit: UnitFact | None


def refused(watched: Watched, place: int) -> str:
    """What an entry keeps of a comparison that was refused before anybody was looked up."""
    return Seen(watched.epoch, place, None, False, False, False, False).text()


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What an entry keeps. `place` counts within the turn, so that two turns of one instant stay two.

    `cause` is None of what was refused for want of a budget: nobody was looked up.
    """

    epoch: int
    place: int
    cause: Cause | None
    is_known: bool
    is_decoy: bool
    is_first: bool
    is_mismatched: bool
    unit: UnitFact | None = None
    is_protected: bool = False

    def text(self) -> str:
        """As it stands in the entry: words, of which every turn writes many."""
        was = (
            f"{_KNOWN if self.is_known else ''}{_DECOY if self.is_decoy else ''}"
            f"{_FIRST if self.is_first else ''}{_MISMATCHED if self.is_mismatched else ''}"
            f"{_PROTECTED if self.is_protected else ''}"
        )
        whole = f"{self.epoch} {self.place} {self.cause or _NOTHING} {was or _NOTHING}"
        unit = self.unit
        return f"{whole} {unit.name.hex()} {unit.region.hex()} {unit.staff} {unit.around}" if unit else whole


def read_seen(inner: JsonValue) -> Seen | None:
    """What an opened `inner` says; None where the watch did not look, or the entry is older than this is kept.

    Raises `ValueError` for what nobody here has written.
    """
    text = inner.get("seen") if isinstance(inner, Mapping) else None
    if text is None:
        return None
    words = text.split(" ") if isinstance(text, str) else []
    try:
        return _seen(words[:_WORDS], words[_WORDS:])
    except ValueError:
        raise ValueError("what the watch saw is not in the form in which it is written") from None


def _seen(words: Sequence[str], unit: Sequence[str]) -> Seen:
    epoch, place, cause, was = words
    if set(was) - _LETTERS:
        raise ValueError(was)
    return Seen(
        epoch=int(epoch),
        place=int(place),
        cause=None if cause == _NOTHING else Cause(cause),
        is_known=_KNOWN in was,
        is_decoy=_DECOY in was,
        is_first=_FIRST in was,
        is_mismatched=_MISMATCHED in was,
        unit=_unit(unit) if unit else None,
        is_protected=_PROTECTED in was,
    )


def _unit(words: Sequence[str]) -> UnitFact:
    name, region, staff, around = words
    return UnitFact(bytes.fromhex(name), bytes.fromhex(region), int(staff), int(around))
