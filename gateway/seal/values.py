"""What goes into sealing, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from gateway.seal.nodes import END_OF_DAYS


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one effective-dated record of the register says, normalised; lives in sync alone."""

    values: Mapping[str, str]
    effective: tuple[int, int] = (0, END_OF_DAYS)
    units: Sequence[str] = ()
    main: bool = True

    def __repr__(self) -> str:
        return f"Facts(fields={sorted(self.values)})"


class Plain(msgspec.Struct, frozen=True, array_like=True):
    """A query on its way to the sealing process: normalised text, never kept, never printed."""

    grant: str
    kind: str
    id: str
    gate: list[str]
    day: int
    claims: list[tuple[str, str, str]]
    dated: bool = False
    """Whether the query names its day; then each day makes another question."""

    def __repr__(self) -> str:
        return f"Plain(grant={self.grant!r}, kind={self.kind!r}, claims={len(self.claims)})"


class Question(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A sealed query: whom it is about, and the digests it is answered by.

    `digests` are 64 bits each: the nodes of the day, that of a main record, and then for the gate and the claims, in
    order, all exact ones, all that say a value is absent, all folded ones. Behind them stand the nodes of each claim
    that is a bound; `bounds` are the places of these claims, the gate counted. `asked` has four bytes for each of gate
    and claims, which are the same when the same is asked of the same subject again, in whatever generation.
    """

    link: bytes
    subject: bytes
    digests: bytes
    bounds: tuple[int, ...] = ()
    asked: bytes = b""
