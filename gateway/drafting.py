"""Drawing a deed up: from what somebody wants to the document that people will sign, and whether they may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from audit.entry import JsonValue
from gateway.deeds.checking import may_sign, next_step, partner_of
from gateway.deeds.deed import Deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import Kept
from gateway.deeds.standing import Standing
from gateway.deeds.steps import FOUNDING, USUAL, path_of
from gateway.domain.people import Duty, Person

LONGEST_REASON = 1000
LONGEST_DOCUMENT = 128 * 1024
"""Of everything but rulebooks."""
MOST_PENDING = 256
"""Deeds of one author that may wait at a time: as many as one signature covers."""
_FIRST_DRAWERS: Mapping[Kind, frozenset[Duty]] = {Kind.GRANT: frozenset({Duty.CLERK})}
"""Who may draw up a deed besides those who may sign its first step."""


class ForbiddenError(DeedError):
    """This person may not do this."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What somebody wants to be in force. The office gives it its serial and what it follows."""

    kind: Kind
    id: str
    content: Mapping[str, JsonValue]
    path: str = USUAL
    reason: str = ""


def first_draft(log: str, by: Person, proposal: Proposal, standing: Standing) -> Document:
    """The document of a proposal, behind the version in force. Raises `DeedError`."""
    if len(proposal.reason) > LONGEST_REASON:
        raise DeedError(f"理由 reason 不得超过 {LONGEST_REASON} 字，请精简")
    before = standing.get(proposal.kind, proposal.id)
    follows = standing.deed(proposal.kind, proposal.id)
    return Document(
        log=log,
        kind=proposal.kind,
        id=proposal.id,
        serial=before.serial + 1 if before else 1,
        previous=follows.digest if follows else None,
        path=proposal.path,
        author=by.id,
        reason=proposal.reason,
        content=proposal.content,
    )


def next_draft(before: Document, by: Person, content: Mapping[str, JsonValue], reason: str) -> Document:
    """The same thing, said otherwise by somebody else."""
    return replace(before, author=by.id, reason=reason, content=content)


def check_author(by: Person, document: Document, pending: Sequence[Kept]) -> None:
    """Whether there is room for what this person draws up: every deed that waits is read with every signature.

    Raises `DeedError`.
    """
    if sum(each.author == by.id for each in pending) >= MOST_PENDING:
        raise DeedError(f"您所拟的文书已有 {MOST_PENDING} 份待签，请先退回其中一些")
    check_size(document)


def check_size(document: Document) -> None:
    """Only rulebooks are long. Raises `DeedError`."""
    if document.kind is not Kind.RULEBOOKS and len(document.encode()) > LONGEST_DOCUMENT:
        raise DeedError(f"此种文书不得超过 {LONGEST_DOCUMENT // 1024} KiB，请精简")


def check_not_frozen(by: Person, standing: Standing) -> None:
    """Whoever is frozen does nothing until they are released, and nothing more who was taken off the roll.

    Their key may still sign for a time before that. Raises `ForbiddenError`.
    """
    if standing.roll.is_founded and standing.roll.person(by.id) is None:
        raise ForbiddenError("此账号已停用")
    if standing.is_frozen(Kind.PERSON, by.id):
        raise ForbiddenError("此账号已冻结，请联系安全管理员")


def check_founded(standing: Standing) -> None:
    """Until the three administrators are in, nobody proposes anything. Raises `ForbiddenError`."""
    if not standing.roll.is_founded:
        raise ForbiddenError("三名管理员须先完成登记，此前只能办理登记")


def check_drawer(by: Person, document: Document) -> None:
    """Whether this person may draw this deed up. Raises `ForbiddenError`."""
    steps = path_of(document.kind, document.path)
    may_draw = bool(steps) and document.path != FOUNDING and may_sign(by, steps[0], document)
    also = by.duty in _FIRST_DRAWERS.get(document.kind, ()) and by.partner == partner_of(document)
    if not may_draw and not also:
        raise ForbiddenError("拟此文书不属于此账号的职责")


def check_turn(by: Person, deed: Deed) -> None:
    """Whether a deed waits for this person. Raises `ForbiddenError`."""
    step = next_step(deed)
    if step is None or not may_sign(by, step, deed.document):
        raise ForbiddenError("此文书的当前环节不由此账号签署")
