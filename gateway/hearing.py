"""One request on its way through a turn: what each step found so far. Lives as long as the turn."""

from __future__ import annotations

from collections.abc import Iterable, Set

import msgspec

from gateway.domain.answer import Disclosed, Outcome
from gateway.domain.budget import Reservation
from gateway.domain.errors import ConflictError
from gateway.domain.grant import Grant
from gateway.domain.reply import Failed, Reply, Request, Wants
from gateway.grants import Granted
from gateway.idempotency import Slot
from gateway.ports import UnitFact
from gateway.seal import Plain, Question
from gateway.watch.accounts import Accounts
from gateway.watch.budgets import Spent
from gateway.watch.recorded import Watched
from policies.decision import Reason, Refusal

BUDGET = "budget"
"""The inner cause where a budget had no room."""


class Hearing(msgspec.Struct):
    """A request, its verdict, and then what each step added. A refusal or a reply ends it early."""

    request: Request
    slot: Slot
    grant: Grant | None
    """The partner's grant that the request names, if there is one; not yet a right to anything."""
    verdict: Granted | Refusal
    granted: Granted | None
    """The verdict, while it is a yes and nothing was replied."""
    accounts: Accounts | None = None
    reservation: Reservation | None = None
    question: Question | None = None
    spent: Spent | None = None
    outcome: Outcome | None = None
    is_known: bool = True
    """Whether the register has the subject at all, which is no more than the watch may know."""
    is_decoy: bool = False
    is_protected: bool = False
    """Whether the source names the subject as one whose record draws curiosity (重点人员)."""
    unit: UnitFact | None = None
    """The unit of a confirmed subject, likewise."""
    watched: Watched | None = None
    """That the watch looked at it, for its entry."""
    incident: str = ""
    """The number of the incident that stopped it, where one did."""
    wants: Wants = Wants.NOTHING
    entry: int = -1
    """The number of its entry, once that is written."""
    untold: Set[str] = frozenset()
    """Fields of which nothing is told although they were compared: several that can be guessed were contradicted."""
    told: Disclosed | None = None
    reply: Reply | None = None

    def refuse(self, reason: Reason, cause: str) -> None:
        """Turns a yes into a no; there is no way back."""
        if self.granted is not None:
            permit = self.granted.permit
            self.verdict = Refusal(reason, cause, permit.rules, permit.policy)
            self.granted = None

    def withhold(self, reason: Reason, cause: str, incident: str, wants: Wants = Wants.NOTHING) -> None:
        """A no from the watch, told under the number of its incident."""
        self.refuse(reason, cause)
        self.told, self.incident, self.wants = None, incident, wants

    def put_off(self) -> None:
        """It comes again when what was asked of the same subject in this turn is answered; it costs nothing."""
        self.question = None
        self.end(Failed(ConflictError("同一人的另一问正在办理，请稍后以同一 Idempotency-Key 再试")))

    def end(self, reply: Reply) -> None:
        """Replies; no later step looks at it any more."""
        self.reply = reply
        self.granted = None


def open_hearing(request: Request, slot: Slot, grant: Grant | None, verdict: Granted | Refusal) -> Hearing:
    """A hearing that begins."""
    return Hearing(request, slot, grant, verdict, verdict if isinstance(verdict, Granted) else None)


def plain(hearing: Hearing, granted: Granted) -> Plain:
    """What the sealing process is asked to seal: no claim without a right."""
    query = hearing.request.query
    return Plain(
        grant=granted.grant.number,
        kind=query.subject.kind,
        id=query.subject.number,
        gate=list(query.subject.gate),
        day=granted.day,
        claims=[
            (claim.field, claim.comparator, claim.value)
            for claim in query.claims
            if claim.field in granted.permit.fields
        ],
        dated=query.as_of in granted.grant.reference_dates,
    )


def kinds(hearings: Iterable[Hearing]) -> list[str]:
    """The kinds of subject a turn is about, in a fixed order."""
    return sorted({hearing.request.query.subject.kind for hearing in hearings})
