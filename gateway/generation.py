"""A generation of the sealed index, as its manifest tells it: which parts it has, from when, signed by sync.

A generation lives under one sealing context (key, catalogue). It is a base and numbered deltas; the newest part that
knows a subject speaks for it. The digest of the manifest's bytes is the data version that every answer carries.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.entry import decode, encode
from audit.errors import AuditError
from gateway.domain.errors import UnavailableError
from gateway.ports import DataVersion

_PURPOSE = b"bidui-manifest/1\n"
_NAME = re.compile(r"[a-z][a-z0-9]{1,39}")
_FILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


PartKind = Literal["base", "delta"]
VERSION: Literal[3] = 3
"""Of a manifest and of what it vouches for: digests of version 1 were made otherwise (docs/adr/0013), and version 2
told nothing of units and decoys, without which the watch sees less (docs/adr/0027)."""
CONTENT = ".content"
"""The stored form that stands for all: its digest is over the sealed subjects, whatever engine holds them."""


class GenerationError(UnavailableError):
    """The index on disk cannot be trusted or is not there; the message says what to do."""


class CatalogueMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data standard that the values were normalised by."""

    version: str
    digest: str


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a generation holds of one kind of subject. `number` stands in the rows, `columns` are the field keys."""

    number: int
    columns: tuple[str, ...]
    width: int
    subjects: int
    records: int


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One stored form of one part, a file of the generation's directory or `CONTENT`. `rows` counts its rows."""

    n: int
    kind: PartKind
    file: str
    sha256: str
    rows: int


class Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file beside the parts."""

    file: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What sync vouches for, as canonical JSON. `number` grows with every manifest of a generation.

    `kinds` count what the register holds; the rows of `parts` are decoys too. `units` is the table of units, `decoys`
    what serve knows decoys by, `protected` what it knows protected persons by; without such a file there are none.
    `movers` tells it whose record began or moved of late.
    """

    v: Literal[3] = VERSION
    number: int
    suite: str
    generation: str
    catalogue: CatalogueMark
    data_time: datetime
    created: datetime
    kinds: Mapping[str, Kind]
    parts: tuple[Part, ...]
    units: Stored | None = None
    decoys: Stored | None = None
    protected: Stored | None = None
    movers: Stored | None = None

    @property
    def beside(self) -> tuple[Stored, ...]:
        """The files beside the parts."""
        return tuple(stored for stored in (self.units, self.decoys, self.protected, self.movers) if stored)

    @property
    def deltas(self) -> int:
        return len({part.n for part in self.parts if part.kind == "delta"})

    def stored_as(self, suffix: str) -> list[Part]:
        """The parts in one stored form, oldest first. `GenerationError` when a part lacks that form."""
        found = [part for part in self.parts if part.file.endswith(suffix)]
        if {part.n for part in found} != {part.n for part in self.parts}:
            raise GenerationError(f"generation {self.generation} lacks {suffix} files; run `bidui sync --full`")
        return found


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which manifest is current: the content of `data/index/current`."""

    generation: str
    number: int
    digest: str

    def write(self) -> bytes:
        return encode({"generation": self.generation, "manifest": self.digest, "number": self.number})

    @classmethod
    def read(cls, content: bytes) -> Pointer:
        try:
            raw = msgspec.convert(decode(content), _Pointer)
        except (AuditError, msgspec.ValidationError) as error:
            raise GenerationError("data/index/current cannot be read; run `bidui sync --full`") from error
        if not (_NAME.fullmatch(raw.generation) and _DIGEST.fullmatch(raw.manifest) and raw.number >= 0):
            raise GenerationError("data/index/current names no generation; run `bidui sync --full`")
        return cls(raw.generation, raw.number, raw.manifest)


class _File(msgspec.Struct):
    file: str


class _Files(msgspec.Struct):
    parts: list[_File]
    units: _File | None = None
    decoys: _File | None = None
    protected: _File | None = None
    movers: _File | None = None


class _Pointer(msgspec.Struct, forbid_unknown_fields=True):
    generation: str
    manifest: str
    number: int


def name_generation(at: datetime, salt: bytes) -> str:
    """A name for a new generation: its time, for people, and two random bytes, against two in one second."""
    return f"g{at.astimezone(UTC):%Y%m%d%H%M%S}{salt[:2].hex()}"


def files_of(content: bytes) -> frozenset[str]:
    """The files a manifest names, unchecked: for removing what none names any more, and nothing else."""
    files = msgspec.json.decode(content, type=_Files)
    beside = files.units, files.decoys, files.protected, files.movers
    return frozenset(each.file for each in (*files.parts, *beside) if each)


def digest(content: bytes) -> str:
    """The data version of a manifest's bytes."""
    return hashlib.sha256(content).hexdigest()


def version_of(manifest: Manifest, content: bytes) -> DataVersion:
    """What an answer says about the state of the register it speaks of."""
    return DataVersion(digest=digest(content), generation=manifest.generation, time=manifest.data_time)


def write(manifest: Manifest) -> bytes:
    """The canonical bytes of a manifest. `GenerationError` if it breaks a rule a reader would refuse it for."""
    _check(manifest)
    return encode(
        {
            "v": manifest.v,
            "number": manifest.number,
            "suite": manifest.suite,
            "generation": manifest.generation,
            "catalogue": msgspec.structs.asdict(manifest.catalogue),
            "data_time": _instant(manifest.data_time),
            "created": _instant(manifest.created),
            "kinds": {key: msgspec.structs.asdict(kind) for key, kind in manifest.kinds.items()},
            "parts": [msgspec.structs.asdict(part) for part in manifest.parts],
            "units": _stored(manifest.units),
            "decoys": _stored(manifest.decoys),
            "protected": _stored(manifest.protected),
            "movers": _stored(manifest.movers),
        }
    )


def sign(content: bytes, key: Ed25519PrivateKey) -> bytes:
    """Sync's signature over a manifest's bytes, bound to its purpose."""
    return key.sign(_PURPOSE + content)


def read(content: bytes, signature: bytes, key: Ed25519PublicKey) -> Manifest:
    """Check the signature first, then every rule. Raises `GenerationError`; nothing unsigned is ever parsed."""
    try:
        key.verify(signature, _PURPOSE + content)
    except InvalidSignature:
        raise GenerationError("the manifest is not signed by sync's key; is keys/sync.pub the right one?") from None
    try:
        manifest = msgspec.convert(decode(content), Manifest)
    except (AuditError, msgspec.ValidationError) as error:
        raise GenerationError(
            f"the manifest was written by another version of bidui; run `bidui sync --full`: {error}"
        ) from error
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    if not (_NAME.fullmatch(manifest.generation) and manifest.kinds and manifest.parts):
        raise GenerationError("a manifest names a generation, its kinds and at least a base")
    if manifest.data_time.tzinfo is None or manifest.created.tzinfo is None:
        raise GenerationError("the times of a manifest are aware, in UTC")
    _check_parts(manifest.parts)
    _check_beside(manifest)


def _check_parts(parts: Sequence[Part]) -> None:
    order = [part.n for part in parts]
    if order != sorted(order):
        raise GenerationError("the parts of a manifest are numbered, oldest first")
    if any((part.kind == "base") != (part.n == order[0]) for part in parts):
        raise GenerationError("a manifest has one base, and it comes first")
    if len({part.file for part in parts}) != len(parts):
        raise GenerationError("a manifest names each file once")
    for part in parts:
        if not (_FILE.fullmatch(part.file) and _DIGEST.fullmatch(part.sha256) and part.rows >= 0):
            raise GenerationError("a part of the manifest has no proper file name, digest or count")


def _check_beside(manifest: Manifest) -> None:
    for stored in manifest.beside:
        if not (_FILE.fullmatch(stored.file) and _DIGEST.fullmatch(stored.sha256)):
            raise GenerationError("a file beside the parts of the manifest has no proper name or digest")
    names = {stored.file for stored in manifest.beside} | {part.file for part in manifest.parts}
    if len(names) != len(manifest.beside) + len(manifest.parts):
        raise GenerationError("a manifest names each file once")


def _stored(stored: Stored | None) -> dict[str, str] | None:
    return msgspec.structs.asdict(stored) if stored else None


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
