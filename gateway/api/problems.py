"""Problem documents (RFC 9457): every error of the product becomes HTTP here, and nowhere else.

`type` is a URN for machines, `title` and `detail` say in Chinese what is wrong and what to do. No document repeats
anything of the request.
"""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from gateway.domain.errors import (
    ConflictError,
    GatewayError,
    InvalidQueryError,
    MismatchedKeyError,
    OverloadedError,
    TooFastError,
    UnprovenError,
    UnreadableError,
)
from gateway.domain.reply import Refused, Wants
from policies.decision import Reason

TITLES = {
    "unreadable": "无法读取请求",
    "unauthorised": "身份未通过验证",
    "refused": "请求已被阻断",
    "document-required": "须先提交凭证",
    "document-overdue": "另有凭证逾期未交",
    "document-in-review": "凭证正在审核",
    "signature-required": "请求须签名",
    "forbidden": "无权办理",
    "step-up-required": "需要再次验证",
    "not-found": "没有此资源",
    "method-not-allowed": "不支持此请求方法",
    "conflict": "请求正在处理",
    "too-large": "请求过大",
    "invalid": "请求内容有误",
    "mismatched-key": "幂等键与请求内容不符",
    "throttled": "请求过于频繁",
    "unavailable": "服务暂不可用",
}
_REFUSALS = {
    Reason.NOT_PERMITTED: "本次查询未获准许。请核对签批单、用途、经办人、时间与网络，或凭事件编号联系机构编制部门",
    Reason.QUOTA: "签批单额度已用尽。请次日再试，或申请调整额度",
    Reason.HELD: "本次查询已被暂存，等待人工核查",
    Reason.FROZEN: "查询权限已冻结，请凭事件编号联系机构编制部门",
    Reason.STALE_DATA: "数据时效超出签批单要求，请待数据更新后再试",
}
_WANTS = {
    Wants.DOCUMENT: (
        "document-required",
        "本次查询须凭依据：请以 incident 为编号提交授权本次查询的凭证（POST /v1/spot-checks/{编号}），"
        "随后再次查询即得答复",
    ),
    Wants.OVERDUE_DOCUMENT: (
        "document-overdue",
        "另有一次查询的凭证逾期未交，其编号为 incident：请先提交该凭证（POST /v1/spot-checks/{编号}），"
        "随后再次查询；此前不答复新的对象",
    ),
    Wants.REVIEW: (
        "document-in-review",
        "本次查询的凭证（编号为 incident）已收到，正由机构编制部门审核：审核通过后再次查询即得答复，无须再次提交",
    ),
    Wants.SIGNATURE: (
        "signature-required",
        "本次请求的来源网络或时段与平常不同：请对请求签名（RFC 9421）后再次查询；"
        "不能签名的，请凭 incident 联系机构编制部门",
    ),
}
DPOP_ALGORITHMS = "ES256 PS256 EdDSA Ed25519"
_RETRY_SECONDS = "1"


class Problem(msgspec.Struct, omit_defaults=True):
    """The document."""

    type: str
    title: str
    status: int
    detail: str
    pointer: str = ""
    reason: str = ""
    incident: str = ""


def problem(
    kind: str, status: int, detail: str, *, pointer: str = "", headers: dict[str, str] | None = None
) -> Response:
    """A problem document as a response."""
    return _response(Problem(f"urn:bidui:problem:{kind}", TITLES[kind], status, detail, pointer), headers)


def unauthorised(nonce: str = "") -> Response:
    """The one answer to everything that is wrong with who asks; only a proof without our nonce is asked for again."""
    asked = {"WWW-Authenticate": f'Bearer, DPoP algs="{DPOP_ALGORITHMS}"'}
    if nonce:
        asked = {"WWW-Authenticate": f'DPoP error="use_dpop_nonce", algs="{DPOP_ALGORITHMS}"', "DPoP-Nonce": nonce}
    return problem("unauthorised", 401, "请使用有效且与客户端证书或 DPoP 密钥绑定的访问令牌", headers=asked)


def unavailable() -> Response:
    """Something here is broken; nothing was told."""
    detail = "本次未返回任何结果，请稍后重试"
    return problem("unavailable", 503, detail, headers={"Retry-After": _RETRY_SECONDS})


def too_large(limit: int) -> Response:
    return problem("too-large", 413, f"请求体不得超过 {limit // 1024} KiB；批量名单请使用文件比对")


def refusal(refused: Refused) -> Response:
    """A refusal: a class of reasons and an incident number. One that a document lifts says so by its type."""
    kind, detail = _WANTS.get(refused.wants) or ("refused", _REFUSALS[refused.reason])
    return _response(
        Problem(
            f"urn:bidui:problem:{kind}",
            TITLES[kind],
            403,
            detail,
            reason=refused.reason,
            incident=refused.incident,
        )
    )


def of_error(error: GatewayError) -> Response:
    """The response to an error of the tree in `gateway.domain.errors`."""
    match error:
        case UnprovenError():
            return unauthorised()
        case UnreadableError():
            return problem("unreadable", 400, str(error))
        case MismatchedKeyError():
            return problem("mismatched-key", 422, str(error), pointer="Idempotency-Key")
        case InvalidQueryError():
            return problem("invalid", 422, str(error), pointer=error.field)
        case ConflictError() | OverloadedError() | TooFastError():
            return _later(error)
        case _:
            return unavailable()


def _later(error: ConflictError | OverloadedError | TooFastError) -> Response:
    """The same request is right, and came too early."""
    if isinstance(error, TooFastError):
        detail = f"请放慢速度，{error.seconds} 秒后以同一 Idempotency-Key 再试"
        return problem("throttled", 429, detail, headers={"Retry-After": str(error.seconds)})
    kind, status = ("conflict", 409) if isinstance(error, ConflictError) else ("unavailable", 503)
    return problem(kind, status, str(error), headers={"Retry-After": _RETRY_SECONDS})


def _response(document: Problem, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(document), document.status, headers, "application/problem+json")
