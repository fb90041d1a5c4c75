"""Witness policies (C2SP tlog-policy): which witnesses must have cosigned a checkpoint, k of n, nested."""

from __future__ import annotations

import re

from audit.standalone.notes import COSIGNED_ED25519, ED25519, ML_DSA_44, OTHER, Note, VKey, parse_vkey
from audit.standalone.verdicts import WrongError

_MAX_POLICY_BYTES, _MAX_EACH = 1 << 20, 64
_OF_LOGS, _OF_WITNESSES = (ED25519, ML_DSA_44, OTHER), (COSIGNED_ED25519, ML_DSA_44)


class Policy:
    """A witness policy. What is nearly one is refused: it decides what is believed."""

    def __init__(self, content: bytes) -> None:
        """Read it. Raise `WrongError`."""
        self._logs: list[bytes] = []
        self._witnesses: dict[str, VKey] = {}
        self._groups: dict[str, tuple[int, list[str]]] = {}
        self._used: set[str] = set()
        self._quorum = ""
        for line in _lines(content):
            words = [word for word in line.replace("\t", " ").split(" ") if word]
            if words and not words[0].startswith("#"):
                self._take(words[0], words[1:])
        if not self._quorum or max(map(len, (self._logs, self._witnesses, self._groups))) > _MAX_EACH:
            raise WrongError("见证策略没有 quorum 行，或过长 / the witness policy has no quorum line, or is too long")

    def _take(self, kind: str, rest: list[str]) -> None:
        if kind == "log" and len(rest) in (1, 2):
            self._logs.append(_key_of(rest[0], _OF_LOGS, self._logs).public)
        elif kind == "witness" and len(rest) in (2, 3) and self._is_new(rest[0]):
            known = [each.public for each in self._witnesses.values()]
            self._witnesses[rest[0]] = _key_of(rest[1], _OF_WITNESSES, known)
        elif kind == "group" and len(rest) >= 3 and self._is_new(rest[0]):
            self._groups[rest[0]] = self._group(rest[1], rest[2:])
        elif kind == "quorum" and len(rest) == 1 and not self._quorum and self._may_be_asked(rest[0]):
            self._quorum = rest[0]
        else:
            raise WrongError(f"见证策略的 {kind[:20]!a} 行不对 / a line of the witness policy is wrong")

    def _group(self, least: str, names: list[str]) -> tuple[int, list[str]]:
        number = int(least) if re.fullmatch("[1-9][0-9]{0,2}", least) else 0
        k = {"all": len(names), "any": 1}.get(least, number)
        is_fresh = len(set(names)) == len(names) and not self._used & set(names)
        if not 1 <= k <= len(names) or not is_fresh or not all(map(self._is_known, names)):
            raise WrongError("见证策略的分组不对 / a group of the witness policy is wrong")
        self._used |= set(names)
        return k, names

    def _is_known(self, name: str) -> bool:
        return name in self._witnesses or name in self._groups

    def _is_new(self, name: str) -> bool:
        return name != "none" and not self._is_known(name)

    def _may_be_asked(self, name: str) -> bool:
        return name == "none" or self._is_known(name)

    def is_met(self, note: Note) -> bool:
        """Tell whether enough witnesses cosigned. Raise `WrongError` for a false cosignature."""
        return self.is_met_by(note.signed_by(list(self._witnesses.values())))

    def is_met_by(self, vkeys: set[str]) -> bool:
        """Tell whether witnesses with these keys are enough."""
        return self._quorum == "none" or self._holds(self._quorum, vkeys)

    def _holds(self, name: str, vkeys: set[str]) -> bool:
        if name in self._witnesses:
            return self._witnesses[name].text in vkeys
        least, names = self._groups[name]
        return sum(self._holds(each, vkeys) for each in names) >= least


def _lines(content: bytes) -> list[str]:
    is_plain = all(byte >= 0x20 or byte in b"\t\n" for byte in content) and 0x7F not in content
    if len(content) > _MAX_POLICY_BYTES or not is_plain or not content.endswith(b"\n"):
        raise WrongError("不是见证策略文件 / not a witness policy")
    # Names are bytes that nobody interprets; surrogates keep those that are no UTF-8 apart.
    return content.decode("utf-8", "surrogateescape").split("\n")


def _key_of(encoded: str, kinds: tuple[int, ...], known: list[bytes]) -> VKey:
    if not encoded.isprintable():
        raise WrongError("见证策略的公钥不对 / a key of the witness policy is no UTF-8")
    key = parse_vkey(encoded)
    if key.kind not in kinds or key.public in known:
        raise WrongError("见证策略的公钥类型不对，或重复 / a key of another type, or twice, in the witness policy")
    return key
