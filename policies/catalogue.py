"""The data standard: which kinds of subjects and fields there are, and how their values are read.

    catalogue = load_catalogue()
    subject = catalogue.identifier("person", "11010519491231002X")
    value = catalogue.fields["name"].normalise("张　三")

The standard stands in TOML files, one a group of fields; they are read strictly and together make one catalogue
with one version. Its digest also covers how values are read and folded, so an index sealed under another standard
is never compared with claims read under this one.
"""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from policies.fields import Comparator, Field, Records, SealKind, Sensitivity, Sharing, SubjectKind
from policies.folding import fold_digest
from policies.identifiers import FIELD, parse_identifier
from policies.invalid import CatalogueError, InvalidValueError
from policies.normalisers import READING_VERSION
from policies.standard_files import Section, read_codes, read_field, read_kind

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Comparator",
    "Field",
    "InvalidValueError",
    "Records",
    "SealKind",
    "Sensitivity",
    "Sharing",
    "SubjectKind",
    "load_catalogue",
]

SHIPPED = Path(__file__).parent / "data" / "catalogue"

UNKNOWN_KIND = "对象类别不在数据标准中"


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """One version of the data standard. `fields` keeps the order of the files."""

    version: str
    digest: str
    kinds: Mapping[str, SubjectKind]
    fields: Mapping[str, Field]

    def __hash__(self) -> int:
        """By its digest, which stands for all of it."""
        return hash(self.digest)

    def fields_of(self, kind: str) -> tuple[Field, ...]:
        """The fields of one kind of subject, in order."""
        return tuple(field for field in self.fields.values() if field.kind == kind)

    @cached_property
    def claimable(self) -> Mapping[str, Mapping[str, Field]]:
        """For each kind the fields that a claim may name: all but the identity gate, which comes with the subject."""
        return {
            key: {field.key: field for field in self.fields_of(key) if field.key not in kind.gate}
            for key, kind in self.kinds.items()
        }

    def identifier(self, kind: str, raw: object) -> str:
        """The number of a subject in its one form. Raises `InvalidValueError` with field "id"."""
        subject_kind = self.kinds.get(kind)
        if subject_kind is None:
            raise InvalidValueError(FIELD, UNKNOWN_KIND)
        return parse_identifier(subject_kind.identifiers, raw)


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Reads a folder of TOML files, or a single one; None reads the shipped standard. Raises `CatalogueError`."""
    files = _Files(path or SHIPPED)
    kinds = {key: read_kind(section, key) for key, section in files.sections("kinds")}
    tables = {key: read_codes(section) for key, section in files.sections("codes")}
    fields = {key: read_field(section, key, tables) for key, section in files.sections("fields")}
    version = files.version()
    files.close()
    _check_together(files.name, kinds, fields)
    return Catalogue(
        version=version,
        digest=files.digest(),
        kinds=MappingProxyType(kinds),
        fields=MappingProxyType(fields),
    )


class _Files:
    """The files of one standard, read as if they were one."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        paths = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        self._files = [Section(file.name, "", _parse(file)) for file in paths]

    def sections(self, name: str) -> Iterator[tuple[str, Section]]:
        """The tables of this name from all files; a key that stands in two of them is an error."""
        seen: set[str] = set()
        for file in self._files:
            for key, section in file.sections(name).items():
                if key in seen:
                    section.fail("", "stands in another file too")
                seen.add(key)
                yield key, section

    def version(self) -> str:
        """Stands in exactly one file."""
        holders = [file for file in self._files if file.get("version") is not None]
        if len(holders) != 1:
            raise CatalogueError(self.name, "version", "must stand in exactly one file")
        return holders[0].text("version")

    def close(self) -> None:
        for file in self._files:
            file.close()

    def digest(self) -> str:
        """Independent of how the standard is spread over files; order counts only inside a table of codes."""
        merged: dict[str, object] = {"reading": READING_VERSION, "folding": fold_digest()}
        merged["version"] = self.version()
        for name in ("kinds", "codes", "fields"):
            merged[name] = {key: section.data for key, section in self.sections(name)}
        text = json.dumps(merged, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()


def _parse(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogueError(file.name, "", f"cannot be read: {error}") from error


def _check_together(name: str, kinds: Mapping[str, SubjectKind], fields: Mapping[str, Field]) -> None:
    if not kinds or not fields:
        raise CatalogueError(name, "kinds, fields", "a standard without them allows nothing and proves nothing")
    for field in fields.values():
        if field.kind not in kinds:
            raise CatalogueError(name, f"fields.{field.key}.kind", f"must be one of {', '.join(kinds)}")
        if (field.kind == "organisation") != field.key.startswith("org_"):
            raise CatalogueError(name, f"fields.{field.key}", "keys of organisations, and only theirs, begin with org_")
    for kind in kinds.values():
        _check_gate(name, kind, fields.values())


def _check_gate(name: str, kind: SubjectKind, fields: Iterable[Field]) -> None:
    able = {field.key for field in fields if field.kind == kind.key and field.seal is not SealKind.ORDERED}
    if not able.issuperset(kind.gate):
        raise CatalogueError(name, f"kinds.{kind.key}.gate", "must name fields of this kind that are sealed whole")
