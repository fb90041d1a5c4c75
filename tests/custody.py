"""A home whose ledger hides people, and whose officers sign what becomes of them. The clock is driven."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from adapters.checkpoints import FileCheckpoints
from adapters.keys.disclosures import DisclosureKeyFiles
from audit.entry import JsonValue
from audit.ledger import Recorded
from audit.report import Report
from audit.trust import parse_trust
from audit.verify import verify_log
from gateway.deeds.document import Kind
from gateway.deeds.keeping import Kept
from gateway.deeds.steps import RELEASE
from gateway.domain.people import Duty, Person
from ops.demo.office import IDS
from ops.erasing import CustodyDesks, open_custody
from ops.log_keys import TRUST_FILE, make_ledger, make_signer, read_log_keys
from ops.settings import ServeSettings, load
from tests.audit.make import an_answer_of
from tests.lives import LEADER, Life

AUDITOR = IDS[Duty.AUDIT_ADMIN]
BASIS = "《个人信息保护法》第四十七条"


class Custody:
    """A life of an office, with the desks that erase and reveal, and comparisons recorded at any time."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.home, self.clock = self.life.home, self.life.clock
        self.settings = load(self.home, "serve.toml", ServeSettings)
        self.ledger = make_ledger(self.home, self.settings, None)
        self.desks: CustodyDesks = open_custody(self.home)
        self.keys = DisclosureKeyFiles(self.home.keys / "serve" / "disclosure", None, bytes)

    def close(self) -> None:
        self.desks.close()

    def pass_by(self, **time: float) -> None:
        self.clock.pass_by(**time)

    def compare(self, *subjects: str, operator: str = "li-na", partner: str = "payroll") -> list[Recorded]:
        """Records a comparison of each."""
        drafts = [an_answer_of(subject, operator, partner) for subject in subjects]
        with self.desks.store.begin() as work:
            recorded = self.ledger.append(work.ledger, drafts, self.clock.now())
            work.commit()
        return recorded

    def point(self, number: str, kind: str = "person") -> str:
        return self.desks.tokens.point(kind, number).text

    def deed(self, kind: Kind, deed_id: str, told: Mapping[str, JsonValue], *signers: str, **more: str) -> Kept:
        kept = self.life.draw(kind, deed_id, told, AUDITOR, reason="当事人申请", **more)
        return self.life.sign(kept, *(signers or (AUDITOR, LEADER)))

    def erasure(self, number: str, deed_id: str = "E-1", kind: str = "person") -> Kept:
        return self.deed(Kind.ERASURE, deed_id, {"subject": self.point(number, kind), "basis": BASIS})

    def hold(self, number: str) -> Kept:
        return self.deed(Kind.HOLD, "H-1", {"subject": self.point(number), "held": True}, AUDITOR)

    def release(self, number: str) -> Kept:
        return self.deed(Kind.HOLD, "H-1", {"subject": self.point(number), "held": False}, path=RELEASE)

    def reveal(self, entries: Sequence[int], names: Sequence[str], until: str = "2027-01-01") -> Kept:
        return self.deed(Kind.REVEAL, "R-1", {"entries": list(entries), "names": list(names), "until": until})

    def person(self, account: str = AUDITOR) -> Person:
        return self.life.person(account)

    def sign(self) -> None:
        """Signs a checkpoint of all there is."""
        keys = read_log_keys(self.home, self.settings, None)
        kept = FileCheckpoints(self.home.checkpoints)
        assert make_signer(self.home, self.settings, keys, self.desks.reader, kept).run_once().cause == ""

    def verify(self) -> Report:
        """The whole log, with its disclosures."""
        self.sign()
        trust = parse_trust((self.home.path / TRUST_FILE).read_bytes())
        keys = DisclosureKeyFiles(self.home.keys / "serve" / "disclosure", None, bytes)
        return verify_log(self.desks.reader, FileCheckpoints(self.home.checkpoints).history(), trust, keys=keys)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file of the home."""
        for path in sorted(self.home.path.rglob("*")):
            if path.is_file():
                yield path.relative_to(self.home.path).as_posix(), path.read_bytes()
