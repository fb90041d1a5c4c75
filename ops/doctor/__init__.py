"""`bidui doctor`: looks at everything an installation needs and says how to mend what is not well.

    report = examine(home)

It reads and never writes: no table, no file, no folder is made, also before there is anything to look at. No secret
and nothing of the register is in what it says. A check that breaks is a finding like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ops.doctor import cohorts, data, keys, ledger, machine, rights, settings, witness
from ops.doctor.finding import Finding, Group, Report, State, ill
from ops.doctor.installation import Installation
from ops.settings import Home

__all__ = ["Finding", "Group", "Report", "State", "examine"]

Check = Callable[[Installation], Iterator[Finding]]

GROUPS: Mapping[str, tuple[Check, ...]] = {
    "运行环境": (machine.versions, machine.disk, machine.reserve, machine.clock),
    "设置": (settings.mode, settings.serve, settings.seal, settings.sync),
    "密钥与证书": (keys.private, keys.sealing, keys.public, keys.certificates),
    "控制库与存证账": (ledger.database, ledger.log),
    "见证": (witness.witnesses, witness.logs),
    "索引与封存": (data.index, data.sealing),
    "规则与授权": (rights.deeds, rights.partners_in_force, rights.rulebooks, rights.grants, cohorts.cohorts),
}


def examine(home: Home) -> Report:
    """Everything, one group after the other."""
    installation = Installation(home, home.clock.now())
    try:
        return Report(tuple(_group(title, checks, installation) for title, checks in GROUPS.items()))
    finally:
        installation.close()


def _group(title: str, checks: tuple[Check, ...], installation: Installation) -> Group:
    return Group(title, tuple(finding for check in checks for finding in _look(check, installation)))


def _look(check: Check, installation: Installation) -> Iterator[Finding]:
    name = f"{check.__module__.rpartition('.')[2]}.{check.__name__}"
    try:
        yield from check(installation)
    except OSError as error:
        yield ill(name, f"无法检查：{error.strerror or type(error).__name__}", "确认文件存在，且本用户可读")
    except Exception as error:  # noqa: BLE001 - whatever is broken, the rest is still to be looked at
        yield ill(name, f"检查中断（{type(error).__name__}）", "其余各项仍有效；请连同程序版本报告此项")
