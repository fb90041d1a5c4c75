"""Narrower: what a reviewer may make of a grant. Less of everything, more of nothing; by the JSON that was signed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

from audit.standalone.canonical import Json
from audit.standalone.verdicts import WrongError

_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)


def check_narrower(before: Mapping[str, Json], after: Mapping[str, Json]) -> None:
    """The later of two drafts of a grant gives nothing that the earlier did not. Raise `WrongError`."""
    wider = [name for name in sorted({*before, *after}) if not _is_narrower(name, before.get(name), after.get(name))]
    if wider:
        raise WrongError(f"后一稿放宽了 / a later draft is wider: {', '.join(wider)}")


def _is_narrower(name: str, old: Json, new: Json) -> bool:
    try:
        return _RULES.get(name, _same)(old, new)
    except (TypeError, ValueError):
        return False


def _same(old: Json, new: Json) -> bool:
    return old == new


def _names(value: Json) -> set[str]:
    if not isinstance(value, list | dict):
        raise TypeError
    return {str(each) for each in value}


def _number(value: Json) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _within(old: Json, new: Json) -> bool:
    return _names(new) <= _names(old)


def _at_most(old: Json, new: Json) -> bool:
    return _number(new) <= _number(old)


def _at_least(old: Json, new: Json) -> bool:
    return _number(new) >= _number(old)


def _limits(old: Json, new: Json) -> bool:
    if not isinstance(old, dict) or not isinstance(new, dict) or set(old) != set(new):
        return False
    return all(_at_most(old[name], new[name]) for name in old)


def _networks(old: Json, new: Json) -> bool:
    wide = [ipaddress.ip_network(each) for each in _names(old)]
    narrow = [ipaddress.ip_network(each) for each in _names(new)]
    return all(any(n.version == w.version and n.subnet_of(w) for w in wide) for n in narrow)  # type: ignore[arg-type]  # one family


def _hours(old: Json, new: Json) -> bool:
    wide, narrow = [_span(each) for each in _names(old)], [_span(each) for each in _names(new)]
    return all(any(a <= start and end <= b for a, b in wide) for start, end in narrow)


def _span(told: str) -> tuple[int, int]:
    found = _HOURS.fullmatch(told)
    if found is None:
        raise ValueError
    hour, minute, until, last = map(int, found.groups())
    return 60 * hour + minute, 60 * until + last


def _days(old: Json, new: Json) -> bool:
    return isinstance(old, str) and isinstance(new, str) and old <= new


_RULES: Mapping[str, Callable[[Json, Json], bool]] = {
    "scope": _within,
    "fields": _within,
    "limits": _limits,
    "hit_rate": _at_least,
    "networks": _networks,
    "hours": _hours,
    "valid_from": _days,
    "valid_until": lambda old, new: _days(new, old),
    "max_data_age_days": _at_most,
    "tells_not_found": lambda old, new: bool(old) or not new,
    "contact": lambda _, new: bool(new),
    "reference_dates": _within,
    "signed_requests": lambda old, new: bool(new) or not old,
    "additions_per_month": _at_most,
    "outcome_rate": lambda old, new: _at_least(old or 0, new or 0),
    # It follows from all the others and gives nothing.
    "leak": lambda _old, _new: True,
}
