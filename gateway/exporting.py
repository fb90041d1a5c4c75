"""Evidence taken out of the ledger: looks up the deed that allows it, gathers, records, and hands out.

1. The deed must be in force, by its id, and its last day not over.
2. What it names is gathered under the last signed checkpoint, with everything that verifies it.
3. That somebody takes it out is recorded; a crash before that hands out nothing, one after it only says too much.
4. The manifest names that entry, is signed, and the bundle is given to whoever asked. Nothing of it touches a disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, cast

import msgspec

from audit import bundle
from audit.bundle import By, Chain, Claims, DeedRef, Gone
from audit.checkpoint import peek
from audit.disclosure import Disclosure, DisclosureKeys, base64url, unseal
from audit.entry import JsonValue, decode
from audit.erased import Erased, read_tombstone
from audit.erasure_kinds import ERASURE_APPLIED
from audit.evidence_events import evidence_exported
from audit.kinds import KINDS
from audit.ledger import Ledger
from audit.note import NoteSigner
from audit.packing import unpack
from audit.reader import LedgerReader, suite_of_log
from audit.tree import StoredTree
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import Kept, State
from gateway.domain.errors import UnavailableError
from gateway.domain.grant import local_day
from gateway.domain.people import Person
from gateway.office import Office
from gateway.ports import Clock

_SECRETS = {kind.type: frozenset(kind.secrets) for kind in KINDS}
_NOT_COVERED = "所选条目尚无签名检查点覆盖，请数秒后重试"


class EvidenceReader(LedgerReader, Protocol):
    """Also reads by partner and by kind."""

    def chain(self, partner: str) -> Iterator[tuple[int, bytes]]:
        """Index and bytes of a partner's entries, in order."""
        ...

    def of_type(self, kind: str) -> Iterator[tuple[int, bytes]]:
        """Index and bytes of the entries of a kind, in order."""
        ...


class LogSigner(Protocol):
    """What of the log's keys a bundle needs, as of this moment."""

    def trust(self) -> bytes:
        """The trust file."""
        ...

    def receipt_signer(self) -> NoteSigner:
        """The receipt key."""
        ...


class Taken(msgspec.Struct, frozen=True):
    """A bundle, and the entry that says that it was taken out."""

    content: bytes
    recorded: int


@dataclass(frozen=True, kw_only=True)
class ExportDesk:
    """What stands behind the door. Everything here takes time, so it is asked in threads."""

    office: Office
    reader: EvidenceReader
    ledger: Ledger
    keys: DisclosureKeys
    signer: LogSigner
    clock: Clock
    checkpoints: Callable[[], Sequence[bytes]]
    """Signed checkpoints that a bundle may stand under, the best first: one with a quorum, then the last one."""
    policy: Callable[[], bytes | None]
    files: Mapping[str, bytes]
    """The verifier and its instructions."""

    def take(self, by: Person, deed_id: str) -> Taken:
        """The bundle that a deed allows. Raises `DeedError` when none does, `UnavailableError` until it is covered."""
        now = self.clock.now()
        allowed = self._allowed(deed_id, now)
        checkpoint, gathered = self._gather(allowed)
        claims = _claims(peek(checkpoint).origin, by, allowed, gathered, now)
        members = self._members(allowed, gathered, checkpoint)
        return self._hand_out(claims, members, checkpoint, now)

    def _allowed(self, deed_id: str, now: datetime) -> Kept:
        content = self.office.standing().content(Kind.EXPORT, deed_id)
        history = [each for each in self.office.history(Kind.EXPORT, deed_id) if each.state is State.IN_FORCE]
        if content is None or not history:
            raise DeedError("没有此编号的生效导出文书，请核对编号")
        if local_day(now) > date.fromisoformat(str(content["until"])):
            raise DeedError("此导出文书已过失效日期，请另行拟定")
        return history[-1]

    def _gather(self, allowed: Kept) -> tuple[bytes, _Gathered]:
        """Everything, under the first checkpoint that covers it all."""
        erasures = self._erasures()
        for checkpoint in self.checkpoints():
            gathered = _Gathered(self.reader, self.keys, peek(checkpoint).size, erasures)
            if gathered.gather(allowed):
                return checkpoint, gathered
        raise UnavailableError(_NOT_COVERED)

    def _erasures(self) -> Mapping[str, int]:
        """Deeds of erasures in force, by their digests, and the entries by which they came into force."""
        with self.office.store.begin() as work:
            return {each.opened().digest: each.entry for each in work.deeds.in_force(0) if each.kind == Kind.ERASURE}

    def _members(self, allowed: Kept, gathered: _Gathered, checkpoint: bytes) -> dict[str, bytes]:
        tree = StoredTree(gathered.size, self.reader.hashes, suite_of_log(self.reader).digest)
        policy = self.policy()
        return {
            **self.files,
            **({"witness.policy": policy} if policy is not None else {}),
            **bundle.entry_members(gathered.entries, tree, checkpoint),
            **(bundle.chain_members(gathered.links, tree) if gathered.links else {}),
            "trust.json": self.signer.trust(),
            "checkpoint": checkpoint,
            "deeds.json": self._deeds(allowed),
            "disclosures.json": bundle.disclosure_member(
                {index: [each.content for each in opened] for index, opened in gathered.opened.items()}
            ),
        }

    def _deeds(self, allowed: Kept) -> bytes:
        found = self.office.exported(Kind.EXPORT, allowed.id, allowed.serial)
        if found is None:
            raise DeedError("没有此编号的生效导出文书，请核对编号")
        people, deed = found
        foundation = self.office.reader.foundation
        told = {"log": foundation.log, "founders": foundation.members()}
        texts = [base64url(each).decode() for each in (*people, deed)]
        return msgspec.json.encode({"foundation": told, "people": texts[:-1], "deed": texts[-1]}, order="sorted")

    def _hand_out(self, claims: Claims, members: Mapping[str, bytes], checkpoint: bytes, now: datetime) -> Taken:
        digests, told = bundle.digests_of(members), peek(checkpoint)
        event = evidence_exported(claims, size=told.size, members_sha256=bundle.digest_of_all(digests))
        with self.office.store.begin() as work:
            (recorded,) = self.ledger.append(work.ledger, [event], now)
            work.commit()
        manifest = claims.manifest(digests, told, recorded.index)
        signers = [self.signer.receipt_signer()]
        return Taken(bundle.write_bundle(members, manifest, claims.origin, signers, now), recorded.index)


class _Gathered:
    """What a bundle will show, gathered from the ledger."""

    def __init__(self, reader: EvidenceReader, keys: DisclosureKeys, size: int, erasures: Mapping[str, int]) -> None:
        self._reader, self._keys, self._erasures = reader, keys, erasures
        self.size = size
        self.entries: dict[int, bytes] = {}
        self.links: dict[int, bytes] = {}
        self.opened: dict[int, list[Disclosure]] = {}
        self.erased: list[Gone] = []
        self._tombstones: list[Erased] | None = None

    def gather(self, allowed: Kept) -> bool:
        """Everything; False when the checkpoint does not cover it. Raises `DeedError` for what is not there."""
        content = allowed.opened().document.content
        chosen, names = cast("list[int]", content["entries"]), cast("list[str]", content["names"])
        for index in (0, allowed.entry, *chosen):
            self._take(index)
        for index in chosen:
            self._open(index, names)
        chain = chain_of(content)
        if chain:
            self._follow(chain)
        return max(self.entries.keys() | self.links.keys()) < self.size

    def _take(self, index: int) -> None:
        content = next(self._reader.entries(index, index + 1), None)
        if content is None:
            raise _absent(index)
        self.entries[index] = content

    def _follow(self, chain: Chain) -> None:
        for index, content in self._reader.chain(chain.of):
            place = _members_of(content)["pseq"]
            if isinstance(place, int) and chain.first <= place <= chain.last:
                self.links[index] = content
            if place == chain.last:
                break
        if len(self.links) != chain.last - chain.first + 1:
            raise DeedError("合作部门的链上没有所写的全部序号，或其中已有归档，请核对 chain")

    def _open(self, index: int, names: Sequence[str]) -> None:
        entry = _members_of(self.entries[index])
        kept = dict(self._reader.disclosures(index, index + 1)).get(index, b"")
        sealed = [each for each in unpack(kept) if each.name in names] if kept else []
        found = [unseal(str(entry["id"]), each, self._keys) for each in sealed]
        self.opened[index] = sorted((each for each in found if each), key=lambda each: each.name)
        gone = _SECRETS.get(str(entry["type"]), frozenset[str]()) & set(names)
        gone -= {each.name for each in self.opened[index]}
        for name in sorted(gone):
            self._bury(index, name)

    def _bury(self, index: int, name: str) -> None:
        """What cannot be opened any more is shown to be erased, if it was."""
        for erased in self._all_tombstones():
            deed = self._erasures.get(erased.deed)
            if deed is not None and erased.covers(index, name) and erased.by < self.size:
                self._take(erased.by)
                self._take(deed)
                self.erased.append(Gone(index, (name,), erased.by, deed))
                return

    def _all_tombstones(self) -> list[Erased]:
        if self._tombstones is None:
            found = (read_tombstone(i, _members_of(c)["body"]) for i, c in self._reader.of_type(ERASURE_APPLIED.type))
            self._tombstones = [each for each in found if each]
        return self._tombstones


def chain_of(content: Mapping[str, JsonValue]) -> Chain | None:
    """The piece of a chain that a deed's content names."""
    told = content["chain"]
    return msgspec.convert(told, Chain) if told is not None else None


def _claims(origin: str, by: Person, allowed: Kept, gathered: _Gathered, now: datetime) -> Claims:
    deed = allowed.opened()
    content = deed.document.content
    chosen = tuple(cast("Sequence[int]", content["entries"]))
    opening = _members_of(gathered.entries[0])
    return Claims(
        origin=origin,
        suite=str(opening["suite"]),
        made=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        until=str(content["until"]),
        by=By(by.id, by.duty.value),
        deed=DeedRef(allowed.id, allowed.serial, deed.digest, allowed.entry),
        entries=chosen,
        support=tuple(sorted(gathered.entries.keys() - set(chosen))),
        chain=chain_of(content),
        names=tuple(cast("Sequence[str]", content["names"])),
        disclosed={index: tuple(each.name for each in opened) for index, opened in gathered.opened.items()},
        erased=tuple(gathered.erased),
    )


def _members_of(content: bytes) -> Mapping[str, JsonValue]:
    entry = decode(content)
    return entry if isinstance(entry, Mapping) else {}


def _absent(index: int) -> DeedError:
    return DeedError(f"存证账中没有第 {index} 条，或已归档删除，请核对 entries")
