"""An office, a gateway and a ledger in one home, over which people look back: deeds signed by the synthetic office,
comparisons answered by a real pipeline, both on one SQLite database."""

from __future__ import annotations

import json
import shutil
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from adapters.identity.registry import Registry
from adapters.sealing.client import Deeds
from adapters.sql.check_reader import SqlCheckReader
from adapters.sql.deed_reader import SqlDeedReader
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlStore
from adapters.sql.watch_reader import SqlWatchReader
from audit.entry import JsonValue, decode
from gateway.checking import SpotChecks
from gateway.deeds.document import Kind
from gateway.domain.caller import Caller
from gateway.domain.comparison import Comparison
from gateway.domain.people import Duty
from gateway.domain.reply import Reply, Request
from gateway.habits import Habits
from gateway.idempotency import Idempotency
from gateway.pipeline import Pipeline
from gateway.proposals import RULEBOOKS_ID
from gateway.record import Recorder
from gateway.review.bygone import Bygone
from gateway.review.explaining import Explaining
from gateway.review.hindsight import Hindsight
from gateway.review.passing import Pace
from gateway.review.rehearsal import Rehearsal
from gateway.seal import Layout
from gateway.watching import Watch
from ops.demo.office import SyntheticOffice
from ops.foundation import read_home_foundation
from ops.log_keys import make_ledger
from ops.rights import RightsDesk
from ops.settings import Home, Mode, ServeSettings, load
from tests.audit.make import RECEIPT_SIGNER
from tests.fakes import DeskSeal, DrivenClock, MemoryRegister, a_desk
from tests.fakes_audit import CountingEntropy
from tests.gateways import LENIENT, SECRET, WATCH_KEY, some_facts
from tests.homes import a_home
from tests.make import CATALOGUE, ORIGIN, a_claim, a_grant, a_request, an_id

FINANCE, DISCIPLINE = "caizheng-pay-01", "jijian-review-01"
CLERKS = {FINANCE: "cz-wang", DISCIPLINE: "jj-li"}
GRANT = {
    "number": "G-1",
    "partner": "caizheng",
    "purpose": "payroll-check",
    "fields": ["name", "unit", "quota_type", "pay_status"],
    "reference_dates": ["2025-12-31"],
}
SECRET_GRANT = {
    "number": "J-1",
    "partner": "jijian",
    "purpose": "discipline-review",
    "class": "matter",
    "fields": ["name", "unit", "post"],
}

AT_ONCE = Pace(seconds=lambda: 0.0, rest=lambda: None)


@cache
def _pattern() -> TemporaryDirectory[str]:
    """An office with two partners and a grant each, kept for as long as the run takes."""
    kept = TemporaryDirectory(prefix="bidui-bygones-")
    home = a_home(Path(kept.name) / "home")
    (home.path / "units.toml").write_text('root = ""\nother = "root"\n', encoding="utf-8")
    office = SyntheticOffice(home)
    office.publish()
    for client, department in ((FINANCE, "caizheng"), (DISCIPLINE, "jijian")):
        office.partner(_partner_file(home, client, department))
    for grant in (GRANT, SECRET_GRANT):
        office.grant(a_grant(**grant))
    office.close()
    return kept


def _partner_file(home: Home, client: str, department: str) -> Path:
    def text(what: str) -> str:
        return urlsafe_b64encode(sha256(f"{what} of {client}".encode()).digest()).rstrip(b"=").decode()

    path = home.folder("partners") / f"{department}.toml"
    path.write_text(
        f"""
code = "{department}"
zh = "某{department}局"
en = "{department}"
department = "{department}"
[[systems]]
client_id = "{client}"
alg = "ES256"
certificates = ["{text("certificate")}"]
networks = {{ gov_extranet = ["10.20.0.0/16"], far = ["192.168.0.0/24"] }}
[[systems.jwks]]
kid = "a"
kty = "OKP"
crv = "Ed25519"
x = "{text("key")}"
[[operators]]
id = "{CLERKS[client]}"
name = "某人"
kind = "person"
""".replace("ES256", "EdDSA"),
        encoding="utf-8",
    )
    return path


@dataclass(kw_only=True)
class Bygones:
    """The parts, and short ways to use them."""

    home: Home
    clock: DrivenClock
    office: SyntheticOffice
    pipeline: Pipeline
    rights: RightsDesk
    seal: DeskSeal
    register: MemoryRegister
    ledger: SqlLedgerReader
    bygone: Bygone
    explaining: Explaining
    hindsight: Hindsight
    rehearsal: Rehearsal

    def close(self) -> None:
        self.office.close()
        self.pipeline.store.close()
        self.seal.close()
        self.ledger.close()

    def caller(self, client: str = FINANCE, address: str = "10.20.0.7") -> Caller:
        """A system as the door would let it in now."""
        known = self.bygone.present().system(client)
        assert known is not None
        partner, system = known
        network = system.network_of(address) or ""
        return Caller(partner.code, client, partner.department, partner.operators, address, network)

    def ask(self, *fields: str, client: str = FINANCE, address: str = "10.20.0.7", **changes: object) -> int:
        """One comparison; the index of its entry."""
        claims = [a_claim(field, _VALUES[field]) for field in fields or ("unit",)]
        usual = {"grant": "J-1" if client == DISCIPLINE else "G-1", "operator": CLERKS[client]}
        usual["purpose"] = str((SECRET_GRANT if client == DISCIPLINE else GRANT)["purpose"])
        self.put(a_request(1, claims=claims, caller=self.caller(client, address), key=None, **(usual | changes)))  # type: ignore[arg-type]  # a table of changes
        return self.ledger.head().size - 1

    def put(self, request: Request) -> Reply:
        """One turn of one request."""
        (reply,) = self.pipeline.answer([request])
        return reply

    def entry(self, index: int) -> Mapping[str, object]:
        """An entry of the ledger, opened."""
        return cast("Mapping[str, object]", decode(next(iter(self.ledger.entries(index, index + 1)))))

    def types(self) -> list[str]:
        """The kinds of all entries."""
        return [str(self.entry(index)["type"]) for index in range(self.ledger.head().size)]

    def put_in_force(self, kind: Kind, deed_id: str, content: Mapping[str, JsonValue], *by: Duty, **more: str) -> int:
        """A deed of the office; the index of the entry that brought it into force."""
        self.office.put_in_force(kind, deed_id, content, *by, **more)
        return self.ledger.head().size - 1

    def freeze(self, named: str) -> int:
        """Freezes something."""
        return self.put_in_force(Kind.FREEZE, named, {"frozen": True}, Duty.SECURITY_ADMIN, reason="疑似泄露")

    def rulebooks(self) -> dict[str, dict[str, str]]:
        """The content of the rulebooks in force, to be changed."""
        content = self.bygone.present().standing.content(Kind.RULEBOOKS, RULEBOOKS_ID)
        return cast("dict[str, dict[str, str]]", json.loads(json.dumps(content)))

    def publish(self, content: Mapping[str, object]) -> int:
        """The next version of the rulebooks."""
        whole = cast("Mapping[str, JsonValue]", content)
        return self.put_in_force(Kind.RULEBOOKS, RULEBOOKS_ID, whole, Duty.SECURITY_ADMIN, Duty.LEADER)


_VALUES = {
    "unit": "盟教育局",
    "quota_type": "行政编制",
    "pay_status": "正常发薪",
    "person_status": "在职",
    "post": "主任",
}


def without(content: Mapping[str, Mapping[str, str]], field: str) -> dict[str, dict[str, str]]:
    """Rulebooks in which finance may not ask for a field, and is not expected to."""
    changed = {part: dict(texts) for part, texts in content.items()}
    for part in ("files", "expectations"):
        text = changed[part]["caizheng.toml"]
        assert f'"{field}", ' in text
        changed[part]["caizheng.toml"] = text.replace(f'"{field}", ', "")
    return changed


def bygones(path: Path) -> Bygones:
    """A copy of the office in a folder that is not there yet, with a gateway over it."""
    shutil.copytree(Path(_pattern().name) / "home", path)
    clock = DrivenClock()
    home = Home(path=path, mode=Mode.TEST, clock=clock)
    settings, foundation = load(home, "serve.toml", ServeSettings), read_home_foundation(home)
    url = home.database_url(settings)
    seal = DeskSeal(a_desk(path, clock, foundation=foundation, entropy=CountingEntropy("seal")))

    def changed(_: Registry, deeds: Deeds) -> None:
        seal.know(deeds)

    rights = RightsDesk(foundation=foundation, database=url, catalogue=CATALOGUE, clock=clock, changed=changed)
    register, ledger = MemoryRegister(), SqlLedgerReader.open(url)
    register.put(an_id(1), some_facts())
    bygone = Bygone(
        foundation=foundation,
        deeds=SqlDeedReader.open(url),
        responses=SqlWatchReader.open(url),
        ledger=ledger,
        catalogue=CATALOGUE,
        clock=clock,
    )
    explaining = Explaining(bygone=bygone, catalogue=CATALOGUE)
    pipeline = Pipeline(
        clock=clock,
        store=SqlStore(url),
        rights=rights,
        seal=seal,
        index=register,
        comparisons={kind: Comparison(Layout(CATALOGUE, kind), CountingEntropy(kind)) for kind in CATALOGUE.kinds},
        recorder=Recorder(
            origin=ORIGIN,
            ledger=make_ledger(home, settings, None),
            signer=RECEIPT_SIGNER,
            entropy=CountingEntropy("recorder"),
        ),
        watch=Watch(WATCH_KEY, CATALOGUE, LENIENT),
        spot_checks=SpotChecks(WATCH_KEY, LENIENT),
        habits=Habits(WATCH_KEY, LENIENT),
        idempotency=Idempotency(SECRET, CountingEntropy("answers")),
        broke=lambda _, error: (_ for _ in ()).throw(AssertionError(error)),
    )
    return Bygones(
        home=home,
        clock=clock,
        office=SyntheticOffice(replace(home, clock=clock)),
        pipeline=pipeline,
        rights=rights,
        seal=seal,
        register=register,
        ledger=ledger,
        bygone=bygone,
        explaining=explaining,
        hindsight=Hindsight(
            bygone=bygone, explaining=explaining, ledger=ledger, spot_check=SqlCheckReader.open(url).check
        ),
        rehearsal=Rehearsal(bygone=bygone, ledger=ledger, catalogue=CATALOGUE, pace=AT_ONCE),
    )
