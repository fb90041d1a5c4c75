"""The table of the folded form: which characters count as one writing of the same name.

Built once, at first use, from OpenCC's traditional-to-simplified data taken character by character (phrases would
make the form of a character depend on its neighbours), then the pairs below, which OpenCC leaves apart.

A pair is here when registers and cards are known to write the *same* person both ways: old printed shapes and
vulgar forms, characters merged in 1955 and admitted again for names, and the four surnames that the withdrawn
simplification of 1977 merged. Characters that only sound or look alike (淼 and 渺, 丘 and 邱, 曜 and 耀) stay apart.
Folding is never identity: it leads to `variant`, and a person looks.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import cast

from opencc import OpenCC

from policies.characters import DOT

# Variant first, the form it folds to second.
_OLD_SHAPES = (
    "靑青 髙高 淸清 戸户 兪俞 昻昂 姸妍 硏研 鄕乡 寜宁 寗宁 寕宁 甯宁 寳宝 畧略 秌秋 峩峨 鵞鹅 呉吴 徳德 "
    "恵惠 黒黑 歩步 穂穗 栄荣 﨑崎 塡填 愼慎 飮饮 桒桑 栢柏 楳梅 煕熙 凞熙 熈熙 尙尚 濶阔 莭节 荘庄 鴈雁 "
    "翆翠 喦岩 嵒岩 歳岁 亷廉 亰京 夀寿 竒奇 竜龙 竝并 笵范 筞策 珎珍 勲勋 氷冰 玅妙"
)
_MERGED_IN_1955 = (
    "喆哲 堃坤 犇奔 邨村 仝同 崐昆 甦苏 晳皙 璚琼 燿耀 钜巨 濬浚 澂澄 廼乃 迺乃 叡睿 埜野 壄野 椀碗 昺炳 "
    "昞炳 暎映 煖暖 穉稚 稺稚 蕋蕊 蘂蕊 蘃蕊 飏扬 驩欢"
)
_SURNAMES_OF_1977 = "萧肖 阎闫 傅付 戴代"
_PAIRS = f"{_OLD_SHAPES} {_MERGED_IN_1955} {_SURNAMES_OF_1977}"
_MAX_STEPS = 4

_HAN_BLOCKS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
_DROPPED = DOT + " ()\"'-"


@cache
def fold_table() -> Mapping[int, str | None]:
    """For `str.translate`; folding twice changes nothing."""
    steps = _simplified() | {ord(pair[0]): pair[1] for pair in _PAIRS.split()}
    table: dict[int, str | None] = dict.fromkeys(map(ord, _DROPPED))
    return table | {code: _follow(steps, form) for code, form in steps.items()}


@cache
def fold_digest() -> str:
    """Names the table: another OpenCC or another pair gives another digest, and the index must be sealed anew."""
    lines = (f"{code:X} {form or ''}\n" for code, form in sorted(fold_table().items()))
    return sha256("".join(lines).encode()).hexdigest()


def _simplified() -> dict[int, str]:
    """Every character that OpenCC writes differently; a line each, so that no phrase rule sees two of them."""
    codes = [code for first, last in _HAN_BLOCKS for code in range(first, last + 1)]
    lines = _convert("\n".join(map(chr, codes))).split("\n")
    return {code: line for code, line in zip(codes, lines, strict=True) if line != chr(code)}


def _convert(text: str) -> str:
    # OpenCC's annotations leave open what comes back; text gives text.
    return cast(str, OpenCC("t2s").convert(text))  # pyright: ignore[reportUnknownMemberType]


def _follow(steps: Mapping[int, str], form: str) -> str:
    # OpenCC leads from 薴 to 苧 and from 苧 to 苎. Bounded: a circle in newer data must not hold us here.
    for _ in range(_MAX_STEPS):
        form = steps.get(ord(form), form)
    return form
