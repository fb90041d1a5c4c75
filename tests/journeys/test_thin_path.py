"""The thin path, in processes of their own: a league, sealed, served, asked through the SDK, proven and verified.

Nothing here is a stand-in: the register is a database, sync, serve and seal are the product's commands, the wire is TLS
with client certificates, and whoever verifies holds no more than a partner holds.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx2
import pytest

from adapters.clock import SystemClock
from adapters.identity.tokens import TokenMint
from adapters.index.directory import read_current
from adapters.keys.files import read_ed25519_public, read_p256
from adapters.keys.making import make_client, read_client
from audit.report import Exit
from audit.trust import parse_trust
from audit.verify_receipt import verify_receipt
from bidui_client import Account, Answer, Claim, Client, RefusedError, Subject, load_key, tls_context
from ops.demo.league import League
from ops.demo.office import found_home, rehearse
from ops.demo.person import Person
from ops.demo.register import change_some, write_register
from ops.demo.staging import DEPARTMENTS, MAPPINGS, Department, grant_number, write_grant, write_partner
from ops.settings import Home, Mode
from tests.homes import bidui, environment, free_ports, started, until

pytestmark = pytest.mark.slow

PERSONS = 1_000
ORIGIN, ISSUER = "journey.example/audit/2026-1", "https://journey.example"
FINANCE, CADRES = DEPARTMENTS[0], DEPARTMENTS[2]
DEMO = environment(BIDUI_MODE="demo")


@dataclass
class Served:
    """A league behind a gateway that listens."""

    suite: str
    home: Home
    league: League
    url: str
    metrics: str
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        return self.home.path / "serve.log"

    def person(self, place: int = 0) -> Person:
        """Somebody in office with nothing awkward about them."""
        return [each for each in self.league.people() if not each.cases and each.status == "在职"][place]

    def unit_of(self, person: Person) -> str:
        return next(each.name for each in self.league.organisations if each.code == person.main_post.organisation)

    def ask(self, person: Person, *claims: Claim, department: Department = FINANCE, **changes: str) -> Answer:
        """One comparison through the SDK."""
        said = {"purpose": department.purpose, "id": person.id_number, "name": person.name} | changes
        with self.client(department) as client:
            return client.compare(
                grant=grant_number(self.home, department),
                purpose=said["purpose"],
                operator=department.operator,
                subject=Subject("person", said["id"], said["name"]),
                claims=list(claims) or [Claim("person_status", "在职")],
            )

    @contextmanager
    def client(self, department: Department = FINANCE) -> Iterator[Client]:
        key = load_key(self._folder(department) / "assertion.pem")
        account = Account(url=self.url, client_id=department.client, key=key, audience=ISSUER)
        with Client(account, tls=self.tls(department)) as opened:
            yield opened

    def get(self, path: str, department: Department = FINANCE) -> httpx2.Response:
        with httpx2.Client(verify=self.tls(department), trust_env=False) as http:
            return http.get(self.url + path)

    def tls(self, department: Department = FINANCE) -> ssl.SSLContext:
        folder = self._folder(department)
        authority = self.home.keys / "authority.crt"
        return tls_context(certificate=folder / "tls.crt", key=folder / "tls.pem", ca=authority)

    def prove(self, answer: Answer) -> Exit:
        """What a partner's own check of the receipt comes to, with a proof from the log's door."""
        index = answer.receipt["body"]["index"]
        until(lambda: self.get(f"/v1/log/proofs/inclusion?index={index}").status_code == 200)
        proof = self.get(f"/v1/log/proofs/inclusion?index={index}").json()["tlog_proof"]
        trust = parse_trust(self.get("/v1/log/trust").content)
        receipt = json.dumps(answer.receipt).encode()
        return verify_receipt(receipt, trust, proof=proof.encode(), request=answer.sent).verdict

    def seal(self) -> int:
        """The sealing process, as serve started it."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        children = [int(pid) for task in tasks for pid in task.read_text().split()]
        return next(pid for pid in children if b"\0seal\0" in Path(f"/proc/{pid}/cmdline").read_bytes())

    def _folder(self, department: Department) -> Path:
        return self.home.keys / "clients" / department.client


@pytest.fixture(scope="module", params=["intl", "gm"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """From nothing to a gateway that is ready, the way an operator goes."""
    home = Home(path=tmp_path_factory.mktemp("journey") / "home", mode=Mode.DEMO, clock=SystemClock())
    league = League.of(seed=7, persons=PERSONS)
    port, metrics_port = free_ports(2)
    found_home(home, origin=ORIGIN, issuer=ISSUER, suite=request.param, port=port, metrics_port=metrics_port)
    _describe_source(home, league, request.param)
    ok("sync", "--home", home.path)
    for department in (FINANCE, CADRES):
        write_partner(home, department, make_client(home.path, department.client, home.clock))
        write_grant(home, department, league.organisations[0].code)
    rehearse(home)
    log = home.path / "serve.log"
    with started("serve", "--home", home.path, log=log, env=DEMO) as process:
        made = Served(
            request.param, home, league, f"https://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}", process
        )
        until(lambda: _is_ready(made))
        yield made


def ok(*arguments: str | Path) -> str:
    """Runs a command that must go well."""
    done = bidui(*arguments, env=DEMO)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _describe_source(home: Home, league: League, suite: str) -> None:
    """What an operator writes: where the register is, how its columns are called, how the units hang together."""
    source = home.path / "source" / "register.sqlite"
    source.parent.mkdir(mode=0o700)
    write_register(league, f"sqlite:///{source}")
    for mapping in MAPPINGS.glob("*.toml"):
        (home.folder("mappings") / mapping.name).write_bytes(mapping.read_bytes())
    sources = "".join(
        f'[[sources]]\nurl = "sqlite:///{source}"\nmapping = "{name}.toml"\n\n' for name in ("person", "organisation")
    )
    (home.path / "sync.toml").write_text(f'suite = "{suite}"\n\n{sources}', encoding="utf-8")
    units = (f'"{each.code}" = "{each.parent or ""}"\n' for each in league.organisations)
    (home.path / "units.toml").write_text("".join(units), encoding="utf-8")


def _is_ready(served: Served) -> bool:
    assert served.process.poll() is None, served.log.read_text(errors="replace")[-2_000:]
    try:
        return served.get("/readyz").status_code == 200
    except httpx2.TransportError:
        return False


# ---------------------------------------------------------------------------------------- asked


def test_a_person_of_the_register_is_compared_and_the_receipt_proven(served: Served) -> None:
    person = served.person()

    answer = served.ask(person, Claim("unit", served.unit_of(person)), Claim("person_status", "退休"))

    assert answer.subject == "confirmed"
    assert answer.fields == {"name": "match", "unit": "match", "person_status": "mismatch"}
    assert served.prove(answer) is Exit.PROVEN


def test_nobody_wrong_name_and_somebody_else_are_one_answer(served: Served) -> None:
    person, other = served.person(0), served.person(1)
    answers = [
        served.ask(person, id="11010519491231002X"),
        served.ask(person, name="欧阳不在册"),
        served.ask(person, id=other.id_number) if other.name != person.name else served.ask(person, name="欧阳"),
    ]

    assert {answer.subject for answer in answers} == {"not_confirmed"}
    assert {tuple(answer.fields.items()) for answer in answers} == {
        (("name", "not_compared"), ("person_status", "not_compared"))
    }
    assert all(served.prove(answer) is Exit.PROVEN for answer in answers)


def test_what_is_not_granted_is_refused_with_an_incident_in_the_log(served: Served) -> None:
    with pytest.raises(RefusedError) as refused:
        served.ask(served.person(), purpose="curiosity")

    assert refused.value.reason == "not_permitted"
    assert refused.value.incident


def test_a_field_without_right_says_so(served: Served) -> None:
    answer = served.ask(served.person(), Claim("title", "正高级"))

    assert answer.fields == {"name": "match", "title": "not_authorised"}


def test_the_command_line_asks_as_the_sdk_does(served: Served, tmp_path: Path) -> None:
    person, keys = served.person(), served.home.keys
    folder = keys / "clients" / FINANCE.client
    query = {
        "grant": grant_number(served.home, FINANCE),
        "purpose": FINANCE.purpose,
        "operator": FINANCE.operator,
        "subject": {"kind": "person", "id": person.id_number, "name": person.name},
        "claims": [{"field": "person_status", "value": "在职"}],
    }
    (tmp_path / "query.json").write_text(json.dumps(query), encoding="utf-8")

    told = ok(
        *("compare", tmp_path / "query.json", "--url", served.url, "--client", FINANCE.client, "--json"),
        *("--key", folder / "assertion.pem", "--audience", ISSUER),
        *("--cert", folder / "tls.crt", "--cert-key", folder / "tls.pem", "--ca", keys / "authority.crt"),
    )

    assert json.loads(told)["fields"] == {"name": "match", "person_status": "match"}
    assert person.id_number not in told
    assert person.name not in told


def test_a_token_is_worth_nothing_without_its_own_certificate(served: Served) -> None:
    key = read_p256(served.home.keys / "serve" / "token.pem", None)
    mint = TokenMint(key=key, issuer=ISSUER, audience=ISSUER)
    own = read_client(served.home.path, FINANCE.client).thumbprint()
    token = mint.mint(FINANCE.client, own, "0123456789abcdef", served.home.clock.now())
    bare = ssl.create_default_context(cafile=str(served.home.keys / "authority.crt"))

    def look(tls: ssl.SSLContext) -> int:
        with httpx2.Client(verify=tls, trust_env=False) as http:
            return http.get(f"{served.url}/v1/catalogue", headers={"authorization": f"Bearer {token}"}).status_code

    assert look(served.tls(FINANCE)) == 200
    assert look(served.tls(CADRES)) == 401
    with pytest.raises(httpx2.TransportError):
        look(bare)


def test_index_log_and_trust_are_of_one_suite(served: Served) -> None:
    manifest = read_current(served.home.index, read_ed25519_public(served.home.keys / "sync.pub")).manifest

    assert manifest.suite == served.suite
    assert parse_trust(served.get("/v1/log/trust").content).suite.name == served.suite
    assert (served.home.keys / "serve" / "receipts-sm2.secret").exists() == (served.suite == "gm")


# ---------------------------------------------------------------------------------------- changed, broken, verified


def test_a_change_of_the_register_is_answered_after_the_next_sync(served: Served) -> None:
    person = served.person(2)
    asked = Claim("post", "调研员")
    before = served.ask(person, asked, department=CADRES)
    change_some(f"sqlite:///{served.home.path}/source/register.sqlite", share=1.0, at=datetime(2026, 11, 2, 9), seed=1)  # noqa: DTZ001 - as registers write it

    ok("sync", "--home", served.home.path)

    until(lambda: served.ask(person, asked, department=CADRES).data["version"] != before.data["version"])
    after = served.ask(person, asked, department=CADRES)
    assert (before.fields["post"], after.fields["post"]) == ("mismatch", "match")
    assert served.prove(before) is Exit.PROVEN
    assert served.prove(after) is Exit.PROVEN


def test_a_sealing_process_that_was_killed_is_there_again_without_hand_work(served: Served) -> None:
    old = served.seal()

    os.kill(old, signal.SIGKILL)

    until(lambda: not served.get("/readyz").json()["ready"])
    until(lambda: served.get("/readyz").json()["ready"])
    assert served.ask(served.person()).subject == "confirmed"
    assert served.seal() != old


def test_nobody_of_the_league_is_in_logs_or_metrics(served: Served) -> None:
    told = httpx2.get(f"{served.metrics}/metrics", trust_env=False).text + served.log.read_text(encoding="utf-8")

    assert "bidui_requests_total" in told
    assert [
        each.number for each in served.league.people() if each.id_number in told or each.id_number[6:14] in told
    ] == []


def test_the_log_is_proven_to_its_last_entry_when_serve_has_ended(served: Served) -> None:
    last = served.ask(served.person(1))

    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(20) == 0

    verified = json.loads(ok("audit", "verify", "--home", served.home.path, "--disclosures", "--json"))
    assert verified["verdict"] == "proven"
    assert verified["entries"] == last.receipt["body"]["index"] + 1
