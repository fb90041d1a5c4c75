"""What an examination says: findings in groups, each with the fix in one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How one thing stands. `SKIP` says that it could not be looked at from here, never that it is well."""

    PASS = "pass"  # noqa: S105 - a state, no password
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what, how it stands, and what to do about it."""

    state: State
    what: str
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Findings that belong together."""

    title: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A whole examination."""

    groups: tuple[Group, ...]

    @property
    def is_well(self) -> bool:
        """Whether something was looked at and nothing failed: an examination of nothing proves nothing."""
        states = [finding.state for group in self.groups for finding in group.findings]
        return State.PASS in states and State.FAIL not in states

    def count(self, state: State) -> int:
        """How many findings are in this state."""
        return sum(finding.state is state for group in self.groups for finding in group.findings)

    def lines(self) -> Iterator[str]:
        """The report for people."""
        for group in self.groups:
            yield group.title
            for finding in group.findings:
                yield f"  {_MARKS[finding.state]} {finding.what}：{finding.detail}"
                if finding.fix:
                    yield f"      → {finding.fix}"
        yield self.summary()

    def summary(self) -> str:
        """The last line."""
        counts = "，".join(f"{_NAMES[state]} {self.count(state)}" for state in State)
        return f"体检{'通过' if self.is_well else '未通过'}：{counts}"


_MARKS = {State.PASS: "✓", State.WARN: "！", State.FAIL: "✗", State.SKIP: "－"}
_NAMES = {State.PASS: "正常", State.WARN: "提醒", State.FAIL: "不合格", State.SKIP: "未查"}


def well(what: str, detail: str) -> Finding:
    """It is as it should be."""
    return Finding(State.PASS, what, detail)


def doubt(what: str, detail: str, fix: str) -> Finding:
    """It works, and should not stay so."""
    return Finding(State.WARN, what, detail, fix)


def ill(what: str, detail: str, fix: str) -> Finding:
    """It does not work, or promises nothing as it is."""
    return Finding(State.FAIL, what, detail, fix)


def unseen(what: str, detail: str, fix: str = "") -> Finding:
    """It could not be looked at by this user or on this machine."""
    return Finding(State.SKIP, what, detail, fix)
