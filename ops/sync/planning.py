"""What one sync has to work with, and whether it begins anew or adds to what is there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.index.directory import Published, pointer, read_current
from adapters.keys.ring import SyncKeys
from adapters.sources.mapping import SourceMapping, load_mapping
from adapters.sources.source import Watermark
from gateway.generation import name_generation
from gateway.seal import Entropy, SealingKey
from ops.settings import Home
from ops.sync.decoys.keeping import DecoySet, unlock_set
from ops.sync.errors import SyncError
from ops.sync.settings import SourceSettings, SyncSettings
from ops.sync.state import Origin, State
from policies.catalogue import Catalogue


@dataclass(frozen=True, kw_only=True)
class Job:
    """Settings, keys and mappings of one sync, read and checked before anything is done."""

    settings: SyncSettings
    home: Home
    key: SealingKey
    signing: Ed25519PrivateKey = field(repr=False)
    catalogue: Catalogue
    entropy: Entropy = field(repr=False)
    mappings: Mapping[str, tuple[SourceSettings, SourceMapping]]

    @property
    def folder(self) -> Path:
        """Sync's own folder; nothing of the gateway looks into it."""
        return self.home.path / "data" / "sync"

    @property
    def state_path(self) -> Path:
        return self.folder / "subjects.sqlite"

    def decoys(self) -> DecoySet | None:
        """The decoys that the last sync kept; None if there are none, or none that this sealing key made."""
        if not self.state_path.exists():
            return None
        with closing(State(self.state_path)) as state:
            return unlock_set(state.decoys(), self.key)

    def followed(self) -> Path | None:
        """The state that a full sync follows, to learn who moved since; None where its links are other links."""
        if not self.state_path.exists():
            return None
        with closing(State(self.state_path)) as state:
            origin = state.origin()
        return self.state_path if origin is not None and origin.key == self.origin().key else None

    def origin(self) -> Origin:
        """What a generation of this job is made from."""
        fingerprint = self.key.prf("fingerprint")(b"")[:8].hex()
        digests = {kind: mapping.digest() for kind, (_, mapping) in self.mappings.items()}
        return Origin(key=fingerprint, mappings=digests)


@dataclass(frozen=True, slots=True)
class Plan:
    """What this sync writes: part `n` of a generation, as its base or on top of `current`."""

    mode: Literal["full", "delta", "push"]
    generation: str
    n: int
    current: Published | None
    since: Mapping[str, Watermark]
    """Where each kind's source goes on; empty when it is read whole."""


def prepare(settings: SyncSettings, home: Home, keys: SyncKeys, catalogue: Catalogue, entropy: Entropy) -> Job:
    """Read all mappings. Raises `MappingError`, or `SyncError` when two of them are for one kind."""
    mappings: dict[str, tuple[SourceSettings, SourceMapping]] = {}
    for source in settings.sources:
        mapping = load_mapping(home.folder("mappings") / source.mapping, catalogue)
        if mapping.kind in mappings:
            raise SyncError(f"sync.toml: two mappings are for {mapping.kind}; join them in a view or query")
        mappings[mapping.kind] = source, mapping
    if not mappings:
        raise SyncError("sync.toml names no source; add one under [[sources]]")
    return Job(
        settings=settings,
        home=home,
        key=SealingKey(keys.sealing, settings.suite),
        signing=keys.sync,
        catalogue=catalogue,
        entropy=entropy,
        mappings=mappings,
    )


def plan(job: Job, *, full: bool) -> Plan:
    """A delta where that is right: the same key, standard and mappings, and a watermark to go on from for each."""
    found = None if full else _continues(job)
    if found is None:
        return _anew(job)
    published, origin = found
    since = {kind: mark for kind, mark in origin.marks.items() if mark is not None}
    if since.keys() != job.mappings.keys():
        return _anew(job)
    return _on_top(published, "delta", since)


def plan_push(job: Job) -> Plan:
    """Pushed rows go on top of what is there. Raises `SyncError` when there is nothing they fit on."""
    found = _continues(job)
    if found is None:
        raise SyncError("pushed changes need an index of the same key, standard and mappings; run `bidui sync` first")
    return _on_top(found[0], "push", {})


def _anew(job: Job) -> Plan:
    name = name_generation(job.home.clock.now(), job.entropy(2))
    return Plan("full", name, 0, None, {})


def _on_top(published: Published, mode: Literal["delta", "push"], since: Mapping[str, Watermark]) -> Plan:
    manifest = published.manifest
    return Plan(mode, manifest.generation, manifest.parts[-1].n + 1, published, since)


def _continues(job: Job) -> tuple[Published, Origin] | None:
    if pointer(job.home.index) is None or not job.state_path.exists():
        return None
    published = read_current(job.home.index, job.signing.public_key())
    with closing(State(job.state_path)) as state:
        origin = state.origin()
    wanted = job.origin()
    if origin is None or (origin.key, origin.mappings) != (wanted.key, wanted.mappings):
        return None
    if (job.decoys() is None) != (published.manifest.decoys is None):
        # Without the links of decoys nobody would notice that one has come into the register.
        return None
    same_standard = published.manifest.catalogue.digest == job.catalogue.digest
    return (published, origin) if same_standard and origin.manifest == published.version.digest else None
