"""The described doors of the real server, knocked at by a machine: no breakdown, and nothing that is not described.

`tests/gateway/test_openapi.py` does the same to doors put together in one process; here are the real identity, the
real pipeline and the real wire, and half of the questions are about somebody who is there. People's doors are knocked
at without a session, and by people of every duty with one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.deeds.document import Kind
from gateway.deeds.versions import cloned
from gateway.domain.grant import local_day
from gateway.drafting import Proposal
from ops.demo.office import IDS, head_of
from ops.people import PeopleDesk
from ops.prove.homes import FINANCE, LOCAL, credentials
from tests.desks import a_desk_over, let_in, proven
from tests.invariants.running import Running

EXAMPLES = 12
ATTEMPTS = settings(
    max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


OFFICE = "^/v1/office/"
GRANTS = ("id", "number", "grant")
PEOPLE = (*IDS.values(), head_of(FINANCE.code), FINANCE.operator)
Case = schemathesis.Case[Any]
Ask = Callable[[Case, bool, int], None]


def knock_at(described: Any, mode: GenerationMode, ask: Ask) -> None:
    """At every described door; a case may be about something that is there, or about nothing."""
    for found in described.get_all_operations():
        assert isinstance(found, Ok)

        @ATTEMPTS
        @given(case=found.ok().as_strategy(mode), known=st.booleans(), place=st.integers(0, 99))
        def knock(case: Case, known: bool, place: int) -> None:
            ask(case, known, place)

        with suppress(Unsatisfiable):  # what takes no parameters cannot be asked wrongly
            knock()


def described(running: Running) -> Any:
    """What the server says of itself."""
    return schemathesis.openapi.from_url(f"http://{LOCAL}:{running.port}/openapi.json")


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_whatever_a_machine_asks_the_server_answers_as_described(running: Running, mode: GenerationMode) -> None:
    headers = credentials(running.home)

    def ask(case: Case, known: bool, place: int) -> None:
        if known and isinstance(case.body, dict) and "subject" in case.body:
            case.body |= _about(running, place)
        case.call_and_validate(headers=headers, checks=CHECKS)

    knock_at(described(running), mode, ask)

    assert running.is_ready()
    assert "Traceback" not in running.serve.log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_whatever_people_who_are_signed_in_ask_is_answered_as_described(running: Running, mode: GenerationMode) -> None:
    heard: Counter[int] = Counter()
    with a_desk_over(running.home) as desk:
        waiting = _apply(desk, running, f"Z-{mode.value}")

        def ask(case: Case, known: bool, place: int) -> None:
            there = {"digest": waiting, "kind": "grant", "entry": place, **dict.fromkeys(GRANTS, running.grant)}
            there |= {"day": "2026-11-30", "partner": FINANCE.code, "system": FINANCE.client}
            if known:
                case.path_parameters |= {name: there[name] for name in case.path_parameters}
            headers = proven(desk, let_in(desk, PEOPLE[place % len(PEOPLE)]))
            heard[case.call_and_validate(headers=headers, checks=CHECKS).status_code] += 1

        knock_at(described(running).include(path_regex=OFFICE), mode, ask)

    assert heard[200] > len(PEOPLE)
    assert heard[401] < heard.total() / 10
    assert running.is_ready()
    assert "Traceback" not in running.serve.log.read_text()


def _apply(desk: PeopleDesk, running: Running, number: str) -> str:
    """A clerk applies for a grant like one that is there; the digest of what waits for a signature."""
    standing = desk.office.standing()
    by, content = standing.roll.person(FINANCE.operator), standing.content(Kind.GRANT, running.grant)
    assert by is not None
    assert content is not None
    content = cloned(number, content, local_day(running.home.clock.now()))
    return desk.office.draw(by, Proposal(kind=Kind.GRANT, id=number, content=content)).opened().digest


def _about(running: Running, place: int) -> dict[str, Any]:
    """Members of a body that a real grant answers."""
    person = running.stage.people[place]
    return {
        "grant": running.grant,
        "purpose": FINANCE.purpose,
        "operator": FINANCE.operator,
        "subject": {"kind": "person", "id": person.id_number, "name": person.name},
    }
