"""How far a simulation is: bars where somebody looks, and a line for each attack that has ended."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ops.simulate.http.running import HttpSettings
from ops.simulate.replay import Assault
from ops.simulate.running import Settings


class Bar:
    """Days on a bar; all of it where nobody reads data."""

    def __init__(self, says: str, total: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(says, total=total)

    @classmethod
    def of_years(cls, settings: Settings) -> Self:
        """A step a day."""
        return cls("合成年份", settings.seeds * settings.days)

    @classmethod
    def of_both(cls, settings: HttpSettings) -> Self:
        """A step for the home, one a day over HTTP, and one an attack each way."""
        return cls("建立演练环境", 1 + settings.days + 2 * len(settings.attacks))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def day(self, seed: int, day: int) -> None:
        """See `ops.simulate.running.Told`."""
        self._progress.update(self._task, advance=1, description=f"种子 {seed}")

    def attacked(self, assault: Assault) -> None:
        """See `ops.simulate.running.Told`."""
        learned = assault.checked or assault.end
        stopped = "拦住" if assault.stopped else "受限" if assault.checked else "未拦"
        self._progress.console.print(f"{assault.seed} {assault.attack} {stopped}：{learned.persons} 人")


class BothBar(Bar):
    """The same for a world that is run both ways."""

    def founded(self) -> None:
        """See `ops.simulate.http.running.Told`."""
        self._progress.update(self._task, advance=1, description="进程内")

    def attacked(self, assault: Assault) -> None:
        """See `ops.simulate.running.Told`."""
        super().attacked(assault)
        self._progress.update(self._task, advance=1)

    def outside(self, says: str) -> None:
        """See `ops.simulate.http.running.Told`."""
        self._progress.update(self._task, description=f"经 HTTP {says}".rstrip())
