"""One request on its way through a turn: what each step found so far. Lives as long as the turn."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.domain.answer import Disclosed, Outcome
from gateway.domain.budget import Reservation
from gateway.domain.grant import Grant
from gateway.domain.query import Claim
from gateway.domain.reply import Reply, Request
from gateway.grants import Granted
from gateway.idempotency import Slot
from gateway.seal import Plain, Question, day_number
from gateway.watch.budgets import Spent
from policies.decision import Reason, Refusal


class Hearing(msgspec.Struct):
    """A request, its verdict, and then what each step added. `reply` ends it early."""

    request: Request
    slot: Slot
    grant: Grant | None
    """The partner's grant that the request names, if there is one; not yet a right to anything."""
    verdict: Granted | Refusal
    reservation: Reservation | None = None
    question: Question | None = None
    spent: Spent | None = None
    outcome: Outcome | None = None
    told: Disclosed | None = None
    reply: Reply | None = None

    @property
    def granted(self) -> Granted | None:
        """The grant it is heard under, unless it was refused or has its reply."""
        return self.verdict if isinstance(self.verdict, Granted) and self.reply is None else None

    def refuse(self, reason: Reason, cause: str) -> None:
        """Turns a yes into a no; there is no way back."""
        if isinstance(self.verdict, Granted):
            permit = self.verdict.permit
            self.verdict = Refusal(reason, cause, permit.rules, permit.policy)


def permitted_claims(hearing: Hearing, granted: Granted) -> list[Claim]:
    """The claims that may be compared, in the caller's order."""
    return [claim for claim in hearing.request.query.claims if claim.field in granted.permit.fields]


def plain(hearing: Hearing, granted: Granted) -> Plain:
    """What the sealing process is asked to seal: no claim without a right."""
    query = hearing.request.query
    return Plain(
        grant=granted.grant.number,
        kind=query.subject.kind,
        id=query.subject.number,
        gate=list(query.subject.gate),
        day=day_number(granted.as_of),
        claims=[(claim.field, claim.comparator, claim.value) for claim in permitted_claims(hearing, granted)],
    )


def kinds(hearings: Iterable[Hearing]) -> list[str]:
    """The kinds of subject a turn is about, in a fixed order."""
    return sorted({hearing.request.query.subject.kind for hearing in hearings})
