"""The lists of closed grants: each in force is the one that was signed, leaf for leaf and link for link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.cohorts import CohortTable
from adapters.sql.engine import driver_connection, driver_error
from gateway.deeds.cohorts import Cohort, fault_of
from gateway.deeds.errors import DeedError
from gateway.domain.grant import Grant, GrantClass
from gateway.in_force import cohorts_of, grants_of
from ops.doctor.finding import Finding, doubt, ill, unseen, well
from ops.doctor.installation import Installation
from ops.doctor.rights import trusted


def cohorts(installation: Installation) -> Iterator[Finding]:
    """Every closed grant, with its list."""
    standing = trusted(installation)
    if standing is None:
        yield unseen("名册", "控制库尚不可读")
        return
    try:
        grants = grants_of(standing)
        in_force = cohorts_of(standing, grants)
    except DeedError as error:
        yield ill("名册", str(error), "按提示重新报送名册")
        return
    yield from _lists(installation, grants, in_force)


def _lists(
    installation: Installation, grants: Mapping[str, Grant], in_force: Mapping[str, Cohort]
) -> Iterator[Finding]:
    closed = sorted(number for number, grant in grants.items() if grant.grant_class is GrantClass.CLOSED)
    if not closed:
        return
    faults = _faults(installation, in_force)
    if faults is None:
        yield unseen("名册", "控制库尚不可读")
        return
    for number in sorted(faults):
        fix = "查明何人写入控制库，由部门重新报送名册并签署；在此之前该签批单对任何人都不予确认"
        yield ill("名册", f"{number} 所存名册与签署的文书不符", fix)
    for number in closed:
        if number not in in_force:
            yield doubt(
                "名册", f"封闭类签批单 {number} 没有名册，对任何人都不予确认", "由部门用 bidui cohort file 报送"
            )
    good = [cohort for number, cohort in in_force.items() if number not in faults]
    yield well("名册", f"{len(good)} 份与签署的文书逐项相符，共 {sum(cohort.count for cohort in good)} 个对象")


def _faults(installation: Installation, in_force: Mapping[str, Cohort]) -> dict[str, str] | None:
    """What is wrong, by grant; None when the lists cannot be read."""
    if installation.engine is None:
        return None
    try:
        connection = driver_connection(installation.engine)
        try:
            table = CohortTable(installation.engine, connection.cursor())
            found = {number: fault_of(each, table.find(number, each.root)) for number, each in in_force.items()}
        finally:
            connection.close()
    except (SQLAlchemyError, driver_error(installation.engine)):
        return None
    return {number: fault for number, fault in found.items() if fault}
