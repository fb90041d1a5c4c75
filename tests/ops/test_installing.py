"""A home from nothing: everything a new installation needs, for its own user alone, and never twice."""

from __future__ import annotations

import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from adapters.keys.files import KeyFileError, Passphrase
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlStore
from audit.entry import decode
from audit.trust import parse_trust
from gateway.deeds.activation import activation_key
from gateway.deeds.errors import DeedError
from gateway.domain.people import THREE, Duty
from ops import installing
from ops.demo.office import administrators, number_of
from ops.foundation import read_home_foundation
from ops.founding import Administrator, Administrators
from ops.log_keys import TRUST_FILE, read_log_keys
from ops.settings import Home, Mode, SealSettings, ServeSettings, SettingsError, load
from policies.loader import SHIPPED_RULEBOOKS
from tests import homes
from tests.fakes import DrivenClock
from tests.homes import ISSUER
from tests.make import ORIGIN
from tests.people import public_of


def a_new_home(path: Path) -> Home:
    return Home(path=path / "home", mode=Mode.TEST, clock=DrivenClock())


def entry_0(home: Home) -> dict[str, object]:
    with closing(SqlLedgerReader.open(home.database_url(load(home, "serve.toml", ServeSettings)))) as reader:
        opened = decode(next(reader.entries(0, 1)))
    assert isinstance(opened, dict)
    return {str(key): value for key, value in opened.items()}


def opened_home(path: Path) -> Home:
    """A new home that was founded and whose log was opened; nobody has enrolled yet."""
    home = a_new_home(path)
    installing.init(home, origin=ORIGIN, issuer=ISSUER, administrators=administrators())
    assert installing.migrate(home) is True
    return home


def test_a_new_home_has_settings_keys_rulebooks_and_an_opened_log(tmp_path: Path) -> None:
    home = opened_home(tmp_path)

    settings = load(home, "serve.toml", ServeSettings)
    assert (settings.origin, settings.issuer, settings.tls) == (ORIGIN, ISSUER, True)
    assert load(home, "seal.toml", SealSettings) == SealSettings()
    shipped = {path.name for path in SHIPPED_RULEBOOKS.glob("*.toml")}
    assert {path.name for path in home.folder("rulebooks").iterdir()} == shipped
    trust = parse_trust((home.path / TRUST_FILE).read_bytes())
    body = entry_0(home)["body"]
    assert isinstance(body, dict)
    assert body["origin"] == trust.origin == ORIGIN
    assert body["vkeys"] == [key.vkey for key in trust.keys]
    assert body["founders"] == read_home_foundation(home).members()


def test_each_administrator_has_a_code_of_their_own_that_is_kept_nowhere(tmp_path: Path) -> None:
    home = a_new_home(tmp_path)
    codes = installing.init(home, origin=ORIGIN, issuer=ISSUER, administrators=administrators())
    installing.migrate(home)

    founders = read_home_foundation(home).founders
    assert codes.keys() == founders.keys() == {each.id for each in administrators().values()}
    for account, code in codes.items():
        assert public_of(activation_key(code, ORIGIN)) == founders[account].public
    texts = [form.encode() for code in codes.values() for form in (code, code.replace("-", ""))]
    assert [
        path for path in home.path.rglob("*") if path.is_file() and any(t in path.read_bytes() for t in texts)
    ] == []


def test_of_the_administrators_a_home_keeps_accounts_and_duties_alone(tmp_path: Path) -> None:
    home = opened_home(tmp_path)

    personal = [text.encode() for each in administrators().values() for text in (each.name, each.id_number)]
    files = [path for path in home.path.rglob("*") if path.is_file()]
    assert [path for path in files if any(text in path.read_bytes() for text in personal)] == []


WRONG_THREE: dict[str, Administrators] = {
    "nobody": {},
    "two": {duty: each for duty, each in administrators().items() if duty is not Duty.AUDIT_ADMIN},
    "one person for two duties": dict.fromkeys(THREE, administrators()[Duty.SYSTEM_ADMIN]),
    "another duty in place of one": {
        Duty.LEADER if duty is Duty.AUDIT_ADMIN else duty: each for duty, each in administrators().items()
    },
    "one more": {**administrators(), Duty.LEADER: Administrator("bb-lingdao", "领导", number_of("bb-lingdao"))},
}


@pytest.mark.parametrize("three", WRONG_THREE.values(), ids=WRONG_THREE)
def test_nothing_is_founded_but_by_three_people_for_three_duties(tmp_path: Path, three: Administrators) -> None:
    home = a_new_home(tmp_path)

    with pytest.raises(DeedError, match=r"三个人|三人"):
        installing.init(home, origin=ORIGIN, issuer=ISSUER, administrators=three)

    assert not home.keys.exists()


def test_the_trust_file_names_the_keys_that_sign(tmp_path: Path) -> None:
    home = opened_home(tmp_path)
    keys = read_log_keys(home, load(home, "serve.toml", ServeSettings), None)
    trust = parse_trust((home.path / TRUST_FILE).read_bytes())

    assert [key.vkey for key in trust.keys if key.purpose == "receipt"] == [keys.receipts.vkey]
    assert [key.vkey for key in trust.keys if key.purpose == "checkpoint"] == [each.vkey for each in keys.checkpoints]
    assert len({key.vkey for key in trust.keys}) == 3


def test_nothing_of_a_home_is_for_everybody(tmp_path: Path) -> None:
    home = a_new_home(tmp_path)
    installing.init(home, origin=ORIGIN, issuer=ISSUER, administrators=administrators())

    open_to_all = [
        path.relative_to(home.path)
        for path in (home.path / "data", *(home.path / "data").rglob("*"), home.checkpoints, home.path / "partners")
        if path.stat().st_mode & stat.S_IRWXO
    ]
    secret = [path for path in home.keys.rglob("*") if path.suffix in {".pem", ".secret"}]

    assert open_to_all == []
    assert [path for path in secret if path.stat().st_mode & 0o077] == []
    assert len(secret) >= 9


def test_the_sealing_key_is_not_among_the_keys_of_serve(tmp_path: Path) -> None:
    home = homes.a_home(tmp_path / "home")
    sealing = (home.keys / "seal" / "sealing.secret").read_bytes()

    holding = sorted(
        path.parent.name for path in home.path.rglob("*") if path.is_file() and path.read_bytes() == sealing
    )

    assert holding == ["seal", "sync"]


def test_an_installation_is_never_made_over_another(tmp_path: Path) -> None:
    home = homes.a_home(tmp_path / "home")
    before = {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file()}

    with pytest.raises(SettingsError, match="another folder"):
        installing.init(home, origin="other", issuer=ISSUER, administrators=administrators())

    assert {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file()} == before


def test_a_beginning_that_was_cut_off_may_begin_again(tmp_path: Path) -> None:
    """serve.toml is written last: without it there is no installation yet, and nothing was sealed or signed."""
    home = a_new_home(tmp_path)
    installing.init(home, origin=ORIGIN, issuer=ISSUER, administrators=administrators())
    (home.path / "serve.toml").unlink()

    installing.init(home, origin=ORIGIN, issuer=ISSUER, administrators=administrators())

    assert installing.migrate(home) is True


NAMES = {"a quote": 'log "one"', "a backslash": "log\\one", "a line break": "log\none", "nothing": ""}


@pytest.mark.parametrize("origin", NAMES.values(), ids=NAMES)
def test_an_origin_that_cannot_be_written_is_refused_before_anything_is_made(tmp_path: Path, origin: str) -> None:
    home = a_new_home(tmp_path)

    with pytest.raises(SettingsError, match="origin"):
        installing.init(home, origin=origin, issuer=ISSUER, administrators=administrators())

    assert not home.keys.exists()


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    home = homes.a_home(tmp_path / "home")
    before = entry_0(home)

    assert installing.migrate(home) is False
    assert entry_0(home) == before


def test_a_database_that_is_named_is_used(tmp_path: Path, engine_url: str) -> None:
    home = a_new_home(tmp_path)
    installing.init(home, origin=ORIGIN, issuer=ISSUER, administrators=administrators())
    homes.edit(home.path / "serve.toml", "tls = true\n", f'tls = true\ndatabase = "{engine_url}"\n')

    assert installing.migrate(home) is True
    assert installing.migrate(home) is False

    with closing(SqlStore(engine_url)) as store, store.begin() as work:
        assert work.epoch() == 1
        assert work.ledger.lock_head().size == 1
    named = make_url(engine_url).database
    assert (home.path / "data" / "control.sqlite").exists() is (named == str(home.path / "data" / "control.sqlite"))


def test_keys_under_a_passphrase_open_with_it_alone(tmp_path: Path) -> None:
    home, passphrase = a_new_home(tmp_path), Passphrase(b"open sesame")
    installing.init(home, origin=ORIGIN, issuer=ISSUER, administrators=administrators(), passphrase=passphrase)

    for wrong in (None, Passphrase(b"open barley")):
        with pytest.raises(KeyFileError):
            installing.migrate(home, wrong)
    assert installing.migrate(home, passphrase) is True
