"""The synthetic office of demonstrations and tests: made-up people with key files, who sign what has to be signed.

They sign through the same office as everybody else. In production nobody has these keys, and these people do not exist.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.keys.files import Passphrase, private_folder, read_ed25519, read_secret, write_key, write_new
from audit.entry import JsonValue
from gateway.accounts.keys import fingerprint
from gateway.deeds.checking import next_step
from gateway.deeds.cohorts import Cohort
from gateway.deeds.document import Kind
from gateway.deeds.keeping import Kept, State
from gateway.deeds.lapse import parameters_in
from gateway.deeds.persons import person_content
from gateway.deeds.signature import Statement, sign, write_time
from gateway.deeds.steps import USUAL
from gateway.deeds.texts import AGREEMENT
from gateway.domain.grant import Grant, GrantError, canonical_document, parse_grant
from gateway.domain.people import Duty, KeyForm, Person, PersonKey
from gateway.drafting import Proposal
from gateway.office import Office
from gateway.proposals import RULEBOOKS_ID
from ops import installing
from ops.demo.numbers import with_check
from ops.founding import Administrator, Administrators, natural_of
from ops.office import open_office
from ops.rights import load_units
from ops.settings import Home, Mode, SuiteName
from policies.catalogue import load_catalogue
from policies.expectations import SHIPPED_EXPECTATIONS
from policies.publication import read_texts

NAMES = {
    Duty.SYSTEM_ADMIN: "系统管理员甲",
    Duty.SECURITY_ADMIN: "安全管理员乙",
    Duty.AUDIT_ADMIN: "审计管理员丙",
    Duty.REVIEWER: "审核员丁",
    Duty.LEADER: "领导戊",
}
IDS = {
    Duty.SYSTEM_ADMIN: "bb-xitong",
    Duty.SECURITY_ADMIN: "bb-anquan",
    Duty.AUDIT_ADMIN: "bb-shenji",
    Duty.REVIEWER: "bb-shenhe",
    Duty.LEADER: "bb-lingdao",
}
FOUNDERS = (Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN)


CODES_FILE = "codes.json"


class RehearsalError(Exception):
    """Synthetic people may not act here."""


def administrators() -> Administrators:
    """The three synthetic administrators, for `installing.init`."""
    return {duty: Administrator(IDS[duty], NAMES[duty], number_of(IDS[duty])) for duty in FOUNDERS}


def found_home(
    home: Home, *, origin: str, issuer: str, suite: SuiteName = "intl", port: int = 8420, metrics_port: int = 9420
) -> None:
    """A new home founded by the synthetic administrators; their codes are kept, which nobody else's ever are."""
    codes = installing.init(
        home,
        origin=origin,
        issuer=issuer,
        administrators=administrators(),
        suite=suite,
        port=port,
        metrics_port=metrics_port,
    )
    write_new(private_folder(home.keys / "people") / CODES_FILE, json.dumps(codes).encode())


def rehearse(home: Home) -> None:
    """Opens the log, and has the synthetic office sign everything that lies in the home's folders."""
    installing.migrate(home)
    with closing(SyntheticOffice(home)) as office:
        office.found()
        office.publish()
        for file in sorted(home.folder("partners").glob("*.toml")):
            office.partner(file)
        for file in sorted(home.folder("grants").glob("*.toml")):
            office.grant(read_grant_file(file))


def number_of(account: str) -> str:
    """A made-up id number for an account; another account, another number."""
    drawn = int.from_bytes(sha256(account.encode()).digest(), "big")
    birth = date(1950, 1, 1) + timedelta(days=drawn // 100_000 % 18_000)
    return with_check(f"1599{drawn % 100:02}{birth:%Y%m%d}{drawn // 100 % 1000:03}")


class SyntheticOffice:
    """Everybody an office needs, in one pair of hands. Refused in production."""

    def __init__(self, home: Home, passphrase: Passphrase | None = None) -> None:
        if home.mode is Mode.PRODUCTION:
            raise RehearsalError("签批单在生产模式下须经签批流程生效，不能直接载入")
        self._home = home
        self._office: Office = open_office(home, passphrase)
        self._natural = read_secret(home.keys / "serve" / "natural.secret", passphrase)

    def close(self) -> None:
        self._office.store.close()

    def found(self) -> None:
        """Lets the three administrators in by their kept codes, and enrols a reviewer and a leader."""
        codes = json.loads((self._home.keys / "people" / CODES_FILE).read_bytes())
        for duty in FOUNDERS:
            self._office.enrol_founder(self._person(IDS[duty], NAMES[duty], duty, None), codes[IDS[duty]])
        for duty in (Duty.REVIEWER, Duty.LEADER):
            self.enrol(IDS[duty], NAMES[duty], duty, None)

    def enrol(self, account: str, name: str, duty: Duty, partner: str | None) -> None:
        """Enrols one person, with a key file of their own."""
        person = self._person(account, name, duty, partner)
        self.put_in_force(Kind.PERSON, account, person_content(person), Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN)
        if partner is not None:
            self.undertake(account, partner)

    def undertake(self, account: str, partner: str) -> None:
        """Has a person of a partner sign the confidentiality undertaking in force."""
        text = parameters_in(self._office.standing()).undertaking
        content = {"partner": partner, "text": text}
        self.put_through(Proposal(kind=Kind.UNDERTAKING, id=account, content=content), [account])

    def agree(self, partner: str, text: str = AGREEMENT) -> None:
        """Has a reviewer offer a partner the service agreement, and its head accept it."""
        proposal = Proposal(kind=Kind.AGREEMENT, id=partner, content={"partner": partner, "text": text})
        self.put_through(proposal, [IDS[Duty.REVIEWER], head_of(partner)])

    def publish(self) -> None:
        """Publishes the rulebooks, their expectations and the tree of units that lie in the home."""
        units = load_units(self._home.path / "units.toml")
        own = self._home.folder("expectations")
        texts = read_texts(self._home.folder("rulebooks"), own if own.exists() else SHIPPED_EXPECTATIONS, units)
        content = cast("Mapping[str, JsonValue]", texts.as_content())
        self.put_in_force(Kind.RULEBOOKS, RULEBOOKS_ID, content, Duty.SECURITY_ADMIN, Duty.LEADER)

    def partner(self, path: Path) -> None:
        """Registers the partner of a file: department, people, jobs, systems; and a head to sign for it."""
        file = tomllib.loads(path.read_text(encoding="utf-8"))
        code = str(file["code"])
        by = (Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN)
        self.register(code, {name: file[name] for name in ("zh", "en", "department")})
        self.agree(code)
        for row in file["operators"]:
            if row["kind"] == "person":
                self.enrol(row["id"], row["name"], Duty.CLERK, code)
            else:
                job = {"partner": code, "name": row["name"], "owner": row["owner"]}
                self.put_in_force(Kind.JOB, row["id"], job, *by)
        for row in file["systems"]:
            system = {name: value for name, value in row.items() if name != "client_id"}
            self.put_in_force(Kind.SYSTEM, row["client_id"], {"partner": code, **_plain(system)}, *by)

    def register(self, code: str, content: Mapping[str, JsonValue]) -> None:
        """Registers a partner, and enrols its head."""
        self.put_in_force(Kind.PARTNER, code, content, Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN)
        self.enrol(head_of(code), "合作部门负责人", Duty.HEAD, code)

    def grant(self, grant: Grant) -> None:
        """Brings a grant into force: the partner's head, a reviewer and a leader sign it."""
        content = {name: value for name, value in canonical_document(grant).items() if name != "number"}
        signers = (head_of(grant.partner), IDS[Duty.REVIEWER], IDS[Duty.LEADER])
        self.put_through(
            Proposal(kind=Kind.GRANT, id=grant.number, content=cast("Mapping[str, JsonValue]", content)), signers
        )

    def cohort(self, cohort: Cohort, path: str = USUAL) -> None:
        """Brings a list that was filed into force: the partner's head signs, and on the usual path a reviewer."""
        signers = (head_of(cohort.partner), *([IDS[Duty.REVIEWER]] if path == USUAL else []))
        self.put_through(Proposal(kind=Kind.COHORT, id=cohort.grant, content=cohort.content(), path=path), signers)

    def put_in_force(self, kind: Kind, deed_id: str, content: Mapping[str, JsonValue], *by: Duty, **more: str) -> None:
        """Draws up a deed and has it signed by these duties of the 编办, in their order."""
        proposal = Proposal(kind=kind, id=deed_id, content=content, **more)
        self.put_through(proposal, [IDS[duty] for duty in by])

    @property
    def office(self) -> Office:
        """The office they all work in."""
        return self._office

    def put_through(self, proposal: Proposal, signers: Sequence[str]) -> None:
        """The first of these accounts draws a deed up, and they all sign it, in their order."""
        kept = self.draw(signers[0], proposal)
        for account in signers:
            kept = self.sign(kept, account)
        if kept.state is not State.IN_FORCE:
            raise RehearsalError(f"{proposal.kind.value} {proposal.id} 尚缺签署")

    def draw(self, account: str, proposal: Proposal) -> Kept:
        """Somebody draws up a deed."""
        return self._office.draw(self._enrolled(account), proposal)

    def sign(self, kept: Kept, account: str) -> Kept:
        """Somebody signs the next step of a deed with their key file."""
        deed = kept.opened()
        step = next_step(deed)
        at = write_time(self._home.clock.now())
        kid = self._enrolled(account).keys[0].kid
        stated = Statement(self._office.log, step.name if step else "", account, kid, at, (deed.digest,))
        (signed,) = self._office.sign(self._enrolled(account), sign(self._key(account), stated))
        return signed

    def _enrolled(self, account: str) -> Person:
        person = self._office.standing().roll.person(account)
        if person is None:
            raise RehearsalError(f"{account} 没有登记")
        return person

    def _person(self, account: str, name: str, duty: Duty, partner: str | None) -> Person:
        public = self._key(account).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return Person(
            id=account,
            name=name,
            duty=duty,
            partner=partner,
            natural=natural_of(self._natural, number_of(account)),
            keys=(PersonKey(fingerprint(public), KeyForm.ED25519, public),),
            active=True,
        )

    def _key(self, account: str) -> Ed25519PrivateKey:
        path = self._home.keys / "people" / f"{account}.pem"
        if not path.exists():
            write_key(
                private_folder(path.parent) / path.name, Ed25519PrivateKey.from_private_bytes(os.urandom(32)), None
            )
        return read_ed25519(path, None)


def head_of(partner: str) -> str:
    """The account of a partner's synthetic head."""
    return f"{partner.replace('_', '-')}-head"


def _plain(value: object) -> dict[str, JsonValue]:
    """TOML as JSON: times become texts."""
    return cast("dict[str, JsonValue]", _as_json(value))


def _as_json(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _as_json(each) for name, each in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_as_json(each) for each in cast("list[object]", value)]
    return value if isinstance(value, bool | int | str) else str(value)


def read_grant_file(path: Path) -> Grant:
    """The grant in a file, its fields known to the catalogue. Raises `GrantError`."""
    try:
        grant = parse_grant(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise GrantError(f"{path.name} 不是 UTF-8 的 TOML 文件") from None
    except OSError as error:
        raise GrantError(f"{path.name} 无法读取（{error.strerror}）") from None
    unknown = sorted(grant.fields - load_catalogue().fields.keys())
    if unknown:
        raise GrantError(f"{path.name}：数据标准中没有这些字段，请删去或改正：{'、'.join(unknown)}")
    return grant


def load_grant(home: Home, path: Path, passphrase: Passphrase | None = None) -> Grant:
    """Has the grant in a file signed by everybody it needs. Raises `GrantError`, `DeedError`, `RehearsalError`."""
    grant = read_grant_file(path)
    with closing(SyntheticOffice(home, passphrase)) as office:
        office.grant(grant)
    return grant
