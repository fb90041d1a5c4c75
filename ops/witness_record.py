"""What witnesses said of our log, kept and judged: nothing here talks to anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from adapters.witness_files import WitnessedFiles
from audit import checkpoint, note
from audit.checkpoint import Checkpoint, peek
from audit.cosignature import add, cosigner_verifier, holding, only
from audit.errors import AuditError, NoteError, ProofError
from audit.note import NoteVerifier, Signature
from audit.signer import REFRESH
from audit.suite import Digest
from audit.tree import Hashes, StoredTree
from audit.witness import AddCheckpoint
from audit.witness_policy import Judged, Member, Policy, judge
from audit.witnessing import FINE, Cause, Covered, Grade, Standing

_EVIDENCE = "evidence"


@dataclass(kw_only=True)
class WitnessRecord:
    """Under one policy. `latest` gives our own newest checkpoint, `hashes` the tree that is stored now."""

    origin: str
    policy: Policy
    log: Callable[[int], Sequence[NoteVerifier]]
    """The verifiers of our own log, by size."""
    kept: WitnessedFiles
    latest: Callable[[], bytes | None]
    hashes: Hashes
    digest: Digest
    now: Callable[[], datetime]
    _judged: tuple[bytes, Judged] | None = field(default=None, repr=False)
    _forked: bytes | None = field(default=None, repr=False)

    # ------------------------------------------------------------------------------------ what is covered

    def quorum(self) -> Judged | None:
        """The newest checkpoint with a quorum; None when there is none, or none that can be read."""
        judged = self._readable()
        return judged if judged and judged.since else None

    def covered(self) -> Covered:
        """What the last quorum covers; before the first, nothing beyond what was signed at the first attempt."""
        judged = self.quorum()
        return Covered(judged.checkpoint.size, judged.since) if judged and judged.since else self._first()

    def signed(self) -> int:
        """How many entries we signed."""
        content = self.latest()
        return peek(content).size if content else 0

    def _readable(self) -> Judged | None:
        """The last checkpoint that had a quorum, if it is one of ours; looked at again when its file changed."""
        content, seen = self.kept.quorum.latest(), self._judged
        if content is None or (seen and seen[0] == content):
            return seen[1] if content and seen else None
        try:
            self._require_ours(content, peek(content))
            judged = judge(content, self.policy, self.log(peek(content).size), self.now())
        except NoteError:
            return None
        self._judged = content, judged
        return judged

    def begin(self) -> None:
        """Notes when witnessing was first meant to happen under this policy: the limits count from then."""
        if self.kept.marks.read(self._mark) is None:
            told = f"{self.signed()} {int(self.now().timestamp())}\n".encode()
            self.kept.marks.replace(self._mark, lambda there: None if there else told)

    def _first(self) -> Covered:
        told = self.kept.marks.read(self._mark)
        if told is None:
            return Covered(self.signed(), self.now())
        size, seconds = (int(each) for each in told.split())
        return Covered(size, datetime.fromtimestamp(seconds, UTC))

    @property
    def _mark(self) -> str:
        told = f"{self.origin}\n{self.policy!r}"
        return f"first-{sha256(told.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"

    # ------------------------------------------------------------------------------------ witness by witness

    def cosigned(self, member: Member) -> bytes | None:
        """The last checkpoint that this witness cosigned; None when there is none, or none that can be read."""
        content = self.kept.by(member.vkey)
        try:
            return content if content and self._cosignatures(content, member) else None
        except AuditError:
            return None

    def request(self, old: int, content: bytes) -> AddCheckpoint:
        """What a witness is asked that last saw `old` entries. Raises `ProofError` when the tree does not give it."""
        tree = StoredTree(peek(content).size, self.hashes, self.digest)
        try:
            return AddCheckpoint(old, tuple(tree.consistency(old)), content)
        except ValueError as error:
            raise ProofError(str(error)) from None

    def take(self, content: bytes, signatures: Iterable[Signature]) -> Judged:
        """Keeps cosignatures of one of our checkpoints, and what quorum they complete.

        Raises `NoteError` when one does not hold or the checkpoint is not ours, `UnsignedError` when no witness of
        the policy cosigned.
        """
        wanted = peek(content)
        self._require_ours(content, wanted)
        own = only(content, self.log(wanted.size))
        held = holding(note.parse(content).text, signatures, self.policy.verifiers(), self.now())
        for vkey, signature in held.items():
            self._keep(vkey, wanted, add(own, [signature]))
        self.settle()
        merged = self._merged().get(note.parse(content).text, add(own, held.values()))
        return judge(merged, self.policy, self.log(wanted.size), self.now())

    def settle(self) -> None:
        """Puts together what witnesses said of one checkpoint; the newest with a quorum becomes the witnessed one."""
        for merged in self._merged().values():
            judged = judge(merged, self.policy, self.log(peek(merged).size), self.now())
            while judged.since:
                kept, there = self.kept.quorum.latest(), self._readable()
                if there and there.since and _order(there) >= _order(judged):
                    break
                if self.kept.swap(kept, merged, is_readable=there is not None):
                    break

    def _merged(self) -> dict[str, bytes]:
        """One note for each checkpoint that witnesses cosigned, by its text, with all that is kept of them."""
        quorum = self.kept.quorum.latest() if self._readable() else None
        cosigned = [self.cosigned(each) for each in self.policy.witnesses]
        notes: dict[str, bytes] = {}
        for content in (each for each in (quorum, *cosigned) if each):
            parts = note.parse(content)
            notes[parts.text] = add(notes.get(parts.text, content), parts.signatures)
        return notes

    def best_for(self, member: Member) -> bytes | None:
        """What this witness is best given to cosign by hand: what others cosigned just now, or our newest checkpoint.

        A quorum needs cosignatures of one checkpoint, and whoever is asked over the wire cosigns a new one each time.
        """
        kept, latest = self.cosigned(member), self.latest()
        known = peek(kept).size if kept else -1
        fresh = [each for each in self._merged().values() if peek(each).size > known and self._is_fresh(each)]
        return max(fresh, key=lambda each: peek(each).size) if fresh else latest

    def _is_fresh(self, content: bytes) -> bool:
        times = judge(content, self.policy, self.log(peek(content).size), self.now()).times.values()
        return any(abs(self.now() - each) < 2 * REFRESH for each in times)

    def _keep(self, vkey: str, wanted: Checkpoint, content: bytes) -> None:
        def decide(there: bytes | None) -> bytes | None:
            try:
                kept = peek(there) if there else wanted
            except NoteError:
                return content
            return content if kept.origin != wanted.origin or kept.size <= wanted.size else None

        self.kept.keep(vkey, decide)

    def _cosignatures(self, content: bytes, member: Member) -> Sequence[Signature]:
        self._require_ours(content, peek(content))
        parts = note.parse(content)
        return list(holding(parts.text, parts.signatures, [cosigner_verifier(member.vkey)], self.now()).values())

    def _require_ours(self, content: bytes, wanted: Checkpoint) -> None:
        if wanted.origin != self.origin:
            raise NoteError(f"the checkpoint is one of {wanted.origin}, not of {self.origin}")
        checkpoint.open_signed(content, self.log(wanted.size))

    # ------------------------------------------------------------------------------------ contradictions

    def accuse(self, content: bytes) -> bool:
        """Whether a checkpoint that we signed is not one of the log as it is here; it is kept as evidence."""
        try:
            self._require_ours(content, peek(content))
        except NoteError:
            return False
        if not self._contradicts(content):
            return False
        self.kept.marks.replace(_EVIDENCE, lambda _: content)
        return True

    def accused(self) -> Standing:
        """Hard for as long as the log is not the one that we once signed and others have seen."""
        content = self.kept.marks.read(_EVIDENCE)
        # What speaks against an earlier log of this home says nothing about its successor.
        if content is None or peek(content).origin != self.origin or not self._contradicts(content):
            return FINE
        size = peek(content).size
        told = f"witnesses hold a checkpoint of {size} entries that we signed; the log here is another, or shorter"
        return Standing(Grade.HARD, Cause.AHEAD, told)

    def check_own(self, *, roots: bool) -> None:
        """Looks whether what witnesses cosigned before is still part of what we signed; its roots too, if told to.

        Evidence that the log answers by now, because a whole backup came back, is put away.
        """
        evidence = self.kept.marks.read(_EVIDENCE)
        if evidence and peek(evidence).origin == self.origin and not self._contradicts(evidence):
            self.kept.marks.remove(_EVIDENCE)
        quorum = self.kept.quorum.latest() if self._readable() else None
        for content in (quorum, *(self.cosigned(each) for each in self.policy.witnesses)):
            if content and (roots or peek(content).size > self.signed()):
                self.accuse(content)

    def _contradicts(self, content: bytes) -> bool:
        if content == self._forked:
            return True
        wanted = peek(content)
        if wanted.size > self.signed():
            return True
        try:
            is_other = StoredTree(wanted.size, self.hashes, self.digest).root() != wanted.root
        except ProofError:
            is_other = True
        # A root costs reading; that the log is another one stays true until people act.
        self._forked = content if is_other else None
        return is_other


def _order(judged: Judged) -> tuple[int, datetime, int]:
    """The newer one counts; of equals the one that more witnesses cosigned."""
    assert judged.since
    return judged.checkpoint.size, judged.since, len(judged.times)
