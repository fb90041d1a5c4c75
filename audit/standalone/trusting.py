"""Trust: which keys sign, for which part of the log; and which witnesses must have cosigned (C2SP tlog-policy)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from audit.standalone.canonical import Json, canonical, count, members, text
from audit.standalone.notes import (
    COSIGNED_ED25519,
    ML_DSA_44,
    OTHER,
    Checkpoint,
    Note,
    VKey,
    parse_checkpoint,
    parse_note,
    parse_vkey,
)
from audit.standalone.verdicts import MissingError, Report, UnreadableError, WrongError
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
    return Trust(text(top["origin"]), tuple(map(_trusted, rows)))


def _trusted(row: Json) -> tuple[VKey, str, int, int | None]:
    key = members(row, ("first", "purpose", "until", "vkey"), "trust.json")
    if key["purpose"] not in ("checkpoint", "receipt"):
        raise WrongError("信任文件中的用途未知 / a trusted key of unknown purpose")
    until = None if key["until"] is None else count(key["until"])
    return parse_vkey(text(key["vkey"])), str(key["purpose"]), count(key["first"]), until


class Policy:
    """A witness policy: k of n, nested."""

    def __init__(self, content: bytes) -> None:
        """Read it. Raise `WrongError`."""
        self.witnesses: dict[str, VKey] = {}
        self._groups: dict[str, tuple[int, list[str]]] = {}
        self._quorum = ""
        self._used: set[str] = set()
        try:
            lines = content.decode().split("\n")
        except UnicodeDecodeError as error:
            raise WrongError("见证策略不是 UTF-8 / the witness policy is not UTF-8") from error
        for line in lines:
            words = line.replace("\t", " ").split()
            if words and not words[0].startswith("#"):
                self._take(words)
        if not self._quorum:
            raise WrongError("见证策略没有 quorum 行 / the witness policy has no quorum line")

    def _take(self, words: list[str]) -> None:
        kind, rest = words[0], words[1:]
        if kind == "log" and len(rest) in (1, 2):
            parse_vkey(rest[0])
        elif kind == "witness" and len(rest) in (2, 3) and self._is_new(rest[0]):
            key = parse_vkey(rest[1])
            if key.public in [each.public for each in self.witnesses.values()]:
                raise WrongError("一把见证公钥列了两次 / a witness key is listed twice")
            self.witnesses[rest[0]] = key
        elif kind == "group" and len(rest) >= 3 and self._is_new(rest[0]):
            self._groups[rest[0]] = self._group(rest[1], rest[2:])
        elif (
            kind == "quorum" and len(rest) == 1 and not self._quorum and (rest[0] == "none" or self._is_known(rest[0]))
        ):
            self._quorum = rest[0]
        else:
            raise WrongError(f"见证策略有一行不对 / a line of the witness policy is wrong: {' '.join(words)[:80]}")

    def _group(self, least: str, names: list[str]) -> tuple[int, list[str]]:
        k = {"all": len(names), "any": 1}.get(least) or (int(least) if re.fullmatch("[1-9][0-9]{0,3}", least) else 0)
        fresh = len(set(names)) == len(names) and not self._used & set(names)
        if not 1 <= k <= len(names) or not fresh or not all(map(self._is_known, names)):
            raise WrongError("见证策略的分组不对 / a group of the witness policy is wrong")
        self._used |= set(names)
        return k, names

    def _is_known(self, name: str) -> bool:
        return name in self.witnesses or name in self._groups

    def _is_new(self, name: str) -> bool:
        return name != "none" and not self._is_known(name)

    def is_met(self, note: Note) -> bool:
        """Tell whether enough witnesses cosigned. Raise `WrongError` for a false cosignature."""
        keys = [key for key in self.witnesses.values() if key.kind in (COSIGNED_ED25519, ML_DSA_44)]
        held = note.signed_by(keys)
        return self._quorum == "none" or self._holds(self._quorum, held)

    def _holds(self, name: str, held: set[str]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name].text in held
        least, names = self._groups[name]
        return sum(self._holds(each, held) for each in names) >= least


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
