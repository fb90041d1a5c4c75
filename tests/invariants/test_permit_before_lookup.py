"""Promise 4, permit_before_lookup: policies makes a permit, the grant narrows it, the budgets make a reservation of
it, and only that opens the look-up. The source is walked for other ways, and the type checker must refuse them too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from mypy import api

from policies.decision import Maker, Permit, PolicyVersion

ROOT = Path(__file__).parents[2]
ROOMS = ("gateway", "policies", "audit", "adapters", "ops")

MADE_IN = {
    "Permit": "policies/",
    "MAKER": "policies/",
    "Reservation": "gateway/watch/",
    "LookUp": "gateway/pipeline.py",
}
"""Each step of the way, and the only place that may make it. To ask `isinstance` is free."""
FINDS = "gateway/pipeline.py"
"""The only place that asks an index."""
BOOKS = {"accounts", "book", "sessions", "bindings", "store", "table", "lists", "desk", "statements", "reader"}
"""What else is asked to find something, by the name it goes by."""


def test_each_step_is_made_in_its_place_alone() -> None:
    assert [place for path in sources() for place in trespasses(path.read_text(), relative(path))] == []


def test_whoever_has_not_the_right_makes_no_permit() -> None:
    """What is left when neither the walk nor the type checker was asked."""
    for maker in (object(), Maker(), None, True):
        with pytest.raises(TypeError):
            Permit(frozenset({"name"}), (), PolicyVersion(1, "ab"), maker)  # type: ignore[arg-type]  # that is the point


BROKEN = {
    "a permit out of thin air": "Permit(frozenset({'name'}), (), version, maker)",
    "by another name": "from policies import decision\ndecision.Permit(fields, (), version, maker)",
    "the maker's right, borrowed": "from policies.decision import MAKER",
    "a reservation nobody paid": "Reservation('G-1', 1)",
    "a reservation by deserialising": "msgspec.convert(['G-1', 1], Reservation)",
    "a reservation by an alias": "make = Reservation\nmake('G-1', 1)",
    "a second way to look up": "LookUp(subject, reservation)",
    "a second way to ask": "index.find(kind, look_ups)",
    "a bare object": "object.__new__(Permit)",
    "a word to the type checker": "cast('Reservation', None)",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_the_walk_sees_other_ways(text: str) -> None:
    assert list(trespasses(text, "gateway/grants.py"))


FINE = {
    "asking what it is": "isinstance(verdict, Permit)",
    "saying what one takes": "def judge(permit: Permit, held: Reservation | None) -> list[LookUp]: ...",
    "finding in a text": "text.find('x')",
    "finding an account": "work.accounts.book.find(person)",
    "finding a list": "store.find(grant, root)",
    "importing it": "from gateway.ports import LookUp",
}


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_the_walk_lets_the_rest_be(text: str) -> None:
    assert list(trespasses(text, "gateway/grants.py")) == []


PREFACE = """
from datetime import datetime
from gateway.domain.budget import Reservation
from gateway.ports import Index, LookUp
from gateway.watch.budgets import Budgets
from policies.decision import Permit, PolicyVersion, Refusal
from policies.snapshot import Ask, Snapshot

def way(index: Index, budgets: Budgets, snapshot: Snapshot, ask: Ask, at: datetime, version: PolicyVersion) -> None:
"""
REFUSED = {
    "no reservation": "    index.find('person', [LookUp(b'')])",
    "the reservation that was not given": "    index.find('person', [LookUp(b'', budgets.reserve('G-1'))])",
    "a bare subject": "    index.find('person', [b''])",
    "a verdict for a permit": "    permit: Permit = snapshot.judge(ask, at)",
    "a permit without its maker": "    Permit(frozenset({'name'}), (), version)",
    "a permit with a maker of one's own": "    Permit(frozenset({'name'}), (), version, object())",
    "narrowing taken for granted": "    verdict = snapshot.judge(ask, at)\n    verdict.narrow((), '')",
}
TAKEN = """
    held = budgets.reserve('G-1')
    if held is not None:
        index.find('person', [LookUp(b'', held)])
    verdict = snapshot.judge(ask, at)
    if not isinstance(verdict, Refusal):
        narrowed: Permit | Refusal = verdict.narrow((), '')
"""


def test_the_type_checker_refuses_every_other_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run for all: each way is a module of its own."""
    monkeypatch.chdir(ROOT)
    for number, text in enumerate([*REFUSED.values(), TAKEN]):
        (tmp_path / f"way_{number}.py").write_text(PREFACE + text + "\n")

    config = f"--config-file={ROOT / 'pyproject.toml'}"

    told, failed, _ = api.run([config, f"--cache-dir={tmp_path}", *map(str, sorted(tmp_path.glob("*.py")))])

    blamed = {line.split(":")[0].rsplit("/", 1)[-1] for line in told.splitlines() if ": error:" in line}
    assert failed == ""
    assert blamed == {f"way_{number}.py" for number in range(len(REFUSED))}, told


def sources() -> Iterator[Path]:
    """Everything that ships, the client apart, which imports nothing of ours."""
    for room in ROOMS:
        yield from (path for path in (ROOT / room).rglob("*.py") if "adapters/client/" not in path.as_posix())


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def trespasses(text: str, where: str) -> Iterator[str]:
    """Places in a module that make what only others may make, or ask an index past the pipeline."""
    for node in _spoken(ast.parse(text)):
        name = _name(node)
        if name in MADE_IN and not where.startswith(MADE_IN[name]):
            yield f"{where}:{getattr(node, 'lineno', 0)} {name}"
        if _asks_an_index(node) and where != FINDS:
            yield f"{where}:{getattr(node, 'lineno', 0)} find"


def _spoken(node: ast.AST) -> Iterator[ast.AST]:
    """All expressions but annotations, classes that are declared, and what `isinstance` is asked."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
        yield from _spoken(node.args[0])
        return
    yield node
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _spoken(child)


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.alias(name="MAKER"):
            return "MAKER"
        case ast.Call(func=ast.Name(id="cast"), args=[ast.Constant(value=str(name)), _]):
            return name
        case _:
            return ""


def _asks_an_index(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=asked, attr="find"), args=[first, *_]):
            return not isinstance(first, ast.Constant) and _name(asked) not in BOOKS
        case _:
            return False
