"""What the database itself refuses, whoever writes to it; and attempts of many at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from threading import Thread

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from adapters.sql.account_tables import account
from adapters.sql.engine import open_engine
from adapters.sql.schema import create
from adapters.sql.store import SqlStore
from gateway.accounts.errors import ThrottledError, UnauthorisedError
from gateway.accounts.ports import Counter
from gateway.accounts.values import TotpCode
from gateway.domain.errors import DownError
from gateway.domain.people import THREE, Duty
from tests.fakes_accounts import Accounts, an_invited
from tests.gateways import open_store

ONE, OTHER = "1" * 32, "2" * 32


@pytest.fixture
def engine(engine_url: str) -> Iterator[Engine]:
    made = open_engine(engine_url)
    create(made)
    yield made
    made.dispose()


def insert(engine: Engine, person: str, natural: str, duty: str, partner: str = "") -> None:
    """Straight into the table, past all of our code."""
    with engine.begin() as connection:
        connection.execute(
            text(
                'INSERT INTO account (id, "natural", name, duty, partner, code, code_until, enrolled, password, totp,'
                " totp_step) VALUES (:id, :natural, :empty, :duty, :partner, :empty, 0, 0, '', :empty, 0)"
            ),
            {"id": person, "natural": natural, "duty": duty, "partner": partner, "empty": b""},
        )


def update(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def rows(engine: Engine) -> int:
    with engine.begin() as connection:
        return len(connection.execute(account.select()).all())


@pytest.mark.parametrize(("held", "wanted"), [*permutations(sorted(THREE), 2)])
def test_nobody_holds_two_of_the_three_administrators(engine: Engine, held: Duty, wanted: Duty) -> None:
    insert(engine, "li.ming", ONE, held)

    with pytest.raises(IntegrityError):
        insert(engine, "li.ming2", ONE, wanted)
    with pytest.raises(IntegrityError):
        insert(engine, "li.ming", ONE, wanted)
    with pytest.raises(IntegrityError):
        insert(engine, "li.ming2", OTHER, f"{held},{wanted}")
    insert(engine, "li.ming2", OTHER, wanted)
    with pytest.raises(IntegrityError):
        update(engine, f"UPDATE account SET \"natural\" = '{ONE}' WHERE id = 'li.ming2'")
    assert rows(engine) == 2


REFUSED: dict[str, tuple[str, str, str]] = {
    "a duty that is none": (OTHER, "root", ""),
    "two duties in one": (OTHER, "system_admin security_admin", ""),
    "no duty": (OTHER, "", ""),
    "a natural person that is none": ("", "leader", ""),
    "a clerk of nobody": (OTHER, "clerk", ""),
    "an administrator of a partner": (OTHER, "audit_admin", "renshe"),
}


@pytest.mark.parametrize(("natural", "duty", "partner"), REFUSED.values(), ids=REFUSED)
def test_which_accounts_the_database_refuses(engine: Engine, natural: str, duty: str, partner: str) -> None:
    with pytest.raises(IntegrityError):
        insert(engine, "li.ming", natural, duty, partner)

    assert rows(engine) == 0


def test_a_key_is_never_that_of_two_accounts(engine: Engine) -> None:
    def insert_key(kid: str, person: str, public: bytes) -> None:
        with engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO account_key (kid, account, form, public, rp_id, origin, credential, sign_count, added,"
                    " retired, revoked) VALUES (:kid, :person, 'ed25519', :public, '', '', :empty, 0, 0, 0, 0)"
                ),
                {"kid": kid, "person": person, "public": public, "empty": b""},
            )

    insert_key("a", "li.ming", b"p" * 32)

    with pytest.raises(IntegrityError):
        insert_key("b", "zhao.lei", b"p" * 32)
    with pytest.raises(IntegrityError):
        insert_key("a", "zhao.lei", b"q" * 32)


def test_no_name_address_code_or_secret_stands_in_clear(engine_url: str) -> None:
    store = open_store(engine_url)
    accounts = Accounts(store)
    enrolled = accounts.enrol()
    opened = accounts.attempt(address="10.20.30.40")
    invited = accounts.enrolment.invite(an_invited("zhao.lei", 2), by="sys.admin", at=accounts.clock.now())
    store.close()

    engine = open_engine(engine_url)
    with engine.begin() as connection:
        tables = [name for name in sorted(account.metadata.tables) if name.startswith("account")]
        kept = repr([connection.execute(text(f"SELECT * FROM {name}")).all() for name in tables])
    engine.dispose()
    assert "li.ming" in kept
    secrets = [
        "李明",
        "10.20.30.40",
        invited,
        invited.replace("-", ""),
        accounts.secrets["li.ming"],
        opened.session_id,
        opened.device,
        *enrolled.recovery_codes,
        *(each.replace("-", "") for each in enrolled.recovery_codes),
    ]
    assert [each for each in secrets if each in kept or repr(each.encode())[2:-1] in kept] == []


def test_two_that_forget_never_wait_for_each_other(engine_url: str) -> None:
    one, other = open_store(engine_url), open_store(engine_url)
    names = [bytes([number]) * 32 for number in range(1, 40)]
    with one.begin() as work:
        for name in names:
            work.accounts.attempts.put(name, Counter(1, 10, 10))
        work.commit()
    failed: list[str] = []

    def lock_and_forget(store: SqlStore, mine: list[bytes]) -> None:
        try:
            for name in mine:
                with store.begin() as work:
                    work.accounts.attempts.lock([name])
                    work.accounts.attempts.forget(50)
                    work.commit()
        except DownError as error:
            failed.append(str(error))

    threads = [
        Thread(target=lock_and_forget, args=(one, names)),
        Thread(target=lock_and_forget, args=(other, names[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one.close()
    other.close()

    assert failed == []


def test_many_attempts_at_once_are_all_counted(engine_url: str) -> None:
    stores = [open_store(engine_url) for _ in range(4)]
    nodes = [Accounts(store, seed=f"node {number}") for number, store in enumerate(stores)]
    nodes[0].enrol()
    heard: list[str] = []

    def guess(node: Accounts) -> None:
        for _ in range(8):
            try:
                node.attempt(password="wrong password 1", second=TotpCode("000000"), address="203.0.113.9")
            except UnauthorisedError:
                heard.append("heard")
            except ThrottledError:
                heard.append("throttled")

    threads = [Thread(target=guess, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()

    assert (heard.count("heard"), heard.count("throttled")) == (6, 26)
