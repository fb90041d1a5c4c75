"""A spot check (凭证抽查): of some subjects, chosen by a key, the document that gave the right to ask must be shown.

It is the one thing that bounds somebody who asks about real people at the pace of an honest clerk.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

SHORTEST_DOCUMENT, LONGEST_DOCUMENT = 4, 100
"""Characters of a document's name."""
UNTOLD = -1
"""The number of an entry that nobody wrote down."""


class CheckState(StrEnum):
    """How a spot check stands."""

    DUE = "due"
    """The answer waits for the document."""
    FILED = "filed"
    """The document is named, the answer given unless it needs acceptance; somebody of the office looks at it."""
    ACCEPTED = "accepted"
    FAILED = "failed"
    """It is no document, or it never came."""


NEXT: Mapping[CheckState, frozenset[CheckState]] = {
    CheckState.DUE: frozenset({CheckState.FILED, CheckState.FAILED}),
    CheckState.FILED: frozenset({CheckState.FILED, CheckState.ACCEPTED, CheckState.FAILED}),
    CheckState.ACCEPTED: frozenset(),
    CheckState.FAILED: frozenset(),
}
"""What may follow: what was filed may be corrected until somebody has judged it, and what was judged stays."""


class SpotCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One subject of one grant whose document is asked for. Days are local ones, as ordinals."""

    number: str
    grant: str
    partner: str
    purpose: str
    link: bytes
    opened: int
    due: int
    """The last day on which it may be filed without anything else waiting for it."""
    late: int
    """The first day on which it counts as failed."""
    state: CheckState = CheckState.DUE
    document: str = ""
    """What the partner says it is: kind, number and date of a form; kept by the partner, shown on request."""
    digest: str = ""
    """SHA-256 of its scan, where the partner gave one."""
    operator: str = ""
    """Who of the partner named it."""
    filed: int = 0
    filings: int = 0
    """How many times something was named: the last one counts."""
    judged: int = 0
    """The day of the verdict."""
    judge: str = ""
    """The account of who judged; empty where nothing ever came."""
    reason: str = ""
    """Why it was judged so, in their words."""
    needs_acceptance: bool = False
    """Whether the answer waits until the document is accepted: of protected persons, and of some others, by lot."""
    entry: int = UNTOLD
    """The ledger entry of the comparison that was refused first: whom it is about, two people may have shown."""

    @property
    def is_answered(self) -> bool:
        """Whether its answer is given."""
        return self.state is CheckState.ACCEPTED or (self.state is CheckState.FILED and not self.needs_acceptance)

    def __repr__(self) -> str:
        """Show which and how it stands, not what somebody wrote."""
        return f"SpotCheck({self.number}, {self.grant}, {self.state})"
