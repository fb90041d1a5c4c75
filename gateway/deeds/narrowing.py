"""Narrower: what a reviewer may make of a grant. Less of everything, more of nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple

from gateway.deeds.errors import DeedError
from gateway.domain.grant import Grant


def check_narrower(before: Grant, after: Grant) -> None:
    """Raises `DeedError` that names what is wider in the second than in the first."""
    wider = sorted(name for name, is_narrower in _RULES.items() if not is_narrower(before, after))
    if wider:
        raise DeedError(f"签批单只能收窄，不能放宽或改作他用，请改正：{'、'.join(wider)}")


def _same(name: str) -> Callable[[Grant, Grant], bool]:
    return lambda before, after: getattr(before, name) == getattr(after, name)


def _hours_within(before: Grant, after: Grant) -> bool:
    return all(any(start <= s and e <= end for start, end in before.hours) for s, e in after.hours)


def _networks_within(before: Grant, after: Grant) -> bool:
    return all(
        any(new.version == old.version and new.subnet_of(old) for old in before.networks)  # type: ignore[arg-type]  # one family
        for new in after.networks
    )


_RULES: Mapping[str, Callable[[Grant, Grant], bool]] = {
    **{name: _same(name) for name in ("number", "partner", "purpose", "legal_basis", "grant_class")},
    "scope": lambda before, after: set(after.scope) <= set(before.scope),
    "reasons": lambda before, after: after.fields <= before.fields,
    "limits": lambda before, after: all(
        a <= b for a, b in zip(astuple(after.limits), astuple(before.limits), strict=True)
    ),
    "hit_rate": lambda before, after: after.hit_rate >= before.hit_rate,
    "networks": _networks_within,
    "hours": _hours_within,
    "valid_from": lambda before, after: after.valid_from >= before.valid_from,
    "valid_until": lambda before, after: after.valid_until <= before.valid_until,
    "max_data_age_days": lambda before, after: after.max_data_age_days <= before.max_data_age_days,
    "tells_not_found": lambda before, after: before.tells_not_found or not after.tells_not_found,
    "contact": lambda before, after: bool(after.contact),
    "reference_dates": lambda before, after: after.reference_dates <= before.reference_dates,
    "signed_requests": lambda before, after: after.signed_requests or not before.signed_requests,
    "additions_per_month": lambda before, after: after.additions_per_month <= before.additions_per_month,
    "outcome_rate": lambda before, after: (after.outcome_rate or 0) >= (before.outcome_rate or 0),
    # It follows from all the others and gives nothing; that it fits them is checked when it is signed.
    "leak": lambda before, after: True,
}
"""Every member of a grant has its rule; a test holds the two lists together."""
