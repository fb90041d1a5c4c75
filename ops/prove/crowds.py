"""Many processes append to one log at once, by clocks that disagree; two of them sign it at the same time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from statistics import median

import msgspec

from adapters.sql.ledger_reader import SqlLedgerReader
from audit.checkpoint import peek
from ops.prove.appending import Done, Kept, Task, signer_of
from ops.prove.checking import Evidence
from ops.prove.programs import ROOT, ProofError, environment
from ops.settings import Home, ServeSettings, load

PROCESSES, THREADS, SIGNERS = 8, 4, 2
SKEWS = (0.0, -1.0, 86_400.0, -86_400.0, 0.5, 3_600.0, -3_600.0, -30.0)
"""Seconds by which the clocks of the processes are wrong."""
SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """What came of it. Everything from `gaps` on is promised to be zero."""

    entries: int
    appends: int
    longest: float
    middle: float
    signed: int
    outrun: int
    gaps: int
    doubles: int
    forks: int
    sealed: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return bool(self.appends) and not any((self.gaps, self.doubles, self.forks, self.sealed, self.problems))


def crowd(home: Home, appends: int, drafts: int = 3) -> Crowd:
    """Lets them all loose on this home; `appends` of each thread, each of so many drafts."""
    settings, last = load(home, "serve.toml", ServeSettings), Kept(home.checkpoints)
    with closing(SqlLedgerReader.open(home.database_url(settings))) as reader:
        start = reader.head().size
        done = _together(home, _tasks(appends, drafts))
        with signer_of(home, settings, last) as signer:
            signer.run_once()
        signed = [each.encode() for one in done for each in one.signed] + last.put
        evidence = Evidence.of(home, reader, signed)
    return _judge(done, signed, evidence, start)


def _tasks(appends: int, drafts: int) -> list[Task]:
    return [
        Task(skew=skew, threads=THREADS, appends=appends, drafts=drafts, signs=number < SIGNERS)
        for number, skew in enumerate(SKEWS[:PROCESSES])
    ]


def _together(home: Home, tasks: Sequence[Task]) -> list[Done]:
    command = [sys.executable, "-m", "ops.prove.appending", str(home.path), msgspec.json.encode(tasks).decode()]
    ended = subprocess.run(  # noqa: S603 - our own program
        command, cwd=ROOT, env=environment(home), capture_output=True, timeout=SECONDS, check=False
    )
    if ended.returncode:
        raise ProofError(f"those who should only append ended badly: {ended.stderr.decode()[-2000:]}")
    return msgspec.json.decode(ended.stdout, type=list[Done])


def _judge(done: Sequence[Done], signed: Sequence[bytes], evidence: Evidence, start: int) -> Crowd:
    waits = [each for one in done for each in one.waits]
    places = [each for one in done for each in one.places]
    return Crowd(
        entries=len(evidence.entries),
        appends=len(waits),
        longest=max(waits),
        middle=median(waits),
        signed=len(signed),
        outrun=sum(one.outrun for one in done),
        gaps=len(set(range(start, len(evidence.entries))) ^ set(places)),
        doubles=len(places) - len(set(places)),
        forks=_forks(signed),
        sealed=tuple(cause for one in done for cause in one.sealed),
        problems=tuple(each.cause for each in evidence.whole.problems),
    )


def _forks(signed: Sequence[bytes]) -> int:
    """Checkpoints less the sizes they are of: nothing is signed twice at one size here but by mistake."""
    return len({(each.size, each.root) for each in map(peek, signed)}) - len({peek(each).size for each in signed})
