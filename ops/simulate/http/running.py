"""Runs a world twice, in process and over HTTP: honest days first, then each attack from a copy of the same home."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn, Protocol

from gateway.domain.grant import GrantClass
from ops.settings import Home
from ops.simulate.attacks import ATTACKS
from ops.simulate.granting import members_of
from ops.simulate.http.home import copy, found, key_of, link_in
from ops.simulate.http.stage import on_stage
from ops.simulate.partners import Member
from ops.simulate.replay import Assault, Honest, Honesty, assail, live
from ops.simulate.running import CHILDREN, FIRST_SEED, Children, Hears, SimulationError
from ops.simulate.stage import Stage
from ops.simulate.staged import Staged
from ops.simulate.world import World, build

PERSONS, ORGANISATIONS, DAYS = 2_000, 20, 20
MOST_PERSONS, MOST_DAYS = 20_000, 90
HORIZON = 60
"""After so many days more an attack that nothing stopped is over."""
USUAL = ("A1a", "A2a", "A2b", "A2c", "A3a", "A3b", "A6b")
"""Attacks that end soon."""


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """What is run both ways."""

    seed: int = FIRST_SEED
    persons: int = PERSONS
    organisations: int = ORGANISATIONS
    days: int = DAYS
    """Honest days before the attacks."""
    attacks: tuple[str, ...] = USUAL
    spots: float = 1.0


def settings_of(
    seed: int, persons: int | None, days: int | None, attacks: tuple[str, ...], spots: float
) -> HttpSettings:
    """What is not said is small. Raises `SimulationError` for what would take hours."""
    persons, days = persons or PERSONS, days or DAYS
    if persons > MOST_PERSONS or days > MOST_DAYS:
        raise SimulationError(f"--http 至多 {MOST_PERSONS} 人、攻击之前 {MOST_DAYS} 天：更大的请不用 --http 演练")
    organisations = max(ORGANISATIONS, persons * ORGANISATIONS // PERSONS)
    return HttpSettings(
        seed=seed, persons=persons, organisations=organisations, days=days, attacks=attacks, spots=spots
    )


class Told(Hears, Protocol):
    """Told how far it is."""

    def founded(self) -> None:
        """The home is there; the run in process begins."""
        ...

    def outside(self, says: str) -> None:
        """Something begins over HTTP: the honest days, or the attack of that name."""
        ...

    def day(self, seed: int, day: int) -> None:
        """An honest day over HTTP is over."""
        ...


@dataclass(frozen=True)
class Way:
    """What came of one of the two."""

    records: int
    honest: Honest
    assaults: Sequence[Assault]
    waited: float = 0.0
    """Seconds of the simulated time for which callers were told to wait."""


@dataclass(frozen=True)
class Both:
    """The same world and seed, in process and over HTTP."""

    inside: Way
    outside: Way


def run_both(settings: HttpSettings, told: Told) -> Both:
    """One after the other. Raises `SimulationError`; leaves nothing behind, however it ends."""
    world = build(settings.seed, settings.persons, settings.organisations)
    with _folder() as folder:
        members = members_of(world, gate=True)
        home = found(folder / "honest", world, members)
        told.founded()
        inside = _inside(world, settings, told, home)
        return Both(inside, _Outside(world, settings, told, folder, home, members).run())


def _inside(world: World, settings: HttpSettings, told: Told, home: Home) -> Way:
    """By the keys of the home, so that whatever is drawn by a key is drawn alike."""
    stage = Stage(world, gate=True, spots=settings.spots, turn=1, key=key_of(home), link=link_in(home))
    honesty, children = Honesty(stage, stage.members), Children(CHILDREN, told)
    live(stage, honesty, 0, settings.days)
    for name in settings.attacks:
        children.start(_assault(stage, settings, name))
    return Way(stage.answered, honesty.seen, children.finish())


def _assault(stage: Staged, settings: HttpSettings, name: str) -> Callable[[], Assault]:
    """The same luck on both stages."""
    luck, last = (list(ATTACKS).index(name), 0), settings.days + HORIZON
    return lambda: assail(stage, ATTACKS[name], luck, settings.days, last)


@dataclass
class _Outside:
    """Before a gateway that runs."""

    world: World
    settings: HttpSettings
    told: Told
    folder: Path
    home: Home
    members: Sequence[Member]

    def run(self) -> Way:
        honest = self._live()
        assaults, waits = zip(*(self._attack(name) for name in self.settings.attacks), strict=True)
        return replace(honest, assaults=assaults, waited=honest.waited + sum(waits))

    def _live(self) -> Way:
        self.told.outside("")
        with on_stage(self.world, self.members, self.home, self.settings.spots) as stage:
            for member in self.members:
                if member.grant.grant_class is GrantClass.CLOSED:
                    stage.office.enlist(member)
            honesty = Honesty(stage, self.members)
            for day in range(self.settings.days):
                live(stage, honesty, day, day + 1)
                self.told.day(self.settings.seed, day)
        return Way(stage.answered, honesty.seen, [], stage.timepiece.waited)

    def _attack(self, name: str) -> tuple[Assault, float]:
        self.told.outside(name)
        copied = copy(self.home, self.folder / name)
        with on_stage(self.world, self.members, copied, self.settings.spots) as stage:
            assault = _assault(stage, self.settings, name)()
        shutil.rmtree(copied.path.parent)
        self.told.attacked(assault)
        return assault, stage.timepiece.waited


@contextmanager
def _folder() -> Iterator[Path]:
    """Gone in the end. Somebody who is told to stop stops as if by Ctrl-C."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with TemporaryDirectory(prefix="bidui-simulate-") as folder:
            yield Path(folder)
    finally:
        signal.signal(signal.SIGTERM, before)
