"""Whether a grant may be drawn up, and come into force, as things stand: what no reader of its text alone can say.

1. Its partner is registered and has accepted a service agreement.
2. Its purpose is one that the rulebooks in force allow the partner's department; a purpose that wants a matter (事由)
   is granted by the class `matter` alone.
3. It is valid no longer than the parameters allow.
4. An emergency grant stays within the parameters' narrower limits, and its partner owes no review of an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from gateway.deeds.calendar import is_overdue
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import read_grant
from gateway.deeds.lapse import overdue_review, parameters_in
from gateway.deeds.parameters import Parameters
from gateway.deeds.standing import Standing
from gateway.deeds.steps import EMERGENCY
from gateway.domain.grant import Grant, GrantClass
from policies.catalogue import Catalogue
from policies.files import files_of
from policies.publication import Texts
from policies.rulebook import EVERYBODY, Effect, Purpose, Rulebook, read_rulebook

RULEBOOKS_ID = "rulebooks"
_DAY_HOURS = 24


def check_grant(document: Document, standing: Standing, catalogue: Catalogue, now: datetime) -> None:
    """Raises `DeedError` that says what to change, or what has to be signed first."""
    grant = read_grant(document)
    if unknown := sorted(grant.fields - catalogue.fields.keys()):
        raise DeedError(f"fields that the data standard does not have: {', '.join(unknown)}")
    _check_partner(grant, standing)
    _check_purpose(grant, standing)
    parameters = parameters_in(standing)
    if (grant.valid_until - grant.valid_from).days >= parameters.longest_validity_days:
        raise DeedError(f"a grant may be valid for {parameters.longest_validity_days} days at most")
    if document.path == EMERGENCY:
        _check_emergency(grant, standing, parameters, now)


def purposes_of(standing: Standing, department: str) -> dict[str, Purpose]:
    """The purposes for which a rule in force allows this department something."""
    books = list(_books(standing))
    named = {purpose.id: purpose for book in books for purpose in book.purposes}
    rules = [rule for book in books if book.department in {f"dept:{department}", EVERYBODY} for rule in book.rules]
    allowed = {purpose for rule in rules if rule.effect is Effect.ALLOW for purpose in rule.purposes}
    return {name: purpose for name, purpose in named.items() if name in allowed}


def _check_partner(grant: Grant, standing: Standing) -> None:
    if standing.content(Kind.PARTNER, grant.partner) is None:
        raise DeedError(f"there is no partner {grant.partner} in force; register it first")
    if standing.content(Kind.AGREEMENT, grant.partner) is None:
        raise DeedError(
            "the partner has not accepted a service agreement: a reviewer offers one, the partner's head signs it"
        )


def _check_purpose(grant: Grant, standing: Standing) -> None:
    partner = standing.content(Kind.PARTNER, grant.partner) or {}
    known = purposes_of(standing, str(partner.get("department")))
    purpose = known.get(grant.purpose)
    if purpose is None:
        listed = ", ".join(sorted(known)) or "none"
        raise DeedError(f"the rulebooks in force allow this department no such purpose; those it has: {listed}")
    if purpose.matter and grant.grant_class is not GrantClass.MATTER:
        raise DeedError(f"the purpose {purpose.id} wants a matter each time: the grant's class must be matter")


def _check_emergency(grant: Grant, standing: Standing, parameters: Parameters, now: datetime) -> None:
    days = -(-parameters.emergency_hours // _DAY_HOURS)
    if grant.valid_until - grant.valid_from > timedelta(days=days) or is_overdue(grant.valid_until, now):
        raise DeedError(f"an emergency grant ends after {parameters.emergency_hours} hours; shorten valid_until")
    if grant.limits.subjects_per_day > parameters.emergency_subjects_per_day:
        raise DeedError(f"an emergency grant may name {parameters.emergency_subjects_per_day} subjects a day at most")
    if owed := overdue_review(standing, grant.partner, now):
        raise DeedError(f"the emergency grant {owed} of this partner must be reviewed first")


def _books(standing: Standing) -> Iterator[Rulebook]:
    content = standing.content(Kind.RULEBOOKS, RULEBOOKS_ID)
    texts: Mapping[str, str] = Texts.of_content(content).files if content else {}
    books = (_book(name, text) for name, text in texts.items())
    return (book for book in books if book is not None)


@lru_cache(maxsize=128)
def _book(name: str, text: str) -> Rulebook | None:
    """Reading ten thousand rules takes a second, and the same text is asked about with every grant."""
    (file,) = files_of({name: text})
    return read_rulebook(file)[0]
