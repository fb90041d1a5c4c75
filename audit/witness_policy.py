"""Witness policies (C2SP tlog-policy): which logs, which witnesses, and how many of them it takes.

A name of the file stands for a witness or a group and means nothing outside it. A name is in one group at most, so
each witness counts in one way. What is nearly a policy is refused: it decides what is believed.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from audit import checkpoint, note
from audit.checkpoint import Checkpoint
from audit.cosignature import cosigner_verifier, holding, time_of
from audit.errors import NoteError, UnsignedError, WitnessError
from audit.note import Note, NoteVerifier, Signature

MAX_BYTES = 1 << 20
MAX_EACH = 64
"""Logs, witnesses, groups; the specification wants room for 32."""
NONE = "none"
_WHITE = " \t"


class Log(Struct, frozen=True):
    """A log whose checkpoints are believed; the name of its key is its origin."""

    vkey: str
    url: str = ""


class Member(Struct, frozen=True):
    """A witness, by the name it has in this policy. The address is where it takes checkpoints."""

    name: str
    vkey: str
    url: str = ""


class Group(Struct, frozen=True):
    """Has witnessed what at least this many of its members have."""

    name: str
    least: int
    members: tuple[str, ...]


class Policy(Struct, frozen=True):
    """A whole policy. Groups stand in the order of the file: members before those that name them."""

    quorum: str
    logs: tuple[Log, ...] = ()
    witnesses: tuple[Member, ...] = ()
    groups: tuple[Group, ...] = ()

    def is_met(self, witnesses: Collection[str]) -> bool:
        """Tell whether these witnesses, by name, are the quorum."""
        have = {each.name for each in self.witnesses} & set(witnesses)
        for group in self.groups:
            if len(have.intersection(group.members)) >= group.least:
                have.add(group.name)
        return self.quorum == NONE or self.quorum in have

    def verifiers(self) -> list[NoteVerifier]:
        """Return the verifiers of all witnesses."""
        return [cosigner_verifier(each.vkey) for each in self.witnesses]


class Judged(Struct, frozen=True):
    """A checkpoint as a policy sees it: who cosigned, and since when that is the quorum, if it is."""

    checkpoint: Checkpoint
    times: Mapping[str, datetime]
    since: datetime | None

    def require(self) -> Checkpoint:
        """Return the checkpoint. Raise `UnsignedError` unless the quorum is there."""
        if self.since is None:
            have = ", ".join(sorted(self.times)) or "nobody"
            raise UnsignedError(
                f"no quorum of witnesses: only {have} cosigned the checkpoint of {self.checkpoint.size}"
            )
        return self.checkpoint


def judge(content: bytes, policy: Policy, log: Sequence[NoteVerifier], now: datetime) -> Judged:
    """Look at a checkpoint: signed by its log (one of the policy's, or `log`), and by which witnesses.

    Raise `NoteError` when anything about it is wrong, `UnsignedError` when the log did not sign it. A missing quorum
    is no exception: see `Judged.require`. With `quorum none` the log's signature alone counts, as of `now`.
    """
    opened = checkpoint.open_signed(content, [*log, *(checkpoint.verifier(each.vkey) for each in policy.logs)])
    names = {note.parse_vkey(vkey).name for vkey in opened.signed_by}
    if opened.checkpoint.origin not in names:
        raise NoteError("the checkpoint is signed by a key of another log")
    parts = note.parse(content)
    held = _cosignatures(parts, policy, now)
    times = {each.name: time_of(held[each.vkey]) for each in policy.witnesses if each.vkey in held}
    return Judged(opened.checkpoint, times, _since(policy, times, now))


def _cosignatures(parts: Note, policy: Policy, now: datetime) -> Mapping[str, Signature]:
    try:
        return holding(parts.text, parts.signatures, policy.verifiers(), now)
    except UnsignedError:
        return {}


def _since(policy: Policy, times: Mapping[str, datetime], now: datetime) -> datetime | None:
    """Return the latest time such that those who cosigned then or later are the quorum."""
    if policy.quorum == NONE:
        return now
    have: set[str] = set()
    for name in sorted(times, key=lambda each: times[each], reverse=True):
        have.add(name)
        if policy.is_met(have):
            return times[name]
    return None


def parse_policy(content: bytes) -> Policy:
    """Read a policy file. Raise `WitnessError` that names the line."""
    reader = _Reader()
    for number, line in enumerate(_lines(content), 1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.read(words)
        except (WitnessError, NoteError) as error:
            raise WitnessError(f"line {number} of the witness policy: {error}") from error
    return reader.policy()


def _lines(content: bytes) -> list[str]:
    if len(content) > MAX_BYTES:
        raise WitnessError(f"a witness policy of more than {MAX_BYTES} bytes")
    if any((byte < 0x20 and byte not in b"\t\n") or byte == 0x7F for byte in content):
        raise WitnessError("a witness policy holds no control characters but tab and newline; no CR at line ends")
    if content and not content.endswith(b"\n"):
        raise WitnessError("the last line of a witness policy ends with a newline too")
    # Names are bytes that nobody interprets; surrogates keep those that are no UTF-8 apart.
    return content.decode("utf-8", "surrogateescape").split("\n")[:-1]


class _Reader:
    """Takes a policy line by line."""

    def __init__(self) -> None:
        self._logs: list[Log] = []
        self._witnesses: list[Member] = []
        self._groups: list[Group] = []
        self._quorum: str | None = None
        self._names = {NONE}
        self._grouped: set[str] = set()
        self._keys: dict[str, set[bytes]] = {"log": set(), "witness": set()}
        self._forms: Mapping[str, Callable[[list[str]], None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._take_quorum,
        }

    def read(self, words: list[str]) -> None:
        form = self._forms.get(words[0])
        if form is None:
            raise WitnessError("a line begins with log, witness, group or quorum")
        form(words[1:])
        if max(len(self._logs), len(self._witnesses), len(self._groups)) > MAX_EACH:
            raise WitnessError(f"more than {MAX_EACH} logs, witnesses or groups")

    def policy(self) -> Policy:
        if self._quorum is None:
            raise WitnessError("a witness policy needs a quorum line")
        return Policy(self._quorum, tuple(self._logs), tuple(self._witnesses), tuple(self._groups))

    def _log(self, words: list[str]) -> None:
        if not 1 <= len(words) <= 2:
            raise WitnessError("a log line is: log <vkey> [<url>]")
        self._take_key("log", words[0], checkpoint.verifier)
        self._logs.append(Log(*words))

    def _witness(self, words: list[str]) -> None:
        if not 2 <= len(words) <= 3:
            raise WitnessError("a witness line is: witness <name> <vkey> [<url>]")
        self._take_key("witness", words[1], cosigner_verifier)
        self._take_name(words[0])
        self._witnesses.append(Member(*words))

    def _group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise WitnessError("a group line is: group <name> <k>|any|all <member>...")
        name, least, *members = words
        for member in members:
            if member == NONE or member not in self._names:
                raise WitnessError("a member of a group is not defined above it")
            if member in self._grouped:
                raise WitnessError("a witness or group is a member twice")
            self._grouped.add(member)
        self._take_name(name)
        self._groups.append(Group(name, _threshold(least, len(members)), tuple(members)))

    def _take_quorum(self, words: list[str]) -> None:
        if len(words) != 1 or self._quorum is not None:
            raise WitnessError("there is one quorum line, with one name")
        if words[0] not in self._names:
            raise WitnessError("the quorum is not defined above its line")
        self._quorum = words[0]

    def _take_name(self, name: str) -> None:
        if name in self._names:
            raise WitnessError("a name is defined twice")
        self._names.add(name)

    def _take_key(self, role: str, vkey: str, verifier: Callable[[str], NoteVerifier]) -> None:
        """Keys are the same when the public key is, whatever name and type they bear."""
        if not vkey.isprintable():  # surrogates among others
            raise WitnessError("a verifier key is UTF-8")
        verifier(vkey)
        public = note.parse_vkey(vkey).public
        if public in self._keys[role]:
            raise WitnessError("a public key stands in two lines")
        self._keys[role].add(public)


def _threshold(text: str, members: int) -> int:
    if text in {"any", "all"}:
        return 1 if text == "any" else members
    if not (text.isascii() and text.isdigit() and len(text) <= 3) or str(int(text)) != text:
        raise WitnessError("a group needs any, all or a decimal number without leading zeros")
    if not 1 <= int(text) <= members:
        raise WitnessError(f"a group of {members} has no {text} members")
    return int(text)
