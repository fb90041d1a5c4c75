"""The promises of the account store, kept alike by memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from gateway.accounts.ports import AccountStore, Counter
from gateway.accounts.values import Account, AccountKey, Level, Session
from gateway.domain.people import Duty, KeyForm, PersonKey
from tests.fakes_accounts import MemoryAccounts
from tests.gateways import open_store

Open = Callable[[], AccountStore]


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def open_node(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens the same control database once more, as another node would."""
    if request.param == "fake":
        store = MemoryAccounts()
        yield lambda: store
        return
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    opened = []

    def open_one() -> AccountStore:
        opened.append(open_store(url))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def store(open_node: Open) -> AccountStore:
    return open_node()


def an_account(number: int = 1, **changes: object) -> Account:
    account = Account(
        id=f"li.ming{number}",
        natural=f"{number:032x}",
        name=b"\0sealed\xff",
        duty=Duty.REVIEWER,
        partner=None,
        code=bytes([number]) * 32,
        code_until=100,
    )
    return replace(account, **changes)  # type: ignore[arg-type]  # a table of cases


def a_key(number: int = 1, account: str = "li.ming1", **changes: object) -> AccountKey:
    key = PersonKey(f"kid-{number}", KeyForm.ED25519, bytes([number]) * 32)
    return replace(AccountKey(account=account, key=key, added=number), **changes)  # type: ignore[arg-type]  # as above


def a_session(number: int = 1, account: str = "li.ming1", seen: int = 50, opened: int = 10) -> Session:
    return Session(
        name=bytes([number]) * 32, account=account, level=Level.TOTP, opened=opened, seen=seen, fresh_until=60
    )


# ---------------------------------------------------------------------------------------- accounts


def test_an_account_is_found_by_id_natural_person_and_code(open_node: Open) -> None:
    first, second = an_account(1), an_account(2, duty=Duty.CLERK, partner="renshe")
    with open_node().begin() as work:
        work.accounts.book.put(second)
        work.accounts.book.put(first)
        work.commit()

    with open_node().begin() as work:
        book = work.accounts.book
        assert book.find(first.id) == first
        assert book.of_natural(second.natural) == second
        assert book.of_code(first.code) == first
        assert list(book.all()) == [first, second]
        assert (book.find("x"), book.of_natural("0" * 32), book.of_code(b"x" * 32)) == (None, None, None)


def test_what_was_not_committed_never_was(store: AccountStore) -> None:
    with store.begin() as work:
        work.accounts.book.put(an_account())
        work.accounts.sessions.put(a_session())
        work.accounts.attempts.put(b"n" * 32, Counter(1, 2, 3))

    with store.begin() as work:
        assert work.accounts.book.find("li.ming1") is None
        assert work.accounts.sessions.find(a_session().name) is None
        assert work.accounts.attempts.lock([b"n" * 32]) == {b"n" * 32: Counter()}


def test_an_account_gives_way_to_itself(store: AccountStore) -> None:
    taken = an_account(code=b"", code_until=0, enrolled=9, password="$argon2id$", totp=b"\0t", totp_step=7)
    with store.begin() as work:
        work.accounts.book.put(an_account())
        work.accounts.book.put(taken)
        work.commit()

    with store.begin() as work:
        assert list(work.accounts.book.all()) == [taken]


def test_nobody_has_the_empty_code(store: AccountStore) -> None:
    with store.begin() as work:
        work.accounts.book.put(an_account(1, code=b""))
        work.accounts.book.put(an_account(2, code=b""))
        work.commit()

    with store.begin() as work:
        assert work.accounts.book.of_code(b"") is None


def test_an_account_goes_with_all_that_is_its_own_but_its_keys(store: AccountStore) -> None:
    with store.begin() as work:
        books = work.accounts
        for number in (1, 2):
            books.book.put(an_account(number))
            books.keys.put(a_key(number, f"li.ming{number}"))
            books.recovery.replace(f"li.ming{number}", [b"r" * 32])
            books.sessions.put(a_session(number, f"li.ming{number}"))
            books.places.remember(f"li.ming{number}", b"p" * 32, 100)
            books.bindings.bind(bytes([number]) * 32, f"li.ming{number}")
        work.commit()
    with store.begin() as work:
        work.accounts.book.remove("li.ming1")
        work.commit()

    with store.begin() as work:
        books = work.accounts
        assert [each.id for each in books.book.all()] == ["li.ming2"]
        assert books.keys.of_public(a_key(1).key.public) == a_key(1)
        assert (books.recovery.left("li.ming1"), books.recovery.left("li.ming2")) == (0, 1)
        assert books.sessions.find(a_session(1).name) is None
        assert books.sessions.find(a_session(2).name) is not None
        assert not books.places.known("li.ming1", [b"p" * 32], 0)
        assert books.places.known("li.ming2", [b"p" * 32], 0)
        assert (books.bindings.find(b"\1" * 32), books.bindings.find(b"\2" * 32)) == (None, "li.ming2")


def test_an_account_is_bound_to_one_subject_at_a_time(store: AccountStore) -> None:
    with store.begin() as work:
        bindings = work.accounts.bindings
        bindings.bind(b"1" * 32, "li.ming1")
        bindings.bind(b"2" * 32, "li.ming2")
        bindings.bind(b"3" * 32, "li.ming1")
        found = [bindings.find(name * 32) for name in (b"1", b"2", b"3", b"4")]
        assert found == [None, "li.ming2", "li.ming1", None]


# ---------------------------------------------------------------------------------------- keys


def test_keys_come_in_the_order_in_which_they_were_added(store: AccountStore) -> None:
    authenticator = a_key(
        3,
        key=PersonKey("kid-0", KeyForm.WEBAUTHN, b"\x04" * 65, "office.example", "https://office.example"),
        credential=b"c" * 64,
        sign_count=2**32 - 1,
    )
    with store.begin() as work:
        for key in (authenticator, a_key(1), a_key(2), a_key(4, "li.ming2")):
            work.accounts.keys.put(key)
        work.commit()

    with store.begin() as work:
        assert list(work.accounts.keys.of("li.ming1")) == [a_key(1), a_key(2), authenticator]
        assert list(work.accounts.keys.of("")) == []
        assert work.accounts.keys.of_public(b"\x04" * 65) == authenticator
        assert work.accounts.keys.of_public(b"x" * 32) is None


def test_what_is_said_about_a_key_changes(store: AccountStore) -> None:
    with store.begin() as work:
        work.accounts.keys.put(a_key())
        work.accounts.keys.put(a_key(sign_count=7, retired=8, revoked=9))
        work.commit()

    with store.begin() as work:
        assert list(work.accounts.keys.of("li.ming1")) == [a_key(sign_count=7, retired=8, revoked=9)]


# ---------------------------------------------------------------------------------------- codes, once


def test_a_recovery_code_is_taken_once_and_by_its_owner(store: AccountStore) -> None:
    with store.begin() as work:
        recovery = work.accounts.recovery
        recovery.replace("li.ming1", [b"1" * 32, b"2" * 32])
        recovery.replace("li.ming2", [b"3" * 32])
        assert not recovery.take("li.ming2", b"1" * 32)
        assert recovery.take("li.ming1", b"1" * 32)
        assert not recovery.take("li.ming1", b"1" * 32)
        work.commit()

    with store.begin() as work:
        recovery = work.accounts.recovery
        assert not recovery.take("li.ming1", b"1" * 32)
        assert (recovery.left("li.ming1"), recovery.left("li.ming2"), recovery.left("x")) == (1, 1, 0)
        recovery.replace("li.ming1", [b"4" * 32])
        assert not recovery.take("li.ming1", b"2" * 32)
        assert recovery.take("li.ming1", b"4" * 32)


def test_what_is_good_once_is_good_once_on_every_node(open_node: Open) -> None:
    with open_node().begin() as work:
        assert work.accounts.once.use(b"o" * 32, 100)
        work.commit()

    with open_node().begin() as work:
        assert not work.accounts.once.use(b"o" * 32, 200)
        work.accounts.once.forget(99)
        assert not work.accounts.once.use(b"o" * 32, 200)
        work.accounts.once.forget(100)
        assert work.accounts.once.use(b"o" * 32, 200)


# ---------------------------------------------------------------------------------------- sessions


def test_a_session_is_there_until_it_ends(store: AccountStore) -> None:
    with store.begin() as work:
        for number, account in ((1, "li.ming1"), (2, "li.ming1"), (3, "li.ming2"), (4, "li.ming2")):
            work.accounts.sessions.put(a_session(number, account))
        work.accounts.sessions.end_all("li.ming1")
        work.accounts.sessions.end(a_session(3).name)
        work.commit()

    with store.begin() as work:
        found = [work.accounts.sessions.find(a_session(number).name) for number in range(1, 5)]
        assert found == [None, None, None, a_session(4, "li.ming2")]


def test_a_touch_never_brings_a_session_back(store: AccountStore) -> None:
    with store.begin() as work:
        sessions = work.accounts.sessions
        sessions.put(a_session(1))
        sessions.touch(a_session(1).name, 77)
        sessions.touch(a_session(2).name, 77)
        assert sessions.find(a_session(1).name) == a_session(1, seen=77)
        assert sessions.find(a_session(2).name) is None


def test_old_sessions_are_forgotten(store: AccountStore) -> None:
    with store.begin() as work:
        sessions = work.accounts.sessions
        for number, seen, opened in ((1, 50, 10), (2, 51, 10), (3, 51, 11)):
            sessions.put(a_session(number, seen=seen, opened=opened))
        sessions.forget(50, 10)
        assert [number for number in (1, 2, 3) if sessions.find(a_session(number).name)] == [3]


# ---------------------------------------------------------------------------------------- attempts, places


def test_counters_stand_for_all_nodes(open_node: Open) -> None:
    one, other = b"1" * 32, b"2" * 32
    with open_node().begin() as work:
        assert work.accounts.attempts.lock([other, one]) == {one: Counter(), other: Counter()}
        work.accounts.attempts.put(one, Counter(3, 50, 60))
        work.accounts.attempts.put(one, Counter(4, 51, 61))
        work.commit()

    with open_node().begin() as work:
        assert work.accounts.attempts.lock([one, other]) == {one: Counter(4, 51, 61), other: Counter()}
        work.accounts.attempts.forget(50)
        assert work.accounts.attempts.lock([one])[one] == Counter(4, 51, 61)
        work.accounts.attempts.forget(51)
        assert work.accounts.attempts.lock([one])[one] == Counter()


def test_places_are_known_for_a_time_and_for_one_account(store: AccountStore) -> None:
    here, there = b"h" * 32, b"t" * 32
    with store.begin() as work:
        places = work.accounts.places
        places.remember("li.ming1", here, 100)
        places.remember("li.ming1", here, 200)
        places.remember("li.ming2", there, 200)
        assert places.known("li.ming1", [here, there], 199) == {here}
        assert places.known("li.ming1", [here, there], 200) == frozenset()
        assert places.known("li.ming1", [], 0) == frozenset()
        places.forget("li.ming1")
        assert places.known("li.ming1", [here], 0) == frozenset()
        assert places.known("li.ming2", [there], 0) == {there}
        places.expire(199)
        assert places.known("li.ming2", [there], 0) == {there}
        places.expire(200)
        assert places.known("li.ming2", [there], 0) == frozenset()
