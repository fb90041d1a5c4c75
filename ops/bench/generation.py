"""Seals made-up persons straight into a generation of a home, without a source in between."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from multiprocessing import get_context
from pathlib import Path

from msgspec.structs import replace

from adapters.index.directory import Published, building, publish, write_stored
from adapters.index.parts import ContentPart, PartWriter, Sealed, split
from adapters.index.sqlite import SqlitePart
from adapters.index.tokens import Marked, write_tokens
from adapters.keys.files import DECOY_PUBLIC, read_x25519_public
from adapters.keys.ring import SyncKeys, sync_keys
from gateway import generation
from gateway.generation import CatalogueMark, Kind, Manifest, Part, Stored
from gateway.seal import Layout, Sealer, SealingKey
from ops.bench.persons import KIND, Persons
from ops.settings import Home
from ops.sync.spool import Entry, Spool
from policies.catalogue import Catalogue, load_catalogue

WORKERS = 2
_CHUNK = 1_000
_NO_KEY = bytes(16)
DECOYS = range(30_000_000, 30_004_000)
"""Persons who are nobody: far behind those of any register."""


def build(home: Home, count: int, catalogue: Catalogue) -> Published:
    """Seal persons 0 to `count` with the home's own keys and publish them as its current generation."""
    keys = sync_keys(home.path)
    name = generation.name_generation(home.clock.now(), os.urandom(2))
    with building(home.index) as work, building(home.path / "data" / "bench") as spooled:
        spool = Spool(spooled, os.urandom)
        for packed in _sealed(keys, name, count, catalogue):
            spool.add(packed)
        decoys = _write_decoys(work, home, name, catalogue)
        manifest = replace(_manifest(home, name, count, catalogue, _write(work, spool)), decoys=decoys)
        content = generation.write(manifest)
        return publish(home.index, work, manifest, content, generation.sign(content, keys.sync))


def _sealed(keys: SyncKeys, name: str, count: int, catalogue: Catalogue) -> Iterator[list[bytes]]:
    chunks = [(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    chunks += [(start, start + _CHUNK) for start in range(DECOYS.start, DECOYS.stop, _CHUNK)]
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), _begin, (keys.sealing, name)) as pool:
        yield from pool.map(_seal, chunks)


def _write_decoys(work: Path, home: Home, name: str, catalogue: Catalogue) -> Stored:
    worker = _Worker(sync_keys(home.path).sealing, name, catalogue)
    key = read_x25519_public(home.keys / DECOY_PUBLIC)
    content = write_tokens(map(worker.link, DECOYS), Marked.DECOYS, key, os.urandom)
    return write_stored(work, f"{name}.decoys", content)


def _write(work: Path, spool: Spool) -> tuple[Part, ...]:
    """The point store and the digest that stands for it; no file job will ask, so there are no columns."""
    writers: list[PartWriter] = [SqlitePart(work, "base", 0), ContentPart("base", 0)]
    with ExitStack() as stack:
        for writer in writers:
            stack.enter_context(closing(writer))
        for bucket in spool.buckets():
            subjects = [Sealed(*split(entry.subject), entry.kind, entry.record) for entry in bucket]
            for writer in writers:
                writer.add(subjects)
        return tuple(part for writer in writers for part in writer.finish())


def _manifest(home: Home, name: str, count: int, catalogue: Catalogue, parts: tuple[Part, ...]) -> Manifest:
    layout, now = Layout(catalogue, KIND), home.clock.now()
    columns = tuple(field.key for field in layout.fields)
    return Manifest(
        number=0,
        suite="intl",
        generation=name,
        catalogue=CatalogueMark(catalogue.version, catalogue.digest),
        data_time=now,
        created=now,
        kinds={KIND: Kind(_kind_number(catalogue), columns, layout.width, count, count)},
        parts=parts,
    )


def _kind_number(catalogue: Catalogue) -> int:
    return list(catalogue.kinds).index(KIND)


class _Worker:
    """Seals ranges of persons."""

    def __init__(self, secret: bytes, name: str, catalogue: Catalogue) -> None:
        self._persons = Persons(catalogue)
        self._kind = _kind_number(catalogue)
        self._sealer = Sealer(SealingKey(secret), catalogue, KIND, name, os.urandom)

    def seal(self, start: int, end: int) -> list[bytes]:
        return [self._entry(person).pack() for person in range(start, end)]

    def link(self, person: int) -> bytes:
        """The long-lived name of a person."""
        return self._sealer.link(self._persons.number(person))

    def _entry(self, person: int) -> Entry:
        subject = self._sealer.subject(self.link(person))
        facts = self._persons.facts(person)
        record = self._sealer.record(subject, facts)
        return Entry(subject, _NO_KEY, self._kind, person & 0xFFFFFFFF, *facts.effective, facts.main, record)


_worker: list[_Worker] = []
"""The worker of a process of the pool; empty in the process that started it."""


def _begin(secret: bytes, name: str) -> None:
    _worker.append(_Worker(secret, name, load_catalogue()))


def _seal(chunk: tuple[int, int]) -> list[bytes]:
    return _worker[0].seal(*chunk)
