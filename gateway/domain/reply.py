"""A request as it reaches the pipeline, and what comes back: an answer, a refusal, or a failure that told nothing."""

from __future__ import annotations

from enum import StrEnum

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


class Wants(StrEnum):
    """What the partner has to do before it asks again."""

    NOTHING = ""
    DOCUMENT = "document"
    """Name the document that gave the right to ask about this very subject."""
    OVERDUE_DOCUMENT = "overdue_document"
    """Name that of somebody else, which should have come by now; this subject needs none."""
    REVIEW = "review"
    """Nothing but wait: the document is named, and somebody of the office has to accept it first."""
    SIGNATURE = "signature"
    """Sign the request."""


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A refusal as the caller is told it: a class of reasons and the number of the incident, never a rule.

    Where a document is wanted the number is that of its spot check.
    """

    reason: Reason
    incident: str
    wants: Wants = Wants.NOTHING


class Failed(msgspec.Struct, frozen=True):
    """Nothing was told and, unless the caller repeats it, nothing will be."""

    error: GatewayError


Reply = Answered | Refused | Failed
