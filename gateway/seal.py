"""Sealing: a normalised value becomes a digest that only the same value of the same subject gives again.

The same code seals the register (`Sealer.record`) and a question about it (`Sealer.question`), so the two agree by
construction. Keys are derived by HKDF (RFC 5869) from one sealing key and never leave the processes that seal.

    link    = HMAC(k_link, kind, id)                 long-lived; budgets and cohorts hold links
    subject = HMAC(k_generation, link)               128 bits, used in one generation of the index alone
    field   = HMAC(k_field, form, subject, value)    64 bits, as a signed integer

Ordered values and effective dates are sealed as nodes of a binary tree over their range: a value as its prefixes, an
interval as the few nodes that cover it. A value lies in an interval if the two share a node; nobody can read either.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from policies.catalogue import Catalogue, Comparator, Field, SealKind

Entropy = Callable[[int], bytes]

DAY_ZERO = date(1900, 1, 1)
DAY_BITS = 16
"""Effective dates are days since 1900-01-01 and end on 2079-06-06."""
END_OF_DAYS = 1 << DAY_BITS
UNIT_SLOTS = 8
"""A unit and at most seven above it."""

_ALGORITHMS = {"intl": "sha256", "gm": "sm3"}


class SealingError(Exception):
    """A value cannot be sealed; the message says what to do and never names the value."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one effective-dated record of the register says, normalised; lives in sync alone."""

    values: Mapping[str, str]
    effective: tuple[int, int] = (0, END_OF_DAYS)
    units: Sequence[str] = ()
    main: bool = True

    def __repr__(self) -> str:
        return f"Facts(fields={sorted(self.values)})"


class Probe(msgspec.Struct, frozen=True, array_like=True):
    """The digests that one claim is compared by. `nodes` is empty unless the claim is a bound."""

    exact: int | None
    folded: int | None
    absent: int
    nodes: list[int]


class Question(msgspec.Struct, frozen=True, array_like=True):
    """A sealed query: whom it is about, on which day, and a probe for the gate and for each claim."""

    link: bytes
    subject: bytes
    main: int
    days: list[int]
    gate: list[Probe]
    probes: list[Probe]


class Plain(msgspec.Struct, frozen=True, array_like=True):
    """A query on its way to the sealing process: normalised text, never kept, never printed."""

    grant: str
    kind: str
    id: str
    gate: list[str]
    day: int
    claims: list[tuple[str, str, str]]

    def __repr__(self) -> str:
        return f"Plain(grant={self.grant!r}, kind={self.kind!r}, claims={len(self.claims)})"


class SealingKey:
    """The one secret everything sealed hangs on: 32 bytes, bound to a cryptographic suite."""

    __slots__ = ("_secret", "suite")

    def __init__(self, secret: bytes, suite: str = "intl") -> None:
        if len(secret) != 32 or suite not in _ALGORITHMS:
            raise SealingError("the sealing key must be 32 bytes of a known suite; run `bidui init` to make one")
        self._secret = secret
        self.suite = suite

    def prf(self, label: str, context: str = "") -> Prf:
        info = _parts(b"bidui-seal/1", self.suite.encode(), label.encode(), context.encode())
        key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(self._secret)
        return Prf(key, _ALGORITHMS[self.suite], _parts(self.suite.encode()))

    def __repr__(self) -> str:
        return f"SealingKey({self.suite}, ***)"


class Prf:
    """HMAC (RFC 2104) with both inner states kept: one digest costs two copies, not two key set-ups."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, algorithm: str, prefix: bytes = b"") -> None:
        padded = key.ljust(64, b"\0")
        self._inner = hashlib.new(algorithm, bytes(octet ^ 0x36 for octet in padded) + prefix)
        self._outer = hashlib.new(algorithm, bytes(octet ^ 0x5C for octet in padded))

    def starting(self, prefix: bytes) -> Prf:
        """The same function, with `prefix` already fed to it."""
        other = object.__new__(Prf)
        other._inner = self._inner.copy()
        other._inner.update(prefix)
        other._outer = self._outer
        return other

    def __call__(self, message: bytes) -> bytes:
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def integer(self, message: bytes) -> int:
        """The first 64 bits, as a signed integer."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        number: int = _first_eight(outer.digest())[0]
        return number

    def integers(self, messages: Iterable[bytes]) -> list[int]:
        """The same for many messages, without a call for each: this is where sealing spends its time."""
        heads: list[bytes] = []
        copy_inner, copy_outer = self._inner.copy, self._outer.copy
        for message in messages:
            inner = copy_inner()
            inner.update(message)
            outer = copy_outer()
            outer.update(inner.digest())
            heads.append(outer.digest()[:8])
        return list(struct.unpack(f"<{len(heads)}q", b"".join(heads)))


class Layout:
    """Where each digest of a kind stands in a sealed record: a row of signed 64-bit integers of fixed width."""

    MAIN = 0
    DAYS = slice(1, 1 + 2 * DAY_BITS)
    UNITS = slice(DAYS.stop, DAYS.stop + UNIT_SLOTS)

    def __init__(self, catalogue: Catalogue, kind: str) -> None:
        self.kind = kind
        self.fields = catalogue.fields_of(kind)
        self.gate = catalogue.kinds[kind].gate
        self.offsets: dict[str, int] = {}
        self.width = self.UNITS.stop
        for field in self.fields:
            self.offsets[field.key] = self.width
            self.width += _columns(field)
        self.bytes = 8 * self.width
        self._row = struct.Struct(f"<{self.width}q")

    def pack(self, row: Sequence[int]) -> bytes:
        return self._row.pack(*row)

    def columns(self) -> list[str]:
        """A name for each column, in order, for the columnar files."""
        names = ["main", *(f"day_{i}" for i in range(2 * DAY_BITS)), *(f"scope_{i}" for i in range(UNIT_SLOTS))]
        for field in self.fields:
            names += [f"{field.key}_{i}" for i in range(_columns(field))]
        return names


class Sealer:
    """Seals one kind of subject for one generation of the index."""

    def __init__(self, key: SealingKey, catalogue: Catalogue, kind: str, generation: str, entropy: Entropy) -> None:
        self.layout = Layout(catalogue, kind)
        self._link = key.prf("link").starting(_parts(kind.encode()))
        self._subject = key.prf("generation", generation)
        self._unit = key.prf("unit", generation)
        self._units: dict[str, int] = {}
        self._entropy = entropy
        field = key.prf("field")
        self._main = field.starting(_parts(b"main"))
        self._day = field.starting(_parts(b"day"))
        self._forms = {f.key: _Forms(f, field, self.layout.offsets[f.key]) for f in self.layout.fields}

    def link(self, number: str) -> bytes:
        """The long-lived name of a subject, 16 bytes."""
        return self._link(_parts(number.encode()))[:16]

    def subject(self, link: bytes) -> bytes:
        """The name of a subject within this generation, 16 bytes."""
        return self._subject(link)[:16]

    def unit(self, code: str) -> int:
        """The keyed token of a unit: the only digest that is alike between subjects."""
        known = self._units.get(code)
        if known is None:
            known = self._units[code] = self._unit.integer(code.encode())
        return known

    def record(self, subject: bytes, facts: Facts) -> bytes:
        """One sealed record. Places that hold nothing are random and cannot be told from digests.

        Raises `SealingError` for an interval that is empty or out of range and for too many units.
        """
        row = list(struct.unpack(f"<{self.layout.width}q", self._entropy(self.layout.bytes)))
        if facts.main:
            row[Layout.MAIN] = self._main.integer(subject)
        self._place_days(row, subject, *facts.effective)
        self._place_units(row, facts.units)
        for key, forms in self._forms.items():
            forms.place(row, subject, facts.values.get(key))
        return self.layout.pack(row)

    def question(self, plain: Plain) -> Question:
        """The digests that a query is answered by. Raises `SealingError` for a field or day it cannot seal."""
        if not 0 <= plain.day < END_OF_DAYS:
            raise SealingError("the reference date is outside 1900-01-01 to 2079-06-06")
        link = self.link(plain.id)
        subject = self.subject(link)
        gate = zip(self.layout.gate, plain.gate, strict=True)
        return Question(
            link=link,
            subject=subject,
            main=self._main.integer(subject),
            days=self._day.integers([subject + node for node in _path(plain.day, DAY_BITS)[1:]]),
            gate=[self._forms_of(key).probe(subject, Comparator.EQUALS, value, self._entropy) for key, value in gate],
            probes=[
                self._forms_of(key).probe(subject, comparator, value, self._entropy)
                for key, comparator, value in plain.claims
            ],
        )

    def _forms_of(self, key: str) -> _Forms:
        try:
            return self._forms[key]
        except KeyError:
            raise SealingError("a claim names a field that this kind of subject does not have") from None

    def _place_days(self, row: list[int], subject: bytes, first: int, after: int) -> None:
        if not 0 <= first < after <= END_OF_DAYS:
            raise SealingError("an effective period must begin before it ends, between 1900-01-01 and 2079-06-06")
        start = Layout.DAYS.start
        taken = [0] * (DAY_BITS + 1)
        for level, prefix in _halves(first, after):
            row[start + 2 * (level - 1) + taken[level]] = self._day.integer(subject + _node(level, prefix))
            taken[level] += 1

    def _place_units(self, row: list[int], units: Sequence[str]) -> None:
        if len(units) > UNIT_SLOTS:
            raise SealingError(f"a unit may lie at most {UNIT_SLOTS} levels deep; flatten the mapping of units")
        for place, code in enumerate(units, Layout.UNITS.start):
            row[place] = self.unit(code)


class _Forms:
    """The forms of one field: exact, absent and, where the catalogue says, folded or the nodes of its order."""

    def __init__(self, field: Field, prf: Prf, offset: int) -> None:
        self._field = field
        self._offset = offset
        name = field.key.encode()
        self._exact = prf.starting(_parts(b"exact", name))
        self._folded = prf.starting(_parts(b"folded", name))
        self._absent = prf.starting(_parts(b"absent", name))
        self._nodes = prf.starting(_parts(b"node", name))

    def place(self, row: list[int], subject: bytes, value: str | None) -> None:
        if value is None:
            row[self._offset] = self._absent.integer(subject)
            return
        row[self._offset] = self._exact.integer(subject + value.encode())
        if self._field.seal is SealKind.FOLDED:
            row[self._offset + 1] = self._folded.integer(subject + self._field.fold(value).encode())
        elif self._field.seal is SealKind.ORDERED:
            bits, ordinal = self._field.bits, self._field.ordinal(value)
            nodes = self._nodes.integers([subject + node for node in _path(ordinal, bits)])
            row[self._offset + 1 : self._offset + 2 + bits] = nodes

    def probe(self, subject: bytes, comparator: str, value: str, entropy: Entropy) -> Probe:
        absent = self._absent.integer(subject)
        if comparator != Comparator.EQUALS:
            return Probe(exact=None, folded=None, absent=absent, nodes=self._bound(subject, comparator, value, entropy))
        exact = self._exact.integer(subject + value.encode())
        if self._field.seal is not SealKind.FOLDED:
            return Probe(exact=exact, folded=None, absent=absent, nodes=[])
        folded = self._folded.integer(subject + self._field.fold(value).encode())
        return Probe(exact=exact, folded=folded, absent=absent, nodes=[])

    def _bound(self, subject: bytes, comparator: str, value: str, entropy: Entropy) -> list[int]:
        if self._field.seal is not SealKind.ORDERED:
            raise SealingError("a bound was asked of a field without an order")
        bits, ordinal = self._field.bits, self._field.ordinal(value)
        first, after = (ordinal, 1 << bits) if comparator == Comparator.AT_LEAST else (0, ordinal + 1)
        row = list(struct.unpack(f"<{bits + 1}q", entropy(8 * (bits + 1))))
        for level, prefix in cover(first, after, bits):
            row[level] = self._nodes.integer(subject + _node(level, prefix))
        return row


def day_number(day: date) -> int:
    """Days since 1900-01-01; `SealingError` outside the range that effective dates have."""
    number = (day - DAY_ZERO).days
    if not 0 <= number < END_OF_DAYS:
        raise SealingError("dates must lie between 1900-01-01 and 2079-06-06")
    return number


def cover(first: int, after: int, bits: int) -> Iterator[tuple[int, int]]:
    """The nodes (level, prefix) of a tree over `bits` bits that together are exactly [first, after).

    At most two on a level; at most one where either end is an end of the range.
    """
    for level in range(bits, -1, -1):
        if first >= after:
            return
        if first & 1:
            yield level, first
            first += 1
        if after & 1:
            after -= 1
            yield level, after
        first >>= 1
        after >>= 1


def _halves(first: int, after: int) -> Iterator[tuple[int, int]]:
    """As `cover`, with the whole range given as its two halves, so that a question needs no root."""
    for level, prefix in cover(first, after, DAY_BITS):
        if level == 0:
            yield from ((1, 0), (1, 1))
        else:
            yield level, prefix


def _columns(field: Field) -> int:
    match field.seal:
        case SealKind.EXACT:
            return 1
        case SealKind.FOLDED:
            return 2
        case SealKind.ORDERED:
            return field.bits + 2


@lru_cache(maxsize=16_384)
def _path(value: int, bits: int) -> tuple[bytes, ...]:
    """The nodes above a value, from the root down to itself."""
    return tuple(_node(level, value >> (bits - level)) for level in range(bits + 1))


def _node(level: int, prefix: int) -> bytes:
    return b"%c%c%c" % (level, prefix >> 8, prefix & 0xFF)


def _parts(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


_first_eight = struct.Struct("<q").unpack_from
