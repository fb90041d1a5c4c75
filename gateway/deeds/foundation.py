"""The foundation: three activation keys in entry 0 of the ledger, from which every right follows by signatures.

Serve compares it with entry 0; the sealing process has a copy of its own (`foundation.json`), which nobody else writes.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from audit.entry import JsonValue
from gateway.deeds.errors import DeedError
from gateway.domain.people import THREE, Duty

_PUBLIC = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Founder:
    """One of the first three: who, for which duty, and the public half of the activation key."""

    person: str
    duty: Duty
    public: bytes


@dataclass(frozen=True, slots=True)
class Foundation:
    """The log, and its three founders, one of each duty."""

    log: str
    founders: Mapping[str, Founder]

    def members(self) -> list[dict[str, JsonValue]]:
        """As entry 0 tells it."""
        return [
            {"person": each.person, "duty": each.duty.value, "public": _text(each.public)}
            for each in sorted(self.founders.values(), key=lambda founder: founder.duty)
        ]

    def encode(self) -> bytes:
        """As `foundation.json` tells it."""
        return json.dumps({"log": self.log, "founders": self.members()}, indent=1).encode() + b"\n"


def found(log: str, founders: Sequence[Founder]) -> Foundation:
    """The foundation of a log. Raises `DeedError` unless there is one founder for each of the three duties."""
    apart = {len({founder.person for founder in founders}), len({founder.public for founder in founders})}
    if frozenset(founder.duty for founder in founders) != THREE or apart != {len(THREE)}:
        raise DeedError("首任管理员须为三人：系统管理员、安全管理员、审计管理员各一人")
    return Foundation(log, {founder.person: founder for founder in founders})


def read_foundation(encoded: bytes) -> Foundation:
    """What `Foundation.encode` wrote. Raises `DeedError`."""
    try:
        told = json.loads(encoded)
    except ValueError:
        raise DeedError("foundation.json 不是 JSON，请从网关的安装目录重新复制") from None
    members = cast("dict[str, object]", told) if isinstance(told, dict) else {}
    rows = members.get("founders")
    if not isinstance(members.get("log"), str) or not isinstance(rows, list):
        raise DeedError("foundation.json 缺少 log 或 founders，请从网关的安装目录重新复制")
    return found(str(members["log"]), [_founder(row) for row in cast("list[object]", rows)])


def _founder(row: object) -> Founder:
    told = cast("dict[str, object]", row) if isinstance(row, dict) else dict[str, object]()
    person, duty, public = (str(told.get(name, "")) for name in ("person", "duty", "public"))
    if duty not in list(Duty) or not _PUBLIC.fullmatch(public):
        raise DeedError("foundation.json 中有首任管理员缺少职责或公钥，请从网关的安装目录重新复制")
    return Founder(person, Duty(duty), urlsafe_b64decode(public + "="))


def _text(public: bytes) -> str:
    return urlsafe_b64encode(public).rstrip(b"=").decode()
