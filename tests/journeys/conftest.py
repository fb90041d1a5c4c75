"""The real processes that journeys knock at: the same as those of the promises."""

from tests.invariants.conftest import running, stage

__all__ = ["running", "stage"]
