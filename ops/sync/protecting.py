"""Protected persons (重点人员): whom the source names by a rule of its mapping or by number, told to serve by tokens.

The rule is `[protected]` of a mapping: a subject is one of them when any of its records has one of the values. The
numbers stand in a file that only sync can read, one a line; they count whether the register has them or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from adapters.index.directory import write_stored
from adapters.index.tokens import Marked, write_tokens
from adapters.keys.files import KeyFileError, read_private
from gateway.generation import Stored
from gateway.seal import Sealer
from ops.sync.decoys.wanted import require_serve_key
from ops.sync.errors import SyncError
from ops.sync.planning import Job, Plan
from ops.sync.staffing import PERSON
from ops.sync.state import State
from policies.catalogue import InvalidValueError

NUMBERS = "protected.txt"
"""The file of numbers, in `keys/sync`."""
LARGEST = 1 << 20
NO_RULE = "未设 none: 映射中没有 [protected]，也没有 keys/sync/protected.txt"


@dataclass(slots=True, kw_only=True)
class Protecting:
    """The protected persons of one sync. `state` says for people how that stands."""

    job: Job
    plan: Plan
    is_asked: bool
    listed: frozenset[bytes] = field(repr=False)
    """Links of those that stand in the file of numbers."""
    state: str = NO_RULE

    @classmethod
    def of(cls, job: Job, plan: Plan) -> Protecting:
        """Reads what is asked for. Raises `SyncError`: serve must be able to know those whom the source protects."""
        path = job.home.keys / "sync" / NUMBERS
        has_rule, has_file = any(mapping.protected for _, mapping in job.mappings.values()), path.exists()
        if has_rule or has_file:
            require_serve_key(job.home.keys)
        listed = frozenset(_links(job, read_numbers(path, job))) if has_file else frozenset[bytes]()
        return cls(job=job, plan=plan, is_asked=has_rule or has_file, listed=listed)

    def finish(self, work: Path, state: State) -> Stored | None:
        """Writes the tokens for serve, unless they are those that it has; gives what the manifest is to name."""
        links = sorted(self.listed | state.protected())
        current = self.plan.current.manifest if self.plan.current else None
        is_told = state.tell_protected(sha256(b"".join(links)).digest())
        if not self.is_asked:
            return None
        self.state = f"在用 in force: {len(links):,}"
        if current is not None and current.protected is not None and is_told:
            return current.protected
        key = require_serve_key(self.job.home.keys)
        content = write_tokens(links, Marked.PROTECTED, key, self.job.entropy)
        return write_stored(work, f"protected-{current.number + 1 if current else 0:04d}", content)


def read_numbers(path: Path, job: Job) -> list[str]:
    """The numbers of the file, as the standard writes them. Raises `SyncError`, which names a line and no number."""
    try:
        content = read_private(path, LARGEST + 1)
    except KeyFileError as error:
        raise SyncError(f"the numbers of protected persons cannot be read: {error}") from error
    if len(content) > LARGEST:
        raise SyncError(f"{NUMBERS} is larger than 1 MiB; name groups of people by [protected] of the mapping")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise SyncError(f"{NUMBERS} is not UTF-8; save it again") from None
    told = [(place, line.partition("#")[0].strip()) for place, line in enumerate(lines, 1)]
    return [_number(text, place, job) for place, text in told if text]


def _number(text: str, line: int, job: Job) -> str:
    try:
        return job.catalogue.identifier(PERSON, text)
    except InvalidValueError as error:
        raise SyncError(f"{NUMBERS}, line {line}: {error.hint}") from None


def _links(job: Job, numbers: list[str]) -> list[bytes]:
    sealer = Sealer(job.key, job.catalogue, PERSON, "protected", job.entropy)
    return [sealer.link(number) for number in numbers]
