"""Promise 9, four_eyes: nobody approves their own, nobody holds two of the three administrators' duties, and serve and
seal believe signatures of enrolled people alone, whatever stands in the database and whoever has taken over serve.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Engine, delete, insert, select, text
from sqlalchemy.exc import DatabaseError

from adapters.identity.registry import Registry
from adapters.keys.files import read_ed25519
from adapters.sealing.client import Deeds
from adapters.sealing.wire import Admit, Admitted, Ask, Know, Known, Sealed
from adapters.sql.deed_tables import deed as deed_table
from adapters.sql.engine import open_engine
from audit.entry import JsonValue
from gateway.deeds.checking import next_step
from gateway.deeds.deed import Deed, Draft, read_deed
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import Kept, State
from gateway.deeds.persons import person_content
from gateway.deeds.roll import Roll
from gateway.deeds.signature import Signature, Statement, sign, write_time
from gateway.deeds.steps import BREAK_GLASS, FOUNDING, path_of
from gateway.domain.errors import UnavailableError
from gateway.domain.people import THREE, Duty, KeyForm, Person, PersonKey
from gateway.drafting import Proposal
from gateway.ports import Rights
from gateway.seal import Plain, day_number
from ops import installing
from ops.demo.office import IDS, administrators, head_of
from ops.foundation import read_home_foundation
from ops.office import open_office
from ops.prove.homes import Stage, add_grant, copy_stage
from ops.rights import RightsDesk
from ops.seal import SealingDesk
from ops.settings import Home, Mode, ServeSettings, load
from tests.authenticators import ORIGIN, RP_ID, SoftwareKey
from tests.fakes import DrivenClock, a_desk
from tests.gateways import a_deed
from tests.homes import ISSUER, home_at
from tests.lives import CLERK, HEAD, LEADER, NUMBER, PARTNER, REVIEWER, SECURITY, SYSTEM, Life, content
from tests.make import CATALOGUE, GENERATION, NAME, NOW, TODAY, a_grant, an_id, limits
from tests.make import ORIGIN as LOG
from tests.people import (
    FOUNDATION,
    SIGNED_AT,
    STAFF,
    a_document,
    a_person,
    enrolled,
    granted,
    key_of,
    known,
    people,
    public_of,
    signed_by,
)

AUDIT = IDS[Duty.AUDIT_ADMIN]
ENGINES = ("sqlite", "postgresql")

# ---------------------------------------------------------------------------------------- in the office


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """An office on SQLite with one partner."""
    life = Life(tmp_path)
    yield life
    life.close()


def signature_of(life: Life, account: str, kept: Kept, step: str = "", **changes: object) -> Signature:
    """By somebody's own key, over what they were shown; otherwise than it should be if the test says so."""
    deed = kept.opened()
    turn = next_step(deed)
    stated = Statement(
        LOG,
        step or (turn.name if turn else ""),
        account,
        life.person(account).keys[0].kid,
        write_time(life.now),
        (deed.digest,),
    )._replace(**changes)  # type: ignore[arg-type]  # a table of changes
    return sign(read_ed25519(life.home.keys / "people" / f"{account}.pem", None), stated)


REFUSED: dict[str, Callable[[Life, Kept], object]] = {
    "by nobody who may": lambda life, kept: life.sign(kept, SECURITY),
    "by a clerk": lambda life, kept: life.sign(kept, CLERK),
    "by the last before the first": lambda life, kept: life.sign(kept, LEADER),
    "by one person twice": lambda life, kept: life.sign(life.sign(kept, HEAD), HEAD),
    "under somebody else's account": lambda life, kept: life.office.sign(
        life.person(LEADER), signature_of(life, HEAD, kept)
    ),
    "with somebody else's key": lambda life, kept: life.office.sign(
        life.person(HEAD), msgspec.structs.replace(signature_of(life, LEADER, kept), person=HEAD)
    ),
    "for another step": lambda life, kept: life.office.sign(
        life.person(HEAD), signature_of(life, HEAD, kept, step="sign_off")
    ),
    "of yesterday": lambda life, kept: life.office.sign(
        life.person(HEAD), signature_of(life, HEAD, kept, at=write_time(life.now - timedelta(days=1)))
    ),
    "of tomorrow": lambda life, kept: life.office.sign(
        life.person(HEAD), signature_of(life, HEAD, kept, at=write_time(life.now + timedelta(days=1)))
    ),
    "for another installation": lambda life, kept: life.office.sign(
        life.person(HEAD), signature_of(life, HEAD, kept, log="another")
    ),
}


@pytest.mark.parametrize("act", REFUSED.values(), ids=REFUSED)
def test_nobody_signs_but_whose_turn_it_is(life: Life, act: Callable[[Life, Kept], object]) -> None:
    kept = life.apply()

    with pytest.raises(DeedError):
        act(life, kept)
    assert life.standing.content(Kind.GRANT, NUMBER) is None


AUTHORS = {HEAD: (), REVIEWER: (HEAD,), LEADER: (HEAD, REVIEWER)}


@pytest.mark.parametrize("author", [SYSTEM, SECURITY, LEADER, REVIEWER])
def test_nobody_draws_up_a_grant_who_could_approve_it(life: Life, author: str) -> None:
    with pytest.raises(DeedError):
        life.draw(Kind.GRANT, NUMBER, content(), author)


def test_whoever_narrowed_it_last_has_it_signed_by_those_before_and_after(life: Life) -> None:
    kept = life.sign(life.apply(), HEAD)
    narrower = content(limits=limits(day=1, month=1, comparisons=1, year=1))
    kept = life.office.narrow(life.person(REVIEWER), kept.opened().digest, narrower, "少一些")

    kept = life.sign(kept, REVIEWER, LEADER)

    assert [each.person for each in kept.opened().signatures] == [HEAD, REVIEWER, LEADER]


def test_an_approval_of_a_draft_that_changed_meanwhile_is_refused(life: Life) -> None:
    shown = life.sign(life.apply(), HEAD)
    narrower = content(limits=limits(day=1, month=1, comparisons=1, year=1))
    life.office.narrow(life.person(REVIEWER), shown.opened().digest, narrower, "少一些")

    with pytest.raises(DeedError):
        life.sign(shown, REVIEWER)
    assert life.standing.content(Kind.GRANT, NUMBER) is None


def test_a_signature_counts_once(life: Life) -> None:
    """Kept by somebody who listened: it neither signs the next step, nor the same text drawn up anew."""
    kept = life.apply()
    heard = signature_of(life, HEAD, kept)
    life.office.sign(life.person(HEAD), heard)
    with pytest.raises(DeedError):
        life.office.sign(life.person(HEAD), heard)

    life.office.refuse(life.person(REVIEWER), kept.opened().digest, "重报")
    again = life.apply(told=content(contact="另一人"))
    with pytest.raises(DeedError):
        life.office.sign(life.person(HEAD), heard)
    assert len(again.opened().signatures) == 0


def test_whoever_was_taken_off_signs_nothing_for_the_time_before(life: Life) -> None:
    """The key is still good for that time, and the hand that holds it may be another's by now."""
    kept, head = life.apply(), life.person(HEAD)
    before = signature_of(life, HEAD, kept)
    life.clock.pass_by(seconds=30)
    gone = person_content(replace(head, active=False))
    life.sign(life.draw(Kind.PERSON, HEAD, gone, SYSTEM), SYSTEM, SECURITY)

    digest = kept.opened().digest
    acts: list[Callable[[], object]] = [
        lambda: life.office.sign(head, before),
        lambda: life.office.narrow(head, digest, content(), ""),
        lambda: life.office.refuse(head, digest, "因"),
        lambda: life.office.draw(head, Proposal(kind=Kind.GRANT, id="G-9", content=content())),
    ]
    for act in acts:
        with pytest.raises(DeedError):
            act()


def test_nobody_grants_themselves(life: Life) -> None:
    """An administrator proposes a change of their own account: nobody needs to approve it."""
    own = person_content(replace(life.person(SYSTEM), name="另名"))

    with pytest.raises(DeedError):
        life.draw(Kind.PERSON, SYSTEM, own, SYSTEM)


PAIRS = [(one, other) for one in sorted(THREE) for other in sorted(THREE) if one is not other]


@pytest.mark.parametrize(("held", "wanted"), PAIRS, ids=[f"{held} and {wanted}" for held, wanted in PAIRS])
def test_nobody_holds_two_of_the_three_duties(life: Life, held: Duty, wanted: Duty) -> None:
    holder = life.person(IDS[held])
    keys = (PersonKey("new", KeyForm.ED25519, public_of(key_of("second"))),)
    second = replace(holder, id="second", duty=wanted, keys=keys)

    with pytest.raises(DeedError):
        life.draw(Kind.PERSON, "second", person_content(second), SYSTEM)
    assert life.standing.roll.person("second") is None


def test_somebody_who_came_in_meanwhile_is_not_let_in_again(life: Life) -> None:
    """Both deeds were right when they were drawn up."""
    somebody = a_person("one", Duty.REVIEWER)
    again = replace(somebody, id="two", duty=Duty.LEADER, keys=(_key("two"),))
    one = life.sign(life.draw(Kind.PERSON, "one", person_content(somebody), SYSTEM), SYSTEM)
    two = life.sign(life.draw(Kind.PERSON, "two", person_content(again), SYSTEM), SYSTEM)
    life.sign(one, SECURITY)

    with pytest.raises(DeedError):
        life.sign(two, SECURITY)
    assert [each.id for each in life.standing.roll.people() if each.natural == somebody.natural] == ["one"]


def _key(account: str) -> PersonKey:
    return PersonKey(account, KeyForm.ED25519, public_of(key_of(account)))


@pytest.mark.parametrize("last", [SYSTEM, SECURITY, AUDIT])
def test_the_last_administrator_of_a_duty_is_not_taken_off(life: Life, last: str) -> None:
    gone = person_content(replace(life.person(last), active=False))

    for path, by in (("usual", SYSTEM), (BREAK_GLASS, AUDIT), (BREAK_GLASS, SECURITY)):
        with pytest.raises(DeedError):
            life.draw(Kind.PERSON, last, gone, by, path=path, reason="急")
    assert life.person(last).active


GLASS: dict[str, tuple[Sequence[str], bool]] = {
    "an administrator and a leader": ((AUDIT, LEADER), True),
    "two administrators": ((AUDIT, SECURITY), True),
    "one alone": ((AUDIT,), False),
    "one twice": ((AUDIT, AUDIT), False),
}


@pytest.mark.parametrize(("hands", "good"), GLASS.values(), ids=GLASS)
def test_the_glass_is_broken_by_two_different_people_with_a_reason(
    life: Life,
    hands: Sequence[str],
    good: bool,
) -> None:
    wanted = person_content(a_person("stand-in", Duty.SYSTEM_ADMIN))
    with pytest.raises(DeedError):
        life.draw(Kind.PERSON, "stand-in", wanted, hands[0], path=BREAK_GLASS)
    kept = life.draw(Kind.PERSON, "stand-in", wanted, hands[0], path=BREAK_GLASS, reason="系统管理员失联")

    if good:
        assert life.sign(kept, *hands).state is State.IN_FORCE
    else:
        _try(lambda: life.sign(kept, *hands))
    assert (life.standing.roll.person("stand-in") is not None) == good


def _try(act: Callable[[], object]) -> None:
    try:
        act()
    except DeedError:
        return


def test_before_all_three_are_in_nothing_but_founding_goes(tmp_path: Path) -> None:
    home = Home(path=tmp_path / "home", mode=Mode.TEST, clock=DrivenClock())
    codes = installing.init(home, origin=LOG, issuer=ISSUER, administrators=administrators())
    installing.migrate(home)
    office = open_office(home)
    first = [IDS[duty] for duty in (Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN)]

    for account, duty in zip(first, (Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN), strict=True):
        with pytest.raises(DeedError):
            office.enrol_founder(a_person("mallory", duty), codes[account])
        with pytest.raises(DeedError):
            office.enrol_founder(a_person(account, duty), codes[AUDIT])
        office.enrol_founder(a_person(account, duty), codes[account])
    told: Mapping[str, JsonValue] = {"zh": "财政局", "en": "Finance", "department": "caizheng"}
    for by in (a_person(first[0], Duty.SYSTEM_ADMIN), a_person(first[1], Duty.SECURITY_ADMIN)):
        with pytest.raises(DeedError):
            office.draw(by, Proposal(kind=Kind.PARTNER, id=PARTNER, content=told))

    assert not office.standing().roll.is_founded
    assert not office.pending()
    office.store.close()


# ---------------------------------------------------------------------------------------- in the database


@dataclass
class Base:
    """A control database with everything in force, and the rows as they were."""

    home: Home
    engine: Engine
    rows: list[dict[str, object]]

    def restore(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(delete(deed_table))
            connection.execute(insert(deed_table), self.rows)

    def sql(self, statement: str, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def one(self, kind: str) -> dict[str, object]:
        """The last of a kind that came into force."""
        return [row for row in self.rows if row["kind"] == kind][-1]

    def forge(self, kind: str, change: Callable[[Deed], Deed]) -> None:
        """Writes another deed over one."""
        row = self.one(kind)
        changed = change(read_deed(bytes(row["deed"]))).encode()  # type: ignore[call-overload]  # it is bytes
        assert changed != row["deed"]
        self.sql("UPDATE deed SET deed = :deed WHERE entry = :entry", deed=changed, entry=row["entry"])

    def serve(self) -> Rights:
        """What a gateway that is started now would answer by."""
        settings = load(self.home, "serve.toml", ServeSettings)
        desk = RightsDesk(
            foundation=read_home_foundation(self.home),
            database=self.home.database_url(settings),
            catalogue=CATALOGUE,
            clock=self.home.clock,
            changed=_told,
        )
        return desk.load()


def _told(registry: Registry, deeds: Deeds) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module", params=ENGINES)
def base(request: pytest.FixtureRequest, stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    """A rehearsed installation on each engine in turn, with a grant of which there are two versions."""
    url = request.getfixturevalue("postgres").url("four_eyes") if request.param == "postgresql" else ""
    home = home_at(tmp_path_factory.mktemp(f"eyes-{request.param}") / "home")
    copy_stage(stage, home, url)
    add_grant(home, "G-2", stage)
    add_grant(home, "G-2", stage, limits=limits(day=1))
    engine = open_engine(home.database_url(load(home, "serve.toml", ServeSettings)))
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(select(deed_table).order_by(deed_table.c.entry)).mappings()]
    yield Base(home, engine, rows)
    engine.dispose()


KINDS = ("person", "partner", "system", "rulebooks", "grant")
COPIED = "serial, attempt, state, deed, author, partner, :entry, changed, note FROM deed WHERE entry = :of"


def _insert(base: Base, kind: str, deed_id: str = "forged") -> None:
    row = base.one(kind)
    base.sql(
        f"INSERT INTO deed SELECT kind, :id, {COPIED}",
        id=deed_id,
        entry=100_000,
        of=row["entry"],
    )


def _widened(deed: Deed) -> Deed:
    """A document that says more than was signed."""
    document = deed.last.document
    for old, new in ((b'"name":"', b'"name":"x'), (b'"valid_until":"2', b'"valid_until":"3'), (b'"allow', b'"allpw')):
        document = document.replace(old, new)
    if document == deed.last.document:
        document = document.replace(b'"reason":""', b'"reason":"x"')
    return Deed((*deed.drafts[:-1], Draft(document, deed.last.signatures)))


def _signed_by_strangers(deed: Deed) -> Deed:
    signatures = [
        sign(key_of("stranger"), Statement(deed.document.log, each.step, each.person, each.kid, each.at, each.deeds))
        for each in deed.signatures
    ]
    return Deed((Draft(deed.last.document, tuple(signatures)),))


CHANGES: dict[str, Callable[[Base, str], None]] = {
    "inserted under another name": _insert,
    "widened": lambda base, kind: base.forge(kind, _widened),
    "signed by strangers": lambda base, kind: base.forge(kind, _signed_by_strangers),
    "without its last signature": lambda base, kind: base.forge(
        kind, lambda deed: Deed((Draft(deed.last.document, deed.signatures[:-1]),))
    ),
    "with a draft behind it that nobody signed": lambda base, kind: base.forge(
        kind, lambda deed: deed.redrawn(deed.last.document)
    ),
    "garbage": lambda base, kind: base.sql(
        "UPDATE deed SET deed = :deed WHERE entry = :entry", deed=b"\x91\xff\xc1", entry=base.one(kind)["entry"]
    ),
    "deleted": lambda base, kind: base.sql("DELETE FROM deed WHERE entry = :entry", entry=base.one(kind)["entry"]),
    "waiting again": lambda base, kind: base.sql(
        "UPDATE deed SET state = 'pending', entry = 0 WHERE entry = :entry", entry=base.one(kind)["entry"]
    ),
    "refused after all": lambda base, kind: base.sql(
        "UPDATE deed SET state = 'refused', entry = 0 WHERE entry = :entry", entry=base.one(kind)["entry"]
    ),
    "under another id": lambda base, kind: base.sql(
        "UPDATE deed SET id = 'other' WHERE entry = :entry", entry=base.one(kind)["entry"]
    ),
    "of another kind": lambda base, kind: base.sql(
        "UPDATE deed SET kind = 'cohort' WHERE entry = :entry", entry=base.one(kind)["entry"]
    ),
    "of another serial": lambda base, kind: base.sql(
        "UPDATE deed SET serial = 9 WHERE entry = :entry", entry=base.one(kind)["entry"]
    ),
    "moved to the end": lambda base, kind: base.sql(
        "UPDATE deed SET entry = 100000 WHERE entry = :entry", entry=base.one(kind)["entry"]
    ),
}


def test_what_nobody_touched_is_believed(base: Base) -> None:
    base.restore()

    assert len(base.serve().grants) == 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_row_that_was_touched_answers_nothing(base: Base, change: Callable[[Base, str], None], kind: str) -> None:
    base.restore()
    change(base, kind)
    try:
        with pytest.raises(UnavailableError):
            base.serve()
    finally:
        base.restore()


def _insert_pending(base: Base) -> None:
    """A grant that nobody has signed, said to be in force."""
    document = replace(read_deed(bytes(base.one("grant")["deed"])).document, id="G-9")  # type: ignore[call-overload]  # it is bytes
    _insert(base, "grant", "G-9")
    base.sql("UPDATE deed SET deed = :deed WHERE id = 'G-9'", deed=Deed((Draft(document.encode()),)).encode())


OTHERS: dict[str, Callable[[Base], None]] = {
    "an older version in place of the newest": lambda base: base.sql(
        "DELETE FROM deed WHERE id = 'G-2' AND serial = 2"
    ),
    "the newest version alone": lambda base: base.sql("DELETE FROM deed WHERE id = 'G-2' AND serial = 1"),
    "everything taken out": lambda base: base.sql("DELETE FROM deed"),
    "all that waits believed": _insert_pending,
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_an_older_state_answers_nothing(base: Base, change: Callable[[Base], None]) -> None:
    base.restore()
    change(base)
    try:
        with pytest.raises(UnavailableError):
            base.serve()
    finally:
        base.restore()


IMPOSSIBLE: dict[str, str] = {
    "in force without an entry": "UPDATE deed SET entry = 0 WHERE state = 'in_force'",
    "an entry without being in force": "UPDATE deed SET state = 'pending' WHERE state = 'in_force'",
    "a state nobody knows": "UPDATE deed SET state = 'good'",
    "two by one entry": "UPDATE deed SET entry = 7 WHERE state = 'in_force'",
}


@pytest.mark.parametrize("statement", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_the_database_itself_refuses_what_cannot_be(base: Base, statement: str) -> None:
    with pytest.raises(DatabaseError):
        base.sql(statement)


def test_of_one_thing_one_version_waits(base: Base) -> None:
    base.restore()
    for serial in (10, 11):
        row = {**base.one("grant"), "serial": serial, "state": "pending", "entry": 0}
        statement = insert(deed_table).values(row)
        with base.engine.connect() as connection:
            if serial == 10:
                connection.execute(statement)
                connection.commit()
                continue
            with pytest.raises(DatabaseError):
                connection.execute(statement)
    base.restore()


# ---------------------------------------------------------------------------------------- at the sealing process

NEWER = limits(day=7)
PLAIN = Plain("G-1", "person", an_id(1), [NAME], day_number(TODAY), [("unit", "equals", "盟教育局")])


def told(desk: SealingDesk, *messages: object) -> list[bool]:
    """Whether each message was taken."""
    return [isinstance(desk.answer(msgspec.msgpack.encode(message)), Known | Admitted | Sealed) for message in messages]


def seals(desk: SealingDesk) -> bool:
    """Whether it makes a digest for the grant."""
    reply = desk.answer(msgspec.msgpack.encode(Ask(GENERATION, [PLAIN])))
    return isinstance(reply, Sealed) and not isinstance(reply.items[0], str)


def admit(deed: Deed) -> Admit:
    return Admit(GENERATION, deed.encode())


ALL = Know(list(known()))


def test_an_older_version_is_refused_also_after_a_restart(tmp_path: Path) -> None:
    older, newer = a_deed(a_grant()), a_deed(a_grant(limits=NEWER), 2)
    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, admit(older), admit(newer), admit(older)) == [True, True, True, False]

    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, admit(older)) == [True, False]
        assert not seals(desk)
        assert told(desk, admit(newer)) == [True]
        assert seals(desk)


def test_another_text_under_a_serial_that_was_seen_is_refused(tmp_path: Path) -> None:
    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, admit(a_deed(a_grant())), admit(a_deed(a_grant(limits=NEWER)))) == [True, True, False]


def test_a_withdrawn_grant_comes_back_neither_now_nor_after_a_restart(tmp_path: Path) -> None:
    grant = a_deed(a_grant())
    document = a_document(
        Kind.GRANT, "G-1", {"partner": "hr"}, path="withdrawal", reason="因", serial=2, previous=grant.digest
    )
    withdrawn = signed_by(document, "leader")
    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, admit(grant)) == [True, True]
        assert seals(desk)
        assert told(desk, Know([withdrawn.encode()])) == [True]
        assert not seals(desk)
        assert told(desk, admit(grant)) == [False]

    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, admit(grant)) == [True, False]
        assert not seals(desk)


def off(*accounts: str, days: int = 1) -> list[Deed]:
    """These people are taken off the roll."""
    roll, deeds = Roll(FOUNDATION, people()), list[Deed]()
    for account in accounts:
        person, (serial, before) = roll.person(account), roll.serial(account)
        assert person is not None
        told_of = person_content(replace(person, active=False))
        document = a_document(Kind.PERSON, account, told_of, serial=serial + 1, previous=before)
        deeds.append(signed_by(document, "sys", "sec", at=SIGNED_AT + timedelta(days=days)))
        roll.enrol(deeds[-1], NOW)
    return deeds


def later(days: int, grant_id: str = "G-1") -> Deed:
    """A grant signed so many days after everybody was enrolled."""
    document = a_deed(a_grant(number=grant_id)).document
    return signed_by(document, "hr-head", "reviewer", "leader", at=SIGNED_AT + timedelta(days=days))


def test_a_roll_without_somebodys_last_change_is_refused_also_after_a_restart(tmp_path: Path) -> None:
    """The leader was taken off. Whoever has the leader's key, and serve, shows the roll as it was before."""
    gone = [deed.encode() for deed in off("leader")]
    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, Know(gone), admit(later(2))) == [True, True, False]

    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, admit(later(2))) == [True, False]
        assert not seals(desk)
        assert told(desk, Know(gone), admit(later(2)), admit(later(0))) == [True, False, True]


def test_people_whom_the_gone_let_in_are_nobody(tmp_path: Path) -> None:
    """After a restart the thief hides that both administrators were replaced, lets in people of its own and signs."""
    heirs = [enrolled(a_person(f"{each}-2", STAFF[each])).encode() for each in ("sys", "sec")]
    roll = Roll(FOUNDATION, [*people(), *map(read_deed, heirs)])
    gone = list[Deed]()
    for account, hands in (("sys", ("sys-2", "sec")), ("sec", ("sys-2", "sec-2"))):
        person, (serial, before) = roll.person(account), roll.serial(account)
        assert person is not None
        document = a_document(
            Kind.PERSON, account, person_content(replace(person, active=False)), serial=serial + 1, previous=before
        )
        gone.append(signed_by(document, *hands, at=SIGNED_AT + timedelta(days=1)))
        roll.enrol(gone[-1], NOW)
    crowd = {"evil-head": Duty.HEAD, "evil-reviewer": Duty.REVIEWER, "evil-leader": Duty.LEADER}
    let_in = [
        signed_by(
            a_document(
                Kind.PERSON,
                name,
                person_content(a_person(name, duty, "hr" if duty is Duty.HEAD else None)),
            ),
            "sys",
            "sec",
            at=SIGNED_AT + timedelta(days=2),
        ).encode()
        for name, duty in crowd.items()
    ]
    forged = signed_by(a_deed(a_grant()).document, *crowd, at=SIGNED_AT + timedelta(days=3))
    rest = [deed.encode() for deed in gone]
    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, Know(heirs), Know(rest), admit(a_deed(a_grant(number="G-2")))) == [True] * 4

    orders: list[list[bytes]] = [
        [*known(), *let_in],  # the change is kept back
        [*known(), *heirs, *let_in],
        [*known(), *heirs, *let_in, *rest],  # and told too late
        [*known(), *let_in, *heirs, *rest],
        [*known(), *heirs, *rest, *let_in],
    ]
    for order in orders:
        with closing(a_desk(tmp_path)) as desk:
            for deed in order:
                told(desk, Know([deed]))
            assert told(desk, admit(forged)) == [False]
            assert not seals(desk)


def test_another_version_of_somebody_under_the_same_serial_is_refused(tmp_path: Path) -> None:
    """Signed by both administrators, but kept back: the leader with another key than the one that was seen."""
    roll = Roll(FOUNDATION, people())
    leader = roll.person("leader")
    assert leader is not None
    versions = [
        signed_by(
            a_document(
                Kind.PERSON,
                "leader",
                person_content(replace(leader, keys=(_key(name),))),
                serial=2,
                previous=roll.serial("leader")[1],
            ),
            "sys",
            "sec",
            at=SIGNED_AT + timedelta(days=1),
        ).encode()
        for name in ("new", "stolen")
    ]
    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, Know(versions[:1])) == [True, True]
    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, Know(versions[1:]), admit(a_deed(a_grant()))) == [True, False, False]
        assert told(desk, Know(versions[:1]), admit(a_deed(a_grant()))) == [True, True]


@pytest.mark.parametrize("hands", [("hr-head", "reviewer"), ("hr-head", "leader", "leader"), ("leader",)])
def test_what_too_few_people_signed_seals_nothing(tmp_path: Path, hands: Sequence[str]) -> None:
    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, admit(granted(a_grant(), *hands))) == [True, False]
        assert not seals(desk)


def test_a_draft_behind_the_signatures_seals_nothing(tmp_path: Path) -> None:
    """Somebody who writes to the database narrows a grant that three people signed; nobody signed that."""
    narrower = a_deed(a_grant(limits=NEWER)).document
    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, ALL, admit(a_deed(a_grant()).redrawn(narrower.encode()))) == [True, False]
        assert told(desk, admit(a_deed(a_grant()))) == [True]


def test_before_all_three_are_in_nothing_is_sealed(tmp_path: Path) -> None:
    with closing(a_desk(tmp_path)) as desk:
        assert told(desk, Know(list(known()[:2])), admit(a_deed(a_grant()))) == [True, False]
        assert told(desk, Know([known()[3]])) == [False]


# ---------------------------------------------------------------------------------------- authenticators

DEVICE = SoftwareKey()
POINT = DEVICE.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
BY_DEVICE = PersonKey("device", KeyForm.WEBAUTHN, POINT, RP_ID, ORIGIN)


def by_device(device: SoftwareKey, deed: Deed, person: str = "leader", **claims: object) -> Signature:
    """What the leader's browser brings home; `claims` are what it says otherwise."""
    step = path_of(deed.document.kind, deed.document.path)[len(deed.signatures)]
    stated = Statement(deed.document.log, step.name, person, "device", write_time(SIGNED_AT), (deed.digest,))
    challenge = urlsafe_b64encode(stated.challenge()).rstrip(b"=").decode()
    client = json.dumps(
        {"type": "webauthn.get", "challenge": challenge, "origin": device.origin, "crossOrigin": False} | claims
    ).encode()
    data = sha256(device.rp_id.encode()).digest() + bytes([device.flags]) + bytes(4)
    proof = DEVICE.key.sign(data + sha256(client).digest(), ECDSA(SHA256()))
    return Signature(stated.step, person, "device", stated.at, (deed.digest,), proof, data, client)


def roll_with_a_device() -> Roll:
    """The leader signs with an authenticator."""
    leader: Person = a_person("leader", Duty.LEADER, keys=(BY_DEVICE,))
    return Roll(FOUNDATION, [*(deed for deed in people() if deed.document.id != "leader"), enrolled(leader)])


HALF = granted(a_grant(), "hr-head", "reviewer")


def test_an_authenticator_signs_off() -> None:
    roll_with_a_device().open(HALF.signed(by_device(DEVICE, HALF)), NOW)


ANOTHER = granted(a_grant(number="G-2"), "hr-head", "reviewer")
REPLAYED = by_device(DEVICE, ANOTHER)
ASSERTIONS: dict[str, Callable[[], Signature]] = {
    "made on another page": lambda: by_device(SoftwareKey(origin="https://0ffice.example"), HALF),
    "made for another relying party": lambda: by_device(SoftwareKey(rp_id="evil.example"), HALF),
    "without somebody who was verified": lambda: by_device(SoftwareKey(flags=0x01), HALF),
    "without somebody who was there": lambda: by_device(SoftwareKey(flags=0x04), HALF),
    "for another challenge": lambda: by_device(DEVICE, HALF, challenge="A" * 43),
    "of a registration": lambda: by_device(DEVICE, HALF, type="webauthn.create"),
    "within another page": lambda: by_device(DEVICE, HALF, crossOrigin=True),
    "for another deed": lambda: REPLAYED,
    "for another deed, renamed": lambda: msgspec.structs.replace(REPLAYED, deeds=(HALF.digest,)),
    "for another step": lambda: msgspec.structs.replace(by_device(DEVICE, HALF), step="review"),
    "by somebody else": lambda: msgspec.structs.replace(by_device(DEVICE, HALF), person="reviewer"),
    "at another time": lambda: msgspec.structs.replace(by_device(DEVICE, HALF), at="2026-01-01T00:00:01Z"),
}


@pytest.mark.parametrize("make", ASSERTIONS.values(), ids=ASSERTIONS)
def test_an_assertion_is_good_for_nothing_else(make: Callable[[], Signature]) -> None:
    with pytest.raises(DeedError):
        roll_with_a_device().open(HALF.signed(make()), NOW)


def test_a_founders_code_is_good_for_nothing_but_their_own_first_deed() -> None:
    assert {name for name, steps in ((FOUNDING, path_of(Kind.PERSON, FOUNDING)),) if len(steps) == 1} == {FOUNDING}
    for kind in set(Kind) - {Kind.PERSON}:
        assert path_of(kind, FOUNDING) == ()


def test_whose_head_signs_is_told_by_the_grant() -> None:
    assert head_of(PARTNER) == HEAD
    with pytest.raises(DeedError):
        Roll(FOUNDATION, people()).open(granted(a_grant(), "tax-head", "reviewer", "leader"), NOW)
