"""Accounts: what budgets and scores are kept for, by a short name that tells nobody's.

A request counts for its grant, for the partner's purpose, which outlives a renewed grant, and for the operator under
whatever grant. Turns of one partner follow each other: its lock is what makes all three exact.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from gateway.domain.budget import Limits
from gateway.domain.grant import Grant


class Accounts(NamedTuple):
    """For what one request counts."""

    grant: str
    purpose: str
    operator: str


def accounts_of(grant: Grant, operator: str) -> Accounts:
    """For what a request of this operator under a grant counts."""
    return Accounts(
        grant.number, purpose_account(grant.partner, grant.purpose), operator_account(grant.partner, operator)
    )


def purpose_account(partner: str, purpose: str) -> str:
    """The account of a partner's purpose."""
    return _named("purpose", partner, purpose)


def operator_account(partner: str, operator: str) -> str:
    """The account of a partner's operator."""
    return _named("operator", partner, operator)


def partner_lock(partner: str) -> str:
    """What a turn holds while it counts for anything of a partner."""
    return _named("partner", partner)


def is_grant(account: str) -> bool:
    """Whether this is the account of a grant, whose name is its number."""
    return ":" not in account


def is_lock(account: str) -> bool:
    """Whether a row stands for this account that can be locked: grants and partners have one."""
    return is_grant(account) or account.startswith("partner:")


class Ceilings:
    """What each account may use while these grants are in force.

    A grant what it says; a purpose as much as its grants together; an operator no more than the largest grant of the
    partner, however many there are.
    """

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._own = defaultdict[str, list[Grant]](list)
        for grant in grants:
            self._own[grant.partner].append(grant)
        self._known: dict[str, Limits] = {}

    def of(self, wanted: Iterable[tuple[Grant, Accounts]]) -> dict[str, Limits]:
        """The limits of all these accounts, by account."""
        found = dict[str, Limits]()
        for grant, accounts in wanted:
            if accounts.operator not in found or accounts.grant not in found:
                for account in accounts:
                    found[account] = self._known.get(account) or self._learn(account, grant, accounts)
        return found

    def _learn(self, account: str, grant: Grant, accounts: Accounts) -> Limits:
        own = self._own[grant.partner]
        if account == accounts.grant:
            limits = grant.limits
        elif account == accounts.purpose:
            limits = _combined(sum, [other.limits for other in own if other.purpose == grant.purpose])
        else:
            limits = _combined(max, [other.limits for other in own])
        return self._known.setdefault(account, limits)


def habit_account(client: str, grant: str) -> str:
    """What a system's habits with a grant are kept under."""
    return _named("habit", client, grant)


@lru_cache(maxsize=4096)
def _named(kind: str, *names: str) -> str:
    whole = b"".join(len(part).to_bytes(2, "big") + part for part in (name.encode() for name in names))
    return f"{kind}:{hashlib.blake2s(whole, digest_size=16).hexdigest()}"


def _combined(how: Callable[[Iterable[int]], int], limits: Sequence[Limits]) -> Limits:
    rows = [
        (each.subjects_per_day, each.subjects_per_30_days, each.subjects_per_year, each.comparisons_per_day)
        for each in limits
    ]
    return Limits(*(how(column) for column in zip(*rows, strict=True)))
