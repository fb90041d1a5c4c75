"""Three years later: old entries go into an archive, their bodies go, and the log proves as much as before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from adapters.checkpoints import FileCheckpoints
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.pruning import PruningWork
from audit.checkpoint import peek
from audit.entry import decode
from audit.errors import ArchiveError
from audit.export import Export
from audit.report import Exit, Report
from audit.signer import CheckpointSigner, State
from audit.trail_events import trail_read
from audit.trust import parse_trust
from audit.verify import verify_log
from gateway.deeds.document import Kind
from gateway.deeds.reading import DeedsReader
from gateway.domain.errors import ConflictError
from gateway.domain.people import Duty
from ops.demo.office import SyntheticOffice
from ops.foundation import read_home_foundation
from ops.log_keys import TRUST_FILE, read_log_keys
from ops.office import open_office
from ops.retention import Archived, Retention
from ops.review import Readers, review_desk
from ops.settings import Home, ServeSettings, load
from tests.fakes import DrivenClock
from tests.homes import a_home

SIZE, MONTH = 700, 31 * 24 * 3600.0


class Old:
    """A home with a log of three years ago."""

    def __init__(self, path: Path) -> None:
        self.clock = DrivenClock()
        self.home: Home = a_home(path, clock=self.clock)
        self.settings = load(self.home, "serve.toml", ServeSettings)
        self.office = open_office(self.home)
        self.reader = SqlLedgerReader.open(self.home.database_url(self.settings))
        self.checkpoints = FileCheckpoints(self.home.checkpoints)
        keys = read_log_keys(self.home, self.settings, None)
        self.signer = CheckpointSigner(
            origin=self.settings.origin,
            reader=self.reader,
            store=self.checkpoints,
            signers=keys,
            now=self.clock.now,
        )
        self.grow(SIZE - self.reader.head().size)
        self.sign()
        self.clock.pass_by(seconds=38 * MONTH)

    def close(self) -> None:
        self.office.store.close()
        self.reader.close()

    def grow(self, entries: int) -> None:
        drafts = [trail_read(person="bb-shenji", duty="audit_admin", use="explanation", first=0, last=0)] * entries
        with self.office.store.begin() as work:
            self.office.ledger.append(work.ledger, drafts, self.clock.now())
            work.commit()

    def sign(self) -> None:
        assert self.signer.run_once().state in {State.SIGNED, State.UNCHANGED}

    def retention(self) -> Retention:
        """Whoever waits for a checkpoint lets the signer run."""
        return Retention(self.home, self.office, pause=lambda _: self.sign())

    def decide(self, archived: Archived) -> None:
        content = {"before": archived.before, "archive": archived.sha256}
        self.put(Kind.RETENTION, f"before-{archived.before}", content, Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN)

    def put(self, kind: Kind, name: str, content: dict[str, object], *duties: Duty, **more: str) -> None:
        with closing(SyntheticOffice(self.home)) as office:
            office.put_in_force(kind, name, content, *duties, **more)  # type: ignore[arg-type]  # what JSON can hold

    def verified(self) -> Report:
        trust = parse_trust((self.home.path / TRUST_FILE).read_bytes())
        return verify_log(self.reader, self.checkpoints.history(), trust)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Old]:
    made = Old(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def archived(old: Old, tmp_path: Path) -> Archived:
    return old.retention().archive(tmp_path / "archives")


def test_what_is_old_is_archived_decided_and_pruned(old: Old, archived: Archived) -> None:
    bodies = list(old.reader.entries(0, 512))
    assert (archived.first, archived.before) == (0, 512)

    old.decide(archived)
    pruned = old.retention().prune(archived.path)
    old.sign()

    assert old.reader.floor() == pruned.before == 512
    assert old.verified().verdict is Exit.PROVEN
    with archived.path.open("rb") as file:
        assert list(Export(file).entries(0, 512)) == bodies
    left = [decode(content) for _, content in old.reader.kept(512)]
    assert {str(each["type"]) for each in left if isinstance(each, dict)} == {"log.opened", "deed.in_force"}
    assert pruned.deleted == 512 - len(left)


def test_the_archive_of_a_range_is_always_the_same_file(old: Old, archived: Archived, tmp_path: Path) -> None:
    old.grow(5000)
    old.sign()

    again = old.retention().archive(tmp_path / "elsewhere", 512)

    assert again.sha256 == archived.sha256
    assert again.path.read_bytes() == archived.path.read_bytes()


def test_rights_stay_verifiable_and_old_rights_can_still_be_told(old: Old, archived: Archived) -> None:
    old.decide(archived)
    old.retention().prune(archived.path)

    reader = DeedsReader(read_home_foundation(old.home))
    with old.office.store.begin() as work:
        assert reader.refresh(work.deeds, old.clock.now()).size > 5
    readers = Readers(old.home)
    desk = review_desk(old.home, readers, old.office)
    then = desk.bygone.before(600)
    assert then.rulebooks is not None
    assert desk.bygone.present().entry > 600
    readers.close()


def test_nothing_goes_without_a_deed_or_with_another_archive(old: Old, archived: Archived, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="retention"):
        old.retention().prune(archived.path)
    old.decide(archived)
    other = tmp_path / "other.zip"
    other.write_bytes(archived.path.read_bytes().replace(b"bb-shenji", b"bb-shenjj", 1))
    with pytest.raises(ConflictError):
        old.retention().prune(other)

    assert old.reader.floor() == 0


def test_an_archive_that_lacks_something_prunes_nothing_even_if_it_was_signed(old: Old, archived: Archived) -> None:
    torn = archived.path.with_name("torn.zip")
    content = archived.path.read_bytes()
    torn.write_bytes(content.replace(b"bb-shenji", b"bb-shenjj", 1))
    digest = sha256(torn.read_bytes()).hexdigest()
    old.put(Kind.RETENTION, "torn", {"before": 512, "archive": digest}, Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN)
    old.put(Kind.RETENTION, "beyond", {"before": 256, "archive": archived.sha256}, Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN)

    with pytest.raises(ArchiveError, match="哈希"):
        old.retention().prune(torn)
    with pytest.raises(ArchiveError, match="文书"):
        old.retention().prune(archived.path)
    assert old.reader.floor() == 0


def test_nothing_is_archived_before_its_time(tmp_path: Path) -> None:
    young = Old(tmp_path / "home")
    young.clock.pass_by(seconds=-3 * MONTH)

    with pytest.raises(ConflictError, match="36"):
        young.retention().archive(tmp_path)
    assert young.retention().outlook().before == 0
    young.close()


def test_a_hold_keeps_everything(old: Old, archived: Archived) -> None:
    old.decide(archived)
    old.put(Kind.HOLD, "hold-1", {"subject": "ab" * 16, "held": True}, Duty.AUDIT_ADMIN, reason="案件")

    with pytest.raises(ConflictError, match="hold-1"):
        old.retention().prune(archived.path)
    assert old.reader.floor() == 0


def test_a_log_that_is_not_proven_is_evidence_and_stays(old: Old, archived: Archived, tmp_path: Path) -> None:
    old.decide(archived)
    old.checkpoints._directory.joinpath("latest").unlink()

    with pytest.raises(ConflictError, match="核验"):
        old.retention().prune(archived.path)
    with pytest.raises(ConflictError):
        old.retention().archive(tmp_path, 512)


def test_nothing_is_deleted_before_it_is_signed_that_it_will_be(old: Old, archived: Archived) -> None:
    old.decide(archived)
    retention = Retention(old.home, old.office, pause=lambda _: None)

    with pytest.raises(ConflictError, match="检查点"):
        retention.prune(archived.path, wait=0)
    assert old.reader.floor() == 0
    assert len(list(old.reader.entries(0, 512))) == 512
    old.sign()
    size = old.reader.head().size

    pruned = retention.prune(archived.path, wait=0)

    assert old.reader.head().size == size
    assert pruned.entry < peek(old.checkpoints.latest() or b"").size
    assert old.verified().verdict is Exit.PROVEN


class PowerCutError(Exception):
    """The machine stops here."""


@pytest.mark.parametrize("commits", [0, 1])
def test_a_crash_anywhere_is_mended_by_the_same_command(
    old: Old, archived: Archived, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    old.decide(archived)
    commit, done = PruningWork.commit, list[int]()

    def stop_at(work: PruningWork) -> None:
        if len(done) == commits:
            raise PowerCutError
        done.append(1)
        commit(work)

    with monkeypatch.context() as patched:
        patched.setattr(PruningWork, "commit", stop_at)
        with pytest.raises(PowerCutError):
            old.retention().prune(archived.path)
    assert old.reader.floor() == 0
    assert old.verified().verdict is not Exit.TAMPERED

    old.retention().prune(archived.path)
    assert old.retention().prune(archived.path).deleted == 0

    assert old.verified().verdict is Exit.PROVEN
    assert len(list(old.reader.of_type("retention.applied"))) == 1


def test_the_next_years_follow(old: Old, archived: Archived, tmp_path: Path) -> None:
    old.decide(archived)
    old.retention().prune(archived.path)
    old.grow(600)
    old.sign()
    old.clock.pass_by(seconds=38 * MONTH)

    second = old.retention().archive(tmp_path / "archives")
    old.decide(second)
    old.retention().prune(second.path)
    old.sign()

    assert (second.first, second.before) == (512, old.reader.floor())
    assert second.before > 1000
    assert old.verified().verdict is Exit.PROVEN


def test_a_head_that_is_deleted_without_all_this_is_found(old: Old) -> None:
    with old.retention()._pruning() as (work, _, __):
        work.prune(512, frozenset({"log.opened", "deed.in_force"}))
        work.commit()

    report = old.verified()

    assert report.verdict is Exit.TAMPERED
    assert report.first_bad is not None
    assert report.first_bad < 40
