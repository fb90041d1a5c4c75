"""The described doors of the real server, knocked at by a machine: no breakdown, and nothing that is not described.

`tests/gateway/test_openapi.py` does the same to doors put together in one process; here are the real identity, the
real pipeline and the real wire, and half of the questions are about somebody who is there.
"""

from __future__ import annotations

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

from ops.prove.homes import FINANCE, LOCAL, credentials
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


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_whatever_a_machine_asks_the_server_answers_as_described(running: Running, mode: GenerationMode) -> None:
    headers = credentials(running.home)
    described = schemathesis.openapi.from_url(f"http://{LOCAL}:{running.port}/openapi.json")
    for found in described.get_all_operations():
        assert isinstance(found, Ok)

        @ATTEMPTS
        @given(case=found.ok().as_strategy(mode), known=st.booleans(), place=st.integers(0, 99))
        def knock(case: schemathesis.Case[Any], known: bool, place: int) -> None:
            if known and isinstance(case.body, dict) and "subject" in case.body:
                case.body |= _about(running, place)
            case.call_and_validate(headers=headers, checks=CHECKS)

        with suppress(Unsatisfiable):  # what takes no parameters cannot be asked wrongly
            knock()

    assert running.is_ready()
    assert "Traceback" not in running.serve.log.read_text()


def _about(running: Running, place: int) -> dict[str, Any]:
    """Members of a body that a real grant answers."""
    person = running.stage.people[place]
    return {
        "grant": running.grant,
        "purpose": FINANCE.purpose,
        "operator": FINANCE.operator,
        "subject": {"kind": "person", "id": person.id_number, "name": person.name},
    }
