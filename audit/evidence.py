"""Opening evidence with the trust file: which checkpoints are signed by all the keys that should have signed."""

from collections.abc import Iterable, Sequence

from audit import checkpoint
from audit.checkpoint import Checkpoint
from audit.errors import NoteError, UnsignedError
from audit.note import NoteVerifier
from audit.report import Findings
from audit.trust import Trust


def open_checkpoints(contents: Iterable[bytes], trust: Trust, findings: Findings) -> dict[int, list[Checkpoint]]:
    """Return the checkpoints that a trusted key signed, by size."""
    signed: dict[int, list[Checkpoint]] = {}
    for content in contents:
        found = _open(content, trust, findings)
        if found is not None:
            signed.setdefault(found.size, []).append(found)
    if not signed:
        findings.incomplete(None, "no checkpoint signed by a trusted key")
    return signed


def _open(content: bytes, trust: Trust, findings: Findings) -> Checkpoint | None:
    try:
        claimed = checkpoint.peek(content)
        wanted = trust.verifiers("checkpoint", claimed.size)
    except NoteError as error:
        findings.tampered(None, str(error))
        return None
    if not _is_signed(content, claimed.size, wanted, trust, findings):
        return None
    if claimed.origin != trust.origin:
        findings.tampered(None, f"a checkpoint of the log {claimed.origin}")
        return None
    return claimed


def _is_signed(content: bytes, size: int, wanted: Sequence[NoteVerifier], trust: Trust, findings: Findings) -> bool:
    try:
        opened = checkpoint.open_signed(content, wanted)
    except UnsignedError as error:
        # Where others sign for this size, a signature by a key of another range is no mere lack of evidence.
        if wanted and _is_of_another_range(content, trust):
            findings.tampered(None, f"a checkpoint of size {size} by a key that is not good for that size")
        else:
            findings.incomplete(None, str(error))
        return False
    except NoteError as error:
        findings.tampered(None, str(error))
        return False
    for missing in sorted({each.vkey for each in wanted} - opened.signed_by):
        findings.incomplete(None, f"the checkpoint of size {size} lacks a signature: {missing[:80]}")
    return True


def _is_of_another_range(content: bytes, trust: Trust) -> bool:
    keys = [checkpoint.verifier(each.vkey) for each in trust.keys if each.purpose == "checkpoint"]
    try:
        checkpoint.open_signed(content, keys)
    except NoteError:
        return False
    return True
