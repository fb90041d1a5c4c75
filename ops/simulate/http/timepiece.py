"""The clock of a home that runs, driven by a file. It never goes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from adapters.clock import FileClock
from ops.settings import Home
from ops.simulate.asking import at
from ops.simulate.partners import START


@dataclass
class Timepiece:
    """Its hands, and who reads them in this process."""

    path: Path
    moment: datetime
    waited: float = 0.0
    """Seconds for which callers were told to wait."""

    @classmethod
    def of(cls, home: Home) -> Timepiece:
        """That of a home, where it stands."""
        assert isinstance(home.clock, FileClock)
        return cls(home.clock.path, home.clock.now())

    @classmethod
    def new(cls, path: Path) -> Timepiece:
        """One that stands at the beginning of the year."""
        made = cls(path, START)
        made.wait(0.0)
        return made

    def now(self) -> datetime:
        """See `gateway.ports.Clock`."""
        return self.moment

    def drive(self, second: int) -> None:
        """So many seconds after the beginning of the year, if it is not later already."""
        if at(second) > self.moment:
            self.moment = at(second)
            self._write()

    def wait(self, seconds: float) -> None:
        """Somebody waits."""
        self.waited += seconds
        self.moment += timedelta(seconds=seconds)
        self._write()

    def _write(self) -> None:
        draft = self.path.with_suffix(".new")
        draft.write_text(self.moment.isoformat(), encoding="ascii")
        # Replaced as a whole: somebody may be reading it.
        draft.rename(self.path)
