"""`bidui serve` as it is, with a watch that stops nobody: whoever looks for leaks in the clock asks as nobody does.

python -m ops.bench.serving HOME
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from math import inf
from pathlib import Path

import uvloop

from adapters import logs
from adapters.clock import SystemClock
from gateway.watch.thresholds import DEFAULTS
from ops.sealing_child import SealingChild
from ops.serve import run
from ops.settings import Home, Mode
from ops.wiring import Gateway, wire

_NEVER = 1 << 60
PATIENT = replace(
    DEFAULTS,
    alarm=inf,
    least_misses=_NEVER,
    least_outside=_NEVER,
    cell_misses=_NEVER,
    decoys=_NEVER,
    pace_burst=_NEVER,
    habit_days=_NEVER,
)
"""Stops nobody and lets everybody be as fast as they are; of one person no more may be asked than usual."""


def patient(gateway: Gateway) -> Gateway:
    """The gateway, which stops nobody any more."""
    pipeline = gateway.pipeline
    for part in (pipeline.watch, pipeline.spot_checks, pipeline.habits, gateway.throttle):
        part.limits = PATIENT
    return gateway


def main(path: str) -> None:
    """Serves until it is told to stop."""
    logs.configure()
    home = Home(path=Path(path), mode=Mode.TEST, clock=SystemClock())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(patient(wire(home)), SealingChild(home, None)))


if __name__ == "__main__":
    main(sys.argv[1])
