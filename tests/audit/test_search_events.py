"""Searches are recorded with whom they were for, and that shows nowhere by itself."""

from audit.search_events import Sought, trail_refused, trail_searched
from tests.audit.make import OPERATOR, SUBJECT

SOUGHT = Sought(
    person="bb-shenji",
    duty="audit_admin",
    terms=("subject", "operator"),
    kind="person",
    subject=SUBJECT,
    operator=OPERATOR,
    matter="M-7",
    because="M-9",
)


def test_whom_a_search_is_for_stands_in_no_text() -> None:
    searched = trail_searched(SOUGHT, words={"purpose": ["pension"]}, before=None, limit=50)
    refused = trail_refused(SOUGHT, limit=3)

    for told in (repr(SOUGHT), repr(searched), repr(searched.secrets), searched.body.decode(), refused.body.decode()):
        for word in (SUBJECT, OPERATOR, "M-7", "M-9"):
            assert word not in told
    assert "bb-shenji" in repr(SOUGHT)


def test_without_secrets_only_who_searched_is_left() -> None:
    """For a day on which nothing can be encrypted: that somebody searched is recorded all the same."""
    left = SOUGHT.without_secrets()

    assert (left.person, left.duty, left.terms, left.kind) == (
        "bb-shenji",
        "audit_admin",
        ("subject", "operator"),
        "person",
    )
    assert (left.subject, left.operator, left.matter, left.because) == ("", "", "", "")
