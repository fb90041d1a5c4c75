"""The drawing of the states of a grant, and the table beside it, as docs/grants.md shows them."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.deeds.states import ACT_ZH, FINAL, OWNERS, STATE_ZH, TRANSITIONS, GrantState
from gateway.domain.people import DUTY_ZH


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
