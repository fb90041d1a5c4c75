"""Sets the stage of the demonstration: a home, a league in a source database, four departments and their grants."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from adapters.keys.files import private_folder
from adapters.keys.making import ClientKeys, make_client
from adapters.keys.ring import sync_keys
from gateway.domain.grant import local_day
from ops.demo.league import League
from ops.demo.office import found_home, rehearse
from ops.demo.register import write_register
from ops.demo.sheets import write_lists
from ops.settings import Home, load
from ops.sync import SyncSettings, run
from ops.sync.decoys.custody import make_custodian
from ops.sync.report import LoadReport
from policies.catalogue import load_catalogue

ORIGIN = "demo.bidui.example/audit/2026-1"
ISSUER = "https://bidui.example"
MAPPINGS = Path(__file__).parent / "mappings"
SEED = 1
CUSTODIANS = ("bb-youer-a", "bb-youer-b")
"""Who holds the keys of the list of decoys."""


@dataclass(frozen=True, slots=True)
class Department:
    """A partner of the demonstration and what its grant says."""

    code: str
    zh: str
    en: str
    client: str
    operator: str
    purpose: str
    legal_basis: str
    fields: tuple[str, ...]
    subjects_per_day: int = 200


DEPARTMENTS = (
    Department(
        "caizheng",
        "盟财政局",
        "League Finance Bureau",
        "caizheng-pay-01",
        "cz-liu",
        "payroll-check",
        "关于建立防止“吃空饷”长效机制的指导意见",
        ("name", "unit", "quota_type", "quota_funding", "person_status", "pay_unit", "pay_status", "pay_amount"),
    ),
    Department(
        "renshe",
        "盟人力资源和社会保障局",
        "League Human Resources Bureau",
        "renshe-hr-01",
        "rs-wang",
        "title-review",
        "职称评审管理暂行规定",
        ("name", "unit", "person_status", "post_category", "title", "education", "degree", "work_start"),
    ),
    Department(
        "zuzhi",
        "盟委组织部",
        "League Organisation Department",
        "zuzhi-cadre-01",
        "zz-zhao",
        "cadre-review",
        "干部选拔任用工作监督检查和责任追究办法",
        ("name", "unit", "person_status", "post", "leader_rank", "rank", "birth_month", "work_start"),
    ),
    Department(
        "shebao",
        "盟社会保险事业服务中心",
        "League Social Insurance Centre",
        "shebao-pension-01",
        "sb-chen",
        "benefit-check",
        "中华人民共和国社会保险法",
        ("name", "unit", "person_status", "birth_date", "birth_month", "work_start", "pay_status"),
        subjects_per_day=3,
    ),
)

_SYNC = """# 演示数据源：仅本机可见。正式环境由编办填写只读账号
[[sources]]
url = "sqlite:///{source}"
mapping = "person.toml"

[[sources]]
url = "sqlite:///{source}"
mapping = "organisation.toml"
"""

_PARTNER = """code = "{code}"
zh = "{zh}"
en = "{en}"
department = "{code}"

[[systems]]
client_id = "{client}"
alg = "ES256"
certificates = ["{thumbprint}"]
networks = {{ loopback = ["127.0.0.0/8"] }}

[[systems.jwks]]
kid = "{kid}"
kty = "EC"
crv = "P-256"
x = "{x}"
y = "{y}"

[[operators]]
id = "{operator}"
name = "演示经办人"
kind = "person"

[[operators]]
id = "{operator}-job"
name = "演示定时任务"
kind = "job"
owner = "{operator}"
"""

_GRANT = """number = "{number}"
partner = "{code}"
purpose = "{purpose}"
legal_basis = "{legal_basis}"
class = "scoped"
scope = ["{unit}"]
networks = ["127.0.0.0/8"]
hours = ["00:00-24:00"]
valid_from = {first}
valid_until = {last}
max_data_age_days = 365
tells_not_found = false
hit_rate = 90
contact = "演示联系人 000-0000"

[fields]
{fields}

[limits]
subjects_per_day = {subjects_per_day}
subjects_per_30_days = 2000
subjects_per_year = 20000
comparisons_per_day = 10000
"""


def stage(home: Home, *, persons: int, port: int = 8420, metrics_port: int = 9420) -> tuple[League, LoadReport]:
    """Makes the whole stage in an empty home, up to the sealed index and the loaded grants."""
    found_home(home, origin=ORIGIN, issuer=ISSUER, port=port, metrics_port=metrics_port)
    league = League.of(seed=SEED, persons=persons)
    report = _load_register(home, league)
    for department in DEPARTMENTS:
        write_partner(home, department, make_client(home.path, department.client, home.clock))
        write_grant(home, department, league.organisations[0].code)
    rehearse(home)
    return league, report


def grant_number(home: Home, department: Department) -> str:
    """The number on the department's grant."""
    return f"{local_day(home.clock.now()).year}-{department.code}-001"


def write_partner(home: Home, department: Department, keys: ClientKeys) -> Path:
    """The department's partner file."""
    jwk = keys.jwk()
    path = home.folder("partners") / f"{department.code}.toml"
    path.write_text(
        _PARTNER.format(
            code=department.code,
            zh=department.zh,
            en=department.en,
            client=department.client,
            operator=department.operator,
            thumbprint=keys.thumbprint(),
            kid=jwk["kid"],
            x=jwk["x"],
            y=jwk["y"],
        ),
        encoding="utf-8",
    )
    return path


def write_grant(home: Home, department: Department, unit: str) -> Path:
    """The department's grant over a unit and everything under it, for a year around today."""
    today = local_day(home.clock.now())
    path = home.folder("grants") / f"{grant_number(home, department)}.toml"
    path.write_text(
        _GRANT.format(
            number=grant_number(home, department),
            code=department.code,
            purpose=department.purpose,
            legal_basis=department.legal_basis,
            unit=unit,
            fields="\n".join(f'{key} = "演示核对"' for key in department.fields),
            first=today - timedelta(days=1),
            last=today + timedelta(days=365),
            subjects_per_day=department.subjects_per_day,
        ),
        encoding="utf-8",
    )
    return path


def _load_register(home: Home, league: League) -> LoadReport:
    source = home.path / "source" / "register.sqlite"
    source.parent.mkdir(mode=0o700)
    write_register(league, f"sqlite:///{source}")
    write_lists(league, home.path / "source" / "lists")
    (home.path / "sync.toml").write_text(_SYNC.format(source=source), encoding="utf-8")
    for mapping in sorted(MAPPINGS.glob("*.toml")):
        (home.folder("mappings") / mapping.name).write_bytes(mapping.read_bytes())
    units = (f'"{each.code}" = "{each.parent or ""}"' for each in league.organisations)
    (home.path / "units.toml").write_text("\n".join(units) + "\n", encoding="utf-8")
    _appoint_custodians(home)
    return run(load(home, "sync.toml", SyncSettings), home, sync_keys(home.path), load_catalogue())


def _appoint_custodians(home: Home) -> None:
    """Two made-up people who open the list of decoys together; their keys lie with those of the others."""
    people = private_folder(home.keys / "people")
    for name in CUSTODIANS:
        make_custodian(home.keys, name, people / f"{name}.pem", None, secrets.token_bytes)
