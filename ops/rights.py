"""The rules, partners and grants in force: deeds from the database, each verified, put together for the turns."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from adapters.identity.registry import Registry
from adapters.sealing.client import Deeds
from adapters.sql.cohorts import CohortTable
from adapters.sql.cursors import Cursor
from adapters.sql.day_statements import SqlStatementReader
from adapters.sql.deeds import DeedTable, EpochReader
from adapters.sql.engine import driver_connection, open_engine
from adapters.sql.watch_reader import SqlWatchReader
from gateway.deeds.cohorts import Cohort
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import Foundation
from gateway.deeds.keeping import Kept
from gateway.deeds.lapse import parameters_in
from gateway.deeds.reading import DeedsReader, NewestStore
from gateway.deeds.releasing import Release, release_in
from gateway.deeds.standing import Standing, is_live
from gateway.deeds.steps import BREAK_GLASS
from gateway.domain.cohort import Members
from gateway.domain.errors import UnavailableError
from gateway.domain.partner_file import PartnerFileError
from gateway.domain.people import Person
from gateway.in_force import Compiler, cohorts_of, ends_of, exempt_of, frozen_of, grants_of
from gateway.partners import partners
from gateway.ports import Clock, Rights
from gateway.statements.acknowledging import steps_up
from gateway.watch.lying import lying
from gateway.watch.threshold_deeds import thresholds_in, values_in
from gateway.watch.threshold_file import content_of
from ops.cohorts import Cohorts
from ops.lapses import KINDS as LASTING
from ops.settings import SettingsError
from policies.catalogue import Catalogue
from policies.problems import RulebookError

_NEVER = -1


class RightsDesk:
    """Keeps the promise of `gateway.ports.RightsSource`. `changed` is told the registry and what seal must know.

    `loud` is called for each deed of a person that took the path for emergencies: nobody shall overlook it.
    """

    def __init__(
        self,
        *,
        foundation: Foundation,
        database: str,
        catalogue: Catalogue,
        clock: Clock,
        changed: Callable[[Registry, Deeds], None],
        newest: NewestStore | None = None,
        loud: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._epochs = EpochReader(database)
        self._statements = SqlStatementReader.open(database)
        self._watched = SqlWatchReader.open(database)
        self._reader = DeedsReader(foundation, newest)
        self._compiler = Compiler(catalogue)
        self._cohorts = Cohorts()
        self._clock = clock
        self._changed = changed
        self._loud = loud
        self._known: list[bytes] = []
        self._entry = 0
        self._people: Callable[[str], Person | None] = lambda _: None
        self._frozen: frozenset[str] = frozenset()
        self._releases: list[Release] = []

    def load(self) -> Rights:
        """Everything anew. A deed that does not verify is an error for all: somebody wrote to the database."""
        try:
            epoch, standing = self._read()
            exempt = exempt_of(standing)
            registry = Registry(partners(standing))
            snapshot = self._compiler.compile(standing)
            grants = grants_of(standing)
            cohorts = self._members(cohorts_of(standing, grants))
            ends = ends_of(standing, grants)
            thresholds = content_of(thresholds_in(standing)) if values_in(standing) else {}
            working = parameters_in(standing).calendar
            signed_from = steps_up(standing, self._statements.months(), self._statements.last_day())
        except (DeedError, PartnerFileError, RulebookError) as error:
            raise UnavailableError(f"what is in force cannot be put together: {error}") from error
        stops = lying([*self._watched.stops(), *self._watched.laid()], self._releases).values()
        frozen = frozen_of(standing) | {each.target for each in stops if each.is_frozen}
        self._people, self._frozen = standing.roll.person, frozen
        self._changed(registry, Deeds(tuple(self._known), {number: _encoded(standing, number) for number in grants}))
        held = frozenset(each.target for each in stops if not each.is_frozen)
        return Rights(epoch, snapshot, grants, frozen, held, ends, cohorts, signed_from, exempt, thresholds, working)

    def person(self, account: str) -> Person | None:
        """Keeps the promise of `gateway.ports.People`: who was in force when the rights were last loaded."""
        return self._people(account)

    def is_frozen(self, account: str) -> bool:
        """Whether the person of this account was frozen when the rights were last loaded."""
        return f"{Kind.PERSON}.{account}" in self._frozen

    def epoch(self) -> int:
        """The control epoch now; one that never was while what is remembered as in force was not loaded yet.

        Whoever keeps the epoch still in the database keeps no freeze from anybody.
        """
        if self._reader.is_behind():
            return _NEVER
        return self._epochs.epoch()

    def _read(self) -> tuple[int, Standing]:
        with self._table() as table:
            epoch, standing = table.epoch(), self._reader.refresh(table, self._clock.now())
            self._learn(table)
            return epoch, standing

    def _members(self, cohorts: Mapping[str, Cohort]) -> Mapping[str, Members]:
        """Deeds are read before lists, so a list that came into force in between is loaded with the next epoch."""
        if not cohorts:
            return {}
        with self._cursor() as (engine, cursor):
            return self._cohorts.load(cohorts, CohortTable(engine, cursor))

    @contextmanager
    def _table(self) -> Generator[DeedTable]:
        with self._cursor() as (engine, cursor):
            yield DeedTable(engine, cursor)

    @contextmanager
    def _cursor(self) -> Generator[tuple[Engine, Cursor]]:
        engine = open_engine(self._database)
        connection = driver_connection(engine)
        try:
            yield engine, connection.cursor()
        finally:
            connection.close()
            engine.dispose()

    def _learn(self, table: DeedTable) -> None:
        """Keeps what the sealing process must be told, in the order in which it came into force."""
        for kept in table.in_force(self._entry):
            self._entry = kept.entry
            if _is_for_seal(kept):
                self._known.append(kept.deed)
            if release := release_in(kept):
                self._releases.append(release)
            if kept.kind == Kind.PERSON and kept.opened().document.path == BREAK_GLASS:
                self._loud()


def load_units(path: Path) -> Mapping[str, str | None]:
    """The tree of units as `org:<code>` to the unit above it. Codes of organisations are public."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f'{path} is missing: one line a unit, `code = "code of the unit above"`') from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise SettingsError("units.toml is not TOML in UTF-8; `python -m tomllib` shows the line") from None
    if not all(isinstance(above, str) for above in table.values()):
        raise SettingsError('units.toml: each code stands for the code of the unit above it, a text; "" at the top')
    return {f"org:{code}": f"org:{above}" if above else None for code, above in table.items()}


def _encoded(standing: Standing, number: str) -> bytes:
    deed = standing.deed(Kind.GRANT, number)
    return deed.encode() if deed else b""


def _is_for_seal(kept: Kept) -> bool:
    """People, how long grants last, and grants that were withdrawn. Those in force are told when first needed."""
    is_told = kept.kind == Kind.PERSON or kept.kind in LASTING
    return is_told or (kept.kind == Kind.GRANT and not is_live(kept.opened().document))
