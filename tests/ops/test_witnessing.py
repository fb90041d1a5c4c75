"""Being witnessed: rounds over honest, broken and lying witnesses, and what they come to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.metrics import Metrics
from adapters.witness_files import CosignedFiles, WitnessedFiles
from adapters.witness_line import WitnessLine
from audit import checkpoint
from audit.checkpoint import Checkpoint, peek
from audit.cosignature import cosign, write_lines
from audit.errors import NoteError, UnsignedError
from audit.note import NoteSigner, parse
from audit.suite import INTL
from audit.tree import StoredTree
from audit.trust import Trust, TrustedKey
from audit.witness import Witness
from audit.witness_policy import parse_policy
from audit.witnessing import Cause, Grade, Limits
from gateway.api.witness import WitnessDoor, witness_routes
from ops.witness_record import WitnessRecord
from ops.witnessing import Said, Witnessing
from tests.audit.make import ORIGIN, a_checkpoint_of, a_ledger, a_log, an_answer, an_ed25519_signer, an_ml_dsa_signer
from tests.audit.witnesses import a_cosigner
from tests.fakes_audit import MemoryLedger
from tests.make import NOW

NAMES = ("w1", "w2", "w3")
SIGNERS: dict[str, NoteSigner] = {
    "w1": a_cosigner("witness.example/w1"),
    "w2": an_ml_dsa_signer("witness.example/w2", "w2"),
    "w3": a_cosigner("witness.example/w3"),
}
LINES = "".join(f"witness {name} {SIGNERS[name].vkey} https://{name}.example/v1/witness\n" for name in NAMES)
TWO_OF_THREE = f"{LINES}group all-of-them 2 w1 w2 w3\nquorum all-of-them\n"
LONG = a_log(300)
LIMITS = Limits(timedelta(hours=4), 1000)


def copied(log: MemoryLedger) -> MemoryLedger:
    """One to write on: making entries takes longer than anything here."""
    return MemoryLedger(list(log.rows), log.stored_head, dict(log.partners), dict(log.tiles))


@dataclass
class Bench:
    """A log, its witnesses behind one wire, and a clock that stands until it is moved."""

    folder: Path
    policy: str = TWO_OF_THREE
    log: MemoryLedger = field(default_factory=lambda: copied(LONG))
    at: datetime = NOW
    latest: bytes | None = None
    hosts: dict[str, ASGIApp] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)
    seconds: float = 5.0
    origin: str = ORIGIN

    def __post_init__(self) -> None:
        self.hosts |= {f"{name}.example": self.witness(name) for name in NAMES}
        self.sign()
        self.witnessing = self.fresh()

    def fresh(self) -> Witnessing:
        """As after a restart."""
        record = WitnessRecord(
            origin=self.origin,
            policy=parse_policy(self.policy.encode()),
            log=lambda size: self.trust.verifiers("checkpoint", size),
            kept=WitnessedFiles(self.folder / "checkpoints"),
            latest=lambda: self.latest,
            hashes=self.hashes,
            digest=INTL.digest,
            now=lambda: self.at,
        )
        return Witnessing(record=record, limits=LIMITS, metrics=self.metrics, make_line=self.line)

    @property
    def signer(self) -> NoteSigner:
        return an_ed25519_signer(self.origin)

    @property
    def trust(self) -> Trust:
        return Trust(self.origin, (TrustedKey(self.signer.vkey, "checkpoint"),))

    def hashes(self, level: int, start: int, end: int) -> bytes:
        """Of the log as it is now, which a test may replace."""
        return self.log.hashes(level, start, end)

    def forget(self) -> None:
        """All that witnesses said is gone from this machine; as after a restore of every folder."""
        for member in self.witnessing.record.policy.witnesses:
            self.witnessing.record.kept.forget(member.vkey)
        (self.folder / "checkpoints" / "witnessed" / "latest").unlink()

    def line(self) -> WitnessLine:
        return WitnessLine(seconds=self.seconds, transport=httpx2.ASGITransport(app=self.dispatch))

    async def dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"])[b"host"].decode()
        await self.hosts[host](scope, receive, send)

    def witness(self, name: str, folder: str = "") -> ASGIApp:
        """An honest one, with a store of its own; another folder is another life."""

        def trusted(origin: str) -> Trust | None:
            return self.trust if origin == self.origin else None

        store = CosignedFiles(self.folder / (folder or name))
        witness = Witness([SIGNERS[name]], trusted, store, lambda: self.at)
        return Starlette(routes=witness_routes(WitnessDoor(witness=witness, origins=lambda: [ORIGIN])))

    def sign(self) -> None:
        size = self.log.head().size
        tree = StoredTree(size, self.log.hashes)
        self.latest = checkpoint.sign(Checkpoint(self.origin, size, tree.root()), [self.signer], NOW)

    def grow(self, entries: int = 10) -> None:
        a_ledger(f"{self.log.head().size}").append(self.log, [an_answer()] * entries, NOW)
        self.sign()

    def round(self, witnessing: Witnessing | None = None) -> dict[str, Said]:
        """One round; what became of each witness."""
        asked = witnessing or self.witnessing

        async def once() -> None:
            await asked.round()
            await asked.close()

        asyncio.run(once())
        return {name: finding.said for name, finding in asked.findings.items()}

    def state(self) -> tuple[Grade, Cause]:
        standing = self.witnessing.state(self.at)
        return standing.grade, standing.cause

    @property
    def covered(self) -> int:
        judged = self.witnessing.record.quorum()
        return judged.checkpoint.size if judged else 0

    def metric(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


FINE = (Grade.OK, Cause.NONE)


def answering(answer: Callable[[Request, bytes], Response]) -> ASGIApp:
    """A witness that answers everything in its own way."""

    async def act(request: Request) -> Response:
        return answer(request, await request.body())

    return Starlette(routes=[Route("/v1/witness/{rest:path}", act, methods=["GET", "POST"])])


def telling(size: int) -> ASGIApp:
    return answering(lambda request, _: Response(f"{size}\n", 409 if request.method == "POST" else 404))


gone = answering(lambda *_: Response("", 502))


async def hang(_: Scope, __: Receive, ___: Send) -> None:
    await asyncio.sleep(3600)


async def drip(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b".", "more_body": True})
        await asyncio.sleep(0.01)


async def flood(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _number in range(300):
        await send({"type": "http.response.body", "body": b"." * 4096, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


# ------------------------------------------------------------------------------------------- all is well


def test_a_round_gathers_a_quorum_that_is_kept_beside_the_checkpoints(bench: Bench) -> None:
    assert bench.state() == FINE

    assert bench.round() == dict.fromkeys(NAMES, Said.COSIGNED)

    assert bench.covered == 300
    assert bench.state() == FINE
    judged = bench.witnessing.record.quorum()
    assert judged is not None
    assert set(judged.times) == set(NAMES)
    assert (bench.folder / "checkpoints" / "witnessed" / "latest").exists()
    assert bench.metric("bidui_witnessed_entries") == 300
    assert bench.metric("bidui_witnessed_time_seconds") == int(NOW.timestamp())
    assert bench.metric("bidui_witnessing") == 0


def test_a_log_that_grows_is_followed_by_all(bench: Bench) -> None:
    for size in (300, 310, 320):
        assert bench.round() == dict.fromkeys(NAMES, Said.COSIGNED)
        assert bench.covered == size
        bench.grow()

    assert [peek(each).size for each in bench.witnessing.record.kept.quorum.history()] == [320]


def test_nobody_is_asked_twice_for_the_same_tree_until_a_sign_of_life_is_due(bench: Bench) -> None:
    bench.round()
    bench.hosts |= {f"{name}.example": gone for name in NAMES}

    assert bench.round() == dict.fromkeys(NAMES, Said.COSIGNED)

    bench.at += timedelta(minutes=11)
    assert bench.round(bench.fresh()) == dict.fromkeys(NAMES, Said.DOWN)


def test_a_log_that_stands_still_is_witnessed_again(bench: Bench) -> None:
    bench.round()
    bench.at += timedelta(minutes=30)

    bench.round()

    judged = bench.witnessing.record.quorum()
    assert judged is not None
    assert judged.since == bench.at.replace(microsecond=0)


def test_after_a_restart_it_goes_on_from_what_was_kept(bench: Bench) -> None:
    bench.round()
    bench.grow()

    assert bench.round(bench.fresh()) == dict.fromkeys(NAMES, Said.COSIGNED)
    assert bench.covered == 310


def test_what_was_forgotten_here_is_asked_for(bench: Bench) -> None:
    """A 409 tells the size; nothing of ours is needed for it."""
    bench.round()
    for member in bench.witnessing.record.policy.witnesses:
        bench.witnessing.record.kept.forget(member.vkey)
    bench.grow()

    assert bench.round() == dict.fromkeys(NAMES, Said.COSIGNED)


def test_an_empty_log_asks_nobody(bench: Bench) -> None:
    bench.latest = None

    assert bench.round() == {}
    assert bench.state() == FINE


# ------------------------------------------------------------------------------------------- some do not answer

BROKEN: dict[str, tuple[ASGIApp, Said]] = {
    "hangs": (hang, Said.DOWN),
    "drips": (drip, Said.DOWN),
    "floods": (flood, Said.DOWN),
    "breaks": (answering(lambda *_: Response("", 503)), Said.DOWN),
    "sends elsewhere": (answering(lambda *_: Response("", 302, {"location": "https://w1.example/"})), Said.REFUSED),
    "does not know us": (answering(lambda *_: Response("", 404)), Said.REFUSED),
    "says nothing": (answering(lambda *_: Response("")), Said.REFUSED),
    "says hello": (answering(lambda *_: Response("hello\n")), Said.REFUSED),
    "gives no size": (answering(lambda *_: Response("many\n", 409)), Said.REFUSED),
    "gives a size without end": (answering(lambda *_: Response("9" * 5000, 409)), Said.REFUSED),
    "gives another size each time": (answering(lambda _, body: Response(f"{len(body) % 97}\n", 409)), Said.REFUSED),
    "signs with another key": (
        answering(
            lambda _, body: Response(
                write_lines(cosign(body.partition(b"\n\n")[2], [a_cosigner("witness.example/w9")], NOW))
            )
        ),
        Said.REFUSED,
    ),
    "signs in another's name": (
        answering(lambda _, body: Response(write_lines(cosign(body.partition(b"\n\n")[2], [SIGNERS["w1"]], NOW)))),
        Said.REFUSED,
    ),
    "has a clock behind": (
        answering(
            lambda _, body: Response(
                write_lines(cosign(body.partition(b"\n\n")[2], [SIGNERS["w3"]], NOW - timedelta(hours=3)))
            )
        ),
        Said.CLOCK,
    ),
    "has a clock ahead": (
        answering(
            lambda _, body: Response(
                write_lines(cosign(body.partition(b"\n\n")[2], [SIGNERS["w3"]], NOW + timedelta(hours=3)))
            )
        ),
        Said.REFUSED,
    ),
}


@pytest.mark.parametrize(("broken", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_one_broken_witness_of_three_holds_up_nothing(bench: Bench, broken: ASGIApp, said: Said) -> None:
    bench.hosts["w3.example"], bench.seconds = broken, 2.0

    assert bench.round() == {"w1": Said.COSIGNED, "w2": Said.COSIGNED, "w3": said}

    assert bench.covered == 300
    assert bench.state() == (FINE if said is Said.DOWN else (Grade.SOFT, Cause.WITNESS))


def test_without_a_quorum_it_is_late_and_then_too_late_and_recovers_by_itself(bench: Bench) -> None:
    bench.round()
    honest = dict(bench.hosts)
    bench.hosts |= {"w2.example": gone, "w3.example": gone}
    seen = []
    for minutes in (0, 59, 61, 239, 241):
        bench.at = NOW + timedelta(minutes=minutes)
        bench.grow(1)
        bench.round()
        seen.append(bench.state())

    assert seen == [FINE, FINE, *[(Grade.SOFT, Cause.LATE)] * 2, (Grade.HARD, Cause.LIMIT)]
    assert bench.metric("bidui_witnessing") == 2
    assert bench.covered == 300

    bench.hosts = honest
    bench.round()
    assert bench.state() == FINE


def test_too_many_entries_are_too_late_at_once(bench: Bench) -> None:
    bench.round()

    bench.grow(250)
    assert bench.state() == (Grade.SOFT, Cause.LATE)
    bench.grow(750)
    assert bench.state() == (Grade.HARD, Cause.LIMIT)


def test_a_new_policy_has_the_whole_time(bench: Bench) -> None:
    """And a restart does not begin it anew."""
    bench.hosts = {f"{name}.example": gone for name in NAMES}
    bench.round()
    assert bench.state() == FINE

    bench.at += timedelta(hours=4)
    bench.witnessing = bench.fresh()
    assert bench.state() == (Grade.HARD, Cause.LIMIT)


def test_a_quorum_under_another_policy_is_none(bench: Bench) -> None:
    bench.round()
    bench.policy = LINES + "quorum none\n"
    assert bench.fresh().record.quorum() is not None

    stranger = a_cosigner("witness.example/w4")
    bench.policy = f"witness w4 {stranger.vkey}\nquorum w4\n"
    assert bench.fresh().record.quorum() is None


# ------------------------------------------------------------------------------------------- rollback and forks


def roll_back(bench: Bench, size: int, partners: tuple[str, ...] = ("payroll", "pension")) -> None:
    """The database and the checkpoints are those of an earlier day; of other partners, it is another history."""
    bench.log = a_log(size, partners=partners)
    bench.sign()


def test_witnesses_that_saw_more_seal_it_and_prove_it(bench: Bench) -> None:
    bench.round()
    roll_back(bench, 200)
    bench.forget()
    bench.witnessing = bench.fresh()

    assert bench.round() == dict.fromkeys(NAMES, Said.PROVES)

    assert bench.state() == (Grade.HARD, Cause.AHEAD)
    assert bench.witnessing.state(bench.at).detail.startswith("witnesses hold a checkpoint of 300 entries")
    bench.witnessing = bench.fresh()
    assert bench.state() == (Grade.HARD, Cause.AHEAD)  # a restart does not undo it


def test_one_witness_that_proves_it_is_enough(bench: Bench) -> None:
    bench.round()
    roll_back(bench, 200)
    bench.forget()
    bench.hosts |= {"w1.example": gone, "w2.example": gone}
    bench.witnessing = bench.fresh()

    assert bench.round()["w3"] is Said.PROVES
    assert bench.state() == (Grade.HARD, Cause.AHEAD)


def test_a_log_that_grew_otherwise_after_a_restore_is_sealed(bench: Bench) -> None:
    """It is longer than what the witnesses saw, and another one."""
    bench.round()
    bench.forget()
    roll_back(bench, 400, ("someone",))

    assert bench.round(bench.fresh()) == dict.fromkeys(NAMES, Said.PROVES)
    assert bench.state() == (Grade.HARD, Cause.AHEAD)


def test_what_is_kept_here_seals_before_anybody_is_asked(bench: Bench) -> None:
    bench.round()
    roll_back(bench, 400, ("someone",))
    bench.hosts = {f"{name}.example": gone for name in NAMES}
    bench.witnessing = bench.fresh()

    bench.round()

    assert bench.state() == (Grade.HARD, Cause.AHEAD)


def test_a_newer_backup_that_holds_it_all_ends_it(bench: Bench) -> None:
    bench.round()
    whole = bench.log
    roll_back(bench, 200)
    bench.witnessing = bench.fresh()
    bench.round()
    assert bench.state() == (Grade.HARD, Cause.AHEAD)

    bench.log = whole
    bench.sign()

    assert bench.state() == FINE
    bench.round()
    assert not (bench.folder / "checkpoints" / "witnessed" / "marks" / "evidence").exists()


CLAIMS = {
    "one of three": (["w1"], (Grade.SOFT, Cause.WITNESS)),
    "a quorum": (["w1", "w3"], (Grade.HARD, Cause.AHEAD)),
}


@pytest.mark.parametrize(("liars", "state"), CLAIMS.values(), ids=CLAIMS.keys())
def test_a_claim_without_proof_counts_as_much_as_a_cosignature(
    bench: Bench, liars: list[str], state: tuple[Grade, Cause]
) -> None:
    bench.hosts |= {f"{name}.example": telling(9_000_000) for name in liars}

    said = bench.round()

    assert {name for name, each in said.items() if each is Said.CONTRADICTS} == set(liars)
    assert bench.state() == state


def test_a_checkpoint_of_ours_that_we_never_signed_proves_nothing(bench: Bench) -> None:
    forged = checkpoint.sign(Checkpoint(ORIGIN, 900, bytes(32)), [an_ed25519_signer(seed="x")], NOW)
    bench.hosts["w1.example"] = answering(
        lambda request, _: Response(b"900\n", 409) if request.method == "POST" else Response(forged)
    )

    assert bench.round()["w1"] is Said.CONTRADICTS
    assert bench.state() == (Grade.SOFT, Cause.WITNESS)


def test_a_witness_that_rolls_back_does_not_count_until_a_person_says_so(bench: Bench) -> None:
    bench.round()
    bench.grow()
    bench.hosts["w1.example"] = bench.witness("w1", "w1-restored")

    for _ in range(2):
        assert bench.round() == {"w1": Said.ROLLED_BACK, "w2": Said.COSIGNED, "w3": Said.COSIGNED}
        assert bench.state() == (Grade.SOFT, Cause.WITNESS)
        bench.grow()
    assert "cosigned 300 entries, and now knows 0" in bench.witnessing.findings["w1"].detail

    bench.witnessing.record.kept.forget(SIGNERS["w1"].vkey)
    assert bench.round()["w1"] is Said.COSIGNED
    assert bench.state() == FINE


def test_another_node_that_was_faster_is_no_contradiction(bench: Bench) -> None:
    old = bench.latest
    bench.grow()
    bench.round()
    newest, bench.latest = bench.latest, old
    bench.forget()
    honest = dict(bench.hosts)

    def faster(name: str) -> ASGIApp:
        async def act(scope: Scope, receive: Receive, send: Send) -> None:
            bench.latest = newest
            await honest[name](scope, receive, send)

        return act

    bench.hosts = {name: faster(name) for name in honest}

    assert set(bench.round(bench.fresh()).values()) == {Said.OUTRUN}
    assert bench.state() == FINE


# ------------------------------------------------------------------------------------------- cosignatures by hand


def test_a_cosignature_that_is_brought_completes_the_quorum(bench: Bench) -> None:
    bench.hosts |= {"w2.example": gone, "w3.example": gone}
    bench.round()
    assert bench.covered == 0
    record = bench.witnessing.record
    bench.grow()
    best = record.best_for(record.policy.witnesses[2])
    assert best is not None
    assert len(parse(best).signatures) == 2  # ours, and that of w1

    assert peek(record.best_for(record.policy.witnesses[0]) or b"").size == 310

    judged = record.take(best, cosign(best, [SIGNERS["w3"]], NOW))

    assert judged.since is not None
    assert bench.covered == 300


def test_what_is_not_ours_or_does_not_hold_is_not_taken(bench: Bench) -> None:
    assert bench.latest is not None
    record = bench.witnessing.record
    other = checkpoint.sign(Checkpoint("other.example/log", 5, bytes(32)), [bench.signer], NOW)

    with pytest.raises(NoteError, match="is one of other"):
        record.take(other, cosign(other, [SIGNERS["w1"]], NOW))
    with pytest.raises(NoteError, match="does not hold"):
        record.take(bench.latest, cosign(a_checkpoint_of(bench.log, 299), [SIGNERS["w1"]], NOW))
    with pytest.raises(UnsignedError):
        record.take(bench.latest, cosign(bench.latest, [a_cosigner("witness.example/w9")], NOW))
    assert record.quorum() is None


def test_an_old_cosignature_does_not_take_the_place_of_a_newer(bench: Bench) -> None:
    old = bench.latest
    assert old is not None
    bench.grow()
    bench.round()

    bench.witnessing.record.take(old, cosign(old, list(SIGNERS.values()), NOW))

    assert bench.covered == 310
    assert bench.round() == dict.fromkeys(NAMES, Said.COSIGNED)


def test_a_successor_log_begins_anew(bench: Bench) -> None:
    """In the same home: what witnesses said of the earlier log neither counts nor speaks against it."""
    bench.round()
    roll_back(bench, 200)
    bench.round()
    assert bench.state() == (Grade.HARD, Cause.AHEAD)

    bench.at += timedelta(days=30)
    bench.origin, bench.log = "gateway.example/audit/2025-2", a_log(9)
    bench.sign()
    bench.hosts |= {f"{name}.example": bench.witness(name) for name in NAMES}
    bench.witnessing = bench.fresh()
    assert bench.state() == FINE

    assert bench.round() == dict.fromkeys(NAMES, Said.COSIGNED)
    assert (bench.covered, bench.state()) == (9, FINE)


def test_a_damaged_file_is_as_good_as_none(bench: Bench) -> None:
    bench.round()
    folder = bench.folder / "checkpoints" / "witnessed"
    for path in [*folder.glob("by/*"), folder / "latest"]:
        path.write_bytes(b"rubbish")
    bench.witnessing = bench.fresh()
    assert bench.state()[0] in {Grade.OK, Grade.HARD}

    assert bench.round() == dict.fromkeys(NAMES, Said.COSIGNED)
    assert bench.covered == 300
