"""What the made-up source database holds: an organisation, a person, a post, a pay, each as a row of its table."""

from datetime import datetime, time

from ops.demo.codes import code
from ops.demo.league import League
from ops.demo.organisations import Organisation, Sort
from ops.demo.person import TODAY, Pay, Person, Post
from ops.demo.staffing import Staff

Cell = str | int | float | datetime | object | None
Row = tuple[Cell, ...]

# The organisations were last changed when their quotas were fixed for the year.
FIXED = datetime.combine(TODAY.replace(month=1, day=4), time(9))


def organisation_row(organisation: Organisation, path: str) -> Row:
    """A row of 机构."""
    institution = organisation.sort is Sort.INSTITUTION
    return (
        organisation.code,
        organisation.uscc,
        organisation.name,
        organisation.short_name,
        organisation.former_name,
        organisation.parent,
        path,
        organisation.rank,
        code("机构性质", _nature(organisation)),
        code(
            "机构类别", "事业单位" if institution else ("其他" if organisation.sort is Sort.ASSOCIATION else "组成部门")
        ),
        code("经费形式", "差额补贴" if institution and "医院" in organisation.name else "全额拨款"),
        f"呼编发〔{2019 + int(organisation.code[-2:]) % 5}〕{int(organisation.code[-3:]) + 7}号",
        organisation.place,
        FIXED,
    )


def quota_row(staff: Staff) -> Row:
    """A row of 编制."""
    return (
        staff.organisation.code,
        staff.approved,
        staff.active,
        staff.leader_posts,
        staff.leaders,
        staff.off_quota_ceiling,
        staff.off_quota,
        FIXED,
    )


def person_row(person: Person) -> Row:
    """A row of 人员."""
    return (
        person.number,
        person.id_number,
        person.name,
        "1" if person.male else "2",
        code("民族", person.ethnicity),
        person.birth,
        code("政治面貌", person.politics),
        code("学历", person.education),
        code("学位", person.degree),
        person.title,
        person.work_start,
        person.entry_date,
        code("进入形式", person.entry_mode),
        person.quota_since,
        "1" if person.civil_servant else "0",
        code("人员状态", person.status),
        person.left,
        person.updated,
    )


def post_row(number: int, person: Person, post: Post) -> Row:
    """A row of 任职."""
    return (
        number,
        person.number,
        post.organisation,
        post.section,
        code("编制类型", post.quota_type),
        code("人员分类", post.category),
        code("岗位类别", post.post_category),
        post.post,
        post.leader_rank,
        post.rank,
        "1" if post.main else "0",
        post.form,
        post.since,
        post.until,
        person.updated,
    )


def pay_row(number: int, person: Person, pay: Pay) -> Row:
    """A row of 工资."""
    return (
        number,
        person.number,
        pay.organisation,
        code("发放状态", pay.status),
        pay.month,
        pay.grade,
        float(pay.base),
        float(pay.allowance),
        float(pay.performance),
        float(pay.amount),
        person.updated,
    )


def organisation_rows(league: League) -> list[Row]:
    """All of 机构, each with its path from the league down."""
    return [organisation_row(organisation, league.path(organisation.code)) for organisation in league.organisations]


def _nature(organisation: Organisation) -> str:
    if organisation.sort is Sort.INSTITUTION:
        return "事业单位"
    if organisation.sort is Sort.ASSOCIATION:
        return "社会团体"
    if organisation.law:
        return "政法机关"
    party = organisation.name.endswith(("部", "党委办公室", "政法委", "编制委员会办公室", "纪委监委", "巡察办"))
    return "政党机关" if party else "国家机关"
