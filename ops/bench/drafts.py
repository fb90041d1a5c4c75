"""Entries like those of real comparisons, without the comparison: for whoever measures or tortures the ledger alone."""

from __future__ import annotations

from hashlib import sha256

from audit.events import Asked, DataRef, Draft, Inner, PolicyRef, answered, outcome, terms

PARTNERS = ("payroll", "pension", "insurance", "discipline")
_POLICY = PolicyRef(3, "ab" * 32)
_DATA = DataRef("cd" * 32, "2026-01-31T00:00:00Z")
_FIELDS = ("name", "unit", "post_rank", "person_status", "post_grade")


def an_answer(number: int, partner: str = "") -> Draft:
    """The draft of a comparison of five fields; another number, another person."""
    asked = Asked(
        partner=partner or PARTNERS[number % len(PARTNERS)],
        client="client:bench-0-job",
        grant="bench-2026-1",
        purpose="salary_check",
        matter=None,
        kind="person",
        fields=tuple((field, "equals") for field in _FIELDS),
        as_of=None,
        network="government",
        request_sha256=sha256(b"%d" % number).hexdigest(),
        subject=f"1529211990{number:08d}",
        operator="bench-operator",
    )
    said = terms(asked, rules=("salary-01",), policy=_POLICY, data=_DATA, counts={"rows": 1, "claims": 5})
    return answered(
        said,
        Inner(cause="confirmed", budgets={"grant_day": (number, number + 1)}),
        subject=asked.subject,
        operator=asked.operator,
        matter=asked.matter,
        told="confirmed",
        outcome=outcome("confirmed", dict.fromkeys(_FIELDS, "match")),
        request_sha256=asked.request_sha256,
        response_sha256=sha256(b"response %d" % number).hexdigest(),
    )
