"""The ledger on SQLite against a plain list: whatever is appended, signed, cut off and started again, in any order.

The model is a list of what every entry must say, and the checkpoints that were signed. A rule is one thing that can
happen to a log; what else can (a key changed, a person erased, old bodies pruned, a witness asked) becomes a rule here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adapters.checkpoints import FileCheckpoints
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.schema import create
from adapters.sql.store import SqlStore
from audit.checkpoint import Checkpoint, peek
from audit.entry import decode, leaf_hash
from audit.events import Draft
from audit.proof import check_consistency, check_inclusion
from audit.report import Exit
from audit.signer import CheckpointSigner, State
from audit.tree import StoredTree, extend, root
from audit.verify import verify_log
from tests.audit.make import AT, LOG_SIGNERS, ORIGIN, a_ledger, a_refusal, a_trust, an_answer, an_opening
from tests.fakes_audit import MemoryKeys

PARTNERS = ("payroll", "pension", "discipline")
DAY = 86_400.0
KINDS: dict[str, Callable[[str], Draft]] = {"answer": an_answer, "refusal": a_refusal}
drafts = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from(PARTNERS)), min_size=1, max_size=40)
clocks = st.floats(-2 * DAY, 2 * DAY)


@dataclass(frozen=True)
class Said:
    """What the model knows of an entry: whose it is, and of which kind."""

    type: str
    partner: str | None


class LedgerMachine(RuleBasedStateMachine):
    """One log, its checkpoints and everything that happens to them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(prefix="bidui-model-"))
        self.url = f"sqlite:///{self.folder / 'control.sqlite'}"
        self.keys, self.started = MemoryKeys(), 0
        self.model: list[Said] = []
        self.signed: list[Checkpoint] = []
        self.leaves: list[bytes] = []

    @initialize()
    def opened(self) -> None:
        engine = open_engine(self.url)
        create(engine)
        engine.dispose()
        self._start()
        self._append([an_opening()], 0)

    @rule(chosen=drafts, clock=clocks)
    def append(self, chosen: list[tuple[str, str]], clock: float) -> None:
        """A turn, by a clock that may be wrong by days."""
        self._append([KINDS[kind](partner) for kind, partner in chosen], clock)

    @rule(chosen=drafts)
    def begin_and_break(self, chosen: list[tuple[str, str]]) -> None:
        """A turn that never commits: nothing of it is there afterwards."""
        with self.store.begin() as work:
            self.ledger.append(work.ledger, [KINDS[kind](partner) for kind, partner in chosen], AT)

    @rule()
    def sign(self) -> None:
        """The signing task runs, and signs exactly what is there."""
        run = self._signer().run_once()
        assert run.state in {State.SIGNED, State.UNCHANGED}, run.cause
        if run.state is State.SIGNED and run.checkpoint:
            assert run.checkpoint == Checkpoint(ORIGIN, len(self.model), self._root(len(self.model)))
            self.signed.append(run.checkpoint)

    @rule()
    def restart(self) -> None:
        """The process ends and another begins."""
        self._stop()
        self._start()

    @precondition(lambda self: len(self.signed) > 1)
    @rule()
    def lose_the_last_checkpoint(self) -> None:
        """The checkpoints are those of an hour ago: the next signature extends them all the same."""
        latest = self.folder / "checkpoints" / "latest"
        kept = latest.read_bytes()
        self.sign()
        if latest.read_bytes() != kept:
            latest.write_bytes(kept)

    @precondition(lambda self: bool(self.signed))
    @rule(data=st.data())
    def prove(self, data: st.DataObject) -> None:
        """Any entry is proven under any checkpoint it is under, and any checkpoint extends any before it."""
        new = data.draw(st.sampled_from(self.signed))
        old = data.draw(st.sampled_from([each for each in self.signed if each.size <= new.size]))
        index = data.draw(st.integers(0, new.size - 1))
        tree = StoredTree(new.size, self.reader.hashes)
        check_inclusion(self.leaves[index], index, new.size, new.root, tree.inclusion(index))
        check_consistency(old.size, old.root, new.size, new.root, tree.consistency(old.size))

    @invariant()
    def says_what_the_model_says(self) -> None:
        if not self.model:
            return
        entries = [cast("dict[str, object]", decode(each)) for each in self.reader.entries(0, len(self.model) + 1)]
        assert [Said(str(each["type"]), cast("str | None", each.get("partner"))) for each in entries] == self.model
        assert self.reader.head().size == len(self.model)

    @invariant()
    def is_verified(self) -> None:
        """Up to the last signature all is proven, and nothing behind it is ever called tampered with."""
        if not self.signed:
            return
        report = verify_log(self.reader, FileCheckpoints(self.folder / "checkpoints").history(), a_trust())
        assert report.verdict is (Exit.PROVEN if self._latest() == len(self.model) else Exit.INCOMPLETE)

    def teardown(self) -> None:
        self._stop()
        shutil.rmtree(self.folder)

    def _start(self) -> None:
        self.started += 1
        self.ledger = a_ledger(f"start {self.started}", self.keys)
        self.store, self.reader = SqlStore(self.url), SqlLedgerReader.open(self.url)

    def _stop(self) -> None:
        self.store.close()
        self.reader.close()

    def _append(self, written: list[Draft], clock: float) -> None:
        with self.store.begin() as work:
            recorded = self.ledger.append(work.ledger, written, AT + timedelta(seconds=clock))
            work.commit()
        assert [each.index for each in recorded] == list(range(len(self.model), len(self.model) + len(written)))
        self.model += [Said(each.type, each.partner) for each in written]
        self.leaves += [leaf_hash(each.entry) for each in recorded]

    def _signer(self) -> CheckpointSigner:
        store = FileCheckpoints(self.folder / "checkpoints")
        return CheckpointSigner(origin=ORIGIN, reader=self.reader, store=store, signers=LOG_SIGNERS, now=lambda: AT)

    def _latest(self) -> int:
        return peek((self.folder / "checkpoints" / "latest").read_bytes()).size

    def _root(self, size: int) -> bytes:
        frontier: list[bytes] = []
        extend(frontier, 0, self.leaves[:size])
        return root(frontier)


EXAMPLES = int(settings().max_examples)
TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=max(6, EXAMPLES // 10), stateful_step_count=25, deadline=None)
