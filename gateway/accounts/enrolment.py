"""Enrolment: an administrator invites, the person takes the account, two administrators sign the person's deed.

1. `invite` gives a code, good once and for seven days; who gets it is told apart from us, by hand.
2. `begin` takes the code and offers a one-time code secret and a challenge. Nothing is kept yet.
3. `finish` takes a password, a one-time code, and proof that the person holds a key; it gives the recovery codes.
4. The account waits until a deed in force names that key (`waiting` lists whom to sign).

An enrolled person who lost everything is ended by two administrators, invited again, and waits again. While their deed
is in force nobody invites them: or one administrator could lock out whoever might stop them.
"""

from __future__ import annotations

import re
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from audit.account_events import account_closed, account_enrolled, account_invited
from audit.ledger import Ledger
from gateway.accounts.codes import (
    activation_digest,
    code_digest,
    is_activation_code,
    recovery_codes,
)
from gateway.accounts.errors import UnauthorisedError
from gateway.accounts.password_rules import check_password
from gateway.accounts.ports import AccountBooks, AccountStore, AccountWork, Passwords, Totp
from gateway.accounts.proving import Prover
from gateway.accounts.standing import open_name, person_to_sign, ref, seconds
from gateway.accounts.values import Account, AccountKey, Proof
from gateway.accounts.vault import Vault
from gateway.deeds.activation import make_code
from gateway.domain.errors import InvalidQueryError
from gateway.domain.people import PARTNER_DUTIES, Duty, Person
from gateway.ports import People
from gateway.seal import Entropy

INVITED_SECONDS = 7 * 24 * 3600
USE = "enrol"
_ID = re.compile(r"[a-z][a-z0-9.-]{1,39}")
_NATURAL = re.compile(r"[0-9a-f]{32}")
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom an administrator invites. `natural` is the keyed digest of their id number."""

    id: str
    name: str = field(repr=False)
    duty: Duty
    partner: str | None
    natural: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What the invited person is shown: who we think they are, and what to enrol."""

    id: str
    name: str = field(repr=False)
    duty: Duty
    partner: str | None
    challenge: bytes
    totp_secret: str = field(repr=False)
    """In base32, for typing; `totp_uri` is the same for scanning."""
    totp_uri: str = field(repr=False)
    creation: dict[str, object] | None
    """Options for an authenticator; None where this installation has no pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What the person keeps, shown once, and what the administrators sign."""

    person: Person
    recovery_codes: tuple[str, ...] = field(repr=False)
    fingerprint: str


Admit = Callable[[AccountWork, Person, str], None]


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """Invites and enrols. Every step is one transaction with its ledger entry."""

    store: AccountStore
    ledger: Ledger
    people: People
    vault: Vault
    passwords: Passwords
    totp: Totp
    prover: Prover
    entropy: Entropy
    admit: Admit = lambda work, person, code: None
    """Told within the work who has enrolled by which code: the founders' deeds come into force there and then."""

    def invite(self, invited: Invited, *, by: str, at: datetime) -> str:
        """The code to hand to the person. An earlier one of theirs is void. Raises `InvalidQueryError`."""
        code = make_code(self.entropy)
        self.invite_with_code(invited, code, by=by, at=at)
        return code

    def invite_with_code(self, invited: Invited, code: str, *, by: str, at: datetime) -> None:
        """The same with a code from outside, as `bidui init` has them. Raises `InvalidQueryError`."""
        _check_invited(invited, by)
        if not is_activation_code(code):
            raise InvalidQueryError("激活码应为 26 位字母数字", "code")
        account = Account(
            id=invited.id,
            natural=invited.natural,
            name=self.vault.seal("name", invited.id, invited.name.strip().encode()),
            duty=invited.duty,
            partner=invited.partner,
            code=activation_digest(self.vault, code),
            code_until=seconds(at) + INVITED_SECONDS,
        )
        with self.store.begin() as work:
            kept = _beside_others(work.accounts, account)
            self._check_ended(kept)
            work.accounts.book.put(kept)
            self.ledger.append(work.ledger, [account_invited(ref(account), duty=account.duty, by=by)], at)
            work.commit()

    def begin(self, code: str, at: datetime) -> Begun:
        """What to enrol. Raises `UnauthorisedError` for a code that is not, or no longer, good."""
        with self.store.begin() as work:
            account = self._invited(work.accounts, code, at)
            known = [each.credential for each in work.accounts.keys.of(account.id) if each.credential]
        challenge = self.vault.challenge(USE, account.id, at)
        secret = self.vault.totp_secret(challenge)
        return Begun(
            id=account.id,
            name=open_name(account, self.vault),
            duty=account.duty,
            partner=account.partner,
            challenge=challenge,
            totp_secret=b32encode(secret).decode(),
            totp_uri=self.totp.uri(secret, account.id),
            creation=self.prover.creation(account.id, challenge, known),
        )

    def finish(self, *, code: str, challenge: bytes, password: str, totp: str, proof: Proof, at: datetime) -> Enrolled:
        """Takes the account. Raises `UnauthorisedError`, or `InvalidQueryError`; then nothing has changed."""
        with self.store.begin() as work:
            account = self._invited(work.accounts, code, at)
        if not self.vault.is_challenge(challenge, USE, account.id, at):
            raise InvalidQueryError("登记已超时，请重新开始", "challenge")
        check_password(password, account.id, open_name(account, self.vault))
        secret = self.vault.totp_secret(challenge)
        step = self.totp.step(secret, totp, at)
        if not step:
            raise InvalidQueryError("动态口令不正确，请核对设备时间后重试", "totp")
        key = self.prover.key(proof, account.id, challenge, seconds(at))
        taken = replace(
            account,
            code=b"",
            code_until=0,
            enrolled=seconds(at),
            password=self.passwords.make(password),
            totp=self.vault.seal("totp", account.id, secret),
            totp_step=step,
        )
        return self._take(account, taken, key, code, at)

    def waiting(self) -> list[Person]:
        """Enrolled people whose deed does not name the keys they hold now, for the administrators to sign."""
        with self.store.begin() as work:
            books = work.accounts
            enrolled = [each for each in books.book.all() if each.password]
            people = [person_to_sign(each, books.keys.of(each.id), self.vault) for each in enrolled]
        return [each for each in people if each.keys and not self._is_signed(each)]

    def close(self, account_id: str, *, by: str, at: datetime) -> None:
        """Removes an account whose person is not in force, or an invitation. Raises `InvalidQueryError`."""
        with self.store.begin() as work:
            account = work.accounts.book.find(account_id)
            if account is None or by == account_id or self.people.person(account_id) is not None:
                raise InvalidQueryError("账号不存在，或其人员文书仍然有效；请先停用该人员", "id")
            for each in work.accounts.keys.of(account_id):
                work.accounts.keys.put(replace(each, revoked=each.revoked or seconds(at)))
            work.accounts.book.remove(account_id)
            self.ledger.append(work.ledger, [account_closed(ref(account), by=by)], at)
            work.commit()

    def _invited(self, books: AccountBooks, code: str, at: datetime) -> Account:
        account = books.book.of_code(activation_digest(self.vault, code))
        if account is None or seconds(at) >= account.code_until:
            raise UnauthorisedError
        return account

    def _check_ended(self, account: Account) -> None:
        """Raises `InvalidQueryError` for whoever has an account and is in force."""
        if account.password and self.people.person(account.id) is not None:
            raise InvalidQueryError("此人的人员文书仍然有效；请先提请停用（bidui person end）并经签署，再邀请", "id")

    def _take(self, before: Account, taken: Account, key: AccountKey, code: str, at: datetime) -> Enrolled:
        codes = recovery_codes(self.entropy)
        with self.store.begin() as work:
            books = work.accounts
            if books.book.find(before.id) != before:
                raise UnauthorisedError  # somebody else used the code meanwhile
            self.prover.check_new(books.keys, key)
            for each in books.keys.of(before.id):
                books.keys.put(replace(each, revoked=each.revoked or seconds(at)))
            books.book.put(taken)
            books.keys.put(key)
            books.recovery.replace(taken.id, [code_digest(self.vault, taken.id, each) for each in codes])
            books.sessions.end_all(taken.id)
            books.places.forget(taken.id)
            books.bindings.forget(taken.id)
            draft = account_enrolled(ref(taken), key=key.key.kid, form=key.key.form)
            self.ledger.append(work.ledger, [draft], at)
            self._check_ended(before)
            person = person_to_sign(taken, [key], self.vault)
            self.admit(work, person, code)
            work.commit()
        return Enrolled(person=person, recovery_codes=codes, fingerprint=key.key.kid)

    def _is_signed(self, wanted: Person) -> bool:
        person = self.people.person(wanted.id)
        return person is not None and set(person.keys) == set(wanted.keys)


def _check_invited(invited: Invited, by: str) -> None:
    if by == invited.id:
        raise InvalidQueryError("不得为本人开通账号", "id")
    if not _ID.fullmatch(invited.id):
        raise InvalidQueryError("账号应以小写字母开头，由 2 至 40 个小写字母、数字、点或连字符组成", "id")
    if not 0 < len(invited.name.strip()) <= _LONGEST_NAME or not invited.name.isprintable():
        raise InvalidQueryError(f"姓名应为 1 至 {_LONGEST_NAME} 个可见字符", "name")
    if (invited.duty in PARTNER_DUTIES) != bool(invited.partner):
        raise InvalidQueryError("经办人与合作部门负责人须属于一个合作部门，其他岗位不属于任何合作部门", "partner")
    if not _NATURAL.fullmatch(invited.natural):
        raise InvalidQueryError("自然人标识应为 32 位十六进制摘要", "natural")


def _beside_others(books: AccountBooks, invited: Account) -> Account:
    """The account to keep: a new one, or an enrolled one that gets a code. One natural person has one account."""
    other, same = books.book.of_natural(invited.natural), books.book.find(invited.id)
    if other is not None and other.id != invited.id:
        raise InvalidQueryError("该自然人已有账号，一人只能有一个账号、一项职责", "natural")
    held = books.book.of_code(invited.code)
    if held is not None and held.id != invited.id:
        raise InvalidQueryError("该激活码已被使用，请另行生成", "code")
    if same is None or not same.password:
        return invited
    if (same.natural, same.duty, same.partner) != (invited.natural, invited.duty, invited.partner):
        raise InvalidQueryError("该账号已由他人或为其他职责登记；变更职责须先停用并注销账号", "id")
    return replace(same, code=invited.code, code_until=invited.code_until)
