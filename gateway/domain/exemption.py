"""A time-boxed exception from a detector (限期例外): part of a release, signed with it, and it ends by itself."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from gateway.domain.grant import local_day
from gateway.domain.incident import Detector


class Exemption(msgspec.Struct, frozen=True):
    """Until the end of a day a detector does not count for a grant; or, where `most` says so, only beyond that."""

    grant: str
    detector: Detector
    until: date
    most: int | None
    incident: str
    """The one that was released with it."""

    def is_in_force(self, at: datetime) -> bool:
        """Whether that day is not over. A clock that steps back gives no more than it gave before."""
        return local_day(at) <= self.until

    def spares(self, detector: Detector, observed: float, at: datetime) -> bool:
        """Whether what a detector found is excepted."""
        is_within = self.most is None or observed <= self.most
        return detector is self.detector and is_within and self.is_in_force(at)
