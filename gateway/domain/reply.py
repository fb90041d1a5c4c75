"""A request as it reaches the pipeline, and what comes back: an answer, a refusal, or a failure that told nothing."""

from __future__ import annotations

import msgspec

from gateway.domain.caller import Caller
from gateway.domain.errors import GatewayError
from gateway.domain.query import Query
from policies.decision import Reason


class Request(msgspec.Struct, frozen=True):
    """One parsed query of a known caller. `body` is what came over the wire, for its digest alone."""

    caller: Caller
    query: Query
    body: bytes
    key: str

    def __repr__(self) -> str:
        return f"Request({self.caller.client_id!r}, {self.query!r})"


class Answered(msgspec.Struct, frozen=True, gc=False):
    """Recorded and durable: the JSON of the answer, its receipt in it."""

    json: bytes


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A refusal as the caller is told it: a class of reasons and the number of the incident, never a rule."""

    reason: Reason
    incident: str


class Failed(msgspec.Struct, frozen=True):
    """Nothing was told and, unless the caller repeats it, nothing will be."""

    error: GatewayError


Reply = Answered | Refused | Failed
