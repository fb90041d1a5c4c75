"""What a rulebook says to one ask: a `Permit` for some fields, or a `Refusal` with its reason.

Both are values. A refusal is an answer like any other: it has a code for machines and reaches the
ledger. Rules kept here:

1. A permit is made in package `policies` alone. Making one takes `MAKER`; nothing above this package
   may name it (a walk over the syntax tree holds that, and a call without it fails the type checker).
2. A permit names at least one field: a right to nothing is a refusal.
3. Whoever holds a permit can only narrow it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import InitVar, dataclass
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a request was refused, as far as the caller is told."""

    NOT_PERMITTED = "not_permitted"
    QUOTA = "quota"
    HELD = "held"
    FROZEN = "frozen"
    STALE_DATA = "stale_data"


class Maker:
    """The right to make permits."""

    __slots__ = ()


MAKER: Final = Maker()


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """Which rules decided: a number for people, a digest of the flat rules for proofs."""

    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no. `reason` may be told; `cause` and `rules` are for officers and the closed part of the ledger."""

    reason: Reason
    cause: str
    rules: tuple[str, ...] = ()
    policy: PolicyVersion | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """A yes for these fields. `rules` are the ids of every allow rule that matched one of them, sorted."""

    fields: frozenset[str]
    rules: tuple[str, ...]
    policy: PolicyVersion
    maker: InitVar[Maker]

    def __post_init__(self, maker: Maker) -> None:
        if maker is not MAKER:
            raise TypeError("a Permit is made by policies.snapshot alone: ask Snapshot.judge")
        if not self.fields:
            raise ValueError("a Permit names at least one field: return a Refusal instead")

    def narrow(self, fields: Collection[str], cause: str) -> Permit | Refusal:
        """The same permit for those of its fields that are also in `fields`; a refusal if none is left.

        `cause` says which gate narrowed it, for the refusal.
        """
        kept = self.fields.intersection(fields)
        if not kept:
            return Refusal(Reason.NOT_PERMITTED, cause, self.rules, self.policy)
        if len(kept) == len(self.fields):
            return self
        return Permit(kept, self.rules, self.policy, MAKER)
