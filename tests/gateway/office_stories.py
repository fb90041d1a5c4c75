"""Stories of an office, told over HTTP: each opens most of the doors that its people have."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyotp import TOTP

from adapters.sql.store import SqlWork
from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal
from gateway.domain.people import Duty
from gateway.domain.standing import Kept
from ops.demo.office import IDS, head_of, number_of
from tests.bygones import CLERKS, DISCIPLINE, FINANCE, Bygones, without
from tests.checks import FORM, Checks
from tests.custody import Custody
from tests.desks import Insider, Json, OpenOffice
from tests.fakes_accounts import PASSWORD, proof_by
from tests.gateway.evidence import AUDITOR, Evidence
from tests.lives import CLERK, HEAD, LEADER, LONG, PARTNER, REVIEWER, SECURITY, SYSTEM, Life, content
from tests.make import TODAY, an_id
from tests.offices import from_text, to_text
from tests.stated import StatedHome
from tests.stops import harvest, watched

NEW, TEMPORARY = "cz-new", "cz-tmp"
EVERYBODY = (SYSTEM, SECURITY, IDS[Duty.AUDIT_ADMIN], REVIEWER, LEADER, HEAD, CLERK)


def invited(office: OpenOffice, account: str) -> str:
    """The code of a new clerk."""
    told = office.somebody(SYSTEM).post(
        "invitations", id=account, name="新人", duty="clerk", id_number=number_of(account), partner=PARTNER
    )
    code: str = told["code"]
    return code


def key_body(key: Ed25519PrivateKey, begun: Json) -> Json:
    """That somebody holds a key file."""
    proof = proof_by(key, NEW, from_text(begun["challenge"]))
    return {"public": to_text(proof.public), "signature": to_text(proof.signature)}


def a_person_comes(office: OpenOffice, life: Life) -> None:
    """Is invited, enrols, and is signed by two administrators; somebody else is not waited for."""
    code, new = invited(office, NEW), office.somebody()
    begun = new.post("enrolment/begin", code=code)
    secret, key = begun["totp"]["secret"], Ed25519PrivateKey.generate()
    new.post(
        "enrolment/finish",
        code=code,
        challenge=begun["challenge"],
        password=PASSWORD,
        totp=TOTP(secret).at(life.clock.now()),
        key=key_body(key, begun),
    )
    system = office.somebody(SYSTEM)
    (waiting,) = system.get("people/waiting")["people"]
    system.get("tasks")
    system.get("log/state")
    officers_look_at_an_incident(office, life)
    drawn = system.post("deeds", kind="person", id=NEW, content=waiting["content"])
    system.sign(drawn["digest"])
    office.somebody(SECURITY).sign(drawn["digest"])
    system.get("people")
    invited(office, TEMPORARY)
    office.send("DELETE", f"invitations/{TEMPORARY}", system.headers, b"")
    a_person_looks_after_an_account(new, life, secret)


def officers_look_at_an_incident(office: OpenOffice, life: Life) -> None:
    """The watch stopped a grant; its number leads to what it saw."""
    finding = Finding(
        detector=Detector.MISS_RATE,
        action=Action.HOLD,
        principal=Principal(Level.GRANT, "G-1"),
        partner=PARTNER,
        grant="G-1",
        observed=14.2,
        expected=13.8,
        days=30,
        at=life.clock.now(),
    )
    incident = Incident(number="ab" * 8, finding=finding, last=life.clock.now(), count=1, samples=("0a1b2c3d",))
    with life.office.store.begin() as work:
        cast("SqlWork", work).watch.keep(
            Kept(day=1, scores={}, counts={}, cells={}, questions={}, incidents=[incident])
        )
        work.commit()
    security = office.somebody(SECURITY)
    (listed,) = security.get("incidents")["incidents"]
    assert listed == security.get(f"incidents/{incident.number}")


def a_person_looks_after_an_account(new: Insider, life: Life, secret: str) -> None:
    """Signs in, shows the second factor again, changes everything, and signs out."""

    def second() -> Json:
        life.clock.pass_by(seconds=31)
        return {"totp": TOTP(secret).at(life.clock.now())}

    new.post("webauthn/options", use="sign-in", account=NEW)
    new.come_in("sign-in", account=NEW, password=PASSWORD, second=second())
    new.get("session")
    new.get("tasks")
    new.come_in("step-up", second=second())
    new.post("recovery-codes")
    begun = new.post("keys/begin")
    other = Ed25519PrivateKey.generate()
    new.post("keys/finish", challenge=begun["challenge"], key=key_body(other, begun))
    new.post("password", old=PASSWORD, new=f"{PASSWORD} 2")
    new.come_in("sign-in", account=NEW, password=f"{PASSWORD} 2", second=second())
    new.post("sign-out", everywhere=True)


def a_grant_is_applied_for(office: OpenOffice, _: Life) -> None:
    """Is narrowed and signed, carried on under other numbers; the next application is refused."""
    clerk, head, reviewer, leader = (office.somebody(each) for each in (CLERK, HEAD, REVIEWER, LEADER))
    drawn = clerk.post("deeds", kind="grant", id="S-1", content=content())
    head.get(f"deeds/{drawn['digest']}")
    head.get("deeds?mine=true")
    head.sign(drawn["digest"])
    narrowed = reviewer.post(f"deeds/{drawn['digest']}/narrowing", content=content(hit_rate=95), reason="收紧")
    reviewer.sign(narrowed["digest"])
    leader.get("deeds")
    leader.sign(narrowed["digest"])
    clerk.get("grants/S-1")
    clerk.get("deeds/grant/S-1")
    reviewer.get("deeds/grant/S-1/export?serial=1")
    renewal = clerk.get("grants/S-1/clone?number=S-2")
    again = clerk.post("deeds", **renewal)
    head.post(f"deeds/{again['digest']}/refusal", reason="不需要")
    clerk.get("grants/S-2")


def a_year_goes_by(office: OpenOffice, life: Life) -> None:
    """Everything that ends is somebody's task."""
    life.grant("L-1", told=LONG)
    life.grant("E-1", "emergency")
    life.apply("L-2")
    for days in (0, 2, 340):
        life.clock.pass_by(days=days)
        for each in EVERYBODY:
            office.somebody(each).get("tasks")
            office.somebody(each).get("deeds")
        for number in ("L-1", "E-1", "L-2"):
            office.somebody(CLERK).get(f"grants/{number}")
    until = (life.clock.now() + timedelta(days=400)).date()
    office.somebody(CLERK).get(f"grants/L-1/renewal?until={until}")


def a_list_is_filed(office: OpenOffice, life: Life) -> None:
    """For a grant that answers about a list alone."""
    life.grant("C-1", told=content(**{"class": "closed"}))
    rows = [json.dumps({"kind": "person", "id": an_id(number), "salt": "ab" * 16}) for number in (1, 2)]
    clerk = office.somebody(CLERK)
    office.send("POST", "cohorts/C-1", clerk.headers | {"content-type": "application/jsonl"}, "\n".join(rows).encode())


def a_month_is_acknowledged(office: OpenOffice, life: Life) -> None:
    """Its statements are looked at and objected to; an officer looks into it."""
    with closing(StatedHome(life.home)) as stated:
        stated.compare(2)
        life.clock.pass_by(days=32)
        stated.make()
        month = TODAY.isoformat()[:7]
        head, officer = office.somebody(HEAD), office.somebody(SECURITY)
        head.get("tasks")
        (mine,) = head.get(f"statements?month={month}")["partners"]
        officer.get(f"statements?month={month}&partner={PARTNER}")
        day = mine["statements"][0]
        for each in (head, officer):
            each.get(f"statements/{day['day']}/{PARTNER}/{day['system']}")
        objects = mine["draw"] | {"content": mine["draw"]["content"] | {"agrees": False}, "reason": "少"}
        drawn = head.post("deeds", **objects)
        head.sign(drawn["digest"])
        head.get(f"statements?month={month}")
        (dispute,) = stated.desk.raise_objections(stated.office.standing())
        officer.get("tasks")
        officer.get("disputes")
        officer.post(f"disputes/{dispute.id}/settle", finding="与该部门核对，无误")


def a_document_is_judged(office: OpenOffice, life: Life) -> None:
    """One partner named what it asked by; another document never came, and its grant is frozen."""
    with closing(Checks(life)) as checks:
        named, missing = checks.open(entry=7), checks.open("cd" * 8)
        checks.file(named.number)
        life.clock.pass_by(days=2)
        reviewer = office.somebody(REVIEWER)
        tasks = reviewer.get("tasks")
        assert [(each["number"], each["overdue"]) for each in tasks["checks"]] == [
            (named.number, False),
            (missing.number, True),
        ]
        assert reviewer.get("spot-checks")["more"] is False
        (listed,) = reviewer.get("spot-checks?state=filed")["spot_checks"]
        shown = reviewer.get(f"spot-checks/{named.number}")
        assert listed == shown
        assert (shown["document"], shown["entry"]) == (FORM, 7)
        ruling = {"verdict": "accepted", "reason": "已核对原件", "filing_sha256": shown["filing_sha256"]}
        judged = reviewer.post(f"spot-checks/{named.number}/judge", **ruling)
        assert (judged["state"], judged["judge"]) == ("accepted", REVIEWER)
        life.clock.pass_by(days=9)
        checks.desk.fail_late()
        assert office.somebody(SECURITY).get(f"spot-checks/{missing.number}")["state"] == "failed"


def evidence_is_taken_out(office: OpenOffice, life: Life) -> None:
    """As a deed allows, once a checkpoint covers it."""
    with closing(Evidence(life)) as evidence:
        evidence.allow()
        auditor = office.somebody(AUDITOR)
        for name in ("E-1", "E-2"):
            office.send("POST", f"evidence/{name}", auditor.headers, b"")
        evidence.sign()
        office.send("POST", "evidence/E-1", auditor.headers, b"")


def a_person_is_erased(office: OpenOffice, life: Life) -> None:
    """What an entry hides is shown, then destroyed as far as the law allows."""
    with closing(Custody(life)) as custody:
        (old,) = custody.compare(an_id(1))
        life.clock.pass_by(days=4 * 365)
        (young,) = custody.compare(an_id(1))
        auditor = office.somebody(AUDITOR)
        named = auditor.post("points", kind="person", id=an_id(1))["subject"]
        auditor.post("points", kind="operator", id="li-na")
        custody.reveal([old.index, young.index], ["inner", "subject"], until="2031-01-01")
        auditor.post("reveals/R-1")
        custody.erasure(an_id(1))
        assert custody.point(an_id(1)) == named
        for name in ("E-1", "E-1", "E-2"):
            office.send("POST", f"erasures/{name}", auditor.headers, b"")
        auditor.post("reveals/R-1")


def officers_look_back(office: OpenOffice, world: Bygones) -> None:
    """Rules and decisions are explained, a draft is rehearsed."""
    asked: Json = {
        "client": FINANCE,
        "purpose": "payroll-check",
        "claims": [{"field": "unit"}, {"field": "post"}],
        "address": "10.20.0.7",
        "operator": CLERKS[FINANCE],
    }
    entries = [world.ask("unit"), world.ask("quota_type"), world.ask("unit", operator="nobody")]
    entries.append(world.ask("unit", client=DISCIPLINE, matter="M-1"))
    leader = office.somebody(LEADER)
    leader.post("explain", **asked)
    leader.post("explain", **asked, grant="G-1")
    leader.post("explain", **(asked | {"client": "nobody-01", "grant": "G-1"}))
    leader.post("explain", **(asked | {"address": "1.1.1.1", "at": "2026-06-30T23:00:00+08:00"}))
    for entry in entries:
        leader.get(f"decisions/{entry}/explanation")
    leader.post("rehearsals", days=30, content=without(world.rulebooks(), "quota_type"))
    an_officer_searches(office)
    two_people_release_what_the_watch_held(office, world)
    auditor = office.somebody(IDS[Duty.AUDIT_ADMIN])
    auditor.post("access-reports", id=an_id(1), matter="申-1")
    auditor.get("sealed-entries")


def two_people_release_what_the_watch_held(office: OpenOffice, world: Bygones) -> None:
    """What was stopped is shown wherever it is looked at; the release excepts the detector for some days."""
    entries = harvest(watched(world))
    security, leader, head = office.somebody(SECURITY), office.somebody(LEADER), office.somebody(head_of("caizheng"))
    for each in (security, leader, head):
        each.get("stops")
        each.get("tasks")
        each.get("grants/G-1")
    leader.get(f"decisions/{entries[-1]}/explanation")
    (stopped,) = security.get("stops")["stops"]
    until = (world.clock.now() + timedelta(days=7)).date().isoformat()
    exception = {"detector": stopped["seen"]["detector"], "until": until, "most": None}
    content = {"frozen": False, "incident": stopped["incident"], "exception": exception}
    drawn = security.post(
        "deeds", kind="freeze", id=stopped["target"], path="release", content=content, reason="名册晚一周更新"
    )
    security.sign(drawn["digest"])
    leader.sign(drawn["digest"])
    (incident,) = security.get("incidents")["incidents"]
    assert (incident["state"], incident["exception"]) == ("exception", exception)


def an_officer_searches(office: OpenOffice) -> None:
    """The ledger, by words and for a person; looks at the hours, and keeps what was asked as a view."""
    officer = office.somebody(SECURITY)
    found = officer.post(
        "trail/search", filter={"partners": ["caizheng"], "outcomes": ["confirmed", "refused"]}, limit=1
    )
    officer.post("trail/search", filter={"partners": ["caizheng"]}, before=found["next"])
    officer.post("trail/search", subject={"kind": "person", "id": an_id(1)}, because="案-7", operator=CLERKS[FINANCE])
    officer.get("trail/hours?from=2026-06-01T00:00:00Z&to=2026-08-01T00:00:00Z")
    officer.post("trail/views", name="财政", filter={"partners": ["caizheng"], "since": "2026-06-01T00:00:00+08:00"})
    officer.get("trail/views")
    officer.get("entries/0")
    officer.get("entries?first=0&last=3")
    office.send("DELETE", "trail/views/%E8%B4%A2%E6%94%BF", officer.headers, b"")


OF_LIVES = (
    *(a_person_comes, a_grant_is_applied_for, a_year_goes_by, a_list_is_filed, a_month_is_acknowledged),
    a_document_is_judged,
    evidence_is_taken_out,
    a_person_is_erased,
)
