"""A log is closed and another one goes on: the same keys under a new name, and how the two hang together.

The last entry of the old log (`log.closed`) names the new one; entry 0 of the new log carries the checkpoint of the
old one that covers it. So neither end can be replaced: each lies under signatures.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct

from audit.care_kinds import LOG_CLOSED
from audit.checkpoint import Checkpoint, open_signed, peek
from audit.entry import JsonValue, decode, leaf_hash
from audit.errors import AuditError, EntryError, LedgerError, NoteError, UnsignedError
from audit.kinds import LOG_OPENED
from audit.note import make_vkey, parse_vkey
from audit.proof import check_inclusion
from audit.reader import LedgerReader
from audit.report import Exit, Problem
from audit.rotation import replaced
from audit.state_kinds import LOG_REBUILT
from audit.tree import StoredTree
from audit.trust import Trust, TrustedKey


class Closing(NamedTuple):
    """What the last entry of a closed log says."""

    entry: int
    successor: str
    vkeys: frozenset[str]


class Closed(NamedTuple):
    """A closed log, as it is kept."""

    reader: LedgerReader
    trust: Trust


class Link(Struct, frozen=True):
    """How a log hangs on the one before it. `is_lost` says that entries of that one are lost, and the log says so."""

    previous: Checkpoint
    is_lost: bool = False
    is_checked: bool = False
    """Whether the log before was there to be held against."""
    problems: tuple[Problem, ...] = ()


def successor_trust(trust: Trust, origin: str) -> Trust:
    """Return the trust of the log that goes on: every key that signs now, under the new name and from the start.

    Raise `LedgerError` while keys are being replaced: which of two goes on must be settled first.
    """
    if replaced(trust):
        raise LedgerError("正在更换签名密钥：先运行 bidui log key end，再换册")
    if origin == trust.origin:
        raise LedgerError("后继存证账须另取名称，如把末尾的序号加一")
    going_on = [each for each in trust.keys if each.until is None]
    return Trust(origin, tuple(TrustedKey(_renamed(each.vkey, origin), each.purpose) for each in going_on))


def closing_of(reader: LedgerReader) -> Closing | None:
    """Return what the last entry says if it closed the log; None for one that goes on."""
    last = reader.head().size - 1
    if last < 0:
        return None
    kind, body = _entry(reader, last)
    if kind != LOG_CLOSED.type:
        return None
    return Closing(last, str(body.get("successor")), _texts(body.get("vkeys")))


def carried_checkpoint(reader: LedgerReader) -> bytes | None:
    """Return the checkpoint of the log before that entry 0 carries; None for a first log."""
    kind, body = _entry(reader, 0)
    previous = body.get("previous") if kind == LOG_OPENED.type else None
    return previous.encode() if isinstance(previous, str) else None


def check_link(reader: LedgerReader, origin: str, closed: Closed | None) -> Link | None:
    """Hold the beginning of a log against the end of the one before; None where there was none before.

    Raise `NoteError` for a checkpoint in entry 0 that is none. Neither log is verified whole by this.
    """
    carried = carried_checkpoint(reader)
    if carried is None:
        return None
    previous, is_lost = peek(carried), _says_lost(reader)
    if closed is None:
        return Link(previous, is_lost)
    problems = () if is_lost else tuple(_problems(reader, origin, carried, closed))
    return Link(previous, is_lost, is_checked=not is_lost, problems=problems)


def _problems(reader: LedgerReader, origin: str, carried: bytes, closed: Closed) -> Iterator[Problem]:
    try:
        previous = open_signed(carried, closed.trust.verifiers("checkpoint", peek(carried).size)).checkpoint
    except UnsignedError as error:
        yield Problem(Exit.INCOMPLETE, f"the checkpoint of the log before, in entry 0: {error}", 0)
        return
    except NoteError as error:
        yield Problem(Exit.TAMPERED, f"the checkpoint of the log before, in entry 0: {error}", 0)
        return
    cause = _misfit(reader, origin, previous, closed)
    if cause:
        yield Problem(Exit.TAMPERED, cause, 0)


def _misfit(reader: LedgerReader, origin: str, previous: Checkpoint, closed: Closed) -> str:
    """Say why this checkpoint is not the last of the closed log, or that one names another successor; empty if not."""
    size = closed.reader.head().size
    if previous.origin != closed.trust.origin or previous.size != size:
        claimed = f"a checkpoint of {previous.size} entries of {previous.origin}"
        return f"entry 0 carries {claimed}, the closed log {closed.trust.origin} has {size}"
    if not _covers(previous, closed):
        return "entry 0 carries a checkpoint that is not of the closed log's entries"
    end, (_, opening) = closing_of(closed.reader), _entry(reader, 0)
    if end is None or end.successor != origin:
        return "the log before was not closed by an entry that names this log"
    if _texts(opening.get("vkeys")) != end.vkeys:
        return "the log before was closed in favour of other keys than entry 0 names"
    return ""


def _covers(previous: Checkpoint, closed: Closed) -> bool:
    """Tell whether its root is that of the closed log's tree, the bytes of the last entry under it."""
    digest, last = closed.trust.suite.digest, previous.size - 1
    try:
        tree = StoredTree(previous.size, closed.reader.hashes, digest)
        leaf = leaf_hash(next(iter(closed.reader.entries(last, last + 1)), b""), digest)
        check_inclusion(leaf, last, previous.size, previous.root, tree.inclusion(last), digest=digest)
    except (AuditError, ValueError):
        return False
    return True


def _says_lost(reader: LedgerReader) -> bool:
    """Tell whether entry 1 says that the log before lost entries: then that one cannot be what was signed."""
    return _entry(reader, 1)[0] == LOG_REBUILT.type


def _entry(reader: LedgerReader, index: int) -> tuple[str, Mapping[str, JsonValue]]:
    """Return kind and body of an entry; of one that is missing or no entry, nothing."""
    kept = dict(reader.kept(index + 1)) if index < reader.floor() else {}
    try:
        entry = decode(kept.get(index) or next(iter(reader.entries(index, index + 1)), b""))
    except EntryError:
        return "", {}
    if not isinstance(entry, Mapping) or "type" not in entry:
        return "", {}
    body = entry.get("body")
    return str(entry["type"]), body if isinstance(body, Mapping) else {}


def _renamed(vkey: str, origin: str) -> str:
    key = parse_vkey(vkey)
    return str(make_vkey(origin, key.algorithm, key.public))


def _texts(value: JsonValue) -> frozenset[str]:
    return frozenset(str(each) for each in value) if isinstance(value, list | tuple) else frozenset()
