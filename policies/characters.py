"""What the names of people and organs are written with: Han characters, middle dots, private-use leftovers."""

import re

PRIVATE_USE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
# Han as a register writes it, for use inside a character class: unified and compatibility characters of all planes,
# the radicals and strokes that old files use as characters, the zero 〇, and whatever stands in a private-use area.
HAN = "\u2e80-\u2fd5\u3007\u31c0-\u31e3\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd" + PRIVATE_USE

DOT = "\u00b7"
# Each of these is typed for the dot between the parts of a name; NFKC leaves all of them apart.
_DOTS = "\u2022\u2027\u30fb\u22c5\u2219\u25cf\u2e31\u2e33\u1427\u16eb\u119e\ua78f\u25e6\u2218\u25aa\U00010101"

# 80 characters of GBK (FE50 to FEA0) without a code point when GB 18030 was first written: files of that time carry
# them in a row from U+E815. The code points are those of GB 18030-2005 and 2022. U+E863 is 䶮.
_OLD_GB_18030_FIRST = 0xE815
_OLD_GB_18030 = (
    "2E81 20087 20089 200CC 2E84 3473 3447 2E88 2E8B 9FB4 359E 361A 360E 2E8C 2E97 396E "
    "3918 9FB5 39CF 39DF 3A73 39D0 9FB6 9FB7 3B4E 3C6E 3CE0 2EA7 215D7 9FB8 2EAA 4056 "
    "415F 2EAE 4337 2EB3 2EB6 2EB7 2298F 43B1 43AC 2EBB 43DD 44D6 4661 464C 9FB9 4723 "
    "4729 477C 478D 2ECA 4947 497A 497D 4982 4983 4985 4986 499F 499B 49B7 49B6 9FBA "
    "241FE 4CA3 4C9F 4CA0 4CA1 4C77 4CA2 4D13 4D14 4D15 4D16 4D17 4D18 4D19 4DAE 9FBB"
)
# Copying from PDF gives radicals for whole characters. NFKC repairs the Kangxi block, not the supplement these are of.
_RADICALS = (
    "⺠民 ⻁虎 ⻄西 ⻅见 ⻆角 ⻉贝 ⻋车 ⻓长 ⻔门 ⻘青 ⻙韦 ⻚页 ⻛风 ⻜飞 "
    "⻢马 ⻣骨 ⻤鬼 ⻥鱼 ⻦鸟 ⻧卤 ⻨麦 ⻩黄 ⻪黾 ⻬齐 ⻮齿 ⻰龙"
)

KNOWN_PRIVATE_USE = {_OLD_GB_18030_FIRST + n: chr(int(code, 16)) for n, code in enumerate(_OLD_GB_18030.split())}
# What every name is rid of, whatever it names; for `str.translate`.
REPAIRS = (
    KNOWN_PRIVATE_USE | {ord(pair[0]): pair[1] for pair in _RADICALS.split()} | dict.fromkeys(map(ord, _DOTS), DOT)
)

_PRIVATE = re.compile(f"[{PRIVATE_USE}]")


def private_use_count(text: str) -> int:
    """How many characters of the text have no public code point, the known old ones not counted.

    Two offices may mean different characters by the same private code, so the load report counts them.
    """
    return sum(ord(character) not in KNOWN_PRIVATE_USE for character in _PRIVATE.findall(text))
