"""Every door of the office: what it is for, what it reads, what it answers, and how it may say no."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import msgspec

from gateway.api.office.access import AccessBody
from gateway.api.office.bodies import (
    BeginBody,
    FinishBody,
    NewKeyBody,
    OptionsBody,
    PasswordBody,
    SignInBody,
    SignOutBody,
    StepUpBody,
)
from gateway.api.office.custody import PointBody
from gateway.api.office.deed_bodies import DrawBody, NarrowBody, RefusalBody, SignatureBody, StatementBody
from gateway.api.office.people import InvitationBody
from gateway.api.office.policy import ExplainBody, RehearsalBody
from gateway.api.office.spot_checks import JudgeBody
from gateway.api.office.statements import SettleBody
from gateway.api.office.trail_bodies import SearchBody, ViewBody

Body = type[msgspec.Struct]
_OFFICE = "/v1/office/"


class Needs(Enum):
    """What whoever knocks must show."""

    NOTHING = "nothing"
    OUR_SITE = "that it comes from one of our pages or programs"
    SESSION = "a session, and for a change where it comes from"
    DUTY = "the same, of somebody with this duty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One of them, its path as the router has it.

    `answer` is a structure by its name, or empty; `status` is that of a yes. `problems` are those that do not follow
    from what the door needs and reads.
    """

    method: str
    path: str
    name: str
    summary: str
    answer: str = ""
    status: int = 200
    needs: Needs = Needs.SESSION
    body: Body | None = None
    query: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()


class _Named:
    """The doors of one part of the office; what it is called with, a door is made with."""

    def __init__(self, method: str, needs: Needs = Needs.SESSION) -> None:
        self._method, self._needs = method, needs

    def __call__(
        self,
        path: str,
        name: str,
        summary: str,
        answer: str = "",
        *problems: int,
        status: int = 200,
        body: Body | None = None,
        query: tuple[str, ...] = (),
    ) -> Door:
        return Door(
            method=self._method,
            path=_OFFICE + path,
            name=name,
            summary=summary,
            answer=answer,
            status=status,
            needs=self._needs,
            body=body,
            query=query,
            problems=problems,
        )


_get, _post = _Named("GET"), _Named("POST")
_delete = _Named("DELETE")
_get_of_duty, _post_of_duty = _Named("GET", Needs.DUTY), _Named("POST", Needs.DUTY)
_delete_of_duty = _Named("DELETE", Needs.DUTY)
_come, _go = _Named("POST", Needs.OUR_SITE), _Named("GET", Needs.NOTHING)

_ACCOUNTS = (
    _come("sign-in", "sign_in", "登录：口令与第二种验证", "OfficeSession", 401, 429, body=SignInBody),
    _post("step-up", "step_up", "再次出示第二种验证", "OfficeSession", 429, body=StepUpBody),
    _post("sign-out", "sign_out", "退出登录", status=204, body=SignOutBody),
    _get("session", "session", "我的登录", "OfficeSession"),
    _post("password", "password", "修改口令，随后须重新登录", "", 429, status=204, body=PasswordBody),
    _post("recovery-codes", "recovery_codes", "更换恢复码，只显示一次", "OfficeRecoveryCodes", status=201),
    _post("keys/begin", "begin_key", "开始登记另一把签名密钥", "OfficeKeyBegun"),
    _post("keys/finish", "finish_key", "登记签名密钥，待文书列入后生效", "OfficeKey", status=201, body=NewKeyBody),
    _come(
        "webauthn/options", "options", "向安全密钥提出的请求（W3C WebAuthn）", "OfficeOptions", 401, body=OptionsBody
    ),
    _come("enrolment/begin", "begin", "凭激活码开始登记", "OfficeBegun", 401, body=BeginBody),
    _come("enrolment/finish", "finish", "完成登记", "OfficeEnrolled", 401, status=201, body=FinishBody),
)
_OIDC = (
    _go("oidc/login", "oidc_login", "前往统一身份认证登录；未配置时没有此资源", "", 404, status=303),
    _post("oidc/bind", "oidc_bind", "绑定本人的统一身份；未配置时没有此资源", "OfficeAddress", 404),
    _delete("oidc/bind", "oidc_unbind", "解除本人的统一身份；未配置时没有此资源", "", 404, status=204),
    _go("oidc/callback", "oidc_callback", "自统一身份认证返回；未配置时没有此资源", "", 401, 404, 422,
        query=("state", "code", "iss", "error")),
)  # fmt: skip
_PEOPLE = (
    _get_of_duty("people", "people", "在册人员", "OfficePeople"),
    _get_of_duty("people/waiting", "people_waiting", "已登记、待签人员文书的人员", "OfficePeople"),
    _post_of_duty("invitations", "invite", "邀请人员登记，激活码只显示一次", "OfficeInvitation", status=201,
                  body=InvitationBody),
    _delete_of_duty("invitations/{id:str}", "close_account", "撤回邀请，或注销已停用人员的账号", "", 422, status=204),
)  # fmt: skip
_DEEDS = (
    _post("deeds", "draw", "起草文书", "OfficeDeed", status=201, body=DrawBody),
    _get("deeds", "pending", "待签文书", "OfficeDeeds", query=("mine",)),
    _get("deeds/{digest:str}", "deed", "一份待签文书的全文与变更", "OfficeWholeDeed", 404),
    _post("deeds/{digest:str}/narrowing", "narrow", "收窄待签的签批单", "OfficeDeed", status=201, body=NarrowBody),
    _post("deeds/{digest:str}/refusal", "refuse", "退回待签文书", "OfficeDeed", body=RefusalBody),
    _get("deeds/{kind:str}/{id:str}", "history", "一项权利的各版文书", "OfficeHistory", 404),
    _get_of_duty("deeds/{kind:str}/{id:str}/export", "export", "导出已生效文书，供离线核验", "OfficeExport", 404,
                 query=("serial",)),
    _post("statements", "statement", "取得待签署的声明", "OfficeStatement", body=StatementBody),
    _post("signatures", "sign", "签署", "OfficeDeeds", status=201, body=SignatureBody),
)  # fmt: skip
_TASKS = (
    _get("tasks", "tasks", "我的待办", "OfficeTasks"),
    _get("grants/{number:str}", "grant", "签批单各版的状态与责任人", "OfficeGrant", 404),
    _get("grants/{number:str}/renewal", "renewal", "续期草稿", "OfficeDraft", 404, 422, query=("until",)),
    _get("grants/{number:str}/clone", "clone", "以另一编号复制的草稿", "OfficeDraft", 404, 422, query=("number",)),
    _post_of_duty("cohorts/{grant:str}", "file_cohort", "报送名册", "OfficeFiled", 400, 409, 413, 422, status=201),
)  # fmt: skip
_REVIEW = (
    _post_of_duty("explain", "explain", "解释一次可能的查询", "OfficeExplanation", body=ExplainBody),
    _get_of_duty("decisions/{entry:int}/explanation", "recall", "解释存证账中的一次判定", "OfficeRecalled", 404, 422),
    _post_of_duty("rehearsals", "rehearse", "以近日的判定试算规则册草稿", "OfficeRehearsed", 409, body=RehearsalBody),
)

_TRAIL = (
    _post_of_duty("trail/search", "trail_search", "检索存证账；每次检索先记入账中", "OfficeTrail", body=SearchBody),
    _get_of_duty("trail/hours", "trail_hours", "每小时的比对数，按部门与结果", "OfficeTrailHours", 422,
                 query=("from", "to")),
    _get_of_duty("trail/views", "trail_views", "我保存的检索条件", "OfficeTrailViews"),
    _post_of_duty("trail/views", "save_trail_view", "保存检索条件，不含所查的人", "OfficeTrailView", status=201,
                  body=ViewBody),
    _delete_of_duty("trail/views/{id:str}", "drop_trail_view", "删除保存的检索条件", "", 404, status=204),
)  # fmt: skip

_ENTRIES = (
    _get_of_duty("entries/{entry:int}", "entry", "存证账的一条记录，原文；先记入账中", "OfficeEntries", 404, 422),
    _get_of_duty("entries", "entries", "存证账的一段记录，至多 256 条；先记入账中", "OfficeEntries", 404, 422,
                 query=("first", "last")),
)  # fmt: skip

_STATEMENTS = (
    _get_of_duty("statements", "day_statements", "一个月的对账单，按部门；附确认所用的根", "OfficeDayStatements", 422,
                 query=("month", "partner")),
    _get_of_duty("statements/{day:str}/{partner:str}/{system:str}", "day_statement", "一份已签名的对账单",
                 "DayStatement", 404, 422),
    _get_of_duty("disputes", "disputes", "尚未处理的对账异议", "OfficeDisputes"),
    _post_of_duty("disputes/{id:str}/settle", "settle_dispute", "处理对账异议", "OfficeDispute", 404, 409,
                  body=SettleBody),
)  # fmt: skip

_EVIDENCE = (
    _post_of_duty("evidence/{id:str}", "take_evidence", "依生效的导出文书取出证据包（zip）；先记入账中", "", 422),
)

_STATE = (_get_of_duty("log/state", "log_state", "存证账的状态：能否比对，原因与处理", "OfficeLogState"),)

_INCIDENTS = (
    _get_of_duty("incidents", "incidents", "监测发现的事件，新的在前", "OfficeIncidents", query=("partner",)),
    _get_of_duty("incidents/{id:str}", "incident", "一个事件", "OfficeIncident", 404),
    _get("stops", "stops", "监测现在扣留和冻结了什么、如何解除", "OfficeStops"),
)

_CHECKS = (
    _get_of_duty("spot-checks", "office_spot_checks", "凭证抽查，新的在前", "OfficeSpotChecks", 422, query=("state",)),
    _get_of_duty("spot-checks/{number:str}", "office_spot_check", "一项凭证抽查与所提交的凭证", "OfficeSpotCheck", 404),
    _post_of_duty("spot-checks/{number:str}/judge", "judge_spot_check", "审核所提交的凭证；不合格即冻结签批单",
                  "OfficeSpotCheck", 404, 409, body=JudgeBody),
)  # fmt: skip

_CUSTODY = (
    _post_of_duty("points", "point", "删除和保全文书如何称呼一个人", "OfficePoint", body=PointBody),
    _post_of_duty("erasures/{id:str}", "erase", "依生效文书删除一个人的披露项", "OfficeErased", 422),
    _post_of_duty("reveals/{id:str}", "reveal", "依生效文书开示条目的披露项；先记入账中", "OfficeRevealed", 422),
)

_ACCESS = (
    _post_of_duty("access-reports", "access_report", "查询情况报告：谁为何比对过此人；先记入账中", "OfficeAccessReport",
                  body=AccessBody),
    _get_of_duty("sealed-entries", "sealed_entries", "每月涉密用途的比对数，不分人；查看先记入账中", "OfficeSealed"),
)  # fmt: skip

DOORS: tuple[Door, ...] = (
    *_ACCOUNTS,
    *_OIDC,
    *_PEOPLE,
    *_DEEDS,
    *_TASKS,
    *_REVIEW,
    *_TRAIL,
    *_ENTRIES,
    *_STATEMENTS,
    *_ACCESS,
    *_EVIDENCE,
    *_CUSTODY,
    *_STATE,
    *_INCIDENTS,
    *_CHECKS,
)
"""All of them."""
