"""The post of a made-up person: which quota it fills, what it is called, how high it stands."""

from dataclasses import dataclass
from random import Random

from ops.demo.draw import Weighted
from ops.demo.organisations import Organisation, Sort
from ops.demo.staffing import Role

LEVELS = ("科员级", "副科级", "正科级", "副处级", "正处级", "副厅级", "正厅级")
NO_RANK = "无"

_LAW = Weighted({"政法专项编制": 92, "工勤编制": 8})
_ORGAN = Weighted({"行政编制": 88, "工勤编制": 8, "机关其他编制": 4})
# How the head of a body is called, by the end of its name; the first that fits.
_HEADS = {
    "行政公署": "盟长", "人民政府": "旗长", "检察院": "检察长", "纪委监委": "书记", "妇女联合会": "主席",
    "总工会": "主席", "残疾人联合会": "理事长", "共青团委员会": "书记", "政法委": "书记", "公安局": "局长",
    "党校": "校长", "学校": "校长", "中学": "校长", "小学": "校长", "馆": "馆长", "乌兰牧骑": "队长", "站": "站长",
    "院": "院长", "局": "局长", "部": "部长",
}  # fmt: skip
_SECTIONS = {
    "医院": "内科 外科 儿科 妇产科 护理部 检验科 药剂科 蒙医科 办公室",
    "中学": "语文教研组 数学教研组 蒙古语文教研组 理化教研组 教务处 总务处",
    "学校": "语文教研组 数学教研组 蒙古语文教研组 教务处 总务处",
    "小学": "语文教研组 数学教研组 教务处 总务处",
    "公安局": "指挥中心 刑事侦查大队 治安管理大队 交通管理大队 城关派出所 办公室",
}
_LEAGUE_SECTIONS = "办公室 人事科 财务科 综合科 政策法规科 督查科 业务一科 业务二科"
_BANNER_SECTIONS = "办公室 人事股 财务股 综合股 业务股"
_PROFESSIONS = {"医院": ("医师", "护士", "药师"), "中学": ("教师",), "学校": ("教师",), "小学": ("教师",)}
_MANUAL = ("驾驶员", "技术工", "普通工")
# 职级 by age: the older, the higher; the last two lines are for league bodies alone.
_RANKS = (
    (28, ("二级科员", "一级科员")),
    (35, ("一级科员", "四级主任科员", "三级主任科员")),
    (45, ("三级主任科员", "二级主任科员", "一级主任科员")),
    (99, ("一级主任科员", "四级调研员", "三级调研员")),
)
_TITLES = Weighted({"正高级": 3, "副高级": 17, "中级": 35, "助理级": 35, "员级": 5, "无职称": 5})


@dataclass(frozen=True, slots=True)
class Place:
    """What a person is in an organisation, before dates."""

    section: str
    quota_type: str
    category: str
    post_category: str
    post: str
    leader_rank: str
    rank: str | None
    title: str
    civil_servant: bool


def place_in(rng: Random, organisation: Organisation, role: Role, age: int) -> Place:
    """A place that fits the organisation, the role and the age."""
    quota_type = _quota_type(rng, organisation, role)
    category = _category(rng, role)
    civil_servant = quota_type in {"行政编制", "政法专项编制"}
    manual = quota_type in {"工勤编制", "编外"}
    professional = organisation.sort is Sort.INSTITUTION and not manual and category != "部门正职领导"
    section = rng.choice(_sections(organisation))
    return Place(
        section=section,
        quota_type=quota_type,
        category="非领导" if manual else category,
        post_category="工勤" if manual else ("专业技术" if professional else "行政管理"),
        post=_post(rng, organisation, category, manual=manual, professional=professional),
        leader_rank=NO_RANK if manual else _leader_rank(organisation, category),
        rank=_rank(rng, age) if civil_servant and category == "非领导" else None,
        title=_TITLES.draw(rng) if professional else "无职称",
        civil_servant=civil_servant,
    )


def _quota_type(rng: Random, organisation: Organisation, role: Role) -> str:
    if role is Role.OFF_QUOTA:
        return "编外"
    if organisation.sort is Sort.INSTITUTION:
        return "事业编制"
    if role in {Role.HEAD, Role.DEPUTY}:
        return "政法专项编制" if organisation.law else "行政编制"
    return (_LAW if organisation.law else _ORGAN).draw(rng)


def _category(rng: Random, role: Role) -> str:
    if role is Role.HEAD:
        return "部门正职领导"
    if role is Role.DEPUTY:
        return "部门副职领导"
    chance = rng.random()
    return "内设机构正职领导" if chance < 0.11 else ("内设机构副职领导" if chance < 0.19 else "非领导")


def _sections(organisation: Organisation) -> list[str]:
    for ending, sections in _SECTIONS.items():
        if organisation.name.endswith(ending):
            return sections.split()
    return (_LEAGUE_SECTIONS if organisation.rank[1] in "处厅" else _BANNER_SECTIONS).split()


def _leader_rank(organisation: Organisation, category: str) -> str:
    """A head has the rank of the body, a deputy one less, the head of a section two less."""
    below = {"部门正职领导": 0, "部门副职领导": 1, "内设机构正职领导": 2, "内设机构副职领导": 3}.get(category)
    if below is None:
        return NO_RANK
    return LEVELS[max(0, LEVELS.index(organisation.rank) - below)]


def _rank(rng: Random, age: int) -> str:
    return rng.choice(next(ranks for limit, ranks in _RANKS if age < limit))


def _post(rng: Random, organisation: Organisation, category: str, *, manual: bool, professional: bool) -> str:
    if manual:
        return rng.choice(_MANUAL)
    if category == "部门正职领导":
        return _head(organisation)
    if category == "部门副职领导":
        return "副" + _head(organisation)
    if category != "非领导":
        return "科长" if category == "内设机构正职领导" else "副科长"
    return rng.choice(_profession(organisation)) if professional else "科员"


def _head(organisation: Organisation) -> str:
    return next((head for ending, head in _HEADS.items() if organisation.name.endswith(ending)), "主任")


def _profession(organisation: Organisation) -> tuple[str, ...]:
    found = (words for ending, words in _PROFESSIONS.items() if organisation.name.endswith(ending))
    return next(found, ("专业技术人员",))
