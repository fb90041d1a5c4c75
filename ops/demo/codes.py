"""The code values of the made-up source database: what stands in its columns for a word of the data standard.

Sex, ethnicity, political status and education follow GB/T 2261.1, 3304, 4762 and 4658, which the standard reads by
itself. The others are the source's own, as in any foreign schema: a mapping file must carry them. `SOURCE_CODES` names
each by its column; `code` turns a word into what the source holds.
"""

from collections.abc import Mapping

SEX = {"1": "男", "2": "女"}
ETHNICITY = {"01": "汉族", "02": "蒙古族", "03": "回族", "04": "藏族", "11": "满族", "31": "达斡尔族", "45": "鄂温克族"}
POLITICS = {
    "01": "中共党员", "02": "中共预备党员", "03": "共青团员", "04": "民革党员", "05": "民盟盟员", "06": "民建会员",
    "08": "农工党党员", "10": "九三学社社员", "12": "无党派人士", "13": "群众",
}  # fmt: skip
EDUCATION = {
    "11": "博士研究生", "14": "硕士研究生", "21": "大学本科", "31": "大学专科", "41": "中等专科", "61": "普通高中",
}  # fmt: skip

SOURCE_CODES: Mapping[str, Mapping[str, str]] = {
    "学位": {"B": "博士", "S": "硕士", "X": "学士", "W": "无学位"},
    "人员状态": {
        "ZZ": "在职", "JD": "借调", "TX": "退休", "QS": "去世", "DC": "调出", "CZ": "辞职", "KC": "开除",
    },
    "进入形式": {
        "A1": "公务员考试录用", "A2": "选调生", "A3": "公开遴选", "B1": "公开招聘", "B2": "人才引进", "C1": "调入",
        "C2": "军转安置", "C3": "退役士兵安置", "D1": "大中专分配",
    },
    "编制类型": {
        "XZ": "行政编制", "ZF": "政法专项编制", "SY": "事业编制", "GQ": "工勤编制", "QT": "机关其他编制", "BW": "编外",
    },
    "人员分类": {
        "11": "部门正职领导", "12": "部门副职领导", "21": "内设机构正职领导", "22": "内设机构副职领导", "30": "非领导",
    },
    "岗位类别": {"G": "行政管理", "Z": "专业技术", "Q": "工勤"},
    "发放状态": {"1": "正常发放", "0": "停发", "2": "减发", "8": "未列入统发"},
    "机构性质": {"01": "国家机关", "02": "政党机关", "03": "社会团体", "04": "政法机关", "05": "事业单位"},
    "机构类别": {"10": "组成部门", "20": "直属特设机构", "90": "事业单位", "99": "其他"},
    "经费形式": {"QE": "全额拨款", "CE": "差额补贴", "ZL": "经费自理"},
}  # fmt: skip

_STANDARD = {"性别": SEX, "民族": ETHNICITY, "政治面貌": POLITICS, "学历": EDUCATION}
_BY_WORD = {
    column: {word: code for code, word in codes.items()} for column, codes in (_STANDARD | dict(SOURCE_CODES)).items()
}


def code(column: str, word: str) -> str:
    """What the source holds in this column for a word of the standard."""
    return _BY_WORD[column][word]
