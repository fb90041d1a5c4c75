"""An office whose ledger holds comparisons, a signed checkpoint, and deeds that allow evidence to be taken out."""

from __future__ import annotations

import os
from collections.abc import Sequence

from adapters.checkpoints import FileCheckpoints
from adapters.keys.disclosures import DisclosureKeyFiles
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.entry import JsonValue
from audit.events import Draft
from audit.ledger import Ledger
from audit.signer import CheckpointSigner, State
from gateway.deeds.document import Kind
from gateway.domain.people import Duty, Person
from gateway.exporting import ExportDesk
from ops.demo.office import IDS
from ops.exporting import export_desk
from ops.log_keys import read_log_keys
from ops.settings import ServeSettings, load
from tests.audit.make import a_refusal, an_answer
from tests.lives import Life

AUDITOR, LEADER = IDS[Duty.AUDIT_ADMIN], IDS[Duty.LEADER]
UNTIL = "2027-12-31"


class Evidence:
    """A life with comparisons of two partners in its ledger."""

    def __init__(self, life: Life, drafts: Sequence[Draft] = ()) -> None:
        self.life = life
        home, settings = self.life.home, load(self.life.home, "serve.toml", ServeSettings)
        self.reader = SqlLedgerReader.open(home.database_url(settings))
        self.keys = DisclosureKeyFiles(home.keys / "serve" / "disclosure", None, os.urandom)
        self.log_keys = read_log_keys(home, settings, None)
        self.first = self.reader.head().size
        usual = [an_answer("payroll"), an_answer("pension"), a_refusal("payroll"), an_answer("payroll")]
        self.append(*(drafts or usual))

    def append(self, *drafts: Draft) -> None:
        """Entries as a turn would write them."""
        ledger = Ledger(node="node-1", keys=self.keys, entropy=os.urandom)
        with self.life.office.store.begin() as work:
            ledger.append(work.ledger, drafts, self.life.now)
            work.commit()

    def allow(self, name: str = "E-1", /, **changes: JsonValue) -> None:
        """审计管理员 and a leader sign that evidence may be taken out."""
        content: dict[str, JsonValue] = {"entries": [self.first, self.first + 2], "chain": None}
        told = {**content, "names": ["subject"], "until": UNTIL, **changes}
        drawn = self.life.draw(Kind.EXPORT, name, told, AUDITOR, reason="诉讼举证")
        self.life.sign(drawn, AUDITOR, LEADER)

    def sign(self) -> bytes:
        """The signer runs; the checkpoint."""
        store = FileCheckpoints(self.life.home.checkpoints)
        signer = CheckpointSigner(
            origin=self.log_keys.origin,
            reader=self.reader,
            store=store,
            signers=self.log_keys,
            now=self.life.clock.now,
        )
        assert signer.run_once().state in {State.SIGNED, State.UNCHANGED}
        latest = store.latest()
        assert latest is not None
        return latest

    @property
    def desk(self) -> ExportDesk:
        return export_desk(self.life.home, self.life.office, self.reader, None)

    @property
    def auditor(self) -> Person:
        person = self.life.standing.roll.person(AUDITOR)
        assert person is not None
        return person

    def take(self, name: str = "E-1") -> bytes:
        """The bundle."""
        return self.desk.take(self.auditor, name).content

    def close(self) -> None:
        self.reader.close()
