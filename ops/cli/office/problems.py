"""What a gateway says when it does not do what was asked, in words for people and as an exit code for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import httpx2

from ops.cli.console import Exit

_HINTS: Mapping[str, str] = {
    "unauthorised": "登录已失效，或账号、口令、激活码有误：请用 bidui sign-in 重新登录（一枚动态口令只能用一次）",
    "step-up-required": "请加 --totp 写明新的动态口令后重试，或先运行 bidui step-up",
    "forbidden": "bidui whoami 显示本人职责；bidui deed show 显示文书等待哪一步、由谁签署",
    "not-found": "文书可能已签结、被退回或不属于本部门；bidui deed list 列出待签文书",
    "unavailable": "未办成任何事项，请稍后重试；若持续如此，请系统管理员运行 bidui doctor",
}
_CODES: Mapping[int, Exit] = {400: Exit.USAGE, 404: Exit.USAGE, 413: Exit.USAGE, 403: Exit.REFUSED, 409: Exit.REFUSED}


class OfficeError(Exception):
    """A command of a person did not succeed. The text is Chinese and says what to do."""

    def __init__(self, text: str, code: Exit = Exit.FAILED, kind: str = "failed") -> None:
        super().__init__(text)
        self.code = code
        self.kind = kind

    def document(self) -> dict[str, object]:
        """The same for machines."""
        return {"error": self.kind, "detail": str(self)}


class TamperedError(OfficeError):
    """What the gateway shows is not what it says it is. Nothing was signed."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text}；未签署，请保存现场并报告安全管理员", Exit.INTEGRITY, "tampered")


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document (RFC 9457)."""

    kind: str
    title: str
    status: int
    detail: str
    pointer: str

    def error(self) -> OfficeError:
        """What is told. A member that is wrong is the user's to mend; a deed that is refused stays refused."""
        default = Exit.USAGE if self.pointer else Exit.REFUSED
        code = default if self.status == 422 else _CODES.get(self.status, Exit.FAILED)
        place = f"（{self.pointer}）" if self.pointer else ""
        hint = _HINTS.get(self.kind)
        return OfficeError(f"{self.title}：{self.detail}{place}" + (f"\n{hint}" if hint else ""), code, self.kind)


def problem(kind: str, text: str) -> OfficeError:
    """The same problem as a gateway would tell, found out before it is asked."""
    return OfficeError(f"{text}\n{_HINTS[kind]}", Exit.REFUSED, kind)


def problem_of(response: httpx2.Response) -> OfficeError:
    """The problem that a response tells of."""
    try:
        told: object = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        told = None
    members = cast("dict[str, object]", told) if isinstance(told, dict) else {}
    if "title" not in members:
        return OfficeError(f"答复者不像比对网关（HTTP {response.status_code}），请核对 --url", Exit.FAILED, "protocol")
    texts = {name: str(members.get(name, "")) for name in ("type", "title", "detail", "pointer")}
    kind = texts["type"].rpartition(":")[2]
    return Problem(kind, texts["title"], response.status_code, texts["detail"], texts["pointer"]).error()
