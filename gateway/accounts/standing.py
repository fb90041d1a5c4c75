"""Whether an account stands for a person in force: the deed must name a key that the account has shown to hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from audit.account_events import AccountRef
from gateway.accounts.values import Account, AccountKey
from gateway.accounts.vault import Vault
from gateway.domain.people import Person
from gateway.ports import People


def seconds(at: datetime) -> int:
    """An instant as accounts keep it."""
    return int(at.timestamp())


def ref(account: Account) -> AccountRef:
    """The account, as events name it."""
    return AccountRef(account.id, account.partner)


def person_in_force(account: Account, keys: Sequence[AccountKey], people: People) -> Person | None:
    """The person, if two administrators signed this very account's key: after a new enrolment they sign again."""
    person = people.person(account.id)
    if person is None or not person.active or not account.password:
        return None
    return person if usable(keys, person) else None


def usable(keys: Sequence[AccountKey], person: Person) -> list[AccountKey]:
    """The keys of an account that the person's deed names."""
    named = {key.kid: key.public for key in person.keys}
    return [each for each in keys if not each.revoked and named.get(each.key.kid) == each.key.public]


def person_to_sign(account: Account, keys: Sequence[AccountKey], vault: Vault) -> Person:
    """The person as the administrators are asked to sign them, with the keys they hold now."""
    return Person(
        id=account.id,
        name=open_name(account, vault),
        duty=account.duty,
        partner=account.partner,
        natural=account.natural,
        keys=tuple(each.key for each in keys if not (each.retired or each.revoked)),
        active=True,
    )


def open_name(account: Account, vault: Vault) -> str:
    """The person's name."""
    return vault.open("name", account.id, account.name).decode()
