"""From nothing to a department's first answer: every step proposed by one person, approved by another, in the ledger.

People type commands; the gateway is a process of its own behind TLS. At each step somebody who took a step before tries
to take this one too, and is refused with nothing half-applied.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import sleep
from typing import Any

import httpx2
import pytest

from adapters.clock import FileClock
from adapters.keys.making import ClientKeys, make_client
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.entry import decode
from audit.report import Exit
from audit.trust import parse_trust
from audit.verify_receipt import verify_receipt
from bidui_client import Account, Answer, Claim, Client, RefusedError, Subject, load_key, tls_context
from gateway.accounts.keys import fingerprint
from gateway.deeds.signature import Statement, sign, write_time
from gateway.domain.grant import local_day
from gateway.domain.people import Duty
from ops.cli.office.client import OfficeClient, to_text
from ops.cli.office.entering import own_key, public_of
from ops.cli.office.problems import OfficeError
from ops.cli.office.session import read_session
from ops.demo.league import League
from ops.demo.office import number_of
from ops.demo.person import Person
from ops.demo.register import write_register
from ops.demo.staging import DEPARTMENTS, MAPPINGS, grant_number, write_grant, write_partner
from ops.serve import FOLLOW_SECONDS
from ops.settings import Home, Mode, ServeSettings, load
from policies.expectations import SHIPPED_EXPECTATIONS
from policies.loader import SHIPPED_RULEBOOKS
from tests.homes import bidui, edit, free_ports, started, until
from tests.make import an_id
from tests.officers import Clock, Officer, Staff, Told

pytestmark = pytest.mark.slow

ORIGIN, ISSUER = "first.example/audit/2026-1", "https://first.example"
FINANCE = DEPARTMENTS[0]
FOUNDERS = {"bb-sys": Duty.SYSTEM_ADMIN, "bb-sec": Duty.SECURITY_ADMIN, "bb-aud": Duty.AUDIT_ADMIN}
REFUSED, TAMPERED = 3, 5


@dataclass(frozen=True)
class Try:
    """What somebody tried who must not, and whether anything came of it."""

    done: Told
    untouched: bool


@dataclass
class Story:
    """The installation and its people, and what was tried on the way."""

    home: Home
    league: League
    staff: Staff
    process: subprocess.Popen[bytes]
    keys: ClientKeys
    tries: dict[str, Try] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def who(self, account: str) -> Officer:
        return self.staff.everybody[account]

    @property
    def url(self) -> str:
        return self.staff.url

    # ------------------------------------------------------------------------------------------ tried in vain

    def tries_to_sign(self, what: str, account: str, digest: str) -> None:
        """Somebody signs a step that is not theirs."""
        self.attempt(what, account, digest, "deed", "sign", digest, "--key", self.who(account).key, "--yes")

    def attempt(self, what: str, account: str, digest: str, *arguments: object) -> None:
        """Somebody does what they must not. Keeps what they were told, and whether deed and ledger are as before."""
        officer, other = self.who(account), self.who("bb-aud")
        officer.refresh()
        other.refresh()
        before = (other.sees(digest), self.ledger_size())
        done = officer.run(*arguments, "--session", officer.session)
        self.tries[what] = Try(done, (other.sees(digest), self.ledger_size()) == before)

    # ------------------------------------------------------------------------------------------ the ledger

    def ledger_size(self) -> int:
        with closing(self._reader()) as reader:
            return reader.head().size

    def entries(self) -> list[dict[str, Any]]:
        """All entries, opened."""
        with closing(self._reader()) as reader:
            return [dict(decode(each)) for each in reader.entries(0, reader.head().size)]  # type: ignore[arg-type]  # entries are objects

    def _reader(self) -> SqlLedgerReader:
        return SqlLedgerReader.open(self.home.database_url(load(self.home, "serve.toml", ServeSettings)))

    # ------------------------------------------------------------------------------------------ the partner's system

    def person(self) -> Person:
        return next(each for each in self.league.people() if not each.cases and each.status == "在职")

    def ask(self, number: str, *claims: Claim) -> Answer:
        """One comparison by the department's system, through the SDK."""
        person = self.person()
        with self.client() as client:
            return client.compare(
                grant=number,
                purpose=FINANCE.purpose,
                operator=FINANCE.operator,
                subject=Subject("person", person.id_number, person.name),
                claims=list(claims) or [Claim("person_status", "在职")],
            )

    def get(self, path: str) -> httpx2.Response:
        folder = self.keys.folder
        tls = tls_context(certificate=folder / "tls.crt", key=folder / "tls.pem", ca=self.staff.ca)
        with httpx2.Client(verify=tls, trust_env=False) as http:
            return http.get(self.url + path)

    @contextmanager
    def client(self) -> Iterator[Client]:
        folder = self.keys.folder
        account = Account(
            url=self.url,
            client_id=FINANCE.client,
            key=load_key(folder / "assertion.pem"),
            audience=ISSUER,
            clock=lambda: self.staff.clock.now().timestamp(),
        )
        tls = tls_context(certificate=folder / "tls.crt", key=folder / "tls.pem", ca=self.staff.ca)
        with Client(account, tls=tls) as client:
            yield client


# ---------------------------------------------------------------------------------------- the story


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The whole way, as an office goes it."""
    folder = tmp_path_factory.mktemp("first")
    clock = Clock(folder / "clock")
    clock.start()
    home = Home(path=folder / "home", mode=Mode.TEST, clock=FileClock(clock.path))
    port, metrics_port = free_ports(2)
    codes = _founded(home, folder, port, metrics_port)
    staff = Staff(f"https://127.0.0.1:{port}", home.keys / "authority.crt", folder / "people", clock)
    with started("serve", "--home", home.path, log=folder / "serve.log", env=_environment(clock)) as process:
        made = Story(home, League.of(seed=7, persons=300), staff, process, _client_keys(home))
        until(lambda: _listens(made, folder / "serve.log"))
        _administrators_enrol(made, codes)
        _colleagues_enrol(made)
        _partner_is_registered(made)
        _rulebooks_are_published(made)
        _grant_is_signed(made)
        _register_is_sealed(made)
        yield made


def _founded(home: Home, folder: Path, port: int, metrics_port: int) -> dict[str, str]:
    """What the one person who installs types: `bidui init --answers FILE`."""
    answers = [f'origin = "{ORIGIN}"', f'issuer = "{ISSUER}"', f"port = {port}", f"metrics_port = {metrics_port}"]
    for account, duty in FOUNDERS.items():
        answers += [f"[administrators.{duty.value}]", f'id = "{account}"', f'name = "某{account}"']
        answers += [f'id_number = "{number_of(account)}"']
    file = folder / "answers.toml"
    file.write_text("\n".join(answers), encoding="utf-8")
    env = _environment(Clock(folder / "clock"))
    done = bidui("init", "--home", home.path, "--answers", file, "--json", env=env)
    assert done.returncode == 0, done.stderr
    codes: dict[str, str] = json.loads(done.stdout)["codes"]
    return codes


def _administrators_enrol(story: Story, codes: Mapping[str, str]) -> None:
    """Two are not enough for anything."""
    for account, duty in FOUNDERS.items():
        officer = story.staff.officer(account, duty)
        if duty is Duty.AUDIT_ADMIN:
            _nothing_works_before_three(story)
        officer.enrol(codes[account])
        sleep(2 * FOLLOW_SECONDS)  # until serve has noticed whom the code let in


def _nothing_works_before_three(story: Story) -> None:
    sys = story.who("bb-sys")
    invited = story.staff.folder / "who.toml"
    invited.write_text(f'name = "某人"\nid_number = "{number_of("somebody")}"', encoding="utf-8")
    content = story.staff.folder / "partner.toml"
    content.write_text('zh = "某局"\nen = "A bureau"\ndepartment = "dept:x"', encoding="utf-8")
    sys.refresh()
    size = story.ledger_size()
    for what, arguments in {
        "two administrators: invite": ("person", "invite", "bb-any", "--duty", "reviewer", "--who", invited),
        "two administrators: propose": ("deed", "draw", "partner", "any", content),
    }.items():
        done = sys.act(*arguments)
        story.tries[what] = Try(done, story.ledger_size() == size)
    story.notes["catalogue before"] = story.get("/v1/catalogue").status_code


def _colleagues_enrol(story: Story) -> None:
    sys, sec = story.who("bb-sys"), story.who("bb-sec")
    for account, duty in {"bb-rev": Duty.REVIEWER, "bb-lead": Duty.LEADER}.items():
        story.staff.invited(sys, account, duty)
    (reviewer,) = sys.proposes("person", "propose", "bb-rev")
    story.tries_to_sign("a person: approved by who proposed", "bb-sys", reviewer)
    story.tries_to_sign("a person: approved by another duty", "bb-aud", reviewer)
    sec.signs(reviewer)
    _by_break_glass(story)


def _by_break_glass(story: Story) -> None:
    """The author signs nothing but as the first: here another administrator signs first."""
    arguments = ("person", "propose", "bb-lead", "--break-glass", "--reason", "急")
    (leader,) = story.who("bb-sec").does(*arguments).deeds
    story.who("bb-sys").signs(leader)
    story.tries_to_sign("a person: approved by its author", "bb-sec", leader)
    story.who("bb-aud").signs(leader)


def _partner_is_registered(story: Story) -> None:
    sys, sec = story.who("bb-sys"), story.who("bb-sec")
    file = write_partner(story.home, FINANCE, story.keys)
    first = sys.does("partner", "propose", file, "--key", sys.key, "--yes")
    story.notes["left at first"] = first.json["left"]
    (partner,) = first.deeds
    story.tries_to_sign("a partner: approved by who proposed", "bb-sys", partner)
    sec.signs(partner)
    _partners_people(story)
    rest = sys.does("partner", "propose", file, "--key", sys.key, "--yes")
    story.notes["left at last"] = rest.json["left"]
    for digest in rest.deeds:
        kind = sys.sees(digest)["kind"]
        story.tries_to_sign(f"a {kind}: approved by who proposed", "bb-sys", digest)
    story.notes["at once"] = sec.signs(*rest.deeds)
    story.notes["again"] = sys.does("partner", "propose", file).json


def _partners_people(story: Story) -> None:
    sys, sec = story.who("bb-sys"), story.who("bb-sec")
    for account, duty in {FINANCE.operator: Duty.CLERK, "cz-head": Duty.HEAD}.items():
        story.staff.invited(sys, account, duty, FINANCE.code)
        (digest,) = sys.proposes("person", "propose", account)
        sec.signs(digest)
        who = story.who(account)
        story.notes[f"undertaking of {account}"] = who.does("undertake", "--key", who.key, "--yes").json["deeds"]
    (agreement,) = story.who("bb-rev").proposes("agreement", "offer", FINANCE.code)
    story.tries_to_sign("an agreement: accepted by who offered", "bb-rev", agreement)
    story.who("cz-head").signs(agreement)


def _rulebooks_are_published(story: Story) -> None:
    sec, units = story.who("bb-sec"), story.home.path / "units.toml"
    rows = (f'"{each.code}" = "{each.parent or ""}"\n' for each in story.league.organisations)
    units.write_text("".join(rows), encoding="utf-8")
    named = ("--expectations", SHIPPED_EXPECTATIONS, "--units", units)
    (digest,) = sec.proposes("rulebooks", "propose", SHIPPED_RULEBOOKS, *named)
    story.tries_to_sign("rulebooks: approved by who proposed", "bb-sec", digest)
    story.who("bb-lead").signs(digest)


def _grant_is_signed(story: Story) -> None:
    """The first application is refused, the second narrowed; head, reviewer and leader sign it."""
    clerk, head, reviewer = (story.who(each) for each in (FINANCE.operator, "cz-head", "bb-rev"))
    file = write_grant(story.home, FINANCE, story.league.organisations[0].code)
    number = story.notes["number"] = grant_number(story.home, FINANCE)
    (first,) = clerk.does("grant", "apply", file, "--reason", "工资统发").deeds
    story.notes["refused"] = head.does("deed", "refuse", first, "--reason", "字段过多").json
    (digest,) = clerk.does("grant", "apply", file, "--reason", "工资统发").deeds
    story.tries_to_sign("a grant: endorsed by who applied", FINANCE.operator, digest)
    story.tries_to_sign("a grant: endorsed by another duty", "bb-rev", digest)
    _not_without_a_fresh_factor(story, digest)
    head.refresh()
    replayed = _signature(head, digest, "endorse")
    _post(head, replayed)
    story.notes["replayed"] = _refusal(head, replayed)
    story.tries_to_sign("a grant: reviewed by who endorsed", "cz-head", digest)
    reviewer.refresh()
    early = _signature(reviewer, digest, "review")
    _wider_is_refused(story, file, digest)
    edit(file, "subjects_per_30_days = 2000", "subjects_per_30_days = 500")
    (narrowed,) = reviewer.does("deed", "narrow", digest, file, "--reason", "人数从严").deeds
    story.notes["changed meanwhile"] = _refusal(reviewer, early)
    story.notes["old digest"] = reviewer.tries_to_sign(digest)
    reviewer.signs(narrowed)
    story.tries_to_sign("a grant: signed off by who endorsed", "cz-head", narrowed)
    story.tries_to_sign("a grant: signed off by who reviewed", "bb-rev", narrowed)
    (done,) = story.who("bb-lead").signs(narrowed)
    story.notes["granted"] = done
    story.notes["shown"] = clerk.does("grant", "show", number).json["versions"]


def _not_without_a_fresh_factor(story: Story, digest: str) -> None:
    """The command finds out by itself; a program that does not care is told by the gateway."""
    head = story.who("cz-head")
    head.refresh()
    story.staff.clock.pass_by(6 * 60)
    size = story.ledger_size()
    done = head.run("deed", "sign", digest, "--key", head.key, "--yes", "--session", head.session)
    story.notes["not fresh"] = _refusal(head, _signature(head, digest, "endorse"))
    story.tries["a grant: endorsed without a fresh second factor"] = Try(done, story.ledger_size() == size)


def _wider_is_refused(story: Story, file: Path, digest: str) -> None:
    wider = story.staff.folder / "wider.toml"
    wider.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    edit(wider, "subjects_per_30_days = 2000", "subjects_per_30_days = 4000")
    story.attempt(
        "a grant: widened by the reviewer", "bb-rev", digest, "deed", "narrow", digest, wider, "--reason", "宽"
    )


def _register_is_sealed(story: Story) -> None:
    home, source = story.home, story.home.path / "source" / "register.sqlite"
    source.parent.mkdir(mode=0o700)
    write_register(story.league, f"sqlite:///{source}")
    for mapping in MAPPINGS.glob("*.toml"):
        (home.folder("mappings") / mapping.name).write_bytes(mapping.read_bytes())
    rows = (
        f'[[sources]]\nurl = "sqlite:///{source}"\nmapping = "{name}.toml"\n' for name in ("person", "organisation")
    )
    (home.path / "sync.toml").write_text("\n".join(rows), encoding="utf-8")
    done = bidui("sync", "--home", home.path, env=_environment(story.staff.clock))
    assert done.returncode == 0, done.stderr
    until(lambda: story.get("/readyz").status_code == 200)


# ---------------------------------------------------------------------------------------- told


def test_the_departments_first_comparison_is_answered_and_proven(story: Story) -> None:
    answer = story.ask(story.notes["number"], Claim("person_status", "退休"))

    assert (answer.subject, answer.fields) == ("confirmed", {"name": "match", "person_status": "mismatch"})
    index = answer.receipt["body"]["index"]
    until(lambda: story.get(f"/v1/log/proofs/inclusion?index={index}").status_code == 200)
    proof = story.get(f"/v1/log/proofs/inclusion?index={index}").json()["tlog_proof"]
    trust = parse_trust(story.get("/v1/log/trust").content)
    receipt = json.dumps(answer.receipt).encode()
    assert verify_receipt(receipt, trust, proof=proof.encode(), request=answer.sent).verdict is Exit.PROVEN


TRIES = (
    "two administrators: invite",
    "two administrators: propose",
    "a person: approved by who proposed",
    "a person: approved by another duty",
    "a person: approved by its author",
    "a partner: approved by who proposed",
    "a system: approved by who proposed",
    "a job: approved by who proposed",
    "an agreement: accepted by who offered",
    "rulebooks: approved by who proposed",
    "a grant: endorsed by who applied",
    "a grant: endorsed by another duty",
    "a grant: endorsed without a fresh second factor",
    "a grant: reviewed by who endorsed",
    "a grant: widened by the reviewer",
    "a grant: signed off by who endorsed",
    "a grant: signed off by who reviewed",
)


@pytest.mark.parametrize("what", TRIES)
def test_nobody_takes_two_steps_and_nothing_is_half_applied(story: Story, what: str) -> None:
    tried = story.tries[what]

    assert tried.done.code == REFUSED, tried.done
    assert tried.done.json["error"] in {"forbidden", "invalid", "step-up-required"}
    assert len(tried.done.json["detail"]) > 10
    assert tried.untouched


def test_every_try_is_in_the_table(story: Story) -> None:
    assert story.tries.keys() == set(TRIES)


def test_without_a_fresh_second_factor_the_command_says_to_show_it(story: Story) -> None:
    done = story.tries["a grant: endorsed without a fresh second factor"].done

    assert done.json["error"] == story.notes["not fresh"].kind == "step-up-required"
    assert "--totp" in done.json["detail"]


def test_before_three_administrators_are_in_no_system_is_let_in(story: Story) -> None:
    assert story.notes["catalogue before"] == 401


def test_a_signature_over_a_draft_that_was_changed_meanwhile_is_refused(story: Story) -> None:
    assert story.notes["changed meanwhile"].code == REFUSED
    assert story.notes["old digest"].code == 2


def test_a_replayed_signature_is_refused(story: Story) -> None:
    assert story.notes["replayed"].code == REFUSED


def test_a_partner_file_is_proposed_again_until_nothing_is_left(story: Story) -> None:
    assert any(FINANCE.operator in line for line in story.notes["left at first"])
    assert story.notes["left at last"] == []
    assert {each["kind"] for each in story.notes["at once"]} == {"system", "job"}
    assert {each["state"] for each in story.notes["at once"]} == {"in_force"}
    assert story.notes["again"] == {"deeds": [], "left": []}


def test_every_state_of_the_grant_is_in_the_ledger_with_old_and_new(story: Story) -> None:
    number = story.notes["number"]
    bodies = [(each["type"], each["body"]) for each in story.entries() if each["body"].get("id") == number]

    told = [(kind, body.get("step") or "") for kind, body in bodies]

    assert told == [
        ("deed.drawn", ""),
        ("deed.refused", "endorse"),
        ("deed.drawn", ""),
        ("deed.signed", "endorse"),
        ("deed.drawn", ""),
        ("deed.signed", "review"),
        ("deed.signed", "sign_off"),
        ("deed.in_force", ""),
    ]
    (*_, (_, in_force)) = bodies
    assert in_force["by"] == ["cz-head", "bb-rev", "bb-lead"]
    assert {"at": "/limits/subjects_per_30_days", "old": "-", "new": 500} in in_force["changed"]
    assert bodies[4][1]["narrows"] == bodies[2][1]["sha256"]
    assert [each["state"] for each in story.notes["shown"]] == ["refused", "in_force"]


def test_whatever_gives_a_right_is_signed_by_two_different_people_or_more(story: Story) -> None:
    bodies = [each["body"] for each in story.entries() if each["type"] == "deed.in_force"]
    alone = [body for body in bodies if len(body["by"]) == 1]

    assert all(len(set(body["by"])) == len(body["by"]) for body in bodies)
    assert {(body["kind"], body["path"]) for body in alone} <= {
        ("person", "founding"),
        ("undertaking", "usual"),
        ("freeze", "usual"),
        ("grant", "withdrawal"),
    }
    assert len(bodies) - len(alone) >= 10


def test_an_exported_grant_is_verified_offline_and_a_changed_one_is_not(story: Story, tmp_path: Path) -> None:
    out, foundation = tmp_path / "grant.json", story.home.path / "foundation.json"
    auditor = story.who("bb-aud")
    auditor.does("deed", "export", "grant", story.notes["number"], out)

    good = auditor.run("deed", "verify", out, "--foundation", foundation)
    told = json.loads(out.read_text())
    (tmp_path / "less.json").write_text(json.dumps(told | {"people": told["people"][:-1]}))
    others = json.loads(foundation.read_text()) | {"log": "another.example"}
    (tmp_path / "others.json").write_text(json.dumps(others))

    assert [each["person"] for each in good.json["signed"]] == ["cz-head", "bb-rev", "bb-lead"]
    assert auditor.run("deed", "verify", tmp_path / "less.json", "--foundation", foundation).code == TAMPERED
    assert auditor.run("deed", "verify", out, "--foundation", tmp_path / "others.json").code == TAMPERED
    assert story.who("cz-head").act("deed", "export", "grant", story.notes["number"], tmp_path / "x").code == REFUSED


def test_a_decision_is_explained_with_the_version_that_made_it(story: Story) -> None:
    entry = story.ask(story.notes["number"]).receipt["body"]["index"]

    told = story.who("bb-lead").does("explain", entry).json

    assert (told["agrees"], told["policy"]["number"], told["decision"]["entry"]) == ("same", 1, entry)
    (look,) = (each["body"] for each in story.entries() if each["type"] == "trail.read")
    assert (look["person"], look["first"], look["last"]) == ("bb-lead", entry, entry)
    assert "与记录一致" in story.who("bb-aud").says("explain", entry, "--session", story.who("bb-aud").session)


def test_partners_are_explained_nothing(story: Story) -> None:
    entry = story.ask(story.notes["number"]).receipt["body"]["index"]
    asked = ("--client", FINANCE.client, "--purpose", FINANCE.purpose, "--field", "unit", "--address", "127.0.0.1")

    for account in (FINANCE.operator, "cz-head"):
        for arguments in (("explain", entry), ("explain", *asked), ("policy", "rehearse", "--digest", "a" * 64)):
            assert story.who(account).act(*arguments).json["error"] == "forbidden"


def test_officers_search_the_ledger_for_a_person_and_each_search_stands_in_it(story: Story) -> None:
    entry = story.ask(story.notes["number"]).receipt["body"]["index"]
    auditor = story.who("bb-aud")
    number = auditor.private("number", story.person().id_number)

    told = auditor.does("audit", "search", "--person", "--number-file", number, "--because", "案-7").json
    partner = told["hits"][0]["partner"]
    again = auditor.does("audit", "search", "--partner", partner, "--outcome", "confirmed", "--save", "财政").json
    kept = auditor.says("audit", "search", "--view", "财政", "--limit", 1, "--session", auditor.session)

    assert told["hits"][0]["entry"] == entry == again["hits"][0]["entry"]
    assert told["hits"][0]["grant"] == story.notes["number"]
    assert f"第 {entry} 条" in kept
    searches = [each["body"] for each in story.entries() if each["type"] == "trail.searched"]
    assert [each["terms"] for each in searches] == [["subject"], [], []]
    hours = auditor.does("audit", "hours", "--from", "2000-01-01T00:00Z", "--to", "2000-03-01T00:00Z").json
    assert hours == {"hours": []}
    assert [each["name"] for each in auditor.does("audit", "views").json["views"]] == ["财政"]
    assert auditor.does("audit", "views", "--delete", "财政").json == {"views": []}
    assert story.who("bb-lead").act("audit", "search").code == REFUSED
    assert auditor.run("audit", "reindex", "--check", "--home", story.home.path).code == 0


def test_a_draft_is_rehearsed_over_what_was_decided(story: Story) -> None:
    story.ask(story.notes["number"])
    named = ("--expectations", SHIPPED_EXPECTATIONS, "--units", story.home.path / "units.toml")

    told = story.who("bb-sec").does("policy", "rehearse", SHIPPED_RULEBOOKS, *named, "--days", 3).json

    assert (told["changed"], told["cut_short"], told["in_force"]["number"], told["draft"]["number"]) == (0, "", 1, 2)
    assert told["decisions"] > 0
    assert [each["grant"] for each in told["proposals"]] == [story.notes["number"]]


def test_one_freezes_two_release(story: Story) -> None:
    sec, number = story.who("bb-sec"), story.notes["number"]

    sec.proposes("freeze", f"grant.{number}", "--reason", "核查")
    until(lambda: _refused(story, number) == "frozen")
    (release,) = sec.proposes("release", f"grant.{number}", "--reason", "已核实")
    assert sec.tries_to_sign(release).code == REFUSED
    story.who("bb-lead").signs(release)
    until(lambda: _refused(story, number) == "")


def test_what_the_watch_holds_is_shown_explained_and_released_with_an_exception(story: Story) -> None:
    """Numbers that nobody has, one after the other, until the grant is held; then the office goes through it."""
    sec, lead, number = story.who("bb-sec"), story.who("bb-lead"), story.notes["number"]
    incident = _harvest(story, number)
    assert _refused(story, number) == "held"

    (stop,) = sec.does("watch", "status").json["stops"]
    (told,) = story.who("cz-head").does("watch", "status").json["stops"]
    assert (stop["incident"], stop["seen"]["detector"]) == (incident, "miss_rate")
    assert (told["incident"], told["seen"]) == (incident, None)
    assert sec.does("grant", "show", number).json["stopped"] == sec.does("tasks").json["stopped"] == [stop]
    assert f"bidui release grant.{number}" in sec.tells("watch", "incidents")
    straw, after = [each["seq"] for each in story.entries() if each["type"] == "comparison.refused"][-2:]
    causes = [sec.does("explain", entry).json["verdict"]["cause"] for entry in (straw, after)]
    assert causes == ["watch:held", "held:grant"]

    last_day = local_day(story.staff.clock.now()) + timedelta(days=7)
    (release,) = sec.proposes("release", f"grant.{number}", "--reason", "名册晚到", "--except-until", last_day)
    assert sec.tries_to_sign(release).code == REFUSED
    lead.signs(release)
    until(lambda: _refused(story, number) == "")
    (found,) = [each for each in sec.does("watch", "incidents").json["incidents"] if each["response"] == "hold"]
    exception = {"detector": "miss_rate", "until": last_day.isoformat(), "most": None}
    assert (found["state"], found["exception"]) == ("exception", exception)


def test_what_is_asked_for_again_waits_for_its_signers_and_can_be_taken_back(story: Story) -> None:
    clerk, number = story.who(FINANCE.operator), story.notes["number"]
    until_day = local_day(story.staff.clock.now()) + timedelta(days=366)

    (renewal,) = clerk.does("grant", "renew", number, "--until", until_day).deeds
    (clone,) = clerk.does("grant", "clone", number, "2026-caizheng-002").deeds

    assert {each["digest"] for each in story.who("cz-head").does("tasks").json["sign"]} == {renewal, clone}
    assert set(story.who("cz-head").does("deed", "list", "--mine").deeds) == {renewal, clone}
    for digest in (renewal, clone):
        clerk.does("deed", "refuse", digest[:12], "--reason", "不再需要")
    assert clerk.does("deed", "list").deeds == []
    states = [each["state"] for each in clerk.does("deed", "history", "grant", number).json["versions"]]
    assert states == ["refused", "in_force", "refused"]


def test_an_emergency_goes_past_the_review_which_comes_afterwards(story: Story, tmp_path: Path) -> None:
    clerk, head, leader, reviewer = (story.who(each) for each in (FINANCE.operator, "cz-head", "bb-lead", "bb-rev"))
    today = local_day(story.staff.clock.now())
    file, opinion = tmp_path / "emergency.toml", tmp_path / "opinion.txt"
    usual = write_grant(story.home, FINANCE, story.league.organisations[0].code).read_text(encoding="utf-8")
    usual = re.sub(r"^valid_until = .*$", f"valid_until = {today + timedelta(days=1)}", usual, flags=re.MULTILINE)
    usual = re.sub(r"^subjects_per_day = .*$", "subjects_per_day = 10", usual, flags=re.MULTILINE)
    file.write_text(usual.replace("2026-caizheng-001", "2026-caizheng-009"), encoding="utf-8")
    opinion.write_text("情况属实", encoding="utf-8")

    (digest,) = clerk.does("grant", "apply", file, "--emergency", "--reason", "突发").deeds
    head.signs(digest)
    assert reviewer.tries_to_sign(digest).code == REFUSED
    (granted,) = leader.signs(digest)
    number = granted["id"]
    (done,) = reviewer.does(
        *("grant", "review", number, "--finding", "justified", "--text", opinion, "--key", reviewer.key, "--yes")
    ).json["deeds"]

    assert (granted["state"], done["state"], done["kind"]) == ("in_force", "in_force", "review")


def test_whoever_leaves_is_out_at_once_and_the_last_administrator_stays(story: Story) -> None:
    sys, sec = story.who("bb-sys"), story.who("bb-sec")
    leaver = story.staff.invited(sys, "bb-rev2", Duty.REVIEWER)
    (digest,) = sys.proposes("person", "propose", "bb-rev2")
    sec.signs(digest)
    leaver.refresh()
    leaver.does("step-up", "--totp", leaver.totp())
    assert leaver.does("whoami").json["person"]["id"] == "bb-rev2"

    (end,) = sys.proposes("person", "end", "bb-rev2", "--reason", "调离")
    sec.signs(end)

    until(lambda: leaver.run("whoami", "--session", leaver.session).code == 1)
    assert "bb-rev2" not in {each["id"] for each in sys.does("person", "list").json["people"]}
    sys.does("person", "cancel", "bb-rev2")
    assert sys.act("person", "end", "bb-aud", "--reason", "调离", "--key", sys.key, "--yes").code == REFUSED


def test_a_system_that_is_revoked_is_let_in_no_more(story: Story, tmp_path: Path) -> None:
    """A second system, so that the first goes on."""
    sys, sec, row = story.who("bb-sys"), story.who("bb-sec"), tmp_path / "system.toml"
    keys = make_client(story.home.path, "caizheng-pay-02", story.home.clock)
    jwk = "\n".join(
        f'{name} = "{value}"' for name, value in keys.jwk().items() if name in {"kid", "kty", "crv", "x", "y"}
    )
    row.write_text(
        f'client_id = "caizheng-pay-02"\nalg = "ES256"\ncertificates = ["{keys.thumbprint()}"]\n'
        f'networks = {{ loopback = ["127.0.0.0/8"] }}\n[[jwks]]\n{jwk}\n',
        encoding="utf-8",
    )
    (digest,) = sys.proposes("system", "propose", FINANCE.code, row)
    sec.signs(digest)
    (one_key,) = sys.proposes("system", "revoke", "caizheng-pay-02", "--credential", jwk_kid(keys), "--reason", "泄露")
    assert "revoked_at" in sys.sees(one_key)["content"]["jwks"][0]
    sec.does("deed", "refuse", one_key, "--reason", "整体注销")
    (whole,) = sys.proposes("system", "revoke", "caizheng-pay-02", "--reason", "泄露")

    (done,) = sec.signs(whole)

    assert done["state"] == "in_force"
    assert sys.does("deed", "history", "system", "caizheng-pay-02").json["versions"][-1]["content"]["active"] is False


def test_people_who_do_not_read_json_are_told_the_same(story: Story) -> None:
    auditor = story.who("bb-aud")
    auditor.refresh()

    told = [auditor.says(*each, "--session", auditor.session) for each in (["deed", "list"], ["tasks"], ["whoami"])]
    people = auditor.says("person", "list", "--session", auditor.session)
    shown = auditor.says("grant", "show", story.notes["number"], "--session", auditor.session)

    assert told[:2] == ["没有待签文书\n", "没有待办\n"]
    assert "审计管理员" in told[2]
    assert "cz-head" in people
    assert "已退回" in shown
    assert "已生效" in shown
    assert auditor.does("sign-out").json == {"signed_out": True}
    assert not auditor.session.exists()


def test_a_key_rotates_with_overlap_and_a_withdrawn_grant_answers_nothing(story: Story, tmp_path: Path) -> None:
    sys, head, number = story.who("bb-sys"), story.who("cz-head"), story.notes["number"]
    added = tmp_path / "new.toml"
    added.write_text(f'certificates = ["{to_text(b"x" * 32)}"]', encoding="utf-8")
    (digest,) = sys.proposes("system", "rotate", FINANCE.client, added, "--overlap-days", "7")
    shown = sys.sees(digest)["content"]["certificates"]
    story.who("bb-sec").signs(digest)

    assert [each["thumbprint"] for each in shown] == [story.keys.thumbprint(), to_text(b"x" * 32)]
    assert "not_after" in shown[0]
    assert _refused(story, number) == ""
    head.proposes("grant", "withdraw", number, "--reason", "业务调整")
    until(lambda: _refused(story, number) == "not_permitted")
    last = [each for each in story.entries() if each["body"].get("id") == number][-1]
    assert (last["type"], last["body"]["path"]) == ("deed.in_force", "withdrawal")
    assert any(change["new"] == "-" for change in last["body"]["changed"])


def test_a_grant_of_two_years_is_attested_after_one(story: Story, tmp_path: Path) -> None:
    clerk, head, reviewer = (story.who(each) for each in (FINANCE.operator, "cz-head", "bb-rev"))
    until_day, file = local_day(story.staff.clock.now()) + timedelta(days=700), tmp_path / "long.toml"
    usual = write_grant(story.home, FINANCE, story.league.organisations[0].code).read_text(encoding="utf-8")
    usual = re.sub(r"^valid_until = .*$", f"valid_until = {until_day}", usual, flags=re.MULTILINE)
    file.write_text(usual.replace("2026-caizheng-001", "2026-caizheng-010"), encoding="utf-8")
    (digest,) = clerk.does("grant", "apply", file).deeds
    for signer in (head, reviewer, story.who("bb-lead")):
        signer.signs(digest)
    assert head.act("grant", "attest", "2026-caizheng-010", "--key", head.key, "--yes").code != 0

    story.staff.clock.pass_by(345 * 24 * 3600)
    assert "须年度确认" in head.tells("tasks")
    (attested,) = head.proposes("grant", "attest", "2026-caizheng-010")

    assert head.tries_to_sign(attested).code == REFUSED
    assert [each["state"] for each in reviewer.signs(attested)] == ["in_force"]
    assert "须年度确认" not in head.tells("tasks")


def test_the_log_is_proven_when_serve_has_ended(story: Story) -> None:
    story.process.send_signal(signal.SIGTERM)
    assert story.process.wait(20) == 0

    done = bidui("audit", "verify", "--home", story.home.path, "--json", env=_environment(story.staff.clock))

    assert json.loads(done.stdout)["verdict"] == "proven", done.stdout + done.stderr


# ---------------------------------------------------------------------------------------- helpers


def _environment(clock: Clock) -> dict[str, str]:
    return os.environ | {"BIDUI_MODE": "test", "BIDUI_CLOCK": f"file:{clock.path}", "PYTHONUTF8": "1"}


def _client_keys(home: Home) -> ClientKeys:
    """What the department makes on its own side."""
    return make_client(home.path, FINANCE.client, home.clock)


def _listens(story: Story, log: Path) -> bool:
    assert story.process.poll() is None, log.read_text(errors="replace")[-2_000:]
    try:
        return story.get("/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def _signature(officer: Officer, digest: str, step: str) -> dict[str, object]:
    """A signature as a program of somebody's own would make it."""
    key = own_key(officer.key, None)
    kid, at = fingerprint(public_of(key)), write_time(officer.clock.now())
    signed = sign(key, Statement(ORIGIN, step, officer.account, kid, at, (digest,)))
    return {"step": step, "kid": kid, "at": at, "deeds": [digest], "proof": to_text(signed.proof)}


def _post(officer: Officer, body: Mapping[str, object]) -> None:
    session = read_session(officer.session)
    assert session is not None
    with closing(OfficeClient(session)) as client:
        client.post("/v1/office/signatures", body)


def _refusal(officer: Officer, body: Mapping[str, object]) -> OfficeError:
    with pytest.raises(OfficeError) as refused:
        _post(officer, body)
    return refused.value


def jwk_kid(keys: ClientKeys) -> str:
    """What the department calls its key."""
    return keys.jwk()["kid"]


def _harvest(story: Story, number: str) -> str:
    """Asks for strangers until it is refused; the number of the incident."""
    with story.client() as client:
        for stranger in range(7000, 7100):
            subject = Subject("person", an_id(stranger), "张三")
            try:
                client.compare(
                    grant=number,
                    purpose=FINANCE.purpose,
                    operator=FINANCE.operator,
                    subject=subject,
                    claims=[Claim("person_status", "在职")],
                )
            except RefusedError as error:
                return error.incident
    raise AssertionError("the watch stopped nothing")


def _refused(story: Story, number: str) -> str:
    """With which reason a comparison is refused now; empty when it is answered."""
    try:
        story.ask(number)
    except RefusedError as error:
        return error.reason
    return ""
