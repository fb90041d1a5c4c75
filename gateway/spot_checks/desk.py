"""The desk of spot checks (凭证抽查): partners name documents, a reviewer judges them, what never comes has failed.

Whoever changes a check holds its grant and partner, as turns do, and reads it again under that: of a filing and the
sweep, or of two who judge, the second finds what the first has done. One that failed freezes its grant in the same
transaction, and two people release it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from msgspec.structs import replace

from audit.events import Draft
from audit.ledger import Ledger
from audit.watch_events import check_judged
from gateway.deeds.reading import DeedsReader
from gateway.domain.caller import Caller
from gateway.domain.document_names import read_reason
from gateway.domain.errors import ConflictError
from gateway.domain.grant import local_day
from gateway.domain.incident import Action, Detector, Finding, Level, Principal
from gateway.domain.people import Duty, Person
from gateway.domain.spot_check import CheckState, SpotCheck
from gateway.drafting import ForbiddenError, check_not_frozen
from gateway.ports import Clock
from gateway.spot_checks.filing import NOT_FILED, filed_as, filing_of, filing_sha256, moved, read_filing, told
from gateway.spot_checks.keeping import CheckReader, CheckWork, CheckWorkStore, Filing, Ruling
from gateway.watch.accounts import partner_lock
from gateway.watch.released import lies_on
from gateway.watch.stopping import incident_of, stop, stop_of

SHOWN_TO = frozenset({Duty.REVIEWER, Duty.LEADER, Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN})
SECRET_SHOWN_TO = frozenset({Duty.LEADER, Duty.AUDIT_ADMIN})
WAITED_FOR = frozenset({Duty.REVIEWER, Duty.LEADER, Duty.HEAD})
MOST_WAITING = 200
_CHANGED = "凭证在您查看之后已更正，请重新查看再审核"


@dataclass(frozen=True, kw_only=True)
class SpotCheckDesk:
    """What stands behind the doors. Everything here asks a database, so it is called in threads."""

    store: CheckWorkStore
    reader: CheckReader
    deeds: DeedsReader
    ledger: Ledger
    clock: Clock
    key: bytes = field(repr=False)
    """What numbers of incidents are made with."""
    secret: Callable[[], frozenset[str]] = frozenset
    """The purposes of which nobody may know that somebody asked."""

    def file(self, caller: Caller, number: str, filing: Filing) -> SpotCheck | None:
        """Names the document of a check; the same again changes nothing. None where the partner has no such check.

        Raises `InvalidQueryError`, also where it is too late: trying again is of no use.
        """
        filing = read_filing(caller, filing)
        now = self.clock.now()
        with self.store.begin() as work:
            check = _hold(work, number, now)
            if check is None or check.partner != caller.partner:
                return None
            if check.state is CheckState.FILED and filing_of(check) == filing:
                return check
            filed = filed_as(check, filing, _day(now))
            self._note(work, now, told(filed, caller.client_id))
            work.checks.put([filed])
            work.commit()
        return filed

    def judge(self, by: Person, number: str, ruling: Ruling) -> SpotCheck | None:
        """Accepts a document or not; None where there is no such check.

        Raises `InvalidQueryError`, `ConflictError`, `ForbiddenError`.
        """
        reason, now = read_reason(ruling.reason), self.clock.now()
        with self.store.begin() as work:
            check_not_frozen(by, self.deeds.refresh(work.deeds, now))
            check = _hold(work, number, now)
            if check is None or not self.may_see(by, check):
                return None
            if not self.may_judge(by, check):
                raise ForbiddenError("凭证由编办业务审核员审核；涉密用途的由领导审核")
            if check.state is not CheckState.FILED:
                raise ConflictError(NOT_FILED[check.state])
            if filing_sha256(check) != ruling.filing:
                raise ConflictError(_CHANGED)
            state = CheckState.ACCEPTED if ruling.is_accepted else CheckState.FAILED
            judged = replace(moved(check, state, _day(now)), judge=by.id, reason=reason)
            self._end(work, judged, (by.id, by.duty.value), now)
        return judged

    def may_see(self, by: Person, check: SpotCheck) -> bool:
        """That somebody asked for a secret purpose is known to those who read decisions of it, and to nobody else."""
        return by.duty in (SECRET_SHOWN_TO if check.purpose in self.secret() else SHOWN_TO)

    def may_judge(self, by: Person, check: SpotCheck) -> bool:
        """A reviewer; what only a leader may know of, a leader."""
        return by.duty is (Duty.LEADER if check.purpose in self.secret() else Duty.REVIEWER)

    def listed(self, by: Person, state: CheckState | None, most: int) -> Sequence[SpotCheck]:
        """The newest first that this person may see; of one state, or all."""
        hidden = frozenset[str]() if by.duty in SECRET_SHOWN_TO else self.secret()
        return self.reader.listed(state, most, hidden)

    def find(self, by: Person, number: str) -> SpotCheck | None:
        """One that this person may see."""
        check = self.reader.check(number)
        return check if check and self.may_see(by, check) else None

    def waiting(self, by: Person) -> list[SpotCheck]:
        """Those that wait for this person to judge or to ask after them: of a head, the department's overdue ones."""
        if by.duty not in WAITED_FOR:
            return []
        found = self.reader.waiting(_day(self.clock.now()), MOST_WAITING)
        if by.duty is Duty.HEAD:
            return [each for each in found if each.state is CheckState.DUE and each.partner == by.partner]
        return [each for each in found if self.may_judge(by, each)]

    def fail_late(self) -> list[SpotCheck]:
        """Fails what never came. Each in a transaction of its own, so that one which breaks holds up no other."""
        late = self.reader.late(_day(self.clock.now()))
        return [failed for number in late if (failed := self._fail_late(number)) is not None]

    def _fail_late(self, number: str) -> SpotCheck | None:
        now = self.clock.now()
        with self.store.begin() as work:
            check = _hold(work, number, now)
            if check is None or check.state is not CheckState.DUE or check.late > _day(now):
                return None
            failed = moved(check, CheckState.FAILED, _day(now))
            self._end(work, failed, ("", ""), now)
        return failed

    def _end(self, work: CheckWork, check: SpotCheck, by: tuple[str, str], now: datetime) -> None:
        """Keeps a verdict with its entry, and with the freeze of its grant where it failed."""
        judged = check_judged(
            number=check.number,
            grant=check.grant,
            verdict=check.state.value,
            by=by,
            reason_sha256=sha256(check.reason.encode()).hexdigest(),
        )
        if check.state is CheckState.FAILED:
            self._freeze(work, check, judged, now)
        else:
            self._note(work, now, judged)
        work.checks.put([check])
        work.commit()

    def _freeze(self, work: CheckWork, check: SpotCheck, judged: Draft, now: datetime) -> None:
        """Whoever lays a response moves the control epoch first and takes the head of the ledger last, as turns do."""
        incident = incident_of(self.key, _finding(check, now), work.epoch(), ())
        lies = lies_on(stop_of(incident, 0).target, work.watch, work.deeds)
        if lies is not None and lies.is_frozen:
            # Other grants of the purpose learn with the epoch that they are checked more often.
            work.deeds.advance()
            self._note(work, now, judged)
            return
        stop(work, [incident], lambda drafts: self._note(work, now, judged, *drafts)[1:])

    def _note(self, work: CheckWork, now: datetime, *drafts: Draft) -> list[int]:
        return [each.index for each in self.ledger.append(work.ledger, drafts, now)]


def is_overdue(check: SpotCheck, at: datetime) -> bool:
    """Whether others wait for its document."""
    return check.state is CheckState.DUE and check.due < _day(at)


def _hold(work: CheckWork, number: str, now: datetime) -> SpotCheck | None:
    """A check as it stands, its grant and partner held. Which those are never changes, so they may be asked before."""
    found = work.checks.check(number)
    if found is None:
        return None
    work.budgets.lock(sorted([found.grant, partner_lock(found.partner)]), _day(now))
    return work.checks.check(number)


def _finding(check: SpotCheck, now: datetime) -> Finding:
    return Finding(
        detector=Detector.EVIDENCE,
        action=Action.FREEZE_GRANT,
        principal=Principal(Level.GRANT, check.grant),
        partner=check.partner,
        grant=check.grant,
        observed=1,
        expected=0,
        days=max(1, check.judged - check.opened),
        at=now,
    )


def _day(at: datetime) -> int:
    return local_day(at).toordinal()
