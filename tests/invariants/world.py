"""A small real home that the promises are tried on: a league of 300 persons, four departments, sealed, with grants.

Everything in it is the product's own: keys, sync, index, sealing process, wiring and doors. Only the wire is left
out: requests are handed to the ASGI application in this process, so that a test holds every byte of every response.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from starlette.types import ASGIApp, Message, Scope

from adapters.clock import FileClock
from adapters.index.directory import read_current
from adapters.index.postgres import PostgresIndex, mirror
from adapters.keys.files import read_ed25519_public
from adapters.keys.ring import decoy_key
from gateway.api.app import ROUTES
from ops.demo.person import Person
from ops.demo.staging import Department
from ops.doors import Measured, build
from ops.prove.homes import FINANCE, LOCAL, Stage, add_grant, copy_stage, credentials
from ops.prove.programs import Program, start_seal
from ops.serve import adopt
from ops.settings import Home, Mode
from ops.wiring import Gateway, wire
from tests.gateways import LENIENT

NOW = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
"""10:00 on a Tuesday in Shanghai, a month after the league was described."""

Claim = tuple[str, object] | tuple[str, object, str]
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Told:
    """One response, as a caller gets it, and what it is the response to."""

    asked: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        opened = json.loads(self.body)
        assert isinstance(opened, dict)
        return opened

    @property
    def codes(self) -> tuple[object, object]:
        """Subject and fields of an answer."""
        return self.json["subject"], self.json["fields"]


@dataclass(frozen=True, slots=True)
class Asking:
    """A request on its way: its ASGI scope, and its body in as many pieces as it arrives in."""

    scope: Scope
    pieces: tuple[bytes, ...] = (b"",)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


@dataclass(kw_only=True)
class World:
    """A gateway in this process with its sealing process beside it. `heard` is every response it ever gave."""

    engine: str
    stage: Stage
    home: Home
    gateway: Gateway
    doors: ASGIApp
    seal: Program
    loop: asyncio.AbstractEventLoop
    heard: list[Told] = field(default_factory=list, repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _proofs: dict[tuple[str, datetime], list[tuple[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app = Measured(self.doors, self.gateway.metrics, ROUTES)

    @property
    def people(self) -> tuple[Person, ...]:
        return self.stage.people

    def plain_person(self, place: int = 0) -> Person:
        """Somebody in office with nothing awkward about them; another place, another person."""
        return [each for each in self.people if not each.cases and each.status == "在职"][place]

    def unit_name(self, person: Person) -> str:
        """What the register calls the unit of their main post."""
        code = person.main_post.organisation
        return next(each.name for each in self.stage.league.organisations if each.code == code)

    def unit_without(self, person: Person) -> str:
        """The code of an organisation that is neither theirs nor above any of theirs."""
        above = {code for post in person.posts for code in self.stage.league.path(post.organisation).split("/")}
        return next(each.code for each in reversed(self.stage.league.organisations) if each.code not in above)

    def grant(self, **changes: object) -> str:
        """Loads a grant of finance that no other test uses, with these changes; its number."""
        with self.now():
            return add_grant(self.home, f"T-{next(self._numbers):04}", self.stage, FINANCE, **changes)

    @contextmanager
    def now(self) -> Iterator[None]:
        """People sign at `NOW`, whatever the hour: once the clock is back, nobody would believe a later signature."""
        at = self.home.clock.now()
        self.move_to(NOW)
        try:
            yield
        finally:
            self.move_to(at)

    def ask(self, *askings: Asking) -> list[Told]:
        """All of them at once, so that they meet in one turn."""
        told = self.loop.run_until_complete(ask_all(self.app, askings))
        self.heard += told
        return told

    def one(self, asking: Asking) -> Told:
        """One alone."""
        return self.ask(asking)[0]

    def get(self, path: str, headers: Headers = ()) -> Told:
        """One GET."""
        return self.one(Asking(a_scope("GET", path, headers)))

    def compare(self, body: bytes, department: Department = FINANCE, key: str = "") -> Asking:
        """A body on its way to the comparison's door, sent by this department's system."""
        headers = [*self.credentials(department), ("idempotency-key", key or f"key-{next(self._numbers)}")]
        return Asking(a_scope("POST", "/v1/comparisons", headers), (body,))

    def question(
        self,
        person: Person,
        *claims: Claim,
        department: Department = FINANCE,
        key: str = "",
        **changes: object,
    ) -> Asking:
        """A comparison of somebody; changes are members of the body, `id` and `name` those of the subject."""
        return self.compare(self.body(person, *claims, department=department, **changes), department, key)

    def body(self, person: Person, *claims: Claim, **changes: object) -> bytes:
        """The JSON of a comparison; `None` leaves a member out."""
        department = changes.pop("department", FINANCE)
        assert isinstance(department, Department)
        members: dict[str, object] = {
            "grant": f"2026-{department.code}-001",
            "purpose": department.purpose,
            "operator": department.operator,
            "subject": {
                "kind": changes.pop("kind", "person"),
                "id": changes.pop("id", person.id_number),
                "name": changes.pop("name", person.name),
            },
            "claims": [
                dict(zip(("field", "value", "comparator"), claim, strict=False))
                for claim in claims or [("person_status", "在职")]
            ],
        }
        members |= changes
        return json.dumps(_without_none(members), ensure_ascii=False).encode()

    def credentials(self, department: Department = FINANCE) -> list[tuple[str, str]]:
        """The headers that prove this department's system, with a token that is good at this hour."""
        key = department.code, self.home.clock.now()
        if key not in self._proofs:
            self._proofs[key] = list(credentials(self.home, department).items())
        return self._proofs[key]

    def move_to(self, at: datetime) -> None:
        """Moves the clock of every process of this home."""
        set_clock(self.home, at)

    def adopt(self) -> None:
        """Answers from the newest generation from now on, as the task beside the doors sees to."""
        old = self.gateway.pipeline.index
        adopt(self.gateway)
        if isinstance(old, PostgresIndex):
            old.close()
            self.gateway.pipeline.index = index_in(self.home.database_url(self.gateway.settings), self.home)

    def sign(self) -> None:
        """Signs a checkpoint, as the task beside the doors does."""
        outcome = self.gateway.signer.run_once()
        assert outcome.state in {"signed", "unchanged"}, outcome.cause


@contextmanager
def a_world(stage: Stage, folder: Path, engine: str, database: str = "") -> Iterator[World]:
    """A world on one engine; its control database is at this URL, or the home's own file."""
    home = home_at(folder / "home")
    copy_stage(stage, home, database)
    seal, loop = start_seal(home), asyncio.new_event_loop()
    gateway = wire(home)
    # Promises are tried by questions that no honest partner asks, and nobody is to be stopped on the way.
    gateway.pipeline.watch.limits = gateway.pipeline.spot_checks.limits = gateway.throttle.limits = LENIENT
    try:
        if engine == "postgresql":
            gateway.pipeline.index = index_in(database, home)
        yield World(engine=engine, stage=stage, home=home, gateway=gateway, doors=build(gateway), seal=seal, loop=loop)
    finally:
        seal.stop()
        close = getattr(gateway.pipeline.index, "close", None)
        if close:
            close()
        gateway.close()
        loop.close()


def home_at(path: Path, at: datetime = NOW) -> Home:
    """A home in test mode with a clock of its own, which stands still."""
    path.parent.mkdir(parents=True, exist_ok=True)
    home = Home(path=path, mode=Mode.TEST, clock=FileClock(path.with_name(f"{path.name}.clock")))
    set_clock(home, at)
    return home


def set_clock(home: Home, at: datetime) -> None:
    """Moves the clock of a home, for every process that reads it."""
    assert isinstance(home.clock, FileClock)
    new = home.clock.path.with_suffix(".new")
    new.write_text(at.isoformat())
    new.replace(home.clock.path)


def a_scope(method: str, path: str, headers: Headers = ()) -> Scope:
    """What the server would tell the application about a request."""
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode("latin-1"),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": (LOCAL, 50_000),
        "server": (LOCAL, 8420),
        "state": {},
        "extensions": {},
    }


def index_in(database: str, home: Home) -> PostgresIndex:
    """The current generation, mirrored into this database."""
    key = read_ed25519_public(home.keys / "sync.pub")
    mirror(database, read_current(home.index, key))
    return PostgresIndex.open(database, key, decoys=decoy_key(home.path))


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    return value


async def ask_all(app: ASGIApp, askings: Sequence[Asking]) -> list[Told]:
    """Hands all requests to an application at once, and waits for every response."""
    return list(await asyncio.gather(*(_call(app, each) for each in askings)))


async def _call(app: ASGIApp, asking: Asking) -> Told:
    pieces = list(asking.pieces)
    sent: list[Message] = []

    async def receive() -> Message:
        if not pieces:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(asking.scope, receive, send)
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in sent[0]["headers"])
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Told(f"{asking.scope['method']} {asking.scope['path']}", sent[0]["status"], headers, body)
