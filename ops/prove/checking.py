"""What must be true of a log after everything that happened to it, checked from outside with the trust file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from sqlalchemy import func, select

from adapters.checkpoints import FileCheckpoints
from adapters.sealing.meter import comparisons_in
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.tables import budget_day
from audit.entry import JsonValue, decode, encode
from audit.proof import TlogProof
from audit.report import Exit, Report
from audit.tree import StoredTree
from audit.trust import Trust, parse_trust
from audit.verify import verify_log
from audit.verify_receipt import verify_receipt
from ops.log_keys import TRUST_FILE
from ops.prove.load import Heard, Journal
from ops.settings import Home, ServeSettings, load


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A log as an outsider would check it: entries, the last checkpoint, and whom to trust."""

    entries: list[bytes]
    tree: StoredTree
    checkpoint: bytes
    trust: Trust
    whole: Report

    @classmethod
    def of(cls, home: Home, reader: SqlLedgerReader, seen: Iterable[bytes] = ()) -> Evidence:
        """Reads the whole log; the gateway must have signed it all. `seen` are checkpoints that others hold."""
        checkpoints, trust = FileCheckpoints(home.checkpoints), parse_trust((home.path / TRUST_FILE).read_bytes())
        entries = list(reader.entries(0, reader.head().size))
        return cls(
            entries=entries,
            tree=StoredTree(len(entries), reader.hashes),
            checkpoint=checkpoints.latest() or b"",
            trust=trust,
            whole=verify_log(reader, [*checkpoints.history(), *seen], trust),
        )

    def bodies(self, kind: str) -> list[Mapping[str, JsonValue]]:
        """The bodies of all entries of a kind."""
        opened = [cast("Mapping[str, JsonValue]", decode(entry)) for entry in self.entries]
        return [cast("Mapping[str, JsonValue]", each["body"]) for each in opened if each["type"] == kind]

    def proves(self, heard: Heard) -> bool:
        """Whether an answer is in the log, word for word, and its receipt says so."""
        answer = dict(heard.json)
        receipt = cast("dict[str, JsonValue]", answer.pop("receipt"))
        index = cast("int", cast("dict[str, JsonValue]", receipt["body"])["index"])
        if index >= len(self.entries):
            return False
        proof = TlogProof(index=index, path=tuple(self.tree.inclusion(index)), checkpoint=self.checkpoint)
        report = verify_receipt(
            json.dumps(receipt, ensure_ascii=False).encode(),
            self.trust,
            proof=proof.encode(),
            entry=self.entries[index],
            request=heard.request,
            response=encode(cast("JsonValue", answer)),
        )
        return report.verdict is Exit.PROVEN


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a journal: all zeros but the first three, or a promise was broken.

    `never_heard` counts entries of answers that no caller got in the end, though all repeated what broke off;
    `uncounted` is how far the budgets are from the number of answers in the log.
    """

    entries: int
    answers: int
    refusals: int
    not_proven: int
    not_recorded: int
    never_heard: int
    uncounted: int
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not (self.not_proven or self.not_recorded or self.never_heard or self.uncounted or self.problems)


def check(home: Home, journal: Journal) -> Verdict:
    """Holds a journal against the log."""
    reader = SqlLedgerReader.open(home.database_url(load(home, "serve.toml", ServeSettings)))
    try:
        return _hold(journal, Evidence.of(home, reader), comparisons_counted(home))
    finally:
        reader.close()


def _hold(journal: Journal, evidence: Evidence, counted: int) -> Verdict:
    incidents = Counter(_incident(body) for body in evidence.bodies("comparison.refused"))
    answered = evidence.bodies("comparison.answered")
    return Verdict(
        entries=len(evidence.entries),
        answers=len(journal.answers()),
        refusals=len(journal.refusals()),
        not_proven=sum(not evidence.proves(each) for each in journal.answers()),
        not_recorded=sum(incidents[str(each.json["incident"])] != 1 for each in journal.refusals()),
        never_heard=len(answered) - len({each.key for each in journal.answers()}),
        uncounted=abs(len(answered) - counted),
        problems=tuple(each.cause for each in evidence.whole.problems),
    )


def comparisons_counted(home: Home) -> int:
    """How many comparisons the budgets of all grants and days say there were."""
    engine = open_engine(home.database_url(load(home, "serve.toml", ServeSettings)))
    try:
        with engine.connect() as connection:
            counted = select(func.coalesce(func.sum(budget_day.c.comparisons), 0))
            return int(connection.scalar(counted.where(budget_day.c.granted.not_like("%:%"))) or 0)
    finally:
        engine.dispose()


def meter_counted(home: Home) -> int:
    """The same, as the sealing process counted."""
    return comparisons_in(home.path / "data" / "seal" / "meter.journal")


def _incident(body: Mapping[str, JsonValue]) -> str:
    return str(cast("Mapping[str, JsonValue]", body["outcome"])["incident"])
