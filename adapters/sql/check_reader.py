"""Spot checks as people and chores read them: on a connection of their own, never inside a turn."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from sqlalchemy import ColumnElement, Engine, Executable, case, func, select
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.check_tables import spot_check
from adapters.sql.checks import read_check
from adapters.sql.engine import open_engine
from gateway.domain.errors import UnavailableError
from gateway.domain.spot_check import CheckState, SpotCheck

_OPEN = (CheckState.DUE.value, CheckState.FILED.value)


class SqlCheckReader:
    """Keeps the promise of `gateway.spot_checks.CheckReader`. Asked rarely, so it holds nothing open."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> SqlCheckReader:
        return cls(open_engine(url))

    def open_of(self, partner: str, most: int) -> list[SpotCheck]:
        """See `gateway.spot_checks.CheckReader`."""
        of = spot_check.c
        is_due_first = case((of.state == CheckState.DUE.value, 0), else_=1)
        return self._checks([of.partner == partner, of.state.in_(_OPEN)], is_due_first, of.opened, of.number, most=most)

    def listed(self, state: CheckState | None, most: int, hidden: Set[str]) -> list[SpotCheck]:
        """See `gateway.spot_checks.CheckReader`."""
        of = spot_check.c
        wanted = [of.purpose.not_in(sorted(hidden)), *([] if state is None else [of.state == state.value])]
        return self._checks(wanted, of.opened.desc(), of.number, most=most)

    def check(self, number: str) -> SpotCheck | None:
        """See `gateway.spot_checks.CheckReader`."""
        return next(iter(self._checks([spot_check.c.number == number], most=1)), None)

    def waiting(self, day: int, most: int) -> list[SpotCheck]:
        """See `gateway.spot_checks.CheckReader`."""
        of = spot_check.c
        is_overdue = (of.state == CheckState.DUE.value) & (of.due < day)
        wanted: list[ColumnElement[bool]] = [(of.state == CheckState.FILED.value) | is_overdue]
        return self._checks(wanted, of.opened, of.number, most=most)

    def late(self, day: int) -> list[str]:
        """See `gateway.spot_checks.CheckReader`."""
        of = spot_check.c
        wanted = select(of.number).where(of.state == CheckState.DUE.value, of.late <= day).order_by(of.number)
        return [str(row[0]) for row in self._rows(wanted)]

    def counts(self) -> dict[CheckState, int]:
        """See `gateway.spot_checks.CheckReader`."""
        of = spot_check.c
        rows = self._rows(select(of.state, func.count()).group_by(of.state))
        return {CheckState(state): int(count) for state, count in rows}

    def _checks(self, wanted: Sequence[ColumnElement[bool]], *order: ColumnElement[Any], most: int) -> list[SpotCheck]:
        rows = self._rows(select(*spot_check.c).where(*wanted).order_by(*order).limit(most))
        return [read_check(row) for row in rows]

    def _rows(self, wanted: Executable) -> Sequence[Sequence[Any]]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(wanted).all()
        except SQLAlchemyError as error:
            raise UnavailableError("the spot checks cannot be read; `bidui doctor` says why") from error
        finally:
            self._engine.dispose()
