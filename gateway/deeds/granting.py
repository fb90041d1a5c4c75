"""The grant that a deed gives."""

from __future__ import annotations

from datetime import timedelta

from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.narrowing import check_narrower
from gateway.deeds.parameters import MOST_EMERGENCY_SUBJECTS, MOST_HOURS
from gateway.deeds.steps import EMERGENCY, WITHDRAWAL
from gateway.domain.grant import Grant, GrantError, canonical_document, parse_grant


def read_grant(document: Document) -> Grant:
    """What the document of a grant says. Raises `DeedError`, also for content that is not in its canonical form."""
    if document.kind is not Kind.GRANT or document.path == WITHDRAWAL:
        raise DeedError("this deed gives no grant")
    try:
        grant = parse_grant({"number": document.id, **document.content})
    except GrantError as error:
        raise DeedError(str(error)) from None
    if {"number": document.id, **document.content} != canonical_document(grant):
        raise DeedError("write the grant in its canonical form: lists sorted, dates as text, networks as CIDR")
    if document.path == EMERGENCY:
        _check_emergency(document, grant)
    return grant


def _check_emergency(document: Document, grant: Grant) -> None:
    """The ceilings of every emergency grant, whatever the parameters say; asked in serve and in the sealing process."""
    if not document.reason.strip():
        raise DeedError("say why the usual path cannot be waited for")
    if document.serial != 1:
        raise DeedError("an emergency grant has a number of its own; it changes no other grant")
    if grant.valid_until - grant.valid_from > timedelta(hours=MOST_HOURS):
        raise DeedError(f"an emergency grant ends after {MOST_HOURS} hours; shorten valid_until")
    if grant.limits.subjects_per_day > MOST_EMERGENCY_SUBJECTS:
        raise DeedError(f"an emergency grant may name {MOST_EMERGENCY_SUBJECTS} subjects a day at most")


def check_narrowing(before: Document, after: Document) -> None:
    """Whether the later of two drafts gives nothing that the earlier did not. Raises `DeedError`."""
    if before.kind is not Kind.GRANT or before.path == WITHDRAWAL:
        raise DeedError("only a grant can be narrowed by those who review it; refuse this deed instead")
    check_narrower(read_grant(before), read_grant(after))
