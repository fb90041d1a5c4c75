"""The answers that `bidui init` needs, from a TOML file or asked one by one.

origin = "bidui.example.gov/audit/2026-1"
issuer = "https://bidui.example.gov"
suite = "intl"                      # or "gm": SM2, SM3, SM4; may be left out
port = 8420                         # may be left out, as metrics_port

[administrators.system_admin]       # security_admin, audit_admin likewise
id = "bb-zhang.wei"
name = "…"
id_number = "…"                     # kept as a keyed digest alone
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec

from gateway.domain.people import DUTY_ZH, Duty
from ops.founding import Administrator, Administrators
from ops.settings import Port, SettingsError, SuiteName

FOUNDERS = (Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN)
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One administrator."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9.-]{1,39}$")]
    name: Text
    id_number: Text

    def __repr__(self) -> str:
        """The account alone."""
        return f"Named({self.id!r})"


class Three(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One person for each duty."""

    system_admin: Named
    security_admin: Named
    audit_admin: Named


class Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a new installation is told."""

    origin: Text
    issuer: Text
    administrators: Three
    suite: SuiteName = "intl"
    port: Port = 8420
    metrics_port: Port = 9420

    def people(self) -> Administrators:
        """The administrators by duty."""
        named = {duty: getattr(self.administrators, duty.value) for duty in FOUNDERS}
        return {duty: Administrator(each.id, each.name, each.id_number) for duty, each in named.items()}


def read_answers(path: Path) -> Answers:
    """Raises `SettingsError`; it never repeats what the file says of a person."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Answers)
    except OSError as error:
        raise SettingsError(f"{path.name} 无法读取（{error.strerror}）") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise SettingsError(f"{path.name} 不是 UTF-8 的 TOML 文件，用 python -m tomllib 可查出错行") from None
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path.name} 内容有误（{error}），完整示例见 docs/operations.md") from None


def ask_answers(ask: Callable[[str], str]) -> Answers:
    """Asks one by one. Raises `SettingsError`."""
    origin, issuer = ask("存证账名称，如 bidui.example.gov/audit/2026-1"), ask("合作部门访问网关所用的 https 地址")
    three = {
        duty.value: {
            "id": ask(f"{DUTY_ZH[duty]}的账号，如 bb-zhang.wei"),
            "name": ask(f"{DUTY_ZH[duty]}的姓名"),
            "id_number": ask(f"{DUTY_ZH[duty]}的身份证号（只留摘要）"),
        }
        for duty in FOUNDERS
    }
    try:
        return msgspec.convert({"origin": origin, "issuer": issuer, "administrators": three}, Answers)
    except msgspec.ValidationError as error:
        raise SettingsError(f"所答内容有误（{error}），请重新运行 bidui init") from None
