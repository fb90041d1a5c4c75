"""Loading a grant from a file: signed, stored and recorded together; for demonstrations and tests alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from adapters.keys.files import KeyFileError, read_ed25519_public
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlStore
from audit.entry import decode
from gateway.domain.grant import GrantError, canonical_document
from gateway.signed_grant import SignedGrant, open_grant
from ops.granting import LoadRefusedError, load_grant
from ops.settings import Home, Mode, ServeSettings, load
from tests.homes import a_home
from tests.make import a_grant

GRANT = """
number = "G-1"
partner = "hr"
purpose = "payroll-check"
legal_basis = "某办法"
class = "scoped"
scope = ["root"]
fields = ["name", "unit"]
networks = ["10.0.0.0/8"]
hours = ["00:00-24:00"]
valid_from = 2026-01-01
valid_until = 2026-12-31
max_data_age_days = 30
tells_not_found = false

[limits]
subjects_per_day = 1000
subjects_per_30_days = 10000
comparisons_per_day = 100000
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return a_home(tmp_path / "home")


def a_file(home: Home, text: str = GRANT, name: str = "G-1.toml") -> Path:
    path = home.folder("grants") / name
    path.write_text(text, encoding="utf-8")
    return path


def stored(home: Home) -> tuple[int, dict[str, SignedGrant]]:
    with closing(SqlStore(home.database_url(load(home, "serve.toml", ServeSettings)))) as store, store.begin() as work:
        return work.epoch(), dict(work.grants.all())


def recorded(home: Home) -> list[dict[str, object]]:
    url = home.database_url(load(home, "serve.toml", ServeSettings))
    with closing(SqlLedgerReader.open(url)) as reader:
        opened = [decode(entry) for entry in reader.entries(1, reader.head().size)]
    return [{str(key): value for key, value in entry.items()} for entry in opened if isinstance(entry, dict)]


def test_a_grant_is_signed_stored_and_recorded(home: Home) -> None:
    grant = load_grant(home, a_file(home))

    epoch, grants = stored(home)
    assert canonical_document(grant) == canonical_document(a_grant(fields=["name", "unit"]))
    assert epoch == 2
    opened = open_grant(grants["G-1"], {"load": read_ed25519_public(home.keys / "load.pub")})
    assert canonical_document(opened) == canonical_document(grant)
    (entry,) = recorded(home)
    assert (entry["type"], entry["partner"]) == ("grant.loaded", "hr")
    assert entry["body"] == {"grant": "G-1", "sha256": sha256(grants["G-1"].document).hexdigest(), "by": ["load"]}


def test_a_grant_loaded_again_takes_the_place_of_the_old_one(home: Home) -> None:
    load_grant(home, a_file(home))
    load_grant(home, a_file(home, GRANT.replace("subjects_per_day = 1000", "subjects_per_day = 7")))

    epoch, grants = stored(home)
    assert (epoch, set(grants), len(recorded(home))) == (3, {"G-1"}, 2)
    assert b'"subjects_per_day":7' in grants["G-1"].document


def test_in_production_nothing_is_loaded(home: Home) -> None:
    with pytest.raises(LoadRefusedError):
        load_grant(replace(home, mode=Mode.PRODUCTION), a_file(home))

    assert stored(home) == (1, {})
    assert recorded(home) == []


WRONG: dict[str, tuple[bytes, str]] = {
    "no TOML": (b"number = ", "G-1.toml"),
    "another encoding": (GRANT.encode("gb18030"), "UTF-8"),
    "an unknown key": (GRANT.replace("[limits]", "unlimited = true\n[limits]").encode(), "unlimited"),
    "a missing key": (GRANT.replace('partner = "hr"\n', "").encode(), "partner"),
    "a field of no standard": (GRANT.replace('"unit"', '"salary"').encode(), "salary"),
}


@pytest.mark.parametrize(("content", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_changes_nothing_and_says_why(home: Home, content: bytes, told: str) -> None:
    path = a_file(home)
    path.write_bytes(content)

    with pytest.raises(GrantError, match=told):
        load_grant(home, path)

    assert stored(home) == (1, {})
    assert recorded(home) == []


def test_a_file_that_is_not_there_says_so(home: Home) -> None:
    with pytest.raises(GrantError, match=r"G-9\.toml"):
        load_grant(home, home.folder("grants") / "G-9.toml")


def test_a_ledger_that_cannot_be_written_loads_nothing(home: Home) -> None:
    """The entry and the grant are one transaction: there is no grant in force that the log does not know."""
    for secret in (home.keys / "serve" / "disclosure").glob("*"):
        secret.chmod(0o644)
    (home.keys / "serve" / "disclosure").chmod(0o755)

    with pytest.raises(KeyFileError, match="chmod"):
        load_grant(home, a_file(home))

    assert stored(home) == (1, {})
