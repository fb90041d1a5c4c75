"""`bidui doctor` sees what is wrong, says how to mend it, and leaves everything as it was."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from adapters.checkpoints import FileCheckpoints
from adapters.clock import SystemClock
from adapters.index.directory import pointer, read_current
from adapters.index.postgres import mirror
from adapters.keys.files import Passphrase, read_ed25519_public
from adapters.keys.ring import sync_keys
from adapters.sealing.client import SealClient
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlStore
from audit.signer import CheckpointSigner
from gateway.deeds.document import Kind
from gateway.deeds.reading import DeedsReader
from gateway.deeds.standing import Standing
from gateway.domain.errors import UnavailableError
from gateway.domain.people import Duty
from ops import installing
from ops.cli.main import app
from ops.demo.office import SyntheticOffice, administrators
from ops.demo.staging import ISSUER, ORIGIN, stage
from ops.doctor import GROUPS, Check, Finding, State, data, examine, keys, ledger, machine, rights, settings
from ops.doctor.finding import Group, Report, well
from ops.doctor.installation import Installation
from ops.foundation import read_home_foundation
from ops.log_keys import read_log_keys
from ops.office import open_office
from ops.seal import listen, serve_forever
from ops.settings import Home, Mode, ServeSettings, load
from ops.sync import SyncSettings, run
from policies.catalogue import load_catalogue
from tests.fakes import DrivenClock, a_desk
from tests.people import FOUNDATION

SECRET = "hunter2"


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A small demonstration, complete, not running, its log signed."""
    home = Home(path=tmp_path_factory.mktemp("doctor") / "home", mode=Mode.DEMO, clock=SystemClock())
    stage(home, persons=1000)
    _sign(home)
    return home


@pytest.fixture
def home(staged: Home, tmp_path: Path) -> Home:
    """A copy of it that a test may break."""
    shutil.copytree(staged.path, tmp_path / "home")
    return replace(staged, path=tmp_path / "home")


@pytest.fixture
def bare(tmp_path: Path) -> Home:
    """An installation of which only the files exist."""
    home = Home(path=tmp_path / "bare", mode=Mode.PRODUCTION, clock=SystemClock())
    installing.init(home, origin=ORIGIN, issuer=ISSUER, administrators=administrators())
    return home


def test_a_demonstration_is_well(staged: Home) -> None:
    report = examine(staged)

    assert report.is_well, "\n".join(report.lines())
    assert [group.title for group in report.groups] == list(GROUPS)


def test_before_the_database_exists_it_says_what_comes_next(bare: Home) -> None:
    report = examine(bare)

    fixes = [finding.fix for group in report.groups for finding in group.findings if finding.state is State.FAIL]
    assert not report.is_well
    assert "运行 bidui migrate" in fixes
    assert any("bidui sync" in fix for fix in fixes)


@pytest.mark.parametrize("name", ["staged", "bare"])
def test_looking_changes_nothing(name: str, request: pytest.FixtureRequest) -> None:
    home: Home = request.getfixturevalue(name)
    before = _everything(home.path)

    examine(home)

    assert _everything(home.path) == before


def test_looking_changes_nothing_while_the_gateway_runs(home: Home) -> None:
    store = SqlStore(home.database_url(load(home, "serve.toml", ServeSettings)))
    with closing(store), store.begin() as work:
        work.ledger.lock_head()
        before = _everything(home.path)
        assert examine(home).is_well
        after = _everything(home.path)

    # Shared memory is what readers of an open database tell each other by; nothing of it is kept.
    assert {name for name in before if before[name] != after[name]} <= {"data/control.sqlite-shm"}
    assert before.keys() == after.keys()


def test_of_a_folder_that_is_no_installation_it_says_so(tmp_path: Path) -> None:
    report = examine(Home(path=tmp_path, mode=Mode.PRODUCTION, clock=SystemClock()))

    assert not report.is_well
    assert not [each for group in report.groups for each in group.findings if "检查中断" in each.detail]


def _text(path: str, old: str, new: str) -> Callable[[Home], None]:
    """Something else in a file; an empty `old` adds a line at the top."""

    def change(home: Home) -> None:
        file = home.path / path
        content = file.read_text(encoding="utf-8")
        file.write_text(content.replace(old, new) if old else f"{new}\n{content}", encoding="utf-8")

    return change


def _gone(path: str) -> Callable[[Home], None]:
    return lambda home: (home.path / path).unlink()


def _private(path: str) -> Callable[[Home], None]:
    return lambda home: (home.path / path).chmod(0o600)


def _all(*changes: Callable[[Home], None]) -> Callable[[Home], None]:
    def change(home: Home) -> None:
        for each in changes:
            each(home)

    return change


def _sql(*statements: str) -> Callable[[Home], None]:
    def change(home: Home) -> None:
        with sqlite3.connect(home.path / "data" / "control.sqlite") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return change


def _flipped(pattern: str) -> Callable[[Home], None]:
    """One bit of the first such file of the current generation."""

    def change(home: Home) -> None:
        file = sorted(_generation(home).glob(pattern))[0]
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)

    return change


def _resealed(home: Home) -> None:
    """A new sealing key for seal alone."""
    file = home.keys / "seal" / "sealing.secret"
    head, body = file.read_bytes().split(b"\n", 1)
    file.write_bytes(head + b"\n" + body.swapcase())


def _resized(home: Home) -> None:
    """A checkpoint that speaks of another size than was signed."""
    file = home.checkpoints / "latest"
    origin, size, rest = file.read_bytes().split(b"\n", 2)
    file.write_bytes(b"\n".join([origin, str(int(size) - 1).encode(), rest]))


def standing_of(home: Home) -> Standing:
    """What is in force in a home."""
    with closing(open_office(home).store) as store, store.begin() as work:
        return DeedsReader(read_home_foundation(home)).refresh(work.deeds, home.clock.now())


def _without_systems(home: Home) -> None:
    """The system of finance was ended."""
    with closing(SyntheticOffice(home)) as office:
        (system,) = (each for each in standing_of(home).of(Kind.SYSTEM) if each.content["partner"] == "caizheng")
        by = (Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN)
        office.put_in_force(Kind.SYSTEM, system.id, {**system.content, "active": False}, *by)


BROKEN: dict[str, tuple[Callable[[Home], object], Check, State, str]] = {
    "settings that cannot be read": (_text("serve.toml", "port", "prot"), settings.serve, State.FAIL, "serve.toml"),
    "an issuer that is no https": (_text("serve.toml", "https:", "http:"), settings.serve, State.FAIL, "https"),
    "no way to show a certificate": (_text("serve.toml", "tls = true", ""), settings.serve, State.FAIL, "401"),
    "a proxy by name": (_text("serve.toml", "", 'trusted_proxies = ["edge"]'), settings.serve, State.FAIL, "edge"),
    "a database that is no address": (
        _text("serve.toml", "", 'database = "here"'),
        settings.serve,
        State.FAIL,
        "SQLAlchemy",
    ),
    "a strange seal.toml": (_text("seal.toml", "socket", "sock"), settings.seal, State.FAIL, "seal.toml"),
    "a password that sync alone reads": (
        _all(_text("sync.toml", "sqlite://", f"postgresql://me:{SECRET}@db"), _private("sync.toml")),
        settings.sync,
        State.WARN,
        "password_file",
    ),
    "no sync here": (_gone("sync.toml"), settings.sync, State.SKIP, "本机没有"),
    "a strange sync.toml": (_text("sync.toml", "mapping", "map"), settings.sync, State.FAIL, "sync.toml"),
    "a password that others read": (
        _text("sync.toml", "sqlite://", f"postgresql://me:{SECRET}@db"),
        settings.sync,
        State.FAIL,
        "其他用户可读",
    ),
    "no keys of a process": (lambda home: shutil.rmtree(home.keys / "seal"), keys.private, State.FAIL, "keys/seal"),
    "a key that is missing": (_gone("keys/serve/receipts.pem"), keys.private, State.FAIL, "receipts.pem"),
    "a key that others read": (
        lambda home: (home.keys / "seal" / "sealing.secret").chmod(0o640),
        keys.private,
        State.FAIL,
        "chmod",
    ),
    "two sealing keys": (_resealed, keys.sealing, State.FAIL, "未确认"),
    "a public key that is none": (_text("keys/sync.pub", "MCow", "XXXX"), keys.public, State.FAIL, "sync.pub"),
    "no trust file": (_gone("trust.json"), keys.public, State.FAIL, "bidui migrate"),
    "the trust file of another log": (
        _text("trust.json", f'"origin":"{ORIGIN}"', '"origin":"other"'),
        keys.public,
        State.FAIL,
        "origin",
    ),
    "a receipt key nobody trusts": (
        lambda home: shutil.copy(home.keys / "sync.pub", home.keys / "receipts.pub"),
        keys.public,
        State.FAIL,
        "receipts",
    ),
    "no certificate": (_gone("keys/tls.crt"), keys.certificates, State.FAIL, "tls.crt"),
    "no database": (_gone("data/control.sqlite"), ledger.database, State.FAIL, "bidui migrate"),
    "a table that is missing": (_sql("DROP TABLE answer"), ledger.database, State.FAIL, "缺少 1 张表"),
    "a table of another version": (
        _sql("ALTER TABLE answer ADD COLUMN more TEXT"),
        ledger.database,
        State.FAIL,
        "answer",
    ),
    "a guard that is gone": (_sql("DROP TRIGGER ledger_entry_no_DELETE"), ledger.database, State.FAIL, "触发器"),
    "a log that was never opened": (_sql("DELETE FROM ledger_head"), ledger.log, State.FAIL, "尚未开启"),
    "no checkpoint": (_gone("checkpoints/latest"), ledger.log, State.WARN, "一个也没有"),
    "a checkpoint that nobody signed": (
        _resized,
        ledger.log,
        State.FAIL,
        "bidui audit verify",
    ),
    "a log that was rolled back": (_sql("UPDATE ledger_head SET size = 2"), ledger.log, State.FAIL, "旧备份"),
    "an entry of another hash": (
        _sql("DROP TRIGGER ledger_entry_no_UPDATE", "UPDATE ledger_entry SET leaf = zeroblob(32) WHERE [index] = 1"),
        ledger.log,
        State.FAIL,
        "第 1 条",
    ),
    "no index": (_gone("data/index/current"), data.index, State.FAIL, "bidui sync"),
    "a pointer that is none": (_text("data/index/current", "generation", "gen"), data.index, State.FAIL, "--full"),
    "a manifest that was altered": (_flipped("manifest-*.json"), data.index, State.FAIL, "manifest"),
    "a part that was altered": (_flipped("base-*.sqlite"), data.index, State.FAIL, "altered"),
    "columns that were altered": (_flipped("base-*.parquet"), data.index, State.FAIL, "altered"),
    "no sealing process": (lambda home: None, data.sealing, State.WARN, "未运行"),
    "no foundation": (_gone("foundation.json"), rights.deeds, State.FAIL, "bidui init"),
    "a foundation of others": (
        lambda home: (home.path / "foundation.json").write_bytes(FOUNDATION.encode()),
        rights.deeds,
        State.FAIL,
        "cannot be trusted",
    ),
    "a deed that somebody wrote": (
        _sql("UPDATE deed SET deed = zeroblob(64) WHERE id LIKE '%caizheng%'"),
        rights.deeds,
        State.FAIL,
        "cannot be trusted",
    ),
    "a deed under another number": (
        _sql("UPDATE deed SET id = 'x' WHERE id LIKE '2026-caizheng%'"),
        rights.deeds,
        State.FAIL,
        "cannot be trusted",
    ),
    "a deed that is gone": (
        _sql("DELETE FROM deed WHERE id LIKE '2026-caizheng%'"),
        rights.deeds,
        State.FAIL,
        "存证账",
    ),
    "no partner": (_sql("DELETE FROM deed"), rights.partners_in_force, State.SKIP, "尚不可读"),
    "no rulebooks": (_sql("DELETE FROM deed"), rights.rulebooks, State.SKIP, "尚不可读"),
    "no grant": (_sql("DELETE FROM deed"), rights.grants, State.SKIP, "尚不可读"),
    "a grant of a partner without a system": (_without_systems, rights.grants, State.WARN, "没有系统"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_seen_and_mended_in_one_line(case: str, home: Home) -> None:
    change, check, state, words = BROKEN[case]
    change(home)

    found = _look(check, home)

    assert state in {each.state for each in found}, found
    [first, *_] = [each for each in found if each.state is state]
    assert words in first.what + first.detail + first.fix
    assert first.fix or state is State.SKIP
    assert "\n" not in first.fix
    assert SECRET not in str(found)


LATER: dict[str, tuple[int, Check, State, str]] = {
    "certificates end soon": (380, keys.certificates, State.WARN, "尽快换上"),
    "certificates have ended": (400, keys.certificates, State.FAIL, "已过期"),
    "certificates are not valid yet": (-10, keys.certificates, State.FAIL, "尚未生效"),
    "the log is signed no more": (1, ledger.log, State.WARN, "网关是否在运行"),
    "the clock went back": (-1, ledger.log, State.FAIL, "校准时钟"),
    "the data is old": (10, data.index, State.WARN, "定时同步"),
    "the data is of tomorrow": (-2, data.index, State.FAIL, "时钟"),
    "grants end soon": (350, rights.grants, State.WARN, "到期"),
    "no grant takes data as old as this": (365, rights.grants, State.FAIL, "天数"),
}


@pytest.mark.parametrize("case", LATER)
def test_what_time_brings_is_seen(case: str, staged: Home) -> None:
    days, check, state, words = LATER[case]

    found = _look(check, staged, datetime.now(UTC) + timedelta(days=days))

    [first, *_] = [each for each in found if each.state is state]
    assert words in first.detail + first.fix


def test_production_is_held_to_more(bare: Home) -> None:
    found = _look(keys.private, bare)

    assert [each.what for each in found if each.state is State.FAIL] == ["进程用户"]
    assert [each.detail for each in found if each.state is State.WARN] == ["keys/ 下有 authority"]


def test_an_open_host_opens_the_metrics_too(bare: Home) -> None:
    _text("serve.toml", "127.0.0.1", "10.1.2.3")(bare)

    assert "9420" in str(_look(settings.serve, bare))


def test_a_sealing_process_that_answers_is_well(home: Home, tmp_path: Path) -> None:
    desk = a_desk(tmp_path, DrivenClock())
    with listen(_short(home)) as server:
        Thread(target=serve_forever, args=(server, desk), daemon=True).start()
        [found] = _look(data.sealing, home)
    desk.close()

    assert found.state is State.PASS


def test_a_socket_that_nobody_serves_is_told_in_production(home: Home) -> None:
    [found] = _look(data.sealing, replace(home, mode=Mode.PRODUCTION))

    assert (found.state, "systemctl" in found.fix) == (State.FAIL, True)


def test_a_password_of_the_database_is_not_repeated(home: Home) -> None:
    _text("serve.toml", "", f'database = "postgresql+psycopg://me:{SECRET}@127.0.0.1:1/b?password={SECRET}"')(home)

    found = [*_look(ledger.database, home), *_look(ledger.log, home), *_look(rights.grants, home)]

    assert [each.state for each in found] == [State.FAIL, State.SKIP, State.SKIP]
    assert "127.0.0.1/b" in found[0].detail
    assert SECRET not in str(found)


def test_a_postgresql_that_forgets_is_no_place_for_a_log(home: Home, postgres_url: str) -> None:
    _text("serve.toml", "", f'database = "{postgres_url}"')(home)
    assert "尚未" in str(_look(ledger.log, home)) or "不可读" in str(_look(ledger.log, home))
    installing.migrate(home)

    found = _look(ledger.database, home)

    assert [each.state for each in found] == [State.PASS, State.PASS, State.FAIL]
    assert "fsync" in found[-1].detail  # the throw-away server of the tests does forget


def _decoys(home: Home) -> Finding:
    return next(each for each in _look(data.index, home) if each.what == "诱饵")


def test_decoys_are_told_to_be_there_and_never_how_many(home: Home) -> None:
    found = _decoys(home)

    assert (found.state, found.detail) == (State.PASS, "已启用")


def test_without_the_key_that_knows_them_decoys_are_no_good(home: Home) -> None:
    (home.keys / "serve" / "decoys.pem").unlink()

    assert _decoys(home).state is State.FAIL


def test_without_decoys_it_says_how_to_have_some(home: Home) -> None:
    for path in (home.keys / "custodians").iterdir():
        path.unlink()
    run(load(home, "sync.toml", SyncSettings), home, sync_keys(home.path), load_catalogue(), full=True)

    found = _decoys(home)
    assert found.state is State.WARN
    assert "bidui decoys key" in found.fix


def test_an_index_in_postgresql_is_looked_at_there(home: Home, postgres_url: str) -> None:
    _text("serve.toml", "", f'index_database = "{postgres_url}"')(home)
    assert [each.state for each in _look(data.index, home)] == [State.FAIL]

    mirror(postgres_url, read_current(home.index, read_ed25519_public(home.keys / "sync.pub")))

    assert [each.state for each in _look(data.index, home)] == [State.PASS] * 5


def test_an_index_of_another_standard_must_be_sealed_anew(staged: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(load_catalogue(), version="2027.1", digest="f" * 64)
    monkeypatch.setattr("ops.doctor.data.load_catalogue", lambda: other)

    [found] = [each for each in _look(data.index, staged) if each.state is State.FAIL]

    assert (found.what, "--full" in found.fix) == ("数据标准", True)


SILENCES: dict[str, tuple[BaseException | None, State, str]] = {
    "not allowed": (PermissionError(), State.FAIL, "组"),
    "too slow": (TimeoutError(), State.FAIL, "日志"),
    "nonsense": (ValueError(), State.FAIL, "版本"),
}


@pytest.mark.parametrize("case", SILENCES)
def test_why_the_sealing_process_is_silent(case: str, staged: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    cause, state, words = SILENCES[case]

    def silent(_: SealClient) -> bool:
        raise UnavailableError("silent") from cause

    monkeypatch.setattr(SealClient, "is_alive", silent)
    [found] = _look(data.sealing, staged)

    assert (found.state, words in found.fix) == (state, True)


HIDDEN: dict[str, Check] = {
    "the keys of another process": keys.private,
    "the control database": ledger.database,
    "the partners": rights.partners_in_force,
    "the deeds": rights.deeds,
    "the rulebooks": rights.rulebooks,
    "the grants": rights.grants,
}


@pytest.mark.parametrize("case", HIDDEN)
def test_what_this_user_may_not_see_is_not_called_well(
    case: str, staged: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)

    [first, *_] = _look(HIDDEN[case], staged)

    assert first.state is State.SKIP


def test_a_sync_file_of_another_user_is_not_seen(staged: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> object:
        raise PermissionError

    monkeypatch.setattr(settings, "load", refuse)

    assert [each.state for each in _look(settings.sync, staged)] == [State.SKIP]


CLOCKS = {"synchronised": (True, State.PASS), "not synchronised": (False, State.WARN), "not told": (None, State.SKIP)}


@pytest.mark.parametrize("case", CLOCKS)
def test_a_clock_is_asked_in_production(case: str, bare: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, state = CLOCKS[case]
    monkeypatch.setattr("ops.doctor.machine.is_synchronised", lambda: answer)

    assert [each.state for each in _look(machine.clock, bare)] == [state]


def test_old_programs_are_told(staged: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.version_info", (3, 10, 0))
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 31, 0))

    assert [each.state for each in _look(machine.versions, staged)] == [State.FAIL, State.FAIL]


def test_keys_under_a_passphrase_cannot_be_compared(tmp_path: Path) -> None:
    home = Home(path=tmp_path / "locked", mode=Mode.PRODUCTION, clock=SystemClock())
    installing.init(
        home, origin=ORIGIN, issuer=ISSUER, administrators=administrators(), passphrase=Passphrase(b"long enough")
    )

    assert [each.state for each in _look(keys.sealing, home)] == [State.SKIP]


def test_behind_a_proxy_certificates_are_the_proxys(home: Home) -> None:
    _text("serve.toml", "tls = true", 'trusted_proxies = ["10.0.0.1"]')(home)

    assert [each.state for each in _look(keys.certificates, home)] == [State.SKIP]
    assert "proxy.secret" not in str(_look(keys.private, home))
    assert {each.state for each in _look(settings.serve, home)} == {State.PASS}


DISKS = {"no room": (0, State.FAIL), "little room": (2 << 30, State.WARN), "room": (1 << 40, State.PASS)}


@pytest.mark.parametrize("case", DISKS)
def test_a_disk_is_told_by_its_room(case: str, staged: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    free, state = DISKS[case]
    usage = shutil.disk_usage(staged.path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    assert [each.state for each in _look(machine.disk, staged)] == [state]


def test_a_check_that_breaks_leaves_the_others(staged: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_: Installation) -> Iterator[Finding]:
        yield well("一", "好")
        raise ZeroDivisionError(SECRET)

    monkeypatch.setattr("ops.doctor.GROUPS", {"甲": (breaks,), "乙": (machine.versions,)})
    report = examine(staged)

    assert [len(group.findings) for group in report.groups] == [2, 2]
    assert report.groups[0].findings[1].state is State.FAIL
    assert SECRET not in str(report)


def test_an_examination_of_nothing_proves_nothing() -> None:
    assert not Report(()).is_well
    assert not Report((Group("空", ()),)).is_well


def test_the_command_tells_people_and_machines(bare: Home) -> None:
    told = CliRunner().invoke(app, ["doctor", "--home", str(bare.path)])
    document = CliRunner().invoke(app, ["doctor", "--home", str(bare.path), "--json"])

    assert (told.exit_code, document.exit_code) == (1, 1)
    assert told.stdout.splitlines()[-1].startswith("体检未通过")
    groups = json.loads(document.stdout)["groups"]
    assert {finding["state"] for group in groups for finding in group["findings"]} <= set(State)


def _look(check: Check, home: Home, at: datetime | None = None) -> list[Finding]:
    installation = Installation(home, at or datetime.now(UTC))
    try:
        return list(check(installation))
    finally:
        installation.close()


def _sign(home: Home) -> None:
    served = load(home, "serve.toml", ServeSettings)
    reader = SqlLedgerReader.open(home.database_url(served))
    signers = read_log_keys(home, served, None).checkpoints
    CheckpointSigner(
        origin=ORIGIN, reader=reader, store=FileCheckpoints(home.checkpoints), signers=signers, now=home.clock.now
    ).run_once()
    reader.close()


def _generation(home: Home) -> Path:
    current = pointer(home.index)
    assert current is not None
    return home.index / current.generation


def _short(home: Home) -> Path:
    """A unix socket's path may have a hundred characters."""
    path = home.path.parent / "s"
    _text("seal.toml", 'socket = ""', f'socket = "{path}"')(home)
    return path


def _everything(root: Path) -> dict[str, tuple[int, int, str]]:
    return {
        str(path.relative_to(root)): (
            path.stat().st_mtime_ns,
            path.stat().st_mode,
            sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(root.rglob("*"))
    }
