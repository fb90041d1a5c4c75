"""The machine: versions, disk, clock."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from platform import python_version

from adapters.clock import is_synchronised
from ops.doctor.finding import Finding, doubt, ill, unseen, well
from ops.doctor.installation import Installation
from ops.watchman.disk import RESERVE

OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 38, 0)
"""The first whose JSON functions, which look-ups use, are always there."""
LEAST_BYTES, FEW_BYTES = 1 << 30, 5 << 30
MIB = 1 << 20


def versions(_: Installation) -> Iterator[Finding]:
    """Python and the SQLite it brings."""
    if sys.version_info < OLDEST_PYTHON:
        yield ill("Python", python_version(), "安装 Python 3.11 或更高版本，并以它重建虚拟环境")
    else:
        yield well("Python", python_version())
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        yield ill("SQLite", sqlite3.sqlite_version, "换用自带 SQLite 3.38 或更高版本的 Python")
    else:
        yield well("SQLite", sqlite3.sqlite_version)


def disk(installation: Installation) -> Iterator[Finding]:
    """A full disk stops every answer: no entry, no reply."""
    free = shutil.disk_usage(installation.home.path).free
    index = sum(file.stat().st_size for file in installation.home.index.glob("*/*") if file.is_file())
    text = f"剩余 {_size(free)}，索引占 {_size(index)}"
    least = (installation.serve.least_free_megabytes if installation.serve else 0) * MIB
    if free < max(LEAST_BYTES, least):
        yield ill("磁盘", text, "立即清理或扩容：余量不足时网关停止答复")
    elif free < max(FEW_BYTES, 2 * index):
        yield doubt("磁盘", text, "尽快扩容：全量同步时新旧两代索引并存，存证账只增不减")
    else:
        yield well("磁盘", text)


def reserve(installation: Installation) -> Iterator[Finding]:
    """Room for the last entries, and for whoever cleans up."""
    wanted = installation.serve.reserve_megabytes * MIB if installation.serve else 0
    if not wanted:
        yield unseen("预留空间", "没有设置", "serve.toml 的 reserve_megabytes 为 0，磁盘写满时没有余地")
        return
    try:
        held = (installation.home.path / "data" / RESERVE).stat().st_blocks * 512
    except OSError:
        held = 0
    text = f"{_size(held)}，应为 {_size(wanted)}"
    if held < wanted:
        yield doubt("预留空间", text, "网关运行且磁盘有余量时自动预留；若已放开，先清理磁盘")
    else:
        yield well("预留空间", _size(held))


def clock(installation: Installation) -> Iterator[Finding]:
    """Assertions are good for seconds, quotas end at midnight, the log's time never goes back."""
    text = f"{installation.at:%Y-%m-%d %H:%M:%S} UTC"
    state = is_synchronised()
    if not installation.is_production:
        yield well("时钟", text)
    elif state is None:
        yield unseen("时钟", f"{text}，本系统不报告对时状态", "请自行确认已与可信时间源同步")
    elif not state:
        yield doubt("时钟", f"{text}，系统报告未对时", "启用 chrony 或 systemd-timesyncd，指向本单位时间源")
    else:
        yield well("时钟", f"{text}，已对时")


def _size(number: int) -> str:
    return f"{number / (1 << 30):.1f} GiB" if number >= 1 << 30 else f"{number / (1 << 20):.0f} MiB"
