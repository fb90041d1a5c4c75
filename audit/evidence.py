"""Opening evidence with the trust file: which checkpoints are signed by all the keys that should have signed."""

from collections.abc import Iterable

from audit import checkpoint
from audit.checkpoint import Checkpoint
from audit.errors import NoteError, UnsignedError
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
        opened = checkpoint.open_signed(content, wanted)
    except UnsignedError as error:
        findings.incomplete(None, str(error))
        return None
    except NoteError as error:
        findings.tampered(None, str(error))
        return None
    for missing in sorted({each.vkey for each in wanted} - opened.signed_by):
        findings.incomplete(None, f"the checkpoint of size {claimed.size} lacks a signature: {missing[:80]}")
    if claimed.origin != trust.origin:
        findings.tampered(None, f"a checkpoint of the log {claimed.origin}")
        return None
    return opened.checkpoint
