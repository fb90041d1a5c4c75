"""The same home with the real processes: `bidui serve`, which starts its sealing process, and a socket between us."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from adapters.index.directory import pointer
from ops.bench.watching import family
from ops.demo.person import Person
from ops.prove.homes import LOCAL, Stage, add_grant, copy_stage, credentials
from ops.prove.load import Heard, Line, question
from ops.prove.programs import Program, start, until
from ops.settings import Home, ServeSettings, load
from tests.invariants.world import home_at


@dataclass(kw_only=True)
class Running:
    """A gateway that listens."""

    home: Home
    stage: Stage
    serve: Program
    grant: str
    heard: list[Heard] = field(default_factory=list, repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def port(self) -> int:
        return load(self.home, "serve.toml", ServeSettings).port

    @property
    def metrics_port(self) -> int:
        return load(self.home, "serve.toml", ServeSettings).metrics_port

    @property
    def seal_pid(self) -> int:
        """The process that serve started."""
        return family(self.serve.pid)[1]

    @property
    def generation(self) -> str:
        found = pointer(self.home.index)
        assert found is not None
        return found.generation

    def ask(self, times: int = 1) -> list[Heard]:
        """Asks about different people, one after the other; all must be answered."""
        line = Line(self.port, credentials(self.home))
        told = [self._ask_about(line, person) for person in self.stage.people[:times]]
        line.close()
        self.heard += told
        return told

    def _ask_about(self, line: Line, person: Person) -> Heard:
        heard = line.ask(f"running-{next(self._numbers)}", question(person, self.grant))
        assert heard is not None
        assert heard.status == 200, heard.body
        return heard

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection(LOCAL, self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def a_running(stage: Stage, folder: Path, database: str = "") -> Iterator[Running]:
    """A gateway that is ready; its control database is at this URL, or the home's own file."""
    home = home_at(folder / "home")
    copy_stage(stage, home, database)
    running = Running(home=home, stage=stage, grant=add_grant(home, "R-1", stage), serve=start("serve", home))
    try:
        until(running.is_ready, running.serve)
        yield running
    finally:
        running.serve.stop()
