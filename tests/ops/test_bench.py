"""The bench measures what it says, on sizes so small that no figure means anything; no time is ever judged here."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from adapters.clock import SystemClock
from gateway.api.body import parse
from gateway.domain.query import parse_query
from ops.bench import leaks, path, stages, sync, timing
from ops.bench.auc import auc
from ops.bench.figures import BenchError, Check, Figure, Report
from ops.bench.ledger_figures import verify
from ops.bench.ledger_home import grow, size_of
from ops.bench.ledger_writing import TURN, durable, processor_us
from ops.bench.memory import MemoryWatch
from ops.bench.persons import CLAIMED, Persons, unit_tree
from ops.bench.probing import Connection
from ops.bench.questions import bodies, body
from ops.bench.stopwatch import Stopwatch
from ops.bench.watching import cpu_seconds, family
from ops.cli.bench import tell
from ops.settings import Home, Mode
from policies.catalogue import load_catalogue

CATALOGUE = load_catalogue()
PERSONS = Persons(CATALOGUE)
SOME = (0, 1, 13, 14, 999, 359_999, 360_000, 999_999)
times = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=30)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One work folder, so that the home is built once."""
    return tmp_path_factory.mktemp("bench")


# ---------------------------------------------------------------------------------------------- persons, questions


@pytest.mark.parametrize("person", SOME)
def test_values_of_a_person_are_canonical(person: int) -> None:
    values = PERSONS.values(person)

    assert {key: CATALOGUE.fields[key].normalise(value) for key, value in values.items()} == values
    assert CATALOGUE.identifier("person", PERSONS.number(person)) == PERSONS.number(person)
    assert len(values) == 20


def test_no_two_persons_have_one_number() -> None:
    numbers = {PERSONS.number(person) for start in (0, 359_000, 990_000) for person in range(start, start + 3000)}

    assert len(numbers) == 9000


def test_every_unit_of_a_person_is_in_the_tree() -> None:
    tree = unit_tree()

    for person in range(200):
        unit, *above = PERSONS.facts(person).units
        assert [tree[unit], tree[tree[unit]]] == above
        assert unit.startswith(PERSONS.banner(person))


def test_questions_are_different_and_readable() -> None:
    made = bodies(PERSONS, 300, 200)

    queries = [parse_query(parse(each), CATALOGUE) for each in made]
    present = {PERSONS.number(person) for person in range(300)}
    assert len(set(made)) == 200
    assert all(tuple(claim.field for claim in query.claims) == CLAIMED for query in queries)
    assert {query.subject.number in present for query in queries} == {True, False}


def test_a_wrong_claim_is_one_wrong_claim() -> None:
    right, wrong = (parse_query(parse(body(PERSONS, 7, wrong=each)), CATALOGUE).claims for each in (False, True))

    assert sum(one != other for one, other in zip(right, wrong, strict=True)) == 1


# ------------------------------------------------------------------------------------------------- figures, clocks

AREAS = {
    "alike": ([1, 2, 3], [1, 2, 3], 0.5),
    "always slower": ([1, 2, 3], [4, 5, 6], 1.0),
    "always faster": ([4, 5, 6], [1, 2, 3], 0.0),
    "all one": ([5, 5], [5, 5], 0.5),
}


@pytest.mark.parametrize("case", AREAS)
def test_auc_of_known_cases(case: str) -> None:
    first, second, wanted = AREAS[case]

    area = auc(first, second)

    assert area.value == pytest.approx(wanted)
    assert area.low <= area.value <= area.high


@given(times)
def test_auc_is_the_share_of_pairs_in_order(pairs: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]

    wins = sum((b > a) + (b == a) / 2 for a in first for b in second)

    assert auc(first, second).value == pytest.approx(wins / len(pairs) ** 2)
    assert auc(second, first).value == pytest.approx(1 - wins / len(pairs) ** 2)


CHECKS = {
    "at the least": (Check("x", 0.65, least=0.65), True),
    "below": (Check("x", 0.64, least=0.65), False),
    "at the most": (Check("x", 1.8, most=1.8), True),
    "above": (Check("x", 1.9, most=1.8), False),
    "between": (Check("x", 0.5, least=0.45, most=0.55), True),
    "outside": (Check("x", 0.56, least=0.45, most=0.55), False),
}


@pytest.mark.parametrize("case", CHECKS)
def test_a_check_holds_within_its_limits(case: str) -> None:
    check, holds = CHECKS[case]

    assert check.holds is holds
    assert str(check).startswith("ok" if holds else "MISS")


@pytest.mark.parametrize(("value", "check", "code"), [(1, True, 0), (3, True, 1), (3, False, 0)])
def test_only_a_check_that_was_asked_for_fails(
    value: float, check: bool, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Report(
        part="part", sizes={"n": 1}, tables={"t": {"f": Figure.of([1, 2, 9])}}, checks=[Check("x", value, most=2)]
    )

    try:
        tell([lambda: report], check=check, as_json=False)
        left = 0
    except typer.Exit as end:
        left = end.exit_code

    assert left == code
    assert "2.000 (1.000-9.000)" in capsys.readouterr().out


def test_a_stage_does_not_count_the_stages_inside_it() -> None:
    class Part:
        def outer(self) -> str:
            return self.inner() + "!"

        def inner(self) -> str:
            return "done"

    part, watch = Part(), Stopwatch()
    watch.wrap(part, "outer", "outer")
    watch.wrap(part, "inner", "inner")

    assert part.outer() == "done!"
    assert list(watch.take()) == ["outer", "inner"]
    assert not watch.take()
    with pytest.raises(BenchError, match="no gone"):
        watch.wrap(part, "gone", "outer")


def test_a_family_is_found_and_costs_something() -> None:
    spin = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", spin], stdin=subprocess.PIPE) as parent:
        with MemoryWatch(parent.pid) as memory:
            while len(family(parent.pid)) < 2 or not memory.rss:
                assert parent.poll() is None
        seconds = cpu_seconds(family(parent.pid))
        parent.communicate(b"\n")

    assert seconds > 0
    assert memory.rss >= memory.pss > 0
    assert cpu_seconds([parent.pid]) == 0


# ------------------------------------------------------------------------------------------------- the parts, small


@pytest.mark.slow
def test_every_stage_of_a_turn_is_timed(work: Path) -> None:
    report = stages.measure(work, stages.Sizes(persons=400, rules=600, turns=2, engine="postgresql"))

    cpu, wall, sealing = report.tables.values()
    assert {"parse", "judge", "reserve", "find", "compare", "commit", "render", "all of them"} <= cpu.keys()
    assert cpu.keys() == wall.keys()
    assert len(sealing) == 1


@pytest.mark.slow
def test_all_cases_are_asked_alike(work: Path) -> None:
    report = timing.measure(work, timing.Sizes(persons=400, rules=600, pairs=4, copies=8))

    milliseconds, areas, turns = report.tables.values()
    assert set(milliseconds) == {"absent", "wrong name", "out of scope", "decoy", "locked"}
    assert all(figure.least <= figure.median <= figure.most for figure in areas.values())
    assert len(report.checks) == 4
    assert turns["probes"].most >= 8


@pytest.mark.slow
def test_every_stage_is_compared_between_the_cases(work: Path) -> None:
    report = leaks.measure(work, leaks.Sizes(persons=400, rules=600, pairs=2, copies=2))

    absent, *others = report.tables.values()
    assert {"find", "compare", "commit", leaks.ALL} <= absent.keys()
    assert all(other.keys() == absent.keys() for other in others)


def test_timing_needs_persons_enough(work: Path) -> None:
    with pytest.raises(BenchError, match="28000 persons"):
        timing.measure(work, timing.Sizes(persons=400, rules=600, pairs=2000))


@pytest.mark.slow
def test_both_sides_of_the_path_answer_everything(work: Path) -> None:
    if which("wrk") is None:
        pytest.skip("program missing: wrk")

    report = path.measure(work, path.Sizes(persons=400, rules=600, seconds=1, rounds=1))

    echo, gateway, ratios = report.tables.values()
    assert echo["not_200"].most == gateway["not_200"].most == 0
    assert gateway["records_per_commit"].median >= 1
    assert set(ratios) == {"requests_per_second", "cpu_us", "p99_ms"}


def test_without_wrk_the_path_says_so(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(BenchError, match="program missing: wrk"):
        path.measure(work, path.Sizes(persons=400, rules=600, seconds=1, rounds=1))


@pytest.mark.slow
def test_a_second_sync_brings_only_what_changed(work: Path) -> None:
    report = sync.measure(work, sync.Sizes(persons=1000, engine="sqlite"))

    first, again, _ = report.tables.values()
    assert again["changed subjects"].median == 1
    assert first["records in the index"] == again["records in the index"]
    assert first["peak RSS, MiB"].median > 0


def test_a_probe_that_is_refused_stops_the_bench() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = Connection(server.getsockname()[1])
        peer, _ = server.accept()
        with peer:
            peer.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            with pytest.raises(BenchError, match="403"):
                connection.receive()
        connection.close()


# ---------------------------------------------------------------------------------------------- the ledger


def test_the_ledger_is_written_and_read_as_turns_do(rehearsed: Path, tmp_path: Path) -> None:
    home = Home(path=tmp_path / "home", mode=Mode.TEST, clock=SystemClock())
    shutil.copytree(rehearsed, home.path)
    before = size_of(home)

    processor = processor_us(home, turns=2)
    written = durable(home, callers=8, seconds=0.1)
    size = size_of(home)
    grow(home, size + 100)

    assert processor.least > 0
    assert sum(written.batches) == len(written.waits) > 0
    assert max(written.batches) <= 8
    assert size >= before + 3 * TURN + len(written.waits)
    assert size_of(home) == size + 100
    rate, _ = verify(home)
    assert rate > 0
