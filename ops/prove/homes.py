"""Homes for proofs: a small league, sealed, with four departments; plain HTTP behind a trusted proxy."""

from __future__ import annotations

import json
import shutil
import socket
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.identity.tokens import TokenMint
from adapters.keys.files import read_p256, read_secret
from adapters.keys.making import read_client
from gateway.domain.grant import local_day
from ops.demo.league import League
from ops.demo.office import load_grant, rehearse
from ops.demo.person import Person
from ops.demo.staging import DEPARTMENTS, ISSUER, ORIGIN, Department, stage
from ops.settings import Home

PERSONS = 300
FINANCE = DEPARTMENTS[0]
LOCAL = "127.0.0.1"
_SETTINGS = """origin = "{origin}"
issuer = "{issuer}"
port = {port}
metrics_port = {metrics_port}
trusted_proxies = ["127.0.0.1/32"]
database = "{database}"
"""


@dataclass(frozen=True)
class Stage:
    """A home that was staged once and is copied from then on."""

    path: Path
    league: League
    people: tuple[Person, ...]

    @property
    def root(self) -> str:
        """The code of the organisation above all others."""
        return self.league.organisations[0].code


def stage_once(home: Home, persons: int = PERSONS) -> Stage:
    """Keys, register, sealed index, partners and grants."""
    league, _ = stage(home, persons=persons)
    return Stage(home.path, league, tuple(league.people()))


def copy_stage(stage: Stage, home: Home, database: str = "") -> None:
    """Makes a home like the staged one, with ports and a control database of its own.

    A database at a URL is empty: there the log begins anew, and everybody signs again.
    """
    left = shutil.ignore_patterns("control.sqlite*", "checkpoints") if database else None
    shutil.copytree(stage.path, home.path, ignore=left)
    port, metrics_port = free_ports()
    settings = _SETTINGS.format(origin=ORIGIN, issuer=ISSUER, port=port, metrics_port=metrics_port, database=database)
    (home.path / "serve.toml").write_text(settings, encoding="utf-8")
    sync = home.path / "sync.toml"
    sync.write_text(sync.read_text(encoding="utf-8").replace(str(stage.path), str(home.path)), encoding="utf-8")
    if database:
        rehearse(home)


def free_ports() -> tuple[int, int]:
    """Two ports that nobody listens on at this moment."""
    with socket.create_server((LOCAL, 0)) as one, socket.create_server((LOCAL, 0)) as other:
        return int(one.getsockname()[1]), int(other.getsockname()[1])


def add_grant(home: Home, number: str, stage: Stage, department: Department = FINANCE, **changes: object) -> str:
    """Loads a grant of the department over the whole league, with these changes; its number."""
    path = home.folder("grants") / f"{number}.toml"
    path.write_text(as_toml(_document(home, number, stage, department) | changes), encoding="utf-8")
    load_grant(home, path)
    return number


def limits(day: int = 10_000, month: int = 100_000, comparisons: int = 1_000_000) -> dict[str, int]:
    """Limits that nobody meets by accident."""
    long = {"subjects_per_30_days": month, "subjects_per_year": 10 * month}
    return {"subjects_per_day": day, **long, "comparisons_per_day": comparisons}


def credentials(home: Home, department: Department = FINANCE) -> dict[str, str]:
    """Token, certificate and address of a department's system, as a trusted proxy hands them on."""
    keys = read_client(home.path, department.client)
    mint = TokenMint(key=read_p256(home.keys / "serve" / "token.pem", None), issuer=ISSUER, audience=ISSUER)
    token = mint.mint(department.client, keys.thumbprint(), f"jti-{department.client}", home.clock.now())
    return {"authorization": f"Bearer {token}", **handed_on(home, keys.certificate)}


def handed_on(home: Home, certificate: x509.Certificate) -> dict[str, str]:
    """The headers that the trusted proxy adds."""
    secret = read_secret(home.keys / "serve" / "proxy.secret", None).decode()
    der = b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return {"client-cert": f":{der}:", "bidui-proxy-secret": secret, "x-real-ip": LOCAL}


def as_toml(document: Mapping[str, object]) -> str:
    """TOML of a flat document; its tables come last."""
    plain = {key: value for key, value in document.items() if not isinstance(value, Mapping)}
    lines = [f"{key} = {_toml(value)}" for key, value in plain.items()]
    for name, table in document.items():
        if isinstance(table, Mapping):
            lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _document(home: Home, number: str, stage: Stage, department: Department) -> dict[str, object]:
    today = local_day(home.clock.now())
    return {
        "number": number,
        "partner": department.code,
        "purpose": department.purpose,
        "legal_basis": department.legal_basis,
        "class": "scoped",
        "scope": [stage.root],
        "fields": dict.fromkeys(department.fields, "核对"),
        "hit_rate": 90,
        "contact": "联系人",
        "networks": ["127.0.0.0/8"],
        "hours": ["00:00-24:00"],
        "valid_from": today - timedelta(days=1),
        "valid_until": today + timedelta(days=365),
        "max_data_age_days": 365,
        "tells_not_found": False,
        "limits": limits(),
    }
