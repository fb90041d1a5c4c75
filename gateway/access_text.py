"""The report of who compared somebody, to be printed: plain text in Chinese, without the number it is about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gateway.access_report import Line, Report
from gateway.domain.grant import SHANGHAI

_KINDS = {"person": "个人", "organisation": "机构"}
_REFUSED = {
    "not_permitted": "未获准许",
    "quota": "额度用尽",
    "held": "暂存待查",
    "frozen": "已冻结",
    "stale_data": "数据时效不符",
}


def as_text(report: Report) -> str:
    """The whole report."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield "查询情况报告"
    yield f"对象：{_KINDS.get(report.kind, report.kind)}（号码见申请材料，本报告不载）"
    yield f"事由：{_plain(report.matter)}"
    yield f"出具：{report.by}，{_local(report.drawn)}；存证账第 {report.entry} 条"
    yield f"范围：存证账第 {report.before} 条之前的全部记录；不含依法保密的记录，不含已依法删除的记录"
    yield f"共 {len(report.lines)} 次比对。比对只答是否一致，不提供登记内容；本报告不载声明值和经办人姓名"
    for number, line in enumerate(report.lines, 1):
        yield ""
        yield from _line(number, line)
    yield ""
    if report.unverified:
        yield f"注意：{len(report.unverified)} 条记录与存证账不符，未列入，请核验存证账"
    if report.archived:
        yield f"另有 {len(report.archived)} 条记录已归档，见归档文件"
    if not report.is_whole:
        yield "注意：记录过多，本报告只列最近的部分"
    yield "（完）"


def _line(number: int, line: Line) -> Iterator[str]:
    yield f"{number}. {_local(line.time)}  {_plain(line.partner_zh)}（系统 {_plain(line.system)}）  第 {line.entry} 条"
    yield f"   用途：{_plain(line.purpose_zh or line.purpose or '未写明')}；依据：{_plain(line.legal_basis or '无')}"
    yield f"   签批单：{_plain(line.grant or '无')}；结果：{line.result_zh}{_why(line)}"
    told = (f"{each.zh}{'：' + each.code_zh if each.code_zh else ''}" for each in line.fields)
    yield f"   字段：{'、'.join(told)}"


def _why(line: Line) -> str:
    return f"（{_REFUSED.get(line.refused, line.refused)}）" if line.refused else ""


def _local(time: str) -> str:
    return datetime.fromisoformat(time).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _plain(text: str) -> str:
    """Nothing that a printer or a terminal would obey."""
    return "".join(each if each.isprintable() else "�" for each in text)
