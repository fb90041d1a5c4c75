"""Seals one kind of subject for one generation of the index: the register's records, and questions about them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from gateway.seal.errors import SealingError
from gateway.seal.forms import EQUALS, FieldForms, Placed
from gateway.seal.keys import Entropy, SealingKey, parts
from gateway.seal.layout import UNIT_SLOTS, Layout
from gateway.seal.nodes import DAY_BITS, END_OF_DAYS, TREE_BYTES, path, period
from gateway.seal.values import Facts, Plain, Question
from policies.catalogue import Catalogue


class Sealer:
    """Seals one kind of subject for one generation of the index."""

    def __init__(self, key: SealingKey, catalogue: Catalogue, kind: str, generation: str, entropy: Entropy) -> None:
        self.layout = Layout(catalogue, kind)
        self._link = key.prf("link").starting(parts(kind.encode()))
        self._subject = key.prf("generation", generation)
        self._unit = key.prf("unit", generation)
        self._unit_name = key.prf("unit-name")
        self._units: dict[str, int] = {}
        self._entropy = entropy
        self._cipher = key.cipher()
        self._main = key.form(b"main").block()
        self._bound, self._dated = key.form(b"bound"), key.form(b"dated")
        self._days = key.form(b"day").block()[:TREE_BYTES]
        self._forms = {f.key: FieldForms(key, f, self.layout.offsets[f.key]) for f in self.layout.fields}

    def link(self, number: str) -> bytes:
        """The long-lived name of a subject, 16 bytes."""
        return self._link(parts(number.encode()))[:16]

    def subject(self, link: bytes) -> bytes:
        """The name of a subject within this generation, 16 bytes."""
        return self._subject(link)[:16]

    def unit(self, code: str) -> int:
        """The keyed token of a unit: the only digest that is alike between subjects."""
        known = self._units.get(code)
        if known is None:
            token = self._unit(code.encode())
            known = self._units[code] = int.from_bytes(token[:8], "little", signed=True)
        return known

    def unit_name(self, code: str) -> bytes:
        """The long-lived name of a unit, 8 bytes, the same in every generation; the index has it in its table alone."""
        return self._unit_name(code.encode())[:8]

    def record(self, subject: bytes, facts: Facts) -> bytes:
        """One sealed record. Places that hold nothing are random and cannot be told from digests.

        Raises `SealingError` for an interval that is empty or out of range and for too many units.
        """
        placed = self._place_days(*facts.effective)
        for key, forms in self._forms.items():
            placed += forms.place(facts.values.get(key))
        if facts.main:
            placed.append((Layout.MAIN, self._main))
        row = self.layout.unpack(self._entropy(self.layout.bytes))
        digests = self._cipher.digests(subject, [block for _, block in placed])
        for (place, _), digest in zip(placed, struct.unpack(f"<{len(placed)}q", digests), strict=True):
            row[place] = digest
        self._place_units(row, facts.units)
        return self.layout.pack(row)

    def question(self, plain: Plain) -> Question:
        """The digests that a query is answered by. Raises `SealingError` for a field or day it cannot seal."""
        link = self.link(plain.id)
        subject = self.subject(link)
        gate = zip(self.layout.gate, plain.gate, strict=True)
        claims = [*((key, EQUALS, value) for key, value in gate), *plain.claims]
        bounds = tuple([place for place, (_, comparator, _) in enumerate(claims) if comparator != EQUALS])
        blocks = [*self._nodes_of(plain.day), self._main]
        probes = [self._forms_of(key).probe(comparator, value) for key, comparator, value in claims]
        for form in zip(*probes, strict=True):
            blocks += form
        for key, comparator, value in [claims[place] for place in bounds]:
            blocks += self._forms_of(key).bound(comparator, value, self._entropy)
        asked = self._asked(link, plain, claims, [exact for exact, _, _ in probes])
        return Question(link, subject, self._cipher.digests(subject, blocks), bounds, asked)

    def _asked(
        self, link: bytes, plain: Plain, claims: Sequence[tuple[str, str, str]], exact: Sequence[bytes]
    ) -> bytes:
        """What tells a question from every other to the same subject, in whatever generation."""
        blocks = [
            block if comparator == EQUALS else self._bound.block(f"{key}/{comparator}/{value}")
            for (key, comparator, value), block in zip(claims, exact, strict=True)
        ]
        if plain.dated:
            blocks = [self._dated.block(f"{plain.day}/{block.hex()}") for block in blocks]
        return self._cipher.marks(link, blocks)

    def _forms_of(self, key: str) -> FieldForms:
        try:
            return self._forms[key]
        except KeyError:
            raise SealingError("a claim names a field that this kind of subject does not have") from None

    def _nodes_of(self, day: int) -> Sequence[bytes]:
        if not 0 <= day < END_OF_DAYS:
            raise SealingError("the reference date is outside 1900-01-01 to 2079-06-06")
        return path(self._days, day, DAY_BITS)[1:]

    def _place_days(self, first: int, after: int) -> list[Placed]:
        if not 0 <= first < after <= END_OF_DAYS:
            raise SealingError("an effective period must begin before it ends, between 1900-01-01 and 2079-06-06")
        return [(Layout.DAYS.start + place, node) for place, node in period(self._days, first, after)]

    def _place_units(self, row: list[int], units: Sequence[str]) -> None:
        if len(units) > UNIT_SLOTS:
            raise SealingError(f"a unit may lie at most {UNIT_SLOTS} levels deep; flatten the mapping of units")
        for place, code in enumerate(units, Layout.UNITS.start):
            row[place] = self.unit(code)
