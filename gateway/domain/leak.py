"""What a grant leaks at worst, as its document says: signed with it, and read strictly.

    {"basis": {"plays": 100, "register": 1000000, "scope": 3, "thresholds": …},
     "stolen": {"persons": {"median": 99, "worst": 213}, "answers": …, "days": …, "stopped": 100},
     "dishonest": …, "most": {"persons": 2700, "answers": 10800, "days": 427},
     "closed": {"stolen": …, "dishonest": …} or null,
     "without": {"field": "pay_amount", "stolen": …, "dishonest": …} or null}

`worst` is the 95th percentile of the plays, `most` what no play can exceed. How they come about: `gateway.watch.leak`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

import msgspec

from audit.entry import MAX_INTEGER, JsonValue

_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
_Part = Annotated[int, msgspec.Meta(ge=0, le=100)]


class LeakError(Exception):
    """What stands in a grant is no such figure; the message says what to do."""


class Spread(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of many plays."""

    median: _Count
    worst: _Count


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one adversary takes: persons confirmed, attributes of them that agreed, days until it ends."""

    persons: Spread
    answers: Spread
    days: Spread
    stopped: _Part
    """In how many of a hundred plays the watch ends it; else the days of the grant do."""


class Cases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The credential in other hands, or a clerk who is not honest."""

    stolen: Case
    dishonest: Case


class Without(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same grant with one field less: the one that saves most."""

    field: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    stolen: Case
    dishonest: Case


class Most(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the budgets of the whole validity allow, whoever asks and whatever the watch sees."""

    persons: _Count
    answers: _Count
    days: _Count


class Basis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the figure was made from, besides the grant."""

    thresholds: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    """Of thresholds and assumptions: other ones, another figure."""
    register: _Count
    """How many subjects the register has, in round numbers; 0 where nobody knew."""
    scope: Annotated[int, msgspec.Meta(ge=0, le=1000)]
    """How many of a thousand units lie in its scope; 0 where that bounds nothing, or nobody knew."""
    plays: _Count


class Leak(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The figure."""

    basis: Basis
    stolen: Case
    dishonest: Case
    most: Most
    closed: Cases | None
    """The same grant with a committed list; None where it has one."""
    without: Without | None
    """None where nothing can be left out."""

    def content(self) -> dict[str, JsonValue]:
        """As it is signed."""
        return cast("dict[str, JsonValue]", msgspec.to_builtins(self))


def read_leak(content: object) -> Leak:
    """The figure in a grant's document. Raises `LeakError`."""
    try:
        return msgspec.convert(content, Leak, strict=True)
    except msgspec.ValidationError:
        raise LeakError("leak 由网关测算后写入，请删去 leak 后重新拟稿") from None


def in_brief(content: JsonValue) -> JsonValue:
    """The figure in one line, for where changes are told; what is none is told as it is."""
    if not isinstance(content, Mapping):
        return content
    try:
        leak = read_leak(content)
    except LeakError:
        return content
    told = (f"{name} {_case(case)}" for name, case in (("stolen", leak.stolen), ("dishonest", leak.dishonest)))
    return f"{', '.join(told)}, most {leak.most.persons}/{leak.most.answers}/{leak.most.days}"


def _case(case: Case) -> str:
    return f"{case.persons.worst}/{case.answers.worst}/{case.days.worst}"
