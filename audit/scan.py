"""Walks through a log once, from entry 0 on, and checks what each entry must be and how it hangs on those before.

One pass holds: canonical form, number, strictly increasing time, each partner's chain, the tree and its tiles.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from audit.answer_form import read_answer
from audit.care_kinds import LOG_CLOSED
from audit.entry import JsonValue, decode
from audit.errors import EntryError
from audit.frames import SLOTS
from audit.kinds import LOG_OPENED
from audit.report import Findings
from audit.suite import INTL, Digest, Suite
from audit.tree import TILE_WIDTH, grow, perfect_root, root

_COMMON = frozenset({"_sd", "body", "id", "log_time", "node", "seq", "suite", "time", "type", "v"})
_LINKED = _COMMON | {"partner", "pprev", "pseq"}
_TIME_LENGTH = len("2025-01-01T00:00:00.000000Z")

Entry = Mapping[str, JsonValue]


class _Link(NamedTuple):
    """The last entry of a partner's chain so far."""

    place: int
    number: int
    leaf: str


class _Claimed(NamedTuple):
    """Where an entry says it stands in its partner's chain."""

    partner: str
    place: JsonValue
    previous: JsonValue


class _Numbers(NamedTuple):
    """Which number and form an entry says it has, and when it came."""

    seq: JsonValue
    suite: JsonValue
    v: JsonValue
    log_time: str
    time: str


class EntryScan:
    """Checks entries one after the other."""

    def __init__(self, origin: str, suite: Suite, findings: Findings, *, is_brief: bool = False) -> None:
        """Begin before entry 0 of the log of this origin. `is_brief` checks answers without giving their members."""
        self._origin, self._suite, self._findings, self._is_brief = origin, suite, findings, is_brief
        self._chains: dict[str, _Link] = {}
        self._log_time = ""
        self._pruned = 0
        self._closed: int | None = None
        self.before: dict[str, int] = {}
        """Leaf hashes, in hex, that must be among those of pruned entries, and the entry that hangs on each."""

    def skip(self, index: int) -> None:
        """Pass over an entry of which only the hash is left: what hangs on it is looked for among such hashes."""
        self._pruned = index + 1

    def take(self, index: int, content: bytes, leaf: bytes) -> Entry | None:
        """Check one entry, whose hash this is, against its place; return its members if they are worth a look."""
        if self._closed is not None:
            self._findings.tampered(index, f"the entry stands behind entry {self._closed}, which closed the log")
        answer = read_answer(content) if self._is_brief and index else None
        if answer is not None:
            self._check_numbers(index, _Numbers(answer.seq, answer.suite, answer.v, answer.log_time, answer.time))
            self._check_chain(index, _Claimed(answer.partner, answer.pseq, answer.pprev), leaf)
            return None
        try:
            entry = decode(content)
        except EntryError as error:
            self._findings.tampered(index, f"the entry is {error}")
            return None
        if not isinstance(entry, Mapping) or not _is_formed(entry):
            self._findings.tampered(index, "the entry lacks members, or has members it should not have")
            return None
        self._check_place(index, entry)
        if "partner" in entry:
            self._check_chain(index, _Claimed(str(entry["partner"]), entry["pseq"], entry["pprev"]), leaf)
        return entry

    def _check_place(self, index: int, entry: Entry) -> None:
        times = str(entry["log_time"]), str(entry["time"])
        self._check_numbers(index, _Numbers(entry["seq"], entry["suite"], entry["v"], *times))
        if (entry["type"] == LOG_OPENED.type) != (index == 0):
            self._findings.tampered(index, "a log begins with its opening entry and has no second one")
        elif index == 0 and not self._opens(entry["body"]):
            self._findings.tampered(0, f"the opening entry is not that of {self._origin}")
        if entry["type"] == LOG_CLOSED.type:
            self._closed = index

    def _check_numbers(self, index: int, says: _Numbers) -> None:
        if says.seq != index or says.suite != self._suite.name or says.v != 1:
            self._findings.tampered(index, f"the entry says it is number {says.seq}, or of another form or suite")
        if says.log_time <= self._log_time or says.time > says.log_time:
            self._findings.tampered(index, "the entry is not later than the one before it")
        self._log_time = says.log_time

    def _opens(self, body: JsonValue) -> bool:
        return isinstance(body, Mapping) and body.get("origin") == self._origin

    def _check_chain(self, index: int, says: _Claimed, leaf: bytes) -> None:
        last = self._chains.get(says.partner)
        if self._pruned and (last is None or last.number < self._pruned):
            last = self._last_of_pruned(index, says, last)
        place, previous = (last.place + 1, last.leaf) if last else (0, None)
        if says.place != place:
            self._findings.tampered(index, f"place {says.place} in its partner's chain instead of {place}")
        elif says.previous != previous:
            at = last.number if last else index
            self._findings.tampered(at, f"this entry and its partner's next, {index}, do not fit together")
        self._chains[says.partner] = _Link(place, index, leaf.hex())

    def _last_of_pruned(self, index: int, says: _Claimed, last: _Link | None) -> _Link | None:
        """The entry before this one in its chain may be pruned; then the two agree, and its hash must be there."""
        place, previous = says.place, says.previous
        least = last.place + 1 if last else 0
        if not isinstance(place, int) or not isinstance(previous, str) or place <= least:
            return last
        self.before[previous] = index
        return _Link(place - 1, index, previous)


def _is_formed(entry: Entry) -> bool:
    digests = entry.get("_sd")
    return (
        frozenset(entry) == (_LINKED if "partner" in entry else _COMMON)
        and isinstance(digests, list)
        and len(digests) == SLOTS
        and len(str(entry["log_time"])) == len(str(entry["time"])) == _TIME_LENGTH
    )


class TreeScan:
    """Grows the tree leaf by leaf, a tile at a time, and gives its root at any moment."""

    def __init__(self, digest: Digest = INTL.digest) -> None:
        """Begin with the empty tree."""
        self._digest = digest
        self.tile_roots: list[bytes] = []
        self._frontier: list[bytes] = []
        self._open_tile: list[bytes] = []

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaves."""
        rest = [*self._open_tile, *leaves]
        for at in range(0, len(rest) - TILE_WIDTH + 1, TILE_WIDTH):
            full = perfect_root(rest[at : at + TILE_WIDTH], self._digest)
            grow(self._frontier, len(self.tile_roots), full, self._digest)
            self.tile_roots.append(full)
        self._open_tile = rest[len(rest) - len(rest) % TILE_WIDTH :]

    def frontier(self) -> list[bytes]:
        """Return the frontier: that of the full tiles, then that of the open one."""
        rest: list[bytes] = []
        for size, leaf in enumerate(self._open_tile):
            grow(rest, size, leaf, self._digest)
        return self._frontier + rest

    def root(self) -> bytes:
        """Return the root."""
        return root(self.frontier(), self._digest)
