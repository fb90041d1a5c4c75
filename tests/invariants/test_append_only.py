"""Promise 10, append_only: no route, command or role alters or deletes an entry, and whoever does so past all guards is
found offline by `bidui audit verify`, which names the first bad entry.

Roll-back to an older database together with its older checkpoints is found by whoever holds a newer one outside.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from typer.testing import CliRunner

from adapters.checkpoints import FileCheckpoints
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.checkpoint import Checkpoint, peek, sign
from audit.note import Ed25519Signer
from audit.report import Exit
from audit.signer import CheckpointSigner, State
from audit.tree import TILE_WIDTH, extend, root
from ops import installing
from ops.cli.main import app
from ops.demo.staging import DEPARTMENTS, ORIGIN
from ops.log_keys import read_log_keys
from ops.prove.crowds import PROCESSES, THREADS, Crowd
from ops.prove.programs import environment
from ops.settings import Home, ServeSettings, load
from tests.invariants.conftest import ENGINES
from tests.invariants.doors import ROWS
from tests.invariants.logged import log_size
from tests.invariants.tampering import Held
from tests.invariants.world import NOW, Asking, World, a_scope, home_at

ROOT = Path(__file__).parents[2]
ENTRIES = 300
"""More than a tile."""
APART = os.environ.get("HYPOTHESIS_PROFILE") == "long"
"""In the long run every case is verified by a process of its own, as an outsider would."""
BEHIND, CUT = 10, 20
"""How far behind the older checkpoint an entry is tampered with, and the log cut off."""


@dataclass
class Victim:
    """A home with a log of its own on one engine, and how to make it as it was."""

    home: Home
    url: str
    whole: Held
    checkpoints: Path
    older: int
    """The size of the older checkpoint that was kept."""

    @property
    def late(self) -> int:
        """An entry behind it."""
        return self.older + BEHIND

    @property
    def between_partners(self) -> int:
        """The first entry from there on after which another partner's comes."""
        partners = [row["partner"] for row in self.whole.entries]
        return next(n for n in range(self.late, len(partners)) if partners[n] and partners[n] != partners[n + 1])

    def restore(self) -> None:
        self.whole.write(self.url)
        shutil.rmtree(self.home.checkpoints)
        shutil.copytree(self.checkpoints, self.home.checkpoints)

    def verify(self, *options: str, apart: bool = APART) -> tuple[int, int | None]:
        """Exit code of `bidui audit verify`, and the first bad index it names; `apart` as a process of its own."""
        arguments = ["audit", "verify", "--home", str(self.home.path), "--json", *options]
        if apart:
            command = [sys.executable, "-m", "ops.cli.main", *arguments]
            ended = subprocess.run(command, env=environment(self.home), capture_output=True, check=False)
            code, said = ended.returncode, ended.stdout.decode()
        else:
            done = CliRunner().invoke(app, arguments)
            code, said = done.exit_code, done.stdout
        return code, json.loads(said)["first_bad"] if code in {0, 1, 2} else None


@pytest.fixture(scope="module")
def grown(worlds: dict[str, World]) -> tuple[World, bytes]:
    """A world with a long log of two partners, and a checkpoint from the middle of it."""
    world, older = worlds["sqlite"], b""
    while log_size(world.home) < ENTRIES or not older or log_size(world.home) < peek(older).size + 2 * CUT:
        people = world.people[:20]
        world.ask(*(world.question(each) for each in people))
        world.ask(*(world.question(each, department=DEPARTMENTS[1]) for each in people))
        if not older:
            world.sign()
            older = world.gateway.checkpoints.latest() or b""
    world.sign()
    return world, older


@pytest.fixture(scope="module", params=ENGINES)
def victim(
    request: pytest.FixtureRequest, grown: tuple[World, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Victim:
    """That log in a home on each engine in turn."""
    world, older = grown
    engine: str = request.param
    url = request.getfixturevalue("postgres").url("victim") if engine == "postgresql" else ""
    home = home_at(tmp_path_factory.mktemp(f"victim-{engine}") / "home")
    shutil.copytree(world.home.path, home.path, ignore=shutil.ignore_patterns("control.sqlite*", "source", "seal"))
    settings = home.path / "serve.toml"
    settings.write_text(settings.read_text().replace('database = ""', f'database = "{url}"'))
    installing.migrate(home)
    kept = home.path.with_name("checkpoints")
    shutil.copytree(home.checkpoints, kept)
    (kept / f"{peek(older).size:016d}").write_bytes(older)
    url = home.database_url(load(home, "serve.toml", ServeSettings))
    victim = Victim(home, url, Held.of(world.home.database_url(world.gateway.settings)), kept, peek(older).size)
    victim.restore()
    return victim


@pytest.fixture(autouse=True)
def in_test_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDUI_MODE", "test")


def test_a_log_that_nobody_touched_is_proven(victim: Victim) -> None:
    victim.restore()

    assert victim.verify("--disclosures") == (Exit.PROVEN, None)


TAMPERED: dict[str, tuple[Callable[[Held, int], Held], Callable[[Victim], int]]] = {
    "the first entry edited": (lambda log, late: log.edited(1), lambda _: 1),
    "an entry edited": (lambda log, late: log.edited(late), lambda victim: victim.late),
    "an entry edited, its hash too": (lambda log, late: log.edited(late).hashed(late), lambda victim: victim.late),
    "the last entry edited, its hash too": (
        lambda log, late: log.edited(log.size - 1).hashed(log.size - 1),
        lambda victim: victim.older,
    ),
    "an entry edited and all rebuilt": (lambda log, late: log.edited(late).rebuilt(), lambda victim: victim.older),
    "an early entry edited and all rebuilt": (lambda log, late: log.edited(10).rebuilt(), lambda _: 0),
    "a row's hash alone": (lambda log, late: log.with_entry(late, leaf=b"x" * 32), lambda victim: victim.late),
    "the opening deleted": (lambda log, late: log.without(0), lambda _: 0),
    "an entry deleted": (lambda log, late: log.without(late), lambda victim: victim.late),
    "the last entry deleted": (lambda log, late: log.without(log.size - 1), lambda victim: victim.whole.size - 1),
    "all entries deleted": (lambda log, late: log.cut(0), lambda _: 0),
    "the first ten deleted": (lambda log, late: log.beheaded(10), lambda _: 0),
    "a whole tile deleted from the front": (lambda log, late: log.beheaded(TILE_WIDTH), lambda _: 0),
    "an entry deleted and all rebuilt": (
        lambda log, late: log.without(late).rebuilt(),
        lambda victim: victim.whole.size - 1,  # where the log ends too early; which one is gone cannot be told
    ),
    "two entries swapped": (lambda log, late: log.swapped(late, late + 1), lambda victim: victim.late),
    "two entries swapped and all rebuilt": (
        lambda log, late: log.swapped(late, late + 1).rebuilt(),
        lambda victim: victim.older,
    ),
    "a stretch turned round": (lambda log, late: log.reversed(late, late + 5), lambda victim: victim.late),
    "a stretch turned round and all rebuilt": (
        lambda log, late: log.reversed(late, late + 5).rebuilt(),
        lambda victim: victim.older,
    ),
    "entries of two partners swapped": (
        lambda log, late: log.between_partners(late),
        lambda victim: victim.between_partners,
    ),
    "entries of two partners swapped and all rebuilt": (
        lambda log, late: log.between_partners(late).rebuilt(),
        lambda victim: victim.older,
    ),
    "an entry given to another partner": (lambda log, late: log.given_away(late), lambda victim: victim.late),
    "an entry given away and all rebuilt": (
        lambda log, late: log.given_away(late).rebuilt(),
        lambda victim: victim.older,
    ),
    "an entry repeated at the end": (lambda log, late: log.repeated(late), lambda victim: victim.whole.size),
    "the end cut off": (lambda log, late: log.cut(late + CUT), lambda victim: victim.late + CUT),
    "the end cut off and all rebuilt": (
        lambda log, late: log.cut(late + CUT).rebuilt(),
        lambda victim: victim.late + CUT,
    ),
    "everything but the opening cut off": (lambda log, late: log.cut(1).rebuilt(), lambda _: 1),
    "a tile edited": (lambda log, late: log.with_tile(b"x" * 32), lambda _: 0),
}


@pytest.mark.parametrize(("tamper", "first_bad"), TAMPERED.values(), ids=TAMPERED)
def test_tampering_is_found_and_the_first_bad_entry_named(
    victim: Victim, tamper: Callable[[Held, int], Held], first_bad: Callable[[Victim], int]
) -> None:
    victim.restore()
    tamper(victim.whole, victim.late).write(victim.url)

    assert victim.verify() == (Exit.TAMPERED, first_bad(victim))


def put(tamper: Callable[[Held, int], Held]) -> Callable[[Victim], None]:
    """Another log in place of the victim's."""
    return lambda victim: tamper(victim.whole, victim.late).write(victim.url)


def checkpoint(change: Callable[[bytes], bytes | None]) -> Callable[[Victim], None]:
    """Another file, or none, in place of the last checkpoint; the older one is gone."""

    def put_checkpoint(victim: Victim) -> None:
        latest = (victim.home.checkpoints / "latest").read_bytes()
        shutil.rmtree(victim.home.checkpoints)
        victim.home.checkpoints.mkdir(mode=0o700)
        changed = change(latest)
        if changed is not None:
            (victim.home.checkpoints / "latest").write_bytes(changed)

    return put_checkpoint


def signed_anew(victim: Victim) -> None:
    """A thief with the keys of serve rewrites an early entry and signs the whole; the older checkpoint is outside."""
    victim.whole.edited(10).rebuilt().write(victim.url)
    (victim.home.checkpoints / "latest").unlink()
    settings = load(victim.home, "serve.toml", ServeSettings)
    reader = SqlLedgerReader.open(victim.url)
    store = FileCheckpoints(victim.home.checkpoints)
    keys = read_log_keys(victim.home, settings, None)
    signer = CheckpointSigner(
        origin=settings.origin, reader=reader, store=store, signers=keys.checkpoints, now=victim.home.clock.now
    )
    assert signer.run_once().state is State.SIGNED
    reader.close()


def of_another_key(content: bytes) -> bytes:
    """The same checkpoint, signed by a key of the thief's own that goes by the right name."""
    key = Ed25519PrivateKey.from_private_bytes(b"t" * 32)
    return sign(peek(content), [Ed25519Signer(ORIGIN, key)], NOW)


def of_another_size(content: bytes) -> bytes:
    lines = content.split(b"\n")
    lines[1] = str(int(lines[1]) + 1).encode()
    return b"\n".join(lines)


def of_another_root(content: bytes) -> bytes:
    lines = content.split(b"\n")
    lines[2] = b64encode(bytes(32))
    return b"\n".join(lines)


def of_another_key_with_our_id(content: bytes) -> bytes:
    """The thief's signature, under the name and the id of our key: an id is four bytes and anybody can write them."""
    head, _, signatures = content.decode().partition("\n\n")
    ours = signatures.splitlines()[0].split(" ")[-1]
    theirs = of_another_key(content).decode().partition("\n\n")[2].splitlines()[0].split(" ")
    theirs[-1] = b64encode(b64decode(ours)[:4] + b64decode(theirs[-1])[4:]).decode()
    return f"{head}\n\n{' '.join(theirs)}\n".encode()


def with_no_signature(content: bytes) -> bytes:
    return content.partition(b"\n\n")[0] + b"\n"


def with_no_signature_lines(content: bytes) -> bytes:
    return content.partition(b"\n\n")[0] + b"\n\n"


def with_one_signature(content: bytes) -> bytes:
    return b"\n".join(content.rstrip(b"\n").split(b"\n")[:-1]) + b"\n"


BESIDE: dict[str, tuple[Callable[[Victim], None], Exit]] = {
    "a forged entry at the end": (put(lambda log, late: log.repeated(late).rebuilt()), Exit.INCOMPLETE),
    "no checkpoint": (checkpoint(lambda _: None), Exit.INCOMPLETE),
    "a checkpoint of another size": (checkpoint(of_another_size), Exit.TAMPERED),
    "a checkpoint of another root": (checkpoint(of_another_root), Exit.TAMPERED),
    "a checkpoint of another log": (checkpoint(lambda old: old.replace(b"demo", b"dem0", 1)), Exit.TAMPERED),
    "a checkpoint signed by somebody else": (checkpoint(of_another_key), Exit.INCOMPLETE),
    "a checkpoint signed by another key of our key's id": (checkpoint(of_another_key_with_our_id), Exit.TAMPERED),
    "an unsigned text for a checkpoint": (checkpoint(with_no_signature), Exit.TAMPERED),
    "a checkpoint without signature lines": (checkpoint(with_no_signature_lines), Exit.TAMPERED),
    "a checkpoint with a signature less": (checkpoint(with_one_signature), Exit.INCOMPLETE),
    "garbage for a checkpoint": (checkpoint(lambda _: b"garbage"), Exit.TAMPERED),
    "an empty log": (put(lambda log, late: log.cut(0)), Exit.TAMPERED),
    "all signed anew by a thief with the keys": (signed_anew, Exit.TAMPERED),
    "a disclosure of another entry": (
        put(lambda log, late: log.with_disclosures({**log.disclosures, late: log.disclosures[late + 1]})),
        Exit.TAMPERED,
    ),
    "a disclosure deleted": (
        put(lambda log, late: log.with_disclosures({k: v for k, v in log.disclosures.items() if k != late})),
        Exit.INCOMPLETE,
    ),
}


@pytest.mark.parametrize(("tamper", "verdict"), BESIDE.values(), ids=BESIDE)
def test_what_stands_beside_the_entries_is_checked_too(
    victim: Victim, tamper: Callable[[Victim], None], verdict: Exit
) -> None:
    victim.restore()
    tamper(victim)

    assert victim.verify("--disclosures")[0] == verdict


@dataclass(frozen=True)
class Outside:
    """What somebody outside holds of a log, and what is found when the log is held against it."""

    checkpoint: Callable[[Victim], bytes]
    tamper: Callable[[Victim], None]
    found: tuple[Exit, Callable[[Victim], int | None]]


def nothing(victim: Victim) -> None:
    """The log is as it was."""


def latest(victim: Victim) -> bytes:
    return (victim.checkpoints / "latest").read_bytes()


def backup(victim: Victim) -> None:
    """Database and checkpoints of an hour ago, together: by themselves they are a whole log."""
    victim.whole.cut(victim.older).rebuilt().write(victim.url)
    replay(victim)
    assert victim.verify() == (Exit.PROVEN, None)


def replay(victim: Victim) -> None:
    """The older checkpoint as if it were the last."""
    older = victim.checkpoints / f"{victim.older:016d}"
    shutil.rmtree(victim.home.checkpoints)
    victim.home.checkpoints.mkdir(mode=0o700)
    shutil.copyfile(older, victim.home.checkpoints / "latest")


def fork(victim: Victim) -> bytes:
    """A checkpoint of another history of the same length, signed with the real keys, as one reader was shown it."""
    keys = read_log_keys(victim.home, load(victim.home, "serve.toml", ServeSettings), None)
    other = victim.whole.edited(victim.late).rebuilt()
    root = root_of([cast("bytes", row["leaf"]) for row in other.entries])
    return sign(Checkpoint(ORIGIN, other.size, root), keys.checkpoints, NOW)


def root_of(leaves: list[bytes]) -> bytes:
    frontier: list[bytes] = []
    extend(frontier, 0, leaves)
    return root(frontier)


OUTSIDE = {
    "nothing happened": Outside(latest, nothing, (Exit.PROVEN, lambda _: None)),
    "an old checkpoint replayed": Outside(latest, replay, (Exit.PROVEN, lambda _: None)),
    "an old backup restored": Outside(latest, backup, (Exit.TAMPERED, lambda victim: victim.older)),
    "a fork shown to one reader": Outside(fork, nothing, (Exit.TAMPERED, lambda victim: victim.older)),
}


@pytest.mark.parametrize("case", OUTSIDE.values(), ids=OUTSIDE)
def test_what_somebody_outside_holds_finds_it(victim: Victim, case: Outside, tmp_path: Path) -> None:
    victim.restore()
    held = tmp_path / "held"
    held.write_bytes(case.checkpoint(victim))
    case.tamper(victim)

    verdict, first_bad = case.found
    assert victim.verify("--checkpoint", str(held)) == (verdict, first_bad(victim))


def test_an_old_checkpoint_alone_proves_only_the_old_part(victim: Victim) -> None:
    victim.restore()
    replay(victim)

    assert victim.verify() == (Exit.INCOMPLETE, None)
    assert victim.verify("--signed") == (Exit.PROVEN, None)


def test_a_side_row_that_was_replaced_is_named(victim: Victim) -> None:
    victim.restore()
    log, late = victim.whole, victim.late
    log.with_disclosures({**log.disclosures, late: log.disclosures[late + 1]}).write(victim.url)

    assert victim.verify("--disclosures") == (Exit.TAMPERED, late)


@pytest.mark.slow
def test_a_process_of_its_own_says_the_same(victim: Victim) -> None:
    victim.restore()
    TAMPERED["an entry edited"][0](victim.whole, victim.late).write(victim.url)

    assert victim.verify(apart=True) == (Exit.TAMPERED, victim.late)


GUARDED = {
    "update": 'UPDATE {table} SET "index" = "index"',
    "delete": "DELETE FROM {table}",
    "delete one": 'DELETE FROM {table} WHERE "index" = 0',
}
OF_SQLITE = {"replace": "INSERT OR REPLACE INTO {table} SELECT * FROM {table}"}
OF_POSTGRESQL = {
    "truncate": "TRUNCATE {table}",
    "upsert": 'INSERT INTO {table} SELECT * FROM {table} ON CONFLICT DO NOTHING; UPDATE {table} SET "index" = 1',
}
GUARDS = [
    pytest.param(engine, table, statement, id=f"{engine} {table} {name}")
    for engine, own in (("sqlite", OF_SQLITE), ("postgresql", OF_POSTGRESQL))
    for table in ("ledger_entry", "ledger_tile")
    for name, statement in {**GUARDED, **own}.items()
]


@pytest.mark.parametrize(("engine", "table", "statement"), GUARDS)
def test_the_database_refuses_every_change_of_an_entry(
    worlds: dict[str, World], engine: str, table: str, statement: str
) -> None:
    world = worlds[engine]
    while log_size(world.home) < TILE_WIDTH:
        world.ask(*(world.question(each) for each in world.people[:60]))
    database = open_engine(world.home.database_url(world.gateway.settings))
    try:
        with pytest.raises(DatabaseError, match="only grows"), database.begin() as connection:
            connection.execute(text(statement.format(table=table)))
    finally:
        database.dispose()


@pytest.mark.slow
def test_many_processes_with_wrong_clocks_write_one_log_and_sign_one_tree(crowded: Crowd) -> None:
    """`make prove` says how long anybody waited."""
    assert crowded.appends == PROCESSES * THREADS * 5
    assert crowded.signed > 1
    assert crowded.holds, crowded


def test_no_door_changes_what_is_written(world: World) -> None:
    before = digest_of_log(world, log_size(world.home))

    for row in ROWS:
        row.told(world)
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        for path in ("/v1/log/checkpoint", "/v1/log/entries/0", "/v1/log/proofs/inclusion?index=0", "/v1/log"):
            assert world.one(Asking(a_scope(method, path, world.credentials()))).status in {404, 405}

    assert digest_of_log(world, before[0]) == before


def test_the_source_inserts_and_reads_entries_and_the_maintenance_command_alone_deletes_bodies() -> None:
    changing = {place.partition(":")[0] for place in statements_that_change("ledger_entry", "ledger_tile")}

    assert changing == {PRUNING}
    assert not {path for path in modules_that_import("adapters.sql.pruning") if path in IN_SERVE}
    assert list(statements_that_change("ledger_disclosure", "answer", "budget_day")), "the walk sees nothing"


PRUNING = "adapters/sql/pruning.py"
IN_SERVE = {"ops/serve.py", "ops/wiring.py", "ops/doors.py"}


def modules_that_import(name: str) -> Iterator[str]:
    """Files of ours that name this module in an import."""
    for room in ("gateway", "audit", "adapters", "ops"):
        for path in sorted((ROOT / room).rglob("*.py")):
            if re.search(
                rf"^from {re.escape(name)} import|^import {re.escape(name)}\b", path.read_text(), re.MULTILINE
            ):
                yield path.relative_to(ROOT).as_posix()


def digest_of_log(world: World, size: int) -> tuple[int, str]:
    """How many entries there are, and a digest over the first of them."""
    rows = Held.of(world.home.database_url(world.gateway.settings)).entries[:size]
    return len(rows), sha256(repr(rows).encode()).hexdigest()


def statements_that_change(*tables: str) -> Iterator[str]:
    """Calls of `update`, `delete` or an upsert with one of these tables, anywhere in what ships."""
    for room in ("gateway", "audit", "adapters", "ops"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _name_of(node.func) in {"update", "delete", "upsert", "_replace"}:
                    named = {_name_of(each) for each in node.args}
                    if named & set(tables):
                        yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"


def _name_of(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
