"""Files of a rulebook version as names and bytes: from a folder or from texts, they are read by one way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from policies.problems import Pitfall, Problem, RulebookError


class File(NamedTuple):
    """One file, not yet looked into."""

    name: str
    raw: bytes


def read_folder(folder: Path) -> tuple[File, ...]:
    """The TOML files of a folder by name. One that may not be read is no empty one: raises `RulebookError`."""
    try:
        listed = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError as error:
        raise _unreadable([(folder, error)]) from None
    return read_files(listed)


def read_files(paths: Iterable[Path]) -> tuple[File, ...]:
    """These files. Raises `RulebookError` with every one that cannot be read: a deny could be in it."""
    files: list[File] = []
    failed: list[tuple[Path, OSError]] = []
    for path in paths:
        try:
            files.append(File(path.name, path.read_bytes()))
        except OSError as error:
            failed.append((path, error))
    if failed:
        raise _unreadable(failed)
    return tuple(files)


def files_of(texts: Mapping[str, str]) -> tuple[File, ...]:
    """Texts as the files they would be. What is no Unicode stays none, and is refused where it is read."""
    return tuple(File(name, text.encode("utf-8", "surrogatepass")) for name, text in sorted(texts.items()))


def _unreadable(failed: Iterable[tuple[Path, OSError]]) -> RulebookError:
    return RulebookError(
        tuple(Problem(path.name, "-", Pitfall.UNREADABLE, error.strerror or "") for path, error in failed)
    )
