"""Evidence bundles of an honest gateway and of dishonest ones, that hold every key of the log: what each proves."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from audit import checkpoint, note
from audit.checkpoint import Checkpoint
from audit.cosignature import add, cosign
from audit.disclosure import base64url
from audit.entry import JsonValue, encode
from audit.events import Draft
from audit.kinds import COMPARISON_ANSWERED
from audit.proof import TlogProof
from audit.standalone.bundles import verify_bundle
from audit.standalone.verdicts import INCOMPLETE, PROVEN, TAMPERED, Report, UnreadableError
from audit.tree import StoredTree
from tests.audit.bundles import (
    ERASED,
    ERASURE,
    EXPORT,
    GONE,
    LAST,
    NOW,
    PLAIN,
    TOMBSTONE,
    Made,
    Members,
    deeds_member,
    drafts,
    export_deed,
    in_force,
    make,
    tombstone,
    verified,
    zipped,
)
from tests.audit.machines import NoEd25519
from tests.audit.make import AT, LOG_SIGNERS, ORIGIN, RECEIPT_SIGNER, an_ed25519_signer
from tests.audit.witnesses import a_cosigner
from tests.people import people

HONEST = make()


def shown(index: int) -> str:
    return f"entries/{index:016d}"


def causes(report: Report) -> str:
    return "\n".join(cause for _, _, cause in report.problems)


def test_an_honest_bundle_is_proven_and_says_what_was_erased() -> None:
    report = verified(HONEST.signed())

    assert report.problems == []
    assert report.verdict == PROVEN
    assert report.size == EXPORT + 1
    assert [line for line in report.shown if "erased" in line] == [
        f"  第 {ERASED} 条：{name} 已依第 {TOMBSTONE} 条删除 / erased by #{TOMBSTONE}" for name in GONE
    ]
    assert "第 0 至 3 号，全部在内" in "".join(report.shown)
    assert len(report.opened) == 2


def test_without_a_trust_file_of_ones_own_nothing_is_proven() -> None:
    report = verify_bundle(zipped(HONEST.signed()), None, now=NOW)

    assert report.verdict == INCOMPLETE
    assert "what came along proves nothing" in causes(report)


# --------------------------------------------------------------- members, and the manifest signed anew

Change = Callable[[Members], object]


def disclosed(change: Callable[[dict[str, list[str]]], object]) -> Change:
    """The disclosures, changed."""

    def apply(members: Members) -> None:
        told = json.loads(members["disclosures.json"])
        change(told)
        members["disclosures.json"] = encode(told)

    return apply


def said(parts: JsonValue) -> str:
    return base64url(encode(parts)).decode()


def in_other_tree(members: Members) -> None:
    """An entry's proof leads to a checkpoint of fewer entries, and a good one."""
    tree = StoredTree(LAST, HONEST.log.hashes)
    signed = checkpoint.sign(Checkpoint(ORIGIN, LAST, tree.root()), LOG_SIGNERS, AT)
    members[shown(PLAIN) + ".tlog-proof"] = TlogProof(PLAIN, tuple(tree.inclusion(PLAIN)), signed).encode()


def misplaced(members: Members) -> None:
    """An entry's proof says another place than it has."""
    name = shown(PLAIN) + ".tlog-proof"
    members[name] = members[name].replace(b"index 1", b"index 2")


def unsigned_proof(members: Members) -> None:
    """An entry's proof under a checkpoint that a stranger signed."""
    name = shown(PLAIN) + ".tlog-proof"
    stranger = checkpoint.sign(checkpoint.peek(HONEST.checkpoint), [a_stranger()], AT)
    members[name] = members[name].partition(b"\n\n")[0] + b"\n\n" + stranger


def a_stranger() -> note.Ed25519Signer:
    return an_ed25519_signer(seed="stranger")


def chained(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    """The piece of the chain, changed."""

    def apply(members: Members) -> None:
        links = change([row.entry for row in HONEST.log.rows if row.partner == "payroll"])
        members["chain/entries"] = b"".join(len(each).to_bytes(2, "big") + each for each in links)

    return apply


def relinked(links: list[bytes]) -> list[bytes]:
    told = json.loads(links[2])
    return [*links[:2], encode(told | {"pprev": "00" * 32}), links[3]]


MEMBERS: dict[str, tuple[Change, int, str]] = {
    "an entry that is no JSON": (lambda m: m.update({shown(PLAIN): b"{"}), TAMPERED, "not JSON"),
    "an entry without members": (lambda m: m.update({shown(PLAIN): b"{}"}), TAMPERED, "lacks members"),
    "an entry that is a list": (lambda m: m.update({shown(PLAIN): b"[]"}), TAMPERED, "lacks members"),
    "an entry in another's place": (
        lambda m: m.update({shown(PLAIN): m[shown(ERASED)]}),
        TAMPERED,
        "of another number",
    ),
    "a proof that is none": (lambda m: m.update({shown(PLAIN) + ".tlog-proof": b""}), TAMPERED, "not a tlog-proof"),
    "a proof that says another place": (
        lambda m: m.update(
            {f"{shown(PLAIN)}.tlog-proof": m[f"{shown(PLAIN)}.tlog-proof"].replace(b"index 1", b"index 2")}
        ),
        TAMPERED,
        "does not lead to the checkpoint",
    ),
    "a proof under another checkpoint": (in_other_tree, TAMPERED, "another checkpoint than the bundle"),
    "a proof under a stranger's checkpoint": (unsigned_proof, INCOMPLETE, "no signature by a trusted key"),
    "another checkpoint": (
        lambda m: m.update({"checkpoint": checkpoint.sign(Checkpoint(ORIGIN, 99, bytes(32)), LOG_SIGNERS, AT)}),
        TAMPERED,
        "not the one of the manifest",
    ),
    "a checkpoint that nobody signed": (
        lambda m: m.update({"checkpoint": checkpoint.sign(checkpoint.peek(HONEST.checkpoint), [a_stranger()], AT)}),
        INCOMPLETE,
        "no signature by a trusted key",
    ),
    "no checkpoint": (lambda m: m.pop("checkpoint"), INCOMPLETE, "missing: checkpoint"),
    "the chain claimed, and not there": (
        lambda m: [m.pop("chain/entries"), m.pop("chain/proof")],
        INCOMPLETE,
        "missing: chain/entries",
    ),
    "a link that is no JSON": (chained(lambda links: [b"{", *links[1:]]), TAMPERED, "place 0 of the chain"),
    "a link that is a list": (chained(lambda links: [b"[]", *links[1:]]), TAMPERED, "place 0 of the chain"),
    "a link without members": (chained(lambda links: [b'{"seq":1}', *links[1:]]), TAMPERED, "place 0 of the chain"),
    "a link less at the end": (chained(lambda links: links[:-1]), TAMPERED, "chain cut"),
    "a link less at the beginning": (chained(lambda links: links[1:]), TAMPERED, "place 0 of the chain"),
    "links in another order": (chained(lambda links: [links[1], links[0], *links[2:]]), TAMPERED, "place 0"),
    "a link more": (chained(lambda links: [*links, links[-1]]), TAMPERED, "place 4 of the chain"),
    "a link that hangs on nothing": (chained(relinked), TAMPERED, "does not follow the one before"),
    "no link": (chained(lambda links: []), TAMPERED, "not in the tree"),
    "a chain's proof too short": (lambda m: m.update({"chain/proof": m["chain/proof"][:-32]}), TAMPERED, "too short"),
    "a chain's proof too long": (
        lambda m: m.update({"chain/proof": m["chain/proof"] + bytes(32)}),
        TAMPERED,
        "too long",
    ),
    "disclosures that are no JSON": (lambda m: m.update({"disclosures.json": b"{"}), TAMPERED, "disclosures.json"),
    "disclosures that are a list": (lambda m: m.update({"disclosures.json": b"[]"}), TAMPERED, "an object"),
    "disclosures of no number": (disclosed(lambda told: told.update({"x": []})), TAMPERED, "disclosures.json"),
    "disclosures that are no texts": (
        lambda m: m.update({"disclosures.json": b'{"1":[1]}'}),
        TAMPERED,
        "list of texts",
    ),
    "a disclosure less": (disclosed(lambda told: told[str(PLAIN)].pop()), TAMPERED, "not disclosed: subject"),
    "a disclosure twice": (
        disclosed(lambda told: told[str(PLAIN)].append(told[str(PLAIN)][0])),
        TAMPERED,
        "other disclosures",
    ),
    "a disclosure of no base64": (disclosed(lambda told: told[str(PLAIN)].append("!")), TAMPERED, "of another form"),
    "a disclosure of no JSON": (disclosed(lambda told: told[str(PLAIN)].append("AAAA")), TAMPERED, "of another form"),
    "a disclosure that is no list": (
        disclosed(lambda told: told[str(PLAIN)].append(said({}))),
        TAMPERED,
        "of another form",
    ),
    "a disclosure of four": (
        disclosed(lambda told: told[str(PLAIN)].append(said(["s", "n", 1, 2]))),
        TAMPERED,
        "does not commit to",
    ),
    "a disclosure made up": (
        disclosed(lambda told: told[str(PLAIN)].append(said(["s", "subject", "x"]))),
        TAMPERED,
        "does not commit to",
    ),
    "a disclosure of what was not chosen": (disclosed(lambda told: told.update({"2": []})), TAMPERED, "not chosen"),
    "deeds less": (lambda m: m.pop("deeds.json"), INCOMPLETE, "cannot be verified"),
    "deeds that are no JSON": (lambda m: m.update({"deeds.json": b"{"}), TAMPERED, "does not hold"),
    "deeds that are a list": (lambda m: m.update({"deeds.json": b"[]"}), TAMPERED, "an object was expected"),
    "deeds nested without end": (
        lambda m: m.update({"deeds.json": b"[" * 100_000 + b"]" * 100_000}),
        TAMPERED,
        "does not hold",
    ),
    "nobody enrolled": (
        lambda m: m.update({"deeds.json": deeds_member(export_deed(), [])}),
        TAMPERED,
        "three founders",
    ),
    "people that are no list": (
        lambda m: m.update({"deeds.json": deeds_member(export_deed(), people=1)}),
        TAMPERED,
        "three founders",
    ),
    "another deed": (
        lambda m: m.update({"deeds.json": deeds_member(export_deed([PLAIN]))}),
        TAMPERED,
        "not the deed of the manifest",
    ),
    "a deed that allows something else": (
        lambda m: m.update({"deeds.json": deeds_member(export_deed(until="2099-12-31"))}),
        TAMPERED,
        "not what the deed allows",
    ),
    "a deed of another kind": (
        lambda m: m.update({"deeds.json": deeds_member(people()[3], people()[:3])}),
        TAMPERED,
        "not the deed of the manifest",
    ),
    "a policy that is none": (lambda m: m.update({"witness.policy": b"quorum nobody\n"}), -1, "witness.policy"),
    "a policy that is not met": (
        lambda m: m.update({"witness.policy": f"witness w {a_cosigner('w').vkey}\nquorum w\n".encode()}),
        INCOMPLETE,
        "too few witnesses",
    ),
}


@pytest.mark.parametrize("case", MEMBERS)
def test_whoever_holds_the_receipt_key_cannot_make_other_evidence(case: str) -> None:
    change, verdict, cause = MEMBERS[case]
    members = dict(HONEST.members)
    change(members)
    made = Made(HONEST.log, HONEST.checkpoint, members, HONEST.claims)
    if verdict < 0:
        with pytest.raises(UnreadableError, match=cause):
            verified(made.signed())
        return

    report = verified(made.signed())

    assert report.verdict == verdict, report.problems
    assert cause in causes(report)


# ------------------------------------------------------------------------------ without a key

AFTERWARDS: dict[str, tuple[Change, int, str]] = {
    "a member more": (lambda m: m.update({"README.en.md": b"read me"}), TAMPERED, "not in the manifest: README.en.md"),
    "a member less": (lambda m: m.pop("deeds.json"), INCOMPLETE, "missing: deeds.json"),
    "another member": (lambda m: m.update({"trust.json": b"{}"}), TAMPERED, "not what the manifest says: trust.json"),
    "another manifest": (
        lambda m: m.update({"manifest.json": HONEST.manifest(until="2099-12-31")}),
        TAMPERED,
        "the manifest is not the one that was signed",
    ),
    "no manifest": (lambda m: m.pop("manifest.json"), INCOMPLETE, "manifest.json is missing"),
}


@pytest.mark.parametrize("case", AFTERWARDS)
def test_whoever_has_no_key_changes_nothing_unseen(case: str) -> None:
    change, verdict, cause = AFTERWARDS[case]
    members = HONEST.signed()
    change(members)

    report = verified(members)

    assert report.verdict == verdict, report.problems
    assert cause in causes(report)


ERASURES: dict[str, dict[str, JsonValue]] = {
    "of what nobody erased": {"by": TOMBSTONE, "deed": ERASURE, "entry": PLAIN, "names": ["subject"]},
    "of a name that stands there": {"by": TOMBSTONE, "deed": ERASURE, "entry": ERASED, "names": ["rules"]},
    "by a comparison": {"by": PLAIN, "deed": ERASURE, "entry": ERASED, "names": ["subject"]},
    "by an entry that is not shown": {"by": 99, "deed": ERASURE, "entry": ERASED, "names": ["subject"]},
    "by a deed that is not shown": {"by": TOMBSTONE, "deed": 99, "entry": ERASED, "names": ["subject"]},
    "by a deed of another kind": {"by": TOMBSTONE, "deed": EXPORT, "entry": ERASED, "names": ["subject"]},
}


@pytest.mark.parametrize("case", ERASURES)
def test_nothing_counts_as_erased_that_no_tombstone_names(case: str) -> None:
    told: list[JsonValue] = [{"by": TOMBSTONE, "deed": ERASURE, "entry": ERASED, "names": list(GONE)}, ERASURES[case]]

    report = verified(HONEST.signed(HONEST.manifest(erased=told)))

    assert report.verdict == INCOMPLETE, report.problems
    assert "said to be erased, without a tombstone" in causes(report)


def test_what_is_withheld_and_not_even_called_erased_is_missing() -> None:
    report = verified(HONEST.signed(HONEST.manifest(erased=[])))

    assert report.verdict == INCOMPLETE
    assert "not disclosed: operator" in causes(report)
    assert "not disclosed: subject" in causes(report)


# -------------------------------------------------------------------- what the log itself says falsely


def put(index: int, draft: Draft) -> Callable[[list[Draft]], list[Draft]]:
    """The log with something else in this place."""
    return lambda log: [*log[:index], draft, *log[index + 1 :]]


def odd(kind: str, body: JsonValue) -> Draft:
    return Draft(kind, None, encode(body))


def erasing(**changes: JsonValue) -> Draft:
    """A tombstone of other members."""
    return odd("erasure.applied", json.loads(tombstone().body) | changes)


Log = Callable[[list[Draft]], list[Draft]]
LOGS: dict[str, tuple[Log, int, str]] = {
    "a tombstone of other entries": (put(TOMBSTONE, tombstone([PLAIN])), INCOMPLETE, "without a tombstone"),
    "a tombstone of other names": (put(TOMBSTONE, tombstone(names=["inner"])), INCOMPLETE, "without a tombstone"),
    "a tombstone of another deed": (put(TOMBSTONE, tombstone(sha256="00" * 32)), INCOMPLETE, "without a tombstone"),
    "a tombstone of no deed": (put(TOMBSTONE, erasing(deed={})), INCOMPLETE, "without a tombstone"),
    "a tombstone that is a text": (put(TOMBSTONE, odd("erasure.applied", "x")), INCOMPLETE, "without a tombstone"),
    "a tombstone of odd runs": (put(TOMBSTONE, erasing(ranges=[[1, 2, 3]])), INCOMPLETE, "without a tombstone"),
    "a tombstone of runs that are texts": (put(TOMBSTONE, erasing(ranges=[["0", "9"]])), INCOMPLETE, "without a tomb"),
    "a deed that came into force later": (
        lambda log: [*log[:ERASURE], log[TOMBSTONE], log[ERASURE], *log[TOMBSTONE + 1 :]],
        INCOMPLETE,
        "without a tombstone",
    ),
    "the export's deed not in force": (
        put(EXPORT, in_force("export", "E-1", "00" * 32)),
        TAMPERED,
        "does not have this deed in force",
    ),
    "the export's entry a text": (put(EXPORT, odd("deed.in_force", "x")), TAMPERED, "does not have this deed in force"),
    "no founders": (put(0, odd("log.opened", {"origin": ORIGIN})), TAMPERED, "does not hold"),
    "an opening that is a text": (put(0, odd("log.opened", "x")), TAMPERED, "an object was expected"),
    "a comparison that is a text": (
        put(PLAIN, Draft(COMPARISON_ANSWERED.type, "payroll", b'"x"')),
        TAMPERED,
        "other disc",
    ),
}


@pytest.mark.parametrize("case", LOGS)
def test_a_log_that_says_something_else_proves_something_else(case: str) -> None:
    change, verdict, cause = LOGS[case]
    made = make(said=change(drafts(export_deed())))
    claimed = {str(index): list(names) for index, names in HONEST.claims.disclosed.items()}
    by, deed = (ERASURE, TOMBSTONE) if case == "a deed that came into force later" else (TOMBSTONE, ERASURE)
    told: list[JsonValue] = [{"by": by, "deed": deed, "entry": ERASED, "names": list(GONE)}]

    report = verified(made.signed(made.manifest(disclosed=claimed, erased=told)))

    assert report.verdict == verdict, report.problems
    assert cause in causes(report)


def test_a_log_without_its_opening_entry_cannot_say_who_founded_it() -> None:
    made = make()
    for name in (shown(0), shown(0) + ".tlog-proof"):
        made.members.pop(name)

    report = verified(made.signed(made.manifest(support=[ERASURE, TOMBSTONE, EXPORT])))

    assert report.verdict == INCOMPLETE
    assert "the deed cannot be verified" in causes(report)


# -------------------------------------------------------------------------- checkpoints, keys and days


def test_a_fork_that_somebody_kept_is_found_and_an_older_checkpoint_is_none() -> None:
    fork = checkpoint.sign(Checkpoint(ORIGIN, EXPORT + 1, bytes(32)), LOG_SIGNERS, AT)
    older = checkpoint.sign(Checkpoint(ORIGIN, 3, StoredTree(3, HONEST.log.hashes).root()), LOG_SIGNERS, AT)

    assert verified(HONEST.signed(), outside=[older, HONEST.checkpoint]).verdict == PROVEN
    report = verified(HONEST.signed(), outside=[older, fork])
    assert report.verdict == TAMPERED
    assert "a fork" in causes(report)


def test_cosignatures_that_come_later_are_counted() -> None:
    witness = a_cosigner("w")
    members = HONEST.signed()
    members["checkpoint"] = add(HONEST.checkpoint, cosign(HONEST.checkpoint, [witness], AT))
    policy = f"witness w {witness.vkey}\nquorum w\n".encode()

    assert verified(members, policy=policy).verdict == PROVEN


DAYS = {
    "on its last day": (datetime(2027, 12, 31, 15, 59, tzinfo=UTC), PROVEN),
    "on the day after": (datetime(2027, 12, 31, 16, 0, tzinfo=UTC), INCOMPLETE),
    "before it was signed": (datetime(2025, 12, 31, tzinfo=UTC), TAMPERED),
}


@pytest.mark.parametrize("case", DAYS)
def test_a_bundle_is_good_until_its_last_day_in_beijing(case: str) -> None:
    now, verdict = DAYS[case]

    assert verified(HONEST.signed(), now=now).verdict == verdict


def test_a_false_signature_under_the_manifest_is_wrong() -> None:
    members = HONEST.signed()
    other = note.sign("another text\n", [RECEIPT_SIGNER], NOW).splitlines(keepends=True)[-1]
    head = members["manifest.note"].partition(b"\n\n")[0]
    members["manifest.note"] = head + b"\n\n" + other

    report = verified(members)

    assert report.verdict == TAMPERED
    assert "does not hold" in causes(report)


@pytest.mark.usefixtures("without_ed25519")
def test_on_a_machine_without_ed25519_evidence_is_missing_and_nothing_is_called_false() -> None:
    report = verified(HONEST.signed())

    assert report.verdict == INCOMPLETE
    assert "lacks the algorithm" in causes(report)


def test_a_deed_that_cannot_be_verified_here_is_missing_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.standalone.people.Ed25519PublicKey", NoEd25519)

    report = verified(HONEST.signed())

    assert report.verdict == INCOMPLETE
    assert causes(report).count("lacks the algorithm") == 1
