"""What waits for somebody (待办): what they are to sign, and what will end unless they do something.

Everything follows from the deeds in force, those that wait for signatures, and the clock. Somebody who may not do a
thing is not told of it; people of a partner are told of their partner alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

import msgspec

from audit.entry import JsonValue
from gateway.deeds.calendar import end_of, is_overdue
from gateway.deeds.checking import may_sign, next_step
from gateway.deeds.consents import has_undertaken
from gateway.deeds.deadlines import deadline
from gateway.deeds.document import Document, Kind
from gateway.deeds.granting import read_grant
from gateway.deeds.keeping import Kept
from gateway.deeds.lapse import Cause, end_of_grant, followed_in, names, parameters_in, review_due
from gateway.deeds.parameters import Parameters
from gateway.deeds.standing import Standing
from gateway.deeds.steps import EMERGENCY
from gateway.domain.grant import Grant, local_day
from gateway.domain.people import PARTNER_DUTIES, Duty, Person
from gateway.domain.spot_check import CheckState, SpotCheck
from gateway.partners import credentials
from gateway.statements.acknowledging import Overview, deed_id, waiting
from gateway.waiting import (
    Disputed,
    Ending,
    EndingCredential,
    Proposable,
    Tasks,
    ToAcknowledge,
    ToAttest,
    ToJudge,
    ToReview,
    ToSign,
)
from gateway.watch.stopped import Stopped, for_partner

_OFFICERS = frozenset({Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN})
_JUDGING = _OFFICERS | {Duty.LEADER}
_TOLD_OF_STOPS = _JUDGING | PARTNER_DUTIES
_SEES_ALL_GRANTS = frozenset({Duty.REVIEWER, Duty.LEADER})


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What tasks follow from. `waiting` is who has enrolled and has no deed yet, with its content."""

    standing: Standing
    parameters: Parameters
    pending: Sequence[Kept]
    waiting: Sequence[Proposable]
    statements: Overview
    stopped: Sequence[Stopped]
    now: datetime

    @property
    def soon(self) -> datetime:
        """What ends until then is told."""
        return self.now + timedelta(days=self.parameters.reminder_days)

    def is_drawn(self, kind: Kind, deed_id: str) -> bool:
        """Whether a version of it waits for signatures."""
        return any((each.kind, each.id) == (kind, deed_id) for each in self.pending)


def tasks_of(
    person: Person,
    standing: Standing,
    pending: Sequence[Kept],
    waiting: Sequence[Proposable],
    now: datetime,
    *,
    statements: Overview | None = None,
    stopped: Sequence[Stopped] = (),
    checks: Sequence[SpotCheck] = (),
) -> Tasks:
    """What waits for this person, of spot checks all that are given. Raises `DeedError` for what cannot be read."""
    desk = Desk(
        standing=standing,
        parameters=parameters_in(standing),
        pending=pending,
        waiting=waiting,
        statements=statements or Overview(),
        stopped=stopped,
        now=now,
    )
    return Tasks(
        sign=list(_to_sign(person, desk)),
        undertaking=list(_undertaking(person, desk)),
        agreements=sorted(_agreements(person, desk)),
        ending=sorted(_ending(person, desk), key=lambda each: each.until),
        attest=sorted(_to_attest(person, desk), key=lambda each: each.until),
        review=sorted(_to_review(person, desk), key=lambda each: each.due),
        credentials=sorted(_credentials(person, desk), key=lambda each: each.until),
        people=_people(person, desk),
        acknowledge=list(_to_acknowledge(person, desk)),
        disputes=list(_disputes(person, desk)),
        checks=list(_to_judge(checks)),
        stopped=shown_to(person, desk.stopped) if person.duty in _TOLD_OF_STOPS else [],
    )


def _to_sign(person: Person, desk: Desk) -> Iterator[ToSign]:
    for kept in desk.pending:
        deed = kept.opened()
        document, step = deed.document, next_step(deed)
        has_signed = any(each.person == person.id for each in deed.signatures)
        if step is None or has_signed or not may_sign(person, step, document):
            continue
        last = deadline(kept, desk.parameters)
        yield ToSign(
            kind=kept.kind,
            id=kept.id,
            serial=kept.serial,
            digest=deed.digest,
            path=document.path,
            step=step.name,
            author=document.author,
            partner=kept.partner or None,
            due=last,
            overdue=last is not None and is_overdue(last, desk.now),
        )


def _undertaking(person: Person, desk: Desk) -> Iterator[Proposable]:
    text = desk.parameters.undertaking
    is_drawn = desk.is_drawn(Kind.UNDERTAKING, person.id)
    if person.duty in PARTNER_DUTIES and not is_drawn and not has_undertaken(desk.standing, person.id, text):
        yield Proposable(kind=Kind.UNDERTAKING, id=person.id, content={"partner": person.partner, "text": text})


def _agreements(person: Person, desk: Desk) -> Iterable[str]:
    if person.duty is not Duty.REVIEWER:
        return ()
    agreed = {each.id for each in desk.standing.of(Kind.AGREEMENT)}
    partners = (each.id for each in desk.standing.of(Kind.PARTNER))
    return (each for each in partners if each not in agreed and not desk.is_drawn(Kind.AGREEMENT, each))


def _grants(person: Person, desk: Desk) -> Iterator[tuple[Document, Grant]]:
    """Grants in force that this person may be told of, and whose last day has not passed."""
    for document in desk.standing.of(Kind.GRANT):
        is_own = person.partner is not None and document.content.get("partner") == person.partner
        if is_own or person.duty in _SEES_ALL_GRANTS:
            grant = read_grant(document)
            if not is_overdue(grant.valid_until, desk.now):
                yield document, grant


def _ending(person: Person, desk: Desk) -> Iterator[Ending]:
    for document, grant in _grants(person, desk):
        if document.path != EMERGENCY and grant.valid_until <= local_day(desk.soon):
            yield Ending(
                grant=grant.number,
                partner=grant.partner,
                until=grant.valid_until,
                is_drawn=desk.is_drawn(Kind.GRANT, grant.number),
            )


def _to_attest(person: Person, desk: Desk) -> Iterator[ToAttest]:
    if person.duty is not Duty.HEAD:
        return
    for document, grant in _grants(person, desk):
        deed = desk.standing.deed(Kind.GRANT, document.id)
        end = end_of_grant(deed, grant, followed_in(desk.standing, grant.number), desk.parameters) if deed else None
        if deed is None or end is None or end.cause is not Cause.NO_ATTESTATION:
            continue
        if desk.now < end.at <= desk.soon and end.at < end_of(grant.valid_until):
            content: dict[str, JsonValue] = {"partner": grant.partner, "grant": deed.digest}
            yield ToAttest(
                grant=grant.number,
                partner=grant.partner,
                until=end.at,
                is_drawn=desk.is_drawn(Kind.ATTESTATION, grant.number),
                draw=Proposable(kind=Kind.ATTESTATION, id=grant.number, content=content),
            )


def _to_review(person: Person, desk: Desk) -> Iterator[ToReview]:
    if person.duty is not Duty.REVIEWER:
        return
    for number, deed in desk.standing.emergencies():
        if not names(desk.standing.get(Kind.REVIEW, number), deed):
            last = review_due(deed, desk.parameters)
            yield ToReview(
                grant=number,
                partner=str(deed.document.content["partner"]),
                digest=deed.digest,
                due=last,
                overdue=is_overdue(last, desk.now),
            )


def _credentials(person: Person, desk: Desk) -> Iterator[EndingCredential]:
    """Keys and certificates that end soon and whose end is not past; a system's partner and 系统管理员 are told."""
    for each in credentials(desk.standing):
        is_told = person.duty is Duty.SYSTEM_ADMIN or person.partner == each.partner
        if is_told and desk.now < each.until <= desk.soon:
            yield EndingCredential(**each._asdict())


def _to_acknowledge(person: Person, desk: Desk) -> Iterator[ToAcknowledge]:
    if person.duty is not Duty.HEAD:
        return
    for each in waiting(desk.standing, desk.statements.months, desk.statements.last_made):
        if each.partner == person.partner:
            yield ToAcknowledge(
                partner=each.partner,
                month=each.month,
                count=each.count,
                due=each.due,
                overdue=is_overdue(each.due, desk.now),
                is_drawn=desk.is_drawn(Kind.ACKNOWLEDGEMENT, deed_id(each.partner, each.month)),
            )


def _disputes(person: Person, desk: Desk) -> Iterator[Disputed]:
    """Officers look into them; whoever acts is 安全管理员."""
    if person.duty not in _OFFICERS:
        return
    for each in desk.statements.disputes:
        yield Disputed(
            id=each.id,
            partner=each.partner,
            system=each.system or None,
            period=each.period,
            by=each.by,
            unknown=len(each.unknown),
            missing=len(each.missing),
        )


def _to_judge(checks: Sequence[SpotCheck]) -> Iterator[ToJudge]:
    for each in checks:
        yield ToJudge(
            number=each.number,
            partner=each.partner,
            grant=each.grant,
            state=each.state.value,
            due=date.fromordinal(each.due),
            overdue=each.state is CheckState.DUE,
        )


def shown_to(person: Person, stopped: Sequence[Stopped]) -> list[Stopped]:
    """Officers and the leader see what was seen; people of the partner, and others of the office, a number alone."""
    if person.duty in PARTNER_DUTIES:
        return [for_partner(each) for each in stopped if each.partner == person.partner]
    return list(stopped) if person.duty in _JUDGING else [for_partner(each) for each in stopped]


def _people(person: Person, desk: Desk) -> list[Proposable]:
    if person.duty is not Duty.SYSTEM_ADMIN:
        return []
    return [each for each in desk.waiting if not desk.is_drawn(Kind.PERSON, each.id)]
