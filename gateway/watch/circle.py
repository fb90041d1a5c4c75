"""Going round all subjects little by little: links are keyed digests, so a slice of them is a fair sample, and all that
is known of one person lies in one slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

_ALL = 256
"""First bytes of a link."""
_END = b"\xff" * 17
"""Behind every link."""


class Span(NamedTuple):
    """Links from `first` on and before `end`; `is_last` closes the circle."""

    first: bytes
    end: bytes
    is_last: bool

    def holds(self, link: bytes) -> bool:
        """Whether a link lies in it."""
        return self.first <= link < self.end


@dataclass
class Circle:
    """Once round in a `period`, in so many `parts`: a sweep reads as many of them as time has passed."""

    parts: int = _ALL
    period: timedelta = timedelta(hours=1)
    _next: int = 0
    _since: datetime | None = None

    def spans(self, at: datetime) -> list[Span]:
        """What is to be read now; never more than once round, however long nobody swept. A clock that steps back makes
        it wait for a part's time."""
        if self._since is None or at < self._since:
            self._since = at
        due = min(self.parts, int((at - self._since) * self.parts / self.period))
        if due:
            self._since = at
        return [self._step() for _ in range(due)]

    def _step(self) -> Span:
        part, self._next = self._next, (self._next + 1) % self.parts
        end = (part + 1) * _ALL // self.parts
        return Span(bytes([part * _ALL // self.parts]), bytes([end]) if end < _ALL else _END, not self._next)
