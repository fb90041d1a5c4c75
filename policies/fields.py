"""What one field of the data standard promises, and how it turns a given value into what is sealed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from policies.invalid import InvalidValueError
from policies.normalisers import Reading, reading_of

MAX_BITS = 12

OUT_OF_RANGE = "超出该字段可比对的范围，请核对"

NO_CODES: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Comparator(StrEnum):
    """How a claim may be put to a field."""

    EQUALS = "equals"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class SealKind(StrEnum):
    """Which digests of a field stand in the index."""

    EXACT = "exact"
    FOLDED = "folded"
    ORDERED = "ordered"


class Sensitivity(StrEnum):
    """公开, 内部工作信息, 个人信息, 敏感个人信息."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"


class Sharing(StrEnum):
    """无条件共享, 有条件共享, 不予共享."""

    FREE = "free"
    CONDITIONAL = "conditional"
    NONE = "none"


class Records(StrEnum):
    """Which of several concurrent records may match: any of them, or only the main post."""

    ANY = "any"
    MAIN = "main"


ALLOWED_COMPARATORS: Mapping[SealKind, frozenset[Comparator]] = {
    SealKind.EXACT: frozenset({Comparator.EQUALS}),
    SealKind.FOLDED: frozenset({Comparator.EQUALS}),
    SealKind.ORDERED: frozenset(Comparator),
}


@dataclass(frozen=True, slots=True)
class SubjectKind:
    """Persons or organisations: the numbers that name them and the fields that must agree before anything is told."""

    key: str
    zh: str
    en: str
    gate: tuple[str, ...]
    identifiers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field. Made by the catalogue's loader, which checks that the parts fit together.

    `domain_size` is how many values are plausible: the watch limits guesses by it. Ordered fields
    count in steps of `scale` from `origin`, both in the unit of the normaliser (months since year 0, yuan, heads);
    codes count by their place in the table.
    """

    key: str
    kind: str
    zh: str
    en: str
    sensitivity: Sensitivity
    sharing: Sharing
    normaliser: str
    seal: SealKind
    comparators: frozenset[Comparator]
    domain_size: int
    records: Records = Records.ANY
    bits: int = 0
    scale: int = 1
    origin: int = 0
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NO_CODES, repr=False, hash=False)
    _reading: Reading = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Looks its reading up once, because normalising is the hottest path of a comparison."""
        object.__setattr__(self, "_reading", reading_of(self.normaliser, self.codes))

    def normalise(self, raw: object) -> str:
        """The canonical text of a given value; canonical text stays as it is.

        Raises `InvalidValueError`, which never carries the value. Ordered fields also refuse what has no ordinal, and
        round down to their step, so that two canonical texts are equal exactly when their ordinals are.
        """
        canonical = self._reading.normalise(raw, self.key)
        if not self.bits:
            return canonical
        ordinal = self.ordinal(canonical)
        return canonical if self.scale == 1 else str(self.origin + ordinal * self.scale)

    def fold(self, canonical: str) -> str:
        """The form in which variants of a name meet; folded fields only."""
        if self.seal is not SealKind.FOLDED or self._reading.fold is None:
            raise TypeError(f"field {self.key} is not sealed folded")
        return self._reading.fold(canonical)

    def ordinal(self, canonical: str) -> int:
        """The place of a value in the order, 0 <= n < 2**bits; ordered fields only. Out of range is an error."""
        if self.seal is not SealKind.ORDERED or self._reading.count is None:
            raise TypeError(f"field {self.key} is not sealed ordered")
        ordinal = (self._reading.count(canonical) - self.origin) // self.scale
        if not 0 <= ordinal < 1 << self.bits:
            raise InvalidValueError(self.key, OUT_OF_RANGE)
        return ordinal
