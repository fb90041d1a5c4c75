"""People's doors put together: accounts, sessions, deeds, the roll; what stands under `/v1/office`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import cast

from starlette.routing import Route

from adapters.identity.certificate import Edge
from adapters.keys.files import Passphrase, read_secret
from adapters.sealing.enlisting import Enlisters
from adapters.sql.store import SqlWork
from adapters.sql.watch_reader import SqlWatchReader
from gateway.access_report import AccessDesk
from gateway.accounts.enrolment import Enrolment, Invited
from gateway.accounts.ports import AccountWork
from gateway.api.office.access import AccessDoors, access_routes
from gateway.api.office.cohorts import CohortDoors, cohort_routes
from gateway.api.office.custody import CustodyDoors, custody_routes
from gateway.api.office.deeds import DeedDoors, deed_routes
from gateway.api.office.entries import EntryDoors, entry_routes
from gateway.api.office.evidence import EvidenceDoors, evidence_routes
from gateway.api.office.incidents import IncidentDoors, incident_routes
from gateway.api.office.people import PeopleDoors, people_routes
from gateway.api.office.policy import ReviewDoors, review_routes
from gateway.api.office.spot_checks import SpotCheckDoors, spot_check_routes
from gateway.api.office.state import LogState, StateDoors, state_routes
from gateway.api.office.statements import StatementDoors, statement_routes
from gateway.api.office.tasks import TaskDoors, task_routes
from gateway.api.office.trail import TrailDoors, trail_routes
from gateway.cohorts import CohortDesk
from gateway.deeds.lapse import parameters_in
from gateway.domain.people import Person
from gateway.entries import EntryDesk
from gateway.exporting import ExportDesk
from gateway.office import Office
from gateway.ports import People
from gateway.review.desk import ReviewDesk
from gateway.spot_checks.desk import SpotCheckDesk
from gateway.statements.acknowledging import Overview
from gateway.statements.desk import StatementDesk
from gateway.trail.desk import TrailDesk
from gateway.watch.board import Board
from gateway.watch.tending import Store as TendingStore
from gateway.watch.tending import Tending
from ops.accounts import AccountsDesk, open_accounts
from ops.checks import spot_check_desk
from ops.erasing import CustodyDesks, open_custody
from ops.exporting import export_desk
from ops.founding import Administrators, natural_of
from ops.review import Readers, review_desk
from ops.settings import Home, SealSettings, load
from ops.statements import statement_desk
from ops.trail import TrailParts, open_trail, trail_desk


@dataclass(frozen=True, kw_only=True)
class PeopleDesk:
    """Everything under `/v1/office`: accounts, people, deeds, tasks, cohorts."""

    home: Home
    accounts: AccountsDesk
    office: Office
    natural: bytes
    enlisters: Enlisters
    readers: Readers
    passphrase: Passphrase | None
    trail_parts: TrailParts
    log_state: LogState = field(default_factory=LogState)

    def routes(self, edge: Edge) -> list[Route]:
        """All doors of the office; they belong to the loop that first asks them something."""
        guard, enrolment = self.accounts.guard(), self.enrolment()
        natural, board = partial(natural_of, self.natural), self.board()
        return [
            *self.accounts.routes(guard, enrolment, edge),
            *people_routes(PeopleDoors(office=self.office, enrolment=enrolment, guard=guard, natural=natural)),
            *deed_routes(DeedDoors(office=self.office, guard=guard)),
            *task_routes(
                TaskDoors(
                    office=self.office,
                    waiting=enrolment.waiting,
                    guard=guard,
                    statements=lambda: Overview.of(self.statements.statements),
                    stopped=board.stopped,
                    checks=self.checks.waiting,
                )
            ),
            *statement_routes(StatementDoors(desk=self.statements, standing=self.office.standing, guard=guard)),
            *cohort_routes(CohortDoors(desk=self.cohorts(), guard=guard)),
            *custody_routes(
                CustodyDoors(
                    erasing=lambda: self.custody.erasing,
                    revealing=lambda: self.custody.revealing,
                    tokens=lambda: self.custody.tokens,
                    guard=guard,
                    catalogue=self.office.catalogue,
                )
            ),
            *incident_routes(
                IncidentDoors(reader=self.readers.responses, board=board, standing=self.office.standing, guard=guard)
            ),
            *spot_check_routes(SpotCheckDoors(desk=self.checks, guard=guard)),
            *state_routes(StateDoors(log_state=self.log_state, guard=guard)),
            *evidence_routes(EvidenceDoors(desk=self.evidence(), guard=guard)),
            *review_routes(ReviewDoors(desk=self.review(), guard=guard, catalogue=self.office.catalogue)),
            *entry_routes(EntryDoors(desk=self.entries(), guard=guard)),
            *access_routes(AccessDoors(desk=self.access(), guard=guard, catalogue=self.office.catalogue)),
            *trail_routes(TrailDoors(desk=self.trail, guard=guard, catalogue=self.office.catalogue)),
        ]

    def enrolment(self) -> Enrolment:
        """Invites and enrols; a founder's deed comes into force as they enrol."""

        def admit(work: AccountWork, person: Person, code: str) -> None:
            self.office.admit_founder(cast("SqlWork", work), person, code)

        return self.accounts.enrolment(admit)

    def incidents(self) -> SqlWatchReader:
        """What the watch found."""
        return self.readers.responses

    def board(self) -> Board:
        """What the watch stops now."""
        return Board(reader=self.readers.responses, releases=self.readers.deeds.releases)

    def tending(self) -> Tending:
        """Looks after incidents; it writes through the office's store, one at a time."""
        return Tending(
            board=self.board(),
            incidents=self.readers.responses,
            parameters=lambda: parameters_in(self.office.standing()),
            store=cast("TendingStore", self.office.store),
            ledger=self.office.ledger,
            clock=self.home.clock,
            disputing=lambda: {each.partner for each in self.statements.open_disputes()},
        )

    def review(self) -> ReviewDesk:
        """Explains decisions, and rehearses drafts."""
        return review_desk(self.home, self.readers, self.office)

    @cached_property
    def trail(self) -> TrailDesk:
        """The officers' search; its indexer is one for doors and chores."""
        return trail_desk(self.trail_parts, self.office, self.readers.ledger, self.readers.deeds)

    def access(self) -> AccessDesk:
        """Draws reports of who compared somebody."""
        return AccessDesk(trail=self.trail, bygone=self.review().bygone, catalogue=self.office.catalogue)

    @cached_property
    def statements(self) -> StatementDesk:
        """Shows statements and takes disputes in; one for the doors of people and of systems."""
        return statement_desk(self.home, self.office, self.readers.ledger, self.passphrase)

    @cached_property
    def checks(self) -> SpotCheckDesk:
        """Takes documents in and has them judged; one for all doors, and for the chore that fails what is late."""
        return spot_check_desk(self.home, self.office, self.passphrase, lambda: self.trail.secrecy.secret().purposes)

    @cached_property
    def custody(self) -> CustodyDesks:
        """Erases and reveals; opened when it is first asked, because few homes ever do."""
        return open_custody(self.home, self.passphrase)

    def evidence(self) -> ExportDesk:
        """Takes evidence out of the ledger."""
        return export_desk(self.home, self.office, self.readers.ledger, self.passphrase)

    def entries(self) -> EntryDesk:
        """Shows entries themselves."""
        return EntryDesk(
            reader=self.readers.ledger,
            store=self.office.store,
            ledger=self.office.ledger,
            clock=self.home.clock,
            secrecy=self.trail.secrecy,
        )

    def cohorts(self) -> CohortDesk:
        """Takes the lists of closed grants in."""
        return CohortDesk(
            store=self.office.store,
            reader=self.office.reader,
            ledger=self.office.ledger,
            catalogue=self.office.catalogue,
            clock=self.home.clock,
            enlist=self.enlisters.open,
        )

    def close(self) -> None:
        self.accounts.store.close()
        self.office.store.close()
        self.readers.close()
        self.trail_parts.close()
        if "custody" in self.__dict__:
            self.custody.close()


class NobodyYet:
    """Who is enrolled before anybody is."""

    def person(self, account: str) -> Person | None:
        """Nobody."""
        return None


def open_desk(
    home: Home,
    office: Office,
    people: People,
    passphrase: Passphrase | None,
    enlisters: Enlisters | None = None,
    *,
    is_frozen: Callable[[str], bool] = lambda _: False,
) -> PeopleDesk:
    """The people's desk of a home, with a store of its own."""
    return PeopleDesk(
        home=home,
        accounts=open_accounts(home, people, passphrase, is_frozen),
        office=office,
        natural=read_secret(home.keys / "serve" / "natural.secret", passphrase),
        enlisters=enlisters or Enlisters(home.seal_socket(load(home, "seal.toml", SealSettings))),
        readers=Readers(home),
        passphrase=passphrase,
        trail_parts=open_trail(home, passphrase),
    )


def invite_founders(desk: PeopleDesk, administrators: Administrators, codes: dict[str, str]) -> None:
    """Leaves an invitation for each of the first three, under the code whose key stands in entry 0."""
    enrolment, at = desk.enrolment(), desk.home.clock.now()
    for duty, each in administrators.items():
        natural = natural_of(desk.natural, each.id_number)
        invited = Invited(id=each.id, name=each.name, duty=duty, partner=None, natural=natural)
        enrolment.invite_with_code(invited, codes[each.id], by="init", at=at)
