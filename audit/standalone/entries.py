"""Entries, one after the other: form, place, time, and each partner's chain."""

from __future__ import annotations

from collections.abc import Mapping

from audit.standalone.canonical import Json, canonical
from audit.standalone.verdicts import Report, WrongError

Entry = Mapping[str, Json]
SLOTS, TIME_LENGTH = 6, 27
_COMMON = frozenset({"_sd", "body", "id", "log_time", "node", "seq", "suite", "time", "type", "v"})
_LINKED = _COMMON | {"partner", "pprev", "pseq"}


class EntryScan:
    """Checks entries one after the other: form, place, time, and each partner's chain."""

    def __init__(self, origin: str, suite: str, report: Report, first: int = 0) -> None:
        """Begin before this entry; chains that began before it are taken as they come."""
        self._origin, self._suite, self._report, self._first = origin, suite, report, first
        self._chains: dict[str, tuple[int, int, str]] = {}
        self._time = ""
        self._closed: int | None = None

    def take(self, index: int, content: bytes, leaf: bytes) -> Entry | None:
        """Check one entry; return its members."""
        try:
            entry = canonical(content)
        except WrongError as error:
            self._report.wrong(index, str(error))
            return None
        if not isinstance(entry, dict) or not is_formed(entry):
            self._report.wrong(index, "条目成员不符 / the entry lacks members, or has members it should not have")
            return None
        self._check_place(index, entry)
        if "partner" in entry:
            self._check_chain(index, entry, leaf.hex())
        return entry

    def _check_place(self, index: int, entry: Entry) -> None:
        if entry["seq"] != index or entry["suite"] != self._suite or entry["v"] != 1:
            self._report.wrong(index, f"条目自称第 {entry['seq']} 条 / the entry says it is of another number or suite")
        time = str(entry["log_time"])
        if time <= self._time or str(entry["time"]) > time:
            self._report.wrong(index, "条目时间不晚于前一条 / the entry is not later than the one before it")
        self._time = time
        body = entry["body"]
        if (entry["type"] == "log.opened") != (index == 0):
            self._report.wrong(index, "账首条目不在其位 / a log begins with its opening entry and has no second one")
        elif index == 0 and not (isinstance(body, dict) and body.get("origin") == self._origin):
            self._report.wrong(0, "账首不是此账的 / the opening entry is not that of this log")
        if self._closed is not None:
            self._report.wrong(index, "此条在关账条目之后 / the entry stands behind the one that closed the log")
        elif entry["type"] == "log.closed":
            self._closed = index

    def _check_chain(self, index: int, entry: Entry, leaf: str) -> None:
        partner = str(entry["partner"])
        last = self._chains.get(partner)
        if last is None and self._first:
            last = (entry["pseq"] - 1 if isinstance(entry["pseq"], int) else -1, index, str(entry["pprev"]))
        place, previous = (last[0] + 1, last[2]) if last else (0, None)
        if entry["pseq"] != place:
            self._report.wrong(index, f"合作部门链上序号应为 {place} / out of place in its partner's chain")
        elif entry["pprev"] != previous:
            at = last[1] if last else index
            self._report.wrong(at, f"与同部门的下一条 {index} 不相接 / does not fit to its partner's next entry")
        self._chains[partner] = (place, index, leaf)


def is_formed(entry: Entry) -> bool:
    """Tell whether an entry has the members it must have, no more."""
    digests = entry.get("_sd")
    return (
        frozenset(entry) == (_LINKED if "partner" in entry else _COMMON)
        and isinstance(digests, list)
        and len(digests) == SLOTS
        and len(str(entry["log_time"])) == len(str(entry["time"])) == TIME_LENGTH
    )


def records(bundle: bytes) -> list[bytes]:
    """Cut an entry bundle apart; what is cut off at its end is missing."""
    found: list[bytes] = []
    at = 0
    while at + 2 <= len(bundle):
        start = at + 2
        at = start + int.from_bytes(bundle[at:start], "big")
        if at <= len(bundle):
            found.append(bundle[start:at])
    return found
