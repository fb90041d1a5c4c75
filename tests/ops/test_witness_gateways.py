"""Departments' gateways witness each other: two homes, two listening gateways, HTTP between them; and by hand."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp
from typer.testing import CliRunner, Result

from audit.checkpoint import peek
from audit.events import DataRef, generation_adopted
from audit.note import parse
from audit.witnessing import Cause, Grade
from ops.cli.main import app
from ops.demo.office import found_home
from ops.doors import build
from ops.installing import migrate
from ops.settings import Home, Mode, ServeSettings, SettingsError, load
from ops.wiring import Gateway, wire
from ops.witnessing import Said
from tests.fakes import DrivenClock
from tests.homes import free_ports, until
from tests.make import NOW
from tests.tsa import a_tsa, read_question

NAMES = ("bianban", "renshe")


def bidui(*arguments: str | Path, code: int = 0) -> Result:
    """One of our commands, in this process."""
    with TemporaryDirectory() as folder:
        clock = Path(folder) / "clock"
        clock.write_text(NOW.isoformat())
        told = {"BIDUI_MODE": "test", "BIDUI_CLOCK": f"file:{clock}"}
        result = CliRunner(env=told).invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return result


@dataclass
class Side:
    """A department with a gateway of its own, that listens."""

    name: str
    home: Home
    port: int
    gateway: Gateway

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str | Path, code: int = 0) -> Result:
        return bidui("witness", *arguments, "--home", self.home.path, code=code)

    def grow(self) -> int:
        """One more entry, signed; the size."""
        draft = generation_adopted(
            generation="g",
            data=DataRef("cd" * 32, "2026-01-31T00:00:00Z"),
            manifest_sha256="ab" * 32,
            catalogue_version="1",
            catalogue_sha256="ab" * 32,
            records={"person": 1},
        )
        with self.gateway.desk.begin() as work:
            self.gateway.pipeline.recorder.ledger.append(work.ledger, [draft], self.home.clock.now())
            work.commit()
        return self.sign()

    def sign(self) -> int:
        self.gateway.signer.run_once()
        return peek(self.gateway.checkpoints.latest() or b"").size

    def round(self) -> dict[str, Said]:
        witnessing = self.gateway.witness.witnessing
        assert witnessing is not None

        async def once() -> None:
            await witnessing.round()
            await witnessing.close()

        asyncio.run(once())
        return {name: finding.said for name, finding in witnessing.findings.items()}

    def state(self) -> tuple[Grade, Cause]:
        witnessing = self.gateway.witness.witnessing
        assert witnessing is not None
        standing = witnessing.state(self.home.clock.now())
        return standing.grade, standing.cause

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.url}{path}", trust_env=False)

    def again(self) -> Side:
        """After a restart."""
        self.gateway.close()
        return replace(self, gateway=wire(self.home))


@pytest.fixture(scope="module")
def pattern() -> Iterator[Path]:
    """Two homes that trust each other's log and name each other as witness; made once."""
    with TemporaryDirectory(prefix="bidui-witness-") as folder:
        homes = {name: Home(path=Path(folder) / name, mode=Mode.TEST, clock=DrivenClock()) for name in NAMES}
        for (name, home), port in zip(homes.items(), free_ports(2), strict=True):
            found_home(home, origin=f"{name}.example/audit/1", issuer="https://gateway.example", port=port)
            migrate(home)
            bidui("witness", "init", "--name", f"witness.{name}.example", "--home", home.path)
        for name, home in homes.items():
            other = homes[NAMES[1 - NAMES.index(name)]]
            bidui("witness", "trust", other.path / "trust.json", "--home", home.path)
            vkey = (other.path / "witness" / "vkeys").read_text().splitlines()[-1]
            port = load(other, "serve.toml", ServeSettings).port
            written = Path(folder) / "policy"
            written.write_text(
                f"# 两家互相见证\nwitness other {vkey} http://127.0.0.1:{port}/v1/witness\nquorum other\n"
            )
            bidui("witness", "policy", written, "--home", home.path)
        yield Path(folder)


def listening(gateway: Gateway, port: int) -> AbstractContextManager[None]:
    return serving(build(gateway), port)


@contextmanager
def serving(application: ASGIApp, port: int) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def sides(pattern: Path, tmp_path: Path) -> Iterator[list[Side]]:
    made: list[Side] = []
    with ExitStack() as stack:
        for name in NAMES:
            shutil.copytree(pattern / name, tmp_path / name)
            home = Home(path=tmp_path / name, mode=Mode.TEST, clock=DrivenClock())
            gateway, port = wire(home), load(home, "serve.toml", ServeSettings).port
            stack.callback(gateway.close)
            stack.enter_context(listening(gateway, port))
            made.append(Side(name, home, port, gateway))
        yield made


def test_two_gateways_witness_each_other_over_http(sides: list[Side]) -> None:
    for turn in range(3):
        for side in sides:
            size = side.grow()
            assert side.round() == {"other": Said.COSIGNED}
            assert side.state() == (Grade.OK, Cause.NONE)

            shown = side.get("/v1/log/checkpoint?witnessed=true")
            assert shown.status_code == 200
            assert peek(shown.content).size == size == turn + 2
            assert len(parse(shown.content).signatures) == 3

    place = sha256(b"renshe.example/audit/1").hexdigest()
    assert peek(sides[0].get(f"/v1/witness/{place}/checkpoint").content).size == 4
    told = json.loads(sides[0].run("status", "--json").output)
    assert told["log"]["witnesses"] == {"other": 4}
    assert told["log"]["state"] == "ok"
    assert told["witness"]["logs"] == [{"origin": "renshe.example/audit/1", "size": 4}]
    assert sides[0].gateway.metrics.registry.get_sample_value("bidui_witness_requests_total", {"status": "200"}) == 3


def test_before_the_first_round_nothing_is_witnessed(sides: list[Side]) -> None:
    assert sides[0].get("/v1/log/checkpoint?witnessed=true").status_code == 404
    assert sides[0].get("/v1/log/checkpoint?witnessed=perhaps").status_code == 422
    assert sides[0].get(f"/v1/witness/{'0' * 64}/checkpoint").status_code == 404
    assert "尚未达到过法定数" in sides[0].run("status").output


def test_a_restore_of_everything_is_found_by_the_other_department(sides: list[Side], tmp_path: Path) -> None:
    """Database, checkpoints and all that witnesses said: everything of this machine is of an earlier day."""
    first = sides[0]
    first.grow()
    first.gateway.close()
    shutil.copytree(first.home.path, tmp_path / "backup")
    first = replace(first, gateway=wire(first.home))
    first.grow()
    assert first.round() == {"other": Said.COSIGNED}

    first.gateway.close()
    shutil.rmtree(first.home.path)
    shutil.copytree(tmp_path / "backup", first.home.path)
    first = replace(first, gateway=wire(first.home))
    first.sign()

    assert first.round() == {"other": Said.PROVES}
    assert first.state() == (Grade.HARD, Cause.AHEAD)
    assert "停止答复" in first.run("status", code=5).output
    first.gateway.watchman.look()
    assert first.gateway.pipeline.is_sealed
    first.grow()
    first.grow()  # longer than what was witnessed, and another history
    assert first.again().state() == (Grade.HARD, Cause.AHEAD)


BODIES = {
    "a megabyte": (b"old 0\n" + b"A" * (1 << 20), 413),
    "nothing": (b"", 400),
    "a stranger's": (b"old 0\n\nother.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n", 400),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES.keys())
def test_bad_bodies_are_answered_at_the_door(sides: list[Side], body: bytes, status: int) -> None:
    told = httpx2.post(f"{sides[0].url}/v1/witness/add-checkpoint", content=body, trust_env=False)

    assert told.status_code == status
    assert told.headers["content-type"] == "application/problem+json"


def test_the_size_is_told_as_the_specification_says(sides: list[Side]) -> None:
    size = sides[1].grow()
    sides[1].round()
    body = b"old 0\n\n" + (sides[1].gateway.checkpoints.latest() or b"")

    told = httpx2.post(f"{sides[0].url}/v1/witness/add-checkpoint", content=body, trust_env=False)

    assert (told.status_code, told.text, told.headers["content-type"]) == (409, f"{size}\n", "text/x.tlog.size")


def test_a_witness_whose_disk_breaks_says_503_and_cosigns_nothing(sides: list[Side]) -> None:
    (sides[0].home.checkpoints / "cosigned").write_text("a file where a folder should be")
    sides[1].grow()

    assert sides[1].round() == {"other": Said.DOWN}


# ------------------------------------------------------------------------------------------- by hand


def test_an_offline_witness_cosigns_what_is_carried_to_it(sides: list[Side], tmp_path: Path) -> None:
    side, isolated = sides[0], tmp_path / "isolated"
    isolated.mkdir()
    bidui("witness", "init", "--name", "offline.example", "--home", isolated)
    bidui("witness", "trust", side.home.path / "trust.json", "--home", isolated)
    vkey = (isolated / "witness" / "vkeys").read_text().splitlines()[0]
    policy = tmp_path / "policy"
    policy.write_text(f"witness safe {vkey}\nquorum safe\n")
    side.run("policy", policy)
    carried, back = tmp_path / "request", tmp_path / "cosigned"

    for _ in range(2):
        size = side.grow()
        side.run("request", "--witness", "safe", "--out", carried)
        bidui("witness", "cosign", carried, "--out", back, "--home", isolated)
        assert "已达法定数" in side.run("add", back).output
        assert json.loads(side.run("status", "--json").output)["log"]["witnessed"] == size

    bidui("witness", "verify", back, "--policy", policy, "--trust", side.home.path / "trust.json")
    stripped = tmp_path / "stripped"
    stripped.write_bytes(side.gateway.checkpoints.latest() or b"")
    bidui("witness", "verify", stripped, "--policy", policy, "--trust", side.home.path / "trust.json", code=2)
    changed = tmp_path / "changed"
    changed.write_bytes(back.read_bytes().replace(f"\n{size}\n".encode(), f"\n{size + 1}\n".encode()))
    bidui("witness", "verify", changed, "--policy", policy, "--trust", side.home.path / "trust.json", code=1)
    bidui("witness", "verify", back, "--policy", changed, code=3)
    bidui("witness", "verify", back, "--wrong", code=3)


def test_an_offline_witness_says_what_it_knows_and_refuses_another_history(sides: list[Side], tmp_path: Path) -> None:
    side, isolated = sides[0], tmp_path / "isolated"
    isolated.mkdir()
    bidui("witness", "init", "--name", "offline.example", "--home", isolated)
    carried, back = tmp_path / "request", tmp_path / "cosigned"
    side.grow()
    side.run("request", "--witness", "other", "--out", carried)
    assert "不认识" in bidui("witness", "cosign", carried, "--out", back, "--home", isolated, code=3).output
    bidui("witness", "trust", side.home.path / "trust.json", "--home", isolated)
    bidui("witness", "cosign", carried, "--out", back, "--home", isolated)
    size = side.grow()
    side.run("request", "--witness", "other", "--out", carried)

    told = bidui("witness", "cosign", carried, "--out", back, "--home", isolated, code=3).output
    assert f"见证到 {size - 1} 条" in told
    side.run("request", "--witness", "other", "--old", str(size - 1), "--out", carried)
    bidui("witness", "cosign", carried, "--out", back, "--home", isolated)
    parts = carried.read_bytes().partition(b"\n\n")
    (tmp_path / "proof").write_bytes(f"old {size}\n".encode())
    (tmp_path / "checkpoint").write_bytes(parts[2])
    bidui(
        *("witness", "cosign", tmp_path / "checkpoint", "--proof", tmp_path / "proof"),
        *("--out", back, "--home", isolated),
    )
    (tmp_path / "proof").write_bytes(f"old {size}\n{'A' * 43}=\n".encode())
    told = bidui(
        *("witness", "cosign", tmp_path / "checkpoint", "--proof", tmp_path / "proof"),
        *("--out", back, "--home", isolated),
        code=3,
    ).output
    assert "回退或分叉" in told


def test_a_checkpoint_is_stamped_and_the_stamp_checked_offline(sides: list[Side], tmp_path: Path) -> None:
    side, tsa = sides[0], a_tsa()
    size = side.grow()
    authority = tsa.write(side.home.path / "witness" / "tsa.pem")

    async def answer(request: Request) -> Response:
        imprint, nonce = read_question(await request.body())
        return Response(tsa.stamp(imprint, nonce))

    (port,) = free_ports(1)
    with serving(Starlette(routes=[Route("/", answer, methods=["POST"])]), port):
        assert f"{size} 条" in side.run("stamp", "--url", f"http://127.0.0.1:{port}/").output

    kept = side.home.checkpoints / "witnessed" / "stamps"
    checkpoint, stamp = kept / f"{size:016d}.checkpoint", kept / f"{size:016d}.tsr"
    bidui("witness", "check-stamp", checkpoint, stamp, "--tsa", authority)
    other = a_tsa().write(tmp_path / "other.pem")
    bidui("witness", "check-stamp", checkpoint, stamp, "--tsa", other, code=5)
    bidui("witness", "check-stamp", stamp, stamp, "--tsa", authority, code=5)
    side.run("stamp", "--url", f"http://127.0.0.1:{port}/", code=1)


def test_what_cannot_be_configured_says_why(sides: list[Side], tmp_path: Path) -> None:
    side, policy = sides[0], tmp_path / "policy"
    policy.write_text("quorum nobody\n")
    assert "line 1" in side.run("policy", policy, code=2).output
    vkey = (side.home.path / "witness" / "vkeys").read_text().splitlines()[0]
    policy.write_text(f"witness w {vkey} http://witness.example/\nquorum w\n")
    assert "https" in side.run("policy", policy, code=2).output
    policy.write_text("quorum none\n")
    assert "不会被发现" in side.run("policy", policy, "--check").output
    assert "one name" in side.run("init", "--name", "again.example", code=1).output
    assert side.run("trust", code=2).output
    assert side.run("request", "--witness", "nobody", "--out", tmp_path / "x", code=2).output
    assert side.run("forget", "other").output
    (side.home.path / "witness" / "policy").write_text("rubbish\n")
    with pytest.raises(SettingsError, match="witness/policy"):
        wire(side.home)
    (side.home.path / "witness" / "policy").unlink()
    assert "没有见证策略" in side.run("status").output
    assert side.run("request", "--witness", "other", "--out", tmp_path / "x", code=2).output
