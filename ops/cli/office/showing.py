"""Deeds in words: what one says, what it changes, who has signed and who is next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from itertools import pairwise

from audit.entry import JsonValue
from gateway.accounts.keys import fingerprint
from gateway.deeds.changes import leaves
from gateway.deeds.checking import next_step
from gateway.deeds.deed import Deed
from gateway.deeds.document import Document, Kind, read_document
from gateway.deeds.persons import read_person
from gateway.deeds.steps import WITHDRAWAL, Step, path_of
from gateway.domain.people import DUTY_ZH, Duty
from gateway.watch.leak_signed import LEAK
from ops.cli.office.client import Told
from ops.cli.office.leaking import figure_of
from ops.cli.office.reading import Read

KIND_ZH: Mapping[Kind, str] = {
    Kind.PERSON: "人员",
    Kind.PARTNER: "合作部门",
    Kind.SYSTEM: "系统",
    Kind.JOB: "定时任务",
    Kind.RULEBOOKS: "规则册",
    Kind.GRANT: "签批单",
    Kind.COHORT: "名册",
    Kind.AGREEMENT: "服务协议",
    Kind.UNDERTAKING: "保密承诺",
    Kind.FREEZE: "冻结",
    Kind.PARAMETERS: "参数",
    Kind.ATTESTATION: "年度确认",
    Kind.REVIEW: "事后复核",
    Kind.REVEAL: "披露",
    Kind.EXPORT: "证据导出",
    Kind.ERASURE: "删除",
    Kind.HOLD: "保全",
    Kind.RETENTION: "存证账归档",
    Kind.ROLLOVER: "存证账换册",
    Kind.LOG_KEY: "存证账签名密钥",
    Kind.UNSEALING: "解除封账",
    Kind.ACKNOWLEDGEMENT: "对账确认",
    Kind.THRESHOLDS: "监测阈值",
}
STATE_ZH = {"pending": "待签", "refused": "已退回", "in_force": "已生效"}
SHOWN_DIGITS = 12
_ABSENT = "（无）"


def short(digest: object) -> str:
    """As much of a digest as one types."""
    return str(digest)[:SHOWN_DIGITS]


def in_a_line(told: Told) -> str:
    """A deed in a list."""
    kind, state = KIND_ZH[Kind(str(told["kind"]))], STATE_ZH.get(str(told["state"]), str(told["state"]))
    waiting = f"，等待 {told['next']}" if told["next"] else ""
    mine = "  ← 待我签署" if told["waits_for_me"] else ""
    note = f"，理由：{told['note']}" if told["note"] else ""
    return f"{short(told['digest'])}  {kind} {told['id']} 第 {told['serial']} 版，{state}{waiting}{note}{mine}"


def whole(read: Read) -> str:
    """Everything that whoever signs must have seen."""
    return "\n".join(_lines(read))


def waiting_for(step: Step | None) -> str:
    """Who signs next."""
    if step is None:
        return "已签齐"
    return f"等待{'、'.join(sorted(DUTY_ZH[each] for each in step.duties)) or '本人'}签署（{step.name}）"


def _lines(read: Read) -> Iterator[str]:
    document, deed = read.document, read.deed
    yield f"{KIND_ZH[document.kind]} {document.id}，第 {document.serial} 版"
    yield f"  摘要 {deed.digest}"
    steps = " → ".join(each.name for each in path_of(document.kind, document.path))
    yield f"  步骤 {steps}（{document.path}）；{waiting_for(next_step(deed))}"
    yield f"  起草 {document.author}；理由：{document.reason or _ABSENT}"
    for each in deed.signatures:
        yield f"  已签 {each.step}：{each.person}，{each.at}"
    yield f"  内容{'' if not read.before else '较现行版本的变化'}（旧 → 新）："
    yield from (f"    {line}" for line in _differences(read.before, document.content))
    yield from (f"  {line}" for line in _leak(document))
    yield from _narrowings(deed)
    yield from _of_person(document)


def _leak(document: Document) -> Iterator[str]:
    """What a grant leaks at worst; it stands in the bytes that are signed."""
    if document.kind is Kind.GRANT and document.path != WITHDRAWAL:
        yield from figure_of(document)


def _narrowings(deed: Deed) -> Iterator[str]:
    """What reviewers made of it on the way."""
    for number, (old, new) in enumerate(pairwise(deed.drafts), 2):
        after = read_document(new.document)
        yield f"  第 {number} 稿较上一稿（{after.author}，理由：{after.reason or _ABSENT}）："
        yield from (f"    {line}" for line in _differences(read_document(old.document).content, after.content))


def _of_person(document: Document) -> Iterator[str]:
    """Keys are compared by what they are, not by what they are called."""
    if document.kind is Kind.PERSON:
        person = read_person(document.id, document.content)
        yield f"  {person.name}，{DUTY_ZH[Duty(person.duty)]}；请与本人当面核对密钥指纹："
        yield from (f"    {fingerprint(key.public)}" for key in person.keys)


def _differences(old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]) -> Iterator[str]:
    before, after = (dict(leaves({n: v for n, v in each.items() if n != LEAK})) for each in (old, new))
    for place in sorted(before.keys() | after.keys()):
        if place not in before or place not in after or before[place] != after[place]:
            yield from _difference(place, before.get(place, _ABSENT), after.get(place, _ABSENT))


def _difference(place: str, old: JsonValue, new: JsonValue) -> Iterator[str]:
    if any(isinstance(each, str) and "\n" in each for each in (old, new)):
        lines = [str(each).splitlines() if each != _ABSENT else [] for each in (old, new)]
        yield f"{place}："
        yield from (
            f"  {line}" for line in unified_diff(lines[0], lines[1], n=1, lineterm="") if line[:3] not in {"---", "+++"}
        )
    else:
        yield f"{place}：{_plain(old)} → {_plain(new)}"


def _plain(value: JsonValue) -> str:
    """As it is signed, so that true and "true" look different; nothing that a terminal would obey."""
    text = value if isinstance(value, str) else repr(value)
    return "".join(each if each.isprintable() else "�" for each in text)
