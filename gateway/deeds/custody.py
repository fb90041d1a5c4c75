"""What is signed about the ledger itself: what of it is shown, taken out, erased, kept or moved on.

Nobody looks behind the clear part of an entry, and nothing leaves the ledger, on one person's word. Subjects are named
by their search token, 32 hex digits, because a deed is kept for ever and a number is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from audit.entry import MAX_INTEGER, JsonValue
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.standing import Standing
from gateway.deeds.steps import RELEASE

SECRETS = frozenset({"subject", "operator", "matter", "inner", "rules"})
"""What an entry may commit to without saying it, as `audit.kinds` lists it."""
MAX_ENTRIES = 1000
MAX_CHAIN = 100_000
"""Entries of a partner's chain that one bundle may hold."""
_TOKEN, _DIGEST, _MONTH = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{64}"), re.compile(r"\d{4}-(0[1-9]|1[0-2])")
PURPOSES = frozenset({"checkpoint", "receipt"})


def check_custody(document: Document, standing: Standing) -> None:
    """Raises `DeedError` that says what to change."""
    wanted, check = _FORMS[document.kind]
    content = document.content
    if set(content) != wanted:
        raise DeedError(f"{document.kind.value} 文书须恰有这些成员：{'、'.join(sorted(wanted))}")
    if document.kind in _WITH_REASON and not document.reason.strip():
        raise DeedError("请在 reason 中写明事由")
    check(document, content)
    if document.path == RELEASE and standing.content(document.kind, document.id) is None:
        raise DeedError("没有此编号的生效保全，请核对编号")


def _reveal(_: Document, content: Mapping[str, JsonValue]) -> None:
    _entries(content["entries"], least=1)
    _names(content["names"], least=1)
    _day(content["until"])


def _export(_: Document, content: Mapping[str, JsonValue]) -> None:
    chain = content["chain"]
    _entries(content["entries"], least=1 if chain is None else 0)
    _names(content["names"], least=0)
    _day(content["until"])
    if chain is None:
        return
    if not isinstance(chain, Mapping) or set(chain) != {"of", "first", "last"} or not isinstance(chain["of"], str):
        raise DeedError("chain 须为 null，或恰有 of（合作部门）、first、last（其序号，从 0 起）")
    first, last = _number(chain["first"], "first"), _number(chain["last"], "last")
    if not 0 <= last - first < MAX_CHAIN:
        raise DeedError(f"chain 的 last 不得早于 first，且一次最多 {MAX_CHAIN} 条")


def _erasure(_: Document, content: Mapping[str, JsonValue]) -> None:
    _matching(content["subject"], _TOKEN, "subject 须为 32 位十六进制的检索标识")
    if not isinstance(content["basis"], str) or not content["basis"].strip():
        raise DeedError("basis 须写明删除的法律依据")


def _hold(document: Document, content: Mapping[str, JsonValue]) -> None:
    _matching(content["subject"], _TOKEN, "subject 须为 32 位十六进制的检索标识")
    if content["held"] is not (document.path != RELEASE):
        raise DeedError("保全时 held 须为 true，解除（路径 release）时须为 false")


def _retention(_: Document, content: Mapping[str, JsonValue]) -> None:
    if not _number(content["before"], "before"):
        raise DeedError("before 须大于 0")
    _matching(content["archive"], _DIGEST, "archive 须为归档文件的 SHA-256，64 位十六进制")


def _rollover(_: Document, content: Mapping[str, JsonValue]) -> None:
    vkeys = content["vkeys"]
    if (
        not isinstance(content["origin"], str)
        or not content["origin"]
        or content["origin"] != content["origin"].strip()
    ):
        raise DeedError("origin 须为后继存证账的名称")
    if not isinstance(vkeys, list | tuple) or not vkeys or not all(isinstance(each, str) and each for each in vkeys):
        raise DeedError("vkeys 须列出后继存证账的签名公钥")


def _log_key(_: Document, content: Mapping[str, JsonValue]) -> None:
    if content["purpose"] not in PURPOSES:
        raise DeedError(f"purpose 须为其中之一：{'、'.join(sorted(PURPOSES))}")
    if not isinstance(content["vkey"], str) or not content["vkey"]:
        raise DeedError("vkey 须为新的签名公钥")


def _unsealing(_: Document, content: Mapping[str, JsonValue]) -> None:
    if not isinstance(content["cause"], str) or not content["cause"]:
        raise DeedError("cause 须为封账的原因，照 bidui audit state 所示")


def _acknowledgement(_: Document, content: Mapping[str, JsonValue]) -> None:
    if not isinstance(content["partner"], str) or not content["partner"]:
        raise DeedError("partner 须为合作部门")
    _matching(content["month"], _MONTH, "month 须写作 2026-01")
    _matching(content["statements"], _DIGEST, "statements 须为该月对账单的根，64 位十六进制")
    if not isinstance(content["agrees"], bool):
        raise DeedError("agrees 须为 true（无异议）或 false（有异议，并在 reason 中写明）")


def _entries(value: JsonValue, *, least: int) -> None:
    if not isinstance(value, list | tuple) or not least <= len(value) <= MAX_ENTRIES:
        raise DeedError(f"entries 须列出 {least} 至 {MAX_ENTRIES} 个条目序号")
    numbers = [_number(each, "entries") for each in value]
    if numbers != sorted(set(numbers)):
        raise DeedError("entries 须从小到大、各不相同")


def _names(value: JsonValue, *, least: int) -> None:
    names: Sequence[JsonValue] = value if isinstance(value, list | tuple) else ()
    if value != sorted({each for each in names if isinstance(each, str)} & SECRETS) or len(names) < least:
        raise DeedError(f"names 须从这些披露项中选取，按字母排列：{'、'.join(sorted(SECRETS))}")


def _day(value: JsonValue) -> None:
    try:
        good = isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        good = False
    if not good:
        raise DeedError("until 须为失效日期，写作 2026-12-31")


def _number(value: JsonValue, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_INTEGER:
        raise DeedError(f"{name} 须为非负整数")
    return value


def _matching(value: JsonValue, pattern: re.Pattern[str], told: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise DeedError(told)


_WITH_REASON = frozenset({Kind.REVEAL, Kind.EXPORT, Kind.ERASURE, Kind.HOLD, Kind.UNSEALING})
_FORMS: Mapping[Kind, tuple[set[str], Callable[[Document, Mapping[str, JsonValue]], None]]] = {
    Kind.REVEAL: ({"entries", "names", "until"}, _reveal),
    Kind.EXPORT: ({"entries", "chain", "names", "until"}, _export),
    Kind.ERASURE: ({"subject", "basis"}, _erasure),
    Kind.HOLD: ({"subject", "held"}, _hold),
    Kind.RETENTION: ({"before", "archive"}, _retention),
    Kind.ROLLOVER: ({"origin", "vkeys"}, _rollover),
    Kind.LOG_KEY: ({"purpose", "vkey"}, _log_key),
    Kind.UNSEALING: ({"cause"}, _unsealing),
    Kind.ACKNOWLEDGEMENT: ({"partner", "month", "statements", "agrees"}, _acknowledgement),
}
CUSTODY = frozenset(_FORMS)
"""The kinds of deeds about the ledger."""
