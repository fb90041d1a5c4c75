"""The states of a grant (签批单的状态): which act leads from which to which, and who has to act in each.

The code, the drawing in docs/grants.md and the tests come from one table. Only signatures and time move a grant: its
state is nowhere stored, it follows from the deed, from what else is in force, and from the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from gateway.deeds.calendar import end_of
from gateway.deeds.deed import Deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.granting import read_grant
from gateway.deeds.keeping import Kept, State
from gateway.deeds.lapse import end_of_grant, followed_in, names, parameters_in
from gateway.deeds.standing import Standing
from gateway.deeds.steps import EMERGENCY, WITHDRAWAL
from gateway.domain.people import Duty


class GrantState(StrEnum):
    """Where a version of a grant stands."""

    APPLIED = "applied"
    ENDORSED = "endorsed"
    REVIEWED = "reviewed"
    IN_FORCE = "in_force"
    PROVISIONAL = "provisional"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    LAPSED = "lapsed"
    FROZEN = "frozen"


class Act(StrEnum):
    """What moves a grant: a step of a path, or time."""

    ENDORSE = "endorse"
    REVIEW = "review"
    SIGN_OFF = "sign_off"
    NARROW = "narrow"
    REFUSE = "refuse"
    ATTEST = "attest"
    EMERGENCY_REVIEW = "emergency_review"
    AMEND = "amend"
    WITHDRAW = "withdraw"
    FREEZE = "freeze"
    RELEASE = "release"
    EXPIRE = "expire"
    LAPSE = "lapse"


_S, _A = GrantState, Act
_ON_ITS_WAY = (_S.APPLIED, _S.ENDORSED, _S.REVIEWED)
_SIGNED = (_S.IN_FORCE, _S.PROVISIONAL, _S.FROZEN)
_OVER = (_S.EXPIRED, _S.LAPSED)


def _transitions() -> Iterator[tuple[GrantState, Act, GrantState]]:
    yield _S.APPLIED, _A.ENDORSE, _S.ENDORSED
    yield _S.ENDORSED, _A.REVIEW, _S.REVIEWED
    yield _S.REVIEWED, _A.SIGN_OFF, _S.IN_FORCE
    yield _S.ENDORSED, _A.SIGN_OFF, _S.PROVISIONAL  # on the path emergency, which has no review beforehand
    for state in _ON_ITS_WAY:
        yield state, _A.REFUSE, _S.REFUSED
        yield state, _A.NARROW, state
    yield _S.IN_FORCE, _A.ATTEST, _S.IN_FORCE
    yield _S.PROVISIONAL, _A.EMERGENCY_REVIEW, _S.IN_FORCE
    yield _S.PROVISIONAL, _A.EMERGENCY_REVIEW, _S.LAPSED  # where the review objects
    yield _S.IN_FORCE, _A.FREEZE, _S.FROZEN
    yield _S.PROVISIONAL, _A.FREEZE, _S.FROZEN
    yield _S.FROZEN, _A.RELEASE, _S.IN_FORCE
    yield _S.FROZEN, _A.RELEASE, _S.PROVISIONAL
    for state in _SIGNED:
        yield state, _A.EXPIRE, _S.EXPIRED
        yield state, _A.LAPSE, _S.LAPSED
    for state in (*_SIGNED, *_OVER):
        yield state, _A.WITHDRAW, _S.WITHDRAWN
    for state in (*_SIGNED, *_OVER, _S.WITHDRAWN):
        yield state, _A.AMEND, _S.SUPERSEDED


TRANSITIONS: tuple[tuple[GrantState, Act, GrantState], ...] = tuple(_transitions())
"""Everything that can happen to a grant. What is not here cannot."""

FINAL = frozenset({_S.REFUSED, _S.SUPERSEDED})

OWNERS: Mapping[GrantState, frozenset[Duty]] = MappingProxyType(
    {
        _S.APPLIED: frozenset({Duty.HEAD}),
        _S.ENDORSED: frozenset({Duty.REVIEWER, Duty.LEADER}),
        _S.REVIEWED: frozenset({Duty.LEADER}),
        _S.IN_FORCE: frozenset({Duty.HEAD}),
        _S.PROVISIONAL: frozenset({Duty.REVIEWER}),
        _S.REFUSED: frozenset({Duty.CLERK}),
        _S.SUPERSEDED: frozenset({Duty.HEAD}),
        _S.WITHDRAWN: frozenset({Duty.HEAD}),
        _S.EXPIRED: frozenset({Duty.CLERK}),
        _S.LAPSED: frozenset({Duty.HEAD}),
        _S.FROZEN: frozenset({Duty.SECURITY_ADMIN, Duty.LEADER}),
    }
)
"""Who has to act next, or answers for it that nothing has to be done."""

STATE_ZH: Mapping[GrantState, str] = MappingProxyType(
    {
        _S.APPLIED: "已申请",
        _S.ENDORSED: "部门已同意",
        _S.REVIEWED: "编办已审核",
        _S.IN_FORCE: "有效",
        _S.PROVISIONAL: "应急有效（待复核）",
        _S.REFUSED: "已退回",
        _S.SUPERSEDED: "已被新版替代",
        _S.WITHDRAWN: "已撤回",
        _S.EXPIRED: "已到期",
        _S.LAPSED: "已失效",
        _S.FROZEN: "已冻结",
    }
)
ACT_ZH: Mapping[Act, str] = MappingProxyType(
    {
        _A.ENDORSE: "负责人同意",
        _A.REVIEW: "审核",
        _A.SIGN_OFF: "签批",
        _A.NARROW: "收窄",
        _A.REFUSE: "退回",
        _A.ATTEST: "年度确认",
        _A.EMERGENCY_REVIEW: "事后复核",
        _A.AMEND: "变更或续期",
        _A.WITHDRAW: "撤回",
        _A.FREEZE: "冻结",
        _A.RELEASE: "解冻",
        _A.EXPIRE: "到期",
        _A.LAPSE: "失效",
    }
)


def after(state: GrantState, act: Act) -> frozenset[GrantState]:
    """Where an act may lead from here; nowhere when it cannot be done."""
    return frozenset(end for start, done, end in TRANSITIONS if (start, done) == (state, act))


def state_of(kept: Kept, standing: Standing, now: datetime) -> GrantState:
    """The state of one version of a grant, that of a withdrawal being `withdrawn`. Raises `DeedError`."""
    if kept.state is State.REFUSED:
        return GrantState.REFUSED
    deed = kept.opened()
    document = deed.document
    if kept.state is State.PENDING:
        return _ON_ITS_WAY[len(deed.signatures)]
    if document.path == WITHDRAWAL:
        return GrantState.WITHDRAWN
    latest = standing.get(Kind.GRANT, document.id)
    if latest is not None and latest.serial != document.serial:
        is_withdrawn = latest.path == WITHDRAWAL and latest.previous == deed.digest
        return GrantState.WITHDRAWN if is_withdrawn else GrantState.SUPERSEDED
    return _signed_state(deed, document, standing, now)


def _signed_state(deed: Deed, document: Document, standing: Standing, now: datetime) -> GrantState:
    """Of the version in force: what is over is over, and what is frozen is frozen, whatever else may be said of it."""
    grant = read_grant(document)
    end = end_of_grant(deed, grant, followed_in(standing, document.id), parameters_in(standing))
    last = end_of(grant.valid_until)
    if min(last, end.at if end else last) <= now:
        return GrantState.EXPIRED if end is None or end.at >= last else GrantState.LAPSED
    if standing.is_frozen(Kind.GRANT, document.id):
        return GrantState.FROZEN
    is_reviewed = names(standing.get(Kind.REVIEW, document.id), deed)
    return GrantState.PROVISIONAL if document.path == EMERGENCY and not is_reviewed else GrantState.IN_FORCE
