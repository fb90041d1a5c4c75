"""A version of the rulebooks as texts: what is proposed, examined, signed and put into force.

    texts = read_texts(folder, expectations, units)          # or Texts.of_content(deed content)
    report = examine(texts, catalogue, clients)              # before anybody signs, and again before it is in force
    rules = load_texts(texts, catalogue, clients, number=7, digest=digest)

A version is refused as a whole: a text that cannot be read strictly, an expectation that is not met, a rule nobody
expects anything of, or one question on which plain pycasbin and the snapshot disagree.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Final, cast

from policies.catalogue import Catalogue
from policies.decision import PolicyVersion
from policies.expectations import Judged, idle, judged
from policies.expected import Expectations, read_expectations
from policies.files import File, files_of, read_folder
from policies.loader import load_files
from policies.problems import Pitfall, Problem, RulebookError
from policies.rows import Rules
from policies.rulebook import EVERYBODY
from policies.snapshot import Snapshot, compile_rules
from policies.stock import Question, compare

_FILE: Final = re.compile(r"[\w][\w.-]{0,63}\.toml")
_MEMBERS: Final = frozenset({"files", "expectations", "units"})
_NO_UNITS: Final[Mapping[str, str | None]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Texts:
    """Rulebooks and expectation tables by file name, and for each unit `org:<code>` the unit above it or `None`."""

    files: Mapping[str, str]
    expectations: Mapping[str, str]
    units: Mapping[str, str | None]

    def as_content(self) -> dict[str, dict[str, str]]:
        """For a document: units by bare code, with "" above those at the top."""
        return {
            "files": dict(self.files),
            "expectations": dict(self.expectations),
            "units": {_bare(unit): _bare(above or "") for unit, above in self.units.items()},
        }

    @classmethod
    def of_content(cls, content: Mapping[str, object]) -> Texts:
        """What `as_content` gave. Raises `RulebookError` for anything else."""
        problems = [Problem("content", key, Pitfall.UNKNOWN_KEY, key) for key in sorted(content.keys() - _MEMBERS)]
        problems += [Problem("content", key, Pitfall.MISSING_KEY, key) for key in sorted(_MEMBERS - content.keys())]
        problems += [problem for key in sorted(_MEMBERS & content.keys()) for problem in _untexts(key, content[key])]
        if problems:
            raise RulebookError(tuple(problems))
        files, expectations, units = (cast("dict[str, str]", content[key]) for key in sorted(_MEMBERS, key=_order))
        return cls(
            files, expectations, {f"org:{one}": f"org:{above}" if above else None for one, above in units.items()}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """How long each part of an examination took. The comparison with plain pycasbin stands apart: it is slow."""

    load: float = 0.0
    compile: float = 0.0
    check: float = 0.0
    comparison: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """What an examination found: how much was checked, and one line for everything to mend."""

    rules: int
    checked: int
    compared: int
    lines: tuple[str, ...]
    seconds: Seconds = Seconds()
    problems: tuple[Problem, ...] = ()
    """What could not be loaded, each also a line."""

    @property
    def ok(self) -> bool:
        """Whether something was checked and nothing has to be mended: a run over nothing proves nothing."""
        return self.checked > 0 and self.rules > 0 and not self.lines


def read_texts(rulebooks: Path, expectations: Path, units: Mapping[str, str | None] = _NO_UNITS) -> Texts:
    """The texts of two folders. Raises `RulebookError` for what cannot be read."""
    return Texts(_decoded(read_folder(rulebooks)), _decoded(read_folder(expectations)), units)


def load_texts(texts: Texts, catalogue: Catalogue, clients: Mapping[str, str], *, number: int, digest: str) -> Rules:
    """The rules of a version under the number and digest it was signed with. Raises `RulebookError`."""
    version = PolicyVersion(number, digest)
    return load_files(files_of(texts.files), catalogue, clients=clients, units=texts.units, version=version)


def run(
    rulebooks: Path, expectations: Path, catalogue: Catalogue, units: Mapping[str, str | None] = _NO_UNITS
) -> Report:
    """Examine the files of two folders; `units` need hold only what a rule or a table names besides `org:all`."""
    try:
        texts = read_texts(rulebooks, expectations, units)
    except RulebookError as error:
        return _unloaded(error)
    return examine(texts, catalogue, {})


def examine(
    texts: Texts, catalogue: Catalogue, clients: Mapping[str, str], clock: Callable[[], float] = perf_counter
) -> Report:
    """Whether this version may be put into force for these clients and those of its own tables.

    What cannot be loaded is reported, not raised. `clients` says the department of each registered client.
    """
    marks = [clock()]
    with _uncollected():
        try:
            tables = read_expectations(files_of(texts.expectations))
            known = _clients(tables, clients)
            rules = load_files(files_of(texts.files), catalogue, clients=known, units=texts.units)
            _check_departments(rules, known)
        except RulebookError as error:
            return _unloaded(error)
        marks.append(clock())
        snapshot = compile_rules(rules)
        marks.append(clock())
        found = list(judged(tables, snapshot))
        lines = [*(str(one) for one in found if not one.met), *idle(rules, found)]
        marks.append(clock())
    lines += _different(snapshot, found)
    marks.append(clock())
    took = (end - start for start, end in pairwise(marks))
    seconds = Seconds(**dict(zip(("load", "compile", "check", "comparison"), took, strict=True)))
    return Report(sum(len(book.rules) for book in rules.books), len(found), len(found), tuple(lines), seconds)


@contextmanager
def _uncollected() -> Generator[None]:
    """A hundred thousand small values are made and none is garbage: looking for it takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _unloaded(error: RulebookError) -> Report:
    return Report(0, 0, 0, tuple(str(problem) for problem in error.problems), problems=error.problems)


def _clients(tables: Iterable[Expectations], registered: Mapping[str, str]) -> dict[str, str]:
    """Registered clients and those that tables speak of; each has one department."""
    clients = dict(registered)
    for table in tables:
        if clients.setdefault(table.situation.client, table.department) != table.department:
            raise RulebookError((Problem(table.file, table.situation.client, Pitfall.DUPLICATE, "client"),))
    return clients


def _check_departments(rules: Rules, clients: Mapping[str, str]) -> None:
    """A rulebook of a department that neither registers nor expects anything is misspelt."""
    departments = {EVERYBODY, *clients.values()}
    lost = [book for book in rules.books if book.department not in departments]
    if lost:
        raise RulebookError(
            tuple(Problem(book.file, "department", Pitfall.UNKNOWN_NAME, book.department) for book in lost)
        )


def _different(snapshot: Snapshot, found: Iterable[Judged]) -> Iterator[str]:
    """Lines for what the snapshot and plain pycasbin decide differently: such a version must not be in force."""
    cells = {Question(one.cell.ask, one.cell.situation.at): one.cell for one in found}
    for question in dict.fromkeys(compare(snapshot, list(cells), snapshot.version.digest)):
        yield f"{cells[question]}：快照与 Casbin 的判定不同，不得发布，请报告维护者"


def _decoded(files: Iterable[File]) -> dict[str, str]:
    """Bytes that are no UTF-8 become lone surrogates, which the reader refuses with the name of the file."""
    return {file.name: file.raw.decode("utf-8", "surrogateescape") for file in files}


def _untexts(key: str, value: object) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield Problem("content", key, Pitfall.WRONG_TYPE, key)
        return
    for name, text in cast("Mapping[object, object]", value).items():
        if not isinstance(name, str) or not isinstance(text, str):
            yield Problem("content", key, Pitfall.WRONG_TYPE, f"{name!r:.64}")
        elif key != "units" and _FILE.fullmatch(name) is None:
            yield Problem("content", key, Pitfall.BAD_FILE, f"{name!r:.80}")


def _order(key: str) -> int:
    return ("files", "expectations", "units").index(key)


def _bare(unit: str) -> str:
    return unit.removeprefix("org:")
