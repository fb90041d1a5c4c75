"""The schema of the made-up source database, as a foreign office would have it: five tables and two views.

| table | key | holds |
|---|---|---|
| 机构 | 机构编码 | organisations; 隶属路径 is the codes from the league down, joined by `/` |
| 编制 | 机构编码 | numbers of posts of an organisation: approved, filled, leading, off-quota |
| 人员 | 人员编号 | persons |
| 任职 | 任职编号 | posts of persons, past and present; 失效日期 is the first day without the post, NULL while held |
| 工资 | 工资编号 | what an organisation pays a person in the last month |

比对_人员 gives one row per post (so several for one person), joined with person, organisation and the pay of that
organisation; a second payer without a post stands in 工资 alone. 比对_机构 gives one row per organisation. Both have
all that a mapping needs in one place: key 人员编号 and identifier 身份证号, or key 机构编码 and identifier
统一社会信用代码; the unit 机构编码 (its tree is 机构: 机构编码, 上级机构编码); the main record where 主职 = '1';
validity from 生效日期 to 失效日期, the first day without.

The watermark is 更新时间 (local time, no zone). Whoever changes a post or a pay also touches that of the person, so the
views have one, too. Code values: `ops.demo.codes`. Ranks, titles and names of organisations are words; dates are dates;
months are text (yyyy-mm); amounts are yuan with two decimals; yes and no are '1' and '0'.
"""

from sqlalchemy import Column, Date, DateTime, Integer, MetaData, Numeric, String, Table
from sqlalchemy.engine import Connection

metadata = MetaData()


def _text(name: str, length: int, *, key: bool = False, index: bool = False) -> Column[str]:
    return Column(name, String(length), primary_key=key, index=index)


def _watermark() -> Column[object]:
    return Column("更新时间", DateTime, nullable=False, index=True)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _money(name: str) -> Column[float]:
    return Column(name, Numeric(12, 2, asdecimal=False))


ORGANISATIONS = Table(
    "机构",
    metadata,
    _text("机构编码", 15, key=True),
    _text("统一社会信用代码", 18),
    _text("机构全称", 200),
    _text("规范简称", 100),
    _text("曾用名", 200),
    _text("上级机构编码", 15),
    _text("隶属路径", 100),
    _text("机构级别", 20),
    _text("机构性质", 2),
    _text("机构类别", 2),
    _text("经费形式", 2),
    _text("批准文号", 60),
    _text("区划代码", 6),
    _watermark(),
)
QUOTAS = Table(
    "编制",
    metadata,
    _text("机构编码", 15, key=True),
    _count("核定编制数"),
    _count("实有人数"),
    _count("核定领导职数"),
    _count("实配领导职数"),
    _count("编外控制数"),
    _count("编外实有数"),
    _watermark(),
)
PERSONS = Table(
    "人员",
    metadata,
    Column("人员编号", Integer, primary_key=True, autoincrement=False),
    # Wider than 18 and not unique: it takes what is typed, as old systems do.
    _text("身份证号", 30, index=True),
    _text("姓名", 60),
    _text("性别", 1),
    _text("民族", 2),
    Column("出生日期", Date),
    _text("政治面貌", 2),
    _text("学历", 2),
    _text("学位", 1),
    _text("职称", 10),
    Column("参加工作时间", Date),
    Column("进入时间", Date),
    _text("进入形式", 2),
    Column("入编时间", Date),
    _text("公务员登记", 1),
    _text("人员状态", 2),
    Column("离开日期", Date),
    _watermark(),
)
POSTS = Table(
    "任职",
    metadata,
    Column("任职编号", Integer, primary_key=True, autoincrement=False),
    Column("人员编号", Integer, nullable=False, index=True),
    _text("机构编码", 15, index=True),
    _text("内设机构", 60),
    _text("编制类型", 2),
    _text("人员分类", 2),
    _text("岗位类别", 1),
    _text("职务", 60),
    _text("职务级别", 20),
    _text("职级", 20),
    _text("主职", 1),
    _text("任职形式", 4),
    Column("生效日期", Date, nullable=False),
    Column("失效日期", Date),
    _watermark(),
)
PAYS = Table(
    "工资",
    metadata,
    Column("工资编号", Integer, primary_key=True, autoincrement=False),
    Column("人员编号", Integer, nullable=False, index=True),
    _text("发放单位编码", 15),
    _text("发放状态", 1),
    _text("发放月份", 7),
    Column("工资级别", Integer),
    _money("基本工资"),
    _money("津贴补贴"),
    _money("绩效工资"),
    _money("应发合计"),
    _watermark(),
)

_PERSON_VIEW = """
create view 比对_人员 as
select 人员.人员编号, 人员.身份证号, 人员.姓名, 人员.性别, 人员.民族, 人员.出生日期, 人员.政治面貌, 人员.学历,
       人员.学位, 人员.职称, 人员.参加工作时间, 人员.进入时间, 人员.进入形式, 人员.入编时间, 人员.公务员登记,
       人员.人员状态,
       任职.机构编码, 机构.机构全称 as 单位名称, 机构.隶属路径, 机构.经费形式, 任职.内设机构,
       任职.编制类型, 任职.人员分类, 任职.岗位类别, 任职.职务, 任职.职务级别, 任职.职级, 任职.主职, 任职.任职形式,
       任职.生效日期, 任职.失效日期,
       case when 工资.工资编号 is null then null else 机构.机构全称 end as 发放单位,
       工资.发放状态, 工资.发放月份, 工资.工资级别, 工资.基本工资, 工资.应发合计, 人员.更新时间
from 人员
join 任职 on 任职.人员编号 = 人员.人员编号
join 机构 on 机构.机构编码 = 任职.机构编码
left join 工资 on 工资.人员编号 = 人员.人员编号 and 工资.发放单位编码 = 任职.机构编码
"""
_ORGANISATION_VIEW = """
create view 比对_机构 as
select 机构.机构编码, 机构.统一社会信用代码, 机构.机构全称, 机构.规范简称, 机构.曾用名, 机构.隶属路径,
       上级.机构全称 as 上级机构, 机构.机构级别, 机构.机构性质, 机构.机构类别, 机构.经费形式, 机构.批准文号,
       编制.核定编制数, 编制.实有人数, 编制.核定编制数 - 编制.实有人数 as 空编数, 编制.核定领导职数,
       编制.实配领导职数, 编制.编外控制数, 编制.编外实有数, 编制.更新时间
from 机构
join 编制 on 编制.机构编码 = 机构.机构编码
left join 机构 上级 on 上级.机构编码 = 机构.上级机构编码
"""


def create_tables(connection: Connection) -> None:
    """Create all tables and views. The database must not have them yet."""
    metadata.create_all(connection)
    for view in (_PERSON_VIEW, _ORGANISATION_VIEW):
        connection.exec_driver_sql(view)
