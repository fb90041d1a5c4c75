"""`data/index`: a directory for each generation, and `current`, the small file that says which manifest serves.

A generation is built in a directory of its own and becomes visible by one rename of `current`. Whatever dies before
that line leaves the old generation serving, and nothing that a reader would ever open.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.index.parts import file_digest, make_durable, write_durably
from gateway.generation import GenerationError, Manifest, Part, Pointer, Stored, digest, files_of, read, version_of
from gateway.ports import DataVersion

KEPT_GENERATIONS = 2
KEPT_MANIFESTS = 64
_BUILDING = ".building"


@dataclass(frozen=True)
class Published:
    """A manifest that was checked, its exact bytes, and the directory of its parts."""

    directory: Path
    manifest: Manifest
    content: bytes
    signature: bytes

    @cached_property
    def version(self) -> DataVersion:
        """What answers say of it; asked with every one of them, so worked out once."""
        return version_of(self.manifest, self.content)


def pointer(root: Path) -> Pointer | None:
    """Which manifest is current; None before the first sync. Cheap enough to ask before every turn."""
    try:
        return Pointer.read((root / "current").read_bytes())
    except FileNotFoundError:
        return None


def read_current(root: Path, key: Ed25519PublicKey) -> Published:
    """The current manifest, its signature checked. Raises `GenerationError`."""
    current = pointer(root)
    if current is None:
        raise GenerationError("there is no sealed index yet; run `bidui sync`")
    return _read(root, current, key)


def check_file(directory: Path, part: Part) -> None:
    """Hold a file to the digest that sync signed. Raises `GenerationError`."""
    try:
        right = file_digest(directory / part.file) == part.sha256
    except OSError as error:
        raise GenerationError(f"{part.file} of the index is missing; run `bidui sync --full`") from error
    if not right:
        raise GenerationError(f"{part.file} of the index was altered; find out by whom, then `bidui sync --full`")


def write_stored(directory: Path, name: str, content: bytes) -> Stored:
    """Write a file that is to lie beside the parts."""
    write_durably(directory / name, content)
    return Stored(name, hashlib.sha256(content).hexdigest())


def read_stored(directory: Path, stored: Stored) -> bytes:
    """A file beside the parts, as sync signed it. Raises `GenerationError`."""
    try:
        return check_stored((directory / stored.file).read_bytes(), stored)
    except OSError as error:
        raise GenerationError(f"{stored.file} of the index is missing; run `bidui sync --full`") from error


def check_stored(content: bytes, stored: Stored) -> bytes:
    """Hold the content of such a file to the digest that sync signed. Raises `GenerationError`."""
    if hashlib.sha256(content).hexdigest() != stored.sha256:
        raise GenerationError(f"{stored.file} of the index was altered; find out by whom, then `bidui sync --full`")
    return content


def _read(root: Path, current: Pointer, key: Ed25519PublicKey) -> Published:
    directory = root / current.generation
    stem = _manifest_stem(current.number)
    try:
        content = (directory / f"{stem}.json").read_bytes()
        signature = (directory / f"{stem}.sig").read_bytes()
    except OSError as error:
        raise GenerationError(f"the manifest of {current.generation} is missing; run `bidui sync --full`") from error
    if digest(content) != current.digest:
        raise GenerationError("the manifest is not the one that `current` names; run `bidui sync --full`")
    return Published(directory, read(content, signature, key), content, signature)


@contextmanager
def building(root: Path) -> Iterator[Path]:
    """An empty directory to build in, gone afterwards whatever happens. Also removes what a dead sync left."""
    work = root / _BUILDING
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def publish(root: Path, work: Path, manifest: Manifest, content: bytes, signature: bytes) -> Published:
    """Move the finished files of `work` into their generation and make the manifest current, the last by one rename."""
    stem = _manifest_stem(manifest.number)
    write_durably(work / f"{stem}.json", content)
    write_durably(work / f"{stem}.sig", signature)
    directory = root / manifest.generation
    directory.mkdir(exist_ok=True)
    for file in sorted(work.iterdir()):
        file.replace(directory / file.name)
    make_durable(directory)
    write_durably(root / "current.new", Pointer(manifest.generation, manifest.number, digest(content)).write())
    # A crash up to here changed nothing a reader sees.
    (root / "current.new").replace(root / "current")
    make_durable(root)
    return Published(directory, manifest, content, signature)


def prune(root: Path, published: Published) -> None:
    """Remove what no reader can need: generations beyond the newest two, and parts that no recent manifest names.

    Readers that hold a removed file open keep it until they close.
    """
    current = published.manifest.generation
    others = sorted((d for d in root.iterdir() if _is_generation(d) and d.name != current), reverse=True)
    for old in others[KEPT_GENERATIONS - 1 :]:
        shutil.rmtree(old)
    manifests = sorted(published.directory.glob("manifest-*.json"), key=_number)
    for old in manifests[:-KEPT_MANIFESTS]:
        old.with_suffix(".sig").unlink(missing_ok=True)
        old.unlink()
    named = {file for manifest in manifests[-KEPT_MANIFESTS:] for file in files_of(manifest.read_bytes())}
    for file in published.directory.iterdir():
        if not file.name.startswith("manifest-") and file.name not in named:
            file.unlink()


def _manifest_stem(number: int) -> str:
    return f"manifest-{number:04d}"


def _is_generation(directory: Path) -> bool:
    return directory.is_dir() and not directory.name.startswith(".")


def _number(file: Path) -> int:
    """What stands between the hyphen and the point: manifest-0012.json is number 12."""
    return int(file.name.split(".")[0].split("-")[1])
