"""The description (OpenAPI 3.1) of the doors under `/v1/office`, for `gateway.api.openapi`.

`doors` lists them, `asked` says what their bodies hold, the modules `of_...` what they answer.
"""

from __future__ import annotations

from gateway.api.describing import Json
from gateway.api.office.description.asked import asked
from gateway.api.office.description.of_access import of_access
from gateway.api.office.description.of_checks import of_checks
from gateway.api.office.description.of_custody import of_custody
from gateway.api.office.description.of_deeds import of_deeds
from gateway.api.office.description.of_entries import of_entries
from gateway.api.office.description.of_incidents import of_incidents
from gateway.api.office.description.of_people import of_people
from gateway.api.office.description.of_review import of_review
from gateway.api.office.description.of_state import of_state
from gateway.api.office.description.of_statements import of_statements
from gateway.api.office.description.of_trail import of_trail
from gateway.api.office.description.paths import office_paths, office_security

__all__ = ["office_components", "office_paths", "office_security"]


def office_components() -> Json:
    """Every structure that the office's doors read or write, by its name."""
    return {
        **asked(),
        **of_people(),
        **of_deeds(),
        **of_review(),
        **of_statements(),
        **of_access(),
        **of_trail(),
        **of_entries(),
        **of_custody(),
        **of_state(),
        **of_incidents(),
        **of_checks(),
    }
