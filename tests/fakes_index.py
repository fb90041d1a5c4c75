"""An index in memory, and builders for indexes on disk."""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.index.directory import Published, building, publish, write_stored
from adapters.index.movers import write_movers
from adapters.index.parquet import ParquetPart, Shape
from adapters.index.parts import ContentPart, PartWriter, Sealed, join, split
from adapters.index.sqlite import SqlitePart
from adapters.index.tokens import Marked, write_tokens
from adapters.index.units import UNITS, UnitRow, write_units
from gateway import generation
from gateway.domain.budget import Reservation
from gateway.domain.errors import UnavailableError
from gateway.generation import CatalogueMark, Kind, Manifest, Part, Stored
from gateway.ports import DataVersion, LookUp, UnitFact

KEY = Ed25519PrivateKey.from_private_bytes(b"m" * 32)
DECOY_KEY = X25519PrivateKey.from_private_bytes(b"v" * 32)
AT = datetime(2026, 11, 3, 8, 15, tzinfo=UTC)
GENERATION = "g20261103081500abcd"
PAID = Reservation("g-1", 739_000)
SHAPES = (Shape("person", 0, ("main", "name_0", "name_1")), Shape("organisation", 1, ("main", "org_name_0")))


@dataclass(frozen=True)
class MemoryIndex:
    """Keeps a generation in a dict. `parts` come oldest first; unreadable on demand."""

    version: DataVersion
    parts: Sequence[Sequence[Sealed]]
    kinds: frozenset[str] = frozenset({"person", "organisation"})
    broken: bool = False
    rows: Sequence[UnitRow] = ()
    decoys: Collection[bytes] = ()
    protected: Collection[bytes] = ()
    movers: tuple[int, Mapping[bytes, int]] | None = None

    def find(self, kind: str, look_ups: Sequence[LookUp]) -> list[bytes]:
        """See `gateway.ports.Index`."""
        if self.broken or kind not in self.kinds:
            raise UnavailableError("the sealed index cannot be read")
        known = {join(subject.head, subject.tail): subject.rows for part in self.parts for subject in part}
        return [known.get(look_up.subject, b"") for look_up in look_ups]

    def unit(self, token: int) -> UnitFact | None:
        """See `gateway.ports.Index`."""
        return next((UnitFact(*row[1:]) for row in self.rows if row.token == token), None)

    def units(self) -> Iterable[UnitFact]:
        """See `gateway.ports.Index`."""
        return [UnitFact(*row[1:]) for row in self.rows]

    def is_decoy(self, link: bytes) -> bool:
        """See `gateway.ports.Index`."""
        return link in self.decoys

    def is_protected(self, link: bytes) -> bool:
        """See `gateway.ports.Index`."""
        return link in self.protected

    def moves_since(self) -> int | None:
        """See `gateway.ports.Index`."""
        return self.movers[0] if self.movers else None

    def moved_on(self, link: bytes) -> int:
        """See `gateway.ports.Index`."""
        return self.movers[1].get(link, 0) if self.movers else 0

    def close(self) -> None:
        """Has nothing open."""

    def breaking(self) -> MemoryIndex:
        """The same, out of order."""
        return replace(self, broken=True)


def a_subject(seed: int, records: int = 1, kind: int = 0) -> Sealed:
    """A sealed subject, different in every byte for each seed; no records means that it is gone."""
    head, tail = split(digest_of(seed)[:16])
    width = len(SHAPES[kind].columns)
    digests = struct.unpack(f"<{width}q", (digest_of(seed + 1_000_003) * width)[: 8 * width])
    rows = b"".join(struct.pack(f"<{width}q", *(digest ^ record for digest in digests)) for record in range(records))
    return Sealed(head, tail, kind, rows)


def digest_of(seed: int) -> bytes:
    """Bytes that look random and are the same each time."""
    return bytes.fromhex(generation.digest(seed.to_bytes(8, "little")))


def a_look_up(subject: Sealed | bytes) -> LookUp:
    """A look-up that somebody paid for."""
    return LookUp(subject if isinstance(subject, bytes) else join(subject.head, subject.tail), PAID)


def publish_parts(
    root: Path,
    parts: Sequence[Sequence[Sealed]],
    number: int = 0,
    name: str = GENERATION,
    *,
    units: Sequence[UnitRow] = (),
    decoys: Sequence[bytes] = (),
    protected: Sequence[bytes] = (),
    movers: tuple[int, Mapping[bytes, int]] | None = None,
) -> Published:
    """Write parts as sync would, oldest first, and make them current."""
    with building(root) as work:
        stored = [part for n, subjects in enumerate(parts) for part in write_part(work, n, subjects)]
        manifest = Manifest(
            number=number,
            suite="intl",
            generation=name,
            catalogue=CatalogueMark("2026.1", "c" * 64),
            data_time=AT,
            created=AT,
            kinds={shape.key: Kind(shape.number, (), len(shape.columns), 0, 0) for shape in SHAPES},
            parts=tuple(stored),
            decoys=_written(work, f"decoys-{number}", decoys, Marked.DECOYS),
            protected=_written(work, f"protected-{number}", protected, Marked.PROTECTED),
            movers=write_stored(work, f"movers-{number}", _movers(*movers)) if movers else None,
            units=write_stored(work, UNITS, write_units(units)) if units else None,
        )
        content = generation.write(manifest)
        return publish(root, work, manifest, content, generation.sign(content, KEY))


def _written(work: Path, name: str, links: Sequence[bytes], what: Marked) -> Stored | None:
    content = write_tokens(links, what, DECOY_KEY.public_key(), os.urandom)
    return write_stored(work, name, content) if links else None


def _movers(since: int, days: Mapping[bytes, int]) -> bytes:
    return write_movers(since, days, DECOY_KEY.public_key(), os.urandom)


def write_part(work: Path, n: int, subjects: Sequence[Sealed]) -> list[Part]:
    """One part in every form."""
    kind: generation.PartKind = "delta" if n else "base"
    ordered = sorted(subjects)
    writers: list[PartWriter] = [SqlitePart(work, kind, n), ParquetPart(work, kind, n, SHAPES), ContentPart(kind, n)]
    for writer in writers:
        writer.add(ordered[:2])
        writer.add(ordered[2:])
    return [part for writer in writers for part in writer.finish()]
