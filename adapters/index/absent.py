"""The index before the first sync: nothing was sealed yet, so nothing can be found, and every comparison is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from gateway.domain.errors import UnavailableError
from gateway.ports import DataVersion, LookUp, UnitFact

_NEVER = DataVersion("0" * 64, "none", datetime.fromtimestamp(0, UTC))


class AbsentIndex:
    """Keeps the promise of `gateway.ports.Index` while there is none: people can enrol and sign, nobody can compare."""

    @property
    def version(self) -> DataVersion:
        return _NEVER

    def find(self, kind: str, look_ups: Sequence[LookUp]) -> list[bytes]:
        raise UnavailableError("nothing is sealed yet; run `bidui sync`")

    def unit(self, token: int) -> UnitFact | None:
        """See `gateway.ports.Index`."""
        return None

    def units(self) -> Iterable[UnitFact]:
        """See `gateway.ports.Index`."""
        return ()

    def is_decoy(self, link: bytes) -> bool:
        """See `gateway.ports.Index`."""
        return False

    def is_protected(self, link: bytes) -> bool:
        """See `gateway.ports.Index`."""
        return False

    def moves_since(self) -> int | None:
        """See `gateway.ports.Index`."""
        return None

    def moved_on(self, link: bytes) -> int:
        """See `gateway.ports.Index`."""
        return 0

    def close(self) -> None:
        """Has nothing open."""
