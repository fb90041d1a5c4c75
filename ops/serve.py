"""`bidui serve`: the gateway's process. Beside the doors run chores: signing, adopting, forgetting, hanging up."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, cast

import structlog
import uvicorn
from starlette.types import ASGIApp

from adapters.http import hang_up
from adapters.identity.tls import CertificateProtocol, tls_context
from adapters.index.generations import OpenIndex
from adapters.keys.files import KeyFileError
from adapters.lane import Lane, LaneProtocol
from audit.errors import AuditError
from audit.events import generation_adopted
from gateway.api.app import ROUTES
from gateway.deeds.document import Document
from gateway.deeds.errors import DeedError
from gateway.record import data_ref
from ops.checks import sweep
from ops.doors import Measured, Queue, build, lane
from ops.sealing_child import SealingChild
from ops.settings import Mode
from ops.stating import Stating
from ops.sweeping import SWEEP_SECONDS, Sweeping
from ops.throttling import THROTTLE_SECONDS, tell_throttled
from ops.wiring import Gateway, open_generation
from ops.witnessing import ROUND_SECONDS

SWITCH_SECONDS = 0.0005
"""How long a thread of a chore may keep the interpreter from the loop."""
GC_ALLOCATIONS = 20_000
"""Values of a request die by reference count; a collection every 700 allocations only looks at them in vain."""
ADOPT_SECONDS = 1.0
FORGET_SECONDS = 600.0
ERASE_SECONDS = 3600.0
FOLLOW_SECONDS = 0.5
INDEX_SECONDS = 1.0
STATE_SECONDS = 5.0
TEND_SECONDS = 10.0
CHECK_SECONDS = 60.0

log = structlog.get_logger()


class Server(uvicorn.Server):
    """uvicorn's server, which would let the signal that stopped it kill the process before the last signature."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stops on SIGTERM and SIGINT, and leaves it at that."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self.handle_exit, each, None)
        yield


async def run(gateway: Gateway, child: SealingChild, ready: Callable[[int], None] = lambda _: None) -> None:
    """Serves until the process is told to stop."""
    queue = Queue(gateway)
    follow_at_once(gateway)
    app = Measured(build(gateway, queue), gateway.metrics, ROUTES)
    server = Server(_config(gateway, app, lane(gateway, queue)))
    _require_free(gateway.settings.host, gateway.settings.port)
    _require_free(gateway.settings.metrics_host, gateway.settings.metrics_port)
    gateway.metrics.serve(gateway.settings.metrics_host, gateway.settings.metrics_port)
    await asyncio.to_thread(gateway.watchman.start)
    gateway.notifying.start()
    if gateway.generation:
        await asyncio.to_thread(announce, gateway, gateway.generation)
    with ExitStack() as stack:
        chores = [
            _adopt(gateway),
            _forget(gateway),
            _follow(gateway),
            _witness(gateway),
            _index(gateway),
            _erase(gateway),
            _state(gateway),
            _tend(gateway),
            _check(gateway),
            _sweep(gateway),
            _every(THROTTLE_SECONDS, lambda: tell_throttled(gateway)),
            _hang_up(server),
            _announce(server, ready),
        ]
        if gateway.home.mode is not Mode.PRODUCTION:
            chores.append(_watch(stack.enter_context(child)))
        await _serve(server, gateway, [asyncio.create_task(each) for each in chores])


def _require_free(host: str, port: int) -> None:
    """Raises `OSError` that names the port, which the servers' own errors do not."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(f"端口 {host}:{port} 不能使用（{error.strerror}），请改 serve.toml") from None


async def _serve(server: uvicorn.Server, gateway: Gateway, tasks: list[asyncio.Task[None]]) -> None:
    # A full pass over the start-up heap costs 40 ms; frozen, it is never made again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 50, 100)
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        await server.serve()
    finally:
        await end(gateway, tasks)


async def end(gateway: Gateway, tasks: list[asyncio.Task[None]]) -> None:
    """Ends the chores, signs what is new, and closes everything once no thread works on it. The last on this loop."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(gateway.notifying.stop)
    await asyncio.to_thread(gateway.watchman.stop)
    await asyncio.to_thread(gateway.watchman.sign_last)
    # The thread of a chore that was cancelled works on, and a database closed under it takes the process down.
    await asyncio.get_running_loop().shutdown_default_executor()
    gateway.close()


def sign_once(gateway: Gateway) -> None:
    """Signs what is new in the log, and looks at everything else. A log that is not what was signed is sealed."""
    gateway.watchman.look()


def adopt(gateway: Gateway) -> None:
    """Answers from the newest generation from now on, and says so in the log first."""
    index = open_generation(gateway.generations, gateway.catalogue, gateway.pipeline.index)
    announce(gateway, index)
    gateway.adopt(index)


def announce(gateway: Gateway, index: OpenIndex) -> None:
    """Writes into the log which state of the register this node answers from."""
    manifest, version = index.manifest, index.version
    draft = generation_adopted(
        generation=version.generation,
        data=data_ref(version),
        manifest_sha256=version.digest,
        catalogue_version=manifest.catalogue.version,
        catalogue_sha256=manifest.catalogue.digest,
        records={kind: content.records for kind, content in manifest.kinds.items()},
    )
    with gateway.desk.begin() as work:
        gateway.pipeline.recorder.ledger.append(work.ledger, [draft], gateway.home.clock.now())
        work.commit()
    gateway.metrics.adopted(version.time.timestamp())
    log.info("generation_adopted", generation=version.generation, data_version=version.digest)


async def _adopt(gateway: Gateway) -> None:
    async def look() -> None:
        newest = await asyncio.to_thread(gateway.generations.newest)
        if newest and newest != gateway.pipeline.index.version.digest:
            await asyncio.to_thread(adopt, gateway)

    await _every(ADOPT_SECONDS, look)


async def _forget(gateway: Gateway) -> None:
    def forget() -> None:
        with gateway.desk.begin() as work:
            work.answers.forget(int(gateway.home.clock.now().timestamp()))
            work.commit()
        gateway.identity.forget()

    await _every(FORGET_SECONDS, lambda: asyncio.to_thread(forget))


async def _follow(gateway: Gateway) -> None:
    """Lets a new system in, and an ended one or a revoked token out, also while nobody compares anything."""

    async def look() -> None:
        await asyncio.to_thread(gateway.identity.refresh)
        gateway.pipeline.follow(await asyncio.to_thread(gateway.rights.epoch))

    await _every(FOLLOW_SECONDS, look)


async def _index(gateway: Gateway) -> None:
    """Keeps the officers' search near the head, so that a search has little to catch up with."""

    def follow() -> None:
        try:
            gateway.people.trail.indexer.follow(INDEX_SECONDS)
        except KeyFileError as error:
            log.warning("task_failed", error=type(error).__name__)

    await _every(INDEX_SECONDS, lambda: asyncio.to_thread(follow))


def follow_at_once(gateway: Gateway) -> None:
    """Has this node load the rights as soon as something came into force by its own doors."""
    loop = asyncio.get_running_loop()

    def arrived(_: Document) -> None:
        loop.call_soon_threadsafe(lambda: gateway.pipeline.follow(gateway.rights.epoch()))

    gateway.people.office.arrived = arrived


async def _witness(gateway: Gateway) -> None:
    """Asks the witnesses, if there are any; none of them holds up anything but this."""
    witnessing = gateway.witness.witnessing
    if witnessing is None:
        return

    async def look() -> None:
        try:
            await witnessing.round()
        except AuditError as error:
            log.warning("task_failed", error=type(error).__name__)

    try:
        await _every(ROUND_SECONDS, look)
    finally:
        await witnessing.close()


async def _state(gateway: Gateway) -> None:
    stating = Stating(gateway)
    await _every(STATE_SECONDS, lambda: asyncio.to_thread(stating.run_once))


async def _sweep(gateway: Gateway) -> None:
    sweeping = Sweeping(gateway)
    await _every(SWEEP_SECONDS, lambda: asyncio.to_thread(sweeping.run_once))


async def _check(gateway: Gateway) -> None:
    """Fails spot checks whose document never came. A log that is sealed takes nothing in."""

    def look() -> None:
        if not gateway.pipeline.is_sealed:
            try:
                sweep(gateway.people.checks, gateway.metrics)
            except (DeedError, AuditError, KeyFileError) as error:
                log.warning("task_failed", error=type(error).__name__)

    await _every(CHECK_SECONDS, lambda: asyncio.to_thread(look))


async def _tend(gateway: Gateway) -> None:
    """Freezes what was held for too long, and tells what became of incidents."""
    tending = gateway.people.tending()

    def tend() -> None:
        if gateway.pipeline.is_sealed:
            return
        try:
            for each in tending.run_once():
                log.warning("incident_changed", incident=each.number, state=each.state.value)
            frozen = [each.is_frozen for each in tending.board.lying().values()]
            gateway.metrics.stopped(frozen.count(False), frozen.count(True))
        except (DeedError, AuditError, KeyFileError) as error:
            log.warning("task_failed", error=type(error).__name__)

    await _every(TEND_SECONDS, lambda: asyncio.to_thread(tend))


async def _erase(gateway: Gateway) -> None:
    """Finishes erasures that a crash, a restored key file or the legal floor left open, now and every hour."""

    def finish() -> None:
        try:
            for erased in gateway.people.custody.erasing.finish():
                log.info("erased", size=erased.erased)
        except (DeedError, AuditError, KeyFileError) as error:
            log.warning("task_failed", error=type(error).__name__)

    await _every(ERASE_SECONDS, lambda: asyncio.to_thread(finish))


async def _hang_up(server: uvicorn.Server) -> None:
    async def look() -> None:
        hang_up(server.server_state.connections, asyncio.get_running_loop().time())

    await _every(ADOPT_SECONDS, look)


async def _watch(child: SealingChild) -> None:
    async def look() -> None:
        child.look()

    await _every(ADOPT_SECONDS, look)


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await act()
        except Exception as error:  # noqa: BLE001 - a chore that ended for good would end unseen
            log.warning("task_failed", error=type(error).__name__)
        await asyncio.sleep(seconds)


async def _announce(server: uvicorn.Server, ready: Callable[[int], None]) -> None:
    while not server.started:
        await asyncio.sleep(0.01)
    ready(server.servers[0].sockets[0].getsockname()[1])


def _config(gateway: Gateway, app: ASGIApp, way: Lane) -> uvicorn.Config:
    settings, keys = gateway.settings, gateway.home.keys
    context = None
    if settings.tls:
        context = tls_context(
            certificate=keys / "tls.crt",
            key=keys / "serve" / "tls.pem",
            client_authorities=keys / "authority.crt",
            password=gateway.passphrase.reveal if gateway.passphrase else None,
            is_required=not settings.certificate_optional,
        )
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        # A class or what makes one: uvicorn calls it either way.
        http=cast("Any", partial(CertificateProtocol if settings.tls else LaneProtocol, lane=way)),
        ssl_context_factory=context,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        lifespan="off",
    )
