"""What a simulation is played on: the pipeline in this process, or a gateway that runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from typing import Protocol

from gateway.domain.incident import Incident
from gateway.domain.reply import Reply, Request
from ops.simulate.asking import Asking
from ops.simulate.partners import Member
from ops.simulate.world import World


class Staged(Protocol):
    """Whoever plays on it cannot tell one from the other."""

    suspects: frozenset[str]
    """Grants that officers do not let go on."""

    @property
    def world(self) -> World: ...

    @property
    def members(self) -> Sequence[Member]: ...

    @property
    def asking(self) -> Asking: ...

    def begin(self, day: int) -> None:
        """A morning."""
        ...

    def ask(self, second: int, requests: Sequence[Request], forged: Set[int] = frozenset()) -> list[Reply]:
        """The replies to what is asked so many seconds after the beginning of the year; `forged` are the places of
        those for whom there is no genuine document."""
        ...

    def causes(self) -> Counter[tuple[str, str, str]]:
        """What was refused since this was asked last: by grant, reason and inner cause."""
        ...

    def locked(self) -> Counter[tuple[str, bytes]]:
        """Where too much had been asked, since this was asked last: by grant and link."""
        ...

    def incidents(self) -> Sequence[Incident]:
        """All that the watch found."""
        ...
