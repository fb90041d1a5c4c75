"""The generated parts of docs/grants.md: the drawing of the states of a grant, and the tables beside it."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.deeds.document import Kind
from gateway.deeds.parameters import DEFAULTS
from gateway.deeds.states import ACT_ZH, FINAL, OWNERS, STATE_ZH, TRANSITIONS, GrantState
from gateway.deeds.steps import PATHS, SELF, Step
from gateway.domain.people import DUTY_ZH

_KIND_ZH = {
    Kind.GRANT: "签批单",
    Kind.ATTESTATION: "年度确认",
    Kind.REVIEW: "应急复核",
    Kind.AGREEMENT: "服务协议",
    Kind.UNDERTAKING: "保密承诺",
    Kind.PARAMETERS: "参数",
}


def drawing() -> str:
    """A state diagram in Mermaid: an arrow for each two states, with all acts that lead from one to the other."""
    return "\n".join(["stateDiagram-v2", *_names(), "    [*] --> applied: 申请", *_arrows(), *_ends()])


def table() -> str:
    """A row for each state: who has to act, and what can be done. In Markdown."""
    head = ["| 状态 | 标识 | 由谁办理 | 可以发生 |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *(_row(state) for state in GrantState)])


def _names() -> Iterator[str]:
    return (f"    {state}: {STATE_ZH[state]}" for state in GrantState)


def _arrows() -> Iterator[str]:
    pairs = dict.fromkeys((start, end) for start, _, end in TRANSITIONS)
    for start, end in pairs:
        acts = "、".join(ACT_ZH[act] for s, act, e in TRANSITIONS if (s, e) == (start, end))
        yield f"    {start} --> {end}: {acts}"


def _ends() -> Iterator[str]:
    return (f"    {state} --> [*]" for state in GrantState if state in FINAL)


def _row(state: GrantState) -> str:
    owners = "、".join(DUTY_ZH[duty] for duty in DUTY_ZH if duty in OWNERS[state])
    acts = "、".join(dict.fromkeys(ACT_ZH[act] for start, act, _ in TRANSITIONS if start == state))
    return f"| {STATE_ZH[state]} | `{state}` | {owners} | {acts or '—'} |"


def paths() -> str:
    """Who signs what around a grant, in which order, and for how long each step may take. In Markdown."""
    head = ["| 文书 | 路径 | 依次签署（默认工作日） |", "| --- | --- | --- |"]
    rows = (
        f"| {_KIND_ZH[kind]} `{kind}` | `{path}` | {' → '.join(_step(step) for step in steps)} |"
        for kind in _KIND_ZH
        for path, steps in PATHS[kind].items()
    )
    return "\n".join([*head, *rows])


def _step(step: Step) -> str:
    duties = "本人" if step.name == SELF else "／".join(DUTY_ZH[duty] for duty in DUTY_ZH if duty in step.duties)
    return f"{duties} `{step.name}`（{DEFAULTS.days_for(step.name)}）"
