"""Kills serve or seal at random moments under load, starts them again, and holds what callers heard against the log."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from ops.bench.watching import family
from ops.prove.checking import Verdict, check
from ops.prove.homes import LOCAL, Stage, add_grant, credentials, limits
from ops.prove.load import Line, Load, question
from ops.prove.programs import ProofError, end, start, until
from ops.settings import Home, ServeSettings, load

LONGEST_PAUSE = 0.8
SMALL = limits(day=20)


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One kill: of what, how long after the last one had been overcome, and how soon answers came again."""

    what: str
    after_seconds: float
    again_seconds: float
    heard: int


@dataclass(kw_only=True)
class Crashes:
    """A run of kills over one home. Alternates between serve and seal."""

    home: Home
    stage: Stage
    kills: int
    seed: int = 1
    told: Callable[[Kill], None] = lambda _: None
    done: list[Kill] = field(default_factory=list)
    broken: int = 0
    verdict: Verdict | None = None

    def run(self) -> Verdict:
        """Does it all. Raises `ProofError` when the gateway does not come back by itself."""
        self._port = load(self.home, "serve.toml", ServeSettings).port
        self._grants = [
            add_grant(self.home, "prove-1", self.stage),
            add_grant(self.home, "prove-2", self.stage, limits=SMALL),
        ]
        self._headers = credentials(self.home)
        self._left: set[int] = set()
        callers = self._callers()
        try:
            self._start()
            callers.start()
            self._kill_all(callers)
            self.broken = callers.finish().broken
        finally:
            self._serve.stop()
            for pid in self._left:
                end(pid)
        if callers.journal.unexpected:
            raise ProofError(f"a caller got {callers.journal.unexpected[0].status}")
        self.verdict = check(self.home, callers.journal)
        return self.verdict

    def _callers(self) -> Load:
        return Load(
            port=self._port, headers=self._headers, people=self.stage.people, grants=self._grants, seed=self.seed
        )

    def _kill_all(self, callers: Load) -> None:
        rng = Random(f"{self.seed} kills")  # noqa: S311 - the same seed kills at the same moments
        for number in range(self.kills):
            pause = rng.uniform(0, LONGEST_PAUSE)
            time.sleep(pause)
            what = ("serve", "seal")[number % 2]
            started = time.monotonic()
            self._kill_serve() if what == "serve" else self._kill_seal()
            self._await_answer(callers, f"again-{self.seed}-{number}")
            kill = Kill(
                what=what,
                after_seconds=pause,
                again_seconds=time.monotonic() - started,
                heard=len(callers.journal.heard),
            )
            self.done.append(kill)
            self.told(kill)

    def _start(self) -> None:
        self._serve = start("serve", self.home)
        until(self._is_ready, self._serve)
        self._left.update(family(self._serve.pid)[1:])

    def _kill_serve(self) -> None:
        self._serve.kill()
        self._start()

    def _kill_seal(self) -> None:
        """Serve must notice by itself, and start another."""
        old = set(family(self._serve.pid)[1:])
        for pid in old:
            end(pid)
        until(lambda: bool(set(family(self._serve.pid)[1:]) - old), self._serve)
        self._left.update(family(self._serve.pid)[1:])

    def _is_ready(self) -> bool:
        try:
            connection = http.client.HTTPConnection(LOCAL, self._port, timeout=5)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _await_answer(self, callers: Load, key: str) -> None:
        line = Line(self._port, self._headers)
        body = question(self.stage.people[0], self._grants[0])
        until(lambda: callers.journal.note(line.ask(key, body)), self._serve)
        line.close()
