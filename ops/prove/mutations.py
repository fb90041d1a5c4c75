"""Breaks each promise on purpose, one place at a time, and asks its own tests whether they notice.

A mutation is a text in a file of ours and what to write in its place (`mutations.toml`, readable by whoever reviews the
tests). It is made in a copy of the tree; then the promise's test file runs there and has to fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from ops.prove.programs import ProofError

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("mutations.toml")
TREE = ("gateway", "policies", "adapters", "audit", "ops", "tests", "docs", "pyproject.toml", "README.md", "Makefile")
SECONDS = 600


class Mutation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to break a promise: in `file` stands `find`, and `put` breaks what `what` says."""

    promise: str
    what: str
    file: str
    find: str
    put: str
    tests: str = ""
    """The tests that must notice; those of the promise when nothing is said."""

    @property
    def noticing(self) -> str:
        return self.tests or f"tests/invariants/test_{self.promise}.py"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What came of one mutation: the test that noticed, or None."""

    mutation: Mutation
    noticed_by: str | None


def mutations(path: Path = TABLE) -> list[Mutation]:
    """All of them, in the order of the file."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8"))["mutation"], list[Mutation])


def missing(each: Mutation) -> bool:
    """Whether the text to be broken is not there any more, or not once: then the table must be mended."""
    return (ROOT / each.file).read_text(encoding="utf-8").count(each.find) != 1


def try_all(chosen: list[Mutation]) -> Iterator[Tried]:
    """Tries one after the other. Raises `ProofError` when a test fails on the unbroken tree, or a text is not there."""
    lost = [f"{each.file}: {each.find[:60]!r}" for each in chosen if missing(each)]
    if lost:
        raise ProofError(f"mend ops/prove/mutations.toml, these texts do not stand there once: {'; '.join(lost)}")
    with TemporaryDirectory() as folder:
        tree = _copy(Path(folder))
        for tests in dict.fromkeys(each.noticing for each in chosen):
            if failed := _run(tree, tests):
                raise ProofError(f"{tests} fails on the unbroken tree: {failed}")
        for each in chosen:
            yield Tried(mutation=each, noticed_by=_break(tree, each))


def _copy(folder: Path) -> Path:
    for name in TREE:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


def _break(tree: Path, mutation: Mutation) -> str | None:
    path = tree / mutation.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(mutation.find, mutation.put), encoding="utf-8")
    try:
        return _run(tree, mutation.noticing)
    finally:
        path.write_text(whole, encoding="utf-8")


def _run(tree: Path, tests: str) -> str | None:
    """The first of these tests that fails, or None."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        tests,
    ]
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'adapters' / 'client'}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(  # noqa: S603 - our own tests
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "no test in particular: the suite stood still"
    if ended.returncode == 0:
        return None
    lines = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return lines[0].split(" - ")[0].split("::", 1)[-1] if lines else "the suite could not begin"
