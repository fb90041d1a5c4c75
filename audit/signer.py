"""The signing task: reads back what was written, recomputes the tree, and signs it only when all of it agrees.

A wrong checkpoint cannot be taken back, so the signer trusts neither the writer nor its own memory:

1. open the last checkpoint it signed, from a store kept apart from the database and never rolled back with it;
2. the database must still hold the tree of that checkpoint, at least its right edge;
3. read the new entries' bytes, recompute their hashes and the root, compare them with what the writer stored;
4. sign, and swap the new checkpoint for the last one if nobody else did meanwhile.

A crash before 4 leaves the old checkpoint; after it the new one. Whatever differs seals the log: comparisons stop,
reading goes on, and a person decides.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from audit import checkpoint
from audit.checkpoint import Checkpoint
from audit.errors import NoteError, ProofError
from audit.ledger import Head
from audit.note import NoteSigner
from audit.reader import DifferenceError, LedgerReader, first_difference, read_leaves
from audit.rotation import FixedKeys, SigningKeys
from audit.suite import INTL, Digest
from audit.tree import StoredTree, grow, root, split

REFRESH = timedelta(minutes=10)
STRETCH = 32


class RolledBackError(DifferenceError):
    """The log ends before what was signed."""


class CheckpointStore(Protocol):
    """Keeps the last signed checkpoint, apart from the database and never restored together with it."""

    def latest(self) -> bytes | None:
        """Return the last checkpoint, or None when none was ever signed."""
        ...

    def swap(self, expected: bytes | None, new: bytes) -> bool:
        """Replace exactly `expected` by `new`, atomically and durably; False when another one is there."""
        ...


class State(StrEnum):
    """What a run of the signer came to."""

    SIGNED = "signed"
    UNCHANGED = "unchanged"
    OUTRUN = "outrun"
    """Another signer was faster; its checkpoint stands."""
    SEALED = "sealed"
    """The log is not what was signed, or not what was written. No comparison may be answered."""


class Run(Struct, frozen=True):
    """A run of the signer. When sealed, `index` is the first entry that differs, if it can be told."""

    state: State
    checkpoint: Checkpoint | None = None
    cause: str = ""
    index: int | None = None
    is_shorter: bool = False
    """Whether entries that were signed are missing at the end: restored, or a standby that lagged behind."""


class CheckpointSigner:
    """Signs the log of one origin. Each run stands for itself; two signers at once do no harm."""

    def __init__(
        self,
        *,
        origin: str,
        reader: LedgerReader,
        store: CheckpointStore,
        signers: Sequence[NoteSigner] | SigningKeys,
        now: Callable[[], datetime],
        refresh: timedelta = REFRESH,
        rest: Callable[[], None] = lambda: None,
        digest: Digest = INTL.digest,
    ) -> None:
        """`reader` has a connection of its own; an unchanged log is signed again after `refresh`, as a sign of life.

        `signers` are keys for every size, or such as change with it.
        `rest` is called every `STRETCH` entries, so that whoever shares the processor is not held up by a long log.
        """
        self._origin, self._reader, self._store = origin, reader, store
        self._keys: SigningKeys = FixedKeys(signers) if isinstance(signers, Sequence) else signers
        self._now, self._refresh = now, refresh
        self._rest, self._digest = rest, digest
        self._signed_at: datetime | None = None

    def run_once(self) -> Run:
        """Sign what is new. `SEALED` is a result, not an exception; what the reader or the store raise passes."""
        try:
            return self._run()
        except RolledBackError as shorter:
            return Run(State.SEALED, cause=shorter.cause, index=shorter.index, is_shorter=True)
        except DifferenceError as difference:
            return Run(State.SEALED, cause=difference.cause, index=difference.index)
        except (NoteError, ProofError) as error:
            return Run(State.SEALED, cause=str(error))

    def _run(self) -> Run:
        at = self._now()
        content = self._store.latest()
        last = self._open(content)
        head = self._reader.head()
        size = last.size if last else 0
        frontier = self._signed_frontier(last, head)
        for index, leaf in read_leaves(self._reader, size, head.size, self._digest):
            grow(frontier, index, leaf, self._digest)
            if index % STRETCH == 0:
                self._rest()
        if frontier != split(head.frontier):
            raise DifferenceError(size, "the tree in the database's head is not that of its entries")
        if head.size == size and not self._is_due(last, at):
            return Run(State.UNCHANGED, last)
        return self._sign(content, Checkpoint(self._origin, head.size, root(frontier, self._digest)), at)

    def _open(self, content: bytes | None) -> Checkpoint | None:
        if content is None:
            return None
        opened = checkpoint.open_signed(content, self._keys.verifiers(checkpoint.peek(content).size))
        if opened.checkpoint.origin != self._origin:
            raise NoteError(f"the checkpoint store holds one of {opened.checkpoint.origin}, not of {self._origin}")
        return opened.checkpoint

    def _signed_frontier(self, last: Checkpoint | None, head: Head) -> list[bytes]:
        """Return the frontier of the last checkpoint from stored hashes, once they give its root."""
        if last is None:
            return []
        if head.size < last.size:
            raise RolledBackError(head.size, f"the database holds {head.size} entries, {last.size} were signed")
        frontier = self._stored_frontier(last.size)
        if frontier is None or root(frontier, self._digest) != last.root:
            cause = f"the first {last.size} entries are not those that were signed"
            raise DifferenceError(first_difference(self._reader, last.size, self._digest), cause)
        return frontier

    def _stored_frontier(self, size: int) -> list[bytes] | None:
        try:
            return StoredTree(size, self._reader.hashes, self._digest).frontier()
        except ProofError:
            return None

    def _is_due(self, last: Checkpoint | None, at: datetime) -> bool:
        return last is not None and (self._signed_at is None or at - self._signed_at >= self._refresh)

    def _sign(self, expected: bytes | None, new: Checkpoint, at: datetime) -> Run:
        if not self._store.swap(expected, checkpoint.sign(new, self._keys.signers(new.size), at)):
            return Run(State.OUTRUN)
        self._signed_at = at
        return Run(State.SIGNED, new)
