"""Whom closed grants answer about, read from the control database and held against the deeds that people signed."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from gateway.deeds.cohorts import Cohort, CohortStore, members_in_force
from gateway.domain.cohort import NOBODY, Members

log = structlog.get_logger()


class Cohorts:
    """Keeps what was read, so that a list is read and checked once and not with every change of rights."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Members] = {}

    def load(self, in_force: Mapping[str, Cohort], store: CohortStore) -> Mapping[str, Members]:
        """The members by grant. A list that is not the one that was signed for is nobody's, and loud."""
        self._known = {
            (number, cohort.members): self._known.get((number, cohort.members)) or _read(cohort, store)
            for number, cohort in in_force.items()
        }
        return {number: members for (number, _), members in self._known.items()}


def _read(cohort: Cohort, store: CohortStore) -> Members:
    members = members_in_force(cohort, store.links(cohort.grant, cohort.root))
    if members is None:
        log.error("cohort_tampered", grants=cohort.grant)
        return NOBODY
    return members
