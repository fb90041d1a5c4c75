"""`bidui init`: a home from nothing. Settings, keys, rulebooks, the control database and entry 0 of the log."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import closing
from pathlib import Path

from adapters.checkpoints import FileCheckpoints
from adapters.keys.files import Passphrase
from adapters.keys.making import make_all
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.schema import create
from adapters.sql.store import SqlStore
from audit.events import log_opened
from ops.closed import check_settled
from ops.foundation import FOUNDATION_FILE, read_home_foundation
from ops.founding import Administrators, make_foundation
from ops.log_keys import TRUST_FILE, LogKeys, make_ledger, make_signer, read_log_keys
from ops.settings import Home, ServeSettings, SettingsError, SuiteName, load
from policies.loader import SHIPPED_RULEBOOKS

_ORIGIN = re.compile(r"[\w./:-]{1,200}")
FOLDERS = ("data/index", "data/seal", "data/reports", "checkpoints", "partners", "grants", "rulebooks", "mappings")

_SERVE = """# 比对网关。各项说明见 docs/operations.md
origin = "{origin}"
issuer = "{issuer}"
suite = "{suite}"
host = "127.0.0.1"
port = {port}
metrics_port = {metrics_port}
tls = true
certificate_optional = {certificate_optional}
"""
_SEAL = """# 封存进程。留空即使用 data/seal/seal.sock
socket = ""
suite = "{suite}"
"""
_UNITS = """# 机构树：每行一个机构，代码 = 上级机构代码；最上级写空串
"""


def init(
    home: Home,
    *,
    origin: str,
    issuer: str,
    administrators: Administrators,
    suite: SuiteName = "intl",
    port: int = 8420,
    metrics_port: int = 9420,
    certificate_optional: bool = False,
    passphrase: Passphrase | None = None,
) -> dict[str, str]:
    """Makes everything a new installation needs; the activation code of each administrator, by account.

    People have no client certificate: `certificate_optional` lets them in where this process ends TLS itself.

    Raises `SettingsError` where there is one already, `DeedError` unless the administrators are three, `SuiteError`
    where this machine lacks what the suite needs.
    """
    if (home.path / "serve.toml").exists():
        raise SettingsError(f"{home.path} holds an installation already; choose another folder")
    check_origin(origin)
    foundation, codes = make_foundation(origin, administrators, os.urandom)
    for folder in ("", "data", *FOLDERS):
        (home.path / folder).mkdir(exist_ok=True, mode=0o750)
    if not home.keys.exists():
        make_all(home.path, home.clock, os.urandom, passphrase=passphrase, suite=suite)
    _write(home.path / "seal.toml", _SEAL.format(suite=suite))
    (home.path / FOUNDATION_FILE).write_bytes(foundation.encode())
    _write(home.path / "units.toml", _UNITS)
    for rulebook in sorted(SHIPPED_RULEBOOKS.glob("*.toml")):
        shutil.copyfile(rulebook, home.folder("rulebooks") / rulebook.name)
    # Written last: a home without it is not an installation, and init may run again.
    _write(
        home.path / "serve.toml",
        _SERVE.format(
            origin=origin,
            issuer=issuer,
            suite=suite,
            port=port,
            metrics_port=metrics_port,
            certificate_optional=str(certificate_optional).lower(),
        ),
    )
    return codes


def check_origin(origin: str) -> None:
    """Raises `SettingsError` for what is no name of a log."""
    if not _ORIGIN.fullmatch(origin):
        raise SettingsError(
            "origin must be a name such as bidui.example.gov/audit/2026-1: no spaces, quotes or plus signs"
        )


def migrate(home: Home, passphrase: Passphrase | None = None) -> bool:
    """Makes the control database's tables, and opens the log. True if the log was opened now."""
    check_settled(home)
    settings = load(home, "serve.toml", ServeSettings)
    url = home.database_url(settings)
    engine = open_engine(url)
    create(engine)
    engine.dispose()
    store = SqlStore(url)
    try:
        return _open_log(home, settings, store, passphrase)
    finally:
        store.close()


def _open_log(home: Home, settings: ServeSettings, store: SqlStore, passphrase: Passphrase | None) -> bool:
    keys = read_log_keys(home, settings, passphrase)
    if not (home.path / TRUST_FILE).exists():
        (home.path / TRUST_FILE).write_bytes(keys.trust.encode())
    ledger = make_ledger(home, settings, passphrase)
    with store.begin() as work:
        size = work.ledger.lock_head().size
        if size == 1:
            # Whoever was interrupted here has not signed yet.
            _sign_opening(home, settings, keys)
        if size:
            return False
        founders = read_home_foundation(home).members()
        opening = log_opened(origin=settings.origin, vkeys=keys.vkeys, founders=founders)
        ledger.append(work.ledger, [opening], home.clock.now())
        work.commit()
    _sign_opening(home, settings, keys)
    return True


def _sign_opening(home: Home, settings: ServeSettings, keys: LogKeys) -> None:
    """So that from now on a log without a checkpoint is one whose checkpoints were taken away."""
    with closing(SqlLedgerReader.open(home.database_url(settings))) as reader:
        make_signer(home, settings, keys, reader, FileCheckpoints(home.checkpoints)).run_once()


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
