"""Old → new: what differs between two versions of a deed, as the ledger tells it.

Names and digests of people are left out, long texts stand as digests; the rest is told as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.domain.leak import in_brief

MAX_CHANGES = 40
_LONGEST = 120
_NOTHING: frozenset[str] = frozenset()
PERSONAL: Mapping[Kind, frozenset[str]] = {
    Kind.PERSON: frozenset({"name", "natural"}),
    Kind.PARTNER: frozenset({"contact"}),
    Kind.SYSTEM: _NOTHING,
    Kind.JOB: frozenset({"name"}),
    Kind.RULEBOOKS: _NOTHING,
    Kind.GRANT: frozenset({"contact"}),
    Kind.COHORT: _NOTHING,
    Kind.AGREEMENT: _NOTHING,
    Kind.UNDERTAKING: _NOTHING,
    Kind.ATTESTATION: _NOTHING,
    Kind.REVIEW: frozenset({"text"}),
    Kind.FREEZE: _NOTHING,
    Kind.PARAMETERS: _NOTHING,
    Kind.REVEAL: _NOTHING,
    Kind.EXPORT: _NOTHING,
    Kind.ERASURE: frozenset({"subject"}),
    Kind.HOLD: frozenset({"subject"}),
    Kind.RETENTION: _NOTHING,
    Kind.ROLLOVER: _NOTHING,
    Kind.LOG_KEY: _NOTHING,
    Kind.UNSEALING: _NOTHING,
    Kind.ACKNOWLEDGEMENT: _NOTHING,
    Kind.THRESHOLDS: _NOTHING,
}
"""Members of each kind that the ledger does not tell. A kind without a row comes into force never."""
_ABSENT = "-"
_HIDDEN = "***"


def changes(
    kind: Kind, old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]
) -> tuple[list[dict[str, JsonValue]], int]:
    """The first of the differences, each with its place (a JSON pointer), and how many more there are."""
    before, after = dict(leaves(_shortened(kind, old))), dict(leaves(_shortened(kind, new)))
    places = sorted(place for place in before.keys() | after.keys() if not _is_same(place, before, after))
    hidden = PERSONAL[kind]
    told: list[dict[str, JsonValue]] = [
        {"at": place, "old": _told(place, before, hidden), "new": _told(place, after, hidden)}
        for place in places[:MAX_CHANGES]
    ]
    return told, max(0, len(places) - MAX_CHANGES)


def _shortened(kind: Kind, content: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """What follows from the rest is told in one line."""
    return {**content, "leak": in_brief(content["leak"])} if kind is Kind.GRANT and "leak" in content else content


def leaves(value: JsonValue, place: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Everything that is no list or table with something in it, with its place."""
    if isinstance(value, Mapping) and value:
        for name, member in value.items():
            yield from leaves(member, f"{place}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list | tuple) and value:
        for number, member in enumerate(value):
            yield from leaves(member, f"{place}/{number}")
    elif place:
        yield place, value


def _is_same(place: str, before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> bool:
    """Null is not the same as nothing, and true not the same as 1."""
    if place not in before or place not in after:
        return False
    return type(before[place]) is type(after[place]) and before[place] == after[place]


def _told(place: str, members: Mapping[str, JsonValue], hidden: frozenset[str]) -> JsonValue:
    if place not in members:
        return _ABSENT
    if place.split("/")[1] in hidden:
        return _HIDDEN
    value = members[place]
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"sha256:{sha256(value.encode()).hexdigest()}"
    return value
