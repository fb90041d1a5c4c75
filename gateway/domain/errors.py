"""The errors of the gateway. A refusal is not one of them: it is an answer.

* GatewayError
  - UnprovenError       401  the request is not the one its sender proved to have made
  - UnreadableError     400  the request could not be read
  - InvalidQueryError   422  it could be read, and is wrong
  - ConflictError       409  the same key is still being answered
  - MismatchedKeyError  422  the same key came with another body
  - TooFastError        429  the caller is faster than its grant allows; says when to come back
  - OverloadedError     503  more callers wait than may wait
  - UnavailableError    503  something the answer needs is broken; nothing was told
    - DownError              nothing can be answered at present, whatever is asked
"""

from __future__ import annotations


class GatewayError(Exception):
    """Base of them all. Messages say what to do and never carry a value of the request."""


class UnprovenError(GatewayError):
    """The sender is known, and signed another request than this one."""


class UnreadableError(GatewayError):
    """The body is not the JSON it should be."""


class InvalidQueryError(GatewayError):
    """The query can be read and is wrong; `field` says where."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class ConflictError(GatewayError):
    """A request with this idempotency key is still running, or another question about the same subject."""


class MismatchedKeyError(InvalidQueryError):
    """This idempotency key was used before, with another body."""


class TooFastError(GatewayError):
    """Requests come faster than they may. `seconds` from now the next one is heard."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds


class OverloadedError(GatewayError):
    """Too many requests wait; try again after a moment."""


class UnavailableError(GatewayError):
    """Something that this answer needs does not work."""


class DownError(UnavailableError):
    """The store or the sealing process does not answer: trying again in smaller turns is of no use."""
