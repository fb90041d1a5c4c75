"""What people are told when they are not let in. Added to the error handlers of the application."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from gateway.accounts.errors import AccountError, StepUpRequiredError, ThrottledError, WrongDutyError
from gateway.api.problems import problem, unavailable


async def account_problem(_: Request, error: Exception) -> Response:
    """The response to an `AccountError`; of the four, only the first says nothing about why."""
    return of_account_error(error) if isinstance(error, AccountError) else unavailable()


def of_account_error(error: AccountError) -> Response:
    """The same, for a door that answers by itself."""
    match error:
        case WrongDutyError():
            return _problem("forbidden", 403, "此事项不属于您的职责，或请求并非来自本系统页面")
        case StepUpRequiredError():
            return _problem("step-up-required", 403, "请先再次出示动态口令或安全密钥，然后重试")
        case ThrottledError():
            wait = {"Retry-After": str(error.seconds)}
            return _problem("throttled", 429, f"尝试次数过多，请 {error.seconds} 秒后再试", wait)
        case _:
            known_by = {"WWW-Authenticate": 'Bidui-Session realm="office"'}
            return _problem("unauthorised", 401, "账号、口令、验证码不正确，或登录已失效", known_by)


def _problem(kind: str, status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return problem(kind, status, detail, headers={"Cache-Control": "no-store"} | (headers or {}))
