"""Evidence bundles made in memory, as an honest gateway makes them and as a dishonest one would.

The log holds five comparisons of two partners; what one of them names was erased; a deed allows that two are shown,
with all of a partner's chain. Whatever a test does to members, it can have the manifest signed anew: the gateway has
that key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import cast

from audit import bundle, note
from audit.bundle import By, Chain, Claims, DeedRef, Gone
from audit.checkpoint import peek
from audit.deed_events import DeedRef as InForce
from audit.deed_events import deed_in_force
from audit.disclosure import Disclosure, base64url, unseal
from audit.entry import JsonValue, encode
from audit.erasure_events import Allowed, erasure_applied
from audit.events import Draft, log_opened
from audit.kinds import KINDS
from audit.packing import unpack
from audit.standalone.bundles import verify_bundle
from audit.standalone.trusting import parse_trust
from audit.standalone.verdicts import Report
from audit.standalone.witnesses import Policy
from audit.tree import StoredTree
from audit.zipped import write_zip
from gateway.deeds.deed import Deed
from gateway.deeds.document import Kind
from tests.audit.make import (
    AT,
    LOG_SIGNERS,
    ORIGIN,
    RECEIPT_SIGNER,
    a_checkpoint_of,
    a_ledger,
    a_refusal,
    a_trust,
    an_answer,
)
from tests.fakes_audit import MemoryKeys, MemoryLedger
from tests.people import FOUNDATION, a_document, people, signed_by

Members = dict[str, bytes]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
UNTIL = "2027-12-31"
PLAIN, ERASED, LAST = 1, 4, 5
"""A comparison that is shown, one of which something was erased, and the last one."""
ERASURE, TOMBSTONE, EXPORT = 6, 7, 8
"""The deed of the erasure, what it erased, and the deed that allows the bundle."""
CHAIN: dict[str, JsonValue] = {"of": "payroll", "first": 0, "last": 3}
GONE = ("operator", "subject")
TOLD = ("inner", "matter", *GONE)
"""What the tombstone names: with an operator goes whatever lies in the same frame."""
ERASURE_SHA256 = "e1" * 32
_SECRETS = {kind.type: frozenset(kind.secrets) for kind in KINDS}


def export_deed(entries: Sequence[int] = (PLAIN, ERASED), **changes: JsonValue) -> Deed:
    """审计管理员 and a leader sign that evidence may be taken out."""
    content: dict[str, JsonValue] = {"entries": list(entries), "chain": CHAIN, "names": ["operator", "subject"]}
    told = {**content, "until": UNTIL, **changes}
    return signed_by(a_document(Kind.EXPORT, "E-1", told, author="aud", reason="r"), "aud", "leader")


def in_force(kind: str, name: str, sha256: str) -> Draft:
    """The entry by which a deed came into force."""
    ref = InForce(kind, name, 1, sha256, None)
    return deed_in_force(ref, path="usual", previous=None, by=["aud", "leader"], changed=[], more=0, rights="ef" * 32)


def tombstone(indices: Sequence[int] = (ERASED,), names: Sequence[str] = TOLD, sha256: str = ERASURE_SHA256) -> Draft:
    """The entry that says what was erased."""
    (made,) = erasure_applied(Allowed("X-1", sha256), basis="b", names=names, indices=indices, before="2025-02", kept=0)
    return made


def opening() -> Draft:
    """Entry 0."""
    vkeys = [signer.vkey for signer in (*LOG_SIGNERS, RECEIPT_SIGNER)]
    return log_opened(origin=ORIGIN, vkeys=vkeys, founders=FOUNDATION.members())


def drafts(deed: Deed) -> list[Draft]:
    """What the log says, entry by entry."""
    return [
        opening(),
        *(an_answer("payroll"), an_answer("pension"), a_refusal("payroll"), an_answer("payroll"), an_answer("payroll")),
        *(in_force("erasure", "X-1", ERASURE_SHA256), tombstone(), in_force("export", "E-1", deed.digest)),
    ]


@dataclass
class Made:
    """A bundle, taken apart, and what it was made of."""

    log: MemoryLedger
    checkpoint: bytes
    members: Members
    claims: Claims

    def manifest(self, **changes: JsonValue) -> bytes:
        """What an honest gateway claims; or something else."""
        digests, told = bundle.digests_of(self.members), peek(self.checkpoint)
        honest: dict[str, JsonValue] = json.loads(self.claims.manifest(digests, told, EXPORT + 1))
        return encode(honest | changes, 1 << 26)

    def signed(self, manifest: bytes | None = None) -> Members:
        """All members, the manifest signed by the receipt key."""
        return sealed(self.members, self.manifest() if manifest is None else manifest)

    def index_of(self, name: str) -> int:
        """Which entry a member shows."""
        return int(name.removeprefix("entries/")[:16])


def sealed(members: Mapping[str, bytes], manifest: bytes) -> Members:
    """The members with a manifest that the receipt key signed."""
    signed = note.sign(bundle.signed_text(ORIGIN, manifest), [RECEIPT_SIGNER], NOW)
    return {**members, "manifest.json": manifest, "manifest.note": signed}


def make(deed: Deed | None = None, said: Sequence[Draft] | None = None) -> Made:
    """A log of what is said, and the bundle that the deed allows."""
    deed, keys, log = deed or export_deed(), MemoryKeys(), MemoryLedger()
    a_ledger(keys=keys).append(log, said or drafts(deed), AT)
    checkpoint, tree = a_checkpoint_of(log), StoredTree(log.head().size, log.hashes)
    content = cast("dict[str, JsonValue]", deed.document.content)
    chosen, names = cast("list[int]", content["entries"]), cast("list[str]", content["names"])
    shown = sorted({0, ERASURE, TOMBSTONE, EXPORT, *chosen})
    opened = {index: _opened(log, keys, index, names) for index in chosen}
    members = {
        "trust.json": a_trust().encode(),
        "checkpoint": checkpoint,
        "deeds.json": deeds_member(deed),
        "disclosures.json": bundle.disclosure_member({i: [d.content for d in each] for i, each in opened.items()}),
        **bundle.entry_members({index: log.rows[index].entry for index in shown}, tree, checkpoint),
        **bundle.chain_members(_links(log, "payroll"), tree),
    }
    return Made(log, checkpoint, members, _claims(deed, content, opened, [*{*shown} - {*chosen}]))


def _claims(
    deed: Deed, content: Mapping[str, JsonValue], opened: Mapping[int, Sequence[Disclosure]], support: Sequence[int]
) -> Claims:
    chain = cast("Mapping[str, int] | None", content["chain"])
    return Claims(
        origin=ORIGIN,
        suite="intl",
        made="2026-06-01T00:00:00Z",
        until=str(content["until"]),
        by=By("aud", "audit_admin"),
        deed=DeedRef("E-1", 1, deed.digest, EXPORT),
        entries=tuple(opened),
        support=tuple(sorted(support)),
        chain=None if chain is None else Chain(str(chain["of"]), chain["first"], chain["last"]),
        names=tuple(cast("list[str]", content["names"])),
        disclosed={index: tuple(each.name for each in found) for index, found in opened.items()},
        erased=tuple(Gone(ERASED, (name,), TOMBSTONE, ERASURE) for name in GONE),
    )


def _links(log: MemoryLedger, partner: str) -> dict[int, bytes]:
    return {row.index: row.entry for row in log.rows if row.partner == partner}


def _opened(log: MemoryLedger, keys: MemoryKeys, index: int, names: Sequence[str]) -> list[Disclosure]:
    """The disclosures of an entry; what was erased cannot be opened any more."""
    row = log.rows[index]
    found = [unseal(row.id, each, keys) for each in unpack(row.disclosures) if each.name in names]
    return sorted((d for d in found if d and not (index == ERASED and d.name in GONE)), key=lambda each: each.name)


def deeds_member(deed: Deed, known: Sequence[Deed] | None = None, **changes: object) -> bytes:
    """As a gateway exports a deed, with everybody who could sign it."""
    texts = [base64url(each.encode()).decode() for each in (*(people() if known is None else known), deed)]
    foundation = {"log": FOUNDATION.log, "founders": FOUNDATION.members()}
    return json.dumps({"foundation": foundation, "people": texts[:-1], "deed": texts[-1], **changes}).encode()


def zipped(members: Mapping[str, bytes]) -> BytesIO:
    """The file that travels."""
    sink = BytesIO()
    write_zip(sink, sorted(members.items()))
    return sink


def verified(
    members: Mapping[str, bytes],
    *,
    now: datetime = NOW,
    trust: bytes | None = None,
    outside: Sequence[bytes] = (),
    policy: bytes | None = None,
) -> Report:
    """What somebody finds who has a trust file of their own."""
    trusted = parse_trust(trust or a_trust().encode())
    witnesses = Policy(policy) if policy else None
    return verify_bundle(zipped(members), trusted, now=now, outside=outside, policy=witnesses)
