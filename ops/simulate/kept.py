"""Results of simulations that were kept as JSON: read again, so that pictures are drawn without another run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from ops.simulate.replay import Assault
from ops.simulate.report import Alarms, Leak, ReportError


class Result(msgspec.Struct, frozen=True):
    """One run, as `ops.simulate.report.document` writes it."""

    persons: int
    days: int
    records: int
    seeds: tuple[int, ...]
    reviewer: float
    blind: bool
    attacks: tuple[Leak, ...]
    honest: tuple[Alarms, ...]
    assaults: tuple[Assault, ...]


def keep(path: Path, document: Mapping[str, object]) -> None:
    """Writes a result. Raises `ReportError`."""
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    except OSError as error:
        raise ReportError(f"{path} cannot be written ({error.strerror})") from None


def read_results(paths: Iterable[Path]) -> list[Result]:
    """Reads results. Raises `ReportError`."""
    return [_read(path) for path in paths]


def result_of(document: Mapping[str, object]) -> Result:
    """The result in a document that was just made."""
    return msgspec.convert(document, Result)


def _read(path: Path) -> Result:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except OSError as error:
        raise ReportError(f"{path} cannot be read ({error.strerror})") from None
    except msgspec.DecodeError as error:
        raise ReportError(f"{path} is no result of `bidui simulate --save` ({error})") from None
