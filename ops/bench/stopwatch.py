"""Times the stages of a program from outside, by wrapping methods of its parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, ParamSpec, TypeVar, cast

from ops.bench.figures import BenchError

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Spent(NamedTuple):
    """Nanoseconds: processor time of this thread, and time on the wall, which also holds waiting."""

    cpu: int
    wall: int

    def plus(self, start: Spent, end: Spent) -> Spent:
        return Spent(self.cpu + end.cpu - start.cpu, self.wall + end.wall - start.wall)


_NOTHING = Spent(0, 0)


@dataclass(slots=True)
class Stopwatch:
    """Splits time among stages that call each other: each gets its own, without that of the stages inside it."""

    _spent: dict[str, Spent] = field(default_factory=dict[str, Spent])
    _open: list[str] = field(default_factory=list[str])
    _since: Spent = _NOTHING

    def take(self) -> dict[str, Spent]:
        """What was spent since the last take."""
        spent, self._spent = self._spent, {}
        return spent

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What happens inside belongs to this stage."""
        self._change(lambda: self._open.append(name))
        try:
            yield
        finally:
            self._change(self._open.pop)

    def timed(self, name: str, act: Callable[_P, _R]) -> Callable[_P, _R]:
        """The same act, as that stage."""

        def act_timed(*arguments: _P.args, **named: _P.kwargs) -> _R:
            with self.stage(name):
                return act(*arguments, **named)

        return act_timed

    def wrap(self, part: object, method: str, name: str) -> None:
        """From now on this method of this part is that stage. Raises `BenchError` when there is no such method."""
        inner = cast("Callable[..., object] | None", getattr(part, method, None))
        if inner is None:
            raise BenchError(f"stage {name!r}: {type(part).__name__} has no {method}; change ops/bench/stages.py")
        # Some parts are frozen, for everybody but a bench.
        object.__setattr__(part, method, self.timed(name, inner))

    def _change(self, change: Callable[[], object]) -> None:
        """Closes the account of the stage that was running and opens that of the next, the change itself free."""
        now = Spent(time.thread_time_ns(), time.perf_counter_ns())
        if self._open:
            name = self._open[-1]
            self._spent[name] = self._spent.get(name, _NOTHING).plus(self._since, now)
        change()
        self._since = Spent(time.thread_time_ns(), time.perf_counter_ns())
