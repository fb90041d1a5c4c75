"""The catalogue of events: what is in clear, what is not, and the page that says so."""

from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from audit import events, kinds
from audit.bundle import By, Chain, Claims
from audit.bundle import DeedRef as ExportRef
from audit.care_events import Decided, key_ended, key_trusted, log_closed, retention_applied
from audit.deed_events import DeedRef, cohort_filed, deed_drawn, deed_in_force, deed_refused, deed_signed
from audit.entry import JsonValue, decode, encode
from audit.erasure_events import Allowed, erasure_applied, erasure_scrubbed, trail_revealed
from audit.errors import DisclosureError, EntryError
from audit.events import Draft, Inner
from audit.evidence_events import evidence_exported
from audit.frames import FORMS
from audit.kind import Kind
from audit.search_events import Sought, trail_refused, trail_searched
from audit.state_events import log_rebuilt
from audit.statement_events import Stated, access_reported, statement_disputed, statement_made, statement_settled
from audit.trail_events import trail_read
from audit.watch_events import (
    Found,
    check_asked,
    check_filed,
    check_judged,
    watch_escalated,
    watch_noticed,
    watch_stopped,
)
from tests.audit import account_drafts
from tests.audit.make import (
    DATA,
    OPERATOR,
    POLICY,
    SUBJECT,
    a_refusal,
    an_answer,
    an_opening,
    asked,
    comparison_answered,
)

SOUGHT = Sought(person="zz-shen", duty="audit_admin", terms=("subject",), kind="person", subject=SUBJECT, because="M-1")
DEED = DeedRef("grant", "G-1", 1, "ab" * 32, "payroll")
CLAIMS = Claims(
    origin="gateway.example/audit/2025-1",
    suite="intl",
    made="2025-02-01T00:00:00Z",
    until="2025-03-01",
    by=By("zz-shen", "audit_admin"),
    deed=ExportRef("E-1", 1, "ab" * 32, 41),
    entries=(7, 9),
    support=(0, 41),
    chain=Chain("payroll", 0, 3),
    names=("subject",),
    disclosed={7: ("subject",), 9: ("subject",)},
    erased=(),
)
DECIDED = Decided("cd" * 32, ["bb-xitong", "bb-shenji"])
DRAFTS = account_drafts.DRAFTS | {
    "comparison.answered": an_answer(),
    "comparison.refused": a_refusal(),
    "log.opened": an_opening(),
    "key.trusted": key_trusted(purpose="receipt", vkey="k", from_index=7, decided=DECIDED),
    "key.ended": key_ended(purpose="receipt", vkey="k", until=9, successor="l", decided=DECIDED),
    "log.closed": log_closed(successor="log/2", vkeys=["k"], decided=DECIDED),
    "retention.applied": retention_applied(min_index=512, archive="ab" * 32, deleted=500, decided=DECIDED),
    "deed.drawn": deed_drawn(DEED, path="usual", author="clerk", previous=None, narrows=None),
    "deed.signed": deed_signed(
        DEED, step="review", person="reviewer", key="k", at="2026-01-01T00:00:00Z", proof_sha256="cd" * 32
    ),
    "deed.refused": deed_refused(DEED, step="review", person="reviewer", reason_sha256="cd" * 32),
    "deed.in_force": deed_in_force(
        DEED, path="usual", previous=None, by=["head", "reviewer", "leader"], changed=[], more=0, rights="cd" * 32
    ),
    "evidence.exported": evidence_exported(CLAIMS, size=700, members_sha256="ab" * 32),
    "cohort.filed": cohort_filed(partner="payroll", grant="G-1", root="ab" * 32, rows=812, malformed=3, by="clerk"),
    "generation.adopted": events.generation_adopted(
        generation="g1",
        data=DATA,
        manifest_sha256="ab" * 32,
        catalogue_version="2025.1",
        catalogue_sha256="cd" * 32,
        records={"person": 30_000},
    ),
    "trail.searched": trail_searched(SOUGHT, words={"partner": ["payroll"]}, before=None, limit=50),
    "trail.refused": trail_refused(SOUGHT, limit=20),
    "erasure.applied": erasure_applied(
        Allowed("E-1", "ab" * 32), basis="PIPL 47", names=["subject"], indices=[3, 4, 9], before="2022-01", kept=2
    )[0],
    "erasure.scrubbed": erasure_scrubbed(store="sqlite", upto=12, remains="backups"),
    "trail.revealed": trail_revealed(Allowed("R-1", "ab" * 32), person="zz-shen", entry=7, names=["subject"]),
    "trail.read": trail_read(person="zz-shen", duty="audit_admin", use="explanation", first=7, last=7),
    "statement.made": statement_made(
        partner="payroll", day="2026-03-02", before=9, statements=[Stated("payroll-01", "ab" * 32, 3, 1)]
    ),
    "statement.disputed": statement_disputed(
        partner="payroll", dispute="d1", by="system", system="payroll-01", period="2026-03-02", unknown=[7], missing=[]
    ),
    "statement.settled": statement_settled(
        partner="payroll", dispute="d1", by="zz-shen", duty="audit_admin", finding="one answer was lost on its way"
    ),
    "watch.stopped": watch_stopped(
        incident="ab" * 8,
        target="grant.G-1",
        response="held",
        found=Found(detector="miss_rate", observed="14.2", expected="13.8", days=30, samples=["0a1b2c3d"]),
    ),
    "spot_check.asked": check_asked(number="ab" * 8, grant="G-1"),
    "spot_check.filed": check_filed(number="ab" * 8, grant="G-1", client="hr-01", filing_sha256="cd" * 32),
    "spot_check.judged": check_judged(
        number="ab" * 8, grant="G-1", verdict="failed", by=("zz-shen", "reviewer"), reason_sha256="cd" * 32
    ),
    "watch.noticed": watch_noticed(
        incident="cd" * 8,
        target="grant.G-1",
        found=Found(detector="questions", observed="3", expected="0", days=30, samples=["0a1b2c3d"]),
    ),
    "watch.escalated": watch_escalated(incident="ab" * 8, target="grant.G-1", stopped=41, days=1),
    "log.rebuilt": log_rebuilt(
        origin="bidui.example/audit/2026-1",
        entries=160,
        signed=163,
        spent=("2026-12-01", "2026-12-02"),
        grants=4,
        differing=0,
    ),
    "access.reported": access_reported(
        person="zz-shen",
        duty="audit_admin",
        use="report",
        kind="person",
        subject="110105194912310021",
        before=9,
        found=2,
    ),
}


def body_of(draft: Draft) -> dict[str, object]:
    return cast("dict[str, object]", decode(draft.body))


def disclosed(draft: Draft) -> dict[str, JsonValue]:
    """What is sealed, by name."""
    return {
        name.decode(): decode(value)
        for secret in draft.secrets
        for name, value in zip(FORMS[secret.form].names, secret.values, strict=True)
    }


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: kind.type)
def test_an_event_has_exactly_the_members_its_page_names(kind: Kind) -> None:
    draft = DRAFTS[kind.type]

    assert draft.type == kind.type
    assert body_of(draft).keys() == kind.body.keys() - {"signature"}
    assert list(disclosed(draft)) == list(kind.secrets)


def test_only_a_signed_request_has_a_signature_in_its_entry() -> None:
    refused = events.comparison_refused(
        replace(asked(), signature="c2lnbmVk"),
        Inner(cause="x"),
        policy=POLICY,
        data=DATA,
        counts={},
        reason="held",
        incident="I-1",
        response_sha256="",
    )

    assert body_of(refused).keys() == kinds.COMPARISON_REFUSED.body.keys()
    assert body_of(refused)["signature"] == "c2lnbmVk"
    assert "signature" not in body_of(a_refusal())


def test_the_page_is_generated_from_the_catalogue() -> None:
    page = Path(__file__).parents[2] / "docs" / "audit-events.md"

    assert page.read_text() == kinds.markdown()


def test_the_clear_part_names_neither_the_subject_nor_the_operator() -> None:
    for draft in (an_answer(), a_refusal()):
        assert SUBJECT.encode() not in draft.body
        assert OPERATOR.encode() not in draft.body


def test_inner_causes_do_not_show_in_the_clear_part() -> None:
    assert an_answer(cause="absent").body == an_answer(cause="locked").body
    assert a_refusal(cause="pace", rules=("a",)).body == a_refusal(cause="decoy", rules=("b", "c")).body


def test_what_was_inside_is_disclosed() -> None:
    inner: JsonValue = {"cause": "pace", "budgets": {"grant_day": [8, 8]}}

    assert disclosed(a_refusal(cause="pace", rules=("a",))) == {
        "subject": SUBJECT,
        "operator": OPERATOR,
        "matter": None,
        "inner": inner,
        "rules": {"ids": ["a"], "more": 0},
    }


def test_terms_written_once_give_the_same_entries() -> None:
    terms = events.terms(asked(subject="of another"), rules=("a", "b"), policy=POLICY, data=DATA, counts={"claims": 2})
    fields = {"unit": "match", "post_rank": "mismatch"}

    one = events.answered(
        terms,
        Inner(cause="absent"),
        subject=SUBJECT,
        operator=OPERATOR,
        matter="M-1",
        told="confirmed",
        outcome=events.outcome("confirmed", fields),
        request_sha256="12" * 32,
        response_sha256="34" * 32,
    )

    assert one == comparison_answered(
        asked(matter="M-1"),
        Inner(cause="absent"),
        rules=("a", "b"),
        policy=POLICY,
        data=DATA,
        counts={"claims": 2},
        subject="confirmed",
        fields=fields,
        response_sha256="34" * 32,
    )
    assert encode(decode(one.body)) == one.body


def test_a_refusal_names_no_rule_in_clear() -> None:
    assert "rules" not in body_of(a_refusal())
    assert b"watch-per-hour" not in a_refusal().body


def test_nothing_shows_whom_it_is_about() -> None:
    shown = [repr(part) for part in (asked(), an_answer(), a_refusal(), Inner(cause="decoy"))]

    for text in shown:
        assert SUBJECT not in text
        assert OPERATOR not in text
        assert "decoy" not in text


def test_an_operator_too_long_for_its_frame_is_refused_without_being_named() -> None:
    long = OPERATOR * 100

    with pytest.raises(DisclosureError) as caught:
        events.comparison_refused(
            asked(operator=long),
            Inner(cause="x"),
            policy=POLICY,
            data=DATA,
            counts={},
            reason="held",
            incident="I-1",
            response_sha256="",
        )

    assert OPERATOR not in str(caught.value)


@pytest.mark.parametrize("rules", [0, 1, 8, 9, 200])
def test_a_refusal_by_many_rules_is_recorded_too(rules: int) -> None:
    ids = tuple(f"rulebook-of-a-department-{number:03d}" for number in range(rules))

    assert disclosed(a_refusal(rules=ids))["rules"] == {"ids": list(ids[:8]), "more": max(0, rules - 8)}


def test_an_operator_of_sixty_four_characters_of_any_script_fits() -> None:
    for character in ("a", '"', "李", "\U00020000"):
        events.comparison_refused(
            asked(operator=character * 64),
            Inner(cause="operator_unknown"),
            policy=POLICY,
            data=DATA,
            counts={},
            reason="not_permitted",
            incident="I-1",
            response_sha256="",
        )


def test_sixty_four_claims_fit_and_a_flood_of_rules_is_refused() -> None:
    fields = {f"organisation_field_of_a_long_name_{number}": "not_authorised" for number in range(64)}
    told = {"policy": POLICY, "data": DATA, "counts": {}, "subject": "confirmed", "response_sha256": ""}

    fits = comparison_answered(asked(), Inner(cause="x"), rules=("r",) * 64, fields=fields, **told)  # type: ignore[arg-type]  # a table of values

    assert len(fits.body) < events.MAX_BODY_BYTES
    with pytest.raises(EntryError, match="ask for less"):
        comparison_answered(asked(), Inner(cause="x"), rules=("rule",) * 1500, fields=fields, **told)  # type: ignore[arg-type]  # the same
    with pytest.raises(EntryError, match="ask for less"):
        comparison_answered(asked(), Inner(cause="x"), rules=("rule",) * 3000, fields=fields, **told)  # type: ignore[arg-type]  # the same
