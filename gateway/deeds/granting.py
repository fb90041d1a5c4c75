"""The grant that a deed gives."""

from __future__ import annotations

from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.narrowing import check_narrower
from gateway.deeds.steps import WITHDRAWAL
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
    return grant


def check_narrowing(before: Document, after: Document) -> None:
    """Whether the later of two drafts gives nothing that the earlier did not. Raises `DeedError`."""
    if before.kind is not Kind.GRANT or before.path == WITHDRAWAL:
        raise DeedError("only a grant can be narrowed by those who review it; refuse this deed instead")
    check_narrower(read_grant(before), read_grant(after))
