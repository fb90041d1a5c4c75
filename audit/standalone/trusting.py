"""Trust: which keys sign, for which part of the log."""

from __future__ import annotations

from dataclasses import dataclass

from audit.standalone.canonical import Json, canonical, count, members, text
from audit.standalone.notes import OTHER, Checkpoint, Note, VKey, parse_checkpoint, parse_note, parse_vkey
from audit.standalone.verdicts import MissingError, Report, UnreadableError, WrongError
from audit.standalone.witnesses import Policy
from audit.standalone.zips import Zipped


@dataclass(frozen=True)
class Trust:
    """The log's name, its keys with purpose and range, and the suite that their types tell."""

    origin: str
    keys: tuple[tuple[VKey, str, int, int | None], ...]

    @property
    def suite(self) -> str:
        """Return the cryptographic suite."""
        return "gm" if any(key.kind == OTHER for key, _, _, _ in self.keys) else "intl"

    def good_for(self, purpose: str, number: int) -> list[VKey]:
        """Return the keys of this purpose that are good for a size or index."""
        return [
            key
            for key, use, first, until in self.keys
            if use == purpose and first <= number and (until is None or number < until)
        ]


def parse_trust(content: bytes) -> Trust:
    """Read a trust file. Raise `WrongError`."""
    top = members(canonical(content.strip(), 1 << 20), ("keys", "origin"), "trust.json")
    rows = top["keys"]
    if not isinstance(rows, list) or not rows or not text(top["origin"]):
        raise WrongError("信任文件须写明名称和至少一把公钥 / a trust file names an origin and at least one key")
    trust = Trust(text(top["origin"]), tuple(map(_trusted, rows)))
    if len({key.kind == OTHER for key, _, _, _ in trust.keys}) > 1:
        raise WrongError("信任文件混用两套算法 / the keys of a trust file are all of one suite")
    return trust


def _trusted(row: Json) -> tuple[VKey, str, int, int | None]:
    key = members(row, ("first", "purpose", "until", "vkey"), "trust.json")
    if key["purpose"] not in ("checkpoint", "receipt"):
        raise WrongError("信任文件中的用途未知 / a trusted key of unknown purpose")
    until = None if key["until"] is None else count(key["until"])
    return parse_vkey(text(key["vkey"])), str(key["purpose"]), count(key["first"]), until


def open_checkpoint(content: bytes, trust: Trust, report: Report, policy: Policy | None = None) -> Checkpoint | None:
    """Return a checkpoint that a trusted key signed; report what is missing or wrong."""
    try:
        note = parse_note(content)
        told = parse_checkpoint(note.text)
        if not _is_signed(note, trust.good_for("checkpoint", told.size), report):
            return None
        if policy and not policy.is_met(note):
            report.missing(None, f"大小 {told.size} 的检查点见证不足法定数 / too few witnesses cosigned it")
    except MissingError as error:
        report.missing(None, str(error))
        return None
    except WrongError as error:
        report.wrong(None, str(error))
        return None
    if told.origin != trust.origin:
        report.wrong(None, f"检查点属于另一本账 / a checkpoint of the log {told.origin}")
        return None
    return told


def _is_signed(note: Note, wanted: list[VKey], report: Report) -> bool:
    held = note.signed_by(wanted)
    if not held:
        report.missing(None, "检查点没有可信签名 / no signature by a trusted key under a checkpoint")
        return False
    for lacking in sorted({key.text for key in wanted} - held):
        report.missing(None, f"检查点缺一个签名 / a checkpoint lacks a signature: {lacking[:80]}")
    return True


def own_trust(archive: Zipped, report: Report) -> Trust:
    """Return the trust file that came along, which proves nothing."""
    report.missing(None, "未给 --trust：随件的信任文件不足为凭 / no --trust: what came along proves nothing")
    try:
        return parse_trust(archive.read("trust.json"))
    except (WrongError, MissingError) as error:
        raise UnreadableError(f"trust.json：{error}") from error
