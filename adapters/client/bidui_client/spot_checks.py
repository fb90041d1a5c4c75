"""Spot checks (凭证抽查): answers that wait for the document that gave the right to ask."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bidui_client.errors import ProtocolError
from bidui_client.values import Told

NUMBER = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, kw_only=True)
class SpotCheck:
    """One answer that waits. `number` is the incident of its refusal; the gateway never says whom it is about.

    `state` is due, until a document is named; filed, until the office has looked at it; accepted or failed. After the
    day `due` nobody new is answered about under the grant, after the day `last` it has failed and the grant is frozen.
    """

    number: str
    grant: str
    opened: str
    due: str
    last: str
    state: str


def read_spot_check(told: Told) -> SpotCheck:
    """One of them as the gateway tells it. Raises `ProtocolError`."""
    names = ("number", "grant", "opened", "due", "last", "state")
    found = {name: told.get(name) for name in names}
    if not all(isinstance(each, str) for each in found.values()):
        raise ProtocolError("a spot check has a form that this client does not know")
    return SpotCheck(**{name: str(each) for name, each in found.items()})


def read_spot_checks(told: Told) -> list[SpotCheck]:
    """All of them. Raises `ProtocolError`."""
    listed = told.get("spot_checks")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ProtocolError("the spot checks have a form that this client does not know")
    return [read_spot_check(each) for each in listed]
