"""What can be wrong with a rulebook: one word for machines, one sentence that says what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Pitfall(StrEnum):
    """Each of these would widen or lose a right in silence if it reached Casbin."""

    BOM = "bom"
    UNREADABLE = "unreadable"
    BAD_FILE = "bad_file"
    UNKNOWN_KEY = "unknown_key"
    MISSING_KEY = "missing_key"
    WRONG_TYPE = "wrong_type"
    EMPTY = "empty"
    DUPLICATE = "duplicate"
    BAD_NAME = "bad_name"
    BAD_TEXT = "bad_text"
    EFFECT = "effect"
    WRONG_KIND = "wrong_kind"
    UNKNOWN_NAME = "unknown_name"
    OPERATOR = "operator"
    BAD_CIDR = "bad_cidr"
    BAD_WINDOW = "bad_window"
    BAD_PERIOD = "bad_period"
    WIDE_ALLOW = "wide_allow"
    CYCLE = "cycle"
    TOO_DEEP = "too_deep"


ADVICE: Final[dict[Pitfall, str]] = {
    Pitfall.BOM: "文件以 BOM 开头，请另存为不带 BOM 的 UTF-8 (save as UTF-8 without a byte order mark)",
    Pitfall.UNREADABLE: "读不出 UTF-8 的 TOML，请按所示改正 (mend what cannot be read)",
    Pitfall.BAD_FILE: "文件名只能用字、数字和 . _ -，以 .toml 结尾，最长 64 (name the file something.toml)",
    Pitfall.UNKNOWN_KEY: "有不认识的键，请删去或改正拼写 (remove or respell the key)",
    Pitfall.MISSING_KEY: "缺少必填的键，请补上 (add the key)",
    Pitfall.WRONG_TYPE: "值的类型不对，请对照示例改写 (write a value of the right type)",
    Pitfall.EMPTY: "至少要写一项，空表不授权也不禁止 (name at least one)",
    Pitfall.DUPLICATE: "重复出现，请只保留一处 (keep one of them)",
    Pitfall.BAD_NAME: "名称只能用字母、数字和 . _ -，最长 64 (use letters, digits, dot, underscore, hyphen)",
    Pitfall.BAD_TEXT: "须写明，单行，不含控制字符和全角空格 (write one line of plain, visible text)",
    Pitfall.EFFECT: "effect 只能写 allow 或 deny (write allow or deny, in lower case)",
    Pitfall.WRONG_KIND: "名称前缀不对，此处应为所示种类 (use a name of the kind shown)",
    Pitfall.UNKNOWN_NAME: "没有这个名称，请先登记或改正 (register it first, or respell it)",
    Pitfall.OPERATOR: "字段不支持这种比对方式，请另写一条规则 (the field has no such comparator)",
    Pitfall.BAD_CIDR: "网段写法不对，应如 10.0.0.0/8，主机位为零 (write a network such as 10.0.0.0/8)",
    Pitfall.BAD_WINDOW: "时段写法不对，应如 mon-fri 08:30-17:30，跨夜请分两段 (split at midnight)",
    Pitfall.BAD_PERIOD: "valid_to 早于 valid_from，请改正日期 (valid_to lies before valid_from)",
    Pitfall.WIDE_ALLOW: "allow 不得如此宽泛：用途 *、class any、全体部门只可用于 deny (only deny may be this wide)",
    Pitfall.CYCLE: "上下级成环，请断开 (break the circle)",
    Pitfall.TOO_DEEP: "层级超过 9 级，更深的禁止会失效，请压缩层级 (at most 9 levels)",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: in which file, at which rule or name, and how."""

    file: str
    item: str
    pitfall: Pitfall
    detail: str

    def __str__(self) -> str:
        return f"{self.file} · {self.item} · {self.detail}：{ADVICE[self.pitfall]}"


class FlawError(Exception):
    """One pitfall met while reading one item; the loader adds where it was."""

    def __init__(self, pitfall: Pitfall, detail: str) -> None:
        super().__init__(pitfall, detail)
        self.pitfall = pitfall
        self.detail = detail


class RulebookError(Exception):
    """The rulebooks cannot be used; every problem found is listed, and nothing was loaded."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
