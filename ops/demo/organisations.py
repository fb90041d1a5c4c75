"""The organisations of the made-up league: one league, fourteen banners, their organs and institutions.

461 of them: the league's own office, 54 bodies at league level, and for each of 14 banners its office and 28 bodies.
No place code of the league (1599..) was ever given out, so no number here is that of a real person or organ.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from policies.identifiers import uscc_check_character

LEAGUE = "呼和塔拉盟"
LEAGUE_PLACE = "159900"
BANNERS = (
    "敖仑旗 布日敦旗 查干淖尔旗 达兰旗 额和旗 格日勒旗 哈日努德旗 吉仁旗 浩来旗 满都拉旗 努图克旗 沙巴尔旗 "
    "塔拉图旗 乌力吉图旗"
).split()


class Sort(StrEnum):
    """What an organisation is; the value begins its credit code."""

    ORGAN = "11"
    INSTITUTION = "12"
    ASSOCIATION = "13"


@dataclass(frozen=True, slots=True)
class Outline:
    """One line of the lists below: how a body is called, what it is, under whom it stands, how large it is."""

    name: str
    sort: Sort = Sort.ORGAN
    parent: str = ""
    weight: int = 10
    law: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """One row of 机构, without its numbers of posts."""

    code: str
    uscc: str
    name: str
    short_name: str
    former_name: str | None
    parent: str | None
    place: str
    sort: Sort
    rank: str
    law: bool
    weight: int


def _organs(names: str, sort: Sort = Sort.ORGAN, *, weight: int = 10, law: bool = False) -> list[Outline]:
    return [Outline(name, sort, weight=weight, law=law) for name in names.split()]


def _institutions(parent: str, names: str, *, weight: int) -> list[Outline]:
    return [Outline(name, Sort.INSTITUTION, parent, weight) for name in names.split()]


AT_LEAGUE = (
    *_organs("纪委监委 党委办公室 组织部 宣传部 统战部 政法委 机构编制委员会办公室 巡察办", weight=14),
    *_organs("发展和改革委员会 教育局 工业和信息化局 民族事务委员会 民政局 财政局 人力资源和社会保障局 自然资源局"),
    *_organs("生态环境局 住房和城乡建设局 交通运输局 水利局 农牧局 文化旅游局 卫生健康委员会 应急管理局 审计局"),
    *_organs("国有资产监督管理委员会 市场监督管理局 林业和草原局 统计局 医疗保障局"),
    *_organs("公安局", weight=90, law=True),
    *_organs("司法局 人民检察院 中级人民法院", weight=35, law=True),
    *_organs("总工会 共青团委员会 妇女联合会 科学技术协会 残疾人联合会", Sort.ASSOCIATION, weight=6),
    *_institutions("教育局", "第一中学 蒙古族中学 职业技术学院 幼儿园", weight=70),
    *_institutions("卫生健康委员会", "中心医院 蒙医医院", weight=190),
    *_institutions("卫生健康委员会", "疾病预防控制中心 妇幼保健院", weight=45),
    *_institutions("文化旅游局", "图书馆 博物馆 乌兰牧骑", weight=20),
    *_institutions("农牧局", "草原工作站 动物疫病预防控制中心", weight=25),
    *_institutions("自然资源局", "不动产登记中心", weight=25),
    *_institutions("党委办公室", "党校", weight=30),
)
AT_BANNER = (
    *_organs("纪委监委 党委办公室 组织部 宣传部 机构编制委员会办公室", weight=8),
    *_organs(
        "发展和改革委员会 教育局 民政局 财政局 人力资源和社会保障局 自然资源局 住房和城乡建设局 农牧局 卫生健康委员会",
        weight=7,
    ),
    *_organs("审计局 市场监督管理局 林业和草原局", weight=6),
    *_organs("公安局", weight=45, law=True),
    *_organs("人民检察院 人民法院", weight=14, law=True),
    *_organs("总工会 妇女联合会", Sort.ASSOCIATION, weight=4),
    *_institutions("教育局", "第一中学 蒙古族学校 第一小学", weight=42),
    *_institutions("卫生健康委员会", "人民医院", weight=60),
    *_institutions("农牧局", "草原工作站", weight=14),
    *_institutions("党委办公室", "融媒体中心", weight=12),
)
_SHORT = {
    "机构编制委员会办公室": "编办", "发展和改革委员会": "发改委", "人力资源和社会保障局": "人社局",
    "卫生健康委员会": "卫健委", "国有资产监督管理委员会": "国资委", "市场监督管理局": "市监局",
    "住房和城乡建设局": "住建局", "工业和信息化局": "工信局", "民族事务委员会": "民委", "林业和草原局": "林草局",
    "党委办公室": "党办", "疾病预防控制中心": "疾控中心",
}  # fmt: skip
# What a body was called before the reform of 2018-2019; a list of another office may still say so.
_FORMER = {
    "农牧局": "农牧业局", "自然资源局": "国土资源局", "市场监督管理局": "工商行政管理局", "林业和草原局": "林业局",
    "卫生健康委员会": "卫生和计划生育委员会", "应急管理局": "安全生产监督管理局",
    "文化旅游局": "文化体育广播电影电视局", "融媒体中心": "广播电视台",
}  # fmt: skip
_USCC_BODY = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def organisations(rng: Random) -> Iterator[Organisation]:
    """All of them, each after the one above it."""
    office = Outline("行政公署", weight=24)
    yield from _level(rng, LEAGUE, LEAGUE_PLACE, office, AT_LEAGUE, above=None)
    for number, banner in enumerate(BANNERS, start=1):
        place = f"1599{number:02}"
        yield from _level(rng, banner, place, Outline("人民政府", weight=14), AT_BANNER, above=code_of(LEAGUE_PLACE, 0))


def code_of(place: str, number: int) -> str:
    """机构编码: the place, then the number of the body in it."""
    return f"{place}{number:06}"


def _level(
    rng: Random, where: str, place: str, office: Outline, outlines: tuple[Outline, ...], *, above: str | None
) -> Iterator[Organisation]:
    """The office of a league or banner and everything under it."""
    codes = {outline.name: code_of(place, number) for number, outline in enumerate(outlines, start=1)}
    top = code_of(place, 0)
    yield _organisation(rng, where, place, office, code=top, parent=above)
    for outline in outlines:
        yield _organisation(rng, where, place, outline, code=codes[outline.name], parent=codes.get(outline.parent, top))


def _organisation(
    rng: Random, where: str, place: str, outline: Outline, *, code: str, parent: str | None
) -> Organisation:
    former = _FORMER.get(outline.name)
    return Organisation(
        code=code,
        uscc=_uscc(rng, outline.sort, place),
        name=where + outline.name,
        short_name=where + _SHORT.get(outline.name, outline.name),
        former_name=where + former if former else None,
        parent=parent,
        place=place,
        sort=outline.sort,
        rank=_rank(outline, at_league=place == LEAGUE_PLACE, office=code.endswith("000000")),
        law=outline.law,
        weight=outline.weight,
    )


def _rank(outline: Outline, *, at_league: bool, office: bool) -> str:
    """机构级别: a league is a prefecture (正厅), a banner a county (正处); their bodies stand one below."""
    if office:
        return "正厅级" if at_league else "正处级"
    if outline.parent:
        return "副处级" if at_league and outline.weight > 100 else ("正科级" if at_league else "副科级")
    return "正处级" if at_league else "正科级"


def _uscc(rng: Random, sort: Sort, place: str) -> str:
    """A credit code with both of its check characters right."""
    body = "".join(rng.choices(_USCC_BODY[:10], k=8))
    first17 = f"{sort}{place}{body}{_body_check(body)}"
    return first17 + uscc_check_character(first17)


def _body_check(body: str) -> str:
    """The check character of the nine-place organisation code inside (GB 11714)."""
    total = sum(weight * int(digit) for weight, digit in zip((3, 7, 9, 10, 5, 8, 4, 2), body, strict=True))
    check = -total % 11
    return "X" if check == 10 else str(check)
