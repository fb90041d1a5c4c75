"""What is wrong with who asks. `gateway.api.office.problems` says it over HTTP.

* GatewayError
  - AccountError
    - UnauthorisedError     401  alike for everything that could be wrong with a sign-in or a session
    - WrongDutyError        403  signed in, but this is another's duty; or sent from another site's page
    - StepUpRequiredError   403  the second factor must be shown again
    - ThrottledError        429  too many attempts; says when the next is heard
"""

from __future__ import annotations

from gateway.domain.errors import GatewayError


class AccountError(GatewayError):
    """Base of them all."""


class UnauthorisedError(AccountError):
    """Nobody who is signed in, or could be by what was shown."""


class WrongDutyError(AccountError):
    """Not theirs to do."""


class StepUpRequiredError(AccountError):
    """Theirs to do, once they have shown the second factor again."""


class ThrottledError(AccountError):
    """Not heard. `seconds` from now the next attempt is."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds
