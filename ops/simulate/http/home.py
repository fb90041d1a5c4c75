"""A throw-away home of a world: founded, its register sealed, its partners enrolled, their grants signed for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from adapters.clock import FileClock
from adapters.index.directory import pointer
from adapters.keys.files import read_secret
from adapters.keys.making import ClientKeys, make_client
from adapters.keys.ring import sync_keys
from gateway.domain.caller import OperatorKind
from gateway.seal import Sealer, SealingKey
from gateway.watch.cells import watch_key
from ops import installing
from ops.demo.office import SyntheticOffice, found_home
from ops.settings import Home, Mode
from ops.simulate.asking import PERSON
from ops.simulate.http.register import seal_register, write_source
from ops.simulate.http.serving import free_ports
from ops.simulate.http.timepiece import Timepiece
from ops.simulate.partners import Kind, Member
from ops.simulate.world import World
from policies.catalogue import load_catalogue

ISSUER = "https://simulation.bidui.example"
ORIGIN = "simulation.bidui.example/audit/1"
CLOCK = "clock"
_SETTINGS = """origin = "{origin}"
issuer = "{issuer}"
port = {port}
metrics_port = {metrics_port}
trusted_proxies = ["127.0.0.1/32"]
least_free_megabytes = 1
reserve_megabytes = 0
"""
_COMMON = """department = "tier:all"
zh = "演练通则"
en = "General part of the simulation"
version = 1
[[networks]]
id = "everywhere"
zh = "任何地址"
cidrs = ["0.0.0.0/0", "::/0"]
[[windows]]
id = "always"
zh = "任何时间"
times = ["mon-sun 00:00-24:00"]
"""
_BOOK = """department = "dept:simulation"
zh = "演练规则册"
en = "Simulation"
version = 1
"""
_PURPOSE = """[[purposes]]
id = "{purpose}"
zh = "演练用途"
legal_basis = "演练"
"""
_RULE = """[[rules]]
id = "sim-{purpose}"
effect = "allow"
fields = {fields}
operators = ["equals"]
purposes = ["{purpose}"]
window = "always"
network = "everywhere"
legal_basis = "演练"
reason = "演练"
"""
_TABLE = """department = "dept:simulation"
client = "client:sim-table"
zh = "演练部门"
at = 2026-03-02T10:00:00+08:00
address = "10.8.0.5"
unit = "org:all"
"""
_MAY = """[[may]]
purpose = "{purpose}"
fields = {fields}
operators = ["equals"]
"""
_PARTNER = """code = "{code}"
zh = "演练部门"
en = "Simulated partner"
department = "simulation"
[[systems]]
client_id = "{client}"
alg = "ES256"
certificates = ["{thumbprint}"]
networks = {{ {networks} }}
[[systems.jwks]]
kid = "{kid}"
use = ["assertion", "request"]
kty = "EC"
crv = "P-256"
x = "{x}"
y = "{y}"
"""
_PERSON = """[[operators]]
id = "{id}"
name = "演练经办人"
kind = "person"
"""
_JOB = """[[operators]]
id = "{id}"
name = "演练定时任务"
kind = "job"
owner = "{owner}"
"""


def found(folder: Path, world: World, members: Sequence[Member]) -> Home:
    """The home of a world in an empty folder, at the beginning of its year."""
    folder.mkdir(mode=0o700)
    Timepiece.new(folder / CLOCK)
    home = home_in(folder)
    found_home(home, origin=ORIGIN, issuer=ISSUER)
    write_rules(home)
    write_source(home, world)
    seal_register(home)
    installing.migrate(home)
    with closing(SyntheticOffice(home)) as office:
        office.found()
        office.publish()
        for member in members:
            office.partner(_write_partner(home, member))
            office.grant(member.grant)
    renew(home)
    return home


def home_in(folder: Path) -> Home:
    """The home in a folder; its clock is a file beside it."""
    return Home(path=folder / "home", mode=Mode.TEST, clock=FileClock(folder / CLOCK))


def copy(home: Home, folder: Path) -> Home:
    """A home like this one, which is not running: with ports of its own."""
    shutil.copytree(home.path.parent, folder, ignore=shutil.ignore_patterns("*.sock"))
    copied = home_in(folder)
    renew(copied)
    return copied


def key_of(home: Home) -> bytes:
    """What the watch of a home draws by."""
    return watch_key(read_secret(home.keys / "serve" / "idempotency.secret", None))


def link_in(home: Home) -> Callable[[str], bytes]:
    """What makes the long-lived names of persons in a home."""
    published = pointer(home.index)
    assert published is not None
    secret = SealingKey(sync_keys(home.path).sealing)
    return Sealer(secret, load_catalogue(), PERSON, published.generation, os.urandom).link


def renew(home: Home) -> None:
    """Settings with ports that nobody listens on, and a socket whose path is short: systems allow a hundred bytes."""
    port, metrics_port = free_ports()
    text = _SETTINGS.format(origin=ORIGIN, issuer=ISSUER, port=port, metrics_port=metrics_port)
    (home.path / "serve.toml").write_text(text, encoding="utf-8")
    (home.path / "seal.toml").write_text(f'socket = "{home.path.parent / "s.sock"}"\n', encoding="utf-8")


def write_rules(home: Home) -> None:
    """One department, one rule a kind of partner: what narrows a question is its grant."""
    folder, tables = home.folder("rulebooks"), home.folder("expectations")
    for shipped in folder.glob("*.toml"):
        shipped.unlink()
    tables.mkdir(exist_ok=True)
    fields = sorted(key for key in load_catalogue().fields)
    listed = str(fields).replace("'", '"')
    rules = "".join(_RULE.format(purpose=kind.value, fields=listed) for kind in Kind)
    purposes = "".join(_PURPOSE.format(purpose=kind.value) for kind in Kind)
    expected = "".join(_MAY.format(purpose=kind.value, fields=listed) for kind in Kind)
    (folder / "common.toml").write_text(_COMMON, encoding="utf-8")
    (folder / "simulation.toml").write_text(_BOOK + purposes + rules, encoding="utf-8")
    (tables / "simulation.toml").write_text(_TABLE + expected, encoding="utf-8")


def _write_partner(home: Home, member: Member) -> Path:
    caller = member.callers[0]
    text = _system(member, make_client(home.path, caller.client_id, home.clock))
    people = [each for each in caller.operators.values() if each.kind is OperatorKind.PERSON]
    jobs = [each for each in caller.operators.values() if each.kind is OperatorKind.JOB]
    text += "".join(_PERSON.format(id=each) for each in [*(p.id for p in people), *(str(j.owner) for j in jobs)])
    text += "".join(_JOB.format(id=each.id, owner=each.owner) for each in jobs)
    path = home.folder("partners") / f"{caller.partner}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _system(member: Member, keys: ClientKeys) -> str:
    jwk = keys.jwk()
    networks = ", ".join(f'{each.network} = ["{each.address}/32"]' for each in member.callers)
    return _PARTNER.format(
        code=member.callers[0].partner,
        client=member.callers[0].client_id,
        thumbprint=keys.thumbprint(),
        networks=networks,
        kid=jwk["kid"],
        x=jwk["x"],
        y=jwk["y"],
    )
