"""The sealing process's own meter: the same budgets as the gateway's, in a file the gateway cannot write.

Each batch is durable before its digests leave, so nothing is lost with a crash and no lease is needed (docs/adr/0007).
The counts live in memory; the file is a journal they are read from at the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from adapters.sealing.counts import Counts, Uses
from adapters.sealing.journal import Journal, JournalError, frames
from gateway.domain.budget import Limits, Reservation
from gateway.domain.errors import DownError
from gateway.watch.budgets import Budgets, Use

FORMAT = b"bidui-meter/1"
"""The first frame of every journal."""
SPARE_BYTES = 4 * 1024 * 1024
"""A journal is rewritten when it has outgrown twice its last rewriting by this much."""

ENLISTING = "cohort "
"""Before the number of a grant: links of its list, which are counted apart. No number of a grant has a blank in it."""

_encode = msgspec.msgpack.Encoder().encode
_uses: msgspec.msgpack.Decoder[Uses] = msgspec.msgpack.Decoder(Uses)


class Meter:
    """Counts what each grant had sealed. For one thread at a time, and one process: a second one is refused.

    When the file cannot be written nothing is counted and nothing may leave; the next batch begins by reading the file
    anew, so nobody has to restart a meter whose disk was full. Raises `DownError`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts = Counts()
        self._journal: Journal | None = None
        self._rewritten = 0
        self._open()

    def take(self, limits: Mapping[str, Limits], day: int, asked: Sequence[tuple[str, bytes]]) -> list[bool]:
        """For each (grant, link) whether its grant still has room; durable when it returns."""
        journal = self._journal or self._open()
        budgets = Budgets(self._counts, limits, day)
        reserved = [budgets.reserve([grant]) for grant, _ in asked]
        budgets.settle(_paid(reserved, asked))
        self._write(journal)
        return [reservation is not None for reservation in reserved]

    def close(self) -> None:
        journal, self._journal = self._journal, None
        if journal:
            journal.close()

    def _write(self, journal: Journal) -> None:
        uses, self._counts.spent = self._counts.spent, None
        if uses is None:
            return
        try:
            journal.append(_encode(uses))
            self._counts.add(uses)
            if journal.size > 2 * self._rewritten + SPARE_BYTES:
                self._rewrite(journal)
        except OSError as error:
            self.close()
            raise self._down(error) from error

    def _open(self) -> Journal:
        try:
            self._journal = journal = Journal(self._path)
            self._counts = _counted(self._path)
            self._rewrite(journal)
        except OSError as error:
            self.close()
            raise self._down(error) from error
        except DownError:
            self.close()
            raise
        return journal

    def _down(self, error: OSError) -> DownError:
        return DownError(f"the meter cannot be kept ({error.strerror or error}); nothing is sealed: {self._path}")

    def _rewrite(self, journal: Journal) -> None:
        journal.rewrite([FORMAT, *map(_encode, self._counts.all())])
        self._rewritten = journal.size


def comparisons_in(path: Path) -> int:
    """How many comparisons a journal tells of; may be asked while a process writes it."""
    return sum(
        count for uses in _read(path) for name, (count, _) in uses.grants.items() if not name.startswith(ENLISTING)
    )


def _counted(path: Path) -> Counts:
    counts = Counts()
    for uses in _read(path):
        counts.add(uses)
    return counts


def _read(path: Path) -> Iterator[Uses]:
    found = frames(path)
    if next(found, FORMAT) != FORMAT:
        raise JournalError(f"{path} is no meter of this version of bidui")
    try:
        yield from map(_uses.decode, found)
    except msgspec.DecodeError as error:
        raise JournalError(f"{path} is no meter of this version of bidui") from error


def _paid(reserved: Sequence[Reservation | None], asked: Sequence[tuple[str, bytes]]) -> list[Use]:
    return [Use(held, [grant], link) for held, (grant, link) in zip(reserved, asked, strict=True) if held]
