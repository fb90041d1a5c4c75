"""The manifest of an evidence bundle: what it claims, and who signed that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from audit.standalone.canonical import Json, canonical, count, from_base64, members, numbers, text, texts
from audit.standalone.hashes import SUITES, sha256
from audit.standalone.notes import Note
from audit.standalone.trusting import Trust
from audit.standalone.verdicts import MissingError, Report, WrongError

EVIDENCE = "bidui-evidence/1"
_MANIFEST = (
    *("by", "chain", "checkpoint", "deed", "disclosed", "entries", "erased", "made", "members", "names", "origin"),
    *("recorded", "suite", "support", "type", "until"),
)
LARGEST = 64 * 1024 * 1024
SHANGHAI = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Chain:
    """A piece of a partner's chain, from one place to another, both included."""

    of: str
    first: int
    last: int


@dataclass(frozen=True)
class Allowed:
    """The deed that is said to allow the bundle, and the entry by which it came into force."""

    entry: int
    id: str
    serial: int
    sha256: str


@dataclass(frozen=True)
class Gone:
    """Disclosures of an entry that are said to be erased: by which entry, and by which one its deed came into force."""

    entry: int
    names: tuple[str, ...]
    by: int
    deed: int


class Manifest:
    """What a bundle claims."""

    def __init__(self, content: bytes) -> None:
        """Raise `WrongError`."""
        told = members(canonical(content, LARGEST), _MANIFEST, "manifest.json")
        self.origin, self.suite, self.made, self.until = (text(told[n]) for n in ("origin", "suite", "made", "until"))
        if told["type"] != EVIDENCE or self.suite not in SUITES:
            raise WrongError("不是证据包 / not an evidence bundle")
        self.entries, self.support = numbers(told["entries"]), numbers(told["support"])
        self.names, self.recorded = texts(told["names"]), count(told["recorded"])
        self.by, self.deed = _texts_of(told["by"], "duty", "person"), _allowed_by(told["deed"])
        self.members = {name: text(digest) for name, digest in table(told["members"]).items()}
        self.disclosed = {int(index): texts(names) for index, names in table(told["disclosed"]).items()}
        self.erased = list(map(_gone, listed(told["erased"])))
        self.chain = _chain(told["chain"])
        checkpoint = members(told["checkpoint"], ("root", "size"), "manifest.checkpoint")
        self.checkpoint = count(checkpoint["size"]), from_base64(text(checkpoint["root"]))


def table(value: Json) -> dict[str, Json]:
    """Return an object. Raise `WrongError`."""
    if not isinstance(value, dict):
        raise WrongError("应为对象 / an object was expected")
    return value


def listed(value: Json) -> list[Json]:
    """Return a list. Raise `WrongError`."""
    if not isinstance(value, list):
        raise WrongError("应为列表 / a list was expected")
    return value


def _texts_of(value: Json, *names: str) -> dict[str, str]:
    return {name: text(each) for name, each in members(value, names, "manifest").items()}


def _allowed_by(value: Json) -> Allowed:
    told = members(value, ("entry", "id", "serial", "sha256"), "manifest.deed")
    return Allowed(count(told["entry"]), text(told["id"]), count(told["serial"]), text(told["sha256"]))


def _gone(value: Json) -> Gone:
    told = members(value, ("by", "deed", "entry", "names"), "manifest.erased")
    return Gone(count(told["entry"]), tuple(texts(told["names"])), count(told["by"]), count(told["deed"]))


def _chain(value: Json) -> Chain | None:
    if value is None:
        return None
    told = members(value, ("first", "last", "of"), "manifest.chain")
    chain = Chain(text(told["of"]), count(told["first"]), count(told["last"]))
    if chain.last < chain.first:
        raise WrongError("链段为空 / an empty piece of a chain")
    return chain


def signed_text(origin: str, manifest: bytes) -> str:
    """Return the text that the log's receipt key signs for a bundle."""
    return f"{EVIDENCE}\n{origin}\n{sha256(manifest).hex()}\n"


def content_digest(name: str, content: bytes) -> str:
    """Digest a member. Of checkpoints and proofs without the signatures: they prove themselves, and more may come."""
    signs_itself = name == "checkpoint" or name.endswith(".tlog-proof")
    return sha256(content.rpartition(b"\n\n")[0] if signs_itself else content).hex()


def check_manifest(manifest: Manifest, content: bytes, note: Note, trust: Trust, report: Report) -> None:
    """Report unless a receipt key of the log signed this manifest."""
    if (manifest.origin, manifest.suite) != (trust.origin, trust.suite):
        report.wrong(None, "证据包属于另一本账 / the bundle is of another log or suite")
    if note.text != signed_text(manifest.origin, content):
        report.wrong(None, "清单被改动 / the manifest is not the one that was signed")
        return
    try:
        held = note.signed_by(trust.good_for("receipt", manifest.recorded))
    except WrongError as error:
        report.wrong(None, f"清单 / manifest: {error}")
        return
    except MissingError as error:
        report.missing(None, str(error))
        return
    if not held:
        report.missing(None, "清单没有可信签名 / no trusted key signed the manifest")


def check_day(manifest: Manifest, now: datetime, report: Report) -> None:
    """Report when what allowed the bundle has ended."""
    try:
        until = date.fromisoformat(manifest.until)
    except ValueError:
        report.wrong(None, "失效日期不对 / the day on which it expires is none")
        return
    if now.astimezone(SHANGHAI).date() > until:
        report.missing(None, f"准许已于 {until} 到期 / what allowed this bundle ended on {until}")


def claims(manifest: Manifest) -> Iterator[str]:
    """Say what the bundle claims."""
    yield f"账 {manifest.origin}，检查点大小 {manifest.checkpoint[0]}"
    yield f"由 {manifest.by['person']}（{manifest.by['duty']}）于 {manifest.made} 导出，记入第 {manifest.recorded} 条"
    yield f"条目 {len(manifest.entries)} 条；开示 {'、'.join(manifest.names) or '无'}；有效至 {manifest.until}"
    if manifest.chain:
        yield f"合作部门 {manifest.chain.of} 的第 {manifest.chain.first} 至 {manifest.chain.last} 号，全部在内"
