"""Events about erasing and revealing, each as a `Draft`. They stand in nobody's chain: partners are not told."""

import re
from collections.abc import Sequence

from msgspec import Struct

from audit.entry import JsonValue
from audit.erasure_kinds import ERASURE_APPLIED, ERASURE_SCRUBBED, TRAIL_REVEALED
from audit.events import Draft, event

MAX_RANGES = 500
_LONGEST_BASIS = 300
_LONG_NUMBER = re.compile(r"\d{9,}[0-9A-Za-z]*")


class Allowed(Struct, frozen=True):
    """The deed behind it."""

    id: str
    sha256: str

    def members(self) -> dict[str, JsonValue]:
        return {"id": self.id, "sha256": self.sha256}


def erasure_applied(
    deed: Allowed, *, basis: str, names: Sequence[str], indices: Sequence[int], before: str, kept: int
) -> list[Draft]:
    """Disclosures of these entries, in order, were destroyed: one entry or more."""
    runs = ranges(indices)
    cut = [runs[at : at + MAX_RANGES] for at in range(0, len(runs), MAX_RANGES)] or [[]]
    told: dict[str, JsonValue] = {
        "deed": deed.members(),
        "basis": _LONG_NUMBER.sub("…", basis)[:_LONGEST_BASIS],
        "names": list(names),
        "before": before,
        "kept": kept,
        "parts": len(cut),
    }
    return [event(ERASURE_APPLIED, None, told | {"ranges": each, "part": n}) for n, each in enumerate(cut, 1)]


def erasure_scrubbed(*, store: str, upto: int, remains: str) -> Draft:
    """The database was written anew."""
    return event(ERASURE_SCRUBBED, None, {"store": store, "upto": upto, "remains": remains})


def trail_revealed(deed: Allowed, *, person: str, entry: int, names: Sequence[str]) -> Draft:
    """Somebody is shown these disclosures of an entry."""
    return event(TRAIL_REVEALED, None, {"deed": deed.members(), "person": person, "entry": entry, "names": list(names)})


def ranges(indices: Sequence[int]) -> list[list[int]]:
    """Runs of ascending indices, each as its first and its last."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return runs
