"""Spot checks played: everybody names a document at once; somebody of the office looks at it by the next morning."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from gateway.domain.grant import local_day
from gateway.domain.incident import Action, Detector, Finding, Level, Principal
from gateway.domain.reply import Refused, Reply
from gateway.domain.spot_check import CheckState, SpotCheck
from gateway.watch.stopping import incident_of, stop
from ops.simulate.memory import Store

_WHOLE = 1 << 64


@dataclass
class Reviewer:
    """Takes a share `spots` of what is forged for forged, and nothing that is not."""

    key: bytes = field(repr=False)
    spots: float
    asked: int = 0
    _waiting: list[str] = field(default_factory=list[str])
    _forged: set[str] = field(default_factory=set[str])

    def file(self, store: Store, replies: Sequence[Reply], forged: Set[int]) -> list[int]:
        """Names the documents that answers wait for; the places of these answers.

        An answer that waits for an acceptance would come a day later. Here it comes at once: nothing leaks less for it.
        """
        refused = [(place, each.incident) for place, each in enumerate(replies) if isinstance(each, Refused)]
        found = [(place, check) for place, number in refused if (check := store.checks.check(number))]
        for place, check in found:
            store.checks.put([replace(check, state=CheckState.FILED, filed=check.opened, needs_acceptance=False)])
            self._waiting.append(check.number)
            self._forged.update([check.number] if place in forged else ())
        store.forget()
        self.asked += len(found)
        return [place for place, _ in found]

    def judge(self, store: Store, at: datetime) -> None:
        """A morning: looks at what came yesterday."""
        filed = [store.checks.kept[number] for number in self._waiting]
        judged = [replace(each, state=self._verdict(each), judged=local_day(at).toordinal()) for each in filed]
        self._waiting.clear()
        store.checks.put(judged)
        failed = {each.grant: each for each in judged if each.state is CheckState.FAILED}
        incidents = [incident_of(self.key, _finding(each, at), store.epoch, ()) for each in failed.values()]
        with store.begin() as work:
            stop(work, incidents, lambda drafts: range(len(drafts)))
            work.commit()

    def _verdict(self, check: SpotCheck) -> CheckState:
        """The same each time, whatever else was judged."""
        is_failed = check.number in self._forged and is_spotted(check.number, self.spots)
        return CheckState.FAILED if is_failed else CheckState.ACCEPTED


def is_spotted(number: str, spots: float) -> bool:
    """Whether a forged document is taken for forged where that is done with a share `spots` of them."""
    return int(number, 16) < spots * _WHOLE


def _finding(check: SpotCheck, at: datetime) -> Finding:
    return Finding(
        detector=Detector.EVIDENCE,
        action=Action.FREEZE_GRANT,
        principal=Principal(Level.GRANT, check.grant),
        partner=check.partner,
        grant=check.grant,
        observed=1,
        expected=0,
        days=1,
        at=at,
    )
