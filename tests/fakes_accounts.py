"""The account store in memory, the people in force, and an office of accounts put together for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyotp import TOTP

from adapters.identity.passwords import Argon2Passwords, Cost
from adapters.identity.totp import STEP_SECONDS, TimeCodes
from audit.entry import decode
from audit.events import log_opened
from gateway.accounts.attempts import Attempts
from gateway.accounts.enrolment import Enrolled, Enrolment, Invited
from gateway.accounts.keys import possession
from gateway.accounts.ports import AccountStore, Authenticators, Counter
from gateway.accounts.proving import Prover
from gateway.accounts.renewal import Renewal
from gateway.accounts.second_factor import SecondFactor
from gateway.accounts.sessions import Sessions
from gateway.accounts.signing_in import SignIn, SignInAttempt
from gateway.accounts.values import Account, AccountKey, Ed25519Proof, Opened, Second, Session, TotpCode
from gateway.accounts.vault import Vault
from gateway.domain.people import Duty, Person
from tests.fakes import DrivenClock
from tests.fakes_audit import CountingEntropy, MemoryLedger
from tests.gateways import a_ledger
from tests.make import NOW, ORIGIN

SECRET = b"s" * 32
PASSWORD = "correct horse 电池 staple"
CHEAP = Cost(memory_kibibytes=8, passes=1, lanes=1)
ISSUER = "比对 测试"


@dataclass
class MemoryBook:
    """Keeps the promise of `AccountBook`."""

    kept: dict[str, Account] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)

    def find(self, account: str) -> Account | None:
        return self.kept.get(account)

    def of_natural(self, natural: str) -> Account | None:
        return next((each for each in self.kept.values() if each.natural == natural), None)

    def of_code(self, code: bytes) -> Account | None:
        return next((each for each in self.kept.values() if code and each.code == code), None)

    def all(self) -> Sequence[Account]:
        return [self.kept[name] for name in sorted(self.kept)]

    def put(self, account: Account) -> None:
        self.kept[account.id] = account

    def remove(self, account: str) -> None:
        self.kept.pop(account, None)
        self.gone.append(account)


@dataclass
class MemoryKeyBook:
    """Keeps the promise of `KeyBook`."""

    kept: dict[str, AccountKey] = field(default_factory=dict)

    def of(self, account: str) -> Sequence[AccountKey]:
        return sorted(
            (each for each in self.kept.values() if each.account == account),
            key=lambda each: (each.added, each.key.kid),
        )

    def of_public(self, public: bytes) -> AccountKey | None:
        return next((each for each in self.kept.values() if each.key.public == public), None)

    def put(self, key: AccountKey) -> None:
        self.kept[key.key.kid] = key


@dataclass
class MemoryRecovery:
    """Keeps the promise of `RecoveryBook`."""

    kept: set[tuple[str, bytes]] = field(default_factory=set)

    def replace(self, account: str, codes: Sequence[bytes]) -> None:
        self.clear(account)
        self.kept |= {(account, code) for code in codes}

    def take(self, account: str, code: bytes) -> bool:
        held = (account, code) in self.kept
        self.kept.discard((account, code))
        return held

    def left(self, account: str) -> int:
        return sum(of == account for of, _ in self.kept)

    def clear(self, account: str) -> None:
        self.kept = {each for each in self.kept if each[0] != account}


@dataclass
class MemorySessions:
    """Keeps the promise of `SessionBook`."""

    kept: dict[bytes, Session] = field(default_factory=dict)

    def find(self, name: bytes) -> Session | None:
        return self.kept.get(name)

    def put(self, session: Session) -> None:
        self.kept[session.name] = session

    def touch(self, name: bytes, seen: int) -> None:
        if name in self.kept:
            self.kept[name] = replace(self.kept[name], seen=seen)

    def end(self, name: bytes) -> None:
        self.kept.pop(name, None)

    def end_all(self, account: str) -> None:
        self.kept = {name: each for name, each in self.kept.items() if each.account != account}

    def forget(self, seen_before: int, opened_before: int) -> None:
        lasting = (each for each in self.kept.values() if each.seen > seen_before and each.opened > opened_before)
        self.kept = {each.name: each for each in lasting}


@dataclass
class MemoryAttempts:
    """Keeps the promise of `AttemptBook`."""

    kept: dict[bytes, Counter] = field(default_factory=dict)

    def lock(self, names: Sequence[bytes]) -> Mapping[bytes, Counter]:
        return {name: self.kept.get(name, Counter()) for name in names}

    def put(self, name: bytes, counter: Counter) -> None:
        self.kept[name] = counter

    def forget(self, last_before: int) -> None:
        self.kept = {name: each for name, each in self.kept.items() if each.last > last_before}


@dataclass
class MemoryPlaces:
    """Keeps the promise of `PlaceBook`."""

    kept: dict[tuple[str, bytes], int] = field(default_factory=dict)

    def known(self, account: str, names: Sequence[bytes], at: int) -> frozenset[bytes]:
        return frozenset(name for name in names if self.kept.get((account, name), 0) > at)

    def remember(self, account: str, name: bytes, until: int) -> None:
        self.kept[account, name] = until

    def forget(self, account: str) -> None:
        self.kept = {place: until for place, until in self.kept.items() if place[0] != account}

    def expire(self, at: int) -> None:
        self.kept = {place: until for place, until in self.kept.items() if until > at}


@dataclass
class MemoryOnce:
    """Keeps the promise of `OnceBook`."""

    kept: dict[bytes, int] = field(default_factory=dict)

    def use(self, name: bytes, until: int) -> bool:
        is_first = name not in self.kept
        self.kept.setdefault(name, until)
        return is_first

    def forget(self, until: int) -> None:
        self.kept = {name: kept for name, kept in self.kept.items() if kept > until}


@dataclass
class MemoryBindings:
    """Keeps the promise of `BindingBook`."""

    kept: dict[bytes, str] = field(default_factory=dict)

    def find(self, name: bytes) -> str | None:
        return self.kept.get(name)

    def bind(self, name: bytes, account: str) -> None:
        self.forget(account)
        self.kept[name] = account

    def forget(self, account: str) -> None:
        self.kept = {name: of for name, of in self.kept.items() if of != account}


@dataclass
class MemoryBooks:
    """Keeps the promise of `AccountBooks` in dicts."""

    book: MemoryBook = field(default_factory=MemoryBook)
    keys: MemoryKeyBook = field(default_factory=MemoryKeyBook)
    recovery: MemoryRecovery = field(default_factory=MemoryRecovery)
    sessions: MemorySessions = field(default_factory=MemorySessions)
    attempts: MemoryAttempts = field(default_factory=MemoryAttempts)
    places: MemoryPlaces = field(default_factory=MemoryPlaces)
    once: MemoryOnce = field(default_factory=MemoryOnce)
    bindings: MemoryBindings = field(default_factory=MemoryBindings)

    def settle(self) -> None:
        """What goes with an account that was removed."""
        for account in self.book.gone:
            self.recovery.clear(account)
            self.sessions.end_all(account)
            self.places.forget(account)
            self.bindings.forget(account)
        self.book.gone.clear()


@dataclass
class MemoryAccountWork:
    """A transaction over copies."""

    store: MemoryAccounts
    accounts: MemoryBooks
    ledger: MemoryLedger

    def commit(self) -> None:
        self.accounts.settle()
        self.store.accounts, self.store.ledger = self.accounts, self.ledger


@dataclass
class MemoryAccounts:
    """Keeps the promise of `AccountStore` in memory."""

    accounts: MemoryBooks = field(default_factory=MemoryBooks)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)

    @contextmanager
    def begin(self) -> Iterator[MemoryAccountWork]:
        yield MemoryAccountWork(self, deepcopy(self.accounts), deepcopy(self.ledger))

    def close(self) -> None:
        """Has nothing open."""


@dataclass
class StandingPeople:
    """Who is in force, as if two administrators had signed."""

    signed: dict[str, Person] = field(default_factory=dict)

    def person(self, id: str) -> Person | None:  # noqa: A002 - the name that the port gives it
        return self.signed.get(id)

    def sign(self, *people: Person) -> None:
        """Brings them into force."""
        self.signed |= {each.id: each for each in people}

    def end(self, person: str) -> None:
        """Takes somebody off the roll."""
        del self.signed[person]


def an_invited(person: str = "li.ming", number: int = 1, duty: Duty = Duty.REVIEWER) -> Invited:
    """Somebody to be invited; another number, another human being."""
    partner = "renshe" if duty in {Duty.CLERK, Duty.HEAD} else None
    return Invited(id=person, name="李明", duty=duty, partner=partner, natural=f"{number:032x}")


def key_of(person: str) -> Ed25519PrivateKey:
    """The key file of a person in tests."""
    return Ed25519PrivateKey.from_private_bytes(person.encode().ljust(32, b"\0")[:32])


def proof_by(key: Ed25519PrivateKey, person: str, challenge: bytes) -> Ed25519Proof:
    """That the person holds this key."""
    return Ed25519Proof(key.public_key().public_bytes_raw(), key.sign(possession(person, challenge)))


class Accounts:
    """All of the accounts put together on a store, and short ways to use them."""

    def __init__(
        self,
        store: AccountStore | None = None,
        authenticators: Authenticators | None = None,
        seed: str = "accounts",
    ) -> None:
        """`seed` tells nodes apart, so that no two draw the same random bytes."""
        self.clock, self.people = DrivenClock(), StandingPeople()
        self.store: AccountStore = store or MemoryAccounts()
        entropy, ledger = CountingEntropy(seed), a_ledger(seed=seed)
        with self.store.begin() as work:
            if not work.ledger.lock_head().size:
                ledger.append(work.ledger, [log_opened(origin=ORIGIN, vkeys=[])], NOW)
                work.commit()
        vault, prover = Vault(SECRET, entropy), Prover(authenticators=authenticators)
        passwords, totp = Argon2Passwords(entropy, CHEAP), TimeCodes(ISSUER)
        self.vault, self.secrets, self.frozen = vault, dict[str, str](), set[str]()
        self.attempts = Attempts(store=self.store, ledger=ledger, vault=vault, entropy=entropy)
        self.sessions = Sessions(
            store=self.store,
            ledger=ledger,
            people=self.people,
            vault=vault,
            entropy=entropy,
            is_frozen=self.frozen.__contains__,
        )
        self.enrolment = Enrolment(
            store=self.store,
            ledger=ledger,
            people=self.people,
            vault=vault,
            passwords=passwords,
            totp=totp,
            prover=prover,
            entropy=entropy,
        )
        self.second = SecondFactor(vault=vault, totp=totp, authenticators=authenticators)
        self.sign_in = SignIn(
            store=self.store,
            ledger=ledger,
            people=self.people,
            passwords=passwords,
            second=self.second,
            sessions=self.sessions,
            attempts=self.attempts,
        )
        self.renewal = Renewal(
            store=self.store,
            ledger=ledger,
            vault=vault,
            passwords=passwords,
            prover=prover,
            attempts=self.attempts,
            entropy=entropy,
        )

    def enrol(
        self,
        person: str = "li.ming",
        number: int = 1,
        duty: Duty = Duty.REVIEWER,
        *,
        key: str = "",
        signed: bool = True,
    ) -> Enrolled:
        """Invites and enrols somebody, with a key file; and signs them, unless told not to."""
        code = self.enrolment.invite(an_invited(person, number, duty), by="sys.admin", at=self.clock.now())
        return self.take(code, key=key, signed=signed)

    def take(self, code: str, *, key: str = "", signed: bool = True) -> Enrolled:
        """Takes the account that a code is for."""
        begun = self.enrolment.begin(code, self.clock.now())
        self.secrets[begun.id] = begun.totp_secret
        enrolled = self.enrolment.finish(
            code=code,
            challenge=begun.challenge,
            password=PASSWORD,
            totp=self.totp(begun.id),
            proof=proof_by(key_of(key or begun.id), begun.id, begun.challenge),
            at=self.clock.now(),
        )
        if signed:
            self.people.sign(enrolled.person)
        return enrolled

    def totp(self, person: str = "li.ming", steps: int = 0) -> str:
        """The person's one-time code now, or some steps from now."""
        at = int(self.clock.now().timestamp()) + STEP_SECONDS * steps
        return TOTP(self.secrets[person]).at(at)

    def fresh_totp(self, person: str = "li.ming") -> TotpCode:
        """A one-time code that was not used yet: waits for the next step."""
        self.clock.pass_by(seconds=STEP_SECONDS)
        return TotpCode(self.totp(person))

    def attempt(
        self,
        person: str = "li.ming",
        password: str = PASSWORD,
        second: Second | None = None,
        address: str = "10.0.0.7",
        device: str = "",
    ) -> Opened:
        """Tries to sign in."""
        shown = second or (self.fresh_totp(person) if person in self.secrets else TotpCode("000000"))
        attempt = SignInAttempt(account=person, password=password, second=shown, address=address, device=device)
        return self.sign_in.sign_in(attempt, self.clock.now())

    def events(self) -> list[tuple[str, Mapping[str, object]]]:
        """The type and body of every entry since the log was opened."""
        assert isinstance(self.store, MemoryAccounts)
        entries = [decode(row.entry) for row in self.store.ledger.rows[1:]]
        return [(str(each["type"]), each["body"]) for each in entries]  # type: ignore[index,call-overload,misc]  # JSON

    def look(self, ask: Callable[[MemoryBooks], object]) -> object:
        """Looks at what is kept."""
        assert isinstance(self.store, MemoryAccounts)
        return ask(self.store.accounts)
