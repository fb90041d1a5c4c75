"""Events about accounts, each as a `Draft`. `audit/account_kinds.py` tells what they say.

They belong to the chain of the partner whose person it is, if any.
"""

from typing import NamedTuple

from audit.account_kinds import (
    ACCOUNT_BOUND,
    ACCOUNT_CHANGED,
    ACCOUNT_CLOSED,
    ACCOUNT_ENROLLED,
    ACCOUNT_INVITED,
    ACCOUNT_LOCKED,
    ACCOUNT_REFUSED,
    ACCOUNT_SIGNED_IN,
    ACCOUNT_SIGNED_OUT,
    ACCOUNT_STEPPED_UP,
    ACCOUNT_UNBOUND,
)
from audit.entry import JsonValue
from audit.events import Draft, event
from audit.kind import Kind


class AccountRef(NamedTuple):
    """Which account, and whose partner's chain it belongs to, if any."""

    id: str
    partner: str | None


def account_invited(account: AccountRef, *, duty: str, by: str) -> Draft:
    """Somebody was invited."""
    return _about(ACCOUNT_INVITED, account, {"duty": duty, "by": by})


def account_enrolled(account: AccountRef, *, key: str, form: str) -> Draft:
    """The invited person took the account."""
    return _about(ACCOUNT_ENROLLED, account, {"key": key, "form": form})


def account_signed_in(account: AccountRef, *, level: str) -> Draft:
    """Somebody signed in."""
    return _about(ACCOUNT_SIGNED_IN, account, {"level": level})


def account_refused(account: AccountRef | None, *, door: str, failures: int) -> Draft:
    """Attempts failed."""
    body: dict[str, JsonValue] = {"account": account and account.id, "door": door, "failures": failures}
    return event(ACCOUNT_REFUSED, account and account.partner, body)


def account_locked(account: AccountRef, *, scope: str, seconds: int) -> Draft:
    """No more attempts are heard for a while."""
    return _about(ACCOUNT_LOCKED, account, {"scope": scope, "seconds": seconds})


def account_stepped_up(account: AccountRef, *, level: str) -> Draft:
    """The second factor was shown again."""
    return _about(ACCOUNT_STEPPED_UP, account, {"level": level})


def account_signed_out(account: AccountRef, *, cause: str) -> Draft:
    """One session or all of them ended."""
    return _about(ACCOUNT_SIGNED_OUT, account, {"cause": cause})


def account_changed(account: AccountRef, *, what: str, key: str | None = None) -> Draft:
    """What somebody signs in with was changed."""
    return _about(ACCOUNT_CHANGED, account, {"what": what, "key": key})


def account_bound(account: AccountRef, *, subject_sha256: str) -> Draft:
    """A person bound their account to who they are at the identity provider."""
    return _about(ACCOUNT_BOUND, account, {"subject_sha256": subject_sha256})


def account_unbound(account: AccountRef) -> Draft:
    """A person ended what they were bound to."""
    return _about(ACCOUNT_UNBOUND, account, {})


def account_closed(account: AccountRef, *, by: str) -> Draft:
    """An account or an invitation was removed."""
    return _about(ACCOUNT_CLOSED, account, {"by": by})


def _about(kind: Kind, account: AccountRef, also: dict[str, JsonValue]) -> Draft:
    body: dict[str, JsonValue] = {"account": account.id}
    return event(kind, account.partner, body | also)
