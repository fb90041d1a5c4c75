"""Accounts of the synthetic people, so that a visitor of the demonstration can sign in as any of them.

Passwords and one-time secrets lie beside the key files, in the clear: these people do not exist, and in production
neither they nor this can be made.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pyotp

from adapters.keys.files import read_ed25519, write_new
from gateway.accounts.enrolment import Enrolment, Invited
from gateway.accounts.keys import possession
from gateway.accounts.values import Ed25519Proof
from gateway.domain.people import Person
from ops.office import open_office
from ops.people import open_desk
from ops.settings import Home

BY = "demo"


def give_accounts(home: Home) -> None:
    """An account for everybody on the roll; who has one keeps it."""
    office = open_office(home)
    people = list(office.standing().roll.people())
    known = {person.id: person for person in people}
    with closing(open_desk(home, office, _Roll(known), None)) as desk:
        for person in people:
            if not _password(home, person.id).exists():
                _enrol(home, desk.enrolment(), person)


def present_code(home: Home, account: str) -> str:
    """The one-time code of a synthetic account at this moment. Raises `OSError` for nobody's."""
    secret = (home.keys / "people" / f"{account}.totp").read_text(encoding="ascii").strip()
    return pyotp.TOTP(secret).at(home.clock.now())


def _enrol(home: Home, enrolment: Enrolment, person: Person) -> None:
    at = home.clock.now()
    invited = Invited(id=person.id, name=person.name, duty=person.duty, partner=person.partner, natural=person.natural)
    code = enrolment.invite(invited, by=BY, at=at)
    begun = enrolment.begin(code, at)
    key = read_ed25519(home.keys / "people" / f"{person.id}.pem", None)
    proof = Ed25519Proof(person.keys[0].public, key.sign(possession(person.id, begun.challenge)))
    password = os.urandom(9).hex()
    write_new(_password(home, person.id), password.encode())
    write_new(home.keys / "people" / f"{person.id}.totp", begun.totp_secret.encode())
    totp = pyotp.TOTP(begun.totp_secret).at(at)
    enrolment.finish(code=code, challenge=begun.challenge, password=password, totp=totp, proof=proof, at=at)


def _password(home: Home, account: str) -> Path:
    return home.keys / "people" / f"{account}.password"


class _Roll:
    """Keeps the promise of `gateway.ports.People`."""

    def __init__(self, people: dict[str, Person]) -> None:
        self._people = people

    def person(self, account: str) -> Person | None:
        return self._people.get(account)
