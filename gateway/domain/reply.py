"""A request as it reaches the pipeline, and what comes back: an answer, a refusal, or a failure that told nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.domain.caller import Caller
from gateway.domain.errors import GatewayError
from gateway.domain.query import Query
from policies.decision import Reason


@dataclass(frozen=True, slots=True)
class Request:
    """One parsed query of a known caller. `body` is what came over the wire, for its digest alone."""

    caller: Caller
    query: Query
    body: bytes = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """Recorded and durable: the JSON of the answer, its receipt in it."""

    json: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal as the caller is told it: a class of reasons and the number of the incident, never a rule."""

    reason: Reason
    incident: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing was told and, unless the caller repeats it, nothing will be."""

    error: GatewayError


Reply = Answered | Refused | Failed
