"""Questions: every different value, bound or date asked of one field of one person counts, whatever the answer.

They are kept as what the sealing process says of them (`Question.asked`): four bytes each, under a key that the gateway
does not have. In a window of 30 days so many fit as the field's values allow; who has asked them all gets the same
answer as for somebody who is not there.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache

from gateway.domain.budget import DAYS
from gateway.watch.thresholds import Thresholds
from policies.catalogue import Comparator, Field

ASKED_BYTES = 4
_ITEM = struct.Struct(">HHI")
_DAYS_KEPT = 1 << 16


def allowed(field: Field, comparator: str, limits: Thresholds) -> int:
    """How many different questions may be put to the field of one person in a window."""
    if comparator != Comparator.EQUALS:
        return limits.bounds
    few, some, many = limits.questions
    return few if field.domain_size <= limits.few_values else some if field.domain_size <= limits.some_values else many


def add(kept: bytes, day: int, asked: Sequence[tuple[str, int, int]], others: int) -> tuple[bytes, bool]:
    """The questions of a window with these added, each with field, token and how many the field allows.

    `others` is how many there may be beyond the first to each field. The second says whether all of them are allowed;
    where one is not, nothing is added.
    """
    items = [each for each in _ITEM.iter_unpack(kept) if (day - each[1]) % _DAYS_KEPT < DAYS]
    for name, token, most in asked:
        field = _mark(name)
        tokens = {each[2] for each in items if each[0] == field}
        if token not in tokens:
            if len(tokens) >= most:
                return kept, False
            items.append((field, day % _DAYS_KEPT, token))
    if len(items) - len({each[0] for each in items}) > others:
        return kept, False
    return b"".join(_ITEM.pack(*each) for each in items), True


def tokens(asked: bytes) -> tuple[int, ...]:
    """The tokens of a sealed question, in the order of its gate and claims."""
    return struct.unpack(f">{len(asked) // ASKED_BYTES}I", asked)


@lru_cache(maxsize=1024)
def _mark(name: str) -> int:
    return zlib.crc32(name.encode()) & 0xFFFF
