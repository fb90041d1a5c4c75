"""Verdicts: proven, tampered, incomplete; and what a verification found."""

from __future__ import annotations

from dataclasses import dataclass, field

PROVEN, TAMPERED, INCOMPLETE, USAGE = 0, 1, 2, 3
VERDICTS = {PROVEN: "已证明 / proven", TAMPERED: "已被篡改 / tampered", INCOMPLETE: "证据不全 / evidence incomplete"}
MAX_PROBLEMS = 100


class WrongError(Exception):
    """Something is not what it claims to be."""


class MissingError(Exception):
    """Something that would be needed to tell is not there."""


class UnreadableError(Exception):
    """The file is not of the form that can be verified at all, or the command line is wrong."""


@dataclass
class Report:
    """What was found: how many entries it speaks of, what is wrong or missing, and what was shown on the way."""

    size: int = 0
    problems: list[tuple[int, int | None, str]] = field(default_factory=list[tuple[int, int | None, str]])
    shown: list[str] = field(default_factory=list[str])
    opened: list[str] = field(default_factory=list[str], repr=False)
    """What disclosures say: told only to whoever asks for it."""
    seen: set[int] = field(default_factory=set[int])

    def note(self, verdict: int, index: int | None, cause: str) -> None:
        """Remember a problem; after the first hundred only that there was one of its kind."""
        if len(self.problems) < MAX_PROBLEMS or verdict not in self.seen:
            self.problems.append((verdict, index, cause))
        self.seen.add(verdict)

    def wrong(self, index: int | None, cause: str) -> None:
        """Something was changed."""
        self.note(TAMPERED, index, cause)

    def missing(self, index: int | None, cause: str) -> None:
        """Evidence is missing."""
        self.note(INCOMPLETE, index, cause)

    def names_one_in(self, start: int, end: int) -> bool:
        """Tell whether an entry of this range was found wrong so far."""
        return any(v == TAMPERED and i is not None and start <= i < end for v, i, _ in self.problems)

    @property
    def verdict(self) -> int:
        """Return tampered before incomplete before proven; a report about nothing proves nothing."""
        if TAMPERED in self.seen:
            return TAMPERED
        return INCOMPLETE if self.seen or not self.size else PROVEN

    @property
    def first_bad(self) -> int | None:
        """Return the first index that was tampered with, if it can be told."""
        return min((i for v, i, _ in self.problems if v == TAMPERED and i is not None), default=None)
