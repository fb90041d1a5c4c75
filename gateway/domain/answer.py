"""What a caller is told: codes, and nothing else. The texts beside them are for people."""

from __future__ import annotations

from collections.abc import Mapping, Set
from enum import StrEnum

import msgspec


class SubjectCode(StrEnum):
    """What is told about the subject. `NOT_FOUND` only under a grant that carries that right."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"
    NOT_FOUND = "not_found"


class FieldCode(StrEnum):
    """What is told about one field."""

    MATCH = "match"
    VARIANT = "variant"
    MISMATCH = "mismatch"
    NOT_COMPARED = "not_compared"
    NOT_AUTHORISED = "not_authorised"


class Cause(StrEnum):
    """Why a subject was or was not confirmed. Inner: encrypted in the ledger, never told to a partner."""

    CONFIRMED = "confirmed"
    ABSENT = "absent"
    SCOPE = "scope"
    GATE = "gate"
    NOT_IN_COHORT = "not_in_cohort"
    DECOY = "decoy"
    """A number that is nobody's and was put into the register to be guessed; told like one that is absent."""
    LOCKED = "locked"
    """So many different questions were asked of one field that the next answer could be worked out."""


_NOBODY = frozenset({Cause.ABSENT, Cause.DECOY})
_EVERYTHING_IS_TOLD: Set[str] = frozenset()

CHINESE = {
    "confirmed": "已确认",
    "not_confirmed": "未确认",
    "not_found": "无记录",
    "match": "一致",
    "variant": "形近一致",
    "mismatch": "不一致",
    "not_compared": "未比对",
    "not_authorised": "无权比对",
    "refused": "已阻断",
}


class Outcome(msgspec.Struct, frozen=True):
    """What the comparison found, before anything is disclosed."""

    cause: Cause
    codes: Mapping[str, FieldCode]


class Disclosed(msgspec.Struct, frozen=True):
    """What of an outcome the permit allows to be told."""

    subject: SubjectCode
    fields: Mapping[str, FieldCode]


def silenced(outcome: Outcome, cause: Cause) -> Outcome:
    """What is said of somebody about whom nothing is told: the same whatever was found."""
    return Outcome(cause, dict.fromkeys(outcome.codes, FieldCode.NOT_COMPARED))


def disclose(
    outcome: Outcome,
    asked: tuple[tuple[str, str], ...],
    tells_not_found: bool,  # noqa: FBT001 - a right of the grant, not a switch
    untold: Set[str] = _EVERYTHING_IS_TOLD,
) -> Disclosed:
    """The answer to what was asked. Fields that were not compared for want of a right say so, found or not.

    `untold` are fields that are told as not compared.
    """
    if outcome.cause is Cause.CONFIRMED:
        subject = SubjectCode.CONFIRMED
    elif outcome.cause in _NOBODY and tells_not_found:
        subject = SubjectCode.NOT_FOUND
    else:
        subject = SubjectCode.NOT_CONFIRMED
    codes = {**outcome.codes, **dict.fromkeys(untold & outcome.codes.keys(), FieldCode.NOT_COMPARED)}
    return Disclosed(subject, {field: codes.get(field, FieldCode.NOT_AUTHORISED) for field, _ in asked})
