"""A receipt (`bidui-receipt/1`): who signed it, what it speaks of, and is the entry in the log?"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass

from audit.standalone.canonical import Json, canonical, count, encode, from_base64, members, text, texts
from audit.standalone.hashes import SUITES
from audit.standalone.notes import HASH
from audit.standalone.trees import MAX_HASHES, Hashing, parse_proof
from audit.standalone.trusting import Trust, open_checkpoint
from audit.standalone.verdicts import MissingError, Report, WrongError
from audit.standalone.witnesses import Policy

_RECEIPT = "bidui-receipt/1"
_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Receipt:
    """A receipt, read and not verified."""

    body: dict[str, Json]
    at: int
    first: int
    size: int
    path: tuple[bytes, ...]
    salt: bytes
    signature: bytes

    @property
    def index(self) -> int:
        """The entry it speaks of."""
        return count(self.body["index"])

    def signed_text(self, hashing: Hashing) -> str:
        """Return the text that must have been signed. Raise `WrongError` when the path does not fit."""
        root = hashing.from_inclusion(hashing.leaf(encode(self.body)), self.at, self.size, self.path)
        return f"{_RECEIPT}\n{self.body['origin']}\n{self.first}\n{self.size}\n{base64.b64encode(root).decode()}\n"

    def digest(self, suite: str, part: str, content: bytes) -> str:
        """Return the salted digest of a request or answer."""
        return SUITES[suite](b"bidui-digest/1\0" + part.encode() + b"\0" + self.salt + content).hex()


def parse_receipt(content: bytes) -> Receipt:
    """Read a receipt from JSON in any spelling. Raise `WrongError` for anything but its exact members."""
    try:
        value: Json = json.loads(content.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise WrongError("不是回执 / not a receipt") from error
    top = members(value, ("body", "path", "salt", "signature", "type"), "receipt")
    path = members(top["path"], ("at", "first", "hashes", "size"), "receipt.path")
    hashes = tuple(map(from_base64, texts(path["hashes"])))
    if top["type"] != _RECEIPT or len(hashes) > MAX_HASHES or any(len(each) != HASH for each in hashes):
        raise WrongError("不是回执 / not a receipt")
    at, first, size = (count(path[name]) for name in ("at", "first", "size"))
    salt = from_base64(text(top["salt"]), url=True)
    return Receipt(_body(top["body"]), at, first, size, hashes, salt, from_base64(text(top["signature"])))


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


_BODY = ("data", "index", "leaf", "origin", "policy", "request_sha256", "response_sha256", "time", "v")


def _body(value: Json) -> dict[str, Json]:
    body = members(value, _BODY, "receipt.body")
    policy = members(body["policy"], ("number", "sha256"), "receipt.body.policy")
    data = None if body["data"] is None else members(body["data"], ("time", "version"), "receipt.body.data")
    texts([policy["sha256"], body["time"], body["origin"], *(data.values() if isinstance(data, dict) else ())])
    digests = [text(body[name]) for name in ("leaf", "request_sha256", "response_sha256")]
    count(policy["number"])
    if count(body["v"]) != 1 or not all(map(_DIGEST.fullmatch, digests)):
        raise WrongError("回执正文不对 / the body of a receipt is of another form")
    canonical(encode(body))
    return body


def verify_receipt(
    content: bytes,
    trust: Trust,
    *,
    proof: bytes | None = None,
    entry: bytes | None = None,
    request: bytes | None = None,
    response: bytes | None = None,
    policy: Policy | None = None,
) -> Report:
    """Verify a receipt with its tlog-proof, and open what is given of entry, request and answer."""
    report = Report()
    try:
        receipt = parse_receipt(content)
        if not _is_signed_by_us(receipt, trust, report):
            return report
    except MissingError as error:
        report.missing(None, str(error))
        return report
    except WrongError as error:
        report.wrong(None, str(error))
        return report
    index = receipt.index
    for part, given in (("request", request), ("response", response)):
        if given is not None and receipt.digest(trust.suite, part, given) != receipt.body[f"{part}_sha256"]:
            report.wrong(index, f"回执所指不是此 {part} / the receipt does not speak of this {part}")
    if entry is not None and not _is_its_entry(receipt, entry, Hashing(trust.suite)):
        report.wrong(index, "条目不是回执所指的 / the entry is not the one of the receipt")
    if proof is None:
        report.missing(index, "没有在账证明（tlog-proof）/ no proof that the entry is in the log")
    else:
        _check_proof(proof, receipt, trust, report, policy)
    report.shown.append(f"回执：第 {index} 条，{receipt.body['time']}")
    return report


def _is_signed_by_us(receipt: Receipt, trust: Trust, report: Report) -> bool:
    signers = [key for key in trust.good_for("receipt", receipt.index) if key.id == receipt.signature[:4]]
    if not signers:
        report.missing(receipt.index, "信任文件中没有适用的回执公钥 / no receipt key is good for this entry")
        return False
    if not signers[0].signed(receipt.signed_text(Hashing(trust.suite)), receipt.signature[4:]):
        raise WrongError("回执被改动，或由他人签署 / the receipt was changed, or another key signed it")
    if receipt.index < receipt.first:
        raise WrongError("回执早于其所在轮次 / the receipt names an entry before the first of its turn")
    if receipt.body["origin"] != trust.origin:
        report.wrong(receipt.index, f"回执属于另一本账 / the receipt is of the log {receipt.body['origin']}")
    return True


def _is_its_entry(receipt: Receipt, content: bytes, hashing: Hashing) -> bool:
    try:
        entry = canonical(content)
    except WrongError:
        return False
    body = entry.get("body") if isinstance(entry, dict) else None
    wanted = ("request_sha256", "response_sha256")
    return (
        hashing.leaf(content).hex() == receipt.body["leaf"]
        and isinstance(body, dict)
        and [body.get(name) for name in wanted] == [receipt.body[name] for name in wanted]
    )


def _check_proof(content: bytes, receipt: Receipt, trust: Trust, report: Report, policy: Policy | None) -> None:
    """Check its tlog-proof; the checkpoint's size becomes that of the report."""
    index, leaf = receipt.index, bytes.fromhex(text(receipt.body["leaf"]))
    try:
        proof = parse_proof(content)
    except WrongError as error:
        report.wrong(index, str(error))
        return
    told = open_checkpoint(proof.checkpoint, trust, report, policy)
    if told is None:
        return
    report.size = told.size
    try:
        root = Hashing(trust.suite).from_inclusion(leaf, index, told.size, proof.path)
    except WrongError as error:
        report.wrong(index, str(error))
        return
    if root != told.root or proof.index != index:
        report.wrong(index, "证明不通向检查点的根 / the proof does not lead from this entry to the root")
