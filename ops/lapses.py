"""How long grants last, as the sealing process reckons it: from the deeds it was told, and its own clock."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from adapters.sealing.marks import Marks
from gateway.deeds.deed import Deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.lapse import Cause, End, Followed, end_of_grant
from gateway.deeds.parameters import PARAMETERS_ID, Parameters, parameters_of
from gateway.domain.grant import Grant

KINDS = frozenset({Kind.PARAMETERS, Kind.ATTESTATION, Kind.REVIEW})
"""What changes how long a grant lasts."""

_PAST = End(datetime.min.replace(tzinfo=UTC), Cause.NO_ATTESTATION)


class Lapses:
    """Grows by what is told. Whoever tells may keep the newest back; then an older one is not taken in its place."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._told: dict[tuple[Kind, str], Deed] = {}
        self._admitted: dict[str, tuple[Deed, Grant]] = {}
        self._ends: dict[str, End | None] = {}

    def learn(self, document: Document, deed: Deed) -> None:
        """Takes one of `KINDS`, whose signatures are good, and reckons anew what it may be about."""
        self._told[document.kind, document.id] = deed
        changed = self._admitted if document.kind is Kind.PARAMETERS else self._admitted.keys() & {document.id}
        for number in changed:
            self._ends.pop(number, None)
            with suppress(DeedError):
                self._ends[number] = self._end(*self._admitted[number])

    def admit(self, deed: Deed, grant: Grant) -> None:
        """Reckons the end of a grant. Raises `DeedError` while something newer about it was seen than is told now."""
        self._ends[grant.number] = self._end(deed, grant)
        self._admitted[grant.number] = (deed, grant)

    def has_ended(self, number: str, now: datetime) -> bool:
        """Whether a grant has lapsed; of one whose end cannot be told: yes."""
        end = self._ends.get(number, _PAST)
        return end is not None and end.at <= now

    def _end(self, deed: Deed, grant: Grant) -> End | None:
        followed = Followed(
            attestation=self._newest(Kind.ATTESTATION, grant.number), review=self._newest(Kind.REVIEW, grant.number)
        )
        return end_of_grant(deed, grant, followed, self._parameters())

    def _parameters(self) -> Parameters:
        deed = self._newest(Kind.PARAMETERS, PARAMETERS_ID)
        return parameters_of(deed.document.content if deed else None)

    def _newest(self, kind: Kind, deed_id: str) -> Deed | None:
        deed = self._told.get((kind, deed_id))
        if (deed.document.serial if deed else 0) < self._marks.newest(kind, deed_id):
            raise DeedError("封存进程收到的此签批单的文书缺少先前收到过的，请运行 bidui doctor")
        return deed
