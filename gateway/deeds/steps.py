"""Who signs what, in which order. Nobody approves alone: every path but the narrowing ones has two steps or more.

A path of one step only ever takes something away (it freezes or withdraws), says what one can say for oneself alone
(an undertaking, a head's acknowledgement of a statement), looks at what two have signed before (the review of an
emergency grant), keeps something from being erased (a hold), lets thresholds run where they decide nothing, or does
what the signatures under a grant allowed its head to do alone (additions to a cohort). `founding` is the one exception:
the three administrators are let in by the activation keys of entry 0. Steps of one path are signed by different human
beings of different duties, whoever drew a draft up signs no later step under it than the first, and people of a partner
sign for that partner only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.deeds.document import Kind
from gateway.domain.people import Duty

USUAL, FOUNDING, BREAK_GLASS = "usual", "founding", "break_glass"
EMERGENCY, WITHDRAWAL, RELEASE = "emergency", "withdrawal", "release"
SHADOW = "shadow"
"""Of thresholds: they run beside those in force and decide nothing."""
ADDITION = "addition"
"""Of a cohort: what a grant's own signatures allow its head to add each month."""
EMERGENCY_REVIEW = "emergency_review"
"""The step of whoever looks at an emergency grant afterwards."""
ACTIVATION = "activation"
"""Id of the keys in entry 0 that let the first administrators in."""
ACTIVATE, SELF = "activate", "self"


@dataclass(frozen=True, slots=True)
class Step:
    """One signature, by somebody of one of these duties."""

    name: str
    duties: frozenset[Duty]


def _by(name: str, *duties: Duty) -> Step:
    return Step(name, frozenset(duties))


_SYSTEM, _SECURITY, _AUDIT = Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN
_ADMINISTERED = {USUAL: (_by("propose", _SYSTEM), _by("approve", _SECURITY))}
_DECIDED = {USUAL: (_by("propose", _SECURITY), _by("approve", Duty.LEADER))}
_EXAMINED = {USUAL: (_by("propose", _AUDIT), _by("approve", Duty.LEADER))}
_KEPT = {USUAL: (_by("propose", _SYSTEM), _by("approve", _AUDIT))}
_ENDORSE = _by("endorse", Duty.HEAD)
_REVIEW = _by("review", Duty.REVIEWER)
_SIGN_OFF = _by("sign_off", Duty.LEADER)

PATHS: Mapping[Kind, Mapping[str, tuple[Step, ...]]] = {
    Kind.PERSON: {
        **_ADMINISTERED,
        FOUNDING: (Step(ACTIVATE, frozenset()),),
        BREAK_GLASS: (
            _by("propose", _SYSTEM, _SECURITY, _AUDIT),
            _by("approve", _SYSTEM, _SECURITY, _AUDIT, Duty.LEADER),
        ),
    },
    Kind.PARTNER: _ADMINISTERED,
    Kind.SYSTEM: _ADMINISTERED,
    Kind.JOB: _ADMINISTERED,
    Kind.PARAMETERS: _ADMINISTERED,
    Kind.RULEBOOKS: _DECIDED,
    Kind.THRESHOLDS: {**_DECIDED, EMERGENCY: _DECIDED[USUAL], SHADOW: (_by("shadow", _SECURITY),)},
    Kind.GRANT: {
        USUAL: (_ENDORSE, _REVIEW, _SIGN_OFF),
        EMERGENCY: (_ENDORSE, _SIGN_OFF),
        WITHDRAWAL: (_by("withdraw", Duty.HEAD, Duty.REVIEWER, Duty.LEADER, _SECURITY),),
    },
    Kind.COHORT: {USUAL: (_by("commit", Duty.CLERK, Duty.HEAD), _REVIEW), ADDITION: (_by("commit", Duty.HEAD),)},
    Kind.AGREEMENT: {USUAL: (_by("offer", Duty.REVIEWER), _by("accept", Duty.HEAD))},
    Kind.UNDERTAKING: {USUAL: (Step(SELF, frozenset(Duty)),)},
    Kind.ATTESTATION: {USUAL: (_by("attest", Duty.HEAD), _by("confirm", Duty.REVIEWER))},
    Kind.REVIEW: {USUAL: (_by(EMERGENCY_REVIEW, Duty.REVIEWER),)},
    Kind.FREEZE: {
        USUAL: (_by("freeze", _SECURITY),),
        RELEASE: (_by("propose", _SECURITY), _by("approve", Duty.LEADER)),
    },
    Kind.REVEAL: _EXAMINED,
    Kind.EXPORT: _EXAMINED,
    Kind.ERASURE: _EXAMINED,
    Kind.HOLD: {USUAL: (_by("hold", _AUDIT),), RELEASE: _EXAMINED[USUAL]},
    Kind.RETENTION: _KEPT,
    Kind.ROLLOVER: _KEPT,
    Kind.LOG_KEY: _KEPT,
    Kind.UNSEALING: _EXAMINED,
    Kind.ACKNOWLEDGEMENT: {USUAL: (_by("acknowledge", Duty.HEAD),)},
}
"""For each kind of deed its paths, and on each path the steps in their order."""


TAKES_AWAY = frozenset({(Kind.GRANT, WITHDRAWAL), (Kind.FREEZE, USUAL)})
"""What stops something at once, so that nobody may be in its way."""


def path_of(kind: Kind, name: str) -> tuple[Step, ...]:
    """The steps of a path; none for a path that this kind does not have, so that nothing is ever complete on it."""
    return PATHS[kind].get(name, ())
