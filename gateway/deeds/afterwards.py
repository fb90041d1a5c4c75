"""What is signed about a grant that is in force: that it is still needed, or what a review of an emergency found."""

from __future__ import annotations

from datetime import datetime

from gateway.deeds.checking import text_of
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import read_grant
from gateway.deeds.lapse import FINDINGS, end_of_grant, followed_in, names, needs_attestation, parameters_in
from gateway.deeds.standing import Standing
from gateway.deeds.steps import EMERGENCY

LONGEST_FINDING = 2000

_REVIEW = {"partner", "grant", "finding", "text"}


def check_attestation(document: Document, standing: Standing, now: datetime) -> None:
    """Whether it is about the version in force of a grant that has not lapsed yet. Raises `DeedError`."""
    deed = standing.deed(Kind.GRANT, document.id)
    if standing.content(Kind.GRANT, document.id) is None or deed is None:
        raise DeedError("there is no grant of this number in force")
    if document.content != {"partner": deed.document.content["partner"], "grant": deed.digest}:
        raise DeedError("an attestation names the partner, and the digest of the grant in force as grant")
    grant = read_grant(deed.document)
    if deed.document.path == EMERGENCY or not needs_attestation(grant):
        raise DeedError("only a grant that is valid for longer than a year is attested each year")
    end = end_of_grant(deed, grant, followed_in(standing, document.id), parameters_in(standing))
    if end is not None and end.at <= now:
        raise DeedError("this grant has lapsed; renew it instead")


def check_review(document: Document, standing: Standing) -> None:
    """Whether it is the first review of an emergency grant, which may be over or withdrawn. Raises `DeedError`."""
    deed = dict(standing.emergencies()).get(document.id)
    if deed is None:
        raise DeedError("no emergency grant of this number ever came into force")
    if set(document.content) != _REVIEW or document.content["finding"] not in FINDINGS:
        raise DeedError(f"a review has the members {', '.join(sorted(_REVIEW))}; finding is one of {sorted(FINDINGS)}")
    if document.content["partner"] != deed.document.content["partner"] or not names(document, deed):
        raise DeedError("a review names the partner, and the digest of the emergency grant as grant")
    if len(text_of(document.content, "text")) > LONGEST_FINDING:
        raise DeedError(f"the text of a review may have {LONGEST_FINDING} characters")
    earlier = standing.get(Kind.REVIEW, document.id)
    if earlier is not None and names(earlier, deed):
        raise DeedError("this emergency grant has been reviewed")
