"""The tamper matrix over evidence bundles: altered is 1, stripped is 2, and the first bad entry is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from audit import note
from audit.bundle import digests_of, signed_text
from audit.entry import encode
from audit.standalone.bundles import verify_bundle
from audit.standalone.trusting import parse_trust
from audit.standalone.verdicts import INCOMPLETE, PROVEN, TAMPERED, Report
from audit.standalone.witnesses import Policy
from audit.trust import Trust
from audit.zipped import write_zip
from tests.audit.make import an_ed25519_signer
from tests.audit.witnesses import a_cosigner
from tests.gateway.evidence import Evidence
from tests.lives import Life

Members = dict[str, bytes]


@dataclass
class Made:
    """A bundle, taken apart, and the log that it is of."""

    evidence: Evidence
    content: bytes
    first: int

    def members(self) -> Members:
        with ZipFile(BytesIO(self.content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def verified(self, members: Mapping[str, bytes], trust: Trust | None = None, policy: bytes | None = None) -> Report:
        sink = BytesIO()
        write_zip(sink, sorted(members.items()))
        trusted = parse_trust((trust or self.evidence.log_keys.trust).encode())
        witnesses = Policy(policy) if policy else None
        return verify_bundle(sink, trusted, now=self.evidence.life.now, policy=witnesses)

    def signed_anew(self, members: Members) -> Members:
        """What the gateway itself could do, whose receipt key signs whatever it is given."""
        told = json.loads(members.pop("manifest.json"))
        members.pop("manifest.note", None)
        told["members"] = digests_of(members)
        manifest = encode(told, 1 << 26)
        signers = [self.evidence.log_keys.receipts]
        text = signed_text(told["origin"], manifest)
        return {**members, "manifest.json": manifest, "manifest.note": note.sign(text, signers, self.evidence.life.now)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder: Path = tmp_path_factory.mktemp("bundle")
    with closing(Life(folder)) as life, closing(Evidence(life)) as evidence:
        evidence.allow(chain={"of": "payroll", "first": 0, "last": 2}, names=["subject"])
        evidence.sign()
        yield Made(evidence, evidence.take(), evidence.first)


def entry(made: Made, more: str = "") -> str:
    return f"entries/{made.first:016d}{more}"


def edit(made: Made, members: Members) -> None:
    members[entry(made)] = members[entry(made)].replace(b"match", b"metch", 1)


def edit_manifest(_: Made, members: Members) -> None:
    members["manifest.json"] = members["manifest.json"].replace(b'"until":"2027', b'"until":"2097')


def swap(made: Made, members: Members) -> None:
    other = f"entries/{made.first + 2:016d}"
    members[entry(made)], members[other] = members[other], members[entry(made)]


def cut_chain(_: Made, members: Members) -> None:
    content = members["chain/entries"]
    members["chain/entries"] = content[: 2 + int.from_bytes(content[:2], "big")]


def other_disclosure(made: Made, members: Members) -> None:
    told = json.loads(members["disclosures.json"])
    told[str(made.first)], told[str(made.first + 2)] = told[str(made.first + 2)], told[str(made.first)]
    members["disclosures.json"] = encode(told)


def fewer_disclosures(_: Made, members: Members) -> None:
    told = json.loads(members["disclosures.json"])
    members["disclosures.json"] = encode({index: [] for index in told})


def stripped(_: Made, members: Members) -> None:
    """The last signature of every checkpoint is taken off."""
    for name in members:
        if name == "checkpoint" or name.endswith(".tlog-proof"):
            members[name] = b"\n".join(members[name].split(b"\n")[:-2]) + b"\n"


def other_proof(made: Made, members: Members) -> None:
    members[entry(made, ".tlog-proof")] = members[f"entries/{0:016d}.tlog-proof"]


def shorter_people(_: Made, members: Members) -> None:
    told = json.loads(members["deeds.json"])
    told["people"] = told["people"][:3]
    members["deeds.json"] = json.dumps(told).encode()


ALTERED: dict[str, tuple[Callable[[Made, Members], object], int]] = {
    "untouched": (lambda made, members: None, PROVEN),
    "an entry edited": (edit, TAMPERED),
    "two entries swapped": (swap, TAMPERED),
    "the manifest edited": (edit_manifest, TAMPERED),
    "an entry less": (lambda made, members: members.pop(entry(made)), INCOMPLETE),
    "a proof less": (lambda made, members: members.pop(entry(made, ".tlog-proof")), INCOMPLETE),
    "another proof": (other_proof, TAMPERED),
    "the chain cut": (cut_chain, TAMPERED),
    "the chain less": (lambda made, members: members.pop("chain/entries"), INCOMPLETE),
    "the chain's proof less": (lambda made, members: members.pop("chain/proof"), INCOMPLETE),
    "the chain's proof altered": (
        lambda _, m: m.update({"chain/proof": bytes(32) + m["chain/proof"][32:]}),
        TAMPERED,
    ),
    "disclosures swapped": (other_disclosure, TAMPERED),
    "disclosures less": (lambda made, members: members.pop("disclosures.json"), TAMPERED),
    "signatures stripped": (stripped, INCOMPLETE),
    "the checkpoint less": (lambda made, members: members.pop("checkpoint"), INCOMPLETE),
    "no manifest": (lambda made, members: members.pop("manifest.json"), INCOMPLETE),
    "no signature": (lambda made, members: members.pop("manifest.note"), INCOMPLETE),
    "no deeds": (lambda made, members: members.pop("deeds.json"), INCOMPLETE),
    "something more": (lambda made, members: members.update({"witness.policy": b"quorum none\n"}), TAMPERED),
}


@pytest.mark.parametrize("case", ALTERED)
def test_an_altered_bundle_is_found_out(made: Made, case: str) -> None:
    change, verdict = ALTERED[case]
    members = made.members()
    change(made, members)

    report = made.verified(members)

    assert report.verdict == verdict, report.problems
    if case in {"an entry edited", "two entries swapped", "another proof"}:
        assert report.first_bad == made.first


RESIGNED: dict[str, tuple[Callable[[Made, Members], object], int]] = {
    "untouched": (lambda made, members: None, PROVEN),
    "an entry edited": (edit, TAMPERED),
    "the chain cut": (cut_chain, TAMPERED),
    "disclosures swapped": (other_disclosure, TAMPERED),
    "fewer disclosures": (fewer_disclosures, TAMPERED),
    "an entry less": (lambda made, members: members.pop(entry(made)), INCOMPLETE),
    "people less": (shorter_people, TAMPERED),
    "a longer permission": (edit_manifest, TAMPERED),
}


@pytest.mark.parametrize("case", RESIGNED)
def test_whoever_holds_the_receipt_key_cannot_make_other_evidence(made: Made, case: str) -> None:
    change, verdict = RESIGNED[case]
    members = made.members()
    change(made, members)

    report = made.verified(made.signed_anew(members))

    assert report.verdict == verdict, report.problems


def test_a_manifest_that_another_key_signed_is_not_proven(made: Made) -> None:
    members = made.members()
    stranger = an_ed25519_signer(made.evidence.log_keys.origin, "stranger")
    text = signed_text(made.evidence.log_keys.origin, members["manifest.json"])
    members["manifest.note"] = note.sign(text, [stranger], made.evidence.life.now)

    assert made.verified(members).verdict == INCOMPLETE


def test_a_quorum_that_is_missing_is_missing_evidence_and_may_come_later(made: Made) -> None:
    policy = f"witness w {a_cosigner('w').vkey}\nquorum w\n".encode()

    assert made.verified(made.members(), policy=policy).verdict == INCOMPLETE
