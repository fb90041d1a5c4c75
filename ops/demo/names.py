"""Names of made-up people: Han, Mongolian with and without clan name, and the writings that cause trouble.

Frequencies are rough, but repeat as in life: among thousands of people many share a name.
"""

from itertools import accumulate
from random import Random

# Most frequent first; the n-th weighs about 1/n, so the head of the list repeats as it does in a real register.
HAN_SURNAMES = (
    "王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 唐 冯 于 董 萧 程 曹 袁 邓 许 傅 "
    "沈 曾 彭 吕 苏 卢 蒋 蔡 贾 丁 魏 薛 叶 阎 余 潘 杜 戴 夏 钟 汪 田 任 姜 范 方 石 姚 谭 廖 邹 熊 金 陆 郝 孔 "
    "白 崔 康 毛 邱 秦 江 史 顾 侯 邵 孟 龙 万 段 钱 汤 尹 黎 易 常 武 乔 贺 赖 龚 文 欧阳 诸葛 上官 司马 令狐 仇 "
    "单 查 翟 乐 盖 解 尉迟 宁 云 包 鲍 敖 席"
).split()
MALE = (
    "伟 强 磊 军 勇 杰 涛 明 超 刚 平 辉 鹏 飞 波 斌 宇 浩 凯 健 俊 帅 建国 建军 志强 志明 国强 文博 子轩 海涛 "
    "晓东 永刚 立新 春生 宏伟 德胜 玉柱 长江 振华 卫东 小龙 嘉诚 一鸣 博文 天佑 景行 泽民 世杰 铁柱 喆 堃 峰 坤 "
    "昇 鑫 淼 焱 森"
).split()
FEMALE = (
    "芳 娜 敏 静 丽 艳 娟 霞 燕 玲 桂英 秀英 秀兰 玉兰 玉梅 红梅 春梅 雪 梅 琳 洁 颖 倩 婷 丹 蕾 萍 欣怡 梓涵 "
    "雨桐 佳怡 思远 晓红 晓燕 丽华 淑珍 淑华 凤英 凤兰 海燕 金花 银花 慧 莹 瑶 璐 琪 媛 珊 蓉 薇 菲 诗涵 若曦 月 "
    "兰"
).split()
MONGOLIAN_MALE = (
    "巴特尔 巴雅尔 巴图 格日勒图 额尔敦 额尔德木图 布和 布仁 朝鲁 朝克图 道尔吉 恩和 嘎拉 哈斯 呼格吉勒 呼和 "
    "吉日嘎拉 吉仁泰 满都拉 孟克 孟和 那顺 那仁朝克图 纳日松 敖其尔 青格勒 斯琴巴图 苏和 苏日格 特木尔 图门 "
    "乌力吉 乌恩 乌云毕力格 希日布 照日格图 宝音 宝力道 阿拉坦 阿木古楞 阿斯尔 达来 达日玛 莫日根 毕力格 查干 "
    "都仁 赛音 赛罕 苏雅拉图"
).split()
MONGOLIAN_FEMALE = (
    "其其格 乌兰 乌云 乌日娜 乌仁图雅 萨仁 萨仁高娃 萨日娜 娜仁 娜仁花 娜布其 托娅 高娃 格日勒 哈斯其其格 托雅 "
    "琪琪格 斯琴 斯琴高娃 苏日娜 苏布达 塔娜 图雅 通拉嘎 阿茹娜 阿拉坦其其格 阿丽玛 安娜 奥登 白音花 查苏娜 代钦 "
    "敖登格日乐 珊丹 赛汗 莎茹拉 斯日古楞 旭日 伊茹 依娜 朝格 海日 满达 美其格 牡兰 诺敏 莲花 金花 银花 南斯勒玛"
).split()
CLANS = "博尔济吉特 孛儿只斤 乌梁海 克烈 兀良哈 弘吉剌 札剌亦儿 巴岳特 土默特 扎赉特 郭尔罗斯 乃蛮".split()
# How the dot between the parts of a name is typed in real files. The first is right.
DOTS = "·•・‧．.●"

# Pairs one person's papers are found with: the register has one, a list the other. Each folds to one form.
VARIANTS = {
    "喆": "哲", "堃": "坤", "萧": "肖", "阎": "闫", "傅": "付", "戴": "代", "峰": "峯", "昇": "升", "宁": "甯",
    "清": "淸", "青": "靑", "德": "徳", "吴": "呉", "钟": "鍾", "荣": "栄", "云": "雲", "卫": "衛", "国": "國",
    "华": "華", "丽": "麗", "龙": "龍", "凤": "鳳", "张": "張", "刘": "劉", "陈": "陳", "兰": "蘭", "强": "強",
}  # fmt: skip
# Characters of the supplementary planes, and of the private-use area as old GB 18030 files hold them.
RARE = ("\U00020bb7", "\U0002cc56", "\U0002b5af", "\U0002cb4e", "\U00023cb2", "\U0002b689")
PRIVATE_USE = ("\ue863", "\ue854", "\ue0a1", "\uf3b7")


def _falling(count: int) -> list[float]:
    return list(accumulate(1 / (rank + 3) for rank in range(count)))


_SURNAME_WEIGHTS = _falling(len(HAN_SURNAMES))


def han_surname(rng: Random) -> str:
    """A surname as frequent as in life."""
    return rng.choices(HAN_SURNAMES, cum_weights=_SURNAME_WEIGHTS)[0]


def han_given(rng: Random, *, male: bool) -> str:
    """A given name of one or two characters, now and then joined of two."""
    given = MALE if male else FEMALE
    first = rng.choice(given)
    if len(first) == 1 and rng.random() < 0.45:
        return first + rng.choice(given)[0]
    return first


def mongolian_name(rng: Random, *, male: bool) -> str:
    """A Mongolian name in Chinese characters; one in seven with the clan before a dot."""
    name = rng.choice(MONGOLIAN_MALE if male else MONGOLIAN_FEMALE)
    if rng.random() < 0.14:
        return f"{rng.choice(CLANS)}·{name}"
    return name


def other_writing(name: str) -> str | None:
    """The name as another office might have it: the first character with a variant, written the other way."""
    for place, character in enumerate(name):
        if character in VARIANTS:
            return name[:place] + VARIANTS[character] + name[place + 1 :]
    if "·" in name:
        return name.replace("·", "")
    return None
