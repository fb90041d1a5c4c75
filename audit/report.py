"""What a verifier says: three verdicts, and the first entry that is wrong."""

from enum import IntEnum

from msgspec import Struct

from audit.erased import Erased

MAX_PROBLEMS = 100


class Exit(IntEnum):
    """Exit codes of `bidui audit verify`. What cannot be checked for want of evidence is never proven."""

    PROVEN = 0
    TAMPERED = 1
    INCOMPLETE = 2
    USAGE = 3


class Problem(Struct, frozen=True):
    """One thing that is wrong (TAMPERED) or missing (INCOMPLETE), and the first entry it concerns, if any."""

    verdict: Exit
    cause: str
    index: int | None = None


class Report(Struct, frozen=True):
    """The outcome of a verification: how many entries it speaks of, and what was found wrong."""

    size: int
    problems: tuple[Problem, ...]
    checkpoints: int = 0
    disclosures: int = 0
    erased: tuple[Erased, ...] = ()
    """What the log says was erased, and that nothing else is missing; it takes nothing from the verdict."""

    @property
    def verdict(self) -> Exit:
        """Return TAMPERED before INCOMPLETE before PROVEN; a report about nothing proves nothing."""
        verdicts = {problem.verdict for problem in self.problems}
        if Exit.TAMPERED in verdicts:
            return Exit.TAMPERED
        return Exit.INCOMPLETE if verdicts or not self.size else Exit.PROVEN

    @property
    def first_bad(self) -> int | None:
        """Return the first index that was tampered with, if it can be told."""
        return min((p.index for p in self.problems if p.verdict is Exit.TAMPERED and p.index is not None), default=None)


class Findings:
    """Gathers problems; after the first hundred it only remembers which verdicts there were."""

    def __init__(self) -> None:
        """Begin with none."""
        self._problems: list[Problem] = []
        self._seen: set[Exit] = set()

    def tampered(self, index: int | None, cause: str) -> None:
        """Note that something was changed."""
        self._note(Problem(Exit.TAMPERED, cause, index))

    def incomplete(self, index: int | None, cause: str) -> None:
        """Note that evidence is missing."""
        self._note(Problem(Exit.INCOMPLETE, cause, index))

    def names_one_in(self, start: int, end: int) -> bool:
        """Tell whether an entry of this range was found tampered with so far."""
        return any(p.verdict is Exit.TAMPERED and p.index in range(start, end) for p in self._problems)

    def all(self) -> tuple[Problem, ...]:
        """Return the problems in the order found."""
        return tuple(self._problems)

    def _note(self, problem: Problem) -> None:
        if len(self._problems) < MAX_PROBLEMS or problem.verdict not in self._seen:
            self._problems.append(problem)
        self._seen.add(problem.verdict)
