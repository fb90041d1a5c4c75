"""An evidence bundle: chosen entries with their proofs, a partner's chain, opened disclosures, and who allowed it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import IO

from audit.standalone.canonical import Json, base64url, canonical, count, from_base64, text, texts
from audit.standalone.deeds import open_deed
from audit.standalone.entries import Entry, is_formed, records
from audit.standalone.hashes import sha256
from audit.standalone.manifest import (
    LARGEST,
    Chain,
    Gone,
    Manifest,
    check_day,
    check_manifest,
    claims,
    content_digest,
    listed,
    table,
)
from audit.standalone.notes import Checkpoint, parse_note
from audit.standalone.trees import Hashing, parse_proof, split
from audit.standalone.trusting import Trust, open_checkpoint, own_trust
from audit.standalone.verdicts import MissingError, Report, UnreadableError, WrongError
from audit.standalone.witnesses import Policy
from audit.standalone.zips import Zipped

_BUNDLE_NAMES = (
    r"(manifest|trust|deeds|disclosures)\.json|manifest\.note|checkpoint|witness\.policy|entries/\d{16}(\.tlog-proof)?"
    r"|chain/(entries|proof)|bidui_verify\.py|README\.(zh|en)\.md"
)
_ABOUT_SOMEBODY = frozenset({"subject", "operator", "matter", "inner"})
SECRETS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("comparison.answered", "trail.searched", "trail.refused"), _ABOUT_SOMEBODY),
    "comparison.refused": _ABOUT_SOMEBODY | {"rules"},
    "access.reported": frozenset({"subject"}),
    **dict.fromkeys(("watch.stopped", "watch.noticed"), frozenset({"finding"})),
}
"""What entries commit to without saying it. A test holds this table against the ledger's own."""


class _BundleVerifier:
    """One verification of one bundle."""

    def __init__(self, archive: Zipped, manifest: Manifest, trust: Trust, report: Report) -> None:
        self._zip, self._told, self._trust, self._report = archive, manifest, trust, report
        self._hashing = Hashing(trust.suite)
        self._signed: Checkpoint | None = None
        self._met: dict[bytes, Checkpoint | None] = {}
        self.entries: dict[int, Entry] = {}

    def check_members(self) -> None:
        """Each member must be what the manifest says, and no other may be there."""
        signed = {"manifest.json", "manifest.note"}
        for name in sorted(self._zip.names - self._told.members.keys() - signed):
            self._report.wrong(None, f"清单之外的文件 / not in the manifest: {name}")
        for name, digest in sorted(self._told.members.items()):
            if name not in self._zip.names:
                self._report.missing(_index_in(name), f"缺少 / missing: {name}")
            elif content_digest(name, self._zip.read(name)) != digest:
                self._report.wrong(_index_in(name), f"与清单不符 / not what the manifest says: {name}")

    def check_checkpoint(self, policy: Policy | None, outside: Sequence[bytes]) -> bool:
        """The checkpoint must be signed, cosigned, of the size and root claimed, and no fork of those from outside."""
        content = self._read("checkpoint")
        if content is None:
            return False
        self._signed = open_checkpoint(content, self._trust, self._report, policy)
        if self._signed is None:
            return False
        self._report.size = self._signed.size
        if (self._signed.size, self._signed.root) != self._told.checkpoint:
            self._report.wrong(None, "检查点不是清单所述的 / the checkpoint is not the one of the manifest")
        for each in outside:
            other = open_checkpoint(each, self._trust, self._report)
            if other and other.size == self._signed.size and other.root != self._signed.root:
                self._report.wrong(None, "与另存的检查点分叉 / a fork: another root for this size")
        return True

    def check_entries(self) -> None:
        """Each entry chosen, and each that supports them, must be in the tree at its place."""
        for index in sorted({*self._told.entries, *self._told.support}):
            name = f"entries/{index:016d}"
            content, proof = self._read(name), self._read(f"{name}.tlog-proof")
            if content is None or proof is None:
                continue
            entry = self._opened(index, content)
            if entry is not None and self._is_proven(index, content, proof):
                self.entries[index] = entry

    def _is_proven(self, index: int, content: bytes, proof: bytes) -> bool:
        try:
            told = parse_proof(proof)
            signed = self._checkpoint_of(told.checkpoint)
            if signed is None:
                return False
            root = self._hashing.from_inclusion(self._hashing.leaf(content), index, signed.size, told.path)
            if (told.index, root) != (index, signed.root):
                self._report.wrong(index, "证明不通向检查点 / the proof does not lead to the checkpoint")
        except WrongError as error:
            self._report.wrong(index, str(error))
        return not self._report.names_one_in(index, index + 1)

    def _checkpoint_of(self, content: bytes) -> Checkpoint | None:
        if content not in self._met:
            self._met[content] = open_checkpoint(content, self._trust, self._report)
        found = self._met[content]
        if found and self._signed and (found.size, found.root) != (self._signed.size, self._signed.root):
            raise WrongError("证明所附检查点是另一个 / the proof carries another checkpoint than the bundle")
        return found

    def check_chain(self) -> None:
        """The piece must be whole: places without a gap, each naming the one before, all of them in the tree."""
        chain = self._told.chain
        if chain is None:
            return
        content, proof = self._read("chain/entries"), self._read("chain/proof")
        if content is None or proof is None:
            return
        leaves: dict[int, bytes] = {}
        before: str | None = None
        for place, each in enumerate(records(content), chain.first):
            leaf = self._hashing.leaf(each)
            index = self._check_link(chain, place, each, before)
            if index is None or index <= max(leaves, default=-1):
                self._report.wrong(index, f"链上第 {place} 号不对 / place {place} of the chain is wrong")
                return
            leaves[index], before = leaf, leaf.hex()
        if len(leaves) != chain.last - chain.first + 1:
            self._report.missing(None, f"链段应有 {chain.last - chain.first + 1} 条，只有 {len(leaves)} 条 / chain cut")
        self._check_many(leaves, proof)

    def _check_link(self, chain: Chain, place: int, content: bytes, before: str | None) -> int | None:
        index = _seq(content)
        entry = self._opened(index, content)
        if entry is None or (entry.get("partner"), entry.get("pseq")) != (chain.of, place) or place > chain.last:
            return None
        first = before is None and (place > 0 or entry["pprev"] is None)
        if not first and entry["pprev"] != before:
            self._report.wrong(index, "与链上前一条不相接 / does not follow the one before it in the chain")
        return index

    def _check_many(self, leaves: Mapping[int, bytes], proof: bytes) -> None:
        assert self._signed is not None
        try:
            root = self._hashing.from_many(leaves, self._signed.size, iter(split(proof)))
        except WrongError as error:
            self._report.wrong(None, str(error))
            return
        if root != self._signed.root:
            self._report.wrong(min(leaves), "链段不在检查点的树中 / the piece of the chain is not in the tree")

    def check_disclosures(self) -> None:
        """Each must open a digest of its entry; none may be withheld but for an erasure that the bundle shows."""
        shown = self._disclosures()
        gone = {(each.entry, name) for each in self._told.erased for name in each.names}
        for index in self._told.entries:
            entry = self.entries.get(index)
            lines = shown.pop(index, [])
            if entry is None:
                continue
            opened = [self._open(index, entry, each) for each in lines]
            wanted = SECRETS.get(str(entry["type"]), frozenset[str]()) & set(self._told.names)
            for name in sorted(wanted - {*opened}):
                if (index, name) not in gone:
                    self._report.missing(index, f"未开示 / not disclosed: {name}")
            if opened != self._told.disclosed.get(index, []):
                self._report.wrong(index, "开示项与清单不符 / other disclosures than the manifest says")
        for index in shown:
            self._report.wrong(index, "开示了未选条目 / a disclosure of an entry that was not chosen")
        for each in self._told.erased:
            self._check_erased(each)

    def _disclosures(self) -> dict[int, list[str]]:
        content = self._read_if("disclosures.json")
        try:
            told = table(canonical(content, LARGEST)) if content is not None else {}
            return {int(index): texts(each) for index, each in told.items()}
        except (WrongError, ValueError) as error:
            self._report.wrong(None, f"disclosures.json：{error}")
            return {}

    def _open(self, index: int, entry: Entry, encoded: str) -> str:
        """Return the name of a disclosure that its entry commits to; nothing for any other."""
        try:
            parts = listed(canonical(from_base64(encoded, url=True)))
            digest = base64url(sha256(encoded.encode()))
        except WrongError as error:
            self._report.wrong(index, f"开示项不对 / a disclosure of another form: {error}")
            return ""
        if len(parts) != 3 or digest not in listed(entry["_sd"]):
            self._report.wrong(index, "开示项不是条目所承诺的 / a disclosure that the entry does not commit to")
            return ""
        self._report.opened.append(f"  第 {index} 条 {parts[1]} = {json.dumps(parts[2], ensure_ascii=False)}")
        return str(parts[1])

    def _check_erased(self, told: Gone) -> None:
        """A tombstone counts where an erasure's deed came into force before it, and it names entry and disclosures."""
        deed, tombstone = self.entries.get(told.deed), self.entries.get(told.by)
        if deed is None or tombstone is None or not _is_tombstone(tombstone, deed, told):
            cause = f"称已删除，但第 {told.by} 条不足为凭 / said to be erased, without a tombstone"
            self._report.missing(told.entry, cause)
        else:
            names = ", ".join(told.names)
            self._report.shown.append(f"  第 {told.entry} 条：{names} 已依第 {told.by} 条删除 / erased by #{told.by}")

    def check_deed(self, now: datetime) -> None:
        """The deed that allowed the bundle: signed by people from the founders on, in force, and of this content."""
        opening, content = self.entries.get(0), self._read("deeds.json")
        if opening is None or content is None:
            self._report.missing(None, "无从核验导出文书 / the deed cannot be verified")
            return
        try:
            founders = table(opening["body"]).get("founders")
            told = json.loads(content)
            log = table(table(told).get("foundation")).get("log")
            deed, document = open_deed(told, {"log": log, "founders": founders}, now)
        except MissingError as error:
            self._report.missing(None, str(error))
            return
        except (WrongError, ValueError, RecursionError) as error:
            self._report.wrong(None, f"导出文书不成立 / the deed does not hold: {error}")
            return
        said = (document.kind, document.id, document.serial, deed.digest)
        if said != ("export", self._told.deed.id, self._told.deed.serial, self._told.deed.sha256):
            self._report.wrong(None, "不是清单所指的导出文书 / not the deed of the manifest")
        if not self._allows(document.content):
            self._report.wrong(None, "证据包与导出文书所准不符 / the bundle is not what the deed allows")
        self._check_in_force(said)
        signed = "，".join(f"{each.person}（{each.step}，{each.at}）" for each in deed.signatures)
        self._report.shown.append(f"导出文书 {document.id}：{signed}")

    def _allows(self, content: Mapping[str, Json]) -> bool:
        chain = self._told.chain
        told: Json = {"of": chain.of, "first": chain.first, "last": chain.last} if chain else None
        said = [content.get(name) for name in ("entries", "names", "until", "chain")]
        return said == [self._told.entries, self._told.names, self._told.until, told]

    def _check_in_force(self, said: tuple[str, str, int, str]) -> None:
        entry = self.entries.get(self._told.deed.entry, {})
        body = entry.get("body")
        found = [body.get(name) for name in ("kind", "id", "serial", "sha256")] if isinstance(body, dict) else []
        if entry.get("type") != "deed.in_force" or found != [*said]:
            self._report.wrong(None, "账上没有此文书生效的记录 / the ledger does not have this deed in force")

    def _opened(self, index: int | None, content: bytes) -> Entry | None:
        try:
            entry = canonical(content)
        except WrongError as error:
            self._report.wrong(index, str(error))
            return None
        if not isinstance(entry, dict) or not is_formed(entry) or entry["suite"] != self._trust.suite:
            self._report.wrong(index, "条目成员不符 / the entry lacks members, or has members it should not have")
            return None
        if entry["seq"] != index or index is None:
            self._report.wrong(index, "条目序号不符 / the entry says it is of another number")
            return None
        return entry

    def _read(self, name: str) -> bytes | None:
        """Return a member that must be there."""
        if name not in self._told.members:
            self._report.missing(_index_in(name), f"缺少 / missing: {name}")
        return self._read_if(name)

    def _read_if(self, name: str) -> bytes | None:
        return self._zip.read(name) if name in self._zip.names else None


def _is_tombstone(tombstone: Entry, deed: Entry, told: Gone) -> bool:
    try:
        said, allowed = table(tombstone["body"]), table(deed["body"])
        runs = [(count(first), count(last)) for first, last in map(listed, listed(said.get("ranges")))]
        return (
            (tombstone["type"], deed["type"], allowed.get("kind")) == ("erasure.applied", "deed.in_force", "erasure")
            and told.deed < told.by
            and text(table(said.get("deed")).get("sha256")) == allowed.get("sha256")
            and set(told.names) <= set(texts(said.get("names")))
            and any(first <= told.entry <= last for first, last in runs)
        )
    except (WrongError, ValueError):
        return False


def _index_in(name: str) -> int | None:
    digits = name.removeprefix("entries/").removesuffix(".tlog-proof")
    return int(digits) if re.fullmatch("[0-9]{16}", digits) else None


def _seq(content: bytes) -> int | None:
    try:
        entry = canonical(content)
    except WrongError:
        return None
    number = entry.get("seq") if isinstance(entry, dict) else None
    return number if isinstance(number, int) and number >= 0 else None


def verify_bundle(
    file: IO[bytes],
    trust: Trust | None,
    *,
    now: datetime,
    outside: Sequence[bytes] = (),
    policy: Policy | None = None,
) -> Report:
    """Verify an evidence bundle as of an instant; `outside` are checkpoints that were kept elsewhere."""
    archive, report = Zipped(file, _BUNDLE_NAMES), Report()
    try:
        content, note = archive.read("manifest.json"), parse_note(archive.read("manifest.note"))
        manifest = Manifest(content)
    except MissingError as error:
        report.missing(None, str(error))
        return report
    except (WrongError, ValueError) as error:
        report.wrong(None, f"清单 / manifest: {error}")
        return report
    trust = trust or own_trust(archive, report)
    check_manifest(manifest, content, note, trust, report)
    verifier = _BundleVerifier(archive, manifest, trust, report)
    verifier.check_members()
    if verifier.check_checkpoint(policy or _own_policy(archive), outside):
        verifier.check_entries()
        verifier.check_chain()
        verifier.check_disclosures()
        verifier.check_deed(now)
    check_day(manifest, now, report)
    report.shown[:0] = list(claims(manifest))
    return report


def _own_policy(archive: Zipped) -> Policy | None:
    """The witness policy that came along is the log's own claim: better than none, and good to see it broken."""
    try:
        return Policy(archive.read("witness.policy")) if "witness.policy" in archive.names else None
    except WrongError as error:
        raise UnreadableError(f"witness.policy：{error}") from error
