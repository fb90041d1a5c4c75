"""The offline verifier of a receipt: who signed it, what it speaks of, and is the entry in the log?"""

from collections.abc import Mapping

from audit import receipt
from audit.checkpoint import Checkpoint
from audit.entry import JsonValue, decode, leaf_hash
from audit.errors import AuditError, EntryError, NoteError, ReceiptError
from audit.evidence import open_checkpoints
from audit.proof import TlogProof, check_inclusion, parse_tlog_proof
from audit.receipt import Held
from audit.report import Findings, Report
from audit.trust import Trust


def verify_receipt(
    content: bytes,
    trust: Trust,
    *,
    proof: bytes | None = None,
    entry: bytes | None = None,
    request: bytes | None = None,
    response: bytes | None = None,
) -> Report:
    """Verify a receipt (JSON) with its tlog-proof, and open what is given of entry, request and answer.

    Without a proof the entry's inclusion stays open, which is incomplete.
    """
    findings = Findings()
    held = _held(content, trust, findings)
    if held is None:
        return Report(0, findings.all())
    _check_opened(held, entry, request, response, findings)
    size = _check_proof(held, proof, trust, findings)
    return Report(size, findings.all(), checkpoints=1 if size else 0)


def _held(content: bytes, trust: Trust, findings: Findings) -> Held | None:
    try:
        read = receipt.read(content)
        claimed = receipt.claimed_index(read)
        verifiers = trust.verifiers("receipt", claimed)
        signed = [each for each in verifiers if receipt.is_signed_by(read, each)]
        if not signed:
            findings.incomplete(claimed, "no receipt key of the trust file is good for this entry")
            return None
        held = receipt.verify(read, signed[0])
    except (ReceiptError, NoteError) as error:
        findings.tampered(None, str(error))
        return None
    if held.origin != trust.origin:
        findings.tampered(held.body.index, f"the receipt is of the log {held.origin}")
    return held


def _check_opened(
    held: Held, entry: bytes | None, request: bytes | None, response: bytes | None, findings: Findings
) -> None:
    for part, given in (("request", request), ("response", response)):
        if given is not None and not held.opens(part, given):
            findings.tampered(held.body.index, f"the receipt does not speak of this {part}")
    if entry is not None and (leaf_hash(entry, held.digest) != held.body.leaf or not _says_the_same(entry, held)):
        findings.tampered(held.body.index, "the entry is not the one of the receipt")


def _says_the_same(entry: bytes, held: Held) -> bool:
    try:
        value = decode(entry)
    except EntryError:
        return False
    body: JsonValue = value.get("body") if isinstance(value, Mapping) else None
    return isinstance(body, Mapping) and (body.get("request_sha256"), body.get("response_sha256")) == (
        held.body.request_sha256,
        held.body.response_sha256,
    )


def _check_proof(held: Held, content: bytes | None, trust: Trust, findings: Findings) -> int:
    """Return the size of the checkpoint that covers the entry, 0 when it is not shown."""
    index = held.body.index
    if content is None:
        findings.incomplete(index, "no proof that the entry is in the log; ask for it once a checkpoint covers it")
        return 0
    try:
        proof = parse_tlog_proof(content)
    except AuditError as error:
        findings.tampered(index, str(error))
        return 0
    signed = open_checkpoints([proof.checkpoint], trust, findings)
    for size, found in signed.items():
        _check_included(held, proof, found[0], findings)
        return size
    return 0


def _check_included(held: Held, proof: TlogProof, signed: Checkpoint, findings: Findings) -> None:
    try:
        check_inclusion(held.body.leaf, held.body.index, signed.size, signed.root, proof.path, digest=held.digest)
    except AuditError as error:
        findings.tampered(held.body.index, str(error))
    if proof.index != held.body.index:
        findings.tampered(held.body.index, f"the proof is of entry {proof.index}")
