"""The home that is measured: made once in the work folder with keys, rules and index; a fresh log each run."""

from __future__ import annotations

import os
import shutil
from base64 import b64encode
from datetime import timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.clock import SystemClock
from adapters.identity.tokens import TokenMint
from adapters.index.directory import read_current
from adapters.index.postgres import mirror
from adapters.keys.files import read_ed25519_public, read_p256, read_secret
from adapters.keys.making import make_client, read_client
from gateway.domain.grant import local_day
from gateway.generation import VERSION
from ops.bench.generation import DECOYS, build
from ops.bench.persons import CLAIMED, LEAGUE, unit_code, unit_tree
from ops.bench.rules import write_expectations, write_rulebooks
from ops.demo.office import found_home, rehearse
from ops.demo.staging import Department, write_partner
from ops.settings import Home, Mode, ServeSettings, load
from policies.catalogue import load_catalogue

ORIGIN = "bench.bidui.example/audit/1"
ISSUER = "https://bench.bidui.example"
PARTNER = Department(
    "bench-0", "压测部门", "Bench", "bench-0-job", "bench-operator", "bench-0-0", "压测", ("name", *CLAIMED)
)
WIDE, NARROW = "bench-2026-1", "bench-2026-2"
"""Grants over the whole league, and over its first banner alone."""
_SCOPES = {WIDE: LEAGUE, NARROW: unit_code(0)}
_MARK = "bench.json"

_SERVE = """origin = "{origin}"
issuer = "{issuer}"
port = {port}
metrics_port = {metrics_port}
tls = false
trusted_proxies = ["127.0.0.0/8"]
database = "{database}"
index_database = "{index}"
"""
_GRANT = """number = "{number}"
partner = "{partner}"
purpose = "{purpose}"
legal_basis = "压测"
class = "scoped"
scope = ["{unit}"]
networks = ["127.0.0.0/8"]
hours = ["00:00-24:00"]
valid_from = {first}
valid_until = {last}
max_data_age_days = 36500
tells_not_found = false
hit_rate = 90
contact = "压测"

[fields]
{fields}

[limits]
subjects_per_day = 2147483647
subjects_per_30_days = 2147483647
subjects_per_year = 2147483647
comparisons_per_day = 2147483647
"""


class Mark(msgspec.Struct, frozen=True):
    """What a home was built for; another mark means building anew."""

    persons: int
    rules: int
    catalogue: str
    sealed: int = VERSION
    decoys: int = len(DECOYS)


def prepare(work: Path, persons: int, rules: int) -> Home:
    """The home for this size, built now or found in the work folder."""
    catalogue = load_catalogue()
    home = Home(path=(work / f"home-{persons}-{rules}").absolute(), mode=Mode.TEST, clock=SystemClock())
    mark = msgspec.json.encode(Mark(persons, rules, catalogue.digest))
    if _read(home.path / _MARK) == mark:
        return home
    shutil.rmtree(home.path, ignore_errors=True)
    found_home(home, origin=ORIGIN, issuer=ISSUER)
    for shipped in home.folder("rulebooks").glob("*.toml"):
        shipped.unlink()
    write_rulebooks(home.folder("rulebooks"), rules, catalogue)
    write_expectations(home.folder("expectations"), rules, catalogue)
    units = (f'"{code}" = "{above}"' for code, above in unit_tree().items())
    (home.path / "units.toml").write_text("\n".join(units) + "\n", encoding="utf-8")
    write_partner(home, PARTNER, make_client(home.path, PARTNER.client, home.clock))
    build(home, persons, catalogue)
    (home.path / _MARK).write_bytes(mark)
    return home


def renew(home: Home, port: int, metrics_port: int, database: str = "") -> None:
    """A control database and log with nothing in them but the grants; with a URL, they and the index in PostgreSQL."""
    for stale in (home.checkpoints, home.path / "data" / "seal"):
        shutil.rmtree(stale, ignore_errors=True)
        stale.mkdir(mode=0o750)
    for file in (home.path / "data").glob("control.sqlite*"):
        file.unlink()
    text = _SERVE.format(
        origin=ORIGIN, issuer=ISSUER, port=port, metrics_port=metrics_port, database=database, index=database
    )
    (home.path / "serve.toml").write_text(text, encoding="utf-8")
    for number in _SCOPES:
        _write_grant(home, number)
    rehearse(home)
    if database:
        mirror(database, read_current(home.index, read_ed25519_public(home.keys / "sync.pub")))


def headers(home: Home) -> dict[str, str]:
    """What a proxy would send on: the client's certificate, its own secret, and a token good for 300 s."""
    settings, keys = load(home, "serve.toml", ServeSettings), read_client(home.path, PARTNER.client)
    mint = TokenMint(
        key=read_p256(home.keys / "serve" / "token.pem", None), issuer=settings.issuer, audience=settings.issuer
    )
    token = mint.mint(PARTNER.client, keys.thumbprint(), os.urandom(16).hex(), home.clock.now())
    certificate = b64encode(keys.certificate.public_bytes(Encoding.DER)).decode()
    return {
        "Authorization": f"Bearer {token}",
        "Client-Cert": f":{certificate}:",
        "Bidui-Proxy-Secret": read_secret(home.keys / "serve" / "proxy.secret", None).decode(),
        "X-Real-IP": "127.0.0.1",
        "Content-Type": "application/json",
    }


def _write_grant(home: Home, number: str) -> Path:
    today = local_day(home.clock.now())
    path = home.folder("grants") / f"{number}.toml"
    path.write_text(
        _GRANT.format(
            number=number,
            partner=PARTNER.code,
            purpose=PARTNER.purpose,
            unit=_SCOPES[number],
            fields="\n".join(f'{key} = "压测"' for key in PARTNER.fields),
            first=today - timedelta(days=1),
            last=today + timedelta(days=365),
        ),
        encoding="utf-8",
    )
    return path


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
