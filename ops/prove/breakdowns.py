"""Breaks every system call the ledger is written with, one after the other, and holds the log against what was heard.

A point is one broken call, or one station where the process kills itself. At each point a clerk takes three turns with
signatures between them while the call breaks; then another clerk, with nothing broken, asks everything again by the
same keys and signs. All points of a run share one log, so what one of them spoils the next ones find.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg

from ops.prove.clerk import STATIONS, Asking, Errand
from ops.prove.errands import Clerks, Ended, Meanwhile, clerks
from ops.prove.faults import FILES, HEARING, SAYING, SERVER, Fault, Tracer, count, has_fired, spread
from ops.prove.homes import Stage, add_grant, credentials
from ops.prove.load import question
from ops.prove.points import Broke, Point, Remembered, judge
from ops.prove.programs import ProofError, start_seal
from ops.settings import Home, ServeSettings, load

TURNS = (5, 20, 7)
"""Requests in each turn of a clerk."""
BACKEND = "a backend"
LONG = (5, 250, 250, 7)
"""Turns after which SQLite has moved pages of its log into its database."""
MOVED = 4
"""At how many occurrences that is broken, in each way."""
BACK_SECONDS = 60.0

Ways = tuple[tuple[str, bool], ...]
DISK: Ways = (("KILL", False), ("EIO", False), ("ENOSPC", False), ("EIO", True), ("ENOSPC", True))
LINE: Ways = (("KILL", False), ("ECONNRESET", False), ("ECONNRESET", True))
"""Of what a client hears. What it says is only cut off by killing it: libpq would go on listening to a live server."""

Few = Collection[tuple[str, str, str]]
"""Where, which call, in which way: for a run that tries only these."""


class Broken(NamedTuple):
    """Calls that are broken alike: whose they are, on which files, in which ways, during which turns, how often."""

    where: str
    calls: str
    paths: Sequence[Path]
    ways: Ways
    turns: Sequence[int]
    most: int


@dataclass(kw_only=True)
class Breakdowns:
    """A run over one home. `most` is at how many occurrences of a call it is broken in each way."""

    home: Home
    stage: Stage
    folder: Path
    most: int
    told: Callable[[Point], None] = lambda _: None
    points: list[Point] = field(default_factory=list[Point])
    _known: Remembered = field(default_factory=Remembered)
    _asked: int = 0

    @property
    def holds(self) -> bool:
        return bool(self.points) and all(each.holds for each in self.points)

    def run(self, few: Few = (), stations: Iterable[str] = STATIONS) -> None:
        """Tries all of it, or only those few. Raises `ProofError` when nothing can be tried here."""
        self._url = self.home.database_url(load(self.home, "serve.toml", ServeSettings))
        self._grant = add_grant(self.home, "break-1", self.stage)
        seal = start_seal(self.home)
        try:
            with clerks(self.home, self.folder) as sent:
                self._kill_at(stations, sent)
                for each in self._broken():
                    self._break_all(each, few, sent)
                self._judge_all(sent)
        finally:
            seal.stop()

    @property
    def _is_remote(self) -> bool:
        return self._url.startswith("postgresql")

    def _kill_at(self, stations: Iterable[str], sent: Clerks) -> None:
        for station in stations:
            errand = self._errand()
            ended = sent.send(msgspec.structs.replace(errand, dies=station))
            self._judge(sent, errand, ended, Broke(station, "KILL", ended.was_killed))

    def _broken(self) -> list[Broken]:
        """What the gateway calls itself, and what the server's processes for it do."""
        files = _files(self.home)
        gateway = Broken("the gateway", FILES, files, DISK, TURNS, self.most)
        if not self._is_remote:
            return [gateway, Broken("pages moved", "pwrite64,fdatasync", files[1:2], DISK, LONG, MOVED)]
        return [
            gateway,
            Broken("the line", HEARING, (), LINE, TURNS, self.most),
            Broken("the line", SAYING, (), LINE[:1], TURNS, self.most),
            Broken(BACKEND, SERVER, (), DISK[:3], TURNS, self.most),
        ]

    def _break_all(self, each: Broken, few: Few, sent: Clerks) -> None:
        if few and each.where not in {where for where, _, _ in few}:
            return
        for fault in spread(self._count(sent, each), each.ways, each.most):
            if not few or (each.where, fault.call, fault.name) in few:
                self._break(sent, each, fault)

    def _meanwhile(self, each: Broken, tracer: Tracer) -> list[Meanwhile]:
        """The gateway is held from its start; the server's processes once it has them."""
        if each.where != BACKEND:
            return [tracer.attach]
        return [_no_act, lambda _: tracer.attach(*self._backends())]

    def _count(self, sent: Clerks, each: Broken) -> Counter[str]:
        """A run in which nothing breaks, to see which calls there are."""
        tracer = self._tracer(("-e", f"trace={each.calls}"), each.paths)
        ended = sent.send(self._errand(each.turns), *self._meanwhile(each, tracer))
        if ended.status:
            raise ProofError(f"a gateway that nothing breaks does not work; its log is in {self.folder}")
        self._known.add(ended)
        return count(tracer.end())

    def _break(self, sent: Clerks, each: Broken, fault: Fault) -> None:
        tracer = self._tracer(fault.options(), each.paths)
        errand = self._errand(each.turns)
        ended = sent.send(errand, *self._meanwhile(each, tracer))
        broke = Broke(f"{each.where}: {fault.call}", fault.name, has_fired(tracer.end()))
        self._judge(sent, errand, ended, broke)

    def _judge(self, sent: Clerks, errand: Errand, ended: Ended, broke: Broke) -> None:
        again = self._come_back(sent, msgspec.structs.replace(errand, insists=True))
        self._known.add(ended)
        self._known.add(again)
        point = judge(self.home, broke, ended, again, self._known)
        self.points.append(point)
        self.told(point)

    def _judge_all(self, sent: Clerks) -> None:
        """Once more nothing breaks, and every checkpoint of the whole run is held against the log."""
        errand = self._errand()
        self._known.judged = 0
        self._judge(sent, errand, sent.send(errand), Broke("nothing", "", fired=True))

    def _come_back(self, sent: Clerks, errand: Errand) -> Ended:
        """Starts a clerk again, as a service manager would, until one has done everything."""
        end = time.monotonic() + BACK_SECONDS
        while True:
            ended = sent.send(errand)
            if ended.status == 0 or time.monotonic() > end:
                return ended
            time.sleep(0.2)

    def _errand(self, turns: Sequence[int] = TURNS) -> Errand:
        return Errand(journal="", headers=credentials(self.home), turns=[self._turn(size) for size in turns])

    def _turn(self, size: int) -> list[Asking]:
        asked = range(self._asked, self._asked + size)
        self._asked += size
        people = self.stage.people
        return [Asking(f"break-{n}", question(people[n % len(people)], self._grant).decode()) for n in asked]

    def _tracer(self, options: Sequence[str], paths: Sequence[Path] = ()) -> Tracer:
        output = self.folder / "trace"
        output.unlink(missing_ok=True)
        return Tracer(options=options, output=output, paths=paths)

    def _backends(self) -> list[int]:
        with psycopg.connect(self._url.replace("+psycopg", "")) as other:
            found = other.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchall()
        return [int(pid) for (pid,) in found]


def _files(home: Home) -> list[Path]:
    """The files of the write path, and their folders."""
    database, checkpoints = home.path / "data" / "control.sqlite", home.checkpoints
    beside = [database.with_name(database.name + end) for end in ("", "-wal", "-shm", "-journal", ".lock")]
    return [database.parent, *beside, checkpoints, checkpoints / "latest", checkpoints / "new"]


def _no_act(_: int) -> None:
    """Lets a clerk through its first gate."""
