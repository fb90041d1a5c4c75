"""What the gateway needs from outside, as small promises. Adapters keep them; `ops.wiring` joins the two."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time. Outside production it can be driven, so that a year is replayed in minutes."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC. May step backwards; callers that need order make their own."""
        ...
