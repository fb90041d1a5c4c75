"""Strict reading of the files of the data standard: an unknown, missing or ill-fitting key is a `CatalogueError`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn, TypeGuard, TypeVar, cast

from policies.fields import (
    ALLOWED_COMPARATORS,
    MAX_BITS,
    NO_CODES,
    Comparator,
    Field,
    Records,
    SealKind,
    Sensitivity,
    Sharing,
    SubjectKind,
)
from policies.identifiers import IDENTIFIERS
from policies.invalid import CatalogueError
from policies.normalisers import CODE, READINGS, code_normaliser, month_count

Codes = Mapping[str, tuple[str, ...]]
Word = TypeVar("Word", bound=StrEnum)

_MAX_DOMAIN = 10**12
_KEY = re.compile("[a-z][a-z0-9_]{1,63}")
_MONTH = re.compile("[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a file. Every key must be asked for before `close`, else it is unknown."""

    file: str
    key: str
    data: Mapping[str, object]
    asked: set[str] = field(default_factory=set[str])

    def fail(self, name: str, problem: str) -> NoReturn:
        """Names the file and the key; an empty name is this table itself."""
        raise CatalogueError(self.file, ".".join(filter(None, (self.key, name))), problem)

    def get(self, name: str) -> object:
        """The value of a key, None when it is absent."""
        self.asked.add(name)
        return self.data.get(name)

    def text(self, name: str) -> str:
        """A text that says something."""
        value = self.get(name)
        if not isinstance(value, str) or not value.strip():
            self.fail(name, "must be a text and not empty")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """A list of different texts, possibly empty."""
        value = self.get(name)
        if not _is_texts(value):
            self.fail(name, "must be a list of texts")
        if len(set(value)) != len(value):
            self.fail(name, "names something twice")
        return tuple(value)

    def whole(self, name: str, lowest: int, highest: int) -> int:
        """A whole number within bounds."""
        value = self.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            self.fail(name, f"must be a whole number from {lowest} to {highest}")
        return value

    def choice(self, name: str, words: type[Word]) -> Word:
        """One word of a closed list."""
        return self._word(name, self.text(name), words)

    def choices(self, name: str, words: type[Word]) -> frozenset[Word]:
        """At least one word of a closed list."""
        chosen = frozenset(self._word(name, text, words) for text in self.words(name))
        return chosen or self.fail(name, "must name at least one")

    def sections(self, name: str) -> dict[str, "Section"]:
        """The tables inside this one, by name, in their order."""
        value = self.get(name)
        if value is None:
            return {}
        inner = _as_table(value)
        if inner is None:
            self.fail(name, "must be a table")
        return {key: self._section(f"{name}.{key}", table) for key, table in inner.items()}

    def close(self) -> None:
        """Refuses what nobody asked for."""
        for name in self.data.keys() - self.asked:
            self.fail(name, "is not a key of this table")

    def _section(self, name: str, value: object) -> "Section":
        table = _as_table(value)
        if table is None:
            self.fail(name, "must be a table")
        return Section(self.file, name, table)

    def _word(self, name: str, text: str, words: type[Word]) -> Word:
        found = {str(word): word for word in words}.get(text)
        return found or self.fail(name, f"must be one of {', '.join(words)}")


def read_kind(section: Section, key: str) -> SubjectKind:
    """A kind of subject. Whether its gate's fields exist is seen when all files are read."""
    identifiers = section.words("identifiers")
    for name in identifiers or section.fail("identifiers", "must name at least one"):
        if name not in IDENTIFIERS:
            section.fail("identifiers", f"must be one of {', '.join(IDENTIFIERS)}")
    kind = SubjectKind(key, section.text("zh"), section.text("en"), section.words("gate"), identifiers)
    section.close()
    return kind


def read_codes(section: Section) -> Codes:
    """A table of codes: for each a list of code, label and aliases. `norm` says where they come from."""
    section.text("norm")
    rows = section.get("values")
    if not isinstance(rows, list) or not rows:
        section.fail("values", "must be a list of lists")
    codes: dict[str, tuple[str, ...]] = {}
    for row in cast(list[object], rows):
        if not _is_texts(row) or len(row) < 2 or row[0] in codes:
            section.fail("values", "must be lists of a code of its own, a label and aliases")
        codes[row[0]] = tuple(row[1:])
    section.close()
    _check_codes(section, codes)
    return codes


def read_field(section: Section, key: str, tables: Mapping[str, Codes]) -> Field:
    """A field with everything that belongs to its seal kind, and nothing else."""
    if not _KEY.fullmatch(key):
        section.fail("", "must be called by small letters, digits and underscores")
    normaliser = section.text("normaliser")
    seal = section.choice("seal", SealKind)
    codes = _codes_of(section, normaliser, tables)
    bits, scale, origin = _order(section, normaliser) if seal is SealKind.ORDERED else (0, 1, 0)
    made = Field(
        key=key,
        kind=section.text("kind"),
        zh=section.text("zh"),
        en=section.text("en"),
        sensitivity=section.choice("sensitivity", Sensitivity),
        sharing=section.choice("sharing", Sharing),
        normaliser=normaliser,
        seal=seal,
        comparators=section.choices("comparators", Comparator),
        domain_size=section.whole("domain_size", 2, _MAX_DOMAIN),
        records=section.choice("records", Records),
        bits=bits,
        scale=scale,
        origin=origin,
        codes=codes,
    )
    section.close()
    _check_field(section, made)
    return made


def _codes_of(section: Section, normaliser: str, tables: Mapping[str, Codes]) -> Codes:
    if normaliser != CODE:
        if normaliser not in READINGS:
            section.fail("normaliser", f"must be one of {', '.join([*READINGS, CODE])}")
        return NO_CODES
    table = section.text("codes")
    return tables.get(table) or section.fail("codes", "is not the name of a table of codes")


def _order(section: Section, normaliser: str) -> tuple[int, int, int]:
    bits = section.whole("bits", 1, MAX_BITS)
    if normaliser == CODE:
        return bits, 1, 0
    if normaliser == "month":
        return bits, 1, _first_month(section)
    return bits, section.whole("scale", 1, _MAX_DOMAIN), section.whole("origin", -_MAX_DOMAIN, _MAX_DOMAIN)


def _first_month(section: Section) -> int:
    text = section.text("origin")
    if not _MONTH.fullmatch(text):
        section.fail("origin", "must be a month such as 1900-01")
    return month_count(text)


def _check_field(section: Section, made: Field) -> None:
    if not made.comparators <= ALLOWED_COMPARATORS[made.seal]:
        section.fail("comparators", f"a field sealed {made.seal} cannot be compared like that")
    reading = READINGS.get(made.normaliser)
    if made.seal is SealKind.FOLDED and (reading is None or reading.fold is None):
        section.fail("seal", f"the normaliser {made.normaliser} has no folded form")
    if made.seal is SealKind.ORDERED:
        _check_order(section, made)
    if made.codes and made.domain_size != len(made.codes):
        section.fail("domain_size", f"must be the number of codes, {len(made.codes)}")


def _check_order(section: Section, made: Field) -> None:
    if not made.codes and READINGS[made.normaliser].count is None:
        section.fail("seal", f"the normaliser {made.normaliser} gives nothing to put in order")
    if made.domain_size > 1 << made.bits:
        section.fail("bits", f"{made.bits} bits are too few for {made.domain_size} values")


def _check_codes(section: Section, codes: Codes) -> None:
    try:
        code_normaliser(codes)
    except ValueError as twice:
        section.fail("values", f"two codes are called {twice}")


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in cast(list[object], value))


def _as_table(value: object) -> dict[str, object] | None:
    return cast(dict[str, object], value) if isinstance(value, dict) else None
