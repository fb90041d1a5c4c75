"""What an entry is found by: words of its clear part, and the accounts it names.

A word is a member and its text. The index keeps the first 64 bits of a hash of both; it hides nothing, since the entry
says the word in clear, and a hit that only shares these bits is found out when the entry is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Final, cast

import msgspec

FORM: Final = 1
"""Of the index. It grows with every change of what an entry is found by, and the index is made anew."""
TYPE, PARTNER, CLIENT, GRANT, PURPOSE = "type", "partner", "client", "grant", "purpose"
KIND, OUTCOME, REASON, INCIDENT, NETWORK = "kind", "outcome", "reason", "incident", "network"
MEMBERS: Final = (TYPE, PARTNER, CLIENT, GRANT, PURPOSE, KIND, OUTCOME, REASON, INCIDENT, NETWORK)
"""What may be asked for. The outcome is the subject's code, any field's code, or `refused`."""
REFUSED: Final = "refused"
SUBJECT, OPERATOR, MATTER = "subject", "operator", "matter"
"""Fields of search tokens. An operator is whoever acted: the one of a comparison, or the account an entry names."""

_COMPARISON, _DEED = "comparison.", "deed."
_SAME: Final = (CLIENT, GRANT, PURPOSE, KIND, NETWORK)
_OF_DEEDS: Final = {PARTNER: PARTNER, **dict.fromkeys((GRANT, "cohort", "attestation", "review"), GRANT)}
"""Kinds of deeds whose id is a partner's code or a grant's number."""
_ACCOUNTS: Final = ("account", "person", "author", "by")

Word = tuple[str, str]
Entry = Mapping[str, object]
_decode = msgspec.json.Decoder(dict[str, object]).decode


def open_entry(content: bytes) -> Entry:
    """An entry's members; none of bytes that are no entry."""
    try:
        return _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def words_of(entry: Entry) -> frozenset[Word]:
    """All words of an entry."""
    return frozenset(_words(entry))


def accounts_of(entry: Entry) -> frozenset[str]:
    """The accounts that an entry names as having acted."""
    body = body_of(entry)
    named = [each for member in _ACCOUNTS for each in _listed(body.get(member))]
    return frozenset(each for each in named if isinstance(each, str) and each)


def body_of(entry: Entry) -> Entry:
    """The body; empty where there is none."""
    body = entry.get("body")
    return cast("Entry", body) if isinstance(body, dict) else {}


@lru_cache(maxsize=8192)
def number_of(member: str, text: str) -> int:
    """The number that a word has in the index: a signed integer of 64 bits."""
    return int.from_bytes(sha256(f"{member}\0{text}".encode()).digest()[:8], "big", signed=True)


def _words(entry: Entry) -> Iterator[Word]:
    kind, body = str(entry.get("type", "")), body_of(entry)
    yield TYPE, kind
    if partner := _text(entry, PARTNER):
        yield PARTNER, partner
    if kind.startswith(_COMPARISON):
        yield from _of_comparison(body)
    elif kind.startswith(_DEED):
        yield from _of_deed(body)
    else:
        yield from ((member, text) for member in (PARTNER, GRANT) if (text := _text(body, member)))


def _of_comparison(body: Entry) -> Iterator[Word]:
    for member in _SAME:
        if text := _text(body, member):
            yield member, text
    outcome = body.get("outcome")
    if isinstance(outcome, dict):
        yield from _of_outcome(cast("Entry", outcome))


def _of_outcome(outcome: Entry) -> Iterator[Word]:
    if reason := _text(outcome, "refused"):
        yield OUTCOME, REFUSED
        yield REASON, reason
        yield INCIDENT, _text(outcome, "incident")
    elif subject := _text(outcome, "subject"):
        yield OUTCOME, subject
        fields = outcome.get("fields")
        codes = cast("Entry", fields).values() if isinstance(fields, dict) else ()
        yield from ((OUTCOME, code) for code in codes if isinstance(code, str))


def _of_deed(body: Entry) -> Iterator[Word]:
    """A deed about a partner or a grant is found with what that partner asked, or what was asked under that grant."""
    kind, named = _text(body, "kind"), _text(body, "id")
    if kind in _OF_DEEDS and named:
        yield _OF_DEEDS[kind], named
    if kind != PARTNER and (partner := _text(body, PARTNER)):
        yield PARTNER, partner


def _listed(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _text(members: Entry, name: str) -> str:
    found = members.get(name)
    return found if isinstance(found, str) else ""
