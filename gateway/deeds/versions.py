"""Amend, renew, clone: the content of a new version of a grant, made from one that is there. Nothing is signed here.

What these give is drawn up like any other grant, goes through the same hands, and replaces the old one, if it has its
number, with the last signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import cast

from audit.entry import JsonValue
from gateway.deeds.errors import DeedError
from gateway.domain.grant import GrantError, canonical_document, parse_grant

Content = Mapping[str, JsonValue]


def amended(number: str, content: Content, changes: Content) -> dict[str, JsonValue]:
    """The same grant with these members in place of its own, in canonical form. Raises `DeedError`.

    What it leaks at worst is left out: that is worked out anew.
    """
    kept = {name: value for name, value in content.items() if name != "leak"}
    try:
        grant = parse_grant({"number": number, **kept, **changes})
    except GrantError as error:
        raise DeedError(str(error)) from None
    whole = cast("dict[str, JsonValue]", canonical_document(grant))
    return {name: value for name, value in whole.items() if name != "number"}


def renewed(number: str, content: Content, until: date, today: date) -> dict[str, JsonValue]:
    """The same grant until another day. It begins today at the earliest, so that no two versions are added up."""
    ends, begins = date.fromisoformat(str(content["valid_until"])), date.fromisoformat(str(content["valid_from"]))
    if until <= ends or until < today:
        raise DeedError(f"续期后的到期日须晚于原到期日 {ends}，且不早于今天")
    return amended(number, content, {"valid_from": max(begins, today).isoformat(), "valid_until": until.isoformat()})


def cloned(number: str, content: Content, today: date) -> dict[str, JsonValue]:
    """The same grant under another number, for as many days, from today on if it has begun."""
    ends, begins = date.fromisoformat(str(content["valid_until"])), date.fromisoformat(str(content["valid_from"]))
    first = max(begins, today)
    last = first + (ends - begins)
    return amended(number, content, {"valid_from": first.isoformat(), "valid_until": last.isoformat()})
