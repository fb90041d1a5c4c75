"""People's doors put together: accounts, sessions, deeds, the roll; what stands under `/v1/office`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import cast
from urllib.parse import urlsplit

from starlette.routing import Route

from adapters.identity.certificate import Edge
from adapters.identity.passwords import Argon2Passwords, Cost
from adapters.identity.totp import TimeCodes
from adapters.identity.webauthn import WebAuthn
from adapters.keys.files import Passphrase, read_secret
from adapters.sealing.enlisting import Enlisters
from adapters.sql.store import SqlStore, SqlWork
from audit.ledger import Ledger
from gateway.accounts.attempts import Attempts
from gateway.accounts.enrolment import Enrolment, Invited
from gateway.accounts.ports import AccountWork, Passwords
from gateway.accounts.proving import Prover
from gateway.accounts.renewal import Renewal
from gateway.accounts.second_factor import SecondFactor
from gateway.accounts.sessions import Sessions
from gateway.accounts.signing_in import SignIn
from gateway.accounts.vault import Vault
from gateway.api.office.cohorts import CohortDoors, cohort_routes
from gateway.api.office.deeds import DeedDoors, deed_routes
from gateway.api.office.enrolment import enrolment_routes
from gateway.api.office.guard import Guard
from gateway.api.office.people import PeopleDoors, people_routes
from gateway.api.office.sign_in import sign_in_routes
from gateway.api.office.tasks import TaskDoors, task_routes
from gateway.api.office.workers import Workers
from gateway.cohorts import CohortDesk
from gateway.domain.people import Person
from gateway.office import Office
from gateway.ports import People
from ops.founding import Administrators, natural_of
from ops.log_keys import make_ledger
from ops.settings import Home, Mode, SealSettings, ServeSettings, load

NAME = "比对网关"
QUICK = Cost(memory_kibibytes=64, passes=1, lanes=1)
"""What a password costs in test mode, where a suite signs in a thousand times."""


@dataclass(frozen=True, kw_only=True)
class PeopleDesk:
    """Everything behind the people's doors but who is calling."""

    home: Home
    origin: str
    store: SqlStore
    ledger: Ledger
    people: People
    office: Office
    vault: Vault
    natural: bytes
    passwords: Passwords
    enlisters: Enlisters

    def routes(self, edge: Edge) -> list[Route]:
        """All doors of the office; they belong to the loop that first asks them something."""
        guard = Guard(sessions=self._sessions(), clock=self.home.clock, origins=frozenset({self.origin}))
        workers, enrolment = Workers(), self.enrolment()
        natural = partial(natural_of, self.natural)
        return [
            *sign_in_routes(sign_in=self._sign_in(), renewal=self._renewal(), guard=guard, edge=edge, workers=workers),
            *enrolment_routes(enrolment=enrolment, guard=guard, workers=workers),
            *people_routes(PeopleDoors(office=self.office, enrolment=enrolment, guard=guard, natural=natural)),
            *deed_routes(DeedDoors(office=self.office, guard=guard)),
            *task_routes(TaskDoors(office=self.office, enrolment=enrolment, guard=guard)),
            *cohort_routes(CohortDoors(desk=self._cohorts(), guard=guard)),
        ]

    def enrolment(self) -> Enrolment:
        """Invites and enrols; a founder's deed comes into force as they enrol."""

        def admit(work: AccountWork, person: Person, code: str) -> None:
            self.office.admit_founder(cast("SqlWork", work), person, code)

        return Enrolment(
            store=self.store,
            ledger=self.ledger,
            people=self.people,
            vault=self.vault,
            passwords=self.passwords,
            totp=TimeCodes(NAME),
            prover=self._prover(),
            entropy=os.urandom,
            admit=admit,
        )

    def _cohorts(self) -> CohortDesk:
        return CohortDesk(
            store=self.office.store,
            reader=self.office.reader,
            ledger=self.ledger,
            catalogue=self.office.catalogue,
            clock=self.home.clock,
            enlist=self.enlisters.open,
        )

    def close(self) -> None:
        self.store.close()
        self.office.store.close()

    def _prover(self) -> Prover:
        return Prover(authenticators=self._authenticators())

    def _authenticators(self) -> WebAuthn:
        return WebAuthn(urlsplit(self.origin).hostname or "", NAME, [self.origin])

    def _sessions(self) -> Sessions:
        return Sessions(store=self.store, ledger=self.ledger, people=self.people, entropy=os.urandom)

    def _attempts(self) -> Attempts:
        return Attempts(store=self.store, ledger=self.ledger, vault=self.vault, entropy=os.urandom)

    def _sign_in(self) -> SignIn:
        return SignIn(
            store=self.store,
            ledger=self.ledger,
            people=self.people,
            passwords=self.passwords,
            second=SecondFactor(vault=self.vault, totp=TimeCodes(NAME), authenticators=self._authenticators()),
            sessions=self._sessions(),
            attempts=self._attempts(),
        )

    def _renewal(self) -> Renewal:
        return Renewal(
            store=self.store,
            ledger=self.ledger,
            vault=self.vault,
            passwords=self.passwords,
            prover=self._prover(),
            attempts=self._attempts(),
            entropy=os.urandom,
        )


class NobodyYet:
    """Who is enrolled before anybody is."""

    def person(self, account: str) -> Person | None:
        """Nobody."""
        return None


def open_desk(
    home: Home, office: Office, people: People, passphrase: Passphrase | None, enlisters: Enlisters | None = None
) -> PeopleDesk:
    """The people's desk of a home, with a store of its own."""
    settings, keys = load(home, "serve.toml", ServeSettings), home.keys / "serve"
    return PeopleDesk(
        home=home,
        origin=settings.issuer,
        store=SqlStore(home.database_url(settings)),
        ledger=make_ledger(home, settings, passphrase),
        people=people,
        office=office,
        vault=Vault(read_secret(keys / "accounts.secret", passphrase), os.urandom),
        natural=read_secret(keys / "natural.secret", passphrase),
        passwords=Argon2Passwords(os.urandom, QUICK if home.mode is Mode.TEST else Cost()),
        enlisters=enlisters or Enlisters(home.seal_socket(load(home, "seal.toml", SealSettings))),
    )


def invite_founders(desk: PeopleDesk, administrators: Administrators, codes: dict[str, str]) -> None:
    """Leaves an invitation for each of the first three, under the code whose key stands in entry 0."""
    enrolment, at = desk.enrolment(), desk.home.clock.now()
    for duty, each in administrators.items():
        natural = natural_of(desk.natural, each.id_number)
        invited = Invited(id=each.id, name=each.name, duty=duty, partner=None, natural=natural)
        enrolment.invite_with_code(invited, codes[each.id], by="init", at=at)
