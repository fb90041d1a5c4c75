"""Logs: one JSON object a line, of listed members alone, whoever logs and whatever."""

from __future__ import annotations

import ast
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from adapters import logs
from tests.make import NAME, an_id

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Leaves logging as it was found."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(written: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.splitlines()]


def test_a_line_is_one_json_object_with_time_and_level(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    logs.configure()

    structlog.get_logger().info("generation_adopted", generation="g1", size=7)

    (line,) = lines(capfdbinary.readouterr().out.decode())
    assert str(line.pop("time")).endswith("Z")
    assert line == {"event": "generation_adopted", "level": "info", "generation": "g1", "size": 7}


def test_members_that_are_not_on_the_list_are_dropped(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    logs.configure()

    structlog.get_logger().bind(subject=an_id(1)).warning(
        "asked", name=NAME, id_number=an_id(1), query={"name": NAME}, claims=[an_id(1)], body=b"x", status=403
    )

    (line,) = lines(capfdbinary.readouterr().out.decode())
    assert line.keys() == {"event", "level", "time", "status"}


VALUES: dict[str, tuple[object, bool]] = {
    "a code": ("not_permitted", True),
    "a number": (200, True),
    "a duration": (1.5, True),
    "a claim": (True, True),
    "a long text": ("x" * 201, False),
    "a list": ([1], False),
    "an object": ({"partner": "hr"}, False),
    "bytes": (b"hr", False),
    "nothing": (None, False),
    "an exception": (ValueError(an_id(1)), False),
}


@pytest.mark.parametrize(("value", "stays"), VALUES.values(), ids=VALUES)
def test_listed_members_hold_short_words_and_numbers_alone(value: object, stays: bool) -> None:
    assert logs.scrub(None, "info", {"error": value}) == ({"error": value} if stays else {})


@pytest.mark.parametrize("members", [{}, {"exc_info": True}, {"stack_info": True}], ids=["plain", "error", "stack"])
def test_tracebacks_never_reach_a_line(members: dict[str, bool], capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    logs.configure()

    try:
        int(an_id(1) + "X")
    except ValueError:
        structlog.get_logger().exception("turn_broke", error="ValueError", **members)

    written = capfdbinary.readouterr()
    assert an_id(1).encode() not in written.out + written.err
    assert lines(written.out.decode())[0].keys() == {"event", "level", "time", "error"}


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=12) | st.integers() | st.none(), max_size=6))
def test_whatever_is_logged_only_listed_members_stay(event: dict[str, object]) -> None:
    scrubbed = logs.scrub(None, "info", dict(event))

    assert set(scrubbed) <= logs.ALLOWED
    assert all(scrubbed[name] == event[name] for name in scrubbed)


def test_no_member_on_the_list_is_a_field_of_a_person() -> None:
    from tests.make import CATALOGUE

    assert logs.ALLOWED.isdisjoint(CATALOGUE.fields)
    assert logs.ALLOWED.isdisjoint({"id", "name", "subject", "operator", "value", "body", "key", "token", "address"})


def test_libraries_say_who_they_are_and_nothing_else() -> None:
    """In a process of its own: logging is configured once in a process."""
    program = (
        "from adapters import logs; import logging; logs.configure();"
        f"logging.getLogger('uvicorn.error').error('got %s', '{an_id(1)}');"
        f"logging.getLogger('sqlalchemy').warning('{an_id(1)}');"
        f"logging.getLogger('httptools').info('{an_id(1)}');"
        f"logging.getLogger('asyncio').error('broke', exc_info=ValueError('{an_id(1)}'), stack_info=True)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)

    assert [(line["level"], line["error"]) for line in lines(done.stdout + done.stderr)] == [
        ("ERROR", "uvicorn.error"),
        ("WARNING", "sqlalchemy"),
        ("ERROR", "asyncio"),
    ]
    assert an_id(1) not in done.stdout + done.stderr


def test_an_exception_that_nobody_caught_shows_nothing_it_holds() -> None:
    """In a thread, in a task, or at the end of the process: what is raised may hold what was asked."""
    program = f"""
import asyncio, threading
from adapters import logs

def work(): raise ValueError("{an_id(1)}")
async def task(): work()
async def main():
    asyncio.create_task(task())
    await asyncio.sleep(0.01)

logs.configure()
asyncio.run(main())
threading.Thread(target=work).start()
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)

    assert an_id(1) not in done.stdout + done.stderr


def test_every_member_that_our_code_logs_is_on_the_list() -> None:
    """A member that is silently dropped would be missed on the day it is needed."""
    dropped = set[str]()
    for path in [*ROOT.glob("ops/**/*.py"), *ROOT.glob("adapters/**/*.py")]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            target = call.func.value
            if isinstance(target, ast.Name) and target.id == "log" and call.func.attr in {"info", "warning", "error"}:
                dropped |= {word.arg for word in call.keywords if word.arg} - logs.ALLOWED

    assert dropped == set()
