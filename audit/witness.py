"""A witness of logs (C2SP tlog-witness): cosigns the checkpoints of logs it knows, never one that contradicts another.

    reply = Witness(...).add_checkpoint(body)

1. the body is read in its one exact form, or 400;
2. the log is known, or 404; one of its keys signed and none of its signatures is wrong, or 403;
3. the old size is the size of what was cosigned last, or 409 that tells it; and not above the new one, or 400;
4. the proof leads from the old tree to the new one, or 422;
5. the cosigned checkpoint is swapped in for exactly the one that 3 and 4 looked at, durably; only then it is told.

Were 3 and 5 two steps, two requests at once could put a smaller tree over a larger one. A crash before 5 has cosigned
nothing; after it the log asks again, is told the size, and gets its cosignature.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple, Protocol

from msgspec import Struct

from audit import checkpoint, note
from audit.checkpoint import Checkpoint
from audit.cosignature import add, cosign, cosigner_verifier, holding, only, time_of, write_lines
from audit.errors import NoteError, ProofError, WitnessError
from audit.note import NoteSigner, Signature
from audit.proof import MAX_HASHES, check_consistency
from audit.suite import Digest
from audit.tree import HASH_BYTES, root
from audit.trust import Trust

MAX_REQUEST_BYTES = 128 * 1024
"""Room for 63 hashes and 16 signatures of the largest kind."""
SETTLED = timedelta(seconds=5)
"""For how long the same checkpoint gets the same cosignatures."""
_MAX_DIGITS = 19
_TRIES = 16


class AddCheckpoint(NamedTuple):
    """A request: from the tree of size `old`, by these hashes, to this signed checkpoint."""

    old: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        """Write it as it goes over the wire."""
        lines = (f"old {self.old}", *(b64encode(each).decode() for each in self.hashes))
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint


class Reply(NamedTuple):
    """What a witness answers: 200 with signature lines, 409 with a size, otherwise the cause for people."""

    status: int
    body: bytes = b""
    cause: str = ""


class WitnessStore(Protocol):
    """Keeps the last cosigned checkpoint of each log, never rolled back."""

    def latest(self, origin: str) -> bytes | None:
        """Return the last checkpoint cosigned for the log; None when there is none."""
        ...

    def swap(self, origin: str, expected: bytes | None, new: bytes) -> bool:
        """Replace exactly `expected` by `new`, atomically and durably; False when another one is there."""
        ...


class Witness(Struct, frozen=True):
    """Cosigns with these keys. `trusted` gives what is trusted of a log, None for logs it does not know."""

    signers: Sequence[NoteSigner]
    trusted: Callable[[str], Trust | None]
    store: WitnessStore
    now: Callable[[], datetime]

    def add_checkpoint(self, body: bytes) -> Reply:
        """Answer a request. What the store raises passes: then nothing was cosigned."""
        try:
            request = parse_request(body)
            wanted = checkpoint.peek(request.checkpoint)
        except (WitnessError, NoteError) as error:
            return Reply(400, cause=str(error))
        trust = self.trusted(wanted.origin)
        if trust is None:
            return Reply(404, cause="the log is not one that is witnessed here")
        verifiers = trust.verifiers("checkpoint", wanted.size)
        try:
            checkpoint.open_signed(request.checkpoint, verifiers)
        except NoteError as error:
            return Reply(403, cause=str(error))
        if request.old > wanted.size:
            return Reply(400, cause="the old size is larger than that of the checkpoint")
        return self._decide(request, wanted, only(request.checkpoint, verifiers), trust.suite.digest)

    def latest(self, origin_sha256: str, origins: Sequence[str]) -> bytes | None:
        """Return the last cosigned checkpoint of the log whose origin has this hash."""
        found = next((each for each in origins if sha256(each.encode()).hexdigest() == origin_sha256), None)
        return None if found is None else self.store.latest(found)

    def _decide(self, request: AddCheckpoint, wanted: Checkpoint, content: bytes, digest: Digest) -> Reply:
        for _ in range(_TRIES):
            kept = self.store.latest(wanted.origin)
            reply = _consider(request, wanted, kept, digest)
            if reply is not None:
                return reply
            at = self.now()
            recent = self._recent(kept, content, at)
            if recent:
                return Reply(200, write_lines(recent))
            cosignatures = cosign(content, self.signers, at)
            if self.store.swap(wanted.origin, kept, add(content, cosignatures)):
                return Reply(200, write_lines(cosignatures))
        raise ProofError("the witness's store changes faster than it can be read")

    def _recent(self, kept: bytes | None, content: bytes, at: datetime) -> list[Signature]:
        """Return our cosignatures of exactly this text when they are new, all of them or none.

        Checkpoints are public, so anybody may hand one in again and again; that shall cost no writing.
        """
        if kept is None:
            return []
        there, names = note.parse(kept), {each.vkey for each in self.signers}
        if there.text != note.parse(content).text:
            return []
        try:
            held = holding(there.text, there.signatures, [cosigner_verifier(each) for each in names], at)
        except NoteError:
            return []
        is_new = all(abs(at - time_of(each)) < SETTLED for each in held.values())
        return list(held.values()) if is_new and set(held) == names else []


def parse_request(body: bytes) -> AddCheckpoint:
    """Read a request. Raise `WitnessError` for anything but the exact form."""
    if len(body) > MAX_REQUEST_BYTES:
        raise WitnessError(f"a request of more than {MAX_REQUEST_BYTES} bytes")
    head, blank, signed = body.partition(b"\n\n")
    if not blank or not head.isascii():
        raise WitnessError("a request is an old size, hashes, a blank line and a checkpoint")
    size, *lines = head.decode().split("\n")
    digits = size.removeprefix("old ")
    if digits == size or not digits.isdigit() or len(digits) > _MAX_DIGITS or str(int(digits)) != digits:
        raise WitnessError("a request begins with: old <size>, in decimal without leading zeros")
    if len(lines) > MAX_HASHES:
        raise WitnessError(f"a consistency proof has at most {MAX_HASHES} hashes")
    return AddCheckpoint(int(digits), tuple(_hash(line) for line in lines), signed)


def _hash(line: str) -> bytes:
    try:
        node = note.from_base64(line)
    except NoteError as error:
        raise WitnessError("a line of the consistency proof is not base64") from error
    if len(node) != HASH_BYTES:
        raise WitnessError(f"a hash of the consistency proof has {HASH_BYTES} bytes")
    return node


def _consider(request: AddCheckpoint, wanted: Checkpoint, kept: bytes | None, digest: Digest) -> Reply | None:
    """Return why not, or None when it may be cosigned."""
    last = Checkpoint(wanted.origin, 0, root([], digest)) if kept is None else checkpoint.peek(kept)
    if request.old != last.size:
        return Reply(409, f"{last.size}\n".encode(), "the old size is not that of the last cosigned checkpoint")
    try:
        check_consistency(last.size, last.root, wanted.size, wanted.root, request.hashes, digest=digest)
    except ProofError as error:
        return Reply(422, cause=str(error))
    return None
