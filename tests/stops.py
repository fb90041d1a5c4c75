"""A watch that stops somebody in a world that people look back over."""

from __future__ import annotations

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.steps import RELEASE
from gateway.domain.incident import Incident
from gateway.domain.people import Duty
from gateway.domain.standing import Stop
from gateway.watching import Watch
from tests.bygones import Bygones
from tests.gateways import WATCH_KEY
from tests.make import CATALOGUE, a_request, an_id

STRANGERS = 500
"""Numbers from here on are in no register."""


def watched(world: Bygones) -> Bygones:
    """The same world under the watch as it is delivered."""
    world.pipeline.watch = Watch(WATCH_KEY, CATALOGUE)
    return world


def harvest(world: Bygones, start: int = STRANGERS, count: int = 80) -> list[int]:
    """Strangers are asked about, one after the other, until the watch stops it; the entries of what was asked."""
    entries = list[int]()
    for number in range(start, start + count):
        entries.append(world.ledger.head().size)
        ask(world, number)
        if world.ledger.head().size > entries[-1] + 1:
            return entries
    raise AssertionError("the watch stopped nothing")


def ask(world: Bygones, number: int) -> int:
    """One comparison; the index of its entry."""
    entry, known = world.ledger.head().size, world.caller()
    subject: dict[str, object] = {"kind": "person", "id": an_id(number), "name": "张三"}
    told = {"grant": "G-1", "purpose": "payroll-check", "operator": "cz-wang", "subject": subject, "caller": known}
    world.put(a_request(1, key=None, **told))  # type: ignore[arg-type]  # a table of changes
    return entry


def lying_now(world: Bygones) -> Stop:
    """The one response that lies there."""
    (stop,) = world.bygone.lying().values()
    return stop


def incident_of(world: Bygones, stop: Stop) -> Incident:
    found = world.bygone.responses.history.incident(stop.incident)
    assert found is not None
    return found


def release(world: Bygones, stop: Stop, **also: JsonValue) -> int:
    """Two people let it go on; the index of the entry that says so."""
    content: dict[str, JsonValue] = {"frozen": False, "incident": stop.incident, **also}
    duties = Duty.SECURITY_ADMIN, Duty.LEADER
    return world.put_in_force(Kind.FREEZE, stop.target, content, *duties, path=RELEASE, reason="已核实")
