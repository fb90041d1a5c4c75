"""Every cause for which the ledger is not OK, as a table: what it comes to, how it ends, what people are told.

The table in docs/operations.md is made from it (`markdown`), and so is what officers see.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct


class State(StrEnum):
    """What may be done."""

    OK = "ok"
    DEGRADED = "degraded"
    SEALED = "sealed"


class Recovery(StrEnum):
    """What ends a cause."""

    ITSELF = "itself"
    """The cause going away, within seconds."""
    PEOPLE = "people"
    """Two people, by a deed: what happened cannot be undone, somebody has to answer for going on."""


class Cause(StrEnum):
    """Why the ledger is not OK."""

    COMMIT = "commit_failed"
    STALLED = "database_stalled"
    DOWN = "database_down"
    LOST = "database_lost"
    REPLACED = "database_replaced"
    DISK_FULL = "disk_full"
    DISK_LOW = "disk_low"
    DISK_BROKEN = "disk_broken"
    READ_ONLY = "read_only"
    FORBIDDEN = "not_permitted"
    CHECKPOINTS = "checkpoints_lost"
    CLOCK_BACK = "clock_back"
    CLOCK_LEAPT = "clock_leapt"
    CLOCK_STANDS = "clock_stands"
    SIGNER_LATE = "signer_late"
    SIGNER_STOPPED = "signer_stopped"
    ROLLED_BACK = "rolled_back"
    MISMATCH = "mismatch"
    WITNESS_AHEAD = "witness_ahead"
    WITNESS_LATE = "witness_late"
    WITNESS_LIMIT = "witness_limit"
    UNDECIDED = "undecided"


class Rule(Struct, frozen=True):
    """What a cause comes to, how it ends, and what people are told: what it means, and what to do."""

    state: State
    recovery: Recovery
    zh: str
    todo_zh: str
    en: str
    todo_en: str
    may_write: bool = True
    """Whether the office may still write entries. Into a log that is not what was signed it must not."""


_S, _D, _I, _P = State.SEALED, State.DEGRADED, Recovery.ITSELF, Recovery.PEOPLE
RULES: Mapping[Cause, Rule] = {
    Cause.COMMIT: Rule(
        _S,
        _I,
        "控制库提交失败",
        "查磁盘与数据库日志；试写成功后自行恢复",
        "the database did not commit",
        "look at disk and database; it recovers once a trial write succeeds",
    ),
    Cause.STALLED: Rule(
        _S,
        _I,
        "控制库无响应：磁盘或数据库挂起，或被别的程序锁住",
        "找出占用者（`fuser data/control.sqlite*`、数据库的锁）；放开后自行恢复",
        "the database does not answer: disk or database hang, or another program holds the lock",
        "find who holds it; it recovers once that lets go",
    ),
    Cause.DOWN: Rule(
        _S,
        _I,
        "控制库不可读",
        "启动数据库，核对地址与账号；可读后自行恢复",
        "the database cannot be read",
        "start it, check address and account; it recovers by itself",
    ),
    Cause.LOST: Rule(
        _S,
        _I,
        "控制库文件不见了",
        "把文件放回原处（不要新建）；放回后自行恢复",
        "the database file is gone",
        "put it back, never a new one; it recovers by itself",
        may_write=False,
    ),
    Cause.REPLACED: Rule(
        _S,
        _I,
        "运行中控制库文件被换成了另一个",
        "若是恢复备份，见第 6 节；与检查点核对相符后自行恢复",
        "the database file was replaced while it was open",
        "see section 6; it recovers once it agrees with the checkpoints",
        may_write=False,
    ),
    Cause.DISK_FULL: Rule(
        _S,
        _I,
        "磁盘已满，或余量低于下限，预留空间已放开供写最后的记录",
        "清理或扩容；余量回到下限以上后自行恢复，并重新预留",
        "the disk is full, or below its limit; the reserve was released for the last entries",
        "make room; it recovers by itself and reserves anew",
    ),
    Cause.DISK_LOW: Rule(
        _D,
        _I,
        "磁盘余量不多",
        "尽快扩容：低于下限即停止答复",
        "little room is left on the disk",
        "make room soon: below the limit nothing is answered",
    ),
    Cause.DISK_BROKEN: Rule(
        _S,
        _I,
        "磁盘读写出错",
        "查内核日志与硬盘，换盘前先备份；可写后自行恢复",
        "the disk fails to read or write",
        "look at the kernel's log and the disk, back up first; it recovers once it writes again",
    ),
    Cause.READ_ONLY: Rule(
        _S,
        _I,
        "文件系统只读",
        "查内核日志（磁盘错误时会转为只读），修复后重新挂载；可写后自行恢复",
        "the file system is read-only",
        "look at the kernel's log, mend, mount anew; it recovers by itself",
    ),
    Cause.FORBIDDEN: Rule(
        _S,
        _I,
        "控制库或检查点目录不可写：权限或属主被改动",
        "按第 2 节改回属主与权限；可写后自行恢复",
        "database or checkpoints cannot be written: owner or mode were changed",
        "set them back, see section 2; it recovers by itself",
    ),
    Cause.CHECKPOINTS: Rule(
        _S,
        _I,
        "检查点目录不见了，或比本进程签过的旧",
        "从另存处恢复 `checkpoints/`；恢复后与账核对相符即自行恢复",
        "the checkpoints are gone, or older than what was signed",
        "restore them from where they are kept; it recovers once they agree",
        may_write=False,
    ),
    Cause.CLOCK_BACK: Rule(
        _S,
        _I,
        "系统时钟早于账中最后一条记录，超出容许范围",
        "校准时钟；追上后自行恢复",
        "the clock is behind the last entry by more than is tolerated",
        "set the clock right; it recovers by itself",
    ),
    Cause.CLOCK_LEAPT: Rule(
        _S,
        _I,
        "系统时钟跳变，超出容许范围",
        "校准时钟：回到原处，或经对时服务确认后自行恢复；否则核对无误后重启 serve",
        "the clock leapt by more than is tolerated",
        "set it right: it recovers when it is back, or synchronised; else check it and restart serve",
    ),
    Cause.CLOCK_STANDS: Rule(
        _S,
        _I,
        "系统时钟不走",
        "查虚拟机与时钟源；走动后自行恢复",
        "the clock does not advance",
        "look at the virtual machine and its clock; it recovers by itself",
    ),
    Cause.SIGNER_LATE: Rule(
        _D,
        _I,
        "检查点迟迟未签",
        "看 `task_failed`：多为数据库或检查点目录慢",
        "no checkpoint was signed for a while",
        "see `task_failed`: mostly a slow database or checkpoint store",
    ),
    Cause.SIGNER_STOPPED: Rule(
        _S,
        _I,
        "检查点停签过久",
        "查明签名任务为何停下；补签后自行恢复",
        "no checkpoint was signed for far too long",
        "find out why; it recovers once one is signed",
    ),
    Cause.ROLLED_BACK: Rule(
        _S,
        _P,
        "控制库少于已签的条数：被回退，或是落后的备库",
        "`bidui audit doctor`；找更新的备份，找不到则 `bidui audit rebuild`",
        "the database holds less than was signed: restored, or a standby that lagged",
        "`bidui audit doctor`; look for a newer backup, else `bidui audit rebuild`",
        may_write=False,
    ),
    Cause.MISMATCH: Rule(
        _S,
        _P,
        "账与签名不符：记录被改动，或分叉",
        "保留现场，`bidui audit doctor` 指出首个不同的条目，报告分管领导",
        "the log is not what was signed: altered, or forked",
        "keep everything; `bidui audit doctor` names the first entry that differs",
        may_write=False,
    ),
    Cause.WITNESS_AHEAD: Rule(
        _S,
        _P,
        "见证方见过的条数多于本库",
        "同“被回退”：`bidui audit doctor`",
        "a witness has seen more entries than are here",
        "as when rolled back: `bidui audit doctor`",
        may_write=False,
    ),
    Cause.WITNESS_LATE: Rule(
        _D,
        _I,
        "见证迟到",
        "查与见证方的连接",
        "witnessing is late",
        "look at the way to the witnesses",
    ),
    Cause.WITNESS_LIMIT: Rule(
        _S,
        _I,
        "超过未见证的硬上限",
        "恢复与见证方的连接，或离线见证；见证达标后自行恢复",
        "the hard limit without witnesses was passed",
        "reach them again, or witness offline; it recovers by itself",
    ),
    Cause.UNDECIDED: Rule(
        _S,
        _P,
        "曾因回退或不符封账，现已相符，等待两人决定",
        "`bidui audit unseal` 提请，审计管理员与领导签署后恢复",
        "sealed for a rollback or a mismatch; it agrees again and waits for two people",
        "`bidui audit unseal`: it goes on once an audit administrator and a leader have signed",
    ),
}


STATE_ZH = {State.OK: "正常", State.DEGRADED: "降级", State.SEALED: "封账"}
RECOVERY_ZH = {Recovery.ITSELF: "自行 itself", Recovery.PEOPLE: "两人决定 two people"}


def markdown() -> str:
    """Write the table for docs/operations.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "| 原因 cause | 状态 state | 含义 | 处理 | meaning | what to do | 恢复 recovery |"
    yield "|---|---|---|---|---|---|---|"
    for cause, rule in RULES.items():
        state = f"{rule.state.upper()} {STATE_ZH[rule.state]}"
        told = (f"`{cause}`", state, rule.zh, rule.todo_zh, rule.en, rule.todo_en, RECOVERY_ZH[rule.recovery])
        yield f"| {' | '.join(told)} |"
