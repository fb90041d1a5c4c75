"""When a grant ends although nobody withdraws it, and although its last day has not come: it lapses (失效).

1. A grant that is valid for longer than a year lapses 366 days after its sign-off, unless its head attests and a
   reviewer confirms that it is still needed (年度确认); from then on another 366 days count.
2. An emergency grant ends so many hours after its sign-off as the parameters say, 72 at most.
3. An emergency grant lapses when the term for its review (事后复核) ends without one, or when the review objects.

What attests or reviews names the grant by the digest of its document: another version needs its own. Serve goes by
this, and the sealing process too, each by its own clock; whatever is not shown to them cannot lengthen anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from gateway.deeds.calendar import due, end_of
from gateway.deeds.deed import Deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.parameters import PARAMETERS_ID, Parameters, parameters_of
from gateway.deeds.standing import Standing
from gateway.deeds.steps import EMERGENCY, EMERGENCY_REVIEW
from gateway.domain.grant import Grant

YEAR_DAYS = 366
ATTESTED_FOR = timedelta(days=YEAR_DAYS)
OBJECTED = "objected"
FINDINGS = frozenset({"justified", OBJECTED})


class Cause(StrEnum):
    """Why a grant lapses, as the ledger keeps it, encrypted."""

    NO_ATTESTATION = "no_attestation"
    EMERGENCY_OVER = "emergency_over"
    NO_REVIEW = "no_review"
    REVIEW_OBJECTED = "review_objected"


@dataclass(frozen=True, slots=True, order=True)
class End:
    """From this instant on the grant gives nothing."""

    at: datetime
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What came after a grant was signed off: the latest attestation and review that are in force for its number."""

    attestation: Deed | None = None
    review: Deed | None = None


def needs_attestation(grant: Grant) -> bool:
    """Whether it is valid for longer than a year."""
    return (grant.valid_until - grant.valid_from).days >= YEAR_DAYS


def end_of_grant(deed: Deed, grant: Grant, followed: Followed, parameters: Parameters) -> End | None:
    """The earliest end of a grant that is signed; None if it ends with its last day alone."""
    rule = _emergency_ends if deed.document.path == EMERGENCY else _yearly_ends
    return min(rule(deed, grant, followed, parameters), default=None)


def followed_in(standing: Standing, number: str) -> Followed:
    """What is in force beside a grant."""
    return Followed(
        attestation=standing.deed(Kind.ATTESTATION, number),
        review=standing.deed(Kind.REVIEW, number),
    )


def parameters_in(standing: Standing) -> Parameters:
    """The parameters in force. Raises `DeedError`."""
    return parameters_of(standing.content(Kind.PARAMETERS, PARAMETERS_ID))


def signed_off(deed: Deed) -> datetime:
    """When a complete deed was signed last."""
    return deed.signatures[-1].time()


def review_due(deed: Deed, parameters: Parameters) -> date:
    """The last day on which an emergency grant can be reviewed in time."""
    return due(signed_off(deed), parameters.days_for(EMERGENCY_REVIEW), parameters.calendar)


def names(later: Document | None, deed: Deed) -> bool:
    """Whether an attestation or review is of exactly this version."""
    return later is not None and later.content.get("grant") == deed.digest


def overdue_review(standing: Standing, partner: str, now: datetime) -> str | None:
    """The number of an emergency grant of this partner whose review is overdue, whatever became of the grant."""
    parameters = parameters_in(standing)
    for number, deed in standing.emergencies():
        is_reviewed = names(standing.get(Kind.REVIEW, number), deed)
        is_late = now >= end_of(review_due(deed, parameters))
        if deed.document.content.get("partner") == partner and is_late and not is_reviewed:
            return number
    return None


def _yearly_ends(deed: Deed, grant: Grant, followed: Followed, _: Parameters) -> Iterator[End]:
    if needs_attestation(grant):
        attestation = followed.attestation
        is_attested = attestation is not None and names(attestation.document, deed)
        since = signed_off(attestation if attestation and is_attested else deed)
        yield End(since + ATTESTED_FOR, Cause.NO_ATTESTATION)


def _emergency_ends(deed: Deed, _: Grant, followed: Followed, parameters: Parameters) -> Iterator[End]:
    yield End(signed_off(deed) + timedelta(hours=parameters.emergency_hours), Cause.EMERGENCY_OVER)
    review, late = followed.review, end_of(review_due(deed, parameters))
    if review is None or not names(review.document, deed) or signed_off(review) >= late:
        yield End(late, Cause.NO_REVIEW)
    elif review.document.content.get("finding") == OBJECTED:
        yield End(signed_off(review), Cause.REVIEW_OBJECTED)
