"""The rules and grants in force: read from files and database, verified, and never half."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from adapters.identity.registry import Registry
from adapters.sql.engine import open_engine
from adapters.sql.store import SqlStore
from gateway.domain.errors import UnavailableError
from gateway.ports import Rights
from gateway.signed_grant import SignedGrant, sign_grant
from ops.prove.homes import FINANCE, Stage, add_grant, copy_stage
from ops.rights import RightsDesk, load_units
from ops.settings import Home, Mode, ServeSettings, SettingsError, load
from ops.wiring import trusted_load_keys
from policies.decision import Permit
from policies.snapshot import Ask
from tests.homes import edit, home_at
from tests.make import CATALOGUE, a_grant


class Opened:
    """A home with its rights desk, and what it told others."""

    def __init__(self, home: Home, stage: Stage) -> None:
        self.home, self.stage = home, stage
        self.url = home.database_url(load(home, "serve.toml", ServeSettings))
        self.told: list[tuple[Registry, Mapping[str, SignedGrant]]] = []

    def load(self, mode: Mode = Mode.TEST) -> Rights:
        desk = RightsDesk(
            folder=self.home.path,
            database=self.url,
            catalogue=CATALOGUE,
            trusted=trusted_load_keys(replace(self.home, mode=mode)),
            changed=lambda registry, signed: self.told.append((registry, signed)),
        )
        return desk.load()

    def store(self, number: str, grant: SignedGrant) -> None:
        with closing(SqlStore(self.url)) as store, store.begin() as work:
            work.grants.put(number, grant)
            work.commit()

    def sql(self, statement: str) -> None:
        engine = open_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()


@pytest.fixture
def opened(staged: Stage, tmp_path: Path) -> Opened:
    home = home_at(tmp_path / "home")
    copy_stage(staged, home)
    return Opened(home, staged)


def test_everything_in_force_is_loaded_at_its_epoch(opened: Opened) -> None:
    rights = opened.load()

    assert rights.epoch == 5  # one to begin with, and four grants
    assert len(rights.grants) == 4
    assert all(number == grant.number for number, grant in rights.grants.items())
    (registry, signed), *_ = opened.told
    assert signed.keys() == rights.grants.keys()
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


STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
TAMPERED: dict[str, Callable[[Opened], None]] = {
    "a grant signed by a stranger": lambda opened: opened.store("G-1", sign_grant(a_grant(), "load", STRANGER)),
    "a grant under a name nobody knows": lambda opened: opened.store("G-1", sign_grant(a_grant(), "leader", STRANGER)),
    "a grant without a signature": lambda opened: opened.sql("UPDATE granted SET signature = x''"),
    "a document that was widened": lambda opened: opened.sql(
        "UPDATE granted SET document = CAST(replace(document, '2027-', '2037-') AS BLOB)"
    ),
    "a grant under another's number": lambda opened: opened.sql(
        "UPDATE granted SET number = 'G-other' WHERE number LIKE '%caizheng%'"
    ),
    "no control epoch": lambda opened: opened.sql("DELETE FROM control"),
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_one_grant_that_cannot_be_trusted_stops_all(opened: Opened, tamper: Callable[[Opened], None]) -> None:
    tamper(opened)

    with pytest.raises(UnavailableError):
        opened.load()
    assert opened.told == [], "nobody hears of what was not verified"


def test_in_production_a_load_key_makes_no_grant(opened: Opened) -> None:
    with pytest.raises(UnavailableError):
        opened.load(Mode.PRODUCTION)


SPOILED: dict[str, Callable[[Path], None]] = {
    "a partner's file": lambda home: edit(home / "partners" / "caizheng.toml", "code =", "kode ="),
    "a partner's file that is no TOML": lambda home: _write(home / "partners" / "caizheng.toml", b"code = "),
    "a rulebook": lambda home: edit(home / "rulebooks" / "caizheng.toml", "department =", "departement ="),
    "a rulebook that is no TOML": lambda home: _write(home / "rulebooks" / "caizheng.toml", b"department = "),
    "no rulebook": lambda home: _empty(home / "rulebooks"),
    "no tree of units": lambda home: (home / "units.toml").unlink(),
    "a tree of units that is no TOML": lambda home: _write(home / "units.toml", b"root = "),
    "a tree of units in another encoding": lambda home: _write(home / "units.toml", '"盟" = ""\n'.encode("gb18030")),
    "a unit under nobody": lambda home: _write(home / "units.toml", b'a = "b"\n'),
    "units in a ring": lambda home: _write(home / "units.toml", b'a = "b"\nb = "a"\n'),
    "a unit above that is a number": lambda home: _write(home / "units.toml", b'a = ""\nb = 7\n'),
}


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_file_that_cannot_be_read_leaves_nothing_in_force(opened: Opened, spoil: Callable[[Path], None]) -> None:
    """As the port promises: `UnavailableError` when one is unreadable, whichever it is."""
    spoil(opened.home.path)

    with pytest.raises(UnavailableError):
        opened.load()
    assert opened.told == []


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
