"""The gateway as it is wired: what its tasks do beside the doors, and that none of them ever gets in a turn's way."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from adapters.keys.files import read_secret
from adapters.metrics import Metrics
from adapters.sealing.marks import Marks
from adapters.sealing.meter import Meter
from adapters.sql.engine import open_engine
from audit.entry import decode
from gateway.seal import SealingKey
from ops.doors import Measured, build
from ops.foundation import read_home_foundation
from ops.prove.homes import FINANCE, Stage, add_grant, copy_stage, credentials, limits
from ops.seal import SealingDesk, listen, serve_forever
from ops.serve import adopt, end, sign_once
from ops.settings import Home
from ops.wiring import Gateway, wire
from tests.doors import problem_of
from tests.fakes_audit import CountingEntropy
from tests.homes import edit, home_at
from tests.make import CATALOGUE

_keys = count(1)


@dataclass
class Slow:
    """A sealing process that takes its time when told to: each answer waits until it may go."""

    gate: threading.Event

    def __call__(self, desk: SealingDesk) -> SealingDesk:
        answer = desk.answer

        def answer_when_told(body: bytes) -> object:
            self.gate.wait(20)
            return answer(body)

        desk.answer = answer_when_told  # type: ignore[method-assign, assignment]  # the same, later
        return desk


@dataclass
class Wired:
    """A gateway over the staged league, with a sealing process in a thread of this one."""

    home: Home
    stage: Stage
    gateway: Gateway
    gate: threading.Event

    def body(self, place: int = 0, **changes: object) -> bytes:
        person = [each for each in self.stage.people if not each.cases and each.status == "在职"][place]
        members: dict[str, object] = {
            "grant": f"2026-{FINANCE.code}-001",
            "purpose": FINANCE.purpose,
            "operator": FINANCE.operator,
            "subject": {"kind": "person", "id": person.id_number, "name": person.name},
            "claims": [{"field": "person_status", "value": "在职"}],
        }
        return json.dumps(members | changes).encode()

    def ask(self, *requests: httpx2.Request) -> list[httpx2.Response]:
        """All at once, on one loop."""

        async def ask_all() -> list[httpx2.Response]:
            transport = httpx2.ASGITransport(app=build(self.gateway), raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as client:
                return list(await asyncio.gather(*(client.send(each) for each in requests)))

        return asyncio.run(ask_all())

    def comparison(self, place: int = 0, **changes: object) -> httpx2.Request:
        headers = credentials(self.home) | {"idempotency-key": f"key-{next(_keys)}"}
        return httpx2.Request(
            "POST", "http://gateway/v1/comparisons", headers=headers, content=self.body(place, **changes)
        )

    def get(self, path: str) -> httpx2.Request:
        return httpx2.Request("GET", f"http://gateway{path}", headers=credentials(self.home))

    def entries(self) -> list[dict[str, object]]:
        opened = [decode(each) for each in self.gateway.reader.entries(0, self.gateway.reader.head().size)]
        return [{str(key): value for key, value in each.items()} for each in opened if isinstance(each, dict)]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.gateway.metrics.registry.get_sample_value(name, labels)


@contextmanager
def a_wired(
    staged: Stage, folder: Path, database: str = "", *, reserve: int = 1, least_free: int = 1
) -> Iterator[Wired]:
    home = home_at(folder / "home")
    copy_stage(staged, home, database)
    with (home.path / "serve.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"reserve_megabytes = {reserve}\nleast_free_megabytes = {least_free}\n")
    gate = threading.Event()
    gate.set()
    with TemporaryDirectory(prefix="bidui-") as short:
        path = Path(short) / "seal.sock"
        edit(home.path / "seal.toml", 'socket = ""', f'socket = "{path}"')
        desk = SealingDesk(
            key=SealingKey(read_secret(home.keys / "seal" / "sealing.secret", None)),
            catalogue=CATALOGUE,
            foundation=read_home_foundation(home),
            marks=Marks(Path(short) / "marks.journal"),
            meter=Meter(Path(short) / "meter.journal"),
            clock=home.clock,
            entropy=CountingEntropy(),
        )
        server = listen(path)
        threading.Thread(target=serve_forever, args=(server, Slow(gate)(desk)), daemon=True).start()
        gateway = wire(home)
        yield Wired(home, staged, gateway, gate)
        gate.set()
        gateway.close()
        closer = getattr(gateway.pipeline.index, "close", None)
        if closer:
            closer()
        server.close()
        desk.close()


@pytest.fixture
def wired(staged: Stage, tmp_path: Path) -> Iterator[Wired]:
    with a_wired(staged, tmp_path) as made:
        yield made


# ---------------------------------------------------------------------------------------- as wired


def test_a_wired_gateway_answers_from_the_sealed_league(wired: Wired) -> None:
    (response,) = wired.ask(wired.comparison())

    assert response.status_code == 200
    assert response.json()["subject"] == "confirmed"
    assert response.json()["fields"] == {"name": "match", "person_status": "match"}


def test_a_wired_gateway_is_ready_and_says_what_is_not(wired: Wired) -> None:
    (ready,) = wired.ask(wired.get("/readyz"))
    assert (ready.status_code, ready.json()) == (
        200,
        {"ready": True, "checks": {"database": True, "index": True, "seal": True, "log": True}},
    )

    wired.gateway.pipeline.seal_log()

    (sealed,) = wired.ask(wired.get("/readyz"))
    assert sealed.status_code == 503
    assert sealed.json()["checks"]["log"] is False


def test_the_catalogue_counts_what_was_compared(wired: Wired) -> None:
    wired.ask(wired.comparison(0), wired.comparison(1), wired.comparison(0))

    (response,) = wired.ask(wired.get("/v1/catalogue"))

    (grant,) = response.json()["grants"]
    assert grant["subjects_per_day"]["limit"] - grant["subjects_per_day"]["left"] == 2
    assert grant["comparisons_per_day"]["limit"] - grant["comparisons_per_day"]["left"] == 3


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_other_doors_answer_while_a_turn_waits_for_sealing(
    staged: Stage, tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    """A turn holds its transaction open meanwhile: whoever else wants the store must neither break it nor wait."""
    database = request.getfixturevalue("postgres_url") if engine == "postgresql" else ""
    with a_wired(staged, tmp_path, database) as wired:
        wired.ask(wired.comparison())  # everybody is connected
        wired.gate.clear()

        async def story() -> tuple[httpx2.Response, list[httpx2.Response]]:
            transport = httpx2.ASGITransport(app=build(wired.gateway), raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as client:
                comparing = asyncio.create_task(client.send(wired.comparison(1)))
                await asyncio.sleep(0.1)
                assert not comparing.done()
                alive = await asyncio.wait_for(client.send(wired.get("/healthz")), 5)
                looking = asyncio.create_task(client.send(wired.get("/v1/catalogue")))
                await asyncio.sleep(0.1)
                wired.gate.set()
                return await asyncio.wait_for(comparing, 20), [alive, await asyncio.wait_for(looking, 20)]

        compared, others = asyncio.run(story())

        assert compared.status_code == 200
        assert compared.json()["subject"] == "confirmed"
        assert [each.status_code for each in others] == [200, 200]
        assert [entry["type"] for entry in wired.entries()].count("comparison.answered") == 2


def test_a_grant_that_is_widened_counts_from_the_next_turn_on(wired: Wired) -> None:
    number = add_grant(wired.home, "G-w", wired.stage, fields={"name": "核对", "unit": "核对"})
    claims = [{"field": "person_status", "value": "在职"}]
    (before,) = wired.ask(wired.comparison(grant=number, claims=claims))

    add_grant(wired.home, "G-w", wired.stage, fields=dict.fromkeys(["name", "unit", "person_status"], "核对"))
    (after,) = wired.ask(wired.comparison(grant=number, claims=claims))

    assert before.json()["fields"] == {"name": "match", "person_status": "not_authorised"}
    assert after.json()["fields"] == {"name": "match", "person_status": "match"}


def test_a_grant_that_is_narrowed_counts_from_the_next_turn_on(wired: Wired) -> None:
    number = add_grant(wired.home, "G-n", wired.stage)
    wired.ask(wired.comparison(grant=number))

    add_grant(wired.home, "G-n", wired.stage, limits=limits(day=1))

    told = wired.ask(wired.comparison(1, grant=number), wired.comparison(2, grant=number))
    assert [each.status_code for each in told] == [403, 403]
    assert problem_of(told[0])["reason"] == "quota"


def test_a_grant_written_by_sql_answers_nothing(wired: Wired) -> None:
    with closing(sqlite3.connect(wired.home.path / "data" / "control.sqlite")) as connection, connection:
        connection.execute(
            "INSERT INTO deed SELECT kind, 'G-sql', serial, attempt, state, deed, author, partner, 100000, changed, "
            "note FROM deed WHERE kind = 'grant' LIMIT 1"
        )
        connection.execute("UPDATE control SET epoch = epoch + 1")

    told = wired.ask(wired.comparison(), wired.comparison(grant="G-sql"))

    assert [each.status_code for each in told] == [503, 503]


# ---------------------------------------------------------------------------------------- signing and adopting


def test_what_is_new_in_the_log_is_signed(wired: Wired) -> None:
    sign_once(wired.gateway)
    before = wired.metric("bidui_log_entries")
    wired.ask(wired.comparison(0), wired.comparison(1))

    sign_once(wired.gateway)

    assert before is not None
    assert wired.metric("bidui_log_entries") == before + 2
    (proof,) = wired.ask(wired.get(f"/v1/log/proofs/inclusion?index={int(before)}"))
    assert proof.status_code == 200


def test_a_log_that_was_rolled_back_is_sealed_and_answers_nothing_more(wired: Wired) -> None:
    database = wired.home.path / "data" / "control.sqlite"
    wired.ask(wired.comparison())
    _checkpoint_wal(database)
    shutil.copy(database, wired.home.path / "backup")
    wired.ask(wired.comparison(1))
    sign_once(wired.gateway)
    assert wired.gateway.pipeline.is_sealed is False

    wired.gateway.close()
    for left in database.parent.glob("control.sqlite-*"):
        left.unlink()
    shutil.copy(wired.home.path / "backup", database)
    with closing(wire(wired.home)) as again:
        sign_once(again)

        assert again.pipeline.is_sealed is True
        wired.gateway = again
        (response,) = wired.ask(wired.comparison(2))
        assert response.status_code == 503
        assert wired.metric("bidui_log_sealed") == 1
        again.pipeline.index.close()


def _checkpoint_wal(database: Path) -> None:
    engine = open_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


def test_adopting_is_recorded_before_anything_is_answered_from_it(wired: Wired) -> None:
    old = wired.gateway.pipeline.index

    adopt(wired.gateway)

    entry = wired.entries()[-1]
    version = wired.gateway.pipeline.index.version
    assert entry["type"] == "generation.adopted"
    body = entry["body"]
    assert isinstance(body, dict)
    assert (body["generation"], body["manifest_sha256"]) == (version.generation, version.digest)
    assert wired.metric("bidui_data_time_seconds") == version.time.timestamp()
    old.close()


# ---------------------------------------------------------------------------------------- measuring


def measured(app: Callable[[Scope, Receive, Send], object], path: str, kind: str = "http") -> Metrics:
    metrics = Metrics()

    async def run() -> None:
        async def receive() -> Mapping[str, object]:
            return {"type": "http.request"}

        async def send(_: object) -> None:
            return None

        scope = {"type": kind, "path": path}
        with suppress(RuntimeError):
            await Measured(app, metrics, frozenset({"/healthz"}))(scope, receive, send)  # type: ignore[arg-type]  # ASGI

    asyncio.run(run())
    return metrics


def test_nothing_is_closed_while_the_thread_of_a_chore_works_on_it(staged: Stage, tmp_path: Path) -> None:
    """It would take the process down: a database's connection is closed by one thread and used by another."""
    home = home_at(tmp_path / "home")
    copy_stage(staged, home)
    gateway, has_begun, told = wire(home), threading.Event(), list[int]()

    def chore() -> None:
        has_begun.set()
        time.sleep(0.3)
        told.append(gateway.reader.head().size)

    async def begin_and_end() -> int:
        task = asyncio.create_task(asyncio.to_thread(chore))
        await asyncio.to_thread(has_begun.wait)
        await end(gateway, [task])
        return len(told)

    assert asyncio.run(begin_and_end()) == 1


async def fine(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


async def broken(_: Scope, __: Receive, ___: Send) -> None:
    raise RuntimeError


MEASURED: dict[str, tuple[Callable[[Scope, Receive, Send], object], str, str, str]] = {
    "a known route": (fine, "/healthz", "/healthz", "204"),
    "any other path is one": (fine, "/v1/persons/152921199001010018", "other", "204"),
    "what raised": (broken, "/healthz", "/healthz", "500"),
}


@pytest.mark.parametrize(("app", "path", "route", "status"), MEASURED.values(), ids=MEASURED)
def test_requests_are_measured_by_known_routes(
    app: Callable[[Scope, Receive, Send], object], path: str, route: str, status: str
) -> None:
    metrics = measured(app, path)

    assert metrics.registry.get_sample_value("bidui_requests_total", {"route": route, "status": status}) == 1
    assert path not in {
        sample.labels.get("route") for each in metrics.registry.collect() for sample in each.samples
    } - {route}


def test_what_is_no_request_is_not_measured() -> None:
    metrics = measured(fine, "/healthz", "lifespan")

    assert metrics.registry.get_sample_value("bidui_requests_total", {"route": "/healthz", "status": "204"}) is None
