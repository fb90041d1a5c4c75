"""Events about statements and reports, each as a `Draft`. `audit/statement_kinds.py` tells what they say."""

from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct

from audit.disclosure import secret
from audit.entry import JsonValue
from audit.events import Draft, event
from audit.statement_kinds import ACCESS_REPORTED, STATEMENT_DISPUTED, STATEMENT_MADE, STATEMENT_SETTLED

MOST_SYSTEMS = 50
"""Statements that one entry names; a partner with more systems gets another."""


class Stated(Struct, frozen=True):
    """A statement, as the entry names it."""

    system: str
    sha256: str
    answered: int
    refused: int


def statement_made(*, partner: str, day: str, before: int, statements: Sequence[Stated]) -> Draft:
    """The statements of a partner's systems for a day."""
    named: list[JsonValue] = [
        {"system": each.system, "sha256": each.sha256, "answered": each.answered, "refused": each.refused}
        for each in statements
    ]
    return event(STATEMENT_MADE, partner, {"day": day, "before": before, "statements": named})


def statement_disputed(
    *,
    partner: str,
    dispute: str,
    by: str,
    system: str | None,
    period: str,
    unknown: Sequence[int],
    missing: Sequence[int],
) -> Draft:
    """A statement or a month of them is disputed."""
    body: dict[str, JsonValue] = {
        "dispute": dispute,
        "by": by,
        "system": system,
        "period": period,
        "unknown": list(unknown),
        "missing": list(missing),
    }
    return event(STATEMENT_DISPUTED, partner, body)


def statement_settled(*, partner: str, dispute: str, by: str, duty: str, finding: str) -> Draft:
    """A dispute is closed."""
    found = sha256(finding.encode()).hexdigest()
    return event(STATEMENT_SETTLED, partner, {"dispute": dispute, "by": by, "duty": duty, "finding_sha256": found})


def access_reported(
    *, person: str, duty: str, use: str, kind: str, subject: str | None, before: int, found: int
) -> Draft:
    """Somebody looks at everything about one subject, or at how much is sealed."""
    body: dict[str, JsonValue] = {
        "person": person,
        "duty": duty,
        "before": before,
        "found": found,
        "kind": kind,
        "use": use,
    }
    return event(ACCESS_REPORTED, None, body, () if subject is None else (secret("subject", subject, kind=kind),))
