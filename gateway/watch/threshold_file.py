"""Thresholds as people write, sign and read them: a TOML file, the content of a deed, and what may stand in either.

What a file leaves out is as delivered. In a deed every number stands, fractions as text: its form has none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, TypeAlias, cast

from audit.entry import JsonValue, encode
from gateway.deeds.errors import DeedError
from gateway.watch.thresholds import DEFAULTS, Thresholds

MAX_FILE_BYTES: Final = 64 * 1024
Number: TypeAlias = int | float
Value: TypeAlias = int | float | tuple[int, ...]
LOWER, HIGHER, EITHER = "lower", "higher", "either"
LINE, SWEEP, QUESTIONS, CHECKS, DOOR = "line", "sweep", "questions", "checks", "door"


class ThresholdError(DeedError):
    """These are no thresholds; the message says which, and what to write."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What one threshold may be. `stricter` says where it stops more: of some nobody can say that in general.

    `of` is what decides by it: the line, sweeps beside it, questions counted before a look-up, spot checks, the
    door. Only the line can be replayed.
    """

    low: float
    high: float
    stricter: str = EITHER
    of: str = LINE
    zh: str = ""


BOUNDS: Final[Mapping[str, Bound]] = MappingProxyType(
    {
        "alarm": Bound(5.0, 40.0, LOWER, zh="累积检验的报警值"),
        "usual_misses": Bound(0.001, 0.2, zh="正常签批单首次对象中查无此人的占比，至少"),
        "harvest_misses": Bound(0.05, 0.6, zh="枚举时查无此人的占比"),
        "kept_hits": Bound(0.1, 0.95, zh="开放签批单的命中率可降至申报的几成"),
        "harvest_hits": Bound(0.0001, 0.05, zh="在开放签批单下枚举时的命中率"),
        "usual_mismatches": Bound(0.001, 0.3, zh="正常时首次对象有字段不一致的占比"),
        "harvest_mismatches": Bound(0.05, 0.9, zh="猜值时不一致的占比"),
        "misses_times": Bound(0.5, 10.0, LOWER, zh="30 天内查无此人可为申报占比的几倍"),
        "least_misses": Bound(1, 1000, LOWER, zh="30 天内查无此人的额度，至少"),
        "outside_share": Bound(0.0, 0.2, LOWER, zh="30 天内范围以外的对象占应有对象的几成"),
        "least_outside": Bound(1, 500, LOWER, zh="30 天内范围以外对象的额度，至少"),
        "cell_misses": Bound(2, 100, LOWER, zh="同一地区同一生日的空号达几个"),
        "cell_odds": Bound(-60.0, -5.0, HIGHER, zh="且偶然至此的概率对数低于"),
        "cells_a_region": Bound(1_000, 100_000, HIGHER, zh="一个地区有多少个生日"),
        "unit_odds": Bound(-60.0, -5.0, HIGHER, zh="偶然问到同一机构这么多人的概率对数低于"),
        "unit_part": Bound(0.005, 1.0, LOWER, zh="且达到机构人数的几成"),
        "unit_most": Bound(5, 10_000, LOWER, zh="此数至多"),
        "unit_least": Bound(3, 1_000, LOWER, zh="此数至少"),
        "run_outs": Bound(1, 1_000, LOWER, zh="无范围签批单一次超出额度的请求达几个即暂停"),
        "locks": Bound(1, 100_000, LOWER, zh="无范围签批单 30 天内已不再答之问达几次即暂停"),
        "part_odds": Bound(-30.0, -0.5, HIGHER, SWEEP, zh="合谋巡查中一张签批单所占份额的概率对数低于"),
        "drift_alarm": Bound(2.0, 40.0, LOWER, SWEEP, zh="每工作日新对象人数漂移检验的报警值"),
        "drift_times": Bound(1.1, 5.0, EITHER, SWEEP, zh="漂移时为平常的几倍"),
        "drift_days": Bound(5, 250, EITHER, SWEEP, zh="先学几个工作日再检验漂移"),
        "fan_in": Bound(2, 100, LOWER, SWEEP, zh="七日内问到同一人的部门达几个即记录"),
        "overlap_odds": Bound(-60.0, -5.0, HIGHER, SWEEP, zh="偶然有这么多共同对象的概率对数低于"),
        "overlap_part": Bound(0.01, 1.0, LOWER, SWEEP, zh="且达到较小一张签批单对象的几成"),
        "overlap_least": Bound(3, 100_000, LOWER, SWEEP, zh="且不少于几人"),
        "decoys": Bound(1, 20, LOWER, zh="30 天内遇到几个不同诱饵"),
        "usual_decoys": Bound(1e-7, 1e-2, LOWER, zh="常人证件号码恰为诱饵的占比"),
        "decoy_odds": Bound(-60.0, -1.0, HIGHER, zh="且偶然至此的概率对数低于"),
        "few_values": Bound(1, 1_000, HIGHER, QUESTIONS, zh="取值不多于此数的字段算很少"),
        "some_values": Bound(2, 100_000, HIGHER, QUESTIONS, zh="取值不多于此数的字段算不多"),
        "questions": Bound(1, 100, LOWER, QUESTIONS, zh="30 天内对一人一字段可问几个不同的值：很少、不多、许多"),
        "bounds": Bound(1, 100, LOWER, QUESTIONS, zh="30 天内对一人一字段可问几个不同的界"),
        "other_questions": Bound(0, 1_000, LOWER, QUESTIONS, zh="30 天内对一人除各字段首问外可再问几个"),
        "small_values": Bound(2, 100_000, HIGHER, QUESTIONS, zh="取值不多于此数的字段可以猜"),
        "contradictions": Bound(1, 64, LOWER, QUESTIONS, zh="无范围签批单：可猜的字段几处不一致起不逐项告知"),
        "pace_seconds": Bound(1, 86_400, HIGHER, DOOR, zh="一日的比对次数最快在几秒内用完"),
        "pace_burst": Bound(1, 100_000, LOWER, DOOR, zh="可连续提出几次（或一日次数的六十分之一，取大者）"),
        "habit_days": Bound(1, 3_650, LOWER, DOOR, zh="首次使用后几天内学习其网络与时段"),
        "habit_hours": Bound(0, 12, LOWER, DOOR, zh="离平常时段几小时以内仍算平常"),
        "outcome_kept": Bound(0.1, 0.95, of=SWEEP, zh="签批单申报的办成占比可降至几成"),
        "check_share": Bound(0.0, 1.0, HIGHER, CHECKS, zh="抽查凭证的占比"),
        "check_open_share": Bound(0.0, 1.0, HIGHER, CHECKS, zh="开放签批单抽查凭证的占比"),
        "check_raised": Bound(0.0, 1.0, HIGHER, CHECKS, zh="有凭证不实后同一用途抽查的占比"),
        "check_raised_days": Bound(1, 3_650, HIGHER, CHECKS, zh="如此持续几天"),
        "check_accept_share": Bound(0.0, 1.0, HIGHER, CHECKS, zh="抽查中须审核通过才答复的占比"),
        "check_due_days": Bound(0, 60, LOWER, CHECKS, zh="凭证迟交几天后不再答复新对象"),
        "check_late_days": Bound(1, 365, LOWER, CHECKS, zh="凭证迟交几天后算没有"),
    }
)
"""Each threshold, in the order in which they stand in the code. A test holds that none is missing."""


def read_file(content: bytes) -> Thresholds:
    """The thresholds of a file. Raises `ThresholdError`."""
    if len(content) > MAX_FILE_BYTES:
        raise ThresholdError(f"阈值文件不得超过 {MAX_FILE_BYTES} 字节")
    try:
        table: dict[str, object] = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ThresholdError(f"阈值文件须为 UTF-8 的 TOML：{error}") from None
    return _checked(table)


def read_content(content: JsonValue) -> Thresholds:
    """The thresholds of a deed, which names all of them but those that came later. Raises `ThresholdError`."""
    if not isinstance(content, Mapping):
        raise ThresholdError("values 须为阈值表")
    return _checked({name: _from_text(name, value) for name, value in content.items()})


def content_of(thresholds: Thresholds) -> dict[str, JsonValue]:
    """As they are signed."""
    return {name: _told(value) for name, value in values_of(thresholds).items()}


def values_of(thresholds: Thresholds) -> dict[str, Value]:
    """Each by its name."""
    return {each.name: getattr(thresholds, each.name) for each in fields(thresholds)}


def digest_of(thresholds: Thresholds) -> str:
    """What reports name a set by."""
    return sha256(encode(content_of(thresholds))).hexdigest()


def changes(old: Thresholds, new: Thresholds) -> dict[str, tuple[Value, Value]]:
    """What differs, by name."""
    before, after = values_of(old), values_of(new)
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def loosened(old: Thresholds, new: Thresholds) -> list[str]:
    """What may stop less than before: all changes but those of which that can be ruled out."""
    return [name for name, (before, after) in changes(old, new).items() if not _is_stricter(name, before, after)]


def file_of(thresholds: Thresholds) -> str:
    """A whole file, with what each number means and may be."""
    return "".join(f"# {_meaning(name)}\n{name} = {_toml(value)}\n" for name, value in values_of(thresholds).items())


def _checked(table: Mapping[str, object]) -> Thresholds:
    unknown = sorted(set(table) - set(BOUNDS))
    if unknown:
        raise ThresholdError(f"没有这样的阈值：{'、'.join(unknown)[:200]}；全部名称见 bidui watch thresholds")
    values: dict[str, Any] = {name: _value(name, value) for name, value in table.items()}
    made = Thresholds(**values)
    _check_together(made)
    return made


def _value(name: str, value: object) -> Value:
    usual = values_of(DEFAULTS)[name]
    if isinstance(usual, tuple):
        listed = cast("Sequence[object]", value) if isinstance(value, list | tuple) else ()
        if len(listed) != len(usual):
            raise ThresholdError(f"{name} 须为 {len(usual)} 个整数")
        return tuple(int(_number(name, each, is_whole=True)) for each in listed)
    return _number(name, value, is_whole=isinstance(usual, int))


def _number(name: str, value: object, *, is_whole: bool) -> Number:
    bound, kind = BOUNDS[name], "整数" if is_whole else "数"
    if isinstance(value, bool) or not isinstance(value, int if is_whole else (int, float)):
        raise ThresholdError(f"{name} 须为{kind}")
    if not isfinite(value) or not bound.low <= value <= bound.high:
        raise ThresholdError(f"{name} 须为 {_plain(bound.low)} 至 {_plain(bound.high)} 之间的{kind}")
    return value if is_whole else float(value)


def _check_together(made: Thresholds) -> None:
    rising = {
        "usual_misses 须小于 harvest_misses": made.usual_misses < made.harvest_misses,
        "usual_mismatches 须小于 harvest_mismatches": made.usual_mismatches < made.harvest_mismatches,
        "few_values 须小于 some_values": made.few_values < made.some_values,
        "questions 须依次不减": tuple(sorted(made.questions)) == made.questions,
        "unit_least 不得大于 unit_most": made.unit_least <= made.unit_most,
        "check_due_days 不得大于 check_late_days": made.check_due_days <= made.check_late_days,
    }
    wrong = [told for told, is_so in rising.items() if not is_so]
    if wrong:
        raise ThresholdError("；".join(wrong))


def _is_stricter(name: str, before: Value, after: Value) -> bool:
    stricter, pairs = BOUNDS[name].stricter, zip(_all(before), _all(after), strict=True)
    if stricter == LOWER:
        return all(new <= old for old, new in pairs)
    return stricter == HIGHER and all(new >= old for old, new in pairs)


def _all(value: Value) -> tuple[Number, ...]:
    return value if isinstance(value, tuple) else (value,)


def _told(value: Value) -> JsonValue:
    if isinstance(value, tuple):
        return list(value)
    return repr(value) if isinstance(value, float) else value


def _from_text(name: str, value: JsonValue) -> object:
    """A fraction stands as the text that Python gives it, and as no other."""
    if name not in BOUNDS or not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        number = None
    if number is None or repr(number) != value:
        raise ThresholdError(f"{name} 须为写作文本的数，如 {_told(values_of(DEFAULTS)[name])!r}")
    return number


def _meaning(name: str) -> str:
    bound = BOUNDS[name]
    strict = {LOWER: "，越小越严", HIGHER: "，越大越严"}.get(bound.stricter, "")
    return f"{bound.zh}（{_plain(bound.low)} 至 {_plain(bound.high)}{strict}）"


def _plain(number: float) -> str:
    return f"{number:g}" if abs(number) < 1e5 else f"{number:.0f}"


def _toml(value: Value) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else repr(value)
