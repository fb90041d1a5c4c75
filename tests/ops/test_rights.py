"""The rules, partners and grants in force: deeds from the database, verified, and never half."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import text

from adapters.identity.registry import Registry
from adapters.newest_rights import FileNewest
from adapters.sealing.client import Deeds
from adapters.sql.engine import open_engine
from adapters.sql.store import SqlWork
from audit.entry import JsonValue
from gateway.deeds.deed import Deed, drawn
from gateway.deeds.document import Kind
from gateway.deeds.foundation import Foundation
from gateway.deeds.steps import RELEASE
from gateway.domain.errors import DownError, UnavailableError
from gateway.domain.people import Duty
from gateway.domain.standing import Kept, Stop
from gateway.ports import Rights
from ops import installing
from ops.demo.office import SyntheticOffice, administrators, head_of
from ops.foundation import read_home_foundation
from ops.office import open_office
from ops.prove.homes import FINANCE, Stage, add_grant
from ops.rights import RightsDesk, load_units
from ops.settings import Home, Mode, ServeSettings, SettingsError, load
from policies.decision import Permit
from policies.snapshot import Ask
from tests.fakes import DrivenClock
from tests.homes import ISSUER, home_at
from tests.make import CATALOGUE, ORIGIN, a_grant
from tests.people import FOUNDATION, granted

GRANT = "2026-caizheng-001"


class Opened:
    """A home with its rights desk, and what it told others."""

    def __init__(self, home: Home, stage: Stage) -> None:
        self.home, self.stage = home, stage
        self.url = home.database_url(load(home, "serve.toml", ServeSettings))
        self.told: list[tuple[Registry, Deeds]] = []
        self.desk = self.open()

    def open(self, foundation: Foundation | None = None) -> RightsDesk:
        """A desk that has read nothing yet."""
        return RightsDesk(
            foundation=foundation or read_home_foundation(self.home),
            database=self.url,
            catalogue=CATALOGUE,
            clock=self.home.clock,
            changed=lambda registry, deeds: self.told.append((registry, deeds)),
            newest=FileNewest(self.home.checkpoints),
        )

    def load(self) -> Rights:
        return self.desk.load()

    def sql(self, statement: str, **values: object) -> None:
        engine = open_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()

    def forge(self, deed: Deed) -> None:
        """Puts a deed in place of the first version of the grant of finance."""
        self.sql(f"UPDATE deed SET deed = :deed WHERE id = '{GRANT}' AND kind = 'grant'", deed=deed.encode())


@pytest.fixture
def opened(rehearsed: Path, staged: Stage, tmp_path: Path) -> Opened:
    home = home_at(tmp_path / "home")
    shutil.copytree(rehearsed, home.path)
    return Opened(home, staged)


def test_everything_in_force_is_loaded_at_its_epoch(opened: Opened) -> None:
    rights = opened.load()

    with closing(open_office(opened.home).store) as store, store.begin() as work:
        in_force = work.deeds.in_force(0)
    assert rights.epoch == 1 + len(in_force)
    assert len(rights.grants) == 4
    assert all(number == grant.number for number, grant in rights.grants.items())
    (registry, deeds), *_ = opened.told
    assert deeds.grants == {each.id: each.deed for each in in_force if each.kind == Kind.GRANT}
    assert list(deeds.known) == [each.deed for each in in_force if each.kind == Kind.PERSON]
    assert set(registry.partners) == {grant.partner for grant in rights.grants.values()}


def test_a_system_may_do_what_its_departments_rulebook_says(opened: Opened) -> None:
    rights = opened.load()
    ask = Ask(
        f"client:{FINANCE.client}",
        (("name", "equals"), ("unit", "equals")),
        f"purpose:{FINANCE.purpose}",
        (f"org:{opened.stage.root}",),
        "127.0.0.1",
    )

    verdict = rights.snapshot.judge(ask, opened.home.clock.now())

    assert isinstance(verdict, Permit)
    assert verdict.fields == {"name", "unit"}


def test_a_new_grant_is_there_at_the_next_load_and_nobody_elses_changed(opened: Opened) -> None:
    before = opened.load()

    add_grant(opened.home, "G-new", opened.stage)

    after = opened.load()
    assert after.epoch == before.epoch + 1
    assert after.grants.keys() == before.grants.keys() | {"G-new"}


def test_what_is_loaded_again_tells_the_sealing_process_no_person_twice(opened: Opened) -> None:
    opened.load()
    add_grant(opened.home, "G-new", opened.stage)
    opened.load()

    (_, before), (_, after) = opened.told
    assert after.known == before.known
    assert after.grants.keys() == before.grants.keys() | {"G-new"}


TAMPERED: dict[str, Callable[[Opened], None]] = {
    "a grant signed by strangers": lambda opened: opened.forge(granted(a_grant(number=GRANT), log=ORIGIN)),
    "a grant without a signature": lambda opened: opened.forge(drawn(granted(a_grant(number=GRANT)).document)),
    "no deed at all": lambda opened: opened.sql(f"UPDATE deed SET deed = x'' WHERE id = '{GRANT}'"),
    "a document that was widened": lambda opened: opened.sql(
        "UPDATE deed SET deed = CAST(replace(deed, '2027-', '2037-') AS BLOB)"
    ),
    "a grant under another's number": lambda opened: opened.sql(f"UPDATE deed SET id = 'G-other' WHERE id = '{GRANT}'"),
    "a grant that is gone": lambda opened: opened.sql(f"DELETE FROM deed WHERE id = '{GRANT}'"),
    "a grant that waits again": lambda opened: opened.sql(
        f"UPDATE deed SET state = 'pending', entry = 0 WHERE id = '{GRANT}'"
    ),
    "rulebooks that are gone": lambda opened: opened.sql("DELETE FROM deed WHERE kind = 'rulebooks'"),
    "a person who is gone": lambda opened: opened.sql("DELETE FROM deed WHERE id = 'bb-lingdao'"),
    "everything is gone": lambda opened: opened.sql("DELETE FROM deed"),
    "no control epoch": lambda opened: opened.sql("DELETE FROM control"),
}


def unguarded(opened: Opened, *statements: str) -> None:
    """As whoever owns the database: triggers first, then the rows, then the epoch, so that it is read at once."""
    for guard in ("ledger_entry_no_UPDATE", "ledger_entry_no_DELETE"):
        opened.sql(f"DROP TRIGGER {guard}")
    for each in (*statements, "UPDATE control SET epoch = epoch + 1"):
        opened.sql(each)


_NEWEST = "(SELECT max(entry) FROM deed)"
ROLLED_BACK: dict[str, tuple[str, ...]] = {
    "its entry is called something else": (
        f"UPDATE ledger_entry SET type = 'x' WHERE \"index\" = {_NEWEST}",
        f"DELETE FROM deed WHERE entry = {_NEWEST}",
    ),
    "its entry is gone": (
        f'DELETE FROM ledger_entry WHERE "index" = {_NEWEST}',
        f"DELETE FROM deed WHERE entry = {_NEWEST}",
    ),
    "it is called refused": (
        f"UPDATE ledger_entry SET type = 'x' WHERE \"index\" = {_NEWEST}",
        f"UPDATE deed SET state = 'refused', entry = 0 WHERE entry = {_NEWEST}",
    ),
    "an older entry stands in its place": (
        f'UPDATE ledger_entry SET entry = (SELECT entry FROM ledger_entry WHERE "index" = (SELECT max(entry) FROM'
        f' deed WHERE entry < {_NEWEST})) WHERE "index" = {_NEWEST}',
        f"DELETE FROM deed WHERE entry = {_NEWEST}",
    ),
}


def frozen(opened: Opened) -> None:
    with closing(SyntheticOffice(opened.home)) as office:
        office.put_in_force(Kind.FREEZE, f"grant.{GRANT}", {"frozen": True}, Duty.SECURITY_ADMIN, reason="核查")


@pytest.mark.parametrize("is_restarted", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("statements", ROLLED_BACK.values(), ids=ROLLED_BACK)
def test_a_freeze_that_is_taken_out_with_its_entry_stops_all(
    opened: Opened, statements: tuple[str, ...], is_restarted: bool
) -> None:
    frozen(opened)
    assert opened.load().frozen == {f"grant.{GRANT}"}

    unguarded(opened, *statements)

    desk = opened.open() if is_restarted else opened.desk
    with pytest.raises(UnavailableError, match="cannot be trusted"):
        desk.load()


def test_an_epoch_that_is_kept_still_keeps_no_freeze_from_anybody(opened: Opened) -> None:
    before = opened.load()
    frozen(opened)
    opened.sql("UPDATE control SET epoch = :epoch", epoch=before.epoch)

    assert opened.desk.epoch() != before.epoch
    assert opened.load().frozen == {f"grant.{GRANT}"}
    assert opened.desk.epoch() == before.epoch


def test_what_was_taken_out_is_missed_below_what_came_later(opened: Opened) -> None:
    frozen(opened)
    opened.load()
    unguarded(opened, *ROLLED_BACK["its entry is called something else"])
    shutil.move(opened.home.checkpoints / "rights", opened.home.path / "aside")
    add_grant(opened.home, "G-new", opened.stage)
    shutil.move(opened.home.path / "aside", opened.home.checkpoints / "rights")

    with pytest.raises(UnavailableError, match="cannot be trusted"):
        opened.open().load()


def test_what_was_in_force_is_remembered_in_whole_or_not_at_all(opened: Opened) -> None:
    opened.load()
    (opened.home.checkpoints / "rights").write_bytes(b"{")

    with pytest.raises(DownError, match="restore"):
        opened.open()


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_one_deed_that_cannot_be_trusted_stops_all(opened: Opened, tamper: Callable[[Opened], None]) -> None:
    tamper(opened)

    for _ in range(2):
        with pytest.raises(UnavailableError):
            opened.load()
    assert opened.told == [], "nobody hears of what was not verified"


def test_a_grant_of_a_partner_that_was_ended_is_not_in_force(opened: Opened) -> None:
    with closing(SyntheticOffice(opened.home)) as office:
        content: dict[str, JsonValue] = {"zh": "财政局", "en": "Finance", "department": "caizheng", "active": False}
        office.put_in_force(Kind.PARTNER, "caizheng", content, Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN)

    rights = opened.load()

    assert GRANT not in rights.grants
    assert len(rights.grants) == 3
    assert "caizheng" not in opened.told[0][0].partners


def test_the_rights_of_other_founders_are_nobodys(opened: Opened) -> None:
    opened.desk = opened.open(FOUNDATION)

    with pytest.raises(UnavailableError):
        opened.load()


def test_before_anything_is_in_force_nothing_is_allowed(tmp_path: Path) -> None:
    home = Home(path=tmp_path / "home", mode=Mode.TEST, clock=DrivenClock())
    installing.init(home, origin=ORIGIN, issuer=ISSUER, administrators=administrators())
    installing.migrate(home)
    told: list[Deeds] = []
    desk = RightsDesk(
        foundation=read_home_foundation(home),
        database=home.database_url(load(home, "serve.toml", ServeSettings)),
        catalogue=CATALOGUE,
        clock=home.clock,
        changed=lambda _, deeds: told.append(deeds),
    )

    rights = desk.load()

    assert (rights.epoch, rights.grants) == (1, {})
    assert (list(told[0].known), dict(told[0].grants)) == ([], {})


NO_FOUNDATION: dict[str, Callable[[Path], object]] = {
    "no file": lambda path: path.unlink(),
    "no JSON": lambda path: path.write_bytes(b"founders"),
    "another encoding": lambda path: path.write_bytes(b"\xff"),
    "a list": lambda path: path.write_bytes(b"[]"),
    "no founders": lambda path: path.write_bytes(b'{"log": "l", "founders": []}'),
}


@pytest.mark.parametrize("spoil", NO_FOUNDATION.values(), ids=NO_FOUNDATION)
def test_without_a_foundation_nothing_starts(opened: Opened, spoil: Callable[[Path], object]) -> None:
    spoil(opened.home.path / "foundation.json")

    with pytest.raises(SettingsError, match=r"foundation|首任管理员须为三人"):
        read_home_foundation(opened.home)


# ---------------------------------------------------------------------------------------- the tree of units


def test_units_are_read_with_what_stands_above_them(tmp_path: Path) -> None:
    (tmp_path / "units.toml").write_text('"150100" = ""\n"150101" = "150100"\n', encoding="utf-8")

    assert load_units(tmp_path / "units.toml") == {"org:150100": None, "org:150101": "org:150100"}


WRONG_UNITS = {
    "no TOML": b"a = ",
    "another encoding": '"盟" = ""\n'.encode("gb18030"),
    "a number": b"a = 7\n",
    "a list": b"a = []\n",
    "a table": b'[a]\nb = "c"\n',
}


@pytest.mark.parametrize("content", WRONG_UNITS.values(), ids=WRONG_UNITS)
def test_wrong_units_are_an_error_of_the_settings(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "units.toml").write_bytes(content)

    with pytest.raises(SettingsError, match=r"units\.toml"):
        load_units(tmp_path / "units.toml")


def test_missing_units_say_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="one line a unit"):
        load_units(tmp_path / "units.toml")


def test_a_person_is_frozen_from_the_next_load_on(opened: Opened) -> None:
    head = head_of(FINANCE.code)
    opened.load()
    with closing(SyntheticOffice(opened.home)) as office:
        office.put_in_force(Kind.FREEZE, f"person.{head}", {"frozen": True}, Duty.SECURITY_ADMIN, reason="核查")
    assert not opened.desk.is_frozen(head)

    opened.load()

    assert opened.desk.is_frozen(head)
    assert opened.desk.person(head) is not None


RELEASED: dict[str, JsonValue] = {"frozen": False, "incident": "ab" * 8}


def stopped(opened: Opened, *, is_frozen: bool) -> str:
    """The watch lays a response on the grant of finance."""
    target = f"grant.{GRANT}"
    with closing(open_office(opened.home).store) as store, store.begin() as work:
        watch = cast("SqlWork", work).watch
        watch.keep(Kept(day=1, scores={}, counts={}, cells={}, questions={}, stopped=[GRANT]))
        watch.lay([Stop(target, is_frozen, "ab" * 8, work.ledger.lock_head().size)])
        work.commit()
    return target


@pytest.mark.parametrize("is_frozen", [False, True], ids=["held", "frozen"])
def test_what_the_watch_stopped_two_people_release(opened: Opened, is_frozen: bool) -> None:
    before = opened.load()
    target = stopped(opened, is_frozen=is_frozen)

    rights = opened.load()
    assert rights.epoch == before.epoch + 1
    assert (rights.frozen if is_frozen else rights.held) == {target}
    assert not (rights.held if is_frozen else rights.frozen)

    with closing(SyntheticOffice(opened.home)) as office:
        duties = Duty.SECURITY_ADMIN, Duty.LEADER
        office.put_in_force(Kind.FREEZE, target, RELEASED, *duties, path=RELEASE, reason="已核实")
    assert opened.load().frozen | opened.load().held == set()
    assert opened.open().load().frozen | opened.open().load().held == set(), "also for whoever starts anew"


def test_what_was_released_is_stopped_again_by_what_comes_later(opened: Opened) -> None:
    target = stopped(opened, is_frozen=False)
    with closing(SyntheticOffice(opened.home)) as office:
        duties = Duty.SECURITY_ADMIN, Duty.LEADER
        office.put_in_force(Kind.FREEZE, target, RELEASED, *duties, path=RELEASE, reason="已核实")

    stopped(opened, is_frozen=True)

    assert opened.load().frozen == {target}


def test_a_clock_that_steps_back_stops_nobody(opened: Opened) -> None:
    """What came into force before the step is of no future, for whoever reads it after a restart."""
    before = opened.load()
    clock = opened.home.path.with_name("home.clock")
    clock.write_text((opened.home.clock.now() - timedelta(days=1)).isoformat())

    assert opened.open().load().grants.keys() == before.grants.keys()
