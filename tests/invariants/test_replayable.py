"""Promise 13, replayable: time, randomness and keys come from outside, so the same story told again is the same log,
byte for byte; and a logged decision, judged again by the policy it names, comes out the same.

Where a person's disclosures were erased a replay says so, and by which entry: `tests/gateway/test_hindsight.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import cast

import pytest

from adapters.identity.registry import Registry
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.entry import JsonValue
from gateway.deeds.reading import DeedsReader
from gateway.domain.caller import Caller
from gateway.domain.query import Claim as QueryClaim
from gateway.domain.query import Query, Subject
from gateway.grants import Granted, judge
from gateway.partners import partners
from gateway.ports import Rights
from gateway.replaying.comparing import Verdict
from ops.foundation import read_home_foundation
from ops.office import open_office
from ops.prove.homes import LOCAL, limits
from policies.decision import Refusal
from tests.fakes import MemoryStore
from tests.gateway.replaying.recording import reading, recorded, some_days, watched_again
from tests.gateways import Assembled, a_gateway, code_of
from tests.invariants.doors import ROWS
from tests.invariants.logged import Json, Logged, log_size, logged
from tests.invariants.world import NOW, World
from tests.make import NAME, a_claim, a_grant, a_request
from tests.make import limits as small_limits

ROOT = Path(__file__).parents[2]
OUTSIDE = frozenset(
    "time_ns monotonic perf_counter urandom token_bytes token_hex randint getrandbits uuid1 uuid4 getenv".split()
)
"""Names that fetch time, randomness or surroundings from the machine."""
PLAIN = frozenset({"encode"})
"""What a text that is called `time` may do."""
MAY = {
    "policies/publication.py perf_counter": "how long the comparison with stock pycasbin took, told apart",
    "policies/stock.py Random": "a sample from a seed that is told with it",
    **{
        f"audit/standalone/program.py {name}": "the verifier that ships alone is a program of its own"
        for name in ("now", "open", "dup2", "devnull", "O_WRONLY")
    },
    "gateway/api/app.py monotonic": "how long a state of health is remembered",
}
LAST_SECOND = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)
"""Of the year in Shanghai; of a day like any other in UTC."""


def test_decisions_fetch_neither_time_nor_randomness_nor_surroundings() -> None:
    assert [place for place in fetched() if place not in MAY] == []


def a_story(folder: Path, seed: str, url: str = "") -> tuple[list[str], list[bytes]]:
    """A month of a gateway, drawn from a seed: turns of all sizes, a clock that moves on and once back."""
    rng = Random("the story")
    codes: list[str] = []
    with closing(a_gateway(folder, a_grant(limits=small_limits(day=9, month=60)), url=url, seed=seed)) as gateway:
        for number in range(1, 30):
            gateway.person(number, unit=rng.choice(["盟教育局", "盟财政局"]))
        for turn in range(25):
            names = [rng.choice([NAME, NAME, "王某"]) for _ in range(rng.randint(1, 5))]
            requests = [
                a_request(rng.randint(1, 35), name, [a_claim("unit", "盟教育局")], key=f"{turn}-{place}")
                for place, name in enumerate(names)
            ]
            codes += [code_of(reply) for reply in gateway.ask(*requests)]
            gateway.clock.pass_by(hours=rng.choice([-1, 1, 5, 30]))
        return codes, _entries(gateway, url)


@pytest.mark.parametrize("engine", ["", "sqlite_url", "postgres_url"], ids=["memory", "sqlite", "postgresql"])
def test_the_same_story_is_the_same_log_byte_for_byte(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    for name in ("first", "again", "otherwise"):
        (tmp_path / name).mkdir()

    first = a_story(tmp_path / "first", "one")
    again = a_story(tmp_path / "again", "one", request.getfixturevalue(engine) if engine else "")
    otherwise = a_story(tmp_path / "otherwise", "two")

    assert {"confirmed", "not_confirmed", "quota"} <= set(first[0])
    assert again == first
    assert otherwise[0] == first[0], "other random bytes must not change one decision"
    assert set(otherwise[1]).isdisjoint(first[1][1:])


def test_days_are_those_of_shanghai_and_the_driven_clock_decides(world: World) -> None:
    """Through the end of a month: quotas begin anew at midnight there, the log's time never goes back."""
    number, before = world.grant(limits=limits(day=2), valid_until=date(2027, 1, 1)), log_size(world.home)
    statuses: list[list[int]] = []
    try:
        for seconds in (0, 1, 0, 24 * 3600 + 1):
            world.move_to(LAST_SECOND + timedelta(seconds=seconds))
            people = world.people[len(statuses) * 3 :][:3]
            statuses.append([world.one(world.question(each, grant=number)).status for each in people])
    finally:
        world.move_to(NOW)

    assert statuses == [[200, 200, 403], [200, 200, 403], [403, 403, 403], [403, 403, 403]]
    times = [str(each.entry["log_time"]) for each in logged(world.home, before)]
    assert times == sorted(set(times))
    assert {path.stem for path in (world.home.keys / "serve" / "disclosure").iterdir()} >= {"2026-12", "2027-01"}


def test_every_logged_decision_judged_again_comes_out_the_same(world: World) -> None:
    before = log_size(world.home)
    for row in ROWS:
        row.told(world)
    world.ask(*(world.question(each) for each in world.people[:40]))

    replayed = list(replay(world, before))

    assert len([each for each in replayed if each.was == "answered"]) > 40
    assert {each.was for each in replayed} >= {"answered", "no_such_grant", "unknown_operator", "budget"}
    assert [each for each in replayed if not each.holds] == []


@dataclass(frozen=True)
class Replayed:
    """A logged decision: what it was, and whether it is the same when it is judged again."""

    index: JsonValue
    was: str
    holds: bool


def replay(world: World, start: int) -> Iterator[Replayed]:
    """Judges every comparison of the log again, from what its entry and its disclosures say."""
    rights, registry = world.gateway.pipeline.rights.load(), registry_of(world)
    for each in logged(world.home, start):
        if each.kind == "comparison.answered":
            yield Replayed(each.entry["seq"], "answered", _is_granted_again(each, rights, registry))
        elif each.kind == "comparison.refused":
            inner = cast("Json", each.secrets["inner"])
            yield Replayed(each.entry["seq"], str(inner["cause"]), _is_refused_again(each, inner, rights, registry))


def registry_of(world: World) -> Registry:
    """Who the callers are, by the deeds in force."""
    with closing(open_office(world.home).store) as store, store.begin() as work:
        reader = DeedsReader(read_home_foundation(world.home))
        return Registry(partners(reader.refresh(work.deeds, world.home.clock.now())))


def _is_granted_again(each: Logged, rights: Rights, registry: Registry) -> bool:
    verdict = _judged(each, rights, registry)
    policy = cast("Json", each.body["policy"])
    return (
        isinstance(verdict, Granted)
        and list(verdict.permit.rules) == each.body["rules"]
        and verdict.permit.policy.digest == policy["sha256"]
        and verdict.as_of.isoformat() == each.body["as_of"]
    )


def _is_refused_again(each: Logged, inner: Json, rights: Rights, registry: Registry) -> bool:
    """Of a spent budget the entry holds how much was used; what else refused must refuse again."""
    verdict = _judged(each, rights, registry)
    outcome = cast("Json", each.body["outcome"])
    if outcome["refused"] == "quota":
        return isinstance(verdict, Granted)
    stated_otherwise = each.body["grant"] is None or each.body["purpose"] is None
    return isinstance(verdict, Refusal) and (
        stated_otherwise or (verdict.reason, verdict.cause) == (outcome["refused"], inner["cause"])
    )


def _judged(each: Logged, rights: Rights, registry: Registry) -> Granted | Refusal:
    body = each.body
    fields = [(str(field), str(how)) for field, how in cast("list[list[str]]", body["fields"])]
    registered = registry.client(str(body["client"]))
    assert registered is not None
    partner = registered.partner
    caller = Caller(
        partner.code, str(body["client"]), partner.department, partner.operators, LOCAL, str(body["network"])
    )
    as_of = body["as_of"]
    query = Query(
        grant=str(body["grant"] or "?"),
        purpose=str(body["purpose"] or "?"),
        operator=str(each.secrets["operator"]),
        matter=cast("str | None", each.secrets["matter"]) or None,
        as_of=None if as_of is None else date.fromisoformat(str(as_of)),
        subject=Subject(str(body["kind"]), str(each.secrets["subject"]), ()),
        gate_fields=("name",) if body["kind"] == "person" else (),
        claims=tuple(QueryClaim(field, how, "") for field, how in fields if field != "name"),
        asked=tuple(fields),
    )
    at = datetime.fromisoformat(str(each.entry["time"]))
    data_time = datetime.fromisoformat(str(cast("Json", body["data"])["time"]))
    return judge(query, caller, rights, at, data_time)


def _entries(gateway: Assembled, url: str) -> list[bytes]:
    """All entries, whatever they are stored in."""
    if isinstance(gateway.store, MemoryStore):
        return [row.entry for row in gateway.store.ledger.rows]
    reader = SqlLedgerReader.open(url)
    try:
        return list(reader.entries(0, reader.head().size))
    finally:
        reader.close()


def fetched() -> Iterator[str]:
    """Where the rooms that decide name something that fetches from the machine."""
    for room in ("gateway", "policies", "audit"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if (name := _fetches(node)) is not None:
                    yield f"{path.relative_to(ROOT).as_posix()} {name}"


def _fetches(node: ast.AST) -> str | None:
    match node:
        case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr="now" | "today" | "utcnow" as name):
            return name
        case ast.Attribute(value=ast.Name(id="time" | "random" | "secrets" | "os" | "uuid"), attr=name):
            return name if name not in PLAIN else None
        case ast.Name(id=name) if name in OUTSIDE:
            return name
        case _:
            return None


# ---------------------------------------------------------------------------------------- the watch, once more


def test_the_watch_comes_to_the_same_incidents_once_more(tmp_path: Path, sqlite_url: str) -> None:
    """Days with trips and releases; tests/gateway/replaying has the altered ones, the erased ones, and PostgreSQL."""
    gateway = recorded(tmp_path, sqlite_url)
    told = some_days(gateway, sqlite_url)
    gateway.close()

    with reading(sqlite_url) as reader:
        found, _ = watched_again(gateway, reader)

    assert {"held", "frozen"} < set(told)
    assert (found.verdict, found.different) == (Verdict.IDENTICAL, 0)
    assert found.identical > 3
