"""An evidence bundle: chosen entries with their proofs, in one signed file that is verified without us.

    manifest.json, manifest.note      what the bundle claims, with a digest of each member; signed by the receipt key
    trust.json, witness.policy        whose signatures count; whoever verifies has their own
    checkpoint                        as signed and cosigned
    entries/N, entries/N.tlog-proof   chosen entries as bytes, and what supports them: entry 0, the deed's, tombstones
    chain/entries, chain/proof        a piece of a partner's chain, all of it, under one proof
    disclosures.json                  opened disclosures: base64url of [salt, name, value]
    deeds.json                        the deed that allows the bundle, and everybody who could sign it
    bidui_verify.py, README.*.md      the verifier, and how it is used

A digest is over a whole member; of the checkpoint and proofs over all but the signatures, which prove themselves and
may become more. The verifier of the other side is `audit/standalone/bundles.py`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from io import BytesIO

import msgspec
from msgspec import Struct

from audit import note
from audit.checkpoint import Checkpoint
from audit.disclosure import base64url
from audit.entry import JsonValue, encode
from audit.note import NoteSigner
from audit.proof import TlogProof
from audit.tree import StoredTree
from audit.zipped import write_zip

TYPE = "bidui-evidence/1"
MAX_MANIFEST_BYTES = 64 * 1024 * 1024
_LENGTH_BYTES = 2


class Chain(Struct, frozen=True):
    """A piece of a partner's chain, from one place to another, both included."""

    of: str
    first: int
    last: int


class DeedRef(Struct, frozen=True):
    """The deed that allows the bundle, and the entry by which it came into force."""

    id: str
    serial: int
    sha256: str
    entry: int


class By(Struct, frozen=True):
    """Who took the bundle out."""

    person: str
    duty: str


class Gone(Struct, frozen=True):
    """Disclosures of an entry that were erased: by which entry, and which one brought its deed into force."""

    entry: int
    names: tuple[str, ...]
    by: int
    deed: int


class Claims(Struct, frozen=True, kw_only=True):
    """What a bundle claims, but for its members and the entry that records it."""

    origin: str
    suite: str
    made: str
    until: str
    by: By
    deed: DeedRef
    entries: tuple[int, ...]
    support: tuple[int, ...]
    chain: Chain | None
    names: tuple[str, ...]
    disclosed: Mapping[int, tuple[str, ...]]
    erased: tuple[Gone, ...]

    def manifest(self, members: Mapping[str, str], checkpoint: Checkpoint, recorded: int) -> bytes:
        """Write the manifest; `recorded` is the entry that says that the bundle was taken out."""
        told: dict[str, JsonValue] = msgspec.to_builtins(self)
        told |= {
            "type": TYPE,
            "disclosed": {str(index): names for index, names in self.disclosed.items()},
            "members": members,
            "checkpoint": {"size": checkpoint.size, "root": b64encode(checkpoint.root).decode()},
            "recorded": recorded,
        }
        return encode(told, MAX_MANIFEST_BYTES)


def entry_members(entries: Mapping[int, bytes], tree: StoredTree, checkpoint: bytes) -> dict[str, bytes]:
    """Return the members that show single entries, each with a proof of its own."""
    members: dict[str, bytes] = {}
    for index, content in entries.items():
        name = f"entries/{index:016d}"
        proof = TlogProof(index=index, path=tuple(tree.inclusion(index)), checkpoint=checkpoint)
        members |= {name: content, f"{name}.tlog-proof": proof.encode()}
    return members


def chain_members(entries: Mapping[int, bytes], tree: StoredTree) -> dict[str, bytes]:
    """Return the members that show a piece of a chain under one proof."""
    joined = b"".join(len(each).to_bytes(_LENGTH_BYTES, "big") + each for each in entries.values())
    return {"chain/entries": joined, "chain/proof": b"".join(tree.inclusion_of_many(list(entries)))}


def disclosure_member(opened: Mapping[int, Iterable[bytes]]) -> bytes:
    """Write opened disclosures as SD-JWT (RFC 9901) has them, by entry."""
    told: JsonValue = {str(index): [base64url(each).decode() for each in lines] for index, lines in opened.items()}
    return encode(told, MAX_MANIFEST_BYTES)


def digests_of(members: Mapping[str, bytes]) -> dict[str, str]:
    """Return the digest of each member as the manifest has it."""
    return {name: sha256(_digested(name, content)).hexdigest() for name, content in members.items()}


def digest_of_all(digests: Mapping[str, str]) -> str:
    """Return one digest over all members, as the ledger keeps it."""
    return sha256(encode(digests, MAX_MANIFEST_BYTES)).hexdigest()


def signed_text(origin: str, manifest: bytes) -> str:
    """Return the text that is signed for a bundle; its first line is that of no receipt and no checkpoint."""
    return f"{TYPE}\n{origin}\n{sha256(manifest).hexdigest()}\n"


def write_bundle(
    members: Mapping[str, bytes], manifest: bytes, origin: str, signers: Sequence[NoteSigner], at: datetime
) -> bytes:
    """Sign the manifest and write the bundle."""
    whole = {**members, "manifest.json": manifest}
    whole["manifest.note"] = note.sign(signed_text(origin, manifest), signers, at)
    sink = BytesIO()
    write_zip(sink, sorted(whole.items()))
    return sink.getvalue()


def _digested(name: str, content: bytes) -> bytes:
    signs_itself = name == "checkpoint" or name.endswith(".tlog-proof")
    return content.rpartition(b"\n\n")[0] if signs_itself else content
