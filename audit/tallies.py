"""Tallies: how many comparisons each hour had, by partner, grant and what was told, kept in step with the entries.

They are written in the transaction that writes the entries, so that a chart costs no walk through the log; and they say
nothing that the clear parts of the entries do not say. `recount` makes them from the entries alone: both must agree.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from audit.kinds import COMPARISON_ANSWERED, COMPARISON_REFUSED

HOUR = 3600 * 1_000_000
"""In microseconds."""
_MARK = b'"type":"comparison.'


class Tally(NamedTuple):
    """What an entry adds: under which grant (empty for none), what was told, how many claims it had.

    Told is the subject's code for an answer, the class of reasons for a refusal; no word is both.
    """

    grant: str
    told: str
    claims: int


class Place(NamedTuple):
    """Where it is added. Hours are counted since 1970, in UTC, by the log time."""

    hour: int
    partner: str
    grant: str
    told: str


class Count(NamedTuple):
    """How many entries, and how many claims they had."""

    entries: int
    claims: int


Counts = Mapping[Place, Count]
_NOTHING = Count(0, 0)


def add(counts: dict[Place, Count], partner: str | None, tally: Tally, log_time: int) -> None:
    """Count one more entry; `log_time` in microseconds since 1970."""
    place = Place(log_time // HOUR, partner or "", tally.grant, tally.told)
    entries, claims = counts.get(place, _NOTHING)
    counts[place] = Count(entries + 1, claims + tally.claims)


class _Outcome(msgspec.Struct, frozen=True):
    subject: str = ""
    refused: str = ""


class _Body(msgspec.Struct, frozen=True):
    grant: str | None
    counts: dict[str, int]
    outcome: _Outcome


class _Entry(msgspec.Struct, frozen=True):
    type: str
    log_time: datetime
    body: msgspec.Raw
    partner: str = ""


_KINDS = frozenset({COMPARISON_ANSWERED.type, COMPARISON_REFUSED.type})
_entry, _body = msgspec.json.Decoder(_Entry).decode, msgspec.json.Decoder(_Body).decode


def recount(contents: Iterable[bytes], counts: dict[Place, Count] | None = None) -> dict[Place, Count]:
    """Count stored entries, on top of what was counted before. One that cannot be read counts as nothing."""
    counted = {} if counts is None else counts
    for content in contents:
        if _MARK in content:
            _recount_one(content, counted)
    return counted


def _recount_one(content: bytes, counts: dict[Place, Count]) -> None:
    try:
        entry = _entry(content)
        if entry.type not in _KINDS:
            return
        body = _body(entry.body)
    except (msgspec.DecodeError, ValueError):
        return
    tally = Tally(body.grant or "", body.outcome.subject or body.outcome.refused, body.counts.get("claims", 0))
    add(counts, entry.partner, tally, int(entry.log_time.timestamp()) * 1_000_000)


def hour_text(hour: int) -> str:
    """Write when an hour begins."""
    return datetime.fromtimestamp(hour * 3600, UTC).strftime("%Y-%m-%dT%H:00:00Z")
