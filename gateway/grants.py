"""What a grant says to a permit of the rulebook: no more than the rulebook allowed, and often less."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Set
from datetime import date, datetime

import msgspec

from gateway.domain.caller import Caller
from gateway.domain.cohort import Members
from gateway.domain.grant import Grant, GrantClass, local_day
from gateway.domain.query import Query
from gateway.ports import Rights
from gateway.seal import day_number
from policies.decision import Permit, Reason, Refusal
from policies.snapshot import Ask

STEPPED_UP = "statement_unacknowledged"
"""The cause where a request should have been signed, as the ledger keeps it, encrypted."""


class Granted(msgspec.Struct, frozen=True):
    """A permit, the grant that narrowed it, and the reference date it answers for."""

    permit: Permit
    grant: Grant
    as_of: date
    compared: tuple[str, ...]
    """Of the fields that were asked, the identity gate left out, those that may be compared; in the caller's order."""
    members: Members | None
    """Whom a closed grant answers about; None for every other."""

    @property
    def day(self) -> int:
        """The reference date as it is sealed."""
        return day_number(self.as_of)


def judge(query: Query, caller: Caller, rights: Rights, at: datetime, data_time: datetime) -> Granted | Refusal:
    """Rulebook first, then grant. Refusals read alike to the caller, but for stale data and for a freeze."""
    grant = grant_of(query, caller, rights)
    if grant is None:
        return Refusal(Reason.NOT_PERMITTED, "no_such_grant", (), rights.snapshot.version)
    if stopped := _stopped(grant, query, caller, rights, at):
        return stopped
    verdict = rights.snapshot.judge(_ask(grant, query, caller), at)
    if isinstance(verdict, Refusal):
        return verdict
    for cause, holds in CONDITIONS:
        if not holds(grant, query, caller, at):
            return _no(cause, verdict)
    if not grant.accepts_age(data_time, at):
        return Refusal(Reason.STALE_DATA, "grant_data_age", verdict.rules, verdict.policy)
    return _narrowed(verdict, grant, query, at, rights.members(grant))


def _stopped(grant: Grant, query: Query, caller: Caller, rights: Rights, at: datetime) -> Refusal | None:
    """A freeze on anything behind the query, a grant that has lapsed, or statements that nobody acknowledged."""
    if frozen := frozen_behind(query, caller, rights):
        return Refusal(Reason.FROZEN, f"frozen:{frozen}", (), rights.snapshot.version)
    if held := _first_of(rights.held, query, caller):
        return Refusal(Reason.HELD, f"held:{held}", (), rights.snapshot.version)
    if lapsed := lapse_of(grant, rights, at):
        return Refusal(Reason.NOT_PERMITTED, f"grant_lapsed:{lapsed}", (), rights.snapshot.version)
    if caller.signature is None and has_stepped_up(caller.partner, rights, at):
        return Refusal(Reason.NOT_PERMITTED, STEPPED_UP, (), rights.snapshot.version)
    return None


def _ask(grant: Grant, query: Query, caller: Caller) -> Ask:
    return Ask(
        f"client:{caller.client_id}",
        query.asked,
        f"purpose:{query.purpose}",
        tuple(f"org:{code}" for code in grant.scope),
        caller.address,
        query.matter is not None,
    )


def terms_of(query: Query, caller: Caller) -> Hashable:
    """Everything of a request that `judge` looks at: two requests alike in it have one verdict."""
    return (
        caller.client_id,
        caller.partner,
        caller.address,
        query.grant,
        query.purpose,
        caller.operator(query.operator) is not None,
        caller.signature is None,
        query.as_of,
        query.matter is None,
        query.asked,
    )


def grant_of(query: Query, caller: Caller, rights: Rights) -> Grant | None:
    """The grant that a query names, if it is one of the caller's own."""
    grant = rights.grants.get(query.grant)
    return grant if grant is not None and grant.partner == caller.partner else None


def frozen_behind(query: Query, caller: Caller, rights: Rights) -> str:
    """The kind of what is frozen of all that stands behind a query; empty when nothing is.

    A frozen person is no operator at all, see `gateway.partners`.
    """
    return _first_of(rights.frozen, query, caller)


def _first_of(stopped: Set[str], query: Query, caller: Caller) -> str:
    if not stopped:
        return ""
    return next((kind for kind, name in behind(query, caller) if f"{kind}.{name}" in stopped), "")


def lapse_of(grant: Grant, rights: Rights, at: datetime) -> str:
    """Why a grant has lapsed although nobody withdrew it; empty while it has not."""
    end = rights.ends.get(grant.number)
    return end.cause.value if end is not None and end.at <= at else ""


def has_stepped_up(partner: str, rights: Rights, at: datetime) -> bool:
    """Whether each comparison of a partner must be signed, because its head acknowledged no statement in time."""
    since = rights.signed_from.get(partner)
    return since is not None and since <= at


def behind(query: Query, caller: Caller) -> tuple[tuple[str, str], ...]:
    """What stands behind a query and can be frozen, each by kind and id, in the order in which it is looked at."""
    return _behind(query.grant, caller)


def stop_on(grant: str, caller: Caller, rights: Rights) -> str:
    """`frozen` or `held` where something behind a caller's grant is; empty where nothing is."""
    targets = {f"{kind}.{name}" for kind, name in _behind(grant, caller)}
    return "frozen" if targets & rights.frozen else "held" if targets & rights.held else ""


def _behind(grant: str, caller: Caller) -> tuple[tuple[str, str], ...]:
    return ("grant", grant), ("partner", caller.partner), ("system", caller.client_id)


def _narrowed(permit: Permit, grant: Grant, query: Query, at: datetime, members: Members | None) -> Granted | Refusal:
    narrowed = permit.narrow(grant.fields, "grant_fields")
    if isinstance(narrowed, Refusal):
        return narrowed
    if not narrowed.fields.issuperset(query.gate_fields):
        return _no("gate_not_granted", narrowed)
    compared = tuple(claim.field for claim in query.claims if claim.field in narrowed.fields)
    return Granted(narrowed, grant, query.as_of or local_day(at), compared, members)


def _no(cause: str, permit: Permit) -> Refusal:
    return Refusal(Reason.NOT_PERMITTED, cause, permit.rules, permit.policy)


def _is_for_this_date(grant: Grant, query: Query, at: datetime) -> bool:
    return query.as_of is None or query.as_of == local_day(at) or query.as_of in grant.reference_dates


CONDITIONS: tuple[tuple[str, Callable[[Grant, Query, Caller, datetime], bool]], ...] = (
    ("grant_purpose", lambda grant, query, caller, at: grant.purpose == query.purpose),
    ("grant_not_in_force", lambda grant, query, caller, at: grant.covers(at)),
    ("grant_network", lambda grant, query, caller, at: grant.admits(caller.address)),
    ("unknown_operator", lambda grant, query, caller, at: caller.operator(query.operator) is not None),
    (
        "unsigned_request",
        lambda grant, query, caller, at: not grant.signed_requests or caller.signature is not None,
    ),
    ("reference_date", lambda grant, query, caller, at: _is_for_this_date(grant, query, at)),
    (
        "no_matter",
        lambda grant, query, caller, at: grant.grant_class is not GrantClass.MATTER or query.matter is not None,
    ),
)
"""Conditions of a grant, each with the cause that the ledger keeps, encrypted, when it does not hold."""
