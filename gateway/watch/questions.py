"""Questions: every different value, bound or date asked of one field of one person counts, whatever the answer.

They are kept as what the sealing process says of them (`Question.asked`): four bytes each, under a key that the gateway
does not have. In a window of 30 days so many fit as the field's values allow; who has asked them all gets the same
answer as for somebody who is not there.

Small fields can be guessed: half of all people have the commonest value. Where nothing but need bounds whom somebody
asks about, a contradiction in one of them is kept beside the questions, and from then on no other small field of that
person is answered in the window: what is asked belongs into one question.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from gateway.domain.budget import DAYS
from gateway.watch.thresholds import Thresholds
from policies.catalogue import Comparator, Field

ASKED_BYTES = 4
_ITEM = struct.Struct(">HHI")
_HEAD = struct.Struct(">HH")
_DAYS_KEPT = 1 << 16
_CONTRADICTED = 0
"""Stands where a field does: somebody was told that something about the person does not match."""


class Asked(NamedTuple):
    """One field of a question: how many different ones it allows in a window, and whether it can be guessed."""

    name: str
    most: int
    is_small: bool


def asked_of(field: Field, comparator: str, limits: Thresholds) -> Asked:
    """A field as it is asked. A bound has two answers, however many values there are."""
    is_small = comparator != Comparator.EQUALS or field.domain_size <= limits.small_values
    return Asked(field.key, allowed(field, comparator, limits), is_small)


def allowed(field: Field, comparator: str, limits: Thresholds) -> int:
    """How many different questions may be put to the field of one person in a window."""
    if comparator != Comparator.EQUALS:
        return limits.bounds
    few, some, many = limits.questions
    return few if field.domain_size <= limits.few_values else some if field.domain_size <= limits.some_values else many


class Shape:
    """What questions of one form have alike: of which fields they are, and how many each of these allows.

    Almost every question is the first about somebody in a window. Then nothing that is kept counts any more, and one to
    each field is always allowed.
    """

    def __init__(self, fields: Sequence[Asked], day: int) -> None:
        self._fields, self._day = fields, day
        self.small = frozenset(each.name for each in fields if each.is_small)
        heads = [_HEAD.pack(_mark(each.name), day % _DAYS_KEPT).replace(b"%", b"%%") for each in fields]
        self._items = b"".join([head + b"%b" for head in heads])
        self._tokens = struct.Struct(f"{ASKED_BYTES}s" * len(fields))
        self._is_plain = len({_mark(each.name) for each in fields}) == len(fields) and all(each.most for each in fields)

    def add(self, kept: bytes, asked: bytes, others: int, *, is_hasty: bool = False) -> tuple[bytes, bool]:
        """As `add`, for a sealed question of this form."""
        if self._is_plain and (not kept or _is_over(kept, self._day)):
            return self._items % self._tokens.unpack(asked), True
        return add(kept, self._day, list(zip(self._fields, tokens(asked), strict=True)), others, is_hasty=is_hasty)


def add(
    kept: bytes, day: int, asked: Sequence[tuple[Asked, int]], others: int, *, is_hasty: bool = False
) -> tuple[bytes, bool]:
    """The questions of a window with these added, each a field and a token.

    `others` is how many there may be beyond the first to each field; `is_hasty` says that nobody can know yet whether
    what was asked before was contradicted. The second says whether all of them are allowed; where one is not, nothing
    is added.
    """
    items = [each for each in _ITEM.iter_unpack(kept) if (day - each[1]) % _DAYS_KEPT < DAYS]
    before = {each[0] for each in items}
    is_shut = bool(items) and (is_hasty or _CONTRADICTED in before)
    for (name, most, is_small), token in asked:
        field = _mark(name)
        tokens = {each[2] for each in items if each[0] == field}
        if token not in tokens:
            if len(tokens) >= most or (is_shut and is_small and field not in before):
                return kept, False
            items.append((field, day % _DAYS_KEPT, token))
    if len(items) - len({each[0] for each in items}) > others:
        return kept, False
    return b"".join(_ITEM.pack(*each) for each in items), True


def contradicted(kept: bytes, day: int, *, is_untold: bool = False) -> bytes:
    """The questions of a window, of which one met a contradiction in a small field; whether that was not told."""
    others = [each for each in _ITEM.iter_unpack(kept) if each[0] != _CONTRADICTED]
    return b"".join(_ITEM.pack(*each) for each in [*others, (_CONTRADICTED, day % _DAYS_KEPT, int(is_untold))])


def is_untold(kept: bytes, day: int) -> bool:
    """Whether of several contradictions none was told in the window: then no part of that question tells it, either."""
    if 0 not in kept[:: _ITEM.size]:
        return False
    items = _ITEM.iter_unpack(kept)
    return any(each[0] == _CONTRADICTED and each[2] and (day - each[1]) % _DAYS_KEPT < DAYS for each in items)


def beyond_first(kept: Iterable[bytes], day: int) -> int:
    """How many different questions of a window several asked about one person, beyond the first to each field."""
    items = {
        (each[0], each[2]) for one in kept for each in _ITEM.iter_unpack(one) if (day - each[1]) % _DAYS_KEPT < DAYS
    }
    asked = [field for field, _ in items if field != _CONTRADICTED]
    return len(asked) - len(set(asked))


def tokens(asked: bytes) -> tuple[int, ...]:
    """The tokens of a sealed question, in the order of its gate and claims."""
    return struct.unpack(f">{len(asked) // ASKED_BYTES}I", asked)


def _is_over(kept: bytes, day: int) -> bool:
    """Whether all that is kept is of one day, and that has left the window."""
    first, count = kept[2:4], len(kept) // _ITEM.size
    is_one_day = kept[2 :: _ITEM.size] == first[:1] * count and kept[3 :: _ITEM.size] == first[1:] * count
    return is_one_day and (day - int.from_bytes(first, "big")) % _DAYS_KEPT >= DAYS


@lru_cache(maxsize=1024)
def _mark(name: str) -> int:
    return zlib.crc32(name.encode()) % 0xFFFF + 1
